package service

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
)

// scaled are arguments with everything that autoscaling takes.
func scaled(change func(*Autoscaling)) Args {
	scaling := &Autoscaling{
		MinCapacity: new(2), MaxCapacity: 10, CPUTarget: 60, MemoryTarget: 70, RequestsTarget: 500,
		Schedules: []Schedule{{
			Name: "night", Schedule: "cron(0 20 * * ? *)", Timezone: "Europe/Berlin", MinCapacity: new(0), MaxCapacity: new(2),
		}},
	}
	if change != nil {
		change(scaling)
	}
	return behind(func(a *Args) {
		a.Autoscaling, a.RequestsLabel = scaling, pulumi.String("app/lb/1/targetgroup/tg/2")
	})
}

func TestAutoscalingMakesItsChildren(t *testing.T) {
	t.Parallel()
	infratest.WantNames(t, makes(scaled(nil)),
		"web-lb-egress-8080", "web-scaling-cpu", "web-scaling-memory", "web-scaling-requests", "web-scaling-schedule-night",
		"web-scaling-target", "web-service", "web-tasks-egress-443", "web-tasks-ingress-8080", "web-tasks-sg")
}

func TestTheServiceIsScaledBetweenItsBounds(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(scaled(nil)), world)
		target := record.Get("web-scaling-target")
		// The service has no name before it is made.
		if world.Mode == infratest.Update && record.String(target, "resourceId") != "service/c/web-service-1234567" {
			t.Errorf("%v is scaled, not the service", target.Inputs["resourceId"])
		}
		if !slices.Contains(target.InputsFrom["resourceId"], record.Get("web-service").URN) {
			t.Error("the target does not wait for the service, and AWS would not know what to scale")
		}
		if low, high := target.Inputs["minCapacity"].NumberValue(), target.Inputs["maxCapacity"].NumberValue(); low != 2 || high != 10 {
			t.Errorf("the bounds are %v and %v", low, high)
		}
		for name, want := range map[string]struct {
			metric string
			value  float64
		}{
			"web-scaling-cpu":      {"ECSServiceAverageCPUUtilization", 60},
			"web-scaling-memory":   {"ECSServiceAverageMemoryUtilization", 70},
			"web-scaling-requests": {"ALBRequestCountPerTarget", 500},
		} {
			policy := record.Get(name)
			held := policy.Inputs["targetTrackingScalingPolicyConfiguration"].ObjectValue()
			metric := held["predefinedMetricSpecification"].ObjectValue()
			if got := metric["predefinedMetricType"].StringValue(); got != want.metric || held["targetValue"].NumberValue() != want.value {
				t.Errorf("%s holds %s at %v", name, got, held["targetValue"])
			}
			if out, in := held["scaleOutCooldown"].NumberValue(), held["scaleInCooldown"].NumberValue(); out != 60 || in != 300 {
				t.Errorf("%s adds tasks every %v s and takes them away every %v s: a burst is served late, or tasks come and go", name, out, in)
			}
			label, labelled := metric["resourceLabel"]
			if labelled != (name == "web-scaling-requests") || labelled && label.StringValue() != "app/lb/1/targetgroup/tg/2" {
				t.Errorf("%s counts the requests of %v", name, label)
			}
			if !record.WaitsFor(policy, "web-scaling-target") {
				t.Errorf("%s does not wait for its target: AWS would refuse it", name)
			}
		}
		night := record.Get("web-scaling-schedule-night")
		bounds := night.Inputs["scalableTargetAction"].ObjectValue()
		if record.String(night, "timezone") != "Europe/Berlin" || bounds["minCapacity"].NumberValue() != 0 || bounds["maxCapacity"].NumberValue() != 2 {
			t.Errorf("the night is %v", night.Inputs)
		}
	})
}

func TestASchedulesHoursAreThoseOfUTCUnlessItNamesAZone(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for zone, want := range map[string]string{"": "UTC", "Asia/Tokyo": "Asia/Tokyo"} {
			args := scaled(func(a *Autoscaling) { a.Schedules[0].Timezone = zone })
			night := infratest.MustRun(t, makes(args), world).Get("web-scaling-schedule-night")
			if got := night.Inputs["timezone"].StringValue(); got != want {
				t.Errorf("with the time zone %q the schedule follows that of %s: the service is scaled at another hour than its author meant", zone, got)
			}
		}
	})
}

func TestTheNumberOfTasksIsIgnoredWhereAutoscalingDecides(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for what, test := range map[string]struct {
			args    Args
			begin   float64
			ignores bool
		}{
			"no autoscaling":    {behind(func(a *Args) { a.DesiredCount = new(4) }), 4, false},
			"within the bounds": {scaled(nil), 2, true},
			"above them":        {withCount(scaled(nil), 50), 10, true},
			"as asked for":      {withCount(scaled(nil), 5), 5, true},
			"nothing at night": {withCount(scaled(func(a *Autoscaling) {
				a.MinCapacity, a.CPUTarget, a.MemoryTarget, a.RequestsTarget = new(0), 0, 0, 0
			}), 0), 0, true},
			"below the bounds": {withCount(scaled(nil), 0), 2, true},
		} {
			service := infratest.MustRun(t, makes(test.args), world).Get("web-service")
			if got := service.Inputs["desiredCount"].NumberValue(); got != test.begin {
				t.Errorf("%s: the service begins with %v tasks, not %v", what, got, test.begin)
			}
			if got := slices.Contains(service.IgnoreChanges, "desiredCount"); got != test.ignores {
				t.Errorf("%s: desiredCount ignored is %v: an update would fight autoscaling, or leave what is asked for undone", what, got)
			}
		}
	})
}

func withCount(a Args, count int) Args {
	a.DesiredCount = &count
	return a
}

func TestAutoscalingWithBoundsAloneHoldsTheCPU(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		bounds := Autoscaling{MaxCapacity: 3}
		record := infratest.MustRun(t, makes(behind(func(a *Args) { a.Autoscaling = &bounds })), world)
		held := record.Get("web-scaling-cpu").Inputs["targetTrackingScalingPolicyConfiguration"].ObjectValue()
		if held["targetValue"].NumberValue() != DefaultCPUTarget || len(record.Type("aws:appautoscaling/policy:Policy")) != 1 {
			t.Errorf("without a target the service is scaled by %v", held)
		}
		if bounds.CPUTarget != 0 || bounds.MinCapacity != nil {
			t.Error("the caller's own arguments are changed")
		}
		if low := record.Get("web-scaling-target").Inputs["minCapacity"].NumberValue(); low != 1 {
			t.Errorf("at least %v tasks run", low)
		}
	})
}

func TestAlarmsRollDeploymentsBackOnlyWhereTheyAreOn(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		names := pulumi.ToStringArray([]string{"c-web-5xx"})
		for enable, alarms := range map[bool]DeploymentAlarms{true: {Names: names, Enable: true}, false: {Names: names}} {
			service := infratest.MustRun(t, makes(behind(func(a *Args) { a.Alarms = alarms })), world).Get("web-service")
			got := service.Inputs["alarms"].ObjectValue()
			if got["enable"].BoolValue() != enable || got["rollback"].BoolValue() != enable || got["alarmNames"].ArrayValue()[0].StringValue() != "c-web-5xx" {
				t.Errorf("alarms that are on=%v reach the service as %v", enable, got)
			}
		}
		if none := infratest.MustRun(t, makes(behind(nil)), world).Get("web-service").Inputs["alarms"]; none != (resource.PropertyValue{}) && !none.IsNull() {
			t.Errorf("a service without alarms has %v", none)
		}
	})
}

func TestBadAutoscalingIsRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(behind(func(a *Args) {
		a.Alarms.Enable = true
		a.Autoscaling = &Autoscaling{
			MinCapacity: new(-1), CPUTarget: 9, MemoryTarget: 91, RequestsTarget: 1_000_001,
			Schedules: []Schedule{
				{Name: "a", Schedule: "at(2026-01-01T00:00:00)", MinCapacity: new(1), MaxCapacity: new(1)},
				{Name: "a b", Schedule: "rate(0 hours)", Timezone: "Local", MaxCapacity: new(5001)},
			},
		}
	})),
		"alarms.names", "requestsLabel", "autoscaling.maxCapacity", "autoscaling.minCapacity", "autoscaling.cpuTarget", "autoscaling.memoryTarget",
		"autoscaling.requestsTarget", "autoscaling.schedules[1].name", "autoscaling.schedules[1].schedule",
		"autoscaling.schedules[1].timezone", "autoscaling.schedules[1].minCapacity", "autoscaling.schedules[1].maxCapacity")
}

func TestAutoscalingKeepsAtLeastTheTasksThatWereAskedFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		desired, maximum int
		want             float64
	}{{2, 10, 2}, {1, 10, 1}, {0, 10, 1}, {20, 10, 10}} {
		record := infratest.MustRun(t, makes(behind(func(a *Args) {
			a.DesiredCount, a.Autoscaling = &test.desired, &Autoscaling{MaxCapacity: test.maximum}
		})), infratest.Options{})
		if got := record.Get("web-scaling-target").Inputs["minCapacity"].NumberValue(); got != test.want {
			t.Errorf("with %d tasks of at most %d, autoscaling goes down to %v, not to %v: a service of two would be scaled in to one by night",
				test.desired, test.maximum, got, test.want)
		}
	}
}

func TestAServiceThatNothingWouldBringBackFromZeroIsRefused(t *testing.T) {
	t.Parallel()
	for what, scaling := range map[string]Autoscaling{
		"the CPU by default": {MinCapacity: new(0), MaxCapacity: 4},
		"CPU":                {MinCapacity: new(0), MaxCapacity: 4, CPUTarget: 50},
		"memory":             {MinCapacity: new(0), MaxCapacity: 4, MemoryTarget: 50},
		"requests":           {MinCapacity: new(0), MaxCapacity: 4, RequestsTarget: 50},
	} {
		problems := infratest.Refused(t, makes(behind(func(a *Args) {
			a.Autoscaling, a.RequestsLabel = &scaling, pulumi.String("app/lb/1/targetgroup/tg/2")
		})), infratest.Options{})
		if len(problems) != 1 || problems[0].Path != "autoscaling.minCapacity" || !strings.Contains(problems[0].Want, "no metric") {
			t.Errorf("a service scaled by %s may go to 0 and stays there: %v", what, problems)
		}
	}
}

func TestOnlyAServiceThatIsLeftWithoutTasksOnPurposeMayBeIdle(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		args Args
		idle bool
	}{
		"by default":         {Args{}, false},
		"stopped":            {Args{DesiredCount: new(0)}, true},
		"scaled":             {Args{DesiredCount: new(0), Autoscaling: &Autoscaling{MaxCapacity: 2}}, false},
		"stopped at night":   {Args{Autoscaling: &Autoscaling{MaxCapacity: 2, Schedules: []Schedule{{MinCapacity: new(0)}}}}, true},
		"smaller at night":   {Args{Autoscaling: &Autoscaling{MaxCapacity: 2, Schedules: []Schedule{{MinCapacity: new(1)}}}}, false},
		"nothing by default": {Args{Autoscaling: &Autoscaling{MinCapacity: new(0), MaxCapacity: 2, Schedules: []Schedule{{MinCapacity: new(1)}}}}, true},
	} {
		if got := test.args.MayBeIdle(); got != test.idle {
			t.Errorf("%s: without tasks on purpose is %v: an alarm would go off every night, or never", what, got)
		}
	}
}
