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

// secure has a listener with TLS.
func secure(a *Args) {
	a.HTTPS, a.CertificateARN = true, pulumi.String("arn:aws:acm:us-east-1:123456789012:certificate/1")
}

func TestWithTLSThereIsASecondListenerForTheSameClients(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes("web", open(secure)),
		"web-http-listener", "web-https-listener", "web-lb", "web-lb-ingress-0-0-0-0-0", "web-lb-ingress-https-0-0-0-0-0", "web-lb-sg")
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes("web", open(secure)), world)
		listener := record.Get("web-https-listener")
		if got := record.String(listener, "sslPolicy"); got != "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" {
			t.Errorf("clients may come with old ciphers, by %s (FSBP ELB.17)", got)
		}
		if record.String(listener, "certificateArn") != "arn:aws:acm:us-east-1:123456789012:certificate/1" || listener.Inputs["port"].NumberValue() != 443 {
			t.Errorf("the listener is %v", listener.Inputs)
		}
		if action := listener.Inputs["defaultActions"].ArrayValue()[0].ObjectValue()["type"].StringValue(); action != "fixed-response" {
			t.Errorf("before a rule sends requests the listener does %s", action)
		}
		opening := record.Get("web-lb-ingress-https-0-0-0-0-0")
		if opening.Inputs["fromPort"].NumberValue() != 443 || opening.Inputs["toPort"].NumberValue() != 443 {
			t.Errorf("clients are let in on %v", opening.Inputs)
		}
	})
	infratest.WantRefused(t, makes("web", open(func(a *Args) { a.HTTPS = true })), "certificateArn")
	infratest.WantRefused(t, makes("web", open(func(a *Args) {
		secure(a)
		a.AllowedCIDRs = nil
		for i := range maxRules/2 + 1 {
			a.AllowedCIDRs = append(a.AllowedCIDRs, fmt.Sprintf("10.0.%d.0/24", i))
		}
	})), "allowedCidrs")
}

func TestAccessLogsGoToTheBucketThatIsGiven(t *testing.T) {
	t.Parallel()
	record := infratest.MustRun(t, makes("web", open(func(a *Args) { a.AccessLogsBucket = pulumi.String("logs") })), infratest.Options{})
	logs := record.Get("web-lb").Inputs["accessLogs"].ObjectValue()
	if logs["bucket"].StringValue() != "logs" || !logs["enabled"].BoolValue() {
		t.Errorf("the load balancer logs to %v", logs)
	}
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
