package route

import (
	"cmp"
	"hash/fnv"
	"regexp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

const (
	// DefaultPort is the port of the targets if none is given: HTTP's.
	DefaultPort = 80
	// DefaultHealthCheckPath is what a health check asks for if nothing else is
	// given.
	DefaultHealthCheckPath = "/"
	// DefaultDeregistrationDelay is how long, in seconds, a target that leaves
	// may finish its requests. AWS's default of 300 makes every deployment and
	// every destroy five minutes longer; a web page is served in less than 10.
	DefaultDeregistrationDelay = 10

	// maxDeregistrationDelay, in seconds
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay).
	maxDeregistrationDelay = 3600
	// maxPath is the most characters of a health check's path
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html).
	maxPath = 1024

	// minPriority leaves the first hundred, as many as a listener has rules, to those
	// that attach target groups: each takes the priority after the highest, which on a
	// new listener is 1
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html).
	minPriority = 101
	// firstPriority and lastPriority bound the priorities that names have. Below them is
	// room for what a person wants to come first. Above them, up to AWS's last, 50000,
	// it is for the rules that attach
	// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html).
	firstPriority, lastPriority = 1000, 40000
)

// HealthCheck is how the load balancer finds out whether a target serves. Its
// zero value finds a new target healthy after 10 s at the most, as AWS advises for
// services that start quickly
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-healthcheck.html),
// and takes a broken one out after 30 s.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
type HealthCheck struct {
	// Path is what the load balancer asks a task for, with GET, to see whether it
	// is healthy. It begins with a slash. A change is deployed side by side. Default
	// DefaultHealthCheckPath.
	Path string `mapstructure:"healthCheckPath"`
	// Interval is the time between two health checks, 5 to 300 seconds. Default 5.
	Interval int `mapstructure:"healthCheckInterval"`
	// Timeout is how long the answer to a health check may take, 2 to 120 seconds and
	// less than [Interval]. Default 4.
	Timeout int `mapstructure:"healthCheckTimeout"`
	// Healthy is the number of checks in a row after which a target that was unhealthy
	// gets requests again, 2 to 10. Default 2.
	Healthy int `mapstructure:"healthyThreshold"`
	// Unhealthy is the number of failed checks in a row after which a target gets no
	// more requests, 2 to 10. Default 6.
	Unhealthy int `mapstructure:"unhealthyThreshold"`
	// Matcher is the HTTP codes of a healthy target, such as 200, 200-299 or 200,204. A
	// change is deployed side by side. Default 200.
	Matcher string `mapstructure:"healthCheckCodes"`
}

// Args is what a Route is made from.
type Args struct {
	// VpcID is the VPC of the targets. Required.
	VpcID pulumi.StringInput `mapstructure:"-"`
	// ListenerARN is the listener whose requests are sent. Required.
	ListenerARN pulumi.StringInput `mapstructure:"-"`
	// HTTPSListenerARN is the listener with TLS, if there is one: it sends the requests, and
	// ListenerARN's redirects them there. Default none.
	HTTPSListenerARN pulumi.StringInput `mapstructure:"-"`
	// LoadBalancerARNSuffix is the end of the load balancer's ARN, as
	// components/loadbalancer gives it, for RequestsLabel. Required.
	LoadBalancerARNSuffix pulumi.StringInput `mapstructure:"-"`
	// ContainerPort is the port on which the targets listen, 1 to 65535. Default
	// DefaultPort.
	ContainerPort int `mapstructure:"-"`
	// HealthCheck says which targets get requests.
	HealthCheck HealthCheck `mapstructure:",squash"`
	// DeregistrationDelay is how long a task that leaves may finish its requests, 0 to
	// 3600 seconds. Each deployment and each destroy takes that much longer. Default
	// DefaultDeregistrationDelay.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay
	DeregistrationDelay *int `mapstructure:"deregistrationDelay"`
	// Priority is the place of the service's rule among the listener's, 101 to
	// 40000; the lowest that matches a request decides. A service that is renamed needs
	// another one, because its old rule stays until it serves. Default made of the
	// service's name, 1000 to 40000.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
	Priority int `mapstructure:"priority"`
	// Replace are further values whose change is deployed side by side. Default
	// none.
	Replace []string `mapstructure:"-"`
	// Protect makes Pulumi refuse to delete the rule that sends requests, and with it
	// all that it depends on. Default false.
	Protect bool `mapstructure:"-"`
	// Tags are set on every resource, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults(name string) Args {
	a.ContainerPort = cmp.Or(a.ContainerPort, DefaultPort)
	if a.DeregistrationDelay == nil {
		a.DeregistrationDelay = new(DefaultDeregistrationDelay)
	}
	if a.Priority == 0 && name != "" {
		a.Priority = priorityOf(name)
	}
	a.HealthCheck = a.HealthCheck.withDefaults()
	return a
}

// priorityOf is a name's place among the rules: the same wherever the service stands
// among others, so that adding or removing one moves no other.
func priorityOf(name string) int {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name)) // A hash takes everything.
	return firstPriority + int(hash.Sum32()%(lastPriority-firstPriority+1))
}

func (h HealthCheck) withDefaults() HealthCheck {
	h.Path = cmp.Or(h.Path, DefaultHealthCheckPath)
	h.Interval = cmp.Or(h.Interval, 5)
	h.Timeout = cmp.Or(h.Timeout, max(2, min(5, h.Interval-1)))
	h.Healthy = cmp.Or(h.Healthy, 2)
	h.Unhealthy = cmp.Or(h.Unhealthy, 6)
	h.Matcher = cmp.Or(h.Matcher, "200")
	return h
}

// Defaults are the arguments of a route for which nothing is set.
func Defaults() Args { return Args{}.withDefaults("") }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	var ps problem.Problems
	check.Required(&ps,
		check.Input{Path: "vpcId", Given: a.VpcID, Want: "the ID of a VPC"},
		check.Input{Path: "listenerArn", Given: a.ListenerARN, Want: "the ARN of a listener"},
		check.Input{Path: "loadBalancerArnSuffix", Given: a.LoadBalancerARNSuffix, Want: "the end of the load balancer's ARN, such as app/web/50dc6c495c0c9188"},
	)
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() problem.Problems {
	a = a.withDefaults("name")
	var ps problem.Problems
	check.Port(&ps, "containerPort", a.ContainerPort)
	a.HealthCheck.check(&ps)
	check.Range(&ps, "deregistrationDelay", *a.DeregistrationDelay, 0, maxDeregistrationDelay, "seconds")
	check.Range(&ps, "priority", a.Priority, minPriority, lastPriority, "")
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

var (
	pathForm    = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*$`)
	matcherForm = regexp.MustCompile(`^[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*$`)
)

func (h HealthCheck) check(ps *problem.Problems) {
	if !pathForm.MatchString(h.Path) || len(h.Path) > maxPath {
		ps.Add("healthCheckPath", h.Path, "a path of a URL that begins with / and has at most %d characters", maxPath)
	}
	check.Range(ps, "healthCheckInterval", h.Interval, 5, 300, "seconds")
	check.Range(ps, "healthCheckTimeout", h.Timeout, 2, 120, "seconds")
	if h.Timeout >= h.Interval && h.Interval >= 5 {
		ps.Add("healthCheckTimeout", h.Timeout, "less than the interval of %d seconds", h.Interval)
	}
	check.Range(ps, "healthyThreshold", h.Healthy, 2, 10, "checks")
	check.Range(ps, "unhealthyThreshold", h.Unhealthy, 2, 10, "checks")
	if !matcherForm.MatchString(h.Matcher) {
		ps.Add("healthCheckCodes", h.Matcher, "HTTP codes from 200 to 499, such as 200, 200-299 or 200,202")
	}
}
