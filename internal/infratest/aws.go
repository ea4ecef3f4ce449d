package infratest

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// outputs are what a provider adds to a resource's inputs.
type outputs func(name string, inputs resource.PropertyMap) resource.PropertyMap

// arn answers with an ARN and a physical name.
func arn(service string) outputs {
	return func(name string, _ resource.PropertyMap) resource.PropertyMap {
		return properties("arn", fmt.Sprintf("arn:%s:%s:%s:%s:%s", Partition, service, Region, Account, name),
			"name", name+"-1234567")
	}
}

// none answers with nothing beyond inputs and ID.
func none(string, resource.PropertyMap) resource.PropertyMap { return nil }

func fixed(pairs ...string) outputs {
	return func(string, resource.PropertyMap) resource.PropertyMap { return properties(pairs...) }
}

func properties(pairs ...string) resource.PropertyMap {
	all := resource.PropertyMap{}
	for i := 0; i < len(pairs); i += 2 {
		all[resource.PropertyKey(pairs[i])] = resource.NewStringProperty(pairs[i+1])
	}
	return all
}

// computed are the outputs of each type of resource. A type that is missing
// fails the test: its outputs would be empty, and what depends on them would
// pass for right.
var computed = map[string]outputs{
	"aws:appautoscaling/policy:Policy":                          arn("autoscaling"),
	"aws:appautoscaling/scheduledAction:ScheduledAction":        arn("autoscaling"),
	"aws:appautoscaling/target:Target":                          arn("application-autoscaling"),
	"aws:cloudwatch/logGroup:LogGroup":                          arn("logs"),
	"aws:cloudwatch/metricAlarm:MetricAlarm":                    arn("cloudwatch"),
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         none,
	"aws:ec2/internetGateway:InternetGateway":                   none,
	"aws:ec2/route:Route":                                       none,
	"aws:ec2/routeTable:RouteTable":                             none,
	"aws:ec2/routeTableAssociation:RouteTableAssociation":       none,
	"aws:ec2/securityGroup:SecurityGroup":                       arn("ec2"),
	"aws:ec2/subnet:Subnet":                                     none,
	"aws:ec2/vpc:Vpc":                                           none,
	"aws:ec2/vpcEndpoint:VpcEndpoint":                           none,
	"aws:ecs/cluster:Cluster":                                   arn("ecs"),
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": none,
	serviceType:                             service,
	"aws:ecs/taskDefinition:TaskDefinition": taskDefinition,
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider": arn("iam"),
	"aws:iam/role:Role":                                         arn("iam"),
	"aws:iam/rolePolicy:RolePolicy":                             none,
	"aws:lb/listener:Listener":                                  arn("elasticloadbalancing"),
	"aws:lb/loadBalancer:LoadBalancer":                          loadBalancer,
	"aws:lb/targetGroup:TargetGroup":                            targetGroup,
	"aws:sns/topic:Topic":                                       arn("sns"),
	"aws:sns/topicPolicy:TopicPolicy":                           none,
	"aws:sns/topicSubscription:TopicSubscription":               arn("sns"),
	"aws:ssm/parameter:Parameter":                               arn("ssm"),
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   none,
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": none,
	"awsx:ecr:Image":                                            fixed("imageUri", RepositoryURL+"@"+Digest),
	"awsx:ecr:Repository":                                       fixed("url", RepositoryURL),
	"pulumi:providers:aws":                                      none,
}

const (
	// RepositoryURL is that of the ECR repository that awsx makes.
	RepositoryURL = Account + ".dkr.ecr." + Region + ".amazonaws.com/sample-app"
	// Digest is that of the image that awsx builds.
	Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	// DNSName is that of every load balancer.
	DNSName = "sample-app-lb-1234567.elb.amazonaws.com"
	// Revision is that of every task definition.
	Revision = 7
)

func taskDefinition(_ string, inputs resource.PropertyMap) resource.PropertyMap {
	family := inputs["family"].StringValue()
	state := properties("arn", fmt.Sprintf("arn:%s:ecs:%s:%s:task-definition/%s:%d",
		Partition, Region, Account, family, Revision))
	state["revision"] = resource.NewNumberProperty(Revision)
	return state
}

func loadBalancer(name string, inputs resource.PropertyMap) resource.PropertyMap {
	state := arn("elasticloadbalancing")(name, inputs)
	state["dnsName"] = resource.NewStringProperty(DNSName)
	state["arnSuffix"] = resource.NewStringProperty("app/" + name + "-1234567/0123456789abcdef")
	return state
}

func targetGroup(name string, inputs resource.PropertyMap) resource.PropertyMap {
	state := arn("elasticloadbalancing")(name, inputs)
	state["arnSuffix"] = resource.NewStringProperty("targetgroup/" + name + "-1234567/0123456789abcdef")
	return state
}

// Call answers an invoke, as AWS would.
func (m *mocks) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.Calls = append(m.record.Calls, Call{Token: args.Token, Provider: args.Provider})
	switch args.Token {
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		zones := m.options.Zones
		if zones == nil {
			zones = []string{"us-east-1c", "us-east-1a", "us-east-1d", "us-east-1b"}
		}
		return resource.PropertyMap{"names": resource.NewPropertyValue(zones)}, nil
	case "aws:index/getRegion:getRegion":
		return properties("name", Region), nil
	case "aws:index/getPartition:getPartition":
		return properties("partition", Partition), nil
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return properties("accountId", Account), nil
	}
	complaint := "the recorder does not know the invoke " + args.Token + ": add its answer"
	m.complaints = append(m.complaints, complaint)
	return nil, errors.New(complaint)
}
