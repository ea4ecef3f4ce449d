// Package account looks into an AWS account, the way somebody with the AWS CLI
// would: what is there, and what was not there before.
package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// Region is the region of every emulated account.
const Region = "us-east-1"

// App is in the user agent of each request of At's accounts, as app/App, and tells
// them from those of the program and of the provider.
const App = "e2e-account"

// Account is an AWS account, by the APIs that the program's resources live in.
type Account struct {
	EC2          *ec2.Client
	ELB          *elb.Client
	ECS          *ecs.Client
	IAM          *iam.Client
	Logs         *cloudwatchlogs.Client
	Alarms       *cloudwatch.Client
	Scaling      *applicationautoscaling.Client
	SNS          *sns.Client
	Events       *eventbridge.Client
	SSM          *ssm.Client
	S3           *s3.Client
	DNS          *route53.Client
	Certificates *acm.Client
	WAF          *wafv2.Client
	Tagging      *resourcegroupstaggingapi.Client
}

// At returns the account that an emulator holds.
func At(url string) *Account { return As(url, App) }

// As returns the account that an emulator holds, as it is to another app.
func As(url, app string) *Account {
	config := aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(url),
		AppID:        app,
		// The emulator takes any. A fixed pair keeps a developer's own profile out.
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
	return Of(config)
}

// Of returns the account that a configuration of the AWS SDK leads to.
func Of(config aws.Config) *Account {
	return &Account{
		EC2:          ec2.NewFromConfig(config),
		ELB:          elb.NewFromConfig(config),
		ECS:          ecs.NewFromConfig(config),
		IAM:          iam.NewFromConfig(config),
		Logs:         cloudwatchlogs.NewFromConfig(config),
		Alarms:       cloudwatch.NewFromConfig(config),
		Scaling:      applicationautoscaling.NewFromConfig(config),
		SNS:          sns.NewFromConfig(config),
		Events:       eventbridge.NewFromConfig(config),
		SSM:          ssm.NewFromConfig(config),
		S3:           s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		DNS:          route53.NewFromConfig(config),
		Certificates: acm.NewFromConfig(config),
		WAF:          wafv2.NewFromConfig(config),
		Tagging:      resourcegroupstaggingapi.NewFromConfig(config),
	}
}

// Kinds of things that the program creates, as Inventory names them.
const (
	VPCs             = "VPCs"
	Subnets          = "subnets"
	SecurityGroups   = "security groups"
	GroupRules       = "security group rules"
	InternetGateways = "internet gateways"
	RouteTables      = "route tables"
	Endpoints        = "VPC endpoints"
	NATGateways      = "NAT gateways"
	Addresses        = "Elastic IP addresses"
	FlowLogs         = "flow logs"
	Interfaces       = "network interfaces"
	LoadBalancers    = "load balancers"
	Listeners        = "listeners"
	ListenerRules    = "listener rules"
	EventRules       = "event rules"
	TargetGroups     = "target groups"
	Clusters         = "ECS clusters"
	Services         = "ECS services"
	TaskDefinitions  = "task definitions"
	Roles            = "IAM roles"
	RolePolicies     = "IAM role policies"
	LogGroups        = "log groups"
	Alarms           = "CloudWatch alarms"
	Topics           = "SNS topics"
	Subscriptions    = "SNS subscriptions"
	ScalableTargets  = "scalable targets"
	ScalingPolicies  = "scaling policies"
	ScheduledActions = "scheduled scaling actions"
	Parameters       = "SSM parameters"
	Certificates     = "certificates"
	Records          = "DNS records"
	Buckets          = "buckets"
	WebACLs          = "web ACLs"
)

// part is the kind of what is listed with something else, and can't be left behind
// alone.
const part = ""

// kinds are the kinds of the types of resources that the program makes, by which a
// test finds what a destroy leaves behind.
var kinds = map[string]string{
	"aws:acm/certificate:Certificate":                                      Certificates,
	"aws:acm/certificateValidation:CertificateValidation":                  part, // of its certificate
	"aws:appautoscaling/policy:Policy":                                     ScalingPolicies,
	"aws:appautoscaling/scheduledAction:ScheduledAction":                   ScheduledActions,
	"aws:appautoscaling/target:Target":                                     ScalableTargets,
	"aws:cloudwatch/eventRule:EventRule":                                   EventRules,
	"aws:cloudwatch/eventTarget:EventTarget":                               part, // of its rule
	"aws:cloudwatch/logGroup:LogGroup":                                     LogGroups,
	"aws:cloudwatch/metricAlarm:MetricAlarm":                               Alarms,
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":                    part, // of its VPC
	"aws:ec2/eip:Eip":                                                      Addresses,
	"aws:ec2/flowLog:FlowLog":                                              FlowLogs,
	"aws:ec2/internetGateway:InternetGateway":                              InternetGateways,
	"aws:ec2/natGateway:NatGateway":                                        NATGateways,
	"aws:ec2/route:Route":                                                  part, // of its table
	"aws:ec2/routeTable:RouteTable":                                        RouteTables,
	"aws:ec2/routeTableAssociation:RouteTableAssociation":                  part, // of its table
	"aws:ec2/securityGroup:SecurityGroup":                                  SecurityGroups,
	"aws:ec2/subnet:Subnet":                                                Subnets,
	"aws:ec2/vpc:Vpc":                                                      VPCs,
	"aws:ec2/vpcEndpoint:VpcEndpoint":                                      Endpoints,
	"aws:ecs/cluster:Cluster":                                              Clusters,
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders":            part, // of its cluster
	"aws:ecs/service:Service":                                              Services,
	"aws:ecs/taskDefinition:TaskDefinition":                                TaskDefinitions,
	"aws:iam/role:Role":                                                    Roles,
	"aws:iam/rolePolicy:RolePolicy":                                        RolePolicies,
	"aws:lb/listener:Listener":                                             Listeners,
	"aws:lb/listenerRule:ListenerRule":                                     ListenerRules,
	"aws:lb/loadBalancer:LoadBalancer":                                     LoadBalancers,
	"aws:lb/targetGroup:TargetGroup":                                       TargetGroups,
	"aws:route53/record:Record":                                            Records,
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": part, // of its bucket
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":               part, // of its bucket
	"aws:s3/bucketPolicy:BucketPolicy":                                     part, // of its bucket
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":               part, // of its bucket
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": part, // of its bucket
	"aws:s3/bucketV2:BucketV2":                                        Buckets,
	"aws:sns/topic:Topic":                                             Topics,
	"aws:sns/topicPolicy:TopicPolicy":                                 part, // of its topic
	"aws:sns/topicSubscription:TopicSubscription":                     Subscriptions,
	"aws:ssm/parameter:Parameter":                                     Parameters,
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":         GroupRules,
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":       GroupRules,
	"aws:wafv2/webAcl:WebAcl":                                         WebACLs,
	"aws:wafv2/webAclAssociation:WebAclAssociation":                   part, // of its load balancer
	"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": part, // of its web ACL
}

// Inventory is the identifiers of what an account holds, sorted, by kind. A kind
// without anything is not in it.
type Inventory map[string][]string

// Without returns what is not in an earlier inventory.
func (i Inventory) Without(earlier Inventory) Inventory {
	left := Inventory{}
	for kind, ids := range i {
		for _, id := range ids {
			if !slices.Contains(earlier[kind], id) {
				left[kind] = append(left[kind], id)
			}
		}
	}
	return left
}

// Counts is how many there are of each kind.
func (i Inventory) Counts() map[string]int {
	counts := map[string]int{}
	for kind, ids := range i {
		counts[kind] = len(ids)
	}
	return counts
}

// listings ask for one kind each. An account that was made for one test holds far
// fewer of anything than one page of an answer. One listing uses another, which an
// initializer can't.
var listings map[string]func(context.Context, *Account) ([]string, error)

func init() { //nolint:funlen,gocyclo // two dozen short listings
	listings = map[string]func(context.Context, *Account) ([]string, error){
		VPCs: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
			return ids(out, err, func(o *ec2.DescribeVpcsOutput) (ids []string) {
				for _, v := range o.Vpcs {
					ids = append(ids, *v.VpcId)
				}
				return ids
			})
		},
		Subnets: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
			return ids(out, err, func(o *ec2.DescribeSubnetsOutput) (ids []string) {
				for _, s := range o.Subnets {
					ids = append(ids, *s.SubnetId)
				}
				return ids
			})
		},
		SecurityGroups: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
			return ids(out, err, func(o *ec2.DescribeSecurityGroupsOutput) (ids []string) {
				for _, g := range o.SecurityGroups {
					if *g.GroupName != "default" { // Comes and goes with its VPC.
						ids = append(ids, *g.GroupId)
					}
				}
				return ids
			})
		},
		GroupRules: func(ctx context.Context, a *Account) ([]string, error) {
			groups, err := a.List(ctx, SecurityGroups)
			if err != nil || len(groups) == 0 {
				return nil, err
			}
			out, err := a.EC2.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
				Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: groups}},
			})
			return ids(out, err, func(o *ec2.DescribeSecurityGroupRulesOutput) (ids []string) {
				for _, r := range o.SecurityGroupRules {
					ids = append(ids, *r.SecurityGroupRuleId)
				}
				return ids
			})
		},
		InternetGateways: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{})
			return ids(out, err, func(o *ec2.DescribeInternetGatewaysOutput) (ids []string) {
				for _, g := range o.InternetGateways {
					ids = append(ids, *g.InternetGatewayId)
				}
				return ids
			})
		},
		RouteTables: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{})
			return ids(out, err, func(o *ec2.DescribeRouteTablesOutput) (ids []string) {
				for _, t := range o.RouteTables {
					if !isMain(t) {
						ids = append(ids, *t.RouteTableId)
					}
				}
				return ids
			})
		},
		Endpoints: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{})
			return ids(out, err, func(o *ec2.DescribeVpcEndpointsOutput) (ids []string) {
				for _, e := range o.VpcEndpoints {
					if e.State != "deleted" { // It stays listed for a while, here as in AWS.
						ids = append(ids, *e.VpcEndpointId)
					}
				}
				return ids
			})
		},
		NATGateways: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{})
			return ids(out, err, func(o *ec2.DescribeNatGatewaysOutput) (ids []string) {
				for _, g := range o.NatGateways {
					if g.State != ec2types.NatGatewayStateDeleted { // It stays listed for an hour.
						ids = append(ids, *g.NatGatewayId)
					}
				}
				return ids
			})
		},
		Addresses: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
			return ids(out, err, func(o *ec2.DescribeAddressesOutput) (ids []string) {
				for _, address := range o.Addresses {
					ids = append(ids, *address.AllocationId)
				}
				return ids
			})
		},
		FlowLogs: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{})
			return ids(out, err, func(o *ec2.DescribeFlowLogsOutput) (ids []string) {
				for _, l := range o.FlowLogs {
					ids = append(ids, *l.FlowLogId)
				}
				return ids
			})
		},
		Interfaces: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.EC2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{})
			return ids(out, err, func(o *ec2.DescribeNetworkInterfacesOutput) (ids []string) {
				for _, n := range o.NetworkInterfaces {
					ids = append(ids, *n.NetworkInterfaceId)
				}
				return ids
			})
		},
		LoadBalancers: func(ctx context.Context, a *Account) ([]string, error) {
			return a.loadBalancers(ctx)
		},
		Listeners: func(ctx context.Context, a *Account) (all []string, err error) {
			balancers, err := a.loadBalancers(ctx)
			if err != nil {
				return nil, err
			}
			for _, balancer := range balancers {
				out, err := a.ELB.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: aws.String(balancer)})
				if err != nil {
					return nil, err
				}
				for _, l := range out.Listeners {
					all = append(all, *l.ListenerArn)
				}
			}
			return all, nil
		},
		ListenerRules: func(ctx context.Context, a *Account) (all []string, err error) {
			listeners, err := a.List(ctx, Listeners)
			if err != nil {
				return nil, err
			}
			for _, listener := range listeners {
				out, err := a.ELB.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: aws.String(listener)})
				if err != nil {
					return nil, err
				}
				for _, r := range out.Rules {
					if !aws.ToBool(r.IsDefault) { // That one is the listener's.
						all = append(all, *r.RuleArn)
					}
				}
			}
			return all, nil
		},
		TargetGroups: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{})
			return ids(out, err, func(o *elb.DescribeTargetGroupsOutput) (ids []string) {
				for _, g := range o.TargetGroups {
					ids = append(ids, *g.TargetGroupArn)
				}
				return ids
			})
		},
		Clusters: func(ctx context.Context, a *Account) ([]string, error) {
			return a.clusters(ctx)
		},
		Services: func(ctx context.Context, a *Account) (all []string, err error) {
			clusters, err := a.clusters(ctx)
			if err != nil {
				return nil, err
			}
			for _, cluster := range clusters {
				out, err := a.ECS.ListServices(ctx, &ecs.ListServicesInput{Cluster: aws.String(cluster)})
				if err != nil {
					return nil, err
				}
				all = append(all, out.ServiceArns...)
			}
			return all, nil
		},
		TaskDefinitions: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.ECS.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{Status: types.TaskDefinitionStatusActive})
			return ids(out, err, func(o *ecs.ListTaskDefinitionsOutput) []string { return o.TaskDefinitionArns })
		},
		Roles: func(ctx context.Context, a *Account) ([]string, error) {
			return a.roles(ctx)
		},
		RolePolicies: func(ctx context.Context, a *Account) (all []string, err error) {
			roles, err := a.roles(ctx)
			if err != nil {
				return nil, err
			}
			for _, role := range roles {
				out, err := a.IAM.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(role)})
				if err != nil {
					return nil, err
				}
				for _, policy := range out.PolicyNames {
					all = append(all, role+":"+policy)
				}
			}
			return all, nil
		},
		Alarms: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{})
			return ids(out, err, func(o *cloudwatch.DescribeAlarmsOutput) (ids []string) {
				for i := range o.MetricAlarms {
					ids = append(ids, *o.MetricAlarms[i].AlarmArn)
				}
				return ids
			})
		},
		EventRules: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Events.ListRules(ctx, &eventbridge.ListRulesInput{})
			return ids(out, err, func(o *eventbridge.ListRulesOutput) (ids []string) {
				for _, r := range o.Rules {
					ids = append(ids, *r.Arn)
				}
				return ids
			})
		},
		Topics: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.SNS.ListTopics(ctx, &sns.ListTopicsInput{})
			return ids(out, err, func(o *sns.ListTopicsOutput) (ids []string) {
				for _, t := range o.Topics {
					ids = append(ids, *t.TopicArn)
				}
				return ids
			})
		},
		Subscriptions: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.SNS.ListSubscriptions(ctx, &sns.ListSubscriptionsInput{})
			return ids(out, err, func(o *sns.ListSubscriptionsOutput) (ids []string) {
				for _, s := range o.Subscriptions {
					ids = append(ids, *s.SubscriptionArn)
				}
				return ids
			})
		},
		ScalableTargets: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Scaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
			return ids(out, err, func(o *applicationautoscaling.DescribeScalableTargetsOutput) (ids []string) {
				for _, t := range o.ScalableTargets {
					ids = append(ids, *t.ResourceId)
				}
				return ids
			})
		},
		ScalingPolicies: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Scaling.DescribeScalingPolicies(ctx, &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
			return ids(out, err, func(o *applicationautoscaling.DescribeScalingPoliciesOutput) (ids []string) {
				for _, p := range o.ScalingPolicies {
					ids = append(ids, *p.PolicyARN)
				}
				return ids
			})
		},
		ScheduledActions: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Scaling.DescribeScheduledActions(ctx, &applicationautoscaling.DescribeScheduledActionsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
			return ids(out, err, func(o *applicationautoscaling.DescribeScheduledActionsOutput) (ids []string) {
				for _, s := range o.ScheduledActions {
					ids = append(ids, *s.ScheduledActionARN)
				}
				return ids
			})
		},
		Parameters: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.SSM.DescribeParameters(ctx, &ssm.DescribeParametersInput{})
			return ids(out, err, func(o *ssm.DescribeParametersOutput) (ids []string) {
				for i := range o.Parameters {
					ids = append(ids, *o.Parameters[i].Name)
				}
				return ids
			})
		},
		Certificates: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Certificates.ListCertificates(ctx, &acm.ListCertificatesInput{})
			return ids(out, err, func(o *acm.ListCertificatesOutput) (ids []string) {
				for i := range o.CertificateSummaryList {
					ids = append(ids, *o.CertificateSummaryList[i].CertificateArn)
				}
				return ids
			})
		},
		Records: func(ctx context.Context, a *Account) (all []string, err error) {
			zones, err := a.DNS.ListHostedZones(ctx, &route53.ListHostedZonesInput{})
			if err != nil {
				return nil, err
			}
			for _, zone := range zones.HostedZones {
				out, err := a.DNS.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id})
				if err != nil {
					return nil, err
				}
				for _, r := range out.ResourceRecordSets {
					if r.Type != "NS" && r.Type != "SOA" { // Those are the zone's own.
						all = append(all, string(r.Type)+" "+*r.Name)
					}
				}
			}
			return all, nil
		},
		Buckets: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.S3.ListBuckets(ctx, &s3.ListBucketsInput{})
			return ids(out, err, func(o *s3.ListBucketsOutput) (ids []string) {
				for _, b := range o.Buckets {
					ids = append(ids, *b.Name)
				}
				return ids
			})
		},
		WebACLs: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.WAF.ListWebACLs(ctx, &wafv2.ListWebACLsInput{Scope: waftypes.ScopeRegional})
			return ids(out, err, func(o *wafv2.ListWebACLsOutput) (ids []string) {
				for _, w := range o.WebACLs {
					ids = append(ids, *w.ARN)
				}
				return ids
			})
		},
		LogGroups: func(ctx context.Context, a *Account) ([]string, error) {
			out, err := a.Logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
			return ids(out, err, func(o *cloudwatchlogs.DescribeLogGroupsOutput) (ids []string) {
				for _, g := range o.LogGroups {
					ids = append(ids, *g.LogGroupName)
				}
				return ids
			})
		},
	}
}

// Inventory lists all that the account holds: ECS clusters and task definitions
// only while they are ACTIVE, as AWS keeps the rest on record.
func (a *Account) Inventory(ctx context.Context) (Inventory, error) {
	found := Inventory{}
	for kind := range listings {
		ids, err := a.List(ctx, kind)
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			found[kind] = ids
		}
	}
	return found, nil
}

// List lists one kind.
func (a *Account) List(ctx context.Context, kind string) ([]string, error) {
	found, err := listings[kind](ctx, a)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	return slices.Sorted(slices.Values(found)), nil
}

// isMain tells whether a route table comes and goes with its VPC.
func isMain(table ec2types.RouteTable) bool {
	return slices.ContainsFunc(table.Associations, func(a ec2types.RouteTableAssociation) bool {
		return aws.ToBool(a.Main)
	})
}

func (a *Account) loadBalancers(ctx context.Context) ([]string, error) {
	out, err := a.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})
	return ids(out, err, func(o *elb.DescribeLoadBalancersOutput) (ids []string) {
		for _, b := range o.LoadBalancers {
			ids = append(ids, *b.LoadBalancerArn)
		}
		return ids
	})
}

func (a *Account) clusters(ctx context.Context) ([]string, error) {
	listed, err := a.ECS.ListClusters(ctx, &ecs.ListClustersInput{})
	if err != nil || len(listed.ClusterArns) == 0 {
		return nil, err // DescribeClusters without names would ask for one called default.
	}
	out, err := a.ECS.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: listed.ClusterArns})
	return ids(out, err, func(o *ecs.DescribeClustersOutput) (ids []string) {
		for _, c := range o.Clusters {
			if *c.Status == "ACTIVE" {
				ids = append(ids, *c.ClusterArn)
			}
		}
		return ids
	})
}

// roles are the names of the roles, without those that AWS's services make for an account
// once and for all.
func (a *Account) roles(ctx context.Context) ([]string, error) {
	out, err := a.IAM.ListRoles(ctx, &iam.ListRolesInput{})
	return ids(out, err, func(o *iam.ListRolesOutput) (ids []string) {
		for _, r := range o.Roles {
			if !strings.HasPrefix(*r.Path, "/aws-service-role/") {
				ids = append(ids, *r.RoleName)
			}
		}
		return ids
	})
}

// ids takes the identifiers out of an answer, if there is one.
func ids[Out any](out *Out, err error, of func(*Out) []string) ([]string, error) {
	if err != nil {
		return nil, err
	}
	return of(out), nil
}
