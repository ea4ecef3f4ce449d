package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/load"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/emulator"
)

// crashes is what a version runs that ends at once.
var crashes = map[string]string{"entryPoint": `["sh", "-c"]`, "command": `["echo no database >&2; exit 78"]`}

func TestThePageIsServedByContainersThroughAStacksLife(t *testing.T) {
	t.Parallel()
	s := newContainers(t)
	set(t, s, map[string]string{"desiredCount": "2"})
	timed(t, "up", func() { up(t, s) })
	page := pageOf(t, s)
	wantVersion(t, page, "2.4.65")
	must(t, emulator.RemoveContainers(t.Context(), t.TempDir()), "another checkout's containers can't be removed")
	wantTasks(t, s, 2)

	requests := startLoad(t, page)
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	timed(t, "a bump", func() { up(t, s) })
	wantVersion(t, page, "2.4.66")

	set(t, s, crashes)
	var output string
	timed(t, "a version that crashes, until it is rolled back", func() { output = upFails(t, s, "a version that crashes passes for deployed") })
	assertToldWhy(t, s, output, "sample-app-e2e:3", "sample-app-e2e:2 on 2 of 2 tasks")
	assertTold(t, output, "EssentialContainerExited", "sample-app exited with 78")
	assertLogged(t, s, "no database")
	wantVersion(t, page, "2.4.66")
	unset(t, s, "entryPoint", "command")

	set(t, s, map[string]string{"imageTag": "0.0.0-none"})
	timed(t, "an image that is missing, until it is rolled back", func() { output = upFails(t, s, "a version without an image passes for deployed") })
	assertTold(t, output, "TaskFailedToStart", "CannotPullContainerError", "httpd:0.0.0-none")
	wantVersion(t, page, "2.4.66")

	set(t, s, map[string]string{"imageTag": "2.4.65"})
	timed(t, "back", func() { up(t, s) })
	wantVersion(t, page, "2.4.65")

	scale(t, s, 3)
	wantTasks(t, s, 3)
	scale(t, s, 1)
	wantTasks(t, s, 1)
	noneLost(t, requests)

	lost := containersOf(t, s)[0]
	must(t, exec.CommandContext(t.Context(), engine.Program, "kill", lost).Run(), "a container can't be killed")
	await(t, "a killed task does not come again", func() bool {
		now := containersOf(t, s)
		return len(now) == 1 && now[0] != lost && status(page) == http.StatusOK
	})
	timed(t, "destroy", func() { destroy(t, s) })
	assertNothingLeft(t, s)
	wantTasks(t, s, 0)
	if code := status(page); code != 0 {
		t.Errorf("where the load balancer was, something answers with %d", code)
	}
}

func TestAVersionThatAnswersWithErrorsIsRolledBackByTheHealthChecks(t *testing.T) {
	t.Parallel()
	s := newContainers(t)
	set(t, s, map[string]string{"healthCheckInterval": "5", "healthCheckTimeout": "2", "unhealthyThreshold": "2", "deregistrationDelay": "0"})
	up(t, s)
	page := pageOf(t, s)
	// The shortest grace period that the program takes is a minute for each task.
	now := service(t, s)
	_, err := s.Account.ECS.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: now.ClusterArn, Service: now.ServiceArn, HealthCheckGracePeriodSeconds: aws.Int32(0),
	})
	must(t, err, "the grace period can't be taken away")

	set(t, s, map[string]string{"entryPoint": `["httpd-foreground"]`, "command": `["-c", "Redirect 500 /"]`})
	requests := startLoad(t, page)
	var output string
	timed(t, "a version that answers with 500, until it is rolled back", func() { output = upFails(t, s, "a version that answers with 500 passes for deployed") })
	noneLost(t, requests)
	assertTold(t, output, "Task failed ELB health checks in (target-group ", "sample-app exited with 0")
	assertTold(t, output, "is unhealthy in (target-group", "Health checks failed with these codes: [500]")
	wantVersion(t, page, "2.4.65")
	tasks, err := s.Account.ECS.ListTasks(t.Context(), &ecs.ListTasksInput{
		Cluster: now.ClusterArn, ServiceName: now.ServiceName, DesiredStatus: ecstypes.DesiredStatusRunning,
	})
	must(t, err, "the tasks can't be listed")
	if len(tasks.TaskArns) != 1 {
		t.Errorf("%d tasks run, and one is desired", len(tasks.TaskArns))
	}
}

// serves writes a page from what the task was given, and passes requests for /task on to
// its metadata endpoint, which is the emulator's.
const serves = `echo "$GREETING $PASSWORD" > htdocs/index.html && exec httpd-foreground -c "LoadModule proxy_module modules/mod_proxy.so" ` +
	`-c "LoadModule proxy_http_module modules/mod_proxy_http.so" -c "ProxyPass /task $ECS_CONTAINER_METADATA_URI_V4/task"`

func TestATaskHasWhatItsDefinitionGivesItAndReachesTheEmulator(t *testing.T) {
	t.Parallel()
	s := newContainers(t)
	pulumi(t, s, "config", "set", "--secret", "--path", "secretValues.PASSWORD", firstSecret)
	command, err := json.Marshal([]string{serves})
	must(t, err, "the command can't be written")
	set(t, s, map[string]string{"entryPoint": `["sh", "-c"]`, "command": string(command), "environment": `{"GREETING": "hello"}`})
	up(t, s)
	page := pageOf(t, s)
	if got := get(t, page); got != "hello "+firstSecret+"\n" {
		t.Errorf("of its environment and its secrets the task writes %q", got)
	}
	if got := get(t, page+"/task"); !strings.Contains(got, `"Family":"sample-app-e2e"`) {
		t.Errorf("its metadata endpoint tells the task %q", got)
	}
	// Nobody else's task, and it is gone with its emulator.
	must(t, s.Close(), "the emulator does not end")
	if left := containersOf(t, s); len(left) > 0 {
		t.Errorf("the emulator leaves the containers %v behind", left)
	}
}

// confined leaves a container next to nothing: no root, no capability, and memory as the
// only place to write to.
var confined = map[string]string{
	"user": "33", "dropCapabilities": `["ALL"]`, "readonlyRootFilesystem": "true", "containerPort": "8080", "writablePaths": `["/var/tmp"]`,
}

func TestAContainerThatMayDoNearlyNothingServesThePage(t *testing.T) {
	t.Parallel()
	s := newContainers(t)
	set(t, s, confined)
	up(t, s)
	wantVersion(t, pageOf(t, s), "2.4.65")
	id := containersOf(t, s)[0]
	const form = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Privileged}} {{range .Mounts}}{{.Destination}}{{end}}"
	out, err := exec.CommandContext(t.Context(), engine.Program, "inspect", "--format", form, id).Output()
	must(t, err, "the container can't be looked at")
	if got, want := strings.TrimSpace(string(out)), "33 true [ALL] false /var/tmp"; got != want && engine.Program == "docker" { // podman lists each capability.
		t.Errorf("the container is %q, not %q: what it was not to have it has", got, want)
	}
	for path, writes := range map[string]bool{"/usr/local/apache2/htdocs/index.html": false, "/tmp/x": false, "/dev/shm/x": true} {
		err := exec.CommandContext(t.Context(), engine.Program, "exec", id, "touch", path).Run()
		if (err == nil) != writes {
			t.Errorf("that %s can be written to is %v", path, err == nil)
		}
	}
	assertNoChanges(t, s)
	destroy(t, s)
	wantTasks(t, s, 0)
	await(t, "the task's volume stays behind", func() bool {
		out, err := exec.CommandContext(t.Context(), engine.Program, "volume", "ls", "--quiet", "--filter", "label=ecs-sample-app.emulator="+s.Folder()).Output()
		return err == nil && len(out) == 0
	})
}

// ask asks for a page, and returns its status and what it says.
func ask(transport http.RoundTripper, page string) (int, string, error) {
	response, err := (&http.Client{Transport: transport}).Get(page)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// get is what a page says.
func get(t *testing.T, page string) string {
	t.Helper()
	_, body, err := ask(http.DefaultTransport, page)
	must(t, err, "the page can't be read")
	return body
}

// timed notes how long something takes.
func timed(t *testing.T, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	t.Logf("%s: %.0f s", what, time.Since(began).Seconds())
}

// pageOf is the stack's output url.
func pageOf(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	outputs, err := s.Stack.Outputs(t.Context())
	must(t, err, "the stack's outputs can't be read")
	return fmt.Sprint(outputs["url"].Value)
}

// status is that of a page, 0 where nothing answers.
func status(page string) int {
	code, _, err := ask(http.DefaultTransport, page)
	if err != nil {
		return 0
	}
	return code
}

func wantVersion(t *testing.T, page, version string) {
	t.Helper()
	wantVersionBy(t, http.DefaultTransport, page, version)
}

// wantVersionBy is wantVersion, by way of a transport.
func wantVersionBy(t *testing.T, transport http.RoundTripper, page, version string) {
	t.Helper()
	code, body, err := ask(transport, page)
	must(t, err, "the page can't be read")
	if want := "<code>" + version + "</code>"; code != http.StatusOK || !strings.Contains(body, want) {
		t.Errorf("the page is %d, and not of version %s:\n%s", code, version, body)
	}
}

// containersOf are the containers of a sandbox.
func containersOf(t *testing.T, s *sandbox.Sandbox) []string {
	t.Helper()
	return containersIn(t, s.Folder())
}

// containersIn are the containers of the emulator of a folder.
func containersIn(t *testing.T, folder string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), engine.Program, "ps", "--all", "--quiet", "--filter", "label=ecs-sample-app.emulator="+folder).Output()
	must(t, err, "the containers can't be listed")
	return strings.Fields(string(out))
}

// wantTasks waits until so many containers are left, and ECS says so too.
func wantTasks(t *testing.T, s *sandbox.Sandbox, n int) {
	t.Helper()
	await(t, fmt.Sprintf("there are never %d tasks", n), func() bool {
		return len(containersOf(t, s)) == n && (n == 0 || service(t, s).RunningCount == int32(n))
	})
}

func await(t *testing.T, harm string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(harm)
		}
	}
}

// assertLogged asserts that CloudWatch Logs has a line.
func assertLogged(t *testing.T, s *sandbox.Sandbox, line string) {
	t.Helper()
	out, err := s.Account.Logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(one(t, s, account.LogGroups))})
	must(t, err, "the logs can't be read")
	for _, e := range out.Events {
		if aws.ToString(e.Message) == line {
			return
		}
	}
	t.Errorf("the logs do not say %q, and %d lines of others: the command in the message shows nothing", line, len(out.Events))
}

// startLoad sends requests to a page until noneLost.
func startLoad(t *testing.T, page string) *load.Load {
	t.Helper()
	return load.Start(t.Context(), page, nil)
}

// noneLost ends a load, and wants no request to be lost.
func noneLost(t *testing.T, l *load.Load) {
	t.Helper()
	result := l.Stop()
	t.Log(result)
	if result.Sent == 0 {
		t.Error("no request was sent, so none could be lost")
	}
	if len(result.Lost) > 0 {
		t.Errorf("%v: %q", result, result.Lost[:min(10, len(result.Lost))])
	}
}
