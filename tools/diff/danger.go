package diff

import (
	"cmp"
	"slices"
	"strings"
)

// Warning is a replacement or deletion that hurts.
type Warning struct {
	Change
	// Noun is what people call such a resource.
	Noun string
	// Harm is what happens, in words.
	Harm string
}

// hazard says what is lost with a kind of resource.
type hazard struct {
	noun string
	// replaced and deleted complete the sentence "The … would be …: ". Where one is
	// empty, that operation hurts nobody.
	replaced, deleted string
}

// hazards are the types that hold state or serve traffic. A type that is in no
// table of this file gets a warning too: nobody has thought about it yet.
var hazards = map[string]hazard{
	"aws:lb/loadBalancer:LoadBalancer": {"load balancer", "its DNS name changes, and clients lose it", "its DNS name is gone, and clients lose it"},
	"aws:lb/targetGroup:TargetGroup":   {"target group", "requests fail until tasks are registered in the new one and healthy", "the load balancer has no tasks to send requests to"},
	"aws:lb/listener:Listener":         {"listener", "connections to its port are refused for a moment", "connections to its port are refused"},
	"aws:lb/listenerRule:ListenerRule": {"listener rule", "its requests go to the default action for a moment", "its requests go to the default action"},

	"aws:ecs/service:Service": {"service", "all its tasks are started anew, and its deployments, events and name are lost", "its tasks are stopped"},
	"aws:ecs/cluster:Cluster": {"cluster", "every service in it is replaced, and its name changes", "every service in it is stopped"},

	"aws:ec2/vpc:Vpc":                                     {"VPC", "everything in it is replaced, and its addresses change", "everything in it is deleted"},
	"aws:ec2/subnet:Subnet":                               {"subnet", "what runs in it moves, and its addresses change", "what runs in it has to move"},
	"aws:ec2/internetGateway:InternetGateway":             {"internet gateway", "the VPC is cut off from the internet in between", "the VPC is cut off from the internet"},
	"aws:ec2/natGateway:NatGateway":                       {"NAT gateway", "private subnets are cut off from the internet in between, and its address may change", "private subnets are cut off from the internet"},
	"aws:ec2/eip:Eip":                                     {"Elastic IP address", "the address changes, and allow lists that have it no longer fit", "the address is given back, and allow lists that have it no longer fit"},
	"aws:ec2/routeTable:RouteTable":                       {"route table", "its subnets have no routes in between", "its subnets lose their routes"},
	"aws:ec2/route:Route":                                 {"route", "what it leads to cannot be reached in between", "what it leads to cannot be reached"},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {"subnet's route table association", "the subnet has the VPC's main routes in between", "the subnet falls back to the VPC's main routes"},
	"aws:ec2/vpcEndpoint:VpcEndpoint":                     {"VPC endpoint", "connections through it break", "what it led to is reached over the internet, or no longer"},

	"aws:ec2/securityGroup:SecurityGroup":                       {"security group", "what uses it must change over, and its rules in other groups are lost", "what relied on its rules is cut off"},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"ingress rule", "the traffic it allows is refused in between", "the traffic it allows is refused"},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {"egress rule", "the traffic it allows is refused in between", "the traffic it allows is refused"},

	"aws:iam/role:Role": {"IAM role", "its ARN changes, and policies elsewhere that name it no longer fit", "what assumes it loses its permissions"},
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider": {"OpenID Connect provider", "nobody can sign in through it in between", "nobody can sign in through it: deployments from CI stop"},

	"aws:cloudwatch/logGroup:LogGroup":             {"log group", "the logs in it are lost", "the logs in it are lost"},
	"aws:ecr/repository:Repository":                {"ECR repository", "the images in it are lost, and its URL may change", "the images in it are lost"},
	"aws:s3/bucket:Bucket":                         {"bucket", "the objects in it are lost", "the objects in it are lost"},
	"aws:s3/bucketV2:BucketV2":                     {"bucket", "the objects in it are lost", "the objects in it are lost"},
	"aws:rds/instance:Instance":                    {"database", "the data in it is lost", "the data in it is lost"},
	"aws:rds/cluster:Cluster":                      {"database cluster", "the data in it is lost", "the data in it is lost"},
	"aws:dynamodb/table:Table":                     {"table", "the data in it is lost", "the data in it is lost"},
	"aws:efs/fileSystem:FileSystem":                {"file system", "the files in it are lost", "the files in it are lost"},
	"aws:secretsmanager/secret:Secret":             {"secret", "its value is lost, and its ARN changes", "its value is lost"},
	"aws:ssm/parameter:Parameter":                  {"parameter", "readers miss it in between", "its value is lost"},
	"aws:kms/key:Key":                              {"KMS key", "what it encrypted can no longer be read once it is deleted", "what it encrypted can no longer be read"},
	"aws:sns/topic:Topic":                          {"SNS topic", "its subscriptions are lost, and e-mail addresses must confirm anew", "its subscriptions are lost, and nobody is told any more"},
	"aws:sns/topicSubscription:TopicSubscription":  {"SNS subscription", "an e-mail address must confirm anew", "its receiver is told nothing any more"},
	"aws:route53/record:Record":                    {"DNS record", "the name does not resolve in between", "the name no longer resolves"},
	"aws:acm/certificate:Certificate":              {"certificate", "listeners must change over to the new one once it is valid", "listeners that use it refuse connections"},
	"aws:cloudwatch/metricAlarm:MetricAlarm":       {noun: "alarm", deleted: "nobody is told any more of what it watches"},
	"aws:cloudwatch/compositeAlarm:CompositeAlarm": {noun: "alarm", deleted: "nobody is told any more of what it watches"},
	"aws:appautoscaling/target:Target":             {noun: "autoscaling target", deleted: "the service no longer scales, and keeps the number of tasks it has"},
	"pulumi:providers:aws":                         {noun: "AWS provider", replaced: "every resource may be made anew, in another region or account"},
}

// harmless are the types that can come and go: they hold nothing, and what serves
// traffic goes on without them.
var harmless = map[string]bool{
	"aws:appautoscaling/policy:Policy":                          true,
	"aws:appautoscaling/scheduledAction:ScheduledAction":        true,
	"aws:cloudwatch/dashboard:Dashboard":                        true,
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         true, // Nothing is in it, and AWS never deletes it.
	"aws:ecr/lifecyclePolicy:LifecyclePolicy":                   true,
	"aws:ecr/repositoryPolicy:RepositoryPolicy":                 true,
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": true, // AWS refuses while a service uses them.
	"aws:ecs/taskDefinition:TaskDefinition":                     true, // Each deployment replaces it.
	"aws:iam/policy:Policy":                                     true,
	"aws:iam/rolePolicy:RolePolicy":                             true,
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":         true,
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":    true,
	"aws:sns/topicPolicy:TopicPolicy":                           true,
	"awsx:ecr:Image":                                            true,
	"docker-build:index:Image":                                  true,
}

// Warnings are the changes that hurt. Those that were asked for come before those
// that only follow from them.
func (p *Preview) Warnings() []Warning {
	var found []Warning
	for _, c := range p.Changes {
		if c.Op != Replace && c.Op != Delete {
			continue
		}
		if noun, harm := judge(c); harm != "" {
			found = append(found, Warning{Change: c, Noun: noun, Harm: harm})
		}
	}
	slices.SortStableFunc(found, func(a, b Warning) int { return cmp.Compare(a.cause(), b.cause()) })
	return found
}

// cause ranks a change: 0 where a value in the program differs, 1 where all that
// forces the replacement is what another resource will get.
func (c Change) cause() int {
	for _, p := range c.Properties {
		if p.Replaces && p.To != Later {
			return 0
		}
	}
	if c.Op == Delete {
		return 0
	}
	return 1
}

// judge says what a replacement or deletion does, nothing where it is harmless.
func judge(c Change) (noun, harm string) {
	if h, ok := hazards[c.Type]; ok {
		if c.Op == Replace {
			return h.noun, h.replaced
		}
		return h.noun, h.deleted
	}
	if harmless[c.Type] || c.component() {
		return "", ""
	}
	return "resource", "what is lost with it is not known here, so judge it yourself"
}

// component tells what exists in Pulumi only from what exists in AWS. The types of
// components have no package of a provider in front.
func (r Resource) component() bool {
	return !r.custom && !strings.HasPrefix(r.Type, "pulumi:")
}
