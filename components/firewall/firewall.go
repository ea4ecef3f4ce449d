// Package firewall puts AWS WAF before a load balancer: rules that AWS keeps up to date,
// a limit of requests for each address, and a log of what they match.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-web-acl               the web ACL with its rules
//	NAME-web-acl-association   puts it before the load balancer
//	NAME-firewall-logs         the log group, aws-waf-logs-…
//	NAME-firewall-logging      writes what was counted or blocked there
//
// The managed groups are AWS's own, without a charge beyond that of a rule, and stay
// within the 1,500 capacity units that a web ACL has for its price
// (https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html):
// addresses of bad reputation, known bad inputs, and the core rule set. The last one
// refuses bodies of more than 8 KB among other things, which is why a firewall begins
// with counting.
//
// # Why the resources are registered without the SDK's types
//
// The package wafv2 of pulumi-aws spells rules out to a depth of three, in 100,000 lines.
// To compile it takes a minute and a half, as long as all that this program imports
// otherwise, and everybody would wait for it. So three resources are registered by their
// tokens, with inputs under the names that the SDK sends. The lifecycle test holds that
// the provider takes them.
package firewall

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
)

const (
	token            = "ecs-sample-app:firewall:Firewall"
	webACLToken      = "aws:wafv2/webAcl:WebAcl"
	associationToken = "aws:wafv2/webAclAssociation:WebAclAssociation"
	loggingToken     = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"

	// sdkVersion is that of pulumi-aws in go.mod, which its own types send along: another
	// one, or none, would make Pulumi start a second provider. A test compares the two.
	sdkVersion = "6.83.2"

	// logPrefix is what the names of WAF's log groups must begin with
	// (https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html).
	logPrefix = "aws-waf-logs-"
)

// managed are AWS's groups of rules, in the order in which they are tried.
var managed = []string{"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"}

// Firewall is a web ACL before a load balancer.
type Firewall struct {
	pulumi.ResourceState

	// WebACLARN is the web ACL's. It is known once it stands before the load balancer.
	WebACLARN pulumi.StringOutput `pulumi:"webAclArn"`
	// LogGroup is the name of the group with the log of what was counted or blocked.
	LogGroup pulumi.StringOutput `pulumi:"logGroup"`
}

// webACL is the resource of this name, as far as others need it.
type webACL struct {
	pulumi.CustomResourceState

	ARN  pulumi.StringOutput `pulumi:"arn"`
	Name pulumi.StringOutput `pulumi:"name"`
}

// association is the resource of this name.
type association struct {
	pulumi.CustomResourceState

	WebACLARN pulumi.StringOutput `pulumi:"webAclArn"`
}

// logging is the resource of this name.
type logging struct{ pulumi.CustomResourceState }

// New registers a firewall called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Firewall, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("firewall %q: %w", name, err)
	}

	f := &Firewall{}
	if err := ctx.RegisterComponentResource(token, name, f, opts...); err != nil {
		return nil, fmt.Errorf("register firewall %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name, args: a, parent: pulumi.Parent(f)}
	if err := b.build(f); err != nil {
		return nil, fmt.Errorf("firewall %q: %w", name, err)
	}
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{"webAclArn": f.WebACLARN, "logGroup": f.LogGroup})
}

// builder registers the children of a firewall, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOption
}

func (b *builder) build(f *Firewall) error {
	acl, err := b.webACL()
	if err != nil {
		return fmt.Errorf("create web ACL: %w", err)
	}
	placed := &association{}
	if err := b.register(associationToken, "-web-acl-association", pulumi.Map{
		"resourceArn": b.args.LoadBalancerARN, "webAclArn": acl.ARN,
	}, placed); err != nil {
		return fmt.Errorf("put it before the load balancer: %w", err)
	}
	if f.LogGroup, err = b.log(acl); err != nil {
		return fmt.Errorf("log what it finds: %w", err)
	}
	f.WebACLARN = placed.WebACLARN
	return nil
}

// register registers a resource that pulumi-aws has under this token.
func (b *builder) register(token, role string, inputs pulumi.Map, into pulumi.CustomResource) error {
	return b.ctx.RegisterResource(token, b.name+role, inputs, into, b.parent, pulumi.Version(sdkVersion))
}

func (b *builder) tags(child string) pulumi.StringMap { return tags.Named(child, b.args.Tags) }

func (b *builder) webACL() (*webACL, error) {
	const role = "-web-acl"
	rules := pulumi.Array{}
	for i, group := range managed {
		rules = append(rules, pulumi.Map{
			"name": pulumi.String(group), "priority": pulumi.Int(i), "overrideAction": b.does("none"),
			"statement": pulumi.Map{"managedRuleGroupStatement": pulumi.Map{
				"vendorName": pulumi.String("AWS"), "name": pulumi.String(group),
			}},
			"visibilityConfig": visible(group),
		})
	}
	const limit = "rate-limit"
	rules = append(rules, pulumi.Map{
		"name": pulumi.String(limit), "priority": pulumi.Int(len(managed)), "action": b.does("block"),
		"statement": pulumi.Map{"rateBasedStatement": pulumi.Map{
			"limit": pulumi.Int(b.args.RateLimit), "aggregateKeyType": pulumi.String("IP"),
		}},
		"visibilityConfig": visible(limit),
	})
	acl := &webACL{}
	return acl, b.register(webACLToken, role, pulumi.Map{
		"scope":            pulumi.String("REGIONAL"),
		"description":      pulumi.String("AWS's managed rules, and a limit of requests for each address"),
		"defaultAction":    pulumi.Map{"allow": pulumi.Map{}},
		"rules":            rules,
		"visibilityConfig": visible(b.name),
		"tags":             b.tags(b.name + role),
	}, acl)
}

// does is what a rule does: count, or what it does if the firewall blocks. For a group
// of rules that is none, an override of nothing.
func (b *builder) does(blocking string) pulumi.Map {
	if b.args.Mode == ModeCount {
		blocking = "count"
	}
	return pulumi.Map{blocking: pulumi.Map{}}
}

// visible has WAF count in CloudWatch (FSBP WAF.12), at no cost, and keep samples of
// requests for the console.
func visible(metric string) pulumi.Map {
	return pulumi.Map{
		"cloudwatchMetricsEnabled": pulumi.Bool(true), "sampledRequestsEnabled": pulumi.Bool(true),
		"metricName": pulumi.String(metric),
	}
}

// log writes the requests that a rule matched, and none of the others: their log would
// cost more than the firewall. Cookies and the authorization header, by which somebody
// could take over a session, stay out.
func (b *builder) log(acl *webACL) (pulumi.StringOutput, error) {
	name := b.name + "-firewall-logs"
	group, err := cloudwatch.NewLogGroup(b.ctx, name, &cloudwatch.LogGroupArgs{
		Name:            pulumi.Sprintf("%s%s", logPrefix, acl.Name),
		RetentionInDays: pulumi.Int(b.args.LogRetentionDays),
		Tags:            b.tags(name),
	}, b.parent)
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("create log group: %w", err)
	}
	conditions := pulumi.Array{}
	for _, action := range []string{"COUNT", "EXCLUDED_AS_COUNT", "BLOCK"} {
		conditions = append(conditions, pulumi.Map{"actionCondition": pulumi.Map{"action": pulumi.String(action)}})
	}
	redacted := pulumi.Array{}
	for _, header := range []string{"authorization", "cookie"} {
		redacted = append(redacted, pulumi.Map{"singleHeader": pulumi.Map{"name": pulumi.String(header)}})
	}
	return group.Name, b.register(loggingToken, "-firewall-logging", pulumi.Map{
		"resourceArn":           acl.ARN,
		"logDestinationConfigs": pulumi.Array{group.Arn},
		"loggingFilter": pulumi.Map{
			"defaultBehavior": pulumi.String("DROP"),
			"filters": pulumi.Array{pulumi.Map{
				"behavior": pulumi.String("KEEP"), "requirement": pulumi.String("MEETS_ANY"), "conditions": conditions,
			}},
		},
		"redactedFields": redacted,
	}, &logging{})
}
