package loadbalancer

import (
	"fmt"
	"strings"
	"testing"
	"testing/quick"

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
			ctx.Export("targetGroupArnSuffix", balancer.TargetGroupARNSuffix)
		}
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	args := open(func(a *Args) { a.AllowedCIDRs = []string{"10.0.0.0/8", "192.0.2.7/32"} })
	infratest.WantNames(t, makes("web", args),
		"web-http-listener", "web-lb", "web-lb-ingress-10-0-0-0-8", "web-lb-ingress-192-0-2-7-32", "web-lb-sg", "web-tg")
}

func TestNobodyIsLetInUnlessItIsWrittenOut(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes("web", open(func(a *Args) { a.AllowedCIDRs = nil })), "allowedCidrs")
}

func TestRequestSmugglingAndSlowDrainingAreRuledOut(t *testing.T) {
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
		if delay := record.Get("web-tg").Inputs["deregistrationDelay"].NumberValue(); delay < 5 || delay > 30 {
			t.Errorf("a target that leaves is drained for %v s, in each deployment and each destroy", delay)
		}
	})
}

func TestADelayOfZeroIsNotTakenForTheDefault(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		zero := 0
		record := infratest.MustRun(t, makes("web", open(func(a *Args) { a.DeregistrationDelay = &zero })), world)
		if delay := record.Get("web-tg").Inputs["deregistrationDelay"].NumberValue(); delay != 0 {
			t.Errorf("a delay of 0 was asked for, and it is %v", delay)
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
			"arnSuffix": "app/web-lb-", "targetGroupArnSuffix": "targetgroup/web-tg-",
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
	tooLong := maxDeregistrationDelay + 1
	infratest.WantRefused(t, makes("internal-web", Args{
		AllowedCIDRs: []string{"::/0"}, Port: -1, ContainerPort: 70000, DeregistrationDelay: &tooLong,
		HealthCheck: HealthCheck{Path: "x", Interval: 4, Timeout: 9, Healthy: 1, Unhealthy: 11, Matcher: "500"},
	}),
		"name", "vpcId", "subnetIds", "allowedCidrs[0]", "port", "containerPort", "healthCheckPath", "healthCheck.interval",
		"healthCheck.timeout", "healthCheck.healthy", "healthCheck.unhealthy", "healthCheck.matcher", "deregistrationDelay")
}

func TestEveryNameFitsAndNamesStayApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	holds := func(seed []byte, role bool) bool {
		name := strings.Repeat("long-name-", 2) + strings.Map(func(r rune) rune { return 'a' + r%26 }, string(seed)) + "x"
		suffix := "-lb"
		if role {
			suffix = "-tg"
		}
		child := childName(name, suffix)
		if other, ok := seen[child]; ok && other != name {
			t.Errorf("%s and %s are both called %s", name, other, child)
		}
		seen[child] = name
		return len(child)+autoNameSuffix <= maxPhysicalName && strings.HasSuffix(child, suffix) &&
			!strings.Contains(child, "--")
	}
	if err := quick.Check(holds, &quick.Config{MaxCount: 2000}); err != nil {
		t.Errorf("AWS would refuse a name that validation accepts: %v", err)
	}
	if got := childName("sample-app", "-lb"); got != "sample-app-lb" {
		t.Errorf("a short name is changed to %s", got)
	}
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
