package cluster

import (
	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// ContainerInsights is how much CloudWatch records of the cluster.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-container-insights.html
type ContainerInsights string

const (
	// InsightsDisabled records nothing beyond the free metrics of ECS.
	InsightsDisabled ContainerInsights = "disabled"
	// InsightsEnabled records metrics of clusters, services and task
	// definitions, billed as custom metrics.
	InsightsEnabled ContainerInsights = "enabled"
	// InsightsEnhanced adds tasks and containers, billed by the task.
	InsightsEnhanced ContainerInsights = "enhanced"
)

// Args is what a Cluster is made from. Its zero value is a cluster without
// Container Insights, which costs nothing.
type Args struct {
	// ContainerInsights is how much CloudWatch records of the cluster: disabled,
	// enabled or enhanced. The last two are billed. Default InsightsDisabled.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-container-insights.html
	ContainerInsights ContainerInsights `mapstructure:"containerInsights"`
	// Tags are set on the cluster, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	if a.ContainerInsights == "" {
		a.ContainerInsights = InsightsDisabled
	}
	return a
}

// Defaults are the arguments of a cluster for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error { return a.Check().Err() }

// Check returns what is wrong with the values that are known before anything is
// registered. They are all that a cluster takes.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	check.OneOf(&ps, "containerInsights", a.ContainerInsights,
		[]ContainerInsights{InsightsDisabled, InsightsEnabled, InsightsEnhanced})
	check.Tags(&ps, "tags", a.Tags)
	return ps
}
