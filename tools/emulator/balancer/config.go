package balancer

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ask calls an action of Elastic Load Balancing in a region, and decodes its answer.
type Ask func(region string, question url.Values, answer any) error

// config is what Elastic Load Balancing's API says of the load balancers.
type config struct {
	listeners map[string][]listener // by the load balancer's ARN
	groups    map[string]group      // by ARN
	used      map[string]bool       // groups that a listener or a rule forwards to
}

type listener struct {
	ARN      string `xml:"ListenerArn"`
	Protocol string
	Port     int
	rules    []rule // as they are tried, the default one last
}

type rule struct {
	Priority   string
	Conditions []condition `xml:"Conditions>member"`
	Actions    []action    `xml:"Actions>member"`
}

type condition struct {
	Field  string
	Values []string `xml:"Values>member"`
	Hosts  []string `xml:"HostHeaderConfig>Values>member"`
	Paths  []string `xml:"PathPatternConfig>Values>member"`
	Blocks []string `xml:"SourceIpConfig>Values>member"`
}

type action struct {
	Type    string
	Group   string     `xml:"TargetGroupArn"`
	Forward []weighted `xml:"ForwardConfig>TargetGroups>member"`
	Fixed   struct {
		Body        string `xml:"MessageBody"`
		Status      string `xml:"StatusCode"`
		ContentType string
	} `xml:"FixedResponseConfig"`
	Redirect redirect `xml:"RedirectConfig"`
}

type weighted struct {
	Group  string `xml:"TargetGroupArn"`
	Weight int
}

type redirect struct {
	Protocol, Host, Port, Path, Query string
	Status                            string `xml:"StatusCode"`
}

// group is a target group, with its health check.
type group struct {
	ARN       string `xml:"TargetGroupArn"`
	Path      string `xml:"HealthCheckPath"`
	CheckPort string `xml:"HealthCheckPort"`
	Interval  int    `xml:"HealthCheckIntervalSeconds"`
	Timeout   int    `xml:"HealthCheckTimeoutSeconds"`
	Healthy   int    `xml:"HealthyThresholdCount"`
	Unhealthy int    `xml:"UnhealthyThresholdCount"`
	Matcher   string `xml:"Matcher>HttpCode"`
	delay     time.Duration
}

// defaultDelay is a target group's deregistration delay, in seconds, unless it has
// another
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html).
const defaultDelay = 300

// load asks for all that belongs to load balancers, by their ARNs.
func load(ask Ask, balancers []string) (*config, error) {
	c := &config{listeners: map[string][]listener{}, groups: map[string]group{}, used: map[string]bool{}}
	var regions []string
	for _, arn := range balancers {
		region := regionOf(arn)
		regions = append(regions, region)
		var found struct {
			Listeners []listener `xml:"DescribeListenersResult>Listeners>member"`
		}
		if err := ask(region, url.Values{"Action": {"DescribeListeners"}, "LoadBalancerArn": {arn}}, &found); err != nil {
			return nil, fmt.Errorf("ask for the listeners of %s: %w", arn, err)
		}
		for _, l := range found.Listeners {
			if err := c.addListener(ask, region, arn, l); err != nil {
				return nil, fmt.Errorf("ask for the rules of %s: %w", l.ARN, err)
			}
		}
	}
	slices.Sort(regions)
	for _, region := range slices.Compact(regions) {
		if err := c.addGroups(ask, region); err != nil {
			return nil, fmt.Errorf("ask for the target groups: %w", err)
		}
	}
	return c, nil
}

func (c *config) addListener(ask Ask, region, balancer string, l listener) error {
	var found struct {
		Rules []rule `xml:"DescribeRulesResult>Rules>member"`
	}
	if err := ask(region, url.Values{"Action": {"DescribeRules"}, "ListenerArn": {l.ARN}}, &found); err != nil {
		return err
	}
	l.rules = found.Rules
	slices.SortStableFunc(l.rules, func(a, b rule) int { return cmp.Compare(a.place(), b.place()) })
	for i := range l.rules {
		for j := range l.rules[i].Actions {
			for _, to := range l.rules[i].Actions[j].forwards() {
				c.used[to.Group] = true
			}
		}
	}
	c.listeners[balancer] = append(c.listeners[balancer], l)
	return nil
}

// place orders rules by their priority; the default one, which has none, is the last.
func (r *rule) place() int {
	if n, err := strconv.Atoi(r.Priority); err == nil {
		return n
	}
	return 1 << 20
}

// forwards are the groups that an action forwards to.
func (a *action) forwards() []weighted {
	if len(a.Forward) == 0 && a.Group != "" {
		return []weighted{{a.Group, 1}}
	}
	return a.Forward
}

func (c *config) addGroups(ask Ask, region string) error {
	var found struct {
		Groups []group `xml:"DescribeTargetGroupsResult>TargetGroups>member"`
	}
	if err := ask(region, url.Values{"Action": {"DescribeTargetGroups"}}, &found); err != nil {
		return err
	}
	for _, g := range found.Groups {
		var attributes struct {
			All []struct{ Key, Value string } `xml:"DescribeTargetGroupAttributesResult>Attributes>member"`
		}
		if err := ask(region, url.Values{"Action": {"DescribeTargetGroupAttributes"}, "TargetGroupArn": {g.ARN}}, &attributes); err != nil {
			return err
		}
		g.delay = defaultDelay * time.Second
		for _, a := range attributes.All {
			if n, err := strconv.Atoi(a.Value); err == nil && a.Key == "deregistration_delay.timeout_seconds" {
				g.delay = time.Duration(n) * time.Second
			}
		}
		c.groups[g.ARN] = g
	}
	return nil
}

// regionOf is the region in an ARN.
func regionOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}

// Decode decodes an answer of Elastic Load Balancing.
func Decode(text []byte, answer any) error { return xml.Unmarshal(text, answer) }
