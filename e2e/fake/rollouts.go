package fake

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ecs-sample-app/tools/emulator/scheduler"
)

// Outcome is how a deployment ends.
type Outcome int

const (
	// Completes is a deployment whose tasks serve in the end.
	Completes Outcome = iota
	// RollsBack is one whose tasks stop until the circuit breaker ends it and rolls it
	// back. Where there is nothing to go back to it stays failed.
	RollsBack
	// Hangs is one that comes to no end: its tasks never get a place.
	Hangs
)

// Cause is why the tasks of a deployment stop.
type Cause int

const (
	// Crashes is a container that exits with ExitCode.
	Crashes Cause = iota
	// NoImage is an image that does not exist.
	NoImage
	// Unhealthy is a task that fails the load balancer's health checks.
	Unhealthy
)

const (
	// ExitCode is what a container exits with that crashes.
	ExitCode = 78
	// failures is after how many the circuit breaker ends the deployment of a service of
	// up to six tasks.
	failures = 3
	// patience is more than the grace period of any test's service.
	patience = 2 * time.Minute
	// badAnswer is what the load balancer finds wrong with an unhealthy target.
	badAnswer = "Health checks failed with these codes: [500]"
)

// Plan is what becomes of the tasks of a deployment. Time passes by DescribeServices:
// each answer shows the deployment one step further.
type Plan struct {
	Outcome Outcome
	// Polls is how many answers show it in progress, 0 only where it completes.
	Polls int
	// Stale is how many of these answers, fewer than Polls, come from before the
	// deployment: ECS may take a while to know of its own doing.
	Stale int
	// Settling is how many answers show the rollback in progress after that, with the
	// failed deployment beside it.
	Settling int
	// Cause is why its tasks stop, where it fails.
	Cause Cause
}

// Rollouts are the stage on which the emulator's scheduler plays: they say what becomes
// of tasks, as a test has planned it for the deployment that starts them, and what time
// it is. The tasks of a deployment without a plan run at once and well.
type Rollouts struct {
	mu      sync.Mutex
	time    time.Time
	plans   []Plan
	scripts []*script // oldest first
	tasks   map[string]*player
	targets map[scheduler.Target]*player
}

// script is the plan of a deployment that goes on, or is over.
type script struct {
	Plan
	service, deployment string
	polls, failed       int
	earlier             *httptest.ResponseRecorder // the service before it, for stale answers
}

// player is a task.
type player struct {
	task   scheduler.Task
	report func(scheduler.Report)
	script *script
	runs   bool
	leaves bool
}

// Next plans the next deployment that starts tasks. Plans queue up.
func (o *Rollouts) Next(p Plan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.Outcome == RollsBack {
		p.Polls = max(1, p.Polls)
	}
	o.plans = append(o.plans, p)
}

// Unused are the plans whose deployment has not begun.
func (o *Rollouts) Unused() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.plans)
}

// Now is the stage's time, which passes only when ECS is asked for something.
func (o *Rollouts) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.time.IsZero() {
		o.time = time.Now()
	}
	return o.time
}

// Start gives a task its part.
func (o *Rollouts) Start(task scheduler.Task, report func(scheduler.Report)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tasks == nil {
		o.tasks, o.targets = map[string]*player{}, map[scheduler.Target]*player{}
	}
	s, fresh := o.scriptOf(task)
	p := &player{task: task, report: report, script: s}
	o.tasks[task.ID()] = p
	switch {
	case s.Outcome == Hangs && fresh:
		report(scheduler.Report{Unplaced: "Capacity is unavailable at this time. Please try again later or in a different availability zone."})
	case s.Outcome == Completes && s.stage() > 0, s.Outcome == RollsBack && s.Cause == Unhealthy:
		p.run()
	}
}

// scriptOf is the script of the deployment that starts a task, a new one for its first.
func (o *Rollouts) scriptOf(task scheduler.Task) (s *script, fresh bool) {
	for _, s := range o.scripts {
		if s.deployment == task.StartedBy {
			return s, false
		}
	}
	s = &script{service: task.Service, deployment: task.StartedBy}
	if len(o.plans) > 0 {
		s.Plan, o.plans = o.plans[0], o.plans[1:]
	}
	o.scripts = append(o.scripts, s)
	return s, true
}

// stage divides the progress of a deployment that completes in three: its tasks start,
// they run, and they are healthy while the old ones drain. Then it is over.
func (s *script) stage() int {
	const stages = 3
	if s.polls > s.Polls || s.Polls == 0 {
		return stages
	}
	return max(0, s.polls-1) * stages / s.Polls
}

// run lets the task run. Its targets know it by their address.
func (p *player) run() {
	if p.runs {
		return
	}
	p.runs = true
	var read struct {
		ContainerDefinitions []struct{ PortMappings []struct{ ContainerPort int } }
	}
	_ = json.Unmarshal(p.task.Definition, &read) // Without ports there are no targets.
	addresses := map[int]string{}
	for _, c := range read.ContainerDefinitions {
		for _, port := range c.PortMappings {
			addresses[port.ContainerPort] = p.task.ID()
		}
	}
	p.report(scheduler.Report{Addresses: addresses})
}

// Stop lets a task stop, well.
func (o *Rollouts) Stop(task string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.tasks[task]; p != nil {
		var code *int // One that never ran has none.
		if p.runs {
			code = new(int)
		}
		p.end(scheduler.Stopped{Containers: p.containers(code, "")})
		delete(o.tasks, task)
	}
}

func (p *player) end(how scheduler.Stopped) { p.report(scheduler.Report{Stopped: &how}) }

// containers are the task's as they ended.
func (p *player) containers(code *int, reason string) []scheduler.Container {
	all := slices.Clone(p.task.Containers)
	for i := range all {
		all[i].ExitCode, all[i].Reason = code, reason
	}
	return all
}

// Register takes a task in as a target.
func (o *Rollouts) Register(t scheduler.Target) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.targets[t] = o.tasks[t.Address]
}

// Deregister lets a target drain until the deployment that takes its place is over.
func (o *Rollouts) Deregister(t scheduler.Target) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.targets[t]; p != nil {
		p.leaves = true
	}
}

// Health is a target's.
func (o *Rollouts) Health(t scheduler.Target) scheduler.Health {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.targets[t]
	switch {
	case p == nil:
		return scheduler.Health{}
	case p.leaves:
		if next := o.last(p.task.Service); next != p.script && next.Outcome == Completes && next.stage() < 3 {
			return scheduler.Health{State: "draining", Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress"}
		}
		delete(o.targets, t)
		return scheduler.Health{}
	case p.script.Outcome == RollsBack:
		return scheduler.Health{State: scheduler.Unhealthy, Reason: "Target.ResponseCodeMismatch", Description: badAnswer}
	case p.script.stage() < 2, p.script.stage() < 3 && !o.replaces(p):
		return scheduler.Health{State: "initial", Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress"}
	default:
		return scheduler.Health{State: scheduler.Healthy}
	}
}

// replaces tells whether there are older tasks that drain when this one is healthy.
// Where there are none, the deployment is over as soon as it is.
func (o *Rollouts) replaces(p *player) bool {
	for _, other := range o.targets {
		if other.task.Service == p.task.Service && other.script != p.script {
			return true
		}
	}
	return false
}

// last is the script of a service's last deployment.
func (o *Rollouts) last(service string) *script {
	for _, s := range slices.Backward(o.scripts) {
		if s.service == service {
			return s
		}
	}
	return nil
}

// Wrap is the rollouts as the emulator takes them.
func (o *Rollouts) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if serviceOf(r) != "ecs" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ask := func(action string, body []byte) *httptest.ResponseRecorder {
			again := r.Clone(r.Context())
			again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			again.Header.Set("Content-Length", strconv.Itoa(len(body)))
			prefix, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
			again.Header.Set("X-Amz-Target", prefix+"."+action)
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, again)
			return answer
		}
		action := actionOf(r, body)
		o.pass(10 * time.Millisecond)
		var answer *httptest.ResponseRecorder
		switch action {
		case "UpdateService":
			answer = o.update(body, ask)
		case "DescribeServices":
			answer = o.poll(body, ask)
		default:
			answer = ask(action, body)
		}
		maps.Copy(w.Header(), answer.Header())
		write(w, answer.Header().Get("Content-Type"), answer.Code, answer.Body.Bytes())
	})
}

// pass lets time pass.
func (o *Rollouts) pass(d time.Duration) {
	now := o.Now().Add(d)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.time = now
}

// asker has the emulator answer an action of ECS.
type asker func(action string, body []byte) *httptest.ResponseRecorder

const describe = "DescribeServices"

// update passes an update on, and keeps what was before it where answers are to be
// stale.
func (o *Rollouts) update(body []byte, ask asker) *httptest.ResponseRecorder {
	o.mu.Lock()
	stale, begun := len(o.plans) > 0 && o.plans[0].Stale > 0, len(o.scripts)
	o.mu.Unlock()
	var earlier *httptest.ResponseRecorder
	if stale {
		var asked struct{ Cluster, Service string }
		_ = json.Unmarshal(body, &asked) // The emulator says what is wrong.
		question, _ := json.Marshal(map[string]any{"cluster": asked.Cluster, "services": []string{asked.Service}, "include": []string{"TAGS"}})
		earlier = ask(describe, question)
	}
	answer := ask("UpdateService", body)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.scripts) > begun {
		o.scripts[len(o.scripts)-1].earlier = earlier
	}
	return answer
}

// poll lets a service's deployment go a step further, and answers.
func (o *Rollouts) poll(body []byte, ask asker) *httptest.ResponseRecorder {
	var asked struct{ Services []string }
	_ = json.Unmarshal(body, &asked) // The emulator says what is wrong.
	for _, name := range asked.Services {
		s := o.begin(name)
		if s == nil {
			continue
		}
		for o.fails(s) {
			ask(describe, body)
		}
		if s.polls > s.Polls+s.Settling {
			o.pass(scheduler.Settling)
		}
		if s.earlier != nil && s.polls <= s.Stale {
			return s.earlier
		}
	}
	return ask(describe, body)
}

// begin begins a poll of a service, and returns its script, if it has one.
func (o *Rollouts) begin(name string) *script {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range slices.Backward(o.scripts) {
		if s.service != name && !strings.HasSuffix(s.service, "/"+name) {
			continue
		}
		s.polls++
		if s.Outcome == Completes && s.stage() > 0 {
			for _, p := range o.tasks {
				if p.script == s {
					p.run()
				}
			}
		}
		return s
	}
	return nil
}

// fails lets a deployment's tasks fail, if it is time for one, and tells whether it was. All have when its polls are over.
func (o *Rollouts) fails(s *script) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	due := (failures*min(s.polls-1, s.Polls) + s.Polls - 1) / max(1, s.Polls)
	if s.Outcome != RollsBack || s.failed >= due {
		return false
	}
	for id, p := range o.tasks {
		if p.script != s || p.leaves {
			continue
		}
		s.failed++
		if s.Cause == Unhealthy {
			continue // All that run are, once their grace period is over.
		}
		p.fail(s.Cause)
		delete(o.tasks, id)
		return true
	}
	o.time = o.time.Add(patience)
	return s.Cause == Unhealthy
}

// fail lets a task fail.
func (p *player) fail(cause Cause) {
	if cause == NoImage {
		reason := "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + p.task.Containers[0].Image + ": not found"
		p.end(scheduler.Stopped{Code: "TaskFailedToStart", Reason: reason, Containers: p.containers(nil, reason)})
		return
	}
	code := ExitCode
	p.end(scheduler.Stopped{Code: "EssentialContainerExited", Reason: "Essential container in task exited", Containers: p.containers(&code, "")})
}
