// Package loadbalancer makes an internet-facing Application Load Balancer with an
// HTTP listener, and on demand one with TLS, that answer every request with 404, until
// rules send some to a service, as those of components/route do.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-lb-sg               the security group of the load balancer
//	NAME-lb-ingress-BLOCK    lets BLOCK reach the listener, one for each block
//	NAME-lb-ingress-https-BLOCK   the same for the one with TLS (with HTTPS)
//	NAME-lb                  the load balancer
//	NAME-http-listener       the listener
//	NAME-https-listener      the one with TLS (with HTTPS)
//
// The security group lets nothing out: whoever puts targets behind the load
// balancer adds the rule towards them, as components/service does.
//
// NAME-lb names something in AWS for which 32 characters are allowed: a NAME of more
// than 21 is shortened there, with a hash.
package loadbalancer

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/after"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/names"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:loadbalancer:LoadBalancer"

// LoadBalancer is an Application Load Balancer and its listeners.
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
	// ListenerARN is the listener's, for rules. It is known once clients are let in, so
	// that they are as long as a rule sends their requests.
	ListenerARN pulumi.StringOutput `pulumi:"listenerArn"`
	// HTTPSListenerARN is that of the listener with TLS, likewise, nil without HTTPS.
	HTTPSListenerARN pulumi.StringInput
	// DNSName and ZoneID are its own name and that name's hosted zone, for records that lead
	// to it.
	DNSName pulumi.StringOutput `pulumi:"dnsName"`
	ZoneID  pulumi.StringOutput `pulumi:"zoneId"`
	// SecurityGroupID is the load balancer's security group.
	SecurityGroupID pulumi.StringOutput `pulumi:"securityGroupId"`
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
		"url":             l.URL,
		"arn":             l.ARN,
		"arnSuffix":       l.ARNSuffix,
		"listenerArn":     l.ListenerARN,
		"dnsName":         l.DNSName,
		"zoneId":          l.ZoneID,
		"securityGroupId": l.SecurityGroupID,
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
	group, openings, err := b.securityGroup()
	if err != nil {
		return fmt.Errorf("create security group: %w", err)
	}
	balancer, err := b.loadBalancer(group)
	if err != nil {
		return fmt.Errorf("create load balancer: %w", err)
	}
	listener, err := b.listener(balancer)
	if err != nil {
		return fmt.Errorf("create listener: %w", err)
	}
	if b.args.HTTPS {
		secure, err := b.httpsListener(balancer)
		if err != nil {
			return fmt.Errorf("create listener with TLS: %w", err)
		}
		l.HTTPSListenerARN = after.String(secure.Arn, openings...)
	}
	l.DNSName, l.ZoneID = balancer.DnsName, balancer.ZoneId
	l.URL = b.url(balancer)
	l.ARN = balancer.Arn
	l.ARNSuffix = balancer.ArnSuffix
	l.ListenerARN = after.String(listener.Arn, openings...)
	l.SecurityGroupID = group.ID().ToStringOutput()
	return nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

func (b *builder) securityGroup() (group *ec2.SecurityGroup, openings []any, err error) {
	name := b.name + "-lb-sg"
	group, err = ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VpcID,
		// A group can't be renamed or described anew, only replaced, which
		// fails while a network interface uses it.
		Description:         pulumi.String("Load balancer: the listener's port in, the targets out"),
		RevokeRulesOnDelete: pulumi.Bool(true),
		Tags:                b.tags(name),
	}, b.parent)
	if err != nil {
		return nil, nil, err
	}
	for _, block := range b.args.AllowedCIDRs {
		for _, port := range b.args.ports() {
			opening, err := b.allow(group, block, port)
			if err != nil {
				return nil, nil, fmt.Errorf("let %s in on port %d: %w", block, port, err)
			}
			// By the URN, which a preview knows, so that rules are not shown as replaced where
			// another block is let in.
			openings = append(openings, opening.URN())
		}
	}
	return group, openings, nil
}

// allow is named after its block, not after its place in the list, where
// taking one out would replace all that follow.
func (b *builder) allow(group *ec2.SecurityGroup, block string, port int) (*vpc.SecurityGroupIngressRule, error) {
	name := b.name + "-lb-ingress-"
	if port == httpsPort {
		name += "https-"
	}
	name += strings.NewReplacer(".", "-", "/", "-").Replace(block)
	return vpc.NewSecurityGroupIngressRule(b.ctx, name, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(),
		Description:     pulumi.String("Clients"),
		CidrIpv4:        pulumi.String(block),
		IpProtocol:      pulumi.String("tcp"),
		FromPort:        pulumi.Int(port),
		ToPort:          pulumi.Int(port),
		Tags:            b.tags(name),
	}, b.parent)
}

func (b *builder) loadBalancer(group *ec2.SecurityGroup) (*lb.LoadBalancer, error) {
	name := names.Short(b.name, "-lb", names.MaxLoadBalancing)
	args := &lb.LoadBalancerArgs{
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
	}
	if b.args.AccessLogsBucket != nil {
		args.AccessLogs = &lb.LoadBalancerAccessLogsArgs{Bucket: b.args.AccessLogsBucket, Enabled: pulumi.Bool(true)}
	}
	// The provider would move it to the subnets of another VPC, which AWS refuses.
	return lb.NewLoadBalancer(b.ctx, name, args, b.parent, pulumi.ReplacementTrigger(b.args.VpcID), pulumi.Protect(b.args.DeletionProtection))
}

// listener answers what no rule matches: nothing is sent to a service by default,
// which would be before it serves.
func (b *builder) listener(balancer *lb.LoadBalancer) (*lb.Listener, error) {
	name := b.name + "-http-listener"
	return lb.NewListener(b.ctx, name, &lb.ListenerArgs{
		LoadBalancerArn: balancer.Arn,
		Protocol:        pulumi.String("HTTP"),
		Port:            pulumi.Int(b.args.Port),
		DefaultActions:  nobody(),
		Tags:            b.tags(name),
	}, b.parent)
}

// httpsListener is the same over TLS.
func (b *builder) httpsListener(balancer *lb.LoadBalancer) (*lb.Listener, error) {
	name := b.name + "-https-listener"
	return lb.NewListener(b.ctx, name, &lb.ListenerArgs{
		LoadBalancerArn: balancer.Arn,
		Protocol:        pulumi.String("HTTPS"),
		Port:            pulumi.Int(httpsPort),
		SslPolicy:       pulumi.String(tlsPolicy),
		CertificateArn:  b.args.CertificateARN,
		DefaultActions:  nobody(),
		Tags:            b.tags(name),
	}, b.parent)
}

// nobody is the answer where no service is.
func nobody() lb.ListenerDefaultActionArray {
	return lb.ListenerDefaultActionArray{&lb.ListenerDefaultActionArgs{
		Type: pulumi.String("fixed-response"),
		FixedResponse: &lb.ListenerDefaultActionFixedResponseArgs{
			ContentType: pulumi.String("text/plain"),
			StatusCode:  pulumi.String("404"),
			MessageBody: pulumi.String("No service answers here."),
		},
	}}
}

func (b *builder) url(balancer *lb.LoadBalancer) pulumi.StringOutput {
	if b.args.Port == DefaultPort {
		return pulumi.Sprintf("http://%s", balancer.DnsName)
	}
	return pulumi.Sprintf("http://%s:%d", balancer.DnsName, b.args.Port)
}
