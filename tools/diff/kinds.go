package diff

// kind is what the report knows of a type of resource.
type kind struct {
	// noun is what people call such a resource.
	noun string
	// replaced and deleted complete the sentence "The … would be …: ". Where one is
	// empty, that operation hurts nobody.
	replaced, deleted string
	// beside says what a replacement does that puts the new one beside the old, which
	// hurts nobody and is worth a note.
	beside string
	// price puts what it costs on the bill, free puts nothing there. nil is a price
	// that is not known here, and the report says so.
	price func(*stack, Resource, add)
}

// kinds are the types of resources that people meet, one row for each. A type that
// is missing gets a warning, and its costs are called unknown: nobody has thought
// about it yet. The types that the program makes may not be missing.
var kinds = map[string]kind{
	"aws:lb/loadBalancer:LoadBalancer": {noun: "load balancer", replaced: "its DNS name changes, and clients lose it", deleted: "its DNS name is gone, and clients lose it", price: balancerPrice},
	"aws:lb/targetGroup:TargetGroup":   {noun: "target group", deleted: "the load balancer has no tasks to send requests to", price: free},
	"aws:lb/listener:Listener":         {noun: "listener", replaced: "connections to its port are refused for a moment", deleted: "connections to its port are refused", price: free},
	"aws:lb/listenerRule:ListenerRule": {noun: "listener rule", deleted: "its requests go to the default action", price: free}, // The new one comes first.

	"aws:ecs/service:Service": {noun: "service", beside: "requests move when the new tasks are healthy, and until then both run and are paid for", deleted: "its tasks are stopped", price: servicePrice},
	"aws:ecs/cluster:Cluster": {noun: "cluster", replaced: "every service in it is replaced, and its name changes", deleted: "every service in it is stopped", price: clusterPrice},

	"aws:ec2/vpc:Vpc":                                     {noun: "VPC", replaced: "everything in it is replaced, and its addresses change", deleted: "everything in it is deleted", price: free},
	"aws:ec2/subnet:Subnet":                               {noun: "subnet", replaced: "what runs in it moves, and its addresses change", deleted: "the load balancer leaves its zone first, and tasks there get no requests until ECS has moved them", price: free},
	"aws:ec2/internetGateway:InternetGateway":             {noun: "internet gateway", replaced: "the VPC is cut off from the internet in between", deleted: "the VPC is cut off from the internet", price: free},
	"aws:ec2/natGateway:NatGateway":                       {noun: "NAT gateway", replaced: "private subnets are cut off from the internet in between, and its address may change", deleted: "what still leads to it is cut off from the internet, and connections through it break", price: fixed("NAT gateway", natHour*hours, "0.045 a GB")},
	"aws:ec2/eip:Eip":                                     {noun: "Elastic IP address", replaced: "the address changes, and allow lists that have it no longer fit", deleted: "the address is given back, and allow lists that have it no longer fit", price: fixed("public IPv4 address", addressHour*hours, "")},
	"aws:ec2/routeTable:RouteTable":                       {noun: "route table", replaced: "its subnets have no routes in between", deleted: "its subnets lose their routes", price: free},
	"aws:ec2/route:Route":                                 {noun: "route", replaced: "what it leads to cannot be reached in between", deleted: "what it leads to cannot be reached", price: free},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {noun: "subnet's route table association", replaced: "the subnet has the VPC's main routes in between", deleted: "the subnet falls back to the VPC's main routes", price: free},
	"aws:ec2/vpcEndpoint:VpcEndpoint":                     {noun: "VPC endpoint", replaced: "connections through it break", deleted: "what it led to is reached over the internet, or no longer", price: endpointPrice},

	"aws:ec2/securityGroup:SecurityGroup":                       {noun: "security group", replaced: "what uses it must change over, and its rules in other groups are lost", deleted: "what relied on its rules is cut off", price: free},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {noun: "ingress rule", replaced: "the traffic it allows is refused in between", deleted: "the traffic it allows is refused", price: free},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {noun: "egress rule", replaced: "the traffic it allows is refused in between", deleted: "the traffic it allows is refused", price: free},

	"aws:iam/role:Role": {noun: "IAM role", replaced: "its ARN changes, and policies elsewhere that name it no longer fit", deleted: "what assumes it loses its permissions", price: free},
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider": {noun: "OpenID Connect provider", replaced: "nobody can sign in through it in between", deleted: "nobody can sign in through it: deployments from CI stop", price: free},

	"aws:cloudwatch/logGroup:LogGroup":             {noun: "log group", replaced: "the logs in it are lost", deleted: "the logs in it are lost", price: fixed("logs", 0, "0.50 a GB written")},
	"aws:ecr/repository:Repository":                {noun: "ECR repository", replaced: "the images in it are lost, and its URL may change", deleted: "the images in it are lost", price: fixed("images", 0, "0.10 a GB kept")},
	"aws:s3/bucket:Bucket":                         {noun: "bucket", replaced: "the objects in it are lost", deleted: "the objects in it are lost", price: nil},
	"aws:s3/bucketV2:BucketV2":                     {noun: "bucket", replaced: "the objects in it are lost", deleted: "the objects in it are lost", price: fixed("access logs", 0, "0.023 a GB kept")},
	"aws:rds/instance:Instance":                    {noun: "database", replaced: "the data in it is lost", deleted: "the data in it is lost", price: nil},
	"aws:rds/cluster:Cluster":                      {noun: "database cluster", replaced: "the data in it is lost", deleted: "the data in it is lost", price: nil},
	"aws:dynamodb/table:Table":                     {noun: "table", replaced: "the data in it is lost", deleted: "the data in it is lost", price: nil},
	"aws:efs/fileSystem:FileSystem":                {noun: "file system", replaced: "the files in it are lost", deleted: "the files in it are lost", price: nil},
	"aws:secretsmanager/secret:Secret":             {noun: "secret", replaced: "its value is lost, and its ARN changes", deleted: "its value is lost", price: fixed("secret", secretMonth, "")},
	"aws:ssm/parameter:Parameter":                  {noun: "parameter", replaced: "readers miss it in between", deleted: "its value is lost", price: parameterPrice},
	"aws:kms/key:Key":                              {noun: "KMS key", replaced: "what it encrypted can no longer be read once it is deleted", deleted: "what it encrypted can no longer be read", price: fixed("KMS key", keyMonth, "")},
	"aws:sns/topic:Topic":                          {noun: "SNS topic", replaced: "its subscriptions are lost, and e-mail addresses must confirm anew", deleted: "its subscriptions are lost, and nobody is told any more", price: fixed("notifications", 0, "0.02 a thousand e-mails")},
	"aws:sns/topicSubscription:TopicSubscription":  {noun: "SNS subscription", replaced: "an e-mail address must confirm anew", deleted: "its receiver is told nothing any more", price: free},
	"aws:route53/record:Record":                    {noun: "DNS record", replaced: "the name does not resolve in between", deleted: "the name no longer resolves", price: free},
	"aws:acm/certificate:Certificate":              {noun: "certificate", replaced: "listeners must change over to the new one once it is valid", deleted: "listeners that use it refuse connections", price: free},
	"aws:wafv2/webAcl:WebAcl":                      {noun: "web ACL", replaced: "requests pass unfiltered in between", deleted: "requests are no longer filtered", price: webACLPrice},
	"aws:cloudwatch/metricAlarm:MetricAlarm":       {noun: "alarm", replaced: "", deleted: "nobody is told any more of what it watches", price: alarmPrice},
	"aws:cloudwatch/compositeAlarm:CompositeAlarm": {noun: "alarm", replaced: "", deleted: "nobody is told any more of what it watches", price: fixed("composite alarm", compositeAlarmMonth, "")},
	"aws:appautoscaling/target:Target":             {noun: "autoscaling target", replaced: "", deleted: "the service no longer scales, and keeps the number of tasks it has", price: free}, // Its range is in the service's line.
	"pulumi:providers:aws":                         {noun: "AWS provider", replaced: "every resource may be made anew, in another region or account", deleted: "", price: free},

	// These can come and go: they hold nothing, and what serves traffic goes on without
	// them.
	"aws:appautoscaling/policy:Policy":                                                           {noun: "scaling policy", price: scalingPolicyPrice},
	"aws:appautoscaling/scheduledAction:ScheduledAction":                                         {noun: "scheduled scaling action", price: free},
	"aws:cloudwatch/eventRule:EventRule":                                                         {noun: "event rule", price: free},
	"aws:cloudwatch/eventTarget:EventTarget":                                                     {noun: "event rule's target", price: free},
	"aws:ec2/flowLog:FlowLog":                                                                    {noun: "flow log", price: fixed("flow logs", 0, "0.50 a GB written")},
	"aws:cloudwatch/dashboard:Dashboard":                                                         {noun: "dashboard", price: nil},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":                                          {noun: "default security group", price: free}, // Nothing is in it, and AWS never deletes it.
	"aws:ecr/lifecyclePolicy:LifecyclePolicy":                                                    {noun: "lifecycle policy", price: free},
	"aws:ecr/repositoryPolicy:RepositoryPolicy":                                                  {noun: "repository policy", price: free},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders":                                  {noun: "capacity providers", price: free}, // AWS refuses while a service uses them.
	"aws:ecs/taskDefinition:TaskDefinition":                                                      {noun: "task definition", price: free},    // Each deployment replaces it. Its size is in the service's line.
	"aws:iam/policy:Policy":                                                                      {noun: "IAM policy", price: free},
	"aws:iam/rolePolicy:RolePolicy":                                                              {noun: "role policy", price: free},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":                                          {noun: "role policy attachment", price: free},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":                                     {noun: "public access block", price: free},
	"aws:acm/certificateValidation:CertificateValidation":                                        {noun: "certificate's validation", price: free},
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2":                       {noun: "lifecycle of objects", price: free},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":                                     {noun: "ownership of objects", price: free},
	"aws:s3/bucketPolicy:BucketPolicy":                                                           {noun: "bucket policy", price: free},
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {noun: "encryption of objects", price: free},
	"aws:sns/topicPolicy:TopicPolicy":                                                            {noun: "topic policy", price: free},
	"awsx:ecr:Image":                                                                             {noun: "image", price: free},
	"docker-build:index:Image":                                                                   {noun: "image", price: free},
	"aws:wafv2/webAclAssociation:WebAclAssociation":                                              {noun: "web ACL association", replaced: "requests pass unfiltered in between", deleted: "requests are no longer filtered", price: free},
	"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration":                            {noun: "web ACL's logging", price: free},
}
