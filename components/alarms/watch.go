package alarms

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// period, in seconds, is how often ECS and load balancers report
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html).
	period = 60
	// evaluationPeriods is how many of them an alarm looks back. With three, a
	// broken version is found within about four minutes, and the bake time
	// that ECS works out from it stays as short.
	evaluationPeriods = 3
	// errorPeriods is in how many of these there must be too many errors. One
	// bad minute is not enough, and two need not follow each other: a broken
	// version that crashes is away for a minute while it starts anew.
	errorPeriods = 2
	// minErrors is how many errors a minute count at all. At two requests a
	// minute the one that fails is half of them. A minimum of errors, and not
	// of requests, still finds a version that fails three requests a minute
	// where there are no others.
	minErrors = 3
	// minRequests is how many requests a minute it takes to say how long 95 %
	// of them take: among fewer the slowest alone would decide.
	minRequests = 20

	// quiet takes a minute without data for a good one. Else an alarm of a
	// service without requests or tasks would be at INSUFFICIENT_DATA instead
	// of OK, and one that had gone off would never be told to be over.
	quiet = "notBreaching"

	balancerMetrics = "AWS/ApplicationELB"
	serviceMetrics  = "AWS/ECS"
)

// watches are the alarms, sorted by their roles, which end their names.
var watches = []struct {
	role   string
	metric func(*builder) *cloudwatch.MetricAlarmArgs
	// rollsBack tells that it may end a deployment.
	rollsBack bool
	// needsTasks tells that it goes off for a service without tasks.
	needsTasks bool
}{
	{role: "5xx", metric: (*builder).serverErrors, rollsBack: true},
	{role: "cpu", metric: (*builder).cpu, rollsBack: true},
	{role: "healthy-hosts", metric: (*builder).healthyHosts, needsTasks: true},
	{role: "lb-5xx", metric: (*builder).balancerErrors},
	{role: "memory", metric: (*builder).memory, rollsBack: true},
	{role: "response-time", metric: (*builder).responseTime, rollsBack: true},
	{role: "unhealthy-hosts", metric: (*builder).unhealthyHosts, rollsBack: true},
}

// targets are the dimensions of what the load balancer reports of the service
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html#load-balancer-metric-dimensions-alb).
func (b *builder) targets() pulumi.StringMap {
	return pulumi.StringMap{
		"LoadBalancer": b.args.LoadBalancerARNSuffix,
		"TargetGroup":  b.args.TargetGroupARNSuffix,
	}
}

// serverErrors is a share of the requests: a fixed number of errors would be
// too many for a quiet service and none for a busy one. What the load balancer
// answers itself, if a task takes no connection, has an alarm of its own, because
// AWS reports it for all target groups together.
//
// Without errors the load balancer reports no number of them, which is taken
// for 0 here. Without requests there is nothing to share, and the minute is a
// good one.
func (b *builder) serverErrors() *cloudwatch.MetricAlarmArgs {
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription: pulumi.String(fmt.Sprintf("More than %d %% of the requests were answered with a 5xx code", b.args.Thresholds.ServerErrors)),
		MetricQueries: cloudwatch.MetricAlarmMetricQueryArray{
			b.query("errors", "HTTPCode_Target_5XX_Count", "Sum"),
			b.query("requests", "RequestCount", "Sum"),
			result(fmt.Sprintf("IF(FILL(errors, 0) >= %d, 100 * errors / requests, 0)", minErrors), "5xx, percent of requests"),
		},
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(b.args.Thresholds.ServerErrors),
		EvaluationPeriods:  pulumi.Int(evaluationPeriods),
		DatapointsToAlarm:  pulumi.Int(errorPeriods),
		TreatMissingData:   pulumi.String(quiet),
	}
}

// unhealthyHosts takes the highest number within a minute, three times in a
// row. A new task may fail checks while it starts, and one that breaks is
// replaced, each within two minutes or so; what lasts longer does not mend
// itself.
//
// Without any target the number is not reported. Then no task is registered,
// because none is wanted or because none starts: healthyHosts tells of the second.
func (b *builder) unhealthyHosts() *cloudwatch.MetricAlarmArgs {
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(fmt.Sprintf("Unhealthy targets: %d or more", b.args.Thresholds.UnhealthyHosts)),
		Namespace:          pulumi.String(balancerMetrics),
		MetricName:         pulumi.String("UnHealthyHostCount"),
		Dimensions:         b.targets(),
		Statistic:          pulumi.String("Maximum"),
		Period:             pulumi.Int(period),
		ComparisonOperator: pulumi.String("GreaterThanOrEqualToThreshold"),
		Threshold:          pulumi.Float64(b.args.Thresholds.UnhealthyHosts),
		EvaluationPeriods:  pulumi.Int(evaluationPeriods),
		DatapointsToAlarm:  pulumi.Int(evaluationPeriods),
		TreatMissingData:   pulumi.String(quiet),
	}
}

// healthyHosts goes off if no task is healthy three minutes in a row, also if none is
// registered and nothing is reported: tasks that crash over and over, weeks after
// their deployment, are otherwise seen by nobody.
func (b *builder) healthyHosts() *cloudwatch.MetricAlarmArgs {
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String("No target is healthy, although tasks are wanted"),
		Namespace:          pulumi.String(balancerMetrics),
		MetricName:         pulumi.String("HealthyHostCount"),
		Dimensions:         b.targets(),
		Statistic:          pulumi.String("Maximum"),
		Period:             pulumi.Int(period),
		ComparisonOperator: pulumi.String("LessThanThreshold"),
		Threshold:          pulumi.Float64(1),
		EvaluationPeriods:  pulumi.Int(evaluationPeriods),
		DatapointsToAlarm:  pulumi.Int(evaluationPeriods),
		TreatMissingData:   pulumi.String("breaching"),
	}
}

// balancerErrors are 5xx answers of the load balancer itself: no task took the
// connection, or none answered in time. They are counted for the whole load balancer.
func (b *builder) balancerErrors() *cloudwatch.MetricAlarmArgs {
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String(fmt.Sprintf("The load balancer itself answered %d requests a minute or more with a 5xx code", minErrors)),
		Namespace:          pulumi.String(balancerMetrics),
		MetricName:         pulumi.String("HTTPCode_ELB_5XX_Count"),
		Dimensions:         pulumi.StringMap{"LoadBalancer": b.args.LoadBalancerARNSuffix},
		Statistic:          pulumi.String("Sum"),
		Period:             pulumi.Int(period),
		ComparisonOperator: pulumi.String("GreaterThanOrEqualToThreshold"),
		Threshold:          pulumi.Float64(minErrors),
		EvaluationPeriods:  pulumi.Int(evaluationPeriods),
		DatapointsToAlarm:  pulumi.Int(errorPeriods),
		TreatMissingData:   pulumi.String(quiet),
	}
}

// responseTime is what 95 % of the answers stay below: an average hides the
// slow ones. CloudWatch's own way with few samples, to leave the alarm as it
// is, would keep one that went off by day on all night.
//
// Without requests nothing is reported, and nobody waits.
func (b *builder) responseTime() *cloudwatch.MetricAlarmArgs {
	const second = 1000
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription: pulumi.String(fmt.Sprintf("One answer in twenty took longer than %d ms", b.args.Thresholds.ResponseTime)),
		MetricQueries: cloudwatch.MetricAlarmMetricQueryArray{
			b.query("slow", "TargetResponseTime", "p95"),
			b.query("requests", "RequestCount", "Sum"),
			result(fmt.Sprintf("IF(requests >= %d, slow, 0)", minRequests), "response time, 95th percentile, seconds"),
		},
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(float64(b.args.Thresholds.ResponseTime) / second),
		EvaluationPeriods:  pulumi.Int(evaluationPeriods),
		DatapointsToAlarm:  pulumi.Int(evaluationPeriods),
		TreatMissingData:   pulumi.String(quiet),
	}
}

func (b *builder) cpu() *cloudwatch.MetricAlarmArgs {
	return b.utilization("CPU", "CPUUtilization", b.args.Thresholds.CPU)
}

func (b *builder) memory() *cloudwatch.MetricAlarmArgs {
	return b.utilization("memory", "MemoryUtilization", b.args.Thresholds.Memory)
}

// utilization is the average over the service's tasks, three minutes in a row:
// starting takes a lot of CPU, and is over by then.
//
// Without tasks nothing is reported, and nothing is used up.
func (b *builder) utilization(what, metric string, percent int) *cloudwatch.MetricAlarmArgs {
	return &cloudwatch.MetricAlarmArgs{
		AlarmDescription: pulumi.String(fmt.Sprintf("The tasks use more than %d %% of their %s", percent, what)),
		Namespace:        pulumi.String(serviceMetrics),
		MetricName:       pulumi.String(metric),
		Dimensions: pulumi.StringMap{
			"ClusterName": b.args.ClusterName,
			"ServiceName": b.args.ServiceName,
		},
		Statistic:          pulumi.String("Average"),
		Period:             pulumi.Int(period),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(percent),
		EvaluationPeriods:  pulumi.Int(evaluationPeriods),
		DatapointsToAlarm:  pulumi.Int(evaluationPeriods),
		TreatMissingData:   pulumi.String(quiet),
	}
}

// query is a metric of the target group, for an expression.
func (b *builder) query(id, metric, statistic string) *cloudwatch.MetricAlarmMetricQueryArgs {
	return &cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String(id),
		Metric: &cloudwatch.MetricAlarmMetricQueryMetricArgs{
			Namespace:  pulumi.String(balancerMetrics),
			MetricName: pulumi.String(metric),
			Dimensions: b.targets(),
			Stat:       pulumi.String(statistic),
			Period:     pulumi.Int(period),
		},
	}
}

// result is the expression that an alarm compares with its threshold
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html).
func result(expression, label string) *cloudwatch.MetricAlarmMetricQueryArgs {
	return &cloudwatch.MetricAlarmMetricQueryArgs{
		Id:         pulumi.String("result"),
		Expression: pulumi.String(expression),
		Label:      pulumi.String(label),
		ReturnData: pulumi.Bool(true),
	}
}
