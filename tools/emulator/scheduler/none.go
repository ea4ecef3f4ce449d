package scheduler

import "sync"

// None is a runtime that runs nothing: tasks run at once and well, and stop at once. It
// is also the load balancers of such tasks, whose targets are healthy.
type None struct {
	mu      sync.Mutex
	report  map[string]func(Report)
	targets map[Target]bool
}

// NewNone returns a runtime that runs nothing.
func NewNone() *None {
	return &None{report: map[string]func(Report){}, targets: map[Target]bool{}}
}

// Start says that the task runs.
func (n *None) Start(task Task, report func(Report)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.report[task.ID()] = report
	report(Report{Addresses: map[int]string{}})
}

// Stop says that the task has stopped.
func (n *None) Stop(task string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if report := n.report[task]; report != nil {
		delete(n.report, task)
		report(Report{Stopped: &Stopped{}})
	}
}

// Register takes a target in.
func (n *None) Register(t Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.targets[t] = true
}

// Deregister lets a target go at once.
func (n *None) Deregister(t Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.targets, t)
}

// Health is that of a target: healthy.
func (n *None) Health(t Target) Health {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.targets[t] {
		return Health{State: Healthy}
	}
	return Health{}
}
