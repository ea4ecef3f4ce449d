// Package scheduler is the part of Amazon ECS that keeps services running: it starts
// and stops their tasks, carries out rolling deployments, ends those that fail, and
// tells of it all in ECS's words. What a task is it leaves to a Runtime, and what a
// load balancer thinks of one to Balancers.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
//
// It is a machine that Step moves, in a time of its own: a test sets the clock, and
// says what becomes of each task.
package scheduler

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// pace is how often Run looks at services whose runtime tells nothing: health is
	// asked for, and time passes.
	pace = 200 * time.Millisecond
	// remembered is how long a stopped task is told of
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html).
	remembered = time.Hour
	// maxEvents is how many events ECS keeps of a service
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html).
	maxEvents = 100
)

// Runtime runs tasks.
type Runtime interface {
	// Start begins to start a task, and returns at once. What becomes of it is told to
	// report, which can be called at any time, before Start returns too.
	Start(task Task, report func(Report))
	// Stop asks a task to stop, and kills it after its stop timeout. That it has
	// stopped is reported.
	Stop(task string)
}

// Report is what a runtime tells of a task: that it runs, that its health has changed,
// that there is no place for it, or that it has stopped.
type Report struct {
	// Addresses are where its ports answer, by port, once it runs.
	Addresses map[int]string
	// Health is what its containers' own checks say, empty where they have none.
	Health string
	// Unplaced is why there is no place for it. It waits for one.
	Unplaced string
	// Stopped is given once it has stopped.
	Stopped *Stopped
}

// Stopped is how a task stopped.
type Stopped struct {
	// Code and Reason hold where nobody has asked it to stop.
	Code, Reason string
	// Containers are all that it had.
	Containers []Container
}

// Balancers are the load balancers, as far as tasks are their targets.
type Balancers interface {
	Register(Target)
	// Deregister lets a target finish its requests. Until then it is draining, and then
	// its health has no state.
	Deregister(Target)
	Health(Target) Health
}

// Target is a task's port in a target group.
type Target struct {
	Group string // ARN
	IP    string
	Port  int
	// Address is where it answers on this machine.
	Address string
}

// Health is a target's.
type Health struct{ State, Reason, Description string }

// Health's states that matter here, of the target and of a container
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html).
const (
	Healthy           = "healthy"
	Unhealthy         = "unhealthy"
	ContainersHealthy = "HEALTHY"
	ContainersSick    = "UNHEALTHY"
	ContainersUnknown = "UNKNOWN"
)

// Revision is what a deployment deploys: all whose change begins another one.
type Revision struct {
	TaskDefinition string // ARN
	// Definition is the task definition itself.
	Definition json.RawMessage
	// Containers are those of the task definition, before they run.
	Containers []Container
	// Checked tells whether one of them has a health check of its own.
	Checked bool
	// Targets are the groups and ports that a task is registered with.
	Targets []Target
	// Properties are those of the service beside it, as ECS shows them.
	Properties map[string]json.RawMessage
}

// Settings are the properties of a service that take effect without a deployment.
type Settings struct {
	Desired          int
	Minimum, Maximum int // percent of Desired
	Grace            time.Duration
	Breaker          bool
	Rollback         bool
}

// Scheduler keeps services running.
type Scheduler struct {
	runtime   Runtime
	balancers Balancers
	now       func() time.Time
	wake      chan struct{}

	mu       sync.Mutex
	services map[string]*service // by ARN
	started  int                 // tasks, so far

	inboxMu sync.Mutex
	inbox   []letter
}

// letter is a report of a task.
type letter struct {
	task   string
	report Report
}

// New returns a scheduler without services.
func New(runtime Runtime, balancers Balancers, now func() time.Time) *Scheduler {
	return &Scheduler{runtime: runtime, balancers: balancers, now: now, wake: make(chan struct{}, 1), services: map[string]*service{}}
}

// Run lets time pass until the context ends.
func (s *Scheduler) Run(ctx context.Context) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.wake:
		}
		s.Step()
	}
}

// Step does all that is due.
func (s *Scheduler) Step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step()
}

func (s *Scheduler) step() {
	for moved := true; moved; {
		moved = s.read()
		for _, one := range s.services {
			moved = one.step() || moved
		}
	}
}

// read takes in what runtimes have reported.
func (s *Scheduler) read() bool {
	s.inboxMu.Lock()
	letters := s.inbox
	s.inbox = nil
	s.inboxMu.Unlock()
	for _, l := range letters {
		for _, one := range s.services {
			if t := one.task(l.task); t != nil {
				one.hear(t, l.report)
			}
		}
	}
	return len(letters) > 0
}

// reporter is where a runtime reports of a task. It waits for nobody: a runtime may
// report while the scheduler calls it.
func (s *Scheduler) reporter(task string) func(Report) {
	return func(r Report) {
		s.inboxMu.Lock()
		s.inbox = append(s.inbox, letter{task, r})
		s.inboxMu.Unlock()
		select {
		case s.wake <- struct{}{}:
		default: // It is awake.
		}
	}
}

// Create begins a service with its first deployment. One that was deleted under the
// same ARN is forgotten, and its tasks that still stop are not.
func (s *Scheduler) Create(cluster, arn string, settings Settings, revision Revision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &service{scheduler: s, cluster: cluster, arn: arn, settings: settings, status: Active}
	if before := s.services[arn]; before != nil {
		one.tasks = before.tasks
	}
	s.services[arn] = one
	one.deploy(revision)
	s.step()
}

// Change changes a service's settings and, where one is given, deploys a revision.
func (s *Scheduler) Change(arn string, settings Settings, revision *Revision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.services[arn]
	if one == nil {
		return
	}
	one.settings = settings
	if revision != nil {
		one.deploy(*revision)
	}
	s.step()
}

// Delete stops all tasks of a service, which is draining until they have stopped.
func (s *Scheduler) Delete(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.services[arn]; one != nil && one.status == Active {
		one.status, one.settings.Desired = Draining, 0
		s.step()
	}
}

// StopTask stops a task for somebody who has asked for it, and returns it.
func (s *Scheduler) StopTask(arn, reason string) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.services {
		for _, t := range one.tasks {
			if t.ARN == arn || t.id() == arn {
				one.stop(t, "UserInitiated", reason)
				s.step()
				return t.Task, true
			}
		}
	}
	return Task{}, false
}

// View is a service as it is now.
type View struct {
	Status                    string
	Desired, Running, Pending int
	Revision                  Revision
	Deployments               []Deployment // the youngest first
	Events                    []Event      // the youngest first
}

// Service returns a service by its ARN.
func (s *Scheduler) Service(arn string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.services[arn]
	if one == nil {
		return View{}, false
	}
	s.step()
	return one.view(), true
}

// Deployments returns the deployments of a service so far, the youngest first.
func (s *Scheduler) Deployments(arn string) ([]ServiceDeployment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.services[arn]
	if one == nil {
		return nil, false
	}
	s.step()
	all := make([]ServiceDeployment, 0, len(one.history))
	for _, h := range slices.Backward(one.history) {
		all = append(all, *h)
	}
	return all, true
}

// Described returns deployments by their ARNs.
func (s *Scheduler) Described(arns []string) []ServiceDeployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step()
	all := []ServiceDeployment{}
	for _, one := range s.services {
		for _, h := range one.history {
			if slices.Contains(arns, h.ARN) {
				all = append(all, one.described(*h))
			}
		}
	}
	return all
}

// Find returns the ARN of a service by its name or ARN and its cluster's, empty where
// there is none.
func (s *Scheduler) Find(region, cluster, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := func(name string) string { return name[strings.LastIndex(name, "/")+1:] }
	for arn := range s.services {
		if arn == name || strings.Contains(arn, ":"+region+":") && strings.HasSuffix(arn, "/"+last(cluster)+"/"+last(name)) {
			return arn
		}
	}
	return ""
}

// Tasks returns the tasks that a function picks, the oldest first.
func (s *Scheduler) Tasks(pick func(*Task) bool) []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step()
	var all []Task
	for _, one := range s.services {
		for _, t := range one.tasks {
			if pick(&t.Task) {
				all = append(all, t.Task)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Task) int { return a.number - b.number })
	return all
}

// TargetHealth is a target with its health.
type TargetHealth struct {
	Target
	Health
}

// Targets returns the targets in a group with their health.
func (s *Scheduler) Targets(group string) []TargetHealth {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step()
	var all []TargetHealth
	for _, one := range s.services {
		for _, t := range one.tasks {
			for _, target := range t.targets {
				if health := s.balancers.Health(target); target.Group == group && health.State != "" {
					all = append(all, TargetHealth{target, health})
				}
			}
		}
	}
	return all
}
