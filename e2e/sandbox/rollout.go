package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Outcome is how a deployment ends.
type Outcome int

const (
	// Completes is a deployment whose tasks serve in the end.
	Completes Outcome = iota
	// RollsBack is one that the circuit breaker ends and rolls back. Where there is
	// nothing to go back to it stays failed.
	RollsBack
	// Fails is one that the circuit breaker ends, and leaves at that.
	Fails
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

// ExitCode is what a container exits with that crashes.
const ExitCode = 78

// Plan is how ECS carries out a deployment. Time passes by DescribeServices: each
// answer shows the deployment one step further.
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

// What ECS calls a deployment's status and state
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html).
const (
	primary    = "PRIMARY"
	active     = "ACTIVE"
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
	failed     = "FAILED"
)

// deployment is a deployment as DescribeServices shows it.
type deployment struct {
	ID             string  `json:"id"`
	Status         string  `json:"status"`
	TaskDefinition string  `json:"taskDefinition"`
	Desired        int     `json:"desiredCount"`
	Running        int     `json:"runningCount"`
	Pending        int     `json:"pendingCount"`
	Failed         int     `json:"failedTasks"`
	State          string  `json:"rolloutState"`
	Reason         string  `json:"rolloutStateReason"`
	Created        float64 `json:"createdAt"`
	Updated        float64 `json:"updatedAt"`
}

// event is one of a service's events.
type event struct {
	ID      string  `json:"id"`
	Created float64 `json:"createdAt"`
	Message string  `json:"message"`
}

// task is a stopped task as DescribeTasks shows it.
type task struct {
	ARN            string      `json:"taskArn"`
	Cluster        string      `json:"clusterArn"`
	TaskDefinition string      `json:"taskDefinitionArn"`
	Group          string      `json:"group"`
	StartedBy      string      `json:"startedBy"`
	LaunchType     string      `json:"launchType"`
	LastStatus     string      `json:"lastStatus"`
	DesiredStatus  string      `json:"desiredStatus"`
	StopCode       string      `json:"stopCode"`
	StoppedReason  string      `json:"stoppedReason"`
	Created        float64     `json:"createdAt"`
	Stopping       float64     `json:"stoppingAt"`
	Stopped        float64     `json:"stoppedAt"`
	Containers     []container `json:"containers"`
}

// container is a task's container. One that never started has no exit code.
type container struct {
	Name       string `json:"name"`
	Image      string `json:"image"`
	LastStatus string `json:"lastStatus"`
	ExitCode   *int   `json:"exitCode,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// brief is a deployment as ListServiceDeployments shows it.
type brief struct {
	ARN          string  `json:"serviceDeploymentArn"`
	Service      string  `json:"serviceArn"`
	Cluster      string  `json:"clusterArn"`
	Revision     string  `json:"targetServiceRevisionArn"`
	Status       string  `json:"status"`
	StatusReason string  `json:"statusReason,omitempty"`
	Created      float64 `json:"createdAt"`
	Started      float64 `json:"startedAt"`
}

// target is a target of a load balancer.
type target struct {
	IP, State, Reason, Description string
}

// site is where a deployment takes place, for what ECS says of it.
type site struct {
	Cluster, Service, TargetGroup string // ARNs
	Container, Image              string
	Port                          int
}

// name is the service's.
func (s site) name() string { return s.Service[strings.LastIndex(s.Service, "/")+1:] }

// phase is how far a deployment has come.
type phase int

const (
	progressing phase = iota
	rollingBack
	over
)

// rollout is one deployment from its beginning, and what follows from it, until the
// next one. It is a machine that step moves and that all else only looks at.
type rollout struct {
	plan           Plan
	site           site
	id             string
	taskDefinition string
	before         *deployment // what served before and is gone back to, nil for the first
	backID         string      // the deployment that goes back
	polls          int
	began, changed time.Time
	events         []event // oldest first
	stopped        []task  // oldest first
}

// newRollout begins a deployment of a task definition, with a number of tasks.
func newRollout(p Plan, s site, taskDefinition string, before *deployment, tasks int, now time.Time) *rollout {
	if p.Outcome == RollsBack && before == nil {
		p.Outcome = Fails
	}
	if p.Outcome != Completes {
		p.Polls = max(1, p.Polls)
	}
	r := &rollout{
		plan: p, site: s, taskDefinition: taskDefinition, before: before,
		id: deploymentID(now), backID: deploymentID(now.Add(1)), began: now, changed: now,
	}
	if p.Outcome == Hangs {
		r.tell(now, "was unable to place a task. Reason: Capacity is unavailable at this time. "+
			"Please try again later or in a different availability zone.")
		return r
	}
	for range tasks {
		r.tell(now, "has started 1 tasks: (task %s).", taskID())
	}
	if r.phase() == over {
		r.finish(now, r.id)
	}
	return r
}

// deploymentID is one as ECS has it, ecs-svc/ and nineteen digits.
func deploymentID(now time.Time) string { return fmt.Sprintf("ecs-svc/%d", now.UnixNano()) }

// taskID is one as ECS has it, 32 hexadecimal digits.
func taskID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // It never fails.
	return hex.EncodeToString(id[:])
}

// seconds is a time as AWS's JSON has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// tell adds an event.
func (r *rollout) tell(now time.Time, format string, values ...any) {
	r.events = append(r.events, event{taskID(), seconds(now), "(service " + r.site.name() + ") " + fmt.Sprintf(format, values...)})
}

// finish adds the events of a deployment that completed.
func (r *rollout) finish(now time.Time, id string) {
	r.tell(now, "(deployment %s) deployment completed.", id)
	r.tell(now, "has reached a steady state.")
}

func (r *rollout) phase() phase {
	switch {
	case r.plan.Outcome == Hangs || r.plan.Polls > 0 && r.polls <= r.plan.Polls:
		return progressing
	case r.plan.Outcome == RollsBack && r.polls <= r.plan.Polls+r.plan.Settling:
		return rollingBack
	default:
		return over
	}
}

// failing tells whether its tasks stop.
func (r *rollout) failing() bool {
	return r.plan.Outcome == RollsBack || r.plan.Outcome == Fails
}

// step lets time pass, and tells whether this began a rollback.
func (r *rollout) step(now time.Time) bool {
	was := r.phase()
	r.polls++
	is := r.phase()
	if was == progressing && r.failing() && r.polls > 1 {
		r.stopTask(now)
	}
	if was == is {
		return false
	}
	r.changed = now
	if was == progressing && r.failing() {
		r.tell(now, "(deployment %s) deployment failed: tasks failed to start.", r.id)
	}
	backwards := r.plan.Outcome == RollsBack
	if was == progressing && backwards {
		r.tell(now, "rolling back to deployment %s.", r.backID)
	}
	switch {
	case is == over && backwards:
		r.finish(now, r.backID)
	case is == over && r.plan.Outcome == Completes:
		r.finish(now, r.id)
	}
	return was == progressing && backwards
}

// stopTask lets one of the deployment's tasks stop.
func (r *rollout) stopTask(now time.Time) {
	id := taskID()
	t := task{
		ARN: strings.Replace(r.site.Cluster, ":cluster/", ":task/", 1) + "/" + id, Cluster: r.site.Cluster,
		TaskDefinition: r.taskDefinition, Group: "service:" + r.site.name(), StartedBy: r.id, LaunchType: "FARGATE",
		LastStatus: "STOPPED", DesiredStatus: "STOPPED", Created: seconds(r.changed), Stopping: seconds(now), Stopped: seconds(now),
	}
	c := container{Name: r.site.Container, Image: r.site.Image, LastStatus: "STOPPED"}
	switch r.plan.Cause {
	case Crashes:
		t.StopCode, t.StoppedReason = "EssentialContainerExited", "Essential container in task exited"
		code := ExitCode
		c.ExitCode = &code
	case NoImage:
		t.StopCode = "TaskFailedToStart"
		t.StoppedReason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " +
			r.site.Image + ": not found"
		c.Reason = t.StoppedReason
		r.tell(now, "stopped 1 pending tasks.")
	case Unhealthy:
		t.StopCode = "ServiceSchedulerInitiated"
		t.StoppedReason = "Task failed ELB health checks in (target-group " + r.site.TargetGroup + ")"
		code := 0 // It ended when it was told to.
		c.ExitCode = &code
		r.tell(now, "(task %s) (port %d) is unhealthy in (target-group %s) due to (reason %s).", id, r.site.Port, r.site.TargetGroup, badAnswer)
		r.tell(now, "has stopped 1 running tasks: (task %s).", id)
	}
	t.Containers = []container{c}
	r.stopped = append(r.stopped, t)
	r.tell(now, "has started 1 tasks: (task %s).", taskID())
}

// badAnswer is what the load balancer finds wrong with an unhealthy target.
const badAnswer = "Health checks failed with these codes: [500]"

// stage divides the progress of a deployment that completes in three: its tasks
// start, they run, and they are healthy while the old ones drain.
func (r *rollout) stage() int {
	const stages = 3
	return max(0, r.polls-1) * stages / r.plan.Polls
}

// serving is the last deployment that completed, with all its tasks: a later one
// goes back to it.
func (r *rollout) serving(tasks int) *deployment {
	for _, d := range r.deployments(tasks) {
		if d.State == completed || d.ID == r.backID {
			return &d
		}
	}
	return nil
}

// runs is the task definition that the service has: that of a rollback is the old one.
func (r *rollout) runs() string {
	if r.plan.Outcome == RollsBack && r.phase() != progressing {
		return r.before.TaskDefinition
	}
	return r.taskDefinition
}

// deployments are the service's, while this many tasks are desired.
func (r *rollout) deployments(tasks int) []deployment {
	d := deployment{
		ID: r.id, Status: primary, TaskDefinition: r.taskDefinition, Desired: tasks, Failed: len(r.stopped),
		State: inProgress, Reason: "ECS deployment " + r.id + " in progress.", Created: seconds(r.began), Updated: seconds(r.changed),
	}
	switch {
	case r.phase() == progressing:
		d.Running, d.Pending = r.progress(tasks)
		return append([]deployment{d}, r.old(tasks)...)
	case r.plan.Outcome == Completes:
		d.Running, d.State, d.Reason = tasks, completed, "ECS deployment "+r.id+" completed."
		return []deployment{d}
	}
	d.State, d.Reason = failed, "ECS deployment circuit breaker: tasks failed to start."
	if r.plan.Outcome == Fails {
		return append([]deployment{d}, r.old(tasks)...)
	}
	d.Status, d.Desired = active, 0
	back := deployment{
		ID: r.backID, Status: primary, TaskDefinition: r.before.TaskDefinition, Desired: tasks, Running: tasks,
		State: inProgress, Reason: "ECS deployment circuit breaker: rolling back to deploymentId " + r.before.ID + ".",
		Created: seconds(r.changed), Updated: seconds(r.changed),
	}
	if r.phase() == rollingBack {
		return []deployment{back, d}
	}
	back.State, back.Reason = completed, "ECS deployment "+back.ID+" completed."
	return []deployment{back}
}

// progress is how many of the desired tasks run and how many start.
func (r *rollout) progress(tasks int) (running, pending int) {
	switch {
	case r.plan.Outcome == Completes && r.stage() > 0, r.failing() && r.plan.Cause == Unhealthy:
		return tasks, 0
	default:
		return 0, tasks
	}
}

// old is the deployment that served before, while it still does.
func (r *rollout) old(tasks int) []deployment {
	if r.before == nil {
		return nil
	}
	d := *r.before
	d.Status, d.State, d.Reason, d.Desired, d.Running, d.Pending = active, completed, "ECS deployment "+d.ID+" completed.", tasks, tasks, 0
	if r.plan.Outcome == Completes && r.stage() > 1 {
		d.Desired = 0
	}
	return []deployment{d}
}

// brief is the deployment in the service's history.
func (r *rollout) brief() brief {
	number := strings.TrimPrefix(r.id, "ecs-svc/")
	path := r.site.Service[strings.LastIndex(r.site.Service, ":service/")+len(":service/"):]
	prefix := strings.TrimSuffix(r.site.Service, ":service/"+path)
	b := brief{
		ARN: prefix + ":service-deployment/" + path + "/" + number, Service: r.site.Service, Cluster: r.site.Cluster,
		Revision: prefix + ":service-revision/" + path + "/" + number, Created: seconds(r.began), Started: seconds(r.began),
	}
	const tripped = "Service deployment rolled back because the circuit breaker threshold was exceeded."
	switch {
	case r.phase() == progressing:
		b.Status = inProgress
	case r.plan.Outcome == Completes:
		b.Status = "SUCCESSFUL"
	case r.plan.Outcome == Fails:
		b.Status, b.StatusReason = "ROLLBACK_FAILED", "No rollback candidate was found to run the rollback."
	case r.phase() == rollingBack:
		b.Status, b.StatusReason = "ROLLBACK_IN_PROGRESS", tripped
	default:
		b.Status, b.StatusReason = "ROLLBACK_SUCCESSFUL", tripped
	}
	return b
}

// targets are what the load balancer sends requests to, or checks.
func (r *rollout) targets(tasks int) []target {
	healthy, starting := target{State: "healthy"}, target{
		State: "initial", Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress",
	}
	draining := target{State: "draining", Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress"}
	unhealthy := target{State: "unhealthy", Reason: "Target.ResponseCodeMismatch", Description: badAnswer}
	var all []target
	add := func(t target, network string, there bool) {
		for i := range tasks {
			if there {
				t.IP = fmt.Sprintf("10.0.%s.%d", network, 10+i)
				all = append(all, t)
			}
		}
	}
	const older, newer = "0", "1"
	sick := r.failing() && r.plan.Cause == Unhealthy
	switch {
	case r.phase() == progressing && r.plan.Outcome == Completes:
		add([]target{{}, starting, healthy}[r.stage()], newer, r.stage() > 0)
		add([]target{healthy, healthy, draining}[r.stage()], older, r.before != nil)
	case r.phase() == progressing:
		add(unhealthy, newer, sick)
		add(healthy, older, r.before != nil)
	case r.plan.Outcome == Completes:
		add(healthy, newer, true)
	default:
		add(draining, newer, sick && r.phase() == rollingBack)
		add(healthy, older, r.before != nil)
	}
	return all
}
