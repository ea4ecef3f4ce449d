package diff

// kind is what the report knows of a type of resource.
type kind struct {
	// noun is what people call such a resource.
	noun string
	// replaced and deleted complete the sentence "The … would be …: ". Where one is
	// empty, that operation hurts nobody.
	replaced, deleted string
	// price puts what it costs on the bill, free puts nothing there. nil is a price
	// that is not known here, and the report says so.
	price func(*stack, Resource, add)
}

// kinds are the types of resources that people meet, one row for each. A type that
// is missing gets a warning, and its costs are called unknown: nobody has thought
// about it yet. The types that the program makes may not be missing.
var kinds = map[string]kind{
	"aws:lb/loadBalancer:LoadBalancer": {"load balancer", "its DNS name changes, and clients lose it", "its DNS name is gone, and clients lose it", balancerPrice},
	"aws:lb/targetGroup:TargetGroup":   {"target group", "requests fail until tasks are registered in the new one and healthy", "the load balancer has no tasks to send requests to", free},
	"aws:lb/listener:Listener":         {"listener", "connections to its port are refused for a moment", "connections to its port are refused", free},
	"aws:lb/listenerRule:ListenerRule": {"listener rule", "its requests go to the default action for a moment", "its requests go to the default action", free},

	"aws:ecs/service:Service": {"service", "all its tasks are started anew, and its deployments, events and name are lost", "its tasks are stopped", servicePrice},
	"aws:ecs/cluster:Cluster": {"cluster", "every service in it is replaced, and its name changes", "every service in it is stopped", clusterPrice},

	"aws:ec2/vpc:Vpc":                                     {"VPC", "everything in it is replaced, and its addresses change", "everything in it is deleted", free},
	"aws:ec2/subnet:Subnet":                               {"subnet", "what runs in it moves, and its addresses change", "what runs in it has to move", free},
	"aws:ec2/internetGateway:InternetGateway":             {"internet gateway", "the VPC is cut off from the internet in between", "the VPC is cut off from the internet", free},
	"aws:ec2/natGateway:NatGateway":                       {"NAT gateway", "private subnets are cut off from the internet in between, and its address may change", "private subnets are cut off from the internet", fixed("NAT gateway", natHour*hours, "0.045 a GB")},
	"aws:ec2/eip:Eip":                                     {"Elastic IP address", "the address changes, and allow lists that have it no longer fit", "the address is given back, and allow lists that have it no longer fit", fixed("public IPv4 address", addressHour*hours, "")},
	"aws:ec2/routeTable:RouteTable":                       {"route table", "its subnets have no routes in between", "its subnets lose their routes", free},
	"aws:ec2/route:Route":                                 {"route", "what it leads to cannot be reached in between", "what it leads to cannot be reached", free},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {"subnet's route table association", "the subnet has the VPC's main routes in between", "the subnet falls back to the VPC's main routes", free},
	"aws:ec2/vpcEndpoint:VpcEndpoint":                     {"VPC endpoint", "connections through it break", "what it led to is reached over the internet, or no longer", endpointPrice},

	"aws:ec2/securityGroup:SecurityGroup":                       {"security group", "what uses it must change over, and its rules in other groups are lost", "what relied on its rules is cut off", free},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"ingress rule", "the traffic it allows is refused in between", "the traffic it allows is refused", free},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {"egress rule", "the traffic it allows is refused in between", "the traffic it allows is refused", free},

	"aws:iam/role:Role": {"IAM role", "its ARN changes, and policies elsewhere that name it no longer fit", "what assumes it loses its permissions", free},
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider": {"OpenID Connect provider", "nobody can sign in through it in between", "nobody can sign in through it: deployments from CI stop", free},

	"aws:cloudwatch/logGroup:LogGroup":             {"log group", "the logs in it are lost", "the logs in it are lost", fixed("logs", 0, "0.50 a GB written")},
	"aws:ecr/repository:Repository":                {"ECR repository", "the images in it are lost, and its URL may change", "the images in it are lost", fixed("images", 0, "0.10 a GB kept")},
	"aws:s3/bucket:Bucket":                         {"bucket", "the objects in it are lost", "the objects in it are lost", nil},
	"aws:s3/bucketV2:BucketV2":                     {"bucket", "the objects in it are lost", "the objects in it are lost", nil},
	"aws:rds/instance:Instance":                    {"database", "the data in it is lost", "the data in it is lost", nil},
	"aws:rds/cluster:Cluster":                      {"database cluster", "the data in it is lost", "the data in it is lost", nil},
	"aws:dynamodb/table:Table":                     {"table", "the data in it is lost", "the data in it is lost", nil},
	"aws:efs/fileSystem:FileSystem":                {"file system", "the files in it are lost", "the files in it are lost", nil},
	"aws:secretsmanager/secret:Secret":             {"secret", "its value is lost, and its ARN changes", "its value is lost", fixed("secret", secretMonth, "")},
	"aws:ssm/parameter:Parameter":                  {"parameter", "readers miss it in between", "its value is lost", parameterPrice},
	"aws:kms/key:Key":                              {"KMS key", "what it encrypted can no longer be read once it is deleted", "what it encrypted can no longer be read", fixed("KMS key", keyMonth, "")},
	"aws:sns/topic:Topic":                          {"SNS topic", "its subscriptions are lost, and e-mail addresses must confirm anew", "its subscriptions are lost, and nobody is told any more", fixed("notifications", 0, "0.02 a thousand e-mails")},
	"aws:sns/topicSubscription:TopicSubscription":  {"SNS subscription", "an e-mail address must confirm anew", "its receiver is told nothing any more", free},
	"aws:route53/record:Record":                    {"DNS record", "the name does not resolve in between", "the name no longer resolves", free},
	"aws:acm/certificate:Certificate":              {"certificate", "listeners must change over to the new one once it is valid", "listeners that use it refuse connections", nil},
	"aws:cloudwatch/metricAlarm:MetricAlarm":       {"alarm", "", "nobody is told any more of what it watches", alarmPrice},
	"aws:cloudwatch/compositeAlarm:CompositeAlarm": {"alarm", "", "nobody is told any more of what it watches", fixed("composite alarm", compositeAlarmMonth, "")},
	"aws:appautoscaling/target:Target":             {"autoscaling target", "", "the service no longer scales, and keeps the number of tasks it has", free}, // Its range is in the service's line.
	"pulumi:providers:aws":                         {"AWS provider", "every resource may be made anew, in another region or account", "", free},

	// These can come and go: they hold nothing, and what serves traffic goes on without
	// them.
	"aws:appautoscaling/policy:Policy":                          {noun: "scaling policy", price: free},
	"aws:appautoscaling/scheduledAction:ScheduledAction":        {noun: "scheduled scaling action", price: free},
	"aws:cloudwatch/dashboard:Dashboard":                        {noun: "dashboard", price: nil},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         {noun: "default security group", price: free}, // Nothing is in it, and AWS never deletes it.
	"aws:ecr/lifecyclePolicy:LifecyclePolicy":                   {noun: "lifecycle policy", price: free},
	"aws:ecr/repositoryPolicy:RepositoryPolicy":                 {noun: "repository policy", price: free},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {noun: "capacity providers", price: free}, // AWS refuses while a service uses them.
	"aws:ecs/taskDefinition:TaskDefinition":                     {noun: "task definition", price: free},    // Each deployment replaces it. Its size is in the service's line.
	"aws:iam/policy:Policy":                                     {noun: "IAM policy", price: free},
	"aws:iam/rolePolicy:RolePolicy":                             {noun: "role policy", price: free},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":         {noun: "role policy attachment", price: free},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":    {noun: "public access block", price: free},
	"aws:sns/topicPolicy:TopicPolicy":                           {noun: "topic policy", price: free},
	"awsx:ecr:Image":                                            {noun: "image", price: free},
	"docker-build:index:Image":                                  {noun: "image", price: free},
}
