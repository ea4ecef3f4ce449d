package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
)

// watchedStack is what alarms, autoscaling and the firewall add to a stack. AWS makes two alarms of
// its own for each of the two policies. None says that no target is healthy: by night
// the service may be without tasks.
var watchedStack = map[string]int{
	account.Alarms: 6 + 4, account.EventRules: 1, account.Topics: 1, account.Subscriptions: 1,
	account.ScalableTargets: 1, account.ScalingPolicies: 2, account.ScheduledActions: 1,
	account.WebACLs: 1, account.LogGroups: wholeStack[account.LogGroups] + 1,
}

func TestAutoscalingAlarmsAndTheFirewallAreSwitchedOnAndOffOnALiveStack(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	set(t, s, map[string]string{"desiredCount": "2"})
	up(t, s)
	assertRunning(t, s, 2)
	before := service(t, s)

	on := map[string]string{
		"autoscaling": `{"minCapacity": 1, "maxCapacity": 8, "cpuTarget": 60, "requestsTarget": 1000,
			"schedules": [{"name": "night", "schedule": "cron(0 20 * * ? *)", "timezone": "Europe/Berlin", "minCapacity": 0, "maxCapacity": 2}]}`,
		"alarms": "true", "alarmEmails": `["ops@example.com"]`,
		"firewall": "count", "firewallRateLimit": "500",
	}
	set(t, s, on)
	up(t, s)
	whole := maps.Clone(wholeStack)
	maps.Copy(whole, watchedStack)
	assertCounts(t, s, whole)
	assertRunning(t, s, 2)
	assertScaling(t, s)
	assertAlarms(t, s)
	assertNoChanges(t, s)
	assertFirewall(t, s, "count")
	set(t, s, map[string]string{"firewall": "block"})
	if got, want := up(t, s).Summary(), "update sample-app-web-acl (rules)"; got != want {
		t.Errorf("to block what was counted changes more than the rules:\n%s", got)
	}
	assertFirewall(t, s, "block")
	assertNoChanges(t, s)

	// The load comes. Off: no task goes unasked, and the program says what to do.
	scale(t, s, 6)
	assertNoChanges(t, s)
	unset(t, s, slices.Collect(maps.Keys(on))...)
	run := up(t, s)
	if !slices.ContainsFunc(run.Messages, func(m string) bool {
		return strings.Contains(m, "ECS keeps 6 tasks running, the program asks for 2") && strings.Contains(m, "pulumi up --refresh")
	}) {
		t.Errorf("nobody is told that 6 tasks go on running where 2 are asked for: %q", run.Messages)
	}
	assertWhole(t, s)
	assertRunning(t, s, 6)
	if alarms := service(t, s).DeploymentConfiguration.Alarms; alarms == nil || alarms.Enable {
		t.Errorf("deployments still wait for alarms that are gone: %+v", alarms)
	}

	// On again: a deployment leaves the tasks that were added for the load, and so
	// does a refresh.
	set(t, s, on)
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	up(t, s)
	assertRunning(t, s, 6)
	_, err := s.UpRefreshed(t.Context())
	must(t, err, "up --refresh fails")
	assertRunning(t, s, 6)
	assertNoChanges(t, s)

	// Off, now that Pulumi knows of the 6: the preview shows what the update does.
	unset(t, s, slices.Collect(maps.Keys(on))...)
	preview, err := s.Preview(t.Context())
	must(t, err, "the preview fails")
	if want := "update sample-app-service (alarms, desiredCount)"; !strings.Contains(preview.Summary(), want) {
		t.Errorf("the preview does not show %q:\n%s", want, preview.Summary())
	}
	up(t, s)
	assertRunning(t, s, 2)
	if after := service(t, s); aws.ToString(after.ServiceArn) != aws.ToString(before.ServiceArn) {
		t.Error("the switch has replaced the service")
	}
	assertNoChanges(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

// scale does what Application Auto Scaling does under load; the emulator has none.
func scale(t *testing.T, s *sandbox.Sandbox, tasks int32) {
	t.Helper()
	now := service(t, s)
	_, err := s.Account.ECS.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: now.ClusterArn, Service: now.ServiceArn, DesiredCount: aws.Int32(tasks),
	})
	must(t, err, "ECS does not scale the service")
}

func assertRunning(t *testing.T, s *sandbox.Sandbox, want int32) {
	t.Helper()
	if got := service(t, s); got.DesiredCount != want || got.RunningCount != want {
		t.Errorf("%d of %d tasks run, not %d", got.RunningCount, got.DesiredCount, want)
	}
}

func assertScaling(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	ctx, now := t.Context(), service(t, s)
	namespace := scalingtypes.ServiceNamespaceEcs
	targets, err := s.Account.Scaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: namespace})
	must(t, err, "the scalable targets can't be listed")
	target := targets.ScalableTargets[0]
	_, path, _ := strings.Cut(aws.ToString(now.ServiceArn), ":service/")
	if aws.ToString(target.ResourceId) != "service/"+path || aws.ToInt32(target.MinCapacity) != 1 || aws.ToInt32(target.MaxCapacity) != 8 {
		t.Errorf("%s is scaled between %d and %d tasks, not the service %s between 1 and 8", *target.ResourceId, *target.MinCapacity, *target.MaxCapacity, path)
	}
	policies, err := s.Account.Scaling.DescribeScalingPolicies(ctx, &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: namespace})
	must(t, err, "the scaling policies can't be listed")
	held := map[scalingtypes.MetricType]float64{}
	for _, p := range policies.ScalingPolicies {
		c := p.TargetTrackingScalingPolicyConfiguration
		metric := c.PredefinedMetricSpecification
		held[metric.PredefinedMetricType] = aws.ToFloat64(c.TargetValue)
		label := aws.ToString(metric.ResourceLabel)
		if metric.PredefinedMetricType == scalingtypes.MetricTypeALBRequestCountPerTarget &&
			(!strings.HasPrefix(label, "app/sample-app-lb") || !strings.Contains(label, "/targetgroup/sample-app-tg")) {
			t.Errorf("the requests of %q are counted, not those of the load balancer", label)
		}
	}
	if want := map[scalingtypes.MetricType]float64{"ECSServiceAverageCPUUtilization": 60, "ALBRequestCountPerTarget": 1000}; !maps.Equal(held, want) {
		t.Errorf("autoscaling holds %v, not %v", held, want)
	}
	actions, err := s.Account.Scaling.DescribeScheduledActions(ctx, &applicationautoscaling.DescribeScheduledActionsInput{ServiceNamespace: namespace})
	must(t, err, "the scheduled actions can't be listed")
	night := actions.ScheduledActions[0]
	if aws.ToString(night.Schedule) != "cron(0 20 * * ? *)" || aws.ToString(night.Timezone) != "Europe/Berlin" ||
		aws.ToInt32(night.ScalableTargetAction.MinCapacity) != 0 || aws.ToInt32(night.ScalableTargetAction.MaxCapacity) != 2 {
		t.Errorf("the night is %+v", night)
	}
}

// assertFirewall asserts what AWS WAF does before the load balancer, and that it logs it.
func assertFirewall(t *testing.T, s *sandbox.Sandbox, does string) {
	t.Helper()
	found, err := s.Account.WAF.GetWebACLForResource(t.Context(), &wafv2.GetWebACLForResourceInput{ResourceArn: aws.String(one(t, s, account.LoadBalancers))})
	must(t, err, "the firewall before the load balancer can't be read")
	if found.WebACL == nil {
		t.Fatal("no firewall stands before the load balancer: requests get past it")
	}
	for _, rule := range found.WebACL.Rules {
		if rate := rule.Statement.RateBasedStatement; rate != nil {
			if aws.ToInt64(rate.Limit) != 500 || (rule.Action.Count != nil) != (does == "count") || (rule.Action.Block != nil) != (does == "block") {
				t.Errorf("an address may send %d requests in five minutes, and more are not to %s", aws.ToInt64(rate.Limit), does)
			}
		} else if (rule.OverrideAction.Count != nil) != (does == "count") {
			t.Errorf("%s does not %s what it matches", aws.ToString(rule.Name), does)
		}
	}
	logging, err := s.Account.WAF.GetLoggingConfiguration(t.Context(), &wafv2.GetLoggingConfigurationInput{ResourceArn: found.WebACL.ARN})
	must(t, err, "what the firewall logs can't be read")
	if to := logging.LoggingConfiguration.LogDestinationConfigs; len(to) != 1 || !strings.Contains(to[0], ":log-group:aws-waf-logs-") {
		t.Errorf("the firewall logs to %v, and AWS takes a log group called aws-waf-logs-…", to)
	}
}

func assertAlarms(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	topic := one(t, s, account.Topics)
	alarms, err := s.Account.Alarms.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String("sample-app-cluster-")})
	must(t, err, "the alarms can't be listed")
	var names []string
	for i := range alarms.MetricAlarms {
		alarm := &alarms.MetricAlarms[i]
		names = append(names, aws.ToString(alarm.AlarmName))
		if !slices.Equal(alarm.AlarmActions, []string{topic}) || !slices.Equal(alarm.OKActions, []string{topic}) {
			t.Errorf("%s tells %v and not the topic", *alarm.AlarmName, alarm.AlarmActions)
		}
	}
	slices.Sort(names)
	// What the load balancer answers itself may be another service's.
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "-lb-5xx") })
	watched := service(t, s).DeploymentConfiguration.Alarms
	if watched == nil || !watched.Enable || !watched.Rollback || !slices.Equal(slices.Sorted(slices.Values(watched.AlarmNames)), names) {
		t.Errorf("a deployment is rolled back by %+v, and the alarms are %v", watched, names)
	}
	subscriptions, err := s.Account.SNS.ListSubscriptions(t.Context(), &sns.ListSubscriptionsInput{})
	must(t, err, "the subscriptions can't be listed")
	if got := aws.ToString(subscriptions.Subscriptions[0].Endpoint); got != "ops@example.com" {
		t.Errorf("alarms are mailed to %q", got)
	}
}
