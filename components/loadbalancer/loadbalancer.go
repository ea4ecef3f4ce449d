// Package loadbalancer makes an internet-facing Application Load Balancer with
// an HTTP listener that sends every request to one target group.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-lb-sg               the security group of the load balancer
//	NAME-lb-ingress-BLOCK    lets BLOCK reach the listener, one for each block
//	NAME-lb                  the load balancer
//	NAME-tg                  the target group, of type ip as Fargate needs it
//	NAME-http-listener       the listener
//
// The security group lets nothing out: whoever puts targets behind the load
// balancer adds the rule towards them, as components/service does.
//
// NAME-lb and NAME-tg name things in AWS, where 32 characters are allowed: in
// these two a NAME of more than 21 characters is shortened, with a hash.
package loadbalancer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:loadbalancer:LoadBalancer"

const (
	// maxPhysicalName is the most characters in the name of a load balancer or
	// a target group
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html,
	// …/API_CreateTargetGroup.html).
	maxPhysicalName = 32
	// autoNameSuffix is what Pulumi's auto-naming adds: a hyphen and 7 digits.
	autoNameSuffix = 8
	// hashLength digits tell two long names apart: 24 bits, for the handful of
	// load balancers in a stack.
	hashLength = 6
)

// LoadBalancer is an Application Load Balancer, its listener and its target
// group.
type LoadBalancer struct {
	pulumi.ResourceState

	// URL is where the listener answers, such as http://NAME.elb.amazonaws.com.
	URL pulumi.StringOutput `pulumi:"url"`
	// ARN is the load balancer's.
	ARN pulumi.StringOutput `pulumi:"arn"`
	// ARNSuffix is the end of the ARN, such as app/NAME/50dc6c495c0c9188: the
	// dimension LoadBalancer of its CloudWatch metrics
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html#load-balancer-metric-dimensions-alb).
	ARNSuffix pulumi.StringOutput `pulumi:"arnSuffix"`
	// RequestsLabel names the requests to the target group, for autoscaling to
	// count
	// (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html).
	RequestsLabel pulumi.StringOutput `pulumi:"requestsLabel"`
	// SecurityGroupID is the load balancer's security group.
	SecurityGroupID pulumi.StringOutput `pulumi:"securityGroupId"`
	// TargetGroupARN is known once the listener sends requests to the target
	// group: ECS refuses a service whose target group has no load balancer.
	TargetGroupARN pulumi.StringOutput `pulumi:"targetGroupArn"`
	// TargetGroupARNSuffix is the end of the target group's ARN, such as
	// targetgroup/NAME/73e2d6bc24d8a067: the dimension TargetGroup.
	TargetGroupARNSuffix pulumi.StringOutput `pulumi:"targetGroupArnSuffix"`
}

// New registers a load balancer called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*LoadBalancer, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("load balancer %q: %w", name, err)
	}

	l := &LoadBalancer{}
	if err := ctx.RegisterComponentResource(token, name, l, opts...); err != nil {
		return nil, fmt.Errorf("register load balancer %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name, args: a, parent: pulumi.Parent(l)}
	if err := b.build(l); err != nil {
		return nil, fmt.Errorf("load balancer %q: %w", name, err)
	}
	return l, ctx.RegisterResourceOutputs(l, pulumi.Map{
		"url":                  l.URL,
		"arn":                  l.ARN,
		"arnSuffix":            l.ARNSuffix,
		"requestsLabel":        l.RequestsLabel,
		"securityGroupId":      l.SecurityGroupID,
		"targetGroupArn":       l.TargetGroupARN,
		"targetGroupArnSuffix": l.TargetGroupARNSuffix,
	})
}

// builder registers the children of a load balancer, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOption
}

func (b *builder) build(l *LoadBalancer) error {
	group, err := b.securityGroup()
	if err != nil {
		return fmt.Errorf("create security group: %w", err)
	}
	balancer, err := b.loadBalancer(group)
	if err != nil {
		return fmt.Errorf("create load balancer: %w", err)
	}
	targets, err := b.targetGroup()
	if err != nil {
		return fmt.Errorf("create target group: %w", err)
	}
	listener, err := b.listener(balancer, targets)
	if err != nil {
		return fmt.Errorf("create listener: %w", err)
	}
	l.URL = b.url(balancer)
	l.ARN = balancer.Arn
	l.ARNSuffix = balancer.ArnSuffix
	l.SecurityGroupID = group.ID().ToStringOutput()
	l.TargetGroupARN = pulumi.All(targets.Arn, listener.ID()).ApplyT(func(known []any) string {
		return known[0].(string)
	}).(pulumi.StringOutput)
	l.TargetGroupARNSuffix = targets.ArnSuffix
	l.RequestsLabel = pulumi.Sprintf("%s/%s", balancer.ArnSuffix, targets.ArnSuffix)
	return nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

func (b *builder) securityGroup() (*ec2.SecurityGroup, error) {
	name := b.name + "-lb-sg"
	group, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VpcID,
		// A group can't be renamed or described anew, only replaced, which
		// fails while a network interface uses it.
		Description:         pulumi.String("Load balancer: the listener's port in, the targets out"),
		RevokeRulesOnDelete: pulumi.Bool(true),
		Tags:                b.tags(name),
	}, b.parent)
	if err != nil {
		return nil, err
	}
	for _, block := range b.args.AllowedCIDRs {
		if err := b.allow(group, block); err != nil {
			return nil, fmt.Errorf("let %s in: %w", block, err)
		}
	}
	return group, nil
}

// allow is named after its block, not after its place in the list, where
// taking one out would replace all that follow.
func (b *builder) allow(group *ec2.SecurityGroup, block string) error {
	name := b.name + "-lb-ingress-" + strings.NewReplacer(".", "-", "/", "-").Replace(block)
	_, err := vpc.NewSecurityGroupIngressRule(b.ctx, name, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(),
		Description:     pulumi.String("Clients"),
		CidrIpv4:        pulumi.String(block),
		IpProtocol:      pulumi.String("tcp"),
		FromPort:        pulumi.Int(b.args.Port),
		ToPort:          pulumi.Int(b.args.Port),
		Tags:            b.tags(name),
	}, b.parent)
	return err
}

func (b *builder) loadBalancer(group *ec2.SecurityGroup) (*lb.LoadBalancer, error) {
	name := childName(b.name, "-lb")
	return lb.NewLoadBalancer(b.ctx, name, &lb.LoadBalancerArgs{
		LoadBalancerType: pulumi.String("application"),
		Internal:         pulumi.Bool(false),
		IpAddressType:    pulumi.String("ipv4"),
		Subnets:          b.args.SubnetIDs,
		SecurityGroups:   pulumi.StringArray{group.ID()},
		// Against request smuggling (FSBP ELB.4 and ELB.12).
		DropInvalidHeaderFields:  pulumi.Bool(true),
		DesyncMitigationMode:     pulumi.String("defensive"),
		EnableDeletionProtection: pulumi.Bool(b.args.DeletionProtection),
		Tags:                     b.tags(name),
		// The provider would move it to the subnets of another VPC, which AWS
		// refuses.
	}, b.parent, pulumi.ReplacementTrigger(b.args.VpcID))
}

func (b *builder) targetGroup() (*lb.TargetGroup, error) {
	name := childName(b.name, "-tg")
	check := b.args.HealthCheck
	return lb.NewTargetGroup(b.ctx, name, &lb.TargetGroupArgs{
		VpcId:               b.args.VpcID,
		TargetType:          pulumi.String("ip"),
		Protocol:            pulumi.String("HTTP"),
		Port:                pulumi.Int(b.args.ContainerPort),
		DeregistrationDelay: pulumi.Int(*b.args.DeregistrationDelay),
		HealthCheck: &lb.TargetGroupHealthCheckArgs{
			Protocol:           pulumi.String("HTTP"),
			Path:               pulumi.String(check.Path),
			Interval:           pulumi.Int(check.Interval),
			Timeout:            pulumi.Int(check.Timeout),
			HealthyThreshold:   pulumi.Int(check.Healthy),
			UnhealthyThreshold: pulumi.Int(check.Unhealthy),
			Matcher:            pulumi.String(check.Matcher),
		},
		Tags: b.tags(name),
	}, b.parent)
}

func (b *builder) listener(balancer *lb.LoadBalancer, targets *lb.TargetGroup) (*lb.Listener, error) {
	name := b.name + "-http-listener"
	return lb.NewListener(b.ctx, name, &lb.ListenerArgs{
		LoadBalancerArn: balancer.Arn,
		Protocol:        pulumi.String("HTTP"),
		Port:            pulumi.Int(b.args.Port),
		DefaultActions: lb.ListenerDefaultActionArray{&lb.ListenerDefaultActionArgs{
			Type:           pulumi.String("forward"),
			TargetGroupArn: targets.Arn,
		}},
		Tags: b.tags(name),
	}, b.parent)
}

func (b *builder) url(balancer *lb.LoadBalancer) pulumi.StringOutput {
	if b.args.Port == DefaultPort {
		return pulumi.Sprintf("http://%s", balancer.DnsName)
	}
	return pulumi.Sprintf("http://%s:%d", balancer.DnsName, b.args.Port)
}

// childName is name and role, with as much of name as leaves room for
// auto-naming. Where something is left out, a hash of the whole name keeps two
// names with the same beginning apart.
func childName(name, role string) string {
	room := maxPhysicalName - autoNameSuffix - len(role)
	if len(name) <= room {
		return name + role
	}
	sum := sha256.Sum256([]byte(name))
	start := strings.TrimRight(name[:room-hashLength-1], "-")
	return start + "-" + hex.EncodeToString(sum[:])[:hashLength] + role
}
