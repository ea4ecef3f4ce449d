// Package route brings requests from a load balancer's listener to a service's
// tasks, and moves them to new tasks only when those serve.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-tg        the target group, of type ip as Fargate needs it
//	NAME-attach    the rule that attaches it to the load balancer
//	NAME-rule      the rule that sends requests, made by Send
//	NAME-https-rule   the one that sends those that come with TLS (with HTTPSListenerARN);
//	               NAME-rule then redirects to it
//
// NAME-tg names something in AWS for which 32 characters are allowed: a NAME of more
// than 21 is shortened there, with a hash.
//
// # Two rules
//
// ECS refuses a service whose target group belongs to no load balancer, and a load
// balancer checks the health only of targets that a rule forwards to
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
// But a rule that forwards sends requests, and new tasks have not proved themselves
// yet. So one rule attaches the target group and matches no request: its source
// address, 192.0.2.1, belongs to a block that is routed nowhere (RFC 5737), and no
// client can complete a TCP connection from there. The load balancer takes it from
// the connection, not from a header that a client might write.
//
// The other rule sends requests. It takes what the service's guard gives when the new
// tasks serve, so it moves then and never before.
//
// # Side by side
//
// Some values can't change in place: with another port or another health check, the
// tasks that serve would be unhealthy at once, and a rollback of ECS brings back
// tasks that nothing can reach. A change of one of them makes a new target group, and
// with Replacement a new service, beside those that serve. After the rule has moved,
// the old pair is drained and deleted. If the new service fails, the update fails
// before that: the old pair goes on serving, however many updates fail, and is deleted
// at the end of the first that succeeds.
package route

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/after"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/foretell"
	"ecs-sample-app/internal/names"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:route:Route"

// nobody is an address that no client has: of TEST-NET-1, for documentation
// (https://www.rfc-editor.org/rfc/rfc5737).
const nobody = "192.0.2.1/32"

// Route is a service's target group and the rules that lead to it.
type Route struct {
	pulumi.ResourceState

	// TargetGroupARN is known once the target group is attached to the load
	// balancer: ECS refuses a service before.
	TargetGroupARN pulumi.StringOutput `pulumi:"targetGroupArn"`
	// Replacement changes with every value that can't change in place. A service
	// behind the route is replaced on its changes.
	Replacement pulumi.StringOutput `pulumi:"replacement"`
	// RequestsLabel names the requests to the target group, for autoscaling to
	// count
	// (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html).
	RequestsLabel pulumi.StringOutput `pulumi:"requestsLabel"`

	builder
	targets *lb.TargetGroup
}

// builder registers the children of a route, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOption
}

// New registers a route called name, which sends no requests before Send.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Route, error) {
	a := args.withDefaults(name)
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("route %q: %w", name, err)
	}

	r := &Route{}
	if err := ctx.RegisterComponentResource(token, name, r, opts...); err != nil {
		return nil, fmt.Errorf("register route %q: %w", name, err)
	}
	r.builder = builder{ctx: ctx, name: name, args: a, parent: pulumi.Parent(r)}
	if err := r.build(); err != nil {
		return nil, fmt.Errorf("route %q: %w", name, err)
	}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{
		"targetGroupArn": r.TargetGroupARN,
		"replacement":    r.Replacement,
		"requestsLabel":  r.RequestsLabel,
	})
}

func (r *Route) build() error {
	r.Replacement = r.replacement()
	var err error
	if r.targets, err = r.targetGroup(r.Replacement); err != nil {
		return fmt.Errorf("create target group: %w", err)
	}
	attached, err := r.attach(r.targets, r.Replacement)
	if err != nil {
		return fmt.Errorf("attach the target group: %w", err)
	}
	r.TargetGroupARN = after.String(r.targets.Arn, attached.ID())
	r.RequestsLabel = pulumi.Sprintf("%s/%s", r.args.LoadBalancerARNSuffix, r.targets.ArnSuffix)
	return nil
}

// Serving is a route whose rule sends requests.
type Serving struct {
	// TargetGroupARNSuffix is the end of the ARN of the target group that gets the
	// requests, such as targetgroup/NAME/73e2d6bc24d8a067: the dimension TargetGroup
	// of its CloudWatch metrics. It is known once it gets them.
	TargetGroupARNSuffix pulumi.StringOutput
	// Rule is the ID of the rule that sends them.
	Rule pulumi.StringOutput
}

// sideBySide is what a preview says of the rule if the service is replaced behind it.
const sideBySide = "Requests move to the new service when its tasks are healthy. " +
	"The old one serves until then, and both are paid for."

// Send registers the rule that sends requests. proven is known when the new tasks
// serve, as components/service gives it.
func (r *Route) Send(proven pulumi.StringInput) (*Serving, error) {
	rule, secure, err := r.sends(after.String(r.TargetGroupARN, proven))
	if err != nil {
		return nil, fmt.Errorf("route %q: send requests: %w", r.name, err)
	}
	// The rule exists once a service has served. If it stays while its target group is
	// another one, so is the service behind it.
	foretell.Replaced(r.ctx, rule, sideBySide, r.targets.ID(), rule.ID())
	id := after.String(rule.ID().ToStringOutput(), secure...)
	return &Serving{TargetGroupARNSuffix: after.String(r.targets.ArnSuffix, id), Rule: id}, nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

// replacement is a text of all values that are deployed side by side.
func (b *builder) replacement() pulumi.StringOutput {
	values := append([]string{strconv.Itoa(b.args.ContainerPort), b.args.HealthCheck.Path, b.args.HealthCheck.Matcher}, b.args.Replace...)
	return pulumi.Sprintf("%s %s", b.args.VpcID, strings.Join(values, " "))
}

// targetGroup is one that nobody has given a name: with a name the provider would have
// to delete the old one first.
func (b *builder) targetGroup(replacement pulumi.StringOutput) (*lb.TargetGroup, error) {
	name := names.Short(b.name, "-tg", names.MaxLoadBalancing)
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
	}, b.parent, pulumi.ReplacementTrigger(replacement))
}

// attach makes the rule that no request matches. It takes the priority after the
// highest, so that it never takes the place of a rule that sends. A target group that
// replaces another has a rule of its own: tasks that leave finish their requests only
// while their target group belongs to the load balancer.
func (b *builder) attach(targets *lb.TargetGroup, replacement pulumi.StringOutput) (*lb.ListenerRule, error) {
	name := b.name + "-attach"
	return lb.NewListenerRule(b.ctx, name, &lb.ListenerRuleArgs{
		ListenerArn: b.args.ListenerARN,
		Conditions: lb.ListenerRuleConditionArray{&lb.ListenerRuleConditionArgs{
			SourceIp: &lb.ListenerRuleConditionSourceIpArgs{Values: pulumi.ToStringArray([]string{nobody})},
		}},
		Actions: forward(targets.Arn),
		Tags:    b.tags(name),
	}, b.parent, pulumi.ReplacementTrigger(replacement))
}

// sends makes the rules that the requests match. With TLS there are two: the one without
// redirects once the other sends, and sends again before the other goes. So no request is
// lost when TLS comes, and none when it goes.
func (b *builder) sends(targetGroupARN pulumi.StringOutput) (rule *lb.ListenerRule, secure []any, err error) {
	actions := forward(targetGroupARN)
	var first []pulumi.Resource
	if b.args.HTTPSListenerARN != nil {
		https, err := b.send("-https-rule", b.args.HTTPSListenerARN, actions)
		if err != nil {
			return nil, nil, fmt.Errorf("with TLS: %w", err)
		}
		actions, first, secure = redirect(), []pulumi.Resource{https}, []any{https.ID()}
	}
	rule, err = b.send("-rule", b.args.ListenerARN, actions, pulumi.DependsOn(first))
	return rule, secure, err
}

// send makes a rule of a listener that every request matches.
func (b *builder) send(role string, listenerARN pulumi.StringInput, actions lb.ListenerRuleActionArray, opts ...pulumi.ResourceOption) (*lb.ListenerRule, error) {
	name := b.name + role
	return lb.NewListenerRule(b.ctx, name, &lb.ListenerRuleArgs{
		ListenerArn: listenerARN,
		Priority:    pulumi.Int(b.args.Priority),
		Conditions: lb.ListenerRuleConditionArray{&lb.ListenerRuleConditionArgs{
			PathPattern: &lb.ListenerRuleConditionPathPatternArgs{Values: pulumi.ToStringArray([]string{"/*"})},
		}},
		Actions: actions,
		Tags:    b.tags(name),
	}, append(opts, b.parent, pulumi.Protect(b.args.Protect))...)
}

// redirect leads to the same address with TLS (FSBP ELB.1).
func redirect() lb.ListenerRuleActionArray {
	return lb.ListenerRuleActionArray{&lb.ListenerRuleActionArgs{
		Type: pulumi.String("redirect"),
		Redirect: &lb.ListenerRuleActionRedirectArgs{
			Protocol: pulumi.String("HTTPS"), Port: pulumi.String("443"), StatusCode: pulumi.String("HTTP_301"),
		},
	}}
}

func forward(targetGroupARN pulumi.StringInput) lb.ListenerRuleActionArray {
	return lb.ListenerRuleActionArray{&lb.ListenerRuleActionArgs{
		Type:           pulumi.String("forward"),
		TargetGroupArn: targetGroupARN,
	}}
}
