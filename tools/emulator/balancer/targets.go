package balancer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ecs-sample-app/tools/emulator/scheduler"
)

// What a target is, beside healthy and unhealthy
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).
const (
	healthyState   = scheduler.Healthy
	unhealthyState = scheduler.Unhealthy
	initialState   = "initial"
	drainingState  = "draining"
	unusedState    = "unused"
)

// target is a registered target.
type target struct {
	scheduler.Target
	state, reason, description string
	passed, failed             int       // checks in a row
	draining                   time.Time // until when, zero where it does not drain
	stop                       context.CancelFunc
}

// Register takes a target in, and checks its health from now on.
func (b *Balancer) Register(t scheduler.Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	one := &target{
		Target: t, stop: stop,
		state: initialState, reason: "Elb.RegistrationInProgress", description: "Target registration is in progress",
	}
	b.groups[t.Group] = append(b.groups[t.Group], one)
	go b.watch(ctx, one)
}

// Deregister sends a target no more requests, and lets it finish those that it has
// within the group's deregistration delay.
func (b *Balancer) Deregister(t scheduler.Target) {
	delay := b.groupOf(t.Group).delay
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.find(t); one != nil && one.draining.IsZero() {
		one.stop()
		one.draining = time.Now().Add(delay)
	}
}

// groupOf is a group as the API has it.
func (b *Balancer) groupOf(arn string) group {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, err := b.current(); err == nil {
		return c.groups[arn]
	}
	return group{}
}

// find finds a target. The lock is held.
func (b *Balancer) find(t scheduler.Target) *target {
	for _, one := range b.groups[t.Group] {
		if one.Target == t {
			return one
		}
	}
	return nil
}

// Health is that of a target, without a state once it has drained.
func (b *Balancer) Health(t scheduler.Target) scheduler.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.find(t)
	switch {
	case one == nil:
		return scheduler.Health{}
	case one.draining.IsZero():
		return scheduler.Health{State: one.state, Reason: one.reason, Description: one.description}
	case time.Now().Before(one.draining):
		return scheduler.Health{State: drainingState, Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress"}
	default:
		b.groups[t.Group] = slices.DeleteFunc(b.groups[t.Group], func(other *target) bool { return other == one })
		return scheduler.Health{}
	}
}

// watch checks a target until it leaves.
func (b *Balancer) watch(ctx context.Context, t *target) {
	wait := firstCheck
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = b.check(ctx, t)
	}
}

// check checks a target once, and returns how long to wait for the next check. One of a
// group that gets no requests is not checked.
func (b *Balancer) check(ctx context.Context, t *target) time.Duration {
	b.mu.Lock()
	c, err := b.current()
	b.mu.Unlock()
	if err != nil {
		return time.Second
	}
	g, known := c.groups[t.Group]
	if !known || !c.used[t.Group] {
		b.set(t, unusedState, "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
		return time.Second
	}
	began := time.Now()
	reason, description := g.probe(ctx, t.Address)
	if ctx.Err() == nil {
		b.judge(t, g, reason, description)
	}
	return max(0, time.Duration(g.Interval)*time.Second-time.Since(began))
}

func (b *Balancer) set(t *target, state, reason, description string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.state, t.reason, t.description = state, reason, description
}

// judge changes a target's state where enough checks in a row ask for it. A new one is
// healthy after the first.
func (b *Balancer) judge(t *target, g group, reason, description string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if reason == "" {
		t.passed, t.failed = t.passed+1, 0
	} else {
		t.passed, t.failed = 0, t.failed+1
	}
	fresh := t.state == initialState || t.state == unusedState
	switch {
	case reason == "" && (fresh || t.passed >= g.Healthy):
		t.state, t.reason, t.description = healthyState, "", ""
	case reason != "" && (t.failed >= g.Unhealthy || t.state == unhealthyState):
		t.state, t.reason, t.description = unhealthyState, reason, description
	case fresh:
		t.state, t.reason, t.description = initialState, "Elb.InitialHealthChecking", "Initial health checks in progress"
	}
}

// probe asks a target for the group's path, and returns what is wrong.
func (g *group) probe(ctx context.Context, address string) (reason, description string) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(g.Timeout)*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+g.Path, nil)
	if err != nil {
		return "Target.FailedHealthChecks", "Health checks failed"
	}
	request.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	client := http.Client{
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	switch {
	case err != nil && ctx.Err() != nil:
		return "Target.Timeout", "Request timed out"
	case err != nil:
		return "Target.FailedHealthChecks", "Health checks failed"
	}
	defer response.Body.Close()                                      //nolint:errcheck // only read from
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)) // Only the status counts.
	if !allowed(g.Matcher, response.StatusCode) {
		return "Target.ResponseCodeMismatch", fmt.Sprintf("Health checks failed with these codes: [%d]", response.StatusCode)
	}
	return "", ""
}

// allowed tells whether a status is among codes such as 200,301-399.
func allowed(codes string, status int) bool {
	if codes == "" {
		codes = "200"
	}
	for part := range strings.SplitSeq(codes, ",") {
		from, to, found := strings.Cut(strings.TrimSpace(part), "-")
		if !found {
			to = from
		}
		low, errLow := strconv.Atoi(from)
		high, errHigh := strconv.Atoi(to)
		if errLow == nil && errHigh == nil && low <= status && status <= high {
			return true
		}
	}
	return false
}
