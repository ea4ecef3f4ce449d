package firewall

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

// before are arguments with what is required.
func before(change func(*Args)) Args {
	args := Args{
		LoadBalancerARN: pulumi.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"),
		Mode:            ModeBlock,
	}
	if change != nil {
		change(&args)
	}
	return args
}

func makes(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		firewall, err := New(ctx, "web", args)
		if err == nil {
			ctx.Export("webAclArn", firewall.WebACLARN)
		}
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(before(nil)), "web-firewall-logging", "web-firewall-logs", "web-web-acl", "web-web-acl-association")
}

func TestTheFirewallIsMadeByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := New(ctx, "web", before(nil), given)
			return err
		}
	})
}

func TestItsResourcesAreMadeByTheVersionOfTheProviderThatMakesTheOthers(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`github\.com/pulumi/pulumi-aws/sdk/v6 v(\S+)`).FindSubmatch(module)
	if found == nil || string(found[1]) != sdkVersion {
		t.Errorf("go.mod has pulumi-aws %s and the firewall asks for %s: Pulumi would start a second provider", found, sdkVersion)
	}
}

// rules are what each rule of the web ACL does, by its name, in their order.
func rules(acl infratest.Resource) (names []string, does map[string]string) {
	does = map[string]string{}
	all := acl.Inputs["rules"].ArrayValue()
	slices.SortFunc(all, func(a, b resource.PropertyValue) int {
		return int(a.ObjectValue()["priority"].NumberValue() - b.ObjectValue()["priority"].NumberValue())
	})
	for _, rule := range all {
		r := rule.ObjectValue()
		name := r["name"].StringValue()
		names = append(names, name)
		for _, kind := range []resource.PropertyKey{"action", "overrideAction"} {
			if r.HasValue(kind) {
				for what := range r[kind].ObjectValue() {
					does[name] = string(kind) + " " + string(what)
				}
			}
		}
	}
	return names, does
}

func TestItCountsOrBlocksAsItIsTold(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for mode, want := range map[Mode][2]string{
			ModeCount: {"overrideAction count", "action count"}, ModeBlock: {"overrideAction none", "action block"},
		} {
			record := infratest.MustRun(t, makes(before(func(a *Args) { a.Mode = mode; a.RateLimit = 500 })), world)
			acl := record.Get("web-web-acl")
			names, does := rules(acl)
			if want := append(slices.Clone(managed), "rate-limit"); !slices.Equal(names, want) {
				t.Fatalf("the rules are %v, not %v: requests get past the firewall, or are refused by what nobody knows", names, want)
			}
			for _, group := range managed {
				if does[group] != want[0] {
					t.Errorf("with firewall %s, %s does %q, not %q", mode, group, does[group], want[0])
				}
			}
			if does["rate-limit"] != want[1] {
				t.Errorf("with firewall %s, the limit of requests does %q, not %q", mode, does["rate-limit"], want[1])
			}
			limit := acl.Inputs["rules"].ArrayValue()[len(managed)].ObjectValue()["statement"].ObjectValue()["rateBasedStatement"].ObjectValue()
			if limit["limit"].NumberValue() != 500 || limit["aggregateKeyType"].StringValue() != "IP" {
				t.Errorf("the limit is %v, not 500 requests of each address", limit)
			}
			if allow := acl.Inputs["defaultAction"].ObjectValue(); !allow.HasValue("allow") {
				t.Errorf("what no rule matches is not let through: %v", allow)
			}
			if scope := record.String(acl, "scope"); scope != "REGIONAL" {
				t.Errorf("the web ACL is %s: only a regional one stands before a load balancer", scope)
			}
		}
	})
}

func TestItStandsBeforeTheLoadBalancer(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(before(nil)), world)
		placed := record.Get("web-web-acl-association")
		if got := record.String(placed, "resourceArn"); !strings.HasSuffix(got, "loadbalancer/app/web/50dc6c495c0c9188") {
			t.Errorf("the firewall stands before %q: requests get past it", got)
		}
		if !slices.Contains(placed.InputsFrom["webAclArn"], record.Get("web-web-acl").URN) {
			t.Error("what stands before the load balancer is not the web ACL")
		}
	})
}

func TestItLogsWhatItFoundAndNoSession(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(before(func(a *Args) { a.LogRetentionDays = 400 })), world)
		group := record.Get("web-firewall-logs")
		if world.Mode == infratest.Update && !strings.HasPrefix(record.String(group, "name"), "aws-waf-logs-") {
			t.Errorf("the log group is called %q: WAF writes to none that does not begin with aws-waf-logs-", record.String(group, "name"))
		}
		if days := group.Inputs["retentionInDays"].NumberValue(); days != 400 {
			t.Errorf("the log is kept for %v days, not for 400", days)
		}
		logging := record.Get("web-firewall-logging").Inputs
		filter := logging["loggingFilter"].ObjectValue()
		if filter["defaultBehavior"].StringValue() != "DROP" {
			t.Errorf("every request is logged, which costs more than the firewall: %v", filter)
		}
		var kept []string
		for _, condition := range filter["filters"].ArrayValue()[0].ObjectValue()["conditions"].ArrayValue() {
			kept = append(kept, condition.ObjectValue()["actionCondition"].ObjectValue()["action"].StringValue())
		}
		if !slices.Contains(kept, "COUNT") || !slices.Contains(kept, "BLOCK") {
			t.Errorf("of what was counted and blocked, the log has only %v", kept)
		}
		var redacted []string
		for _, field := range logging["redactedFields"].ArrayValue() {
			redacted = append(redacted, field.ObjectValue()["singleHeader"].ObjectValue()["name"].StringValue())
		}
		if !slices.Equal(redacted, []string{"authorization", "cookie"}) {
			t.Errorf("only %v are kept out of the log: who may read it could take over a session", redacted)
		}
	})
}

func TestBadArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	record, err := infratest.Run(t, makes(Args{Mode: "on", RateLimit: 9, LogRetentionDays: 2}), infratest.Options{})
	for _, want := range []string{
		"loadBalancerArn", `firewall: got "on", want off, count or block`, "firewallRateLimit: got 9, want 10 to 2000000000", "firewallLogRetentionDays: got 2",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if len(record.Resources) > 0 {
		t.Errorf("%v were registered all the same", record.Names())
	}
	if _, err := infratest.Run(t, makes(before(func(a *Args) { a.Mode = ModeOff })), infratest.Options{}); err == nil {
		t.Error("a firewall that is off is made all the same")
	}
}
