package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ecs-sample-app/e2e/account"
)

// State is what Pulumi knows of a stack.
type State struct {
	// IDs are those of all resources.
	IDs []string
	// Unfinished are resources whose creation failed half-way, by name.
	Unfinished []string
	// Pending are the resources whose creation had begun when Pulumi was killed, so
	// that it can't know whether they exist.
	Pending []Pending
	// Plugins are the packages that have a provider in the state, sorted.
	Plugins []string
}

// Pending is a resource whose creation was under way.
type Pending struct {
	URN, Type, Parent string
	// Kind is what the account calls it, empty for a component, which only Pulumi knows.
	Kind string
}

// kinds are the account's kinds by Pulumi's types.
var kinds = map[string]string{
	"aws:acm/certificate:Certificate":                           account.Certificates,
	"aws:route53/record:Record":                                 account.Records,
	"aws:s3/bucketV2:BucketV2":                                  account.Buckets,
	"aws:appautoscaling/policy:Policy":                          account.ScalingPolicies,
	"aws:appautoscaling/scheduledAction:ScheduledAction":        account.ScheduledActions,
	"aws:appautoscaling/target:Target":                          account.ScalableTargets,
	"aws:cloudwatch/metricAlarm:MetricAlarm":                    account.Alarms,
	"aws:cloudwatch/logGroup:LogGroup":                          account.LogGroups,
	"aws:ec2/eip:Eip":                                           account.Addresses,
	"aws:ec2/flowLog:FlowLog":                                   account.FlowLogs,
	"aws:ec2/internetGateway:InternetGateway":                   account.InternetGateways,
	"aws:ec2/natGateway:NatGateway":                             account.NATGateways,
	"aws:ec2/routeTable:RouteTable":                             account.RouteTables,
	"aws:ec2/securityGroup:SecurityGroup":                       account.SecurityGroups,
	"aws:ec2/subnet:Subnet":                                     account.Subnets,
	"aws:ec2/vpc:Vpc":                                           account.VPCs,
	"aws:ec2/vpcEndpoint:VpcEndpoint":                           account.Endpoints,
	"aws:ecs/cluster:Cluster":                                   account.Clusters,
	"aws:ecs/service:Service":                                   account.Services,
	"aws:ecs/taskDefinition:TaskDefinition":                     account.TaskDefinitions,
	"aws:iam/role:Role":                                         account.Roles,
	"aws:iam/rolePolicy:RolePolicy":                             account.RolePolicies,
	"aws:lb/listener:Listener":                                  account.Listeners,
	"aws:lb/loadBalancer:LoadBalancer":                          account.LoadBalancers,
	"aws:lb/targetGroup:TargetGroup":                            account.TargetGroups,
	"aws:sns/topic:Topic":                                       account.Topics,
	"aws:sns/topicSubscription:TopicSubscription":               account.Subscriptions,
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   account.GroupRules,
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": account.GroupRules,
	"aws:wafv2/webAcl:WebAcl":                                   account.WebACLs,
}

// State reads the stack's state.
func (s *Sandbox) State(ctx context.Context) (*State, error) {
	exported, err := s.Stack.Export(ctx)
	if err != nil {
		return nil, fmt.Errorf("export the state: %w", err)
	}
	type resource struct {
		URN, ID, Type, Parent string
		Outputs               map[string]any
		InitErrors            []string
	}
	var deployment struct {
		Resources         []resource
		PendingOperations []struct {
			Type     string
			Resource resource
		} `json:"pending_operations"`
	}
	if err := json.Unmarshal(exported.Deployment, &deployment); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	state := &State{}
	for _, r := range deployment.Resources {
		state.IDs = append(state.IDs, r.ID)
		if arn, ok := r.Outputs["arn"].(string); ok {
			state.IDs = append(state.IDs, arn) // A task definition's ID has no revision.
		}
		if len(r.InitErrors) > 0 {
			state.Unfinished = append(state.Unfinished, nameOf(r.URN))
		}
		if plugin, ok := strings.CutPrefix(r.Type, "pulumi:providers:"); ok {
			state.Plugins = append(state.Plugins, plugin)
		}
	}
	for _, p := range deployment.PendingOperations {
		if p.Type == "creating" {
			state.Pending = append(state.Pending, Pending{URN: p.Resource.URN, Type: p.Resource.Type, Parent: p.Resource.Parent, Kind: kinds[p.Resource.Type]})
		}
	}
	slices.Sort(state.Plugins)
	return state, nil
}

// Orphans are what the account holds of the stack and Pulumi does not know of.
func (s *Sandbox) Orphans(ctx context.Context, state *State) (account.Inventory, error) {
	left, err := s.Left(ctx)
	if err != nil {
		return nil, err
	}
	known := account.Inventory{}
	for kind := range left {
		known[kind] = state.IDs
	}
	return left.Without(known), nil
}

// nameOf is a resource's name as the program gives it.
func nameOf(urn string) string {
	return urn[strings.LastIndex(urn, "::")+len("::"):]
}
