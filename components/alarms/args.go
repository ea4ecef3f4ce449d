package alarms

import (
	"cmp"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

const (
	// DefaultServerErrors is the percentage of requests that may be answered
	// with a code from 500 to 599.
	DefaultServerErrors = 5
	// DefaultUnhealthyHosts is the number of unhealthy targets that is too
	// many.
	DefaultUnhealthyHosts = 1
	// DefaultResponseTime is how many milliseconds 95 % of the answers may
	// take.
	DefaultResponseTime = 1000
	// DefaultCPU is the percentage of the service's CPU units that may be in
	// use. Above it, requests wait.
	DefaultCPU = 90
	// DefaultMemory is the percentage of the service's memory that may be in
	// use. At 100 a task is killed.
	DefaultMemory = 90

	// maxEmails is how many mails SNS sends in a second, so that an alarm is
	// with everybody at once; more people are better reached by a mailing list
	// (https://docs.aws.amazon.com/general/latest/gr/sns.html).
	maxEmails = 10
	// maxHosts is AWS's quota of tasks in a service
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html).
	maxHosts = 5000
	// maxResponseTime, in milliseconds, is the longest that a load balancer
	// waits for an answer, its largest idle timeout
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout).
	maxResponseTime = 4000 * 1000
)

// Args is what Alarms are made from.
type Args struct {
	// ClusterName is the name of the service's cluster. Required.
	ClusterName pulumi.StringInput `mapstructure:"-"`
	// ServiceName is the name of the service. Required.
	ServiceName pulumi.StringInput `mapstructure:"-"`
	// LoadBalancerARNSuffix is the end of the load balancer's ARN, as
	// components/loadbalancer gives it. Required.
	LoadBalancerARNSuffix pulumi.StringInput `mapstructure:"-"`
	// TargetGroupARNSuffix is the end of the ARN of the service's target
	// group. Required.
	TargetGroupARNSuffix pulumi.StringInput `mapstructure:"-"`
	// Emails are the addresses that get a mail with every alarm and its end,
	// once they have confirmed it by the mail that AWS sends them; at most 10.
	// Default none.
	// https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
	Emails []string `mapstructure:"alarmEmails"`
	// MayBeIdle tells that the service may be without tasks on purpose. Then there is
	// no alarm that no target is healthy. Default false.
	MayBeIdle bool `mapstructure:"-"`
	// Thresholds are the limits beyond which an alarm goes off. They are settings only
	// while there are alarms. Default none: those of the zero value.
	Thresholds Thresholds `mapstructure:"alarmThresholds"`
	// Tags are set on the alarms and the topic, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

// Thresholds are what is too much. Its zero value suits a web application.
type Thresholds struct {
	// ServerErrors is the percentage of requests that the tasks may answer
	// with a code from 500 to 599, 1 to 100. Default DefaultServerErrors.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
	ServerErrors int `mapstructure:"serverErrors"`
	// UnhealthyHosts is the number of unhealthy targets that is too many, 1 to
	// 5000. Default DefaultUnhealthyHosts.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
	UnhealthyHosts int `mapstructure:"unhealthyHosts"`
	// ResponseTime is how many milliseconds 95 % of the answers may take, 1 to
	// 4000000. Default DefaultResponseTime.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
	ResponseTime int `mapstructure:"responseTime"`
	// CPU is the percentage of its CPU units that the service may use, 1 to
	// 100. Default DefaultCPU.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
	CPU int `mapstructure:"cpu"`
	// Memory is the percentage of its memory that the service may use, 1 to
	// 100. Default DefaultMemory.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
	Memory int `mapstructure:"memory"`
}

func (a Args) withDefaults() Args {
	t := &a.Thresholds
	t.ServerErrors = cmp.Or(t.ServerErrors, DefaultServerErrors)
	t.UnhealthyHosts = cmp.Or(t.UnhealthyHosts, DefaultUnhealthyHosts)
	t.ResponseTime = cmp.Or(t.ResponseTime, DefaultResponseTime)
	t.CPU = cmp.Or(t.CPU, DefaultCPU)
	t.Memory = cmp.Or(t.Memory, DefaultMemory)
	return a
}

// Defaults are the arguments of alarms for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	var ps problem.Problems
	check.Required(&ps,
		check.Input{Path: "clusterName", Given: a.ClusterName, Want: "the name of the service's cluster"},
		check.Input{Path: "serviceName", Given: a.ServiceName, Want: "the name of the service"},
		check.Input{Path: "loadBalancerArnSuffix", Given: a.LoadBalancerARNSuffix, Want: "the end of the load balancer's ARN, such as app/web/50dc6c495c0c9188"},
		check.Input{Path: "targetGroupArnSuffix", Given: a.TargetGroupARNSuffix, Want: "the end of the target group's ARN, such as targetgroup/web/73e2d6bc24d8a067"},
	)
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	a.validateEmails(&ps)
	t := a.Thresholds
	check.Range(&ps, "alarmThresholds.serverErrors", t.ServerErrors, 1, 100, "percent")
	check.Range(&ps, "alarmThresholds.unhealthyHosts", t.UnhealthyHosts, 1, maxHosts, "targets")
	check.Range(&ps, "alarmThresholds.responseTime", t.ResponseTime, 1, maxResponseTime, "milliseconds")
	check.Range(&ps, "alarmThresholds.cpu", t.CPU, 1, 100, "percent")
	check.Range(&ps, "alarmThresholds.memory", t.Memory, 1, 100, "percent")
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

func (a Args) validateEmails(ps *problem.Problems) {
	const path = "alarmEmails"
	if len(a.Emails) > maxEmails {
		ps.Add(path, fmt.Sprintf("%d addresses", len(a.Emails)), "at most %d; more people are better reached by a mailing list", maxEmails)
	}
	for i, email := range a.Emails {
		at := fmt.Sprintf("%s[%d]", path, i)
		// The parser also takes a name before the address, of which SNS knows
		// nothing.
		parsed, err := mail.ParseAddress(email)
		if err != nil || parsed.Address != email {
			ps.Add(at, email, "an address, such as ops@example.com")
		}
		same := func(other string) bool { return strings.EqualFold(other, email) }
		if slices.ContainsFunc(a.Emails[:i], same) {
			ps.Add(at, email, "an address that is not given twice: every mail would come twice")
		}
	}
}
