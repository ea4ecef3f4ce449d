package loadbalancer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

// open are arguments with what is required.
func open(change func(*Args)) Args {
	args := Args{
		VpcID:        pulumi.String("vpc-1"),
		SubnetIDs:    pulumi.ToStringArray([]string{"subnet-1", "subnet-2"}),
		AllowedCIDRs: []string{"0.0.0.0/0"},
	}
	if change != nil {
		change(&args)
	}
	return args
}

func makes(name string, args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		balancer, err := New(ctx, name, args)
		if err == nil {
			ctx.Export("url", balancer.URL)
			ctx.Export("arnSuffix", balancer.ARNSuffix)
		}
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	args := open(func(a *Args) { a.AllowedCIDRs = []string{"10.0.0.0/8", "192.0.2.7/32"} })
	infratest.WantNames(t, makes("web", args),
		"web-http-listener", "web-lb", "web-lb-ingress-10-0-0-0-8", "web-lb-ingress-192-0-2-7-32", "web-lb-sg")
}

func TestNobodyIsLetInUnlessItIsWrittenOut(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes("web", open(func(a *Args) { a.AllowedCIDRs = nil })), "allowedCidrs")
}

func TestRequestSmugglingIsRuledOut(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes("web", open(nil)), world)
		balancer := record.Get("web-lb")
		if !balancer.Inputs["dropInvalidHeaderFields"].BoolValue() {
			t.Error("invalid header fields reach the tasks (FSBP ELB.4)")
		}
		if mode := record.String(balancer, "desyncMitigationMode"); mode != "defensive" {
			t.Errorf("desync mitigation is %s (FSBP ELB.12)", mode)
		}
	})
}

func TestAnotherListenerPortShowsInRuleListenerAndURL(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		args := open(func(a *Args) { a.Port = 8080 })
		record := infratest.MustRun(t, makes("web", args), world)
		rule, listener := record.Get("web-lb-ingress-0-0-0-0-0"), record.Get("web-http-listener")
		if rule.Inputs["fromPort"].NumberValue() != 8080 || rule.Inputs["toPort"].NumberValue() != 8080 {
			t.Error("the listener's port is closed, or another is open")
		}
		if listener.Inputs["port"].NumberValue() != 8080 {
			t.Error("the listener listens elsewhere")
		}
		if url := record.Output("url"); url != "http://"+world.DNSName("web-lb")+":8080" {
			t.Errorf("the URL is %s, where nothing answers", url)
		}
	})
}

func TestTheSuffixesAreTheDimensionsOfItsOwnMetrics(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes("web", open(nil)), world)
		for output, start := range map[string]string{
			"arnSuffix": "app/web-lb-",
		} {
			if got := fmt.Sprint(record.Output(output)); !strings.HasPrefix(got, start) {
				t.Errorf("%s is %s: an alarm with that dimension watches nothing", output, got)
			}
		}
	})
}

func TestTheLoadBalancerIsMadeByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := New(ctx, "web", open(nil), given)
			return err
		}
	})
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes("internal-web", Args{AllowedCIDRs: []string{"::/0"}, Port: -1}),
		"name", "vpcId", "subnetIds", "allowedCidrs[0]", "port")
}

func TestAnotherVPCHasALoadBalancerOfItsOwn(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		balancer := infratest.MustRun(t, makes("web", open(nil)), world).Get("web-lb")
		if balancer.ReplacedWith != "vpc-1" {
			t.Errorf("the load balancer would be moved to another VPC, which AWS refuses: it is replaced with %q", balancer.ReplacedWith)
		}
	})
}

func TestTheListenerSendsNothingByItself(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		listener := infratest.MustRun(t, makes("web", open(nil)), world).Get("web-http-listener")
		actions := listener.Inputs["defaultActions"].ArrayValue()
		if len(actions) != 1 || actions[0].ObjectValue()["type"].StringValue() != "fixed-response" ||
			actions[0].ObjectValue()["fixedResponse"].ObjectValue()["statusCode"].StringValue() != "404" {
			t.Errorf("the listener does %v with a request that no rule sends, and not 404: it would reach tasks before they serve", actions)
		}
	})
}

func TestAProtectedLoadBalancerIsDeletedByNobody(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for _, protected := range []bool{false, true} {
			balancer := infratest.MustRun(t, makes("web", open(func(a *Args) { a.DeletionProtection = protected })), world).Get("web-lb")
			if balancer.Protect != protected || balancer.Inputs["enableDeletionProtection"].BoolValue() != protected {
				t.Errorf("with deletion protection %v Pulumi has %v and AWS %v: AWS alone refuses only after the service is gone",
					protected, balancer.Protect, balancer.Inputs["enableDeletionProtection"])
			}
		}
	})
}
