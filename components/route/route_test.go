package route

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

// behind are arguments with what is required.
func behind(change func(*Args)) Args {
	args := Args{
		VpcID:                 pulumi.String("vpc-1"),
		ListenerARN:           pulumi.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/0123456789abcdef/0123456789abcdef"),
		LoadBalancerARNSuffix: pulumi.String("app/web/0123456789abcdef"),
	}
	if change != nil {
		change(&args)
	}
	return args
}

func makes(args Args, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		way, err := New(ctx, "web", args, opts...)
		if err != nil {
			return err
		}
		serving, err := way.Send(pulumi.String("proven"))
		if err != nil {
			return err
		}
		ctx.Export("requestsLabel", way.RequestsLabel)
		ctx.Export("targetGroupArnSuffix", serving.TargetGroupARNSuffix)
		return nil
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(behind(nil)), "web-attach", "web-rule", "web-tg")
}

func TestWithTLSTheOtherRuleRedirectsOnceThisOneSends(t *testing.T) {
	t.Parallel()
	const listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/0123456789abcdef/fedcba9876543210"
	secure := behind(func(a *Args) { a.HTTPSListenerARN, a.Protect = pulumi.String(listener), true })
	infratest.WantNames(t, makes(secure), "web-attach", "web-https-rule", "web-rule", "web-tg")
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(secure), world)
		sends, redirects := record.Get("web-https-rule"), record.Get("web-rule")
		if record.String(sends, "listenerArn") != listener || sends.Inputs["actions"].ArrayValue()[0].ObjectValue()["type"].StringValue() != "forward" {
			t.Errorf("requests with TLS are not sent: %v", sends.Inputs)
		}
		action := redirects.Inputs["actions"].ArrayValue()[0].ObjectValue()
		if action["type"].StringValue() != "redirect" {
			t.Fatalf("requests without TLS are not redirected (FSBP ELB.1): %v", action)
		}
		to := action["redirect"].ObjectValue()
		if to["protocol"].StringValue() != "HTTPS" || to["port"].StringValue() != "443" || to["statusCode"].StringValue() != "HTTP_301" {
			t.Errorf("requests without TLS are redirected to %v", to)
		}
		if !record.WaitsFor(redirects, "web-https-rule") {
			t.Error("requests are redirected before they are sent there, and answered with 404")
		}
		if !sends.Protect || !redirects.Protect {
			t.Error("a destroy of a protected stack begins with the rules that send requests")
		}
		if record.String(record.Get("web-attach"), "listenerArn") == listener {
			t.Error("the target group is attached by another listener than before: a switch to TLS would lose it in between")
		}
	})
}

func TestNoRequestMatchesTheRuleThatAttaches(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		attach := infratest.MustRun(t, makes(behind(nil)), world).Get("web-attach")
		conditions := attach.Inputs["conditions"].ArrayValue()
		if len(conditions) != 1 {
			t.Fatalf("there are %d conditions", len(conditions))
		}
		values := conditions[0].ObjectValue()["sourceIp"].ObjectValue()["values"].ArrayValue()
		if len(values) != 1 || values[0].StringValue() != "192.0.2.1/32" {
			t.Errorf("requests from %v match: they reach tasks that have not proved themselves", values)
		}
		if priority, ok := attach.Inputs["priority"]; ok {
			t.Errorf("it has the priority %v, which a rule that sends may want", priority)
		}
	})
}

// TestTheTargetGroupIsAttachedBeforeItIsUsedAndRequestsComeLast wants the order in
// which things happen: by it alone requests never reach tasks that do not serve.
func TestTheTargetGroupIsAttachedBeforeItIsUsedAndRequestsComeLast(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		program := func(ctx *pulumi.Context) error {
			way, err := New(ctx, "web", behind(nil))
			if err != nil {
				return err
			}
			var tasks pulumi.CustomResourceState
			if err := ctx.RegisterResource("aws:ec2/subnet:Subnet", "tasks", pulumi.Map{"vpcId": way.TargetGroupARN}, &tasks); err != nil {
				return err
			}
			_, err = way.Send(tasks.ID().ToStringOutput())
			return err
		}
		record, _ := infratest.Run(t, program, world)
		for waiting, first := range map[string]string{"tasks": "web-attach", "web-rule": "tasks", "web-attach": "web-tg"} {
			if !record.WaitsFor(record.Get(waiting), first) {
				t.Errorf("%s does not wait for %s", waiting, first)
			}
		}
	})
}

func TestWhatCannotChangeInPlaceReplacesTheTargetGroup(t *testing.T) {
	t.Parallel()
	trigger := func(change func(*Args)) string {
		record := infratest.MustRun(t, makes(behind(change)), infratest.Options{})
		if got := record.Get("web-attach").ReplacedWith; got != record.Get("web-tg").ReplacedWith {
			t.Errorf("the target group is replaced with %q and its rule with %q: tasks that leave lose the load balancer before their requests are done",
				record.Get("web-tg").ReplacedWith, got)
		}
		return record.Get("web-tg").ReplacedWith
	}
	same := trigger(nil)
	for what, change := range map[string]func(*Args){
		"another VPC":               func(a *Args) { a.VpcID = pulumi.String("vpc-2") },
		"another port":              func(a *Args) { a.ContainerPort = 8080 },
		"another health check":      func(a *Args) { a.HealthCheck.Path = "/health" },
		"other codes":               func(a *Args) { a.HealthCheck.Matcher = "200-299" },
		"what else is not in place": func(a *Args) { a.Replace = []string{"FARGATE_SPOT"} },
	} {
		if trigger(change) == same {
			t.Errorf("%s changes the target group in place: the tasks that serve are unhealthy at once, and a rollback does not bring them back", what)
		}
	}
	for what, change := range map[string]func(*Args){
		"another interval": func(a *Args) { a.HealthCheck.Interval = 10 },
		"another delay":    func(a *Args) { a.DeregistrationDelay = new(20) },
		"other tags":       func(a *Args) { a.Tags = map[string]string{"a": "b"} },
		"another priority": func(a *Args) { a.Priority = 700 },
	} {
		if trigger(change) != same {
			t.Errorf("%s starts a second service for nothing", what)
		}
	}
	if group := infratest.MustRun(t, makes(behind(nil)), infratest.Options{}).Get("web-tg"); group.Inputs["name"].IsString() {
		t.Error("the target group has a name of its own, so the old one would be deleted first")
	}
}

func TestSlowDrainingIsRuledOutAndZeroIsNotTakenForTheDefault(t *testing.T) {
	t.Parallel()
	delay := func(change func(*Args)) float64 {
		return infratest.MustRun(t, makes(behind(change)), infratest.Options{}).Get("web-tg").Inputs["deregistrationDelay"].NumberValue()
	}
	if got := delay(nil); got < 5 || got > 30 {
		t.Errorf("a target that leaves is drained for %v s, in each deployment and each destroy", got)
	}
	if got := delay(func(a *Args) { a.DeregistrationDelay = new(0) }); got != 0 {
		t.Errorf("a delay of 0 was asked for, and it is %v", got)
	}
}

func TestTheMetricsAreThoseOfItsOwnRequests(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(behind(nil)), world)
		suffix, _ := record.Output("targetGroupArnSuffix").(string)
		if !strings.HasPrefix(suffix, "targetgroup/web-tg-") {
			t.Errorf("the dimension is %s: an alarm with it watches nothing", suffix)
		}
		if label := record.Output("requestsLabel"); label != "app/web/0123456789abcdef/"+suffix {
			t.Errorf("the label is %s: autoscaling would count other requests, or none", label)
		}
	})
}

func TestPrioritiesGoByNameAndStayWithinTheirRoom(t *testing.T) {
	t.Parallel()
	rule := func(change func(*Args)) resource.PropertyValue {
		return infratest.MustRun(t, makes(behind(change)), infratest.Options{}).Get("web-rule").Inputs["priority"]
	}
	if got := rule(nil).NumberValue(); got != float64(priorityOf("web")) {
		t.Errorf("the rule has the priority %v: another service that comes or goes would move it", got)
	}
	if got := rule(func(a *Args) { a.Priority = 700 }).NumberValue(); got != 700 {
		t.Errorf("the priority 700 was asked for, and it is %v", got)
	}
	seen := map[int]bool{}
	for _, name := range []string{"", "a", "b", "web", "api", "sample-app", "worker", strings.Repeat("long", 10)} {
		priority := priorityOf(name)
		if priority < firstPriority || priority > lastPriority || seen[priority] {
			t.Errorf("%s has the priority %d, which is out of bounds or another's", name, priority)
		}
		seen[priority] = true
	}
}

func TestOnlyTheRuleThatSendsIsProtected(t *testing.T) {
	t.Parallel()
	record := infratest.MustRun(t, makes(behind(func(a *Args) { a.Protect = true })), infratest.Options{})
	var protected []string
	for _, name := range record.Names() {
		if record.Get(name).Protect {
			protected = append(protected, name)
		}
	}
	if !slices.Equal(protected, []string{"web-rule"}) {
		t.Errorf("%v are protected: without the rule a destroy would begin with the service, and a protected target group could not be replaced", protected)
	}
}

func TestItIsMadeByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc { return makes(behind(nil), given) })
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "internal-web", Args{
			ContainerPort: 70000, DeregistrationDelay: new(maxDeregistrationDelay + 1), Priority: lastPriority + 1,
			HealthCheck: HealthCheck{Path: "x", Interval: 10, Timeout: 10, Healthy: 1, Unhealthy: 11, Matcher: "500"},
		})
		return err
	},
		"name", "vpcId", "listenerArn", "loadBalancerArnSuffix", "containerPort", "healthCheckPath",
		"healthCheckTimeout", "healthyThreshold", "unhealthyThreshold", "healthCheckCodes", "deregistrationDelay", "priority")
}

func TestAPreviewSaysThatRequestsMoveOnlyIfTheyDo(t *testing.T) {
	t.Parallel()
	const line = "web-rule: info: Requests move to the new service when its tasks are healthy."
	for what, test := range map[string]struct {
		mode  infratest.Mode
		stays []string
		want  bool
	}{
		"a target group that replaces another":   {infratest.Preview, []string{"web-rule"}, true},
		"nothing that changes":                   {infratest.Preview, []string{"web-rule", "web-attach", "web-tg"}, false},
		"a first deployment":                     {infratest.Preview, nil, false},
		"a first deployment that failed halfway": {infratest.Preview, []string{"web-attach", "web-tg"}, false},
		"another load balancer":                  {infratest.Preview, []string{"web-attach"}, false},
		"an update, in which all is known":       {infratest.Update, nil, false},
	} {
		said := infratest.MustRun(t, makes(behind(nil)), infratest.Options{Mode: test.mode, Stays: test.stays}).Said
		if len(said) > 1 || (len(said) == 1 && strings.HasPrefix(said[0], line)) != test.want {
			t.Errorf("of %s it is said: %q", what, said)
		}
	}
}

// TestWhatAPreviewForetellsHoldsUpNothing has the rule wait for something that is
// registered after it.
func TestWhatAPreviewForetellsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	infratest.Both(t, func(t *testing.T, mode infratest.Mode) {
		record := infratest.MustRun(t, func(ctx *pulumi.Context) error {
			way, err := New(ctx, "web", behind(nil))
			if err != nil {
				return err
			}
			proven, prove, _ := ctx.NewOutput()
			sent := make(chan error, 1)
			go func() {
				_, err := way.Send(proven.ApplyT(func(any) string { return "proven" }).(pulumi.StringOutput))
				sent <- err
			}()
			select {
			case err = <-sent:
			case <-time.After(time.Minute):
				err = errors.New("what comes after the rule waits for the rule")
			}
			prove(nil)
			return err
		}, infratest.Options{Mode: mode, Stays: []string{"web-rule"}})
		if want := mode == infratest.Preview; (len(record.Said) == 1) != want {
			t.Errorf("it is said: %q", record.Said)
		}
	})
}
