package firewall

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// Mode is what the firewall does with a request that one of its rules matches.
type Mode string

const (
	// ModeOff is no firewall.
	ModeOff Mode = "off"
	// ModeCount counts such requests, logs them, and lets them through: to find out what
	// the rules would block.
	ModeCount Mode = "count"
	// ModeBlock answers them with 403.
	ModeBlock Mode = "block"
)

const (
	// DefaultRateLimit is 400 requests a minute from one address: a person's browser
	// stays below it, and an office behind one address may need more.
	DefaultRateLimit = 2000
	// DefaultLogRetentionDays keeps the log for a month.
	DefaultLogRetentionDays = 30

	// minRateLimit and maxRateLimit are AWS's
	// (https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html).
	minRateLimit, maxRateLimit = 10, 2_000_000_000
)

// Args is what a Firewall is made from.
type Args struct {
	// LoadBalancerARN is the load balancer that it stands before. Required.
	LoadBalancerARN pulumi.StringInput `mapstructure:"-"`
	// Mode is what AWS WAF does with requests that AWS's managed rules match, or that
	// come from an address with more than firewallRateLimit: off, count or block. Begin
	// with count, which lets them through and logs them. About 9 USD a month, and 0.60
	// for a million requests. Default ModeOff.
	// https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-testing.html
	Mode Mode `mapstructure:"firewall"`
	// RateLimit is how many requests one address may send in five minutes, 10 to
	// 2000000000. Default DefaultRateLimit.
	// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html
	RateLimit int `mapstructure:"firewallRateLimit"`
	// LogRetentionDays is how many days the log of requests that were counted or blocked
	// is kept, one of those that logRetentionDays takes. Default
	// DefaultLogRetentionDays.
	// https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
	LogRetentionDays int `mapstructure:"firewallLogRetentionDays"`
	// Tags are set on the web ACL and the log group, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	a.Mode = cmp.Or(a.Mode, ModeOff)
	a.RateLimit = cmp.Or(a.RateLimit, DefaultRateLimit)
	a.LogRetentionDays = cmp.Or(a.LogRetentionDays, DefaultLogRetentionDays)
	return a
}

// Defaults are the arguments of a firewall for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	var ps problem.Problems
	check.Required(&ps, check.Input{Path: "loadBalancerArn", Given: a.LoadBalancerARN, Want: "the ARN of a load balancer"})
	if a.withDefaults().Mode == ModeOff {
		ps.Add("firewall", ModeOff, "count or block: without a firewall there is nothing to make")
	}
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	check.OneOf(&ps, "firewall", a.Mode, []Mode{ModeOff, ModeCount, ModeBlock})
	check.Range(&ps, "firewallRateLimit", a.RateLimit, minRateLimit, maxRateLimit, "requests in five minutes")
	check.OneOf(&ps, "firewallLogRetentionDays", a.LogRetentionDays, check.LogRetentionDays)
	if a.Mode == ModeOff {
		const want = "nothing as long as firewall is off"
		if a.RateLimit != DefaultRateLimit {
			ps.Add("firewallRateLimit", a.RateLimit, want)
		}
		if a.LogRetentionDays != DefaultLogRetentionDays {
			ps.Add("firewallLogRetentionDays", a.LogRetentionDays, want)
		}
	}
	check.Tags(&ps, "tags", a.Tags)
	return ps
}
