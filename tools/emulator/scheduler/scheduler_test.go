package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/c"
	web     = "arn:aws:ecs:us-east-1:123456789012:service/c/web"
	group   = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/g/0"
)

// stage is a runtime and load balancers that do what a test says, in its time.
type stage struct {
	t       *testing.T
	now     time.Time
	s       *Scheduler
	report  map[string]func(Report)
	order   []string // tasks, as they were started
	stopped []string
	health  map[Target]Health
	drains  bool // until a test says so
}

func newStage(t *testing.T) *stage {
	g := &stage{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), report: map[string]func(Report){}, health: map[Target]Health{}}
	g.s = New(g, g, func() time.Time { return g.now })
	return g
}

func (g *stage) Start(task Task, report func(Report)) {
	g.report[task.ID()] = report
	g.order = append(g.order, task.ID())
}

func (g *stage) Stop(task string) { g.stopped = append(g.stopped, task) }

func (g *stage) Register(t Target)      { g.health[t] = Health{State: "initial"} }
func (g *stage) Health(t Target) Health { return g.health[t] }
func (g *stage) Deregister(t Target) {
	if g.drains {
		g.health[t] = Health{State: "draining"}
		return
	}
	delete(g.health, t)
}

// starting are the tasks that were started and of which nothing was said yet.
func (g *stage) starting() []string {
	var all []string
	for _, id := range g.order {
		if g.task(id).LastStatus == Pending {
			all = append(all, id)
		}
	}
	return all
}

func (g *stage) task(id string) Task {
	g.t.Helper()
	found := g.s.Tasks(func(t *Task) bool { return t.ID() == id })
	if len(found) != 1 {
		g.t.Fatalf("there are %d tasks %s", len(found), id)
	}
	return found[0]
}

// run lets all tasks that start run, with targets of a health.
func (g *stage) run(h Health) {
	for _, id := range g.starting() {
		g.report[id](Report{Addresses: map[int]string{80: "127.0.0.1:1" + id[:4]}})
	}
	g.s.Step()
	for t, was := range g.health {
		if was.State == "initial" {
			g.health[t] = h
		}
	}
	g.s.Step()
}

// crash lets all tasks that start exit.
func (g *stage) crash() {
	for _, id := range g.starting() {
		code := 78
		g.report[id](Report{Stopped: &Stopped{Code: "EssentialContainerExited", Reason: "Essential container in task exited", Containers: []Container{{Name: "web", ExitCode: &code}}}})
	}
	g.s.Step()
}

// obey lets the tasks stop that were told to.
func (g *stage) obey() {
	told := g.stopped
	g.stopped = nil
	for _, id := range told {
		g.report[id](Report{Stopped: &Stopped{}})
	}
	g.s.Step()
}

// settle lets the time pass that a rollback takes.
func (g *stage) settle() {
	g.now = g.now.Add(Settling)
	g.s.Step()
}

func (g *stage) view() View {
	g.t.Helper()
	v, ok := g.s.Service(web)
	if !ok {
		g.t.Fatal("the service is not there")
	}
	return v
}

// deployments are the service's, for a comparison.
func (g *stage) deployments() string {
	var all []string
	for _, d := range g.view().Deployments {
		all = append(all, fmt.Sprintf("%s %s %s %d/%d+%d", d.TaskDefinition, d.Status, d.State, d.Running, d.Desired, d.Pending))
	}
	return strings.Join(all, ", ")
}

func (g *stage) want(what, want string) {
	g.t.Helper()
	if got := g.deployments(); got != want {
		g.t.Errorf("%s: the deployments are\n%s, not\n%s", what, got, want)
	}
}

// last is the service's last deployment in the history.
func (g *stage) last() ServiceDeployment {
	g.t.Helper()
	all, _ := g.s.Deployments(web)
	return all[0]
}

func (g *stage) wantEvent(part string) {
	g.t.Helper()
	if !slices.ContainsFunc(g.view().Events, func(e Event) bool { return strings.Contains(e.Message, part) }) {
		g.t.Errorf("no event says %q: %v", part, g.view().Events)
	}
}

func version(n int) Revision {
	return Revision{TaskDefinition: fmt.Sprintf("web:%d", n), Containers: []Container{{Name: "web"}}, Targets: []Target{{Group: group, Port: 80}}}
}

func with(desired int) Settings {
	return Settings{Desired: desired, Minimum: 100, Maximum: 200, Grace: time.Minute, Breaker: true, Rollback: true}
}

var fine = Health{State: Healthy}

// serving is a stage with a service whose first deployment has completed.
func serving(t *testing.T, desired int) *stage {
	g := newStage(t)
	g.s.Create(cluster, web, with(desired), version(1))
	g.run(fine)
	g.want("at first", fmt.Sprintf("web:1 PRIMARY COMPLETED %d/%[1]d+0", desired))
	return g
}

func (g *stage) deploy(n int, settings Settings) {
	revision := version(n)
	g.s.Change(web, settings, &revision)
}

func TestARollingDeploymentStopsNoTaskBeforeItsSuccessorIsHealthy(t *testing.T) {
	g := serving(t, 2)
	g.drains = true
	g.deploy(2, with(2))
	g.want("both start", "web:2 PRIMARY IN_PROGRESS 0/2+2, web:1 ACTIVE COMPLETED 2/2+0")
	g.run(Health{State: "initial"})
	g.want("they run, and are not healthy yet", "web:2 PRIMARY IN_PROGRESS 2/2+0, web:1 ACTIVE COMPLETED 2/2+0")
	for target, h := range g.health {
		if h.State == "initial" {
			g.health[target] = fine
			break
		}
	}
	g.s.Step()
	g.want("one is healthy", "web:2 PRIMARY IN_PROGRESS 2/2+0, web:1 ACTIVE COMPLETED 1/1+0")
	if len(g.stopped) > 0 {
		t.Error("a task is told to stop while it finishes requests")
	}
	g.run(fine)
	g.want("both are healthy", "web:2 PRIMARY IN_PROGRESS 2/2+0, web:1 ACTIVE COMPLETED 0/0+0")
	for target, h := range g.health {
		if h.State == "draining" {
			delete(g.health, target)
		}
	}
	g.s.Step()
	if len(g.stopped) != 2 {
		t.Errorf("%d tasks are told to stop after they have drained", len(g.stopped))
	}
	g.obey()
	g.want("the old ones are gone", "web:2 PRIMARY COMPLETED 2/2+0")
	if last := g.s.Described([]string{g.last().ARN})[0]; last.Status != Successful || last.Finished == 0 || last.Target.Running != 2 {
		t.Errorf("the deployment is %+v", last)
	}
	for _, part := range []string{"has begun draining connections on 1 tasks.", "has stopped 1 running tasks: (task ", "deployment completed.", "(service web) has reached a steady state."} {
		g.wantEvent(part)
	}
}

func TestMinimumAndMaximumPercentBoundTheTasks(t *testing.T) {
	for _, tt := range []struct{ minimum, maximum, first, old int }{
		{100, 200, 4, 4}, {50, 100, 2, 2}, {100, 150, 2, 4}, {0, 100, 4, 0},
	} {
		g := serving(t, 4)
		settings := with(4)
		settings.Minimum, settings.Maximum = tt.minimum, tt.maximum
		g.deploy(2, settings)
		if n := len(g.starting()); n != tt.first {
			t.Errorf("%d to %d percent: %d tasks start at first, not %d", tt.minimum, tt.maximum, n, tt.first)
		}
		if n := g.view().Deployments[1].Running; n != tt.old {
			t.Errorf("%d to %d percent: %d old tasks stay at first, not %d", tt.minimum, tt.maximum, n, tt.old)
		}
		for range 4 {
			g.obey()
			g.run(fine)
		}
		g.obey()
		g.want("at the end", "web:2 PRIMARY COMPLETED 4/4+0")
	}
}

func TestTheBreakerTripsAfterHalfOfTheTasksAndRollsBack(t *testing.T) {
	for _, tt := range []struct{ desired, failures int }{{1, 3}, {6, 3}, {7, 4}, {20, 10}} {
		g := serving(t, tt.desired)
		g.deploy(2, with(tt.desired))
		failures := 0
		for g.view().Revision.TaskDefinition == "web:2" {
			id := g.starting()[0]
			g.report[id](Report{Stopped: &Stopped{Code: "EssentialContainerExited"}})
			g.s.Step()
			failures++
		}
		if failures != tt.failures {
			t.Errorf("%d of %d tasks have failed when the breaker trips, not %d", failures, tt.desired, tt.failures)
		}
		if last := g.last(); !strings.HasPrefix(last.Status, "ROLLBACK_") || last.Breaker.Threshold != tt.failures {
			t.Errorf("the deployment is %+v", last)
		}
		g.obey()
		g.want("it settles", fmt.Sprintf("web:1 PRIMARY IN_PROGRESS %d/%[1]d+0, web:2 ACTIVE FAILED 0/0+0", tt.desired))
		g.settle()
		g.want("rolled back", fmt.Sprintf("web:1 PRIMARY COMPLETED %d/%[1]d+0", tt.desired))
		if last := g.last(); last.Status != RollbackSuccessful {
			t.Errorf("the deployment is %+v", last)
		}
		g.wantEvent("deployment failed: tasks failed to start.")
		g.wantEvent("rolling back to deployment ecs-svc/")
		g.deploy(3, with(tt.desired))
		g.run(fine)
		g.obey()
		g.want("the next one", fmt.Sprintf("web:3 PRIMARY COMPLETED %d/%[1]d+0", tt.desired))
	}
}

func TestASecondWayBackKeepsTheTasksOfTheFirst(t *testing.T) {
	g := serving(t, 2)
	g.deploy(2, with(2))
	for g.view().Revision.TaskDefinition == "web:2" {
		g.report[g.starting()[0]](Report{Stopped: &Stopped{Code: "EssentialContainerExited"}})
		g.s.Step()
	}
	// The first way back is not over yet when another version comes, and fails too.
	before := g.s.Tasks(func(t *Task) bool { return t.TaskDefinition == "web:1" && t.LastStatus == "RUNNING" })
	g.deploy(3, with(2))
	for g.view().Revision.TaskDefinition == "web:3" {
		g.report[g.starting()[0]](Report{Stopped: &Stopped{Code: "EssentialContainerExited"}})
		g.s.Step()
	}
	g.obey()
	g.settle()
	g.want("back", "web:1 PRIMARY COMPLETED 2/2+0")
	after := g.s.Tasks(func(t *Task) bool { return t.TaskDefinition == "web:1" && t.LastStatus == "RUNNING" })
	if len(before) != 2 || len(after) != 2 || before[0].ARN != after[0].ARN && before[0].ARN != after[1].ARN {
		t.Errorf("healthy tasks are started anew: %d before, %d after", len(before), len(after))
	}
}

func TestWhileAVersionFailsTheOldOneServes(t *testing.T) {
	g := serving(t, 2)
	g.deploy(2, with(2))
	g.crash()
	g.want("one failure each", "web:2 PRIMARY IN_PROGRESS 0/2+2, web:1 ACTIVE COMPLETED 2/2+0")
	g.crash()
	g.settle()
	g.want("over", "web:1 PRIMARY COMPLETED 2/2+0")
	stopped := g.s.Tasks(func(t *Task) bool { return t.TaskDefinition == "web:2" })
	if len(stopped) == 0 || stopped[0].StopCode != "EssentialContainerExited" || *stopped[0].Containers[0].ExitCode != 78 {
		t.Errorf("what failed is told as %+v", stopped)
	}
	if n := len(g.s.Targets(group)); n != 2 {
		t.Errorf("%d targets serve", n)
	}
}

func TestAFirstDeploymentThatFailsStartsNoMoreTasks(t *testing.T) {
	g := newStage(t)
	g.s.Create(cluster, web, with(1), version(1))
	for range 3 {
		g.crash()
	}
	g.now = g.now.Add(time.Hour / 2)
	g.s.Step()
	g.want("failed", "web:1 PRIMARY FAILED 0/1+0")
	if len(g.order) != 3 {
		t.Errorf("%d tasks were started", len(g.order))
	}
	if last := g.last(); last.Status != RollbackFailed {
		t.Errorf("the deployment is %+v", last)
	}
	g.deploy(2, with(1))
	g.run(fine)
	g.want("another version", "web:2 PRIMARY COMPLETED 1/1+0")
}

func TestWithoutABreakerTasksAreTriedForeverAndLessAndLess(t *testing.T) {
	g := newStage(t)
	settings := with(1)
	settings.Breaker = false
	g.s.Create(cluster, web, settings, version(1))
	for range 60 {
		g.crash()
		g.now = g.now.Add(time.Second)
		g.s.Step()
	}
	if n := len(g.order); n < 7 || n > 10 {
		t.Errorf("%d tasks were started within a minute", n)
	}
	g.want("goes on", "web:1 PRIMARY IN_PROGRESS 0/1+0")
}

func TestAnUnhealthyTaskIsStoppedAfterTheGracePeriodAndCounts(t *testing.T) {
	g := serving(t, 1)
	g.deploy(2, with(1))
	sick := Health{Unhealthy, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"}
	for range 3 {
		g.run(sick)
		g.want("in the grace period", "web:2 PRIMARY IN_PROGRESS 1/1+0, web:1 ACTIVE COMPLETED 1/1+0")
		g.now = g.now.Add(time.Minute)
		g.s.Step()
		g.obey()
	}
	g.settle()
	g.want("after three", "web:1 PRIMARY COMPLETED 1/1+0")
	g.wantEvent("(port 80) is unhealthy in (target-group " + group + ") due to (reason Health checks failed with these codes: [500]).")
	failed := g.s.Tasks(func(t *Task) bool { return t.TaskDefinition == "web:2" })[0]
	if failed.StopCode != "ServiceSchedulerInitiated" || failed.StoppedReason != "Task failed ELB health checks in (target-group "+group+")" {
		t.Errorf("the task is %+v", failed)
	}
}

func TestATaskThatFellIllGoesWhenAnotherIsHealthyInItsPlace(t *testing.T) {
	for maximum, before := range map[int]int{200: 0, 100: 1} {
		g := serving(t, 1)
		settings := with(1)
		settings.Minimum, settings.Maximum = 0, maximum
		g.s.Change(web, settings, nil)
		g.now = g.now.Add(time.Hour)
		for target := range g.health {
			g.health[target] = Health{State: Unhealthy}
		}
		g.s.Step()
		if len(g.stopped) != before {
			t.Errorf("at %d percent %d tasks are stopped before another runs", maximum, len(g.stopped))
		}
		g.obey()
		g.run(fine)
		g.obey()
		g.want("in its place", "web:1 PRIMARY COMPLETED 1/1+0")
		if len(g.order) != 2 {
			t.Errorf("%d tasks were started", len(g.order))
		}
	}
}

func TestTheNumberOfTasksFollowsWhatIsDesired(t *testing.T) {
	g := serving(t, 1)
	g.s.Change(web, with(3), nil)
	g.run(fine)
	g.want("up", "web:1 PRIMARY COMPLETED 3/3+0")
	g.s.Change(web, with(2), nil)
	g.want("down", "web:1 PRIMARY COMPLETED 2/2+0")
	if g.stopped[0] != g.order[2] {
		t.Error("not the youngest task goes")
	}
	g.obey()
	g.s.Change(web, with(0), nil)
	g.obey()
	g.want("none", "web:1 PRIMARY COMPLETED 0/0+0")
	if all, _ := g.s.Deployments(web); len(all) != 1 {
		t.Errorf("scaling is %d deployments", len(all))
	}
}

func TestATaskThatEndsByItselfComesAgain(t *testing.T) {
	g := serving(t, 1)
	g.report[g.order[0]](Report{Stopped: &Stopped{Code: "EssentialContainerExited"}})
	g.s.Step()
	g.want("again", "web:1 PRIMARY COMPLETED 0/1+1")
	g.run(fine)
	task, _ := g.s.StopTask(g.order[1], "because")
	if task.StopCode != "UserInitiated" || task.StoppedReason != "because" {
		t.Errorf("stopped by hand it is %+v", task)
	}
	g.obey()
	g.run(fine)
	g.want("and again", "web:1 PRIMARY COMPLETED 1/1+0")
}

func TestANewDeploymentTakesThePlaceOfOneThatGoesOn(t *testing.T) {
	g := serving(t, 1)
	g.deploy(2, with(1))
	g.deploy(3, with(1))
	g.run(fine)
	g.obey()
	g.want("the last one", "web:3 PRIMARY COMPLETED 1/1+0")
	all, _ := g.s.Deployments(web)
	if len(all) != 3 || all[1].Status != Ended || all[0].Status != Successful {
		t.Errorf("the history is %+v", all)
	}
}

func TestADeletedServiceDrainsUntilItsTasksHaveStopped(t *testing.T) {
	g := serving(t, 2)
	g.s.Delete(web)
	if status := g.view().Status; status != Draining {
		t.Errorf("it is %s while tasks stop", status)
	}
	g.obey()
	if v := g.view(); v.Status != Inactive || v.Running != 0 {
		t.Errorf("it is %+v", v)
	}
	g.s.Create(cluster, web, with(1), version(2))
	g.run(fine)
	g.want("one of the same name", "web:2 PRIMARY COMPLETED 1/1+0")
}

func TestATaskWithoutAPlaceIsNoFailure(t *testing.T) {
	g := newStage(t)
	g.s.Create(cluster, web, with(1), version(1))
	g.report[g.order[0]](Report{Unplaced: "Capacity is unavailable at this time."})
	g.s.Step()
	g.want("waits", "web:1 PRIMARY IN_PROGRESS 0/1+1")
	g.wantEvent("was unable to place a task. Reason: Capacity is unavailable at this time.")
}

func TestAContainersOwnHealthCounts(t *testing.T) {
	g := newStage(t)
	revision := version(1)
	revision.Checked = true
	g.s.Create(cluster, web, with(1), revision)
	g.run(fine)
	g.want("not known yet", "web:1 PRIMARY IN_PROGRESS 1/1+0")
	g.report[g.order[0]](Report{Health: ContainersHealthy})
	g.s.Step()
	g.want("healthy", "web:1 PRIMARY COMPLETED 1/1+0")
}

func TestStoppedTasksAreForgottenAfterAnHour(t *testing.T) {
	g := serving(t, 1)
	g.s.Change(web, with(0), nil)
	g.obey()
	g.now = g.now.Add(2 * time.Hour)
	g.s.Step()
	if left := g.s.Tasks(func(*Task) bool { return true }); len(left) > 0 {
		t.Errorf("%d tasks are told of", len(left))
	}
}

func TestWithoutARuntimeADeploymentIsOverAtOnce(t *testing.T) {
	none := NewNone()
	s := New(none, none, time.Now)
	s.Create(cluster, web, with(3), version(1))
	for n := 2; n < 4; n++ {
		revision := version(n)
		s.Change(web, with(n), &revision)
		v, _ := s.Service(web)
		if len(v.Deployments) != 1 || v.Deployments[0].State != Completed || v.Running != n || v.Revision.TaskDefinition != revision.TaskDefinition {
			t.Errorf("right after an update the service is %+v", v)
		}
		if targets := s.Targets(group); len(targets) != n {
			t.Errorf("%d targets are healthy", len(targets))
		}
	}
	s.Delete(web)
	if v, _ := s.Service(web); v.Status != Inactive {
		t.Errorf("right after it was deleted the service is %s", v.Status)
	}
}
