package service

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // The names of time zones, for machines that have none.

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

const (
	// DefaultCPUTarget is the average CPU use, in percent, that autoscaling
	// holds where no other target is given: room for a burst while new tasks
	// start.
	DefaultCPUTarget = 70
	// scaleOutCooldown is how many seconds tasks that were added have to take
	// load before more are added, and scaleInCooldown how many pass before more
	// are taken away: up quickly, down with care. AWS's default is 300 for both
	// (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html).
	scaleOutCooldown, scaleInCooldown = 60, 300
	// maxSchedules is AWS's quota of scheduled actions for a service
	// (https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-quotas.html).
	maxSchedules = 200
	// maxRequestsTarget, in requests a minute, is far above what a task serves.
	maxRequestsTarget = 1_000_000

	scalableDimension = "ecs:service:DesiredCount"
	scalableNamespace = "ecs"
)

// Autoscaling lets AWS Application Auto Scaling decide how many tasks run.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html
type Autoscaling struct {
	// MinCapacity is the fewest tasks, 1 to [MaxCapacity]; also 0 if nothing but
	// schedules moves the number, because a service without tasks has no metric that
	// could bring it back. Default DesiredCount.
	MinCapacity *int `mapstructure:"minCapacity"`
	// MaxCapacity is the most tasks, 1 to 5000, and so what bounds the bill. It has
	// to be set.
	MaxCapacity int `mapstructure:"maxCapacity"`
	// CPUTarget is the average CPU use of all tasks, in percent, that is held by
	// adding and taking away tasks, 10 to 90; 0 is none. If no target and no schedule
	// is given, it is 70. Default none.
	CPUTarget int `mapstructure:"cpuTarget"`
	// MemoryTarget is the average memory use that is held in the same way, 10 to 90
	// percent; 0 is none. Default none.
	MemoryTarget int `mapstructure:"memoryTarget"`
	// RequestsTarget is the number of requests a minute for each task that is held in
	// the same way, 1 to 1000000; 0 is none. Default none.
	RequestsTarget int `mapstructure:"requestsTarget"`
	// Schedules are other bounds at certain times. Default none.
	Schedules []Schedule `mapstructure:"schedules"`
}

// Schedule sets the bounds of autoscaling at certain times. They stay until the
// next schedule sets others; so there are always two, one for the morning and one
// for the evening. An update that changes the bounds of Autoscaling sets them back
// to those.
// https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
type Schedule struct {
	// Name tells this schedule from others, in 1 to 40 letters, digits and hyphens.
	// It has to be set.
	Name string `mapstructure:"name"`
	// Schedule is when: cron(MINUTE HOUR DAY MONTH WEEKDAY YEAR),
	// rate(VALUE UNIT) or at(YYYY-MM-DDTHH:MM:SS). It has to be set.
	// https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
	Schedule string `mapstructure:"schedule"`
	// Timezone is a time zone of the IANA database, such as Europe/Berlin. Default UTC.
	Timezone string `mapstructure:"timezone"`
	// MinCapacity is the fewest tasks from then on, 0 to 5000. It has to be set.
	MinCapacity *int `mapstructure:"minCapacity"`
	// MaxCapacity is the most tasks from then on, 0 to 5000. It has to be set.
	MaxCapacity *int `mapstructure:"maxCapacity"`
}

func (a *Autoscaling) withDefaults(desiredCount int) *Autoscaling {
	if a == nil {
		return nil
	}
	full := *a
	if full.MinCapacity == nil {
		full.MinCapacity = new(max(1, min(desiredCount, full.MaxCapacity)))
	}
	if full.CPUTarget == 0 && full.MemoryTarget == 0 && full.RequestsTarget == 0 && len(full.Schedules) == 0 {
		full.CPUTarget = DefaultCPUTarget
	}
	return &full
}

var (
	scheduleNameForm = regexp.MustCompile(`^[A-Za-z0-9](-?[A-Za-z0-9]){0,39}$`)
	scheduleForm     = regexp.MustCompile(`^(cron\(\S+( \S+){5}\)|rate\([1-9]\d* (minute|hour|day)s?\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))$`)
)

func (a *Autoscaling) validate(ps *problem.Problems) {
	if a == nil {
		return
	}
	const path = "autoscaling"
	if a.MaxCapacity == 0 {
		ps.Missing(path+".maxCapacity", fmt.Sprintf("1 to %d tasks", maxTasks))
		check.Range(ps, path+".minCapacity", *a.MinCapacity, 0, maxTasks, "tasks")
	} else {
		check.Range(ps, path+".maxCapacity", a.MaxCapacity, 1, maxTasks, "tasks")
		check.Range(ps, path+".minCapacity", *a.MinCapacity, 0, max(a.MaxCapacity, 1), "tasks, as many as maxCapacity")
	}
	if *a.MinCapacity == 0 && (a.CPUTarget != 0 || a.MemoryTarget != 0 || a.RequestsTarget != 0) {
		ps.Add(path+".minCapacity", 0, "1 or more with a target: a service without tasks has no metric, so nothing would bring it back")
	}
	for _, target := range []struct {
		path  string
		value int
	}{{"cpuTarget", a.CPUTarget}, {"memoryTarget", a.MemoryTarget}} {
		if target.value != 0 {
			check.Range(ps, path+"."+target.path, target.value, 10, 90, "percent")
		}
	}
	if a.RequestsTarget != 0 {
		check.Range(ps, path+".requestsTarget", a.RequestsTarget, 1, maxRequestsTarget, "requests a minute for each task")
	}
	if len(a.Schedules) > maxSchedules {
		ps.Add(path+".schedules", fmt.Sprintf("%d schedules", len(a.Schedules)), "at most %d", maxSchedules)
	}
	for i, s := range a.Schedules {
		at := fmt.Sprintf("%s.schedules[%d]", path, i)
		if slices.ContainsFunc(a.Schedules[:i], func(other Schedule) bool { return other.Name == s.Name }) {
			ps.Add(at+".name", s.Name, "a name that is not given twice")
		}
		s.validate(ps, at)
	}
}

func (s Schedule) validate(ps *problem.Problems, at string) {
	if !scheduleNameForm.MatchString(s.Name) {
		ps.Add(at+".name", s.Name, "1 to 40 letters, digits and single hyphens")
	}
	if !scheduleForm.MatchString(s.Schedule) {
		ps.Add(at+".schedule", s.Schedule, "cron(MINUTE HOUR DAY MONTH WEEKDAY YEAR), rate(VALUE UNIT) or at(YYYY-MM-DDTHH:MM:SS)")
	}
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" {
		ps.Add(at+".timezone", s.Timezone, "a time zone of the IANA database, such as Europe/Berlin")
	}
	for _, bound := range []struct {
		path  string
		value *int
	}{{"minCapacity", s.MinCapacity}, {"maxCapacity", s.MaxCapacity}} {
		if bound.value == nil {
			ps.Missing(at+"."+bound.path, fmt.Sprintf("0 to %d tasks", maxTasks))
			continue
		}
		check.Range(ps, at+"."+bound.path, *bound.value, 0, maxTasks, "tasks")
	}
	if s.MinCapacity != nil && s.MaxCapacity != nil && *s.MinCapacity > *s.MaxCapacity {
		ps.Add(at+".minCapacity", *s.MinCapacity, "at most maxCapacity, %d", *s.MaxCapacity)
	}
}

// begin is how many tasks a new service starts with: what was asked for, within the
// bounds of autoscaling.
func (a Args) begin() int {
	if a.Autoscaling == nil {
		return *a.DesiredCount
	}
	return min(max(*a.DesiredCount, *a.Autoscaling.MinCapacity), a.Autoscaling.MaxCapacity)
}

// MayBeIdle tells whether the service may be left without tasks on purpose: by its
// number, or by a bound that is 0 now or at certain times.
func (a Args) MayBeIdle() bool {
	a = a.withDefaults()
	if a.Autoscaling == nil {
		return *a.DesiredCount == 0
	}
	return *a.Autoscaling.MinCapacity == 0 || slices.ContainsFunc(a.Autoscaling.Schedules, func(s Schedule) bool {
		return s.MinCapacity == nil || *s.MinCapacity == 0
	})
}

// autoscale registers the service as a target and what moves it.
func (b *builder) autoscale(service *ecs.Service) error {
	scaling := b.args.Autoscaling
	if scaling == nil {
		return nil
	}
	name := b.name + "-scaling-target"
	target, err := appautoscaling.NewTarget(b.ctx, name, &appautoscaling.TargetArgs{
		ServiceNamespace:  pulumi.String(scalableNamespace),
		ScalableDimension: pulumi.String(scalableDimension),
		ResourceId:        pulumi.Sprintf("service/%s/%s", clusterName(service), service.Name),
		MinCapacity:       pulumi.Int(*scaling.MinCapacity),
		MaxCapacity:       pulumi.Int(scaling.MaxCapacity),
		Tags:              b.tags(name),
	}, b.parent)
	if err != nil {
		return fmt.Errorf("register the target: %w", err)
	}
	for _, policy := range []struct {
		role, metric string
		value        int
		label        pulumi.StringPtrInput
	}{
		{"cpu", "ECSServiceAverageCPUUtilization", scaling.CPUTarget, nil},
		{"memory", "ECSServiceAverageMemoryUtilization", scaling.MemoryTarget, nil},
		{"requests", "ALBRequestCountPerTarget", scaling.RequestsTarget, label(b.args.RequestsLabel)},
	} {
		if policy.value == 0 {
			continue
		}
		if err := b.track(target, policy.role, policy.metric, policy.value, policy.label); err != nil {
			return fmt.Errorf("hold the target for %s: %w", policy.role, err)
		}
	}
	for _, schedule := range scaling.Schedules {
		if err := b.schedule(target, schedule); err != nil {
			return fmt.Errorf("schedule %s: %w", schedule.Name, err)
		}
	}
	return nil
}

// track holds a metric at its target.
func (b *builder) track(target *appautoscaling.Target, role, metric string, value int, label pulumi.StringPtrInput) error {
	_, err := appautoscaling.NewPolicy(b.ctx, b.name+"-scaling-"+role, &appautoscaling.PolicyArgs{
		PolicyType:        pulumi.String("TargetTrackingScaling"),
		ServiceNamespace:  target.ServiceNamespace,
		ScalableDimension: target.ScalableDimension,
		ResourceId:        target.ResourceId,
		TargetTrackingScalingPolicyConfiguration: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
			PredefinedMetricSpecification: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
				PredefinedMetricType: pulumi.String(metric),
				ResourceLabel:        label,
			},
			TargetValue:      pulumi.Float64(float64(value)),
			ScaleOutCooldown: pulumi.Int(scaleOutCooldown),
			ScaleInCooldown:  pulumi.Int(scaleInCooldown),
		},
	}, b.parent)
	return err
}

func (b *builder) schedule(target *appautoscaling.Target, s Schedule) error {
	_, err := appautoscaling.NewScheduledAction(b.ctx, b.name+"-scaling-schedule-"+s.Name, &appautoscaling.ScheduledActionArgs{
		ServiceNamespace:  target.ServiceNamespace,
		ScalableDimension: target.ScalableDimension,
		ResourceId:        target.ResourceId,
		Schedule:          pulumi.String(s.Schedule),
		Timezone:          pulumi.String(cmp.Or(s.Timezone, "UTC")),
		ScalableTargetAction: &appautoscaling.ScheduledActionScalableTargetActionArgs{
			MinCapacity: pulumi.Int(*s.MinCapacity),
			MaxCapacity: pulumi.Int(*s.MaxCapacity),
		},
	}, b.parent)
	return err
}

// label is an input of its own kind, nil where there is none.
func label(input pulumi.StringInput) pulumi.StringPtrInput {
	if input == nil {
		return nil
	}
	return input.ToStringOutput().ToStringPtrOutput()
}

// clusterName is the name at the end of the cluster's ARN.
func clusterName(service *ecs.Service) pulumi.StringOutput {
	return service.Cluster.ApplyT(func(arn string) string {
		return arn[strings.LastIndex(arn, "/")+1:]
	}).(pulumi.StringOutput)
}
