package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"testing/quick"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/testprogram"
)

const (
	deploymentTime = "docs/deployment-time.md"
	// What lies between these two in the document is written by the test.
	tablesBegin = "<!-- written by go test . -run DeploymentTime -update -->\n"
	tablesEnd   = "<!-- end -->\n"
)

const (
	// startSeconds is how long ECS takes to see the new version, find capacity,
	// pull the image and start the container. AWS promises nothing; it is an
	// assumption, and the same for both.
	startSeconds = 40
	// quitSeconds is how long a server takes to quit that gets the signal when
	// its requests are done: an assumption too.
	quitSeconds = 2
	// goal is how many times faster than the wizard's a deployment must be.
	goal = 5
)

// rollout is what decides how long a deployment takes. Times are in seconds.
type rollout struct {
	interval, threshold            int // of the load balancer's health checks
	delay                          int // of deregistration
	stopTimeout                    int
	minimumPercent, maximumPercent int
	tasks                          int
	gracePeriod                    int
	serverGetsSignal               bool
}

// wizard is what the console's first run made: the defaults of Elastic Load
// Balancing and ECS, and a shell that starts the server as its child. As the
// container's first process the shell, Debian's dash, neither passes a signal
// on nor ends by it.
var wizard = rollout{
	interval: 30, threshold: 5, delay: 300, stopTimeout: 30,
	minimumPercent: 100, maximumPercent: 200, tasks: 1, gracePeriod: 0, serverGetsSignal: false,
}

// timeline is how long each step takes for one batch of tasks, in seconds.
type timeline struct {
	start, check, drain, stop int
	batches                   int
}

// timeline derives the steps from AWS's documentation. At worst the first
// checks come too early, so that the new task counts as unhealthy and needs
// the whole threshold, and the old one takes its whole stop timeout.
func (r rollout) timeline(start int, atWorst bool) timeline {
	line := timeline{start: start, check: r.interval, drain: r.delay, stop: r.stopTimeout, batches: r.batches()}
	if r.serverGetsSignal {
		line.stop = min(quitSeconds, r.stopTimeout)
	}
	if atWorst {
		line.check, line.stop = r.interval*r.threshold, r.stopTimeout
	}
	return line
}

func (l timeline) batch() int { return l.start + l.check + l.drain + l.stop }
func (l timeline) total() int { return l.batches * l.batch() }

// batches is how many times ECS starts new tasks before all are replaced, or 0
// where it may neither start nor stop one.
func (r rollout) batches() int {
	const whole = 100
	lowest := (r.tasks*r.minimumPercent + whole - 1) / whole
	most := r.tasks * r.maximumPercent / whole
	size := min(most-lowest, r.tasks)
	if size <= 0 {
		return 0
	}
	return (r.tasks + size - 1) / size
}

// ours is what the program registers for the dev stack.
func ours(t *testing.T) rollout {
	t.Helper()
	record := infratest.MustRun(t, program, infratest.Options{Config: devConfig(t)})
	whole := func(from resource.PropertyMap, key resource.PropertyKey) int {
		value, ok := from[key]
		if !ok || !value.IsNumber() {
			t.Fatalf("%s is not registered, so the document would say what AWS does by default: %v", key, from)
		}
		return int(value.NumberValue())
	}
	targets, service := record.Get("sample-app-tg").Inputs, record.Get("sample-app-service").Inputs
	check := targets["healthCheck"].ObjectValue()
	var containers []struct {
		StopTimeout         int
		EntryPoint, Command []string
	}
	definition := record.String(record.Get("sample-app-task-definition"), "containerDefinitions")
	if err := json.Unmarshal([]byte(definition), &containers); err != nil || len(containers) != 1 {
		t.Fatalf("the task does not have one container: %v\n%s", err, definition)
	}
	return rollout{
		interval:         whole(check, "interval"),
		threshold:        whole(check, "healthyThreshold"),
		delay:            whole(targets, "deregistrationDelay"),
		stopTimeout:      containers[0].StopTimeout,
		minimumPercent:   whole(service, "deploymentMinimumHealthyPercent"),
		maximumPercent:   whole(service, "deploymentMaximumPercent"),
		tasks:            whole(service, "desiredCount"),
		gracePeriod:      whole(service, "healthCheckGracePeriodSeconds"),
		serverGetsSignal: serverIsFirstProcess(t, append(containers[0].EntryPoint, containers[0].Command...)),
	}
}

// serverIsFirstProcess runs the container's command with a stand-in for the
// web server and tells whether it became the process that was started, which
// in a container is the one that gets the signals.
func serverIsFirstProcess(t *testing.T, command []string) bool {
	t.Helper()
	htdocs, bin := t.TempDir(), t.TempDir()
	note := filepath.Join(bin, "pid")
	server := "#!/bin/sh\necho $$ > " + note + "\n"
	testprogram.Write(t, filepath.Join(bin, "httpd-foreground"), server)
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], sampleServer+"/htdocs", htdocs)
	}
	container := exec.CommandContext(t.Context(), command[0], command[1:]...)
	container.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := container.CombinedOutput(); err != nil {
		t.Fatalf("the container's command fails: %v\n%s", err, out)
	}
	return strings.TrimSpace(readFile(t, note)) == strconv.Itoa(container.Process.Pid)
}

// tables are the part of the document that the test writes.
func tables(theirs, our rollout, wizards, programs steps) string {
	seconds := func(n int) string { return fmt.Sprintf("%d s", n) }
	percents := func(r rollout) string { return fmt.Sprintf("%d %%, %d %%", r.minimumPercent, r.maximumPercent) }
	yes := map[bool]string{true: "yes", false: "no"}
	var out strings.Builder
	row := func(cells ...string) { out.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

	row("value", "wizard", "this program")
	row("---", "---:", "---:")
	row("interval of health checks", seconds(theirs.interval), seconds(our.interval))
	row("healthy threshold", strconv.Itoa(theirs.threshold), strconv.Itoa(our.threshold))
	row("deregistration delay", seconds(theirs.delay), seconds(our.delay))
	row("stop timeout", seconds(theirs.stopTimeout), seconds(our.stopTimeout))
	row("the server gets the stop signal", yes[theirs.serverGetsSignal], yes[our.serverGetsSignal])
	row("minimum and maximum healthy percent", percents(theirs), percents(our))
	row("tasks", strconv.Itoa(theirs.tasks), strconv.Itoa(our.tasks))
	row("grace period of health checks", seconds(theirs.gracePeriod), seconds(our.gracePeriod))
	out.WriteString("\n")

	lines := []timeline{
		theirs.timeline(startSeconds, false), our.timeline(startSeconds, false),
		theirs.timeline(startSeconds, true), our.timeline(startSeconds, true),
	}
	step := func(name string, of func(timeline) int) {
		cells := []string{name}
		for _, line := range lines {
			cells = append(cells, seconds(of(line)))
		}
		row(cells...)
	}
	row("step", "wizard", "this program", "wizard, at worst", "this program, at worst")
	row("---", "---:", "---:", "---:", "---:")
	step("1. the new task starts (assumed)", func(l timeline) int { return l.start })
	step("2. it passes its health check", func(l timeline) int { return l.check })
	step("3. the old task finishes its requests", func(l timeline) int { return l.drain })
	step("4. it stops", func(l timeline) int { return l.stop })
	step("together", timeline.total)
	row("times faster", "", times(lines[0], lines[1]), "", times(lines[2], lines[3]))
	row(fmt.Sprintf("%d times faster if step 1 takes no longer than", goal),
		"", seconds(longestStart(theirs, our, false)), "", seconds(longestStart(theirs, our, true)))
	out.WriteString("\n")

	row("step, measured on the emulator", "wizard", "this program")
	row("---", "---:", "---:")
	measured := func(name string, of func(steps) float64) {
		row(name, fmt.Sprintf("%.1f s", of(wizards)), fmt.Sprintf("%.1f s", of(programs)))
	}
	measured("1. the new task starts", func(s steps) float64 { return s.Start })
	measured("2. it passes its health check", func(s steps) float64 { return s.Check })
	measured("3. the old task finishes its requests", func(s steps) float64 { return s.Drain })
	measured("4. it stops", func(s steps) float64 { return s.Stop })
	measured("together", steps.total)
	return out.String()
}

// steps are how many seconds each step took in e2e's
// TestADeploymentTakesAsLongAsItsSettingsSay, which keeps them with -record.
type steps struct{ Start, Check, Drain, Stop float64 }

func (s steps) total() float64 { return s.Start + s.Check + s.Drain + s.Stop }

// measuredOf reads what was measured.
func measuredOf(t *testing.T, name string) steps {
	t.Helper()
	var s steps
	if err := json.Unmarshal([]byte(readFile(t, "testdata/deployment-time-"+name+".json")), &s); err != nil || s.total() == 0 {
		t.Fatalf("there are no figures of the %s: %+v, %v", name, s, err)
	}
	return s
}

func times(theirs, our timeline) string {
	return fmt.Sprintf("%.1f", float64(theirs.total())/float64(our.total()))
}

// longestStart is how many seconds a task may take to start for ours to be
// faster by the goal, an hour at the most: the longer it takes, the less the
// rest matters.
func longestStart(theirs, our rollout, atWorst bool) int {
	const hour = 3600
	return sort.Search(hour, func(start int) bool {
		return theirs.timeline(start+1, atWorst).total() < goal*our.timeline(start+1, atWorst).total()
	})
}

func TestDeploymentTimeIsWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	text := readFile(t, deploymentTime)
	before, rest, begins := strings.Cut(text, tablesBegin)
	written, after, ends := strings.Cut(rest, tablesEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the tables, between %q and %q", deploymentTime, tablesBegin, tablesEnd)
	}
	want := tables(wizard, ours(t), measuredOf(t, "wizard"), measuredOf(t, "program"))
	if *update {
		if err := os.WriteFile(deploymentTime, []byte(before+tablesBegin+want+tablesEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		written = want
	}
	if written != want {
		t.Errorf("%s promises other times than the components give; if the change is meant, run `go test . -run DeploymentTime -update` and read the text around the tables\n%s",
			deploymentTime, firstDifference(want, written))
	}
	for _, assumed := range []int{startSeconds, quitSeconds} {
		if !strings.Contains(before+after, fmt.Sprintf("%d seconds", assumed)) {
			t.Errorf("%s does not say that %d seconds are assumed, not measured", deploymentTime, assumed)
		}
	}
}

func TestDeploymentTimeIsWhatTheReadmePromises(t *testing.T) {
	t.Parallel()
	const claim, minute, about = "a deployment takes about a minute instead of more than six", 60, 15
	if !strings.Contains(readFile(t, "README.md"), claim) {
		t.Errorf("README.md does not say %q any more: let this test compare what it says", claim)
	}
	theirs, our := wizard.timeline(startSeconds, false).total(), ours(t).timeline(startSeconds, false).total()
	if our < minute-about || our > minute+about || theirs <= 6*minute {
		t.Errorf("README.md says that %s, and it takes %d s instead of %d s", claim, our, theirs)
	}
}

func TestDeploymentTimeIsWhatTheLabCompares(t *testing.T) {
	t.Parallel()
	our := ours(t)
	record := infratest.MustRun(t, program, infratest.Options{Config: devConfig(t)})
	days := record.Get("sample-app-logs").Inputs["retentionInDays"].NumberValue()
	for page, rows := range map[string][]string{
		"docs/lab.md": {
			fmt.Sprintf("| killed after %d seconds,", wizard.stopTimeout),
			fmt.Sprintf("| after %d seconds in which it finishes its requests | after %d seconds |", wizard.delay, our.delay),
			fmt.Sprintf("| kept for %.0f days |", days),
		},
		"docs/lab.ko.md": {
			fmt.Sprintf("%d초 뒤에 강제 종료 |", wizard.stopTimeout),
			fmt.Sprintf("| 남은 요청을 처리하도록 %d초를 기다린 뒤 | %d초를 기다린 뒤 |", wizard.delay, our.delay),
			fmt.Sprintf("| %.0f일 보관 |", days),
		},
	} {
		for _, row := range rows {
			if !strings.Contains(readFile(t, page), row) {
				t.Errorf("%s does not say %q, which is what the two of them do", page, row)
			}
		}
	}
}

func TestDeploymentTimeIsAFifthOfTheWizardsAtMost(t *testing.T) {
	t.Parallel()
	our := ours(t)
	if !our.serverGetsSignal {
		t.Error("the shell keeps the stop signal from the server: every deployment waits for the whole stop timeout")
	}
	for _, atWorst := range []bool{false, true} {
		theirs, line := wizard.timeline(startSeconds, atWorst).total(), our.timeline(startSeconds, atWorst).total()
		if line == 0 || theirs < goal*line {
			t.Errorf("at worst %v: a deployment takes %d s and the wizard's %d s, which is not %d times as long", atWorst, line, theirs, goal)
		}
	}
	if slowest := our.interval * our.threshold; our.gracePeriod < slowest {
		t.Errorf("a new task may need %d s to be healthy and has %d s before it is killed", slowest, our.gracePeriod)
	}
}

func TestDeploymentTimeDoesNotGrowWithTheNumberOfTasks(t *testing.T) {
	t.Parallel()
	const most = 5000
	for _, r := range []rollout{wizard, ours(t)} {
		one := r.timeline(startSeconds, true).total()
		for r.tasks = 1; r.tasks <= most; r.tasks++ {
			if got := r.timeline(startSeconds, true).total(); got != one {
				t.Fatalf("%d tasks take %d s and one takes %d s, which the document does not say", r.tasks, got, one)
			}
		}
	}
}

func TestDeploymentTimeHasAsManyBatchesAsTheLimitsLeaveRoomFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tasks, minimum, maximum, want int }{
		{1, 100, 200, 1},
		{4, 100, 200, 1},
		{4, 50, 100, 2}, // two are stopped, then two started, twice
		{4, 100, 150, 2},
		{4, 100, 125, 4},
		{5, 100, 150, 3}, // half of five, rounded down
		{3, 50, 100, 3},  // half of three, rounded up
		{4, 0, 100, 1},
		{1, 100, 150, 0}, // neither to be stopped nor doubled
		{0, 100, 200, 0},
	} {
		r := rollout{tasks: c.tasks, minimumPercent: c.minimum, maximumPercent: c.maximum}
		if got := r.batches(); got != c.want {
			t.Errorf("%d tasks between %d %% and %d %% are replaced in %d batches, not %d", c.tasks, c.minimum, c.maximum, got, c.want)
		}
	}
}

func TestDeploymentTimeGrowsWithEachValueAndIsNeverShorterThanTheDelay(t *testing.T) {
	t.Parallel()
	holds := func(interval, threshold, delay, stop, start, more uint8, signal, atWorst bool) bool {
		r := wizard
		r.interval, r.threshold, r.delay, r.stopTimeout = int(interval), int(threshold), int(delay), int(stop)
		r.serverGetsSignal = signal
		base := r.timeline(int(start), atWorst).total()
		if base < r.delay {
			return false
		}
		for _, grow := range []func(*rollout){
			func(r *rollout) { r.interval += int(more) },
			func(r *rollout) { r.threshold += int(more) },
			func(r *rollout) { r.delay += int(more) },
			func(r *rollout) { r.stopTimeout += int(more) },
			func(r *rollout) { r.tasks += int(more) },
			func(r *rollout) { r.serverGetsSignal = false },
		} {
			longer := r
			grow(&longer)
			if longer.timeline(int(start), atWorst).total() < base {
				return false
			}
		}
		return r.timeline(int(start)+int(more), atWorst).total() == base+int(more)
	}
	if err := quick.Check(holds, &quick.Config{MaxCount: 2000}); err != nil {
		t.Errorf("a step that takes longer makes a deployment shorter: %v", err)
	}
	short, long := wizard, wizard
	long.delay++
	if long.timeline(0, false).total() == short.timeline(0, false).total() {
		t.Error("the deregistration delay makes no difference")
	}
}
