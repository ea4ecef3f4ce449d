package scheduler

import (
	"fmt"
	"slices"
	"strings"
)

// service is a service with its tasks.
type service struct {
	scheduler    *Scheduler
	cluster, arn string
	status       string
	settings     Settings
	deployments  []*deployment // the youngest first, which is the primary one
	completed    *deployment   // the last one that completed
	history      []*ServiceDeployment
	tasks        []*task // the oldest first
	events       []Event // the oldest first
	steady       bool
}

// name is the service's.
func (s *service) name() string { return s.arn[strings.LastIndex(s.arn, "/")+1:] }

func (s *service) primary() *deployment {
	if len(s.deployments) == 0 {
		return nil
	}
	return s.deployments[0]
}

// task finds a task by its ID.
func (s *service) task(id string) *task {
	for _, t := range s.tasks {
		if t.id() == id {
			return t
		}
	}
	return nil
}

// tell adds an event.
func (s *service) tell(format string, values ...any) {
	message := fmt.Sprintf(format, values...)
	s.events = append(s.events, Event{hexadecimal(32), seconds(s.scheduler.now()), "(service " + s.name() + ") " + message})
	s.events = s.events[max(0, len(s.events)-maxEvents):]
}

// step does what is due, and tells whether it was anything.
func (s *service) step() bool {
	moved := false
	for _, t := range s.tasks {
		moved = s.look(t) || moved
	}
	moved = s.trip() || moved
	moved = s.stopSome() || moved
	moved = s.startSome() || moved
	s.forget()
	return s.settle() || moved
}

// count counts the tasks for which a function holds.
func (s *service) count(holds func(*task) bool) int {
	n := 0
	for _, t := range s.tasks {
		if holds(t) {
			n++
		}
	}
	return n
}

// bounds are how many tasks may run at once at the most, and how many must serve.
func (s *service) bounds() (lower, upper int) {
	desired := s.settings.Desired
	return (desired*s.settings.Minimum + 99) / 100, desired * s.settings.Maximum / 100
}

// kept are the tasks of a deployment that count to what is desired.
func (s *service) kept(d *deployment) int {
	return s.count(func(t *task) bool { return t.deployment == d && t.stays() && !t.replaced })
}

// startSome starts the tasks that are missing, as far as there is room. A deployment
// that has failed gets no more.
func (s *service) startSome() bool {
	d, now := s.primary(), s.scheduler.now()
	if s.status != Active || d.State == Failed || s.throttled(d) && now.Before(d.next) {
		return false
	}
	_, upper := s.bounds()
	missing := min(s.settings.Desired-s.kept(d), upper-s.count((*task).stays))
	if missing <= 0 {
		return false
	}
	var ids []string
	for range missing {
		t := s.newTask(d)
		s.tasks = append(s.tasks, t)
		ids = append(ids, "(task "+t.id()+")")
		s.scheduler.runtime.Start(t.Task, s.scheduler.reporter(t.id()))
	}
	s.tell("has started %d tasks: %s.", missing, strings.Join(ids, " "))
	s.steady = false
	return true
}

// throttled tells whether a deployment's tasks are started with a delay: not as long as
// the circuit breaker counts them.
func (s *service) throttled(d *deployment) bool {
	return d.State != InProgress || !s.settings.Breaker
}

// excess is what stopSome goes by: how many must serve and do, how many could be
// started beside, and how many of the primary deployment are too many.
type excess struct{ lower, serving, room, surplus int }

// stopSome stops the tasks that are too many: those that are sick, those of earlier
// deployments, and those above what is desired, as far as enough go on serving.
func (s *service) stopSome() bool {
	lower, upper := s.bounds()
	e := excess{
		lower: lower, serving: s.count(s.serves),
		room: upper - s.count((*task).stays), surplus: s.kept(s.primary()) - s.settings.Desired,
	}
	var running, pending []string
	for _, t := range s.order() {
		reason := s.verdict(t, &e)
		if reason == "" {
			continue
		}
		if id := "(task " + t.id() + ")"; t.LastStatus == Pending {
			pending = append(pending, id)
		} else {
			running = append(running, id)
		}
		s.stop(t, "ServiceSchedulerInitiated", reason)
	}
	if n := len(running); n > 0 {
		s.tell("has stopped %d running tasks: %s.", n, strings.Join(running, " "))
	}
	if n := len(pending); n > 0 {
		s.tell("has stopped %d pending tasks: %s.", n, strings.Join(pending, " "))
	}
	return len(running)+len(pending) > 0
}

// verdict is why a task is to stop, empty where it stays.
func (s *service) verdict(t *task, e *excess) string {
	d := s.primary()
	served := s.serves(t)
	switch {
	case t.replaced:
		if s.waits(t, e) {
			return ""
		}
		return t.complaint
	case t.deployment != d:
		if s.status == Active && (d.State == Failed || served && e.serving <= e.lower) {
			return ""
		}
	case e.surplus > 0:
		e.surplus--
	default:
		return ""
	}
	if served {
		e.serving--
	}
	return "Scaling activity initiated by (deployment " + d.ID + ")"
}

// waits tells whether a sick task goes only when another is healthy in its place: there
// is room for one, or one is on its way. A deployment's tasks go at once.
func (s *service) waits(t *task, e *excess) bool {
	d := s.primary()
	coming := s.kept(d) >= s.settings.Desired && !s.settled(d)
	return t.proven && d.State == Completed && s.status == Active && e.surplus < 1 && (e.room > 0 || coming)
}

// serves tells whether a task stays, runs, and is healthy.
func (s *service) serves(t *task) bool { return t.healthy(s.scheduler.balancers) }

// order are the tasks that stay, in the order in which they are stopped: those that
// serve last, and of them the youngest first.
func (s *service) order() []*task {
	all := slices.DeleteFunc(slices.Clone(s.tasks), func(t *task) bool { return !t.stays() })
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b *task) int {
		switch h, g := s.serves(a), s.serves(b); {
		case h == g:
			return 0
		case h:
			return 1
		default:
			return -1
		}
	})
	return all
}

// settled tells whether as many tasks of a deployment as are desired are healthy.
func (s *service) settled(d *deployment) bool {
	return s.kept(d) == s.settings.Desired && s.count(func(t *task) bool {
		return t.deployment == d && s.serves(t) && !t.replaced
	}) == s.settings.Desired
}

// lives tells whether a task has not stopped.
func (t *task) lives() bool { return t.LastStatus != HasStopped }

// settle completes a deployment, forgets those that have no tasks left, and says that
// the service is steady. A deployment that failed is shown until it is rolled back.
func (s *service) settle() bool {
	d := s.primary()
	s.deployments = slices.DeleteFunc(s.deployments, func(old *deployment) bool {
		shown := old == d || old.State == Failed && d.State == InProgress
		return !shown && s.count(func(t *task) bool { return t.deployment == old && t.lives() }) == 0
	})
	if s.status == Draining && s.count((*task).lives) == 0 {
		s.status, s.deployments = Inactive, s.deployments[:1]
		return true
	}
	if s.status != Active || s.steady || !s.arrived(d) {
		return false
	}
	if d.State == InProgress {
		s.complete(d)
	}
	s.steady = true
	s.deployments = s.deployments[:1]
	s.tell("has reached a steady state.")
	return true
}

// arrived tells whether a deployment has come to its end: its tasks serve, and all
// others are gone.
func (s *service) arrived(d *deployment) bool {
	left := s.count(func(t *task) bool { return t.lives() && (!t.stays() || t.deployment != d) })
	soon := d.back && d.State == InProgress && s.scheduler.now().Sub(d.began) < Settling
	return d.State != Failed && left == 0 && !soon && s.settled(d)
}

// forget forgets the tasks that stopped long ago.
func (s *service) forget() {
	now := s.scheduler.now()
	s.tasks = slices.DeleteFunc(s.tasks, func(t *task) bool { return t.LastStatus == HasStopped && now.Sub(t.gone) > remembered })
}

// described is a deployment of the history with the tasks of its revision.
func (s *service) described(h ServiceDeployment) ServiceDeployment {
	for _, d := range s.view().Deployments {
		if strings.HasSuffix(h.Target.ARN, "/"+strings.TrimPrefix(d.ID, "ecs-svc/")) {
			h.Target.Requested, h.Target.Running, h.Target.Pending = d.Desired, d.Running, d.Pending
		}
	}
	return h
}

// view is the service as it is.
func (s *service) view() View {
	v := View{Status: s.status, Desired: s.settings.Desired, Revision: s.primary().Revision}
	for _, d := range s.deployments {
		shown := d.Deployment
		for _, t := range s.tasks {
			if t.deployment != d {
				continue
			}
			switch {
			case t.LastStatus == Running:
				shown.Running++
			case t.LastStatus == Pending && t.stays():
				shown.Pending++
			}
		}
		if d == s.primary() {
			shown.Desired = s.settings.Desired
		} else {
			shown.Desired = s.kept(d)
		}
		v.Running, v.Pending = v.Running+shown.Running, v.Pending+shown.Pending
		v.Deployments = append(v.Deployments, shown)
	}
	v.Events = slices.Clone(s.events)
	slices.Reverse(v.Events)
	return v
}
