// Package service keeps a task running behind a load balancer: an ECS service
// on AWS Fargate, and the security group of its tasks. An update waits until ECS
// runs what was asked for, and fails if ECS never runs it.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-tasks-sg            the security group of the tasks
//	NAME-tasks-ingress-PORT  the load balancer to the tasks, on their port
//	NAME-lb-egress-PORT      the same way, out of the load balancer's group
//	NAME-tasks-egress-PORT   the tasks to any address, one for each port
//	NAME-service             the service
//
// and with autoscaling these:
//
//	NAME-scaling-target          the bounds
//	NAME-scaling-cpu             holds the average CPU use,
//	NAME-scaling-memory          the memory use,
//	NAME-scaling-requests        the requests for each task
//	NAME-scaling-schedule-NAME   other bounds at certain times
package service

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:service:Service"

const (
	// minimumHealthyPercent of the desired tasks serve during a deployment:
	// none is stopped before its successor is healthy.
	minimumHealthyPercent = 100
	// maximumPercent of the desired tasks run during a deployment: all are
	// replaced at once, which is the shortest deployment.
	maximumPercent = 200
	// createTimeout and updateTimeout bound the call to ECS, which the provider
	// repeats while a new role is not known everywhere. The deployment itself
	// is waited for by the guard.
	createTimeout, updateTimeout = "5m", "5m"
	// deleteTimeout bounds what a deletion takes beside DrainSeconds.
	deleteTimeout = 10 * time.Minute
)

// Service is an ECS service and the security group of its tasks.
type Service struct {
	pulumi.ResourceState

	// Name is the service's name.
	Name pulumi.StringOutput `pulumi:"name"`
	// TaskDefinitionARN is the revision that ECS runs: the one that was asked for,
	// known once it runs on all tasks, or after a failure the one that ECS went back
	// to.
	TaskDefinitionARN pulumi.StringOutput `pulumi:"taskDefinitionArn"`
	// Proven is known once the tasks serve what was asked for, and an error of the
	// whole update if they don't. What must not change before takes it, as the rule
	// that sends requests does. Its value says nothing.
	Proven pulumi.StringOutput `pulumi:"proven"`
	// SecurityGroupID is the tasks' security group, for a database to let in.
	SecurityGroupID pulumi.StringOutput `pulumi:"securityGroupId"`
}

// New registers a service called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Service, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}

	s := &Service{}
	if err := ctx.RegisterComponentResource(token, name, s, opts...); err != nil {
		return nil, fmt.Errorf("register service %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name, args: a, parent: pulumi.Parent(s)}
	if err := b.build(s); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{
		"name":              s.Name,
		"taskDefinitionArn": s.TaskDefinitionARN,
		"proven":            s.Proven,
		"securityGroupId":   s.SecurityGroupID,
	})
}

// builder registers the children of a service, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOption
}

func (b *builder) build(s *Service) error {
	group, err := b.securityGroup()
	if err != nil {
		return fmt.Errorf("create security group: %w", err)
	}
	rules, err := b.fromLoadBalancer(group)
	if err != nil {
		return fmt.Errorf("let the load balancer in: %w", err)
	}
	out, err := b.toTheWorld(group)
	if err != nil {
		return fmt.Errorf("let the tasks out: %w", err)
	}
	service, err := b.service(group, append(rules, out...))
	if err != nil {
		return fmt.Errorf("create service: %w", err)
	}
	if err := b.autoscale(service); err != nil {
		return fmt.Errorf("scale the service: %w", err)
	}
	if s.TaskDefinitionARN, s.Proven, err = b.deployed(service, group); err != nil {
		return fmt.Errorf("watch the deployment: %w", err)
	}
	s.Name = service.Name
	s.SecurityGroupID = group.ID().ToStringOutput()
	return nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

func (b *builder) securityGroup() (*ec2.SecurityGroup, error) {
	name := b.name + "-tasks-sg"
	return ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VpcID,
		// A group can't be renamed or described anew, only replaced, which
		// fails while a network interface uses it.
		Description:         pulumi.String("Tasks: the load balancer in"),
		RevokeRulesOnDelete: pulumi.Bool(true),
		Tags:                b.tags(name),
	}, b.parent)
}

// fromLoadBalancer opens the one way to the tasks, at both its ends. The rules are
// named after their port: those of another port come beside them, and the old ones go
// when nothing serves there any more.
func (b *builder) fromLoadBalancer(group *ec2.SecurityGroup) ([]pulumi.Resource, error) {
	port := pulumi.Int(b.args.ContainerPort)
	// Until they were named for their port, they were not.
	before := func(role string) pulumi.ResourceOption {
		return pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String(b.name + role)}})
	}
	name := fmt.Sprintf("%s-tasks-ingress-%d", b.name, b.args.ContainerPort)
	in, err := vpc.NewSecurityGroupIngressRule(b.ctx, name, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId:           group.ID(),
		ReferencedSecurityGroupId: b.args.LoadBalancerSecurityGroupID,
		Description:               pulumi.String("Requests and health checks of the load balancer"),
		IpProtocol:                pulumi.String("tcp"),
		FromPort:                  port,
		ToPort:                    port,
		Tags:                      b.tags(name),
	}, b.parent, before("-tasks-ingress"))
	if err != nil {
		return nil, err
	}
	name = fmt.Sprintf("%s-lb-egress-%d", b.name, b.args.ContainerPort)
	out, err := vpc.NewSecurityGroupEgressRule(b.ctx, name, &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId:           b.args.LoadBalancerSecurityGroupID,
		ReferencedSecurityGroupId: group.ID(),
		Description:               pulumi.String("Requests and health checks to the tasks"),
		IpProtocol:                pulumi.String("tcp"),
		FromPort:                  port,
		ToPort:                    port,
		Tags:                      b.tags(name),
	}, b.parent, before("-lb-egress"))
	return []pulumi.Resource{in, out}, err
}

func (b *builder) toTheWorld(group *ec2.SecurityGroup) ([]pulumi.Resource, error) {
	rules := make([]pulumi.Resource, len(b.args.EgressPorts))
	for i, port := range b.args.EgressPorts {
		name := fmt.Sprintf("%s-tasks-egress-%d", b.name, port)
		rule, err := vpc.NewSecurityGroupEgressRule(b.ctx, name, &vpc.SecurityGroupEgressRuleArgs{
			SecurityGroupId: group.ID(),
			Description:     pulumi.Sprintf("TCP port %d anywhere", port),
			CidrIpv4:        pulumi.String("0.0.0.0/0"),
			IpProtocol:      pulumi.String("tcp"),
			FromPort:        pulumi.Int(port),
			ToPort:          pulumi.Int(port),
			Tags:            b.tags(name),
		}, b.parent)
		if err != nil {
			return nil, fmt.Errorf("port %d: %w", port, err)
		}
		rules[i] = rule
	}
	return rules, nil
}

// service depends on the rules: a task that starts before they exist can't
// pull its image and fails its health checks.
func (b *builder) service(group *ec2.SecurityGroup, rules []pulumi.Resource) (*ecs.Service, error) {
	name := b.name + "-service"
	options := []pulumi.ResourceOption{b.parent, pulumi.DependsOn(rules), pulumi.Timeouts(&pulumi.CustomTimeouts{
		Create: createTimeout,
		Update: updateTimeout,
		Delete: (deleteTimeout + time.Duration(b.args.DrainSeconds)*time.Second).String(),
	})}
	// What can't change in place: its tasks can't move away from their target group.
	options = append(options, pulumi.ReplacementTrigger(b.args.Replacement))
	if b.args.Autoscaling != nil {
		// An update would take away the tasks that were added for the load.
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	return ecs.NewService(b.ctx, name, &ecs.ServiceArgs{
		Cluster:        b.args.ClusterARN,
		TaskDefinition: b.args.TaskDefinitionARN,
		DesiredCount:   pulumi.Int(b.args.begin()),
		CapacityProviderStrategies: ecs.ServiceCapacityProviderStrategyArray{
			&ecs.ServiceCapacityProviderStrategyArgs{
				CapacityProvider: pulumi.String(b.args.CapacityProvider),
				Weight:           pulumi.Int(1),
			},
		},
		NetworkConfiguration: &ecs.ServiceNetworkConfigurationArgs{
			Subnets:        b.args.SubnetIDs,
			SecurityGroups: pulumi.StringArray{group.ID()},
			AssignPublicIp: pulumi.Bool(b.args.AssignPublicIP),
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{&ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: b.args.TargetGroupARN,
			ContainerName:  pulumi.String(b.args.ContainerName),
			ContainerPort:  pulumi.Int(b.args.ContainerPort),
		}},
		HealthCheckGracePeriodSeconds:   pulumi.Int(b.args.GracePeriod),
		DeploymentMinimumHealthyPercent: pulumi.Int(minimumHealthyPercent),
		DeploymentMaximumPercent:        pulumi.Int(maximumPercent),
		DeploymentCircuitBreaker: &ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable:   pulumi.Bool(true),
			Rollback: pulumi.Bool(true),
		},
		Alarms:                      b.alarms(),
		AvailabilityZoneRebalancing: pulumi.String("ENABLED"),
		EnableExecuteCommand:        pulumi.Bool(b.args.EnableExecuteCommand),
		EnableEcsManagedTags:        pulumi.Bool(true),
		PropagateTags:               pulumi.String("SERVICE"),
		// The provider's own wait takes a deployment that was rolled back for a
		// success. See guard.go.
		WaitForSteadyState: pulumi.Bool(false),
		ForceDelete:        pulumi.Bool(b.args.ForceDelete),
		Tags:               b.tags(name),
	}, options...)
}

// alarms are those that roll a deployment back, and nil where there are none.
func (b *builder) alarms() ecs.ServiceAlarmsPtrInput {
	if b.args.Alarms.Names == nil {
		return nil
	}
	return &ecs.ServiceAlarmsArgs{
		AlarmNames: b.args.Alarms.Names,
		Enable:     pulumi.Bool(b.args.Alarms.Enable),
		Rollback:   pulumi.Bool(b.args.Alarms.Enable),
	}
}
