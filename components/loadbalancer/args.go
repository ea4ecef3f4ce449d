package loadbalancer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
)

const (
	// DefaultPort is the port of the listener, and of the targets, where none
	// is given: HTTP's.
	DefaultPort = 80
	// DefaultHealthCheckPath is what a health check asks for where nothing
	// else is given.
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
	// maxRules keeps the listener's openings within a security group's quota
	// of 60 inbound rules
	// (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups).
	maxRules = 60
)

// HealthCheck is how the load balancer finds out whether a target serves. Its
// zero value finds a new target healthy after 10 s at the most, as AWS advises for
// services that start quickly
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-healthcheck.html),
// and takes a broken one out after 30 s.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
type HealthCheck struct {
	// Path is what the load balancer asks a task for, with GET, to see whether it
	// is healthy. It begins with a slash. Default DefaultHealthCheckPath.
	Path string `mapstructure:"healthCheckPath"`
	// Interval is the time between two checks, 5 to 300 seconds. Default 5.
	Interval int `mapstructure:"-"`
	// Timeout is how long an answer may take, 2 to 120 seconds and less than
	// Interval. Default 4, or 5 where the interval is longer than that.
	Timeout int `mapstructure:"-"`
	// Healthy is the number of checks in a row after which a target gets
	// requests, 2 to 10. Default 2.
	Healthy int `mapstructure:"-"`
	// Unhealthy is the number of failed checks in a row after which a target
	// gets no more requests, 2 to 10. Default 6.
	Unhealthy int `mapstructure:"-"`
	// Matcher is the HTTP codes of a healthy target, such as 200, 200-299 or
	// 200,202. Default 200.
	Matcher string `mapstructure:"-"`
}

// Args is what a LoadBalancer is made from.
type Args struct {
	// VpcID is the VPC of the targets. Required.
	VpcID pulumi.StringInput `mapstructure:"-"`
	// SubnetIDs are the public subnets, in two zones or more. Required.
	SubnetIDs pulumi.StringArrayInput `mapstructure:"-"`
	// AllowedCIDRs are the IPv4 blocks that may reach the load balancer;
	// 0.0.0.0/0 is the whole internet. Required, so that opening it to the world
	// is always written out.
	AllowedCIDRs []string `mapstructure:"allowedCidrs"`
	// Port is the port of the HTTP listener, 1 to 65535. Default DefaultPort.
	Port int `mapstructure:"-"`
	// ContainerPort is the port on which the targets listen, 1 to 65535. Default
	// DefaultPort. A change replaces the target group.
	ContainerPort int `mapstructure:"-"`
	// HealthCheck says which targets get requests.
	HealthCheck HealthCheck `mapstructure:"-"`
	// DeregistrationDelay is how long a target that leaves may finish its
	// requests, 0 to 3600 seconds. Default DefaultDeregistrationDelay.
	DeregistrationDelay *int `mapstructure:"-"`
	// DeletionProtection makes AWS refuse to delete the load balancer, whose
	// DNS name nobody gets back. Default false.
	DeletionProtection bool `mapstructure:"-"`
	// Tags are set on every resource, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	a.Port = cmp.Or(a.Port, DefaultPort)
	a.ContainerPort = cmp.Or(a.ContainerPort, DefaultPort)
	if a.DeregistrationDelay == nil {
		a.DeregistrationDelay = new(DefaultDeregistrationDelay)
	}
	a.HealthCheck = a.HealthCheck.withDefaults()
	return a
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

// HealthCheckDefaults are a health check for which nothing is set.
func HealthCheckDefaults() HealthCheck { return HealthCheck{}.withDefaults() }

// Validate returns every problem of the arguments as check.Problems, or nil.
func (a Args) Validate() error {
	var ps check.Problems
	check.Required(&ps,
		check.Input{Path: "vpcId", Given: a.VpcID, Want: "the ID of a VPC"},
		check.Input{Path: "subnetIds", Given: a.SubnetIDs, Want: "the IDs of public subnets in two zones or more"},
	)
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() check.Problems {
	a = a.withDefaults()
	var ps check.Problems
	a.validateCIDRs(&ps)
	check.Port(&ps, "port", a.Port)
	check.Port(&ps, "containerPort", a.ContainerPort)
	ps = append(ps, a.HealthCheck.Check()...)
	check.Range(&ps, "deregistrationDelay", *a.DeregistrationDelay, 0, maxDeregistrationDelay, "seconds")
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

func (a Args) validateCIDRs(ps *check.Problems) {
	const path = "allowedCidrs"
	if len(a.AllowedCIDRs) == 0 {
		ps.Missing(path, "the IPv4 blocks that may reach the listener; 0.0.0.0/0 opens it to the world")
	}
	if len(a.AllowedCIDRs) > maxRules {
		ps.Add(path, fmt.Sprintf("%d blocks", len(a.AllowedCIDRs)), "at most %d", maxRules)
	}
	for i, block := range a.AllowedCIDRs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if _, ok := check.IPv4CIDR(ps, at, block); ok && slices.Contains(a.AllowedCIDRs[:i], block) {
			ps.Add(at, block, "a block that is not given twice")
		}
	}
}

var (
	pathForm    = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*$`)
	matcherForm = regexp.MustCompile(`^[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*$`)
)

// Check returns what is wrong with a health check.
func (h HealthCheck) Check() check.Problems {
	h = h.withDefaults()
	var ps check.Problems
	if !pathForm.MatchString(h.Path) || len(h.Path) > maxPath {
		ps.Add("healthCheckPath", h.Path, "a path of a URL that begins with / and has at most %d characters", maxPath)
	}
	check.Range(&ps, "healthCheck.interval", h.Interval, 5, 300, "seconds")
	check.Range(&ps, "healthCheck.timeout", h.Timeout, 2, 120, "seconds")
	if h.Timeout >= h.Interval {
		ps.Add("healthCheck.timeout", h.Timeout, "less than the interval of %d seconds", h.Interval)
	}
	check.Range(&ps, "healthCheck.healthy", h.Healthy, 2, 10, "checks")
	check.Range(&ps, "healthCheck.unhealthy", h.Unhealthy, 2, 10, "checks")
	if !matcherForm.MatchString(h.Matcher) {
		ps.Add("healthCheck.matcher", h.Matcher, "HTTP codes from 200 to 499, such as 200, 200-299 or 200,202")
	}
	return ps
}
