package containers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ecs-sample-app/internal/testprogram"
	"ecs-sample-app/tools/emulator/scheduler"
)

// docker is a stand-in for the command line of docker. It notes how it is called; a
// container of it runs until it is stopped, or until a file with its exit code is there.
const docker = `#!/bin/sh
dir=$(dirname "$0")
echo "$*" >> "$dir/calls"
case "$1" in
version) echo 28.0.0 linux/amd64 ;;
image) case "$*" in *missing*) echo "Error response from daemon: No such image" >&2; exit 1 ;; *foreign*) echo arm64 ;; *) echo amd64 ;; esac ;;
pull) echo "Error response from daemon: manifest unknown" >&2; exit 1 ;;
create) echo "SECRET is $SECRET" >> "$dir/calls"; n=$(ls "$dir" | grep -c '^c[0-9]*$'); mkdir "$dir/c$n"; echo "c$n" ;;
start) case "$(cat "$dir/calls")" in *unstartable*) echo "Error response from daemon: no such program" >&2; exit 1 ;; esac ;;
inspect) case "$*" in *Ports*) echo '{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"4711"}]}' ;; *) echo false ;; esac ;;
logs) echo "hello from $3"; while [ ! -f "$dir/$3/code" ]; do sleep 0.02; done ;;
wait) cat "$dir/$2/code" ;;
stop) echo 143 > "$dir/$4/code" ;;
ps) echo "c0 c1" ;;
esac
`

// account gives every secret the same value, and keeps what is logged.
type account struct {
	mu      sync.Mutex
	logged  bytes.Buffer
	streams []string
	fails   error
}

func (a *account) Secret(_ context.Context, _, valueFrom string) (string, error) {
	return "value of " + valueFrom, a.fails
}

func (a *account) Log(_ context.Context, _ map[string]string, stream string) (io.WriteCloser, error) {
	a.streams = append(a.streams, stream)
	return a, nil
}

func (a *account) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logged.Write(p)
}

func (*account) Close() error { return nil }

// desk is a runtime on the stand-in.
type desk struct {
	t       *testing.T
	dir     string
	account *account
	runtime *Runtime
	reports chan scheduler.Report
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), account: &account{}, reports: make(chan scheduler.Report, 10)}
	testprogram.Write(t, filepath.Join(d.dir, "docker"), docker)
	t.Setenv("PATH", d.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	engine, err := Find(t.Context())
	if err != nil || engine.String() != "docker 28.0.0" {
		t.Fatalf("the engine is %v, %v", engine, err)
	}
	d.runtime = New(engine, "/checkout", "14599", d.account)
	return d
}

// start starts a task with containers.
func (d *desk) start(definitions string) {
	d.runtime.Start(scheduler.Task{
		ARN: "arn:aws:ecs:eu-west-1:123456789012:task/c/0123456789abcdef", Group: "service:web",
		Definition: json.RawMessage(`{"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [` + definitions + `]}`),
		Containers: []scheduler.Container{{Name: "web"}},
	}, func(r scheduler.Report) { d.reports <- r })
}

func (d *desk) report() scheduler.Report {
	d.t.Helper()
	select {
	case r := <-d.reports:
		return r
	case <-time.After(20 * time.Second):
		d.t.Fatalf("nothing is reported. The engine was asked for:\n%s", d.calls())
		return scheduler.Report{}
	}
}

func (d *desk) calls() string {
	content, _ := os.ReadFile(filepath.Join(d.dir, "calls"))
	return string(content)
}

func (d *desk) exit(container, code string) {
	if err := os.WriteFile(filepath.Join(d.dir, container, "code"), []byte(code), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

const web = `{"name": "web", "image": "httpd:1", "portMappings": [{"containerPort": 80, "protocol": "tcp"}], "entryPoint": ["sh", "-c"], "command": ["run"],
	"environment": [{"name": "A", "value": "b"}], "secrets": [{"name": "SECRET", "valueFrom": "arn:x"}], "readonlyRootFilesystem": true, "user": "33",
	"ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}], "stopTimeout": 7, "linuxParameters": {"initProcessEnabled": true},
	"mountPoints": [{"sourceVolume": "v", "containerPath": "/v", "readOnly": true}],
	"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-stream-prefix": "p"}}}`

func TestAContainerIsWhatItsDefinitionSays(t *testing.T) {
	d := newDesk(t)
	d.start(web)
	if r := d.report(); r.Addresses[80] != "127.0.0.1:4711" {
		t.Errorf("it answers at %v", r.Addresses)
	}
	calls := d.calls()
	for _, part := range []string{
		"--label ecs-sample-app.emulator=/checkout", "--env AWS_ENDPOINT_URL=http://host.docker.internal:14599", "--add-host host.docker.internal:host-gateway",
		"--publish 127.0.0.1::80/tcp", "--memory 512m --cpus 0.250", "--stop-timeout 7", "--user 33", "--read-only", "--init", "--ulimit nofile=10:20", "--env A=b",
		"--env SECRET ", "--entrypoint sh httpd:1 -c run\n", "SECRET is value of arn:x", "source=0123456789abcdef-v,target=/v,volume-label=ecs-sample-app.emulator=/checkout,readonly",
		"--env ECS_CONTAINER_METADATA_URI_V4=http://host.docker.internal:14599/v4/0123456789abcdef", "--env AWS_REGION=eu-west-1", "--name web-0123456789ab-web",
	} {
		if !strings.Contains(calls, part) {
			t.Errorf("the engine is not asked for %q:\n%s", part, calls)
		}
	}
	if strings.Contains(calls, "--env SECRET=") {
		t.Error("a secret is in the options of a command, which all can see")
	}
	d.runtime.Stop("0123456789abcdef")
	r := d.report()
	if r.Stopped == nil || *r.Stopped.Containers[0].ExitCode != 143 {
		t.Errorf("told to stop it reports %+v", r)
	}
	for _, part := range []string{"stop --time 7 c0", "rm --force --volumes c0"} {
		if !strings.Contains(d.calls(), part) {
			t.Errorf("the engine is not asked for %q", part)
		}
	}
	if got := d.account.logged.String(); got != "hello from c0\n" || !slices.Equal(d.account.streams, []string{"p/web/0123456789abcdef"}) {
		t.Errorf("the streams %v have %q", d.account.streams, got)
	}
}

func TestAContainerThatExitsEndsTheTask(t *testing.T) {
	d := newDesk(t)
	d.start(web + `, {"name": "helper", "image": "helper:1", "essential": false, "dependsOn": [{"containerName": "web", "condition": "START"}]}`)
	d.report()
	d.exit("c1", "0")
	time.Sleep(100 * time.Millisecond)
	if strings.Contains(d.calls(), "stop ") {
		t.Error("the end of a container that is not essential ends the task")
	}
	if !strings.Contains(d.calls(), "--network container:c0") {
		t.Error("the containers do not share their network")
	}
	d.exit("c0", "78")
	r := d.report()
	if r.Stopped.Code != "EssentialContainerExited" || *r.Stopped.Containers[0].ExitCode != 78 {
		t.Errorf("it is told as %+v", r.Stopped)
	}
}

func TestAnImageOfAnotherArchitectureIsNamedWhereItFails(t *testing.T) {
	for _, tt := range []struct{ image, code, reason string }{
		{"foreign:1", "255", "the image foreign:1 is built for arm64, and the container engine runs on amd64"},
		{"foreign:1", "0", ""}, // The engine emulates it.
		{"httpd:1", "255", ""},
	} {
		d := newDesk(t)
		d.start(`{"name": "web", "image": "` + tt.image + `"}`)
		d.report()
		d.exit("c0", tt.code)
		if got := d.report().Stopped.Containers[0].Reason; got != tt.reason {
			t.Errorf("%s, which exits with %s, is told as %q and not as %q", tt.image, tt.code, got, tt.reason)
		}
	}
}

func TestWhatDoesNotStartSaysWhy(t *testing.T) {
	for name, tt := range map[string]struct{ definition, reason string }{
		"image":      {`{"name": "web", "image": "missing:1"}`, "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref missing:1: manifest unknown"},
		"program":    {`{"name": "web", "image": "a", "command": ["unstartable"]}`, "CannotStartContainerError: no such program"},
		"dependency": {`{"name": "web", "image": "a", "dependsOn": [{"containerName": "other"}]}`, "ResourceInitializationError: the containers depend on each other in a circle"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.start(tt.definition)
			r := d.report()
			if r.Stopped == nil || r.Stopped.Code != "TaskFailedToStart" || !strings.HasPrefix(r.Stopped.Reason, tt.reason) || r.Stopped.Containers[0].ExitCode != nil {
				t.Errorf("it is told as %+v, not as %q", r.Stopped, tt.reason)
			}
		})
	}
	d := newDesk(t)
	d.account.fails = errors.New("no such secret")
	d.start(web)
	if r := d.report(); !strings.Contains(r.Stopped.Reason, "unable to pull secrets or registry auth: no such secret") {
		t.Errorf("a secret that is missing is told as %+v", r.Stopped)
	}
}

func TestOnlyTheOwnersContainersAreRemoved(t *testing.T) {
	d := newDesk(t)
	if err := d.runtime.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"ps --all --quiet --filter label=ecs-sample-app.emulator=/checkout\n", "rm --force --volumes c0 c1\n"} {
		if !strings.Contains(d.calls(), part) {
			t.Errorf("the engine is not asked for %q:\n%s", part, d.calls())
		}
	}
}

func TestWhyNoEngineAnswersIsTold(t *testing.T) {
	t.Setenv("DOCKER_HOST", "")
	dir := t.TempDir()
	testprogram.Write(t, filepath.Join(dir, "podman"), "#!/bin/sh\necho 'Cannot connect to Podman' >&2\nexit 125\n")
	t.Setenv("PATH", dir)
	if _, err := Find(t.Context()); err == nil || err.Error() != "docker is not on PATH\npodman: Cannot connect to Podman" {
		t.Errorf("got %v", err)
	}
	testprogram.Write(t, filepath.Join(dir, "docker"), "#!/bin/sh\nexec /bin/sleep 60\n")
	began := time.Now()
	if _, err := Find(t.Context()); err == nil || !strings.Contains(err.Error(), "docker: no answer within 3s") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("an engine that hangs is given up after %s", took)
	}
}

func TestAnEngineThatIsNamedIsTheOnlyOneThatIsTaken(t *testing.T) {
	dir := t.TempDir()
	testprogram.Write(t, filepath.Join(dir, "podman"), "#!/bin/sh\necho '4.3.1 linux/amd64'\n")
	testprogram.Write(t, filepath.Join(dir, "docker"), "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
	t.Setenv("PATH", dir)
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	if found, err := Find(t.Context()); err == nil || !strings.Contains(err.Error(), "DOCKER_HOST is unix:///nowhere/docker.sock") {
		t.Errorf("tasks run on %v, where nobody looks for them (%v)", found, err)
	}
	t.Setenv("DOCKER_HOST", "")
	if found, err := Find(t.Context()); err != nil || found.Program != "podman" {
		t.Errorf("without DOCKER_HOST podman is not taken: %v, %v", found, err)
	}
}

func TestHealthChecksHaveECSsDefaults(t *testing.T) {
	h := &healthCheck{Command: []string{"CMD", "curl", "it's"}, Retries: 2}
	want := []string{
		"--health-cmd", `'curl' 'it'\''s'`, "--health-interval", "30s", "--health-timeout", "5s", "--health-retries", "2", "--health-start-period", "0s",
	}
	if got := h.options(); !slices.Equal(got, want) {
		t.Errorf("the engine checks with %q", got)
	}
	if got := (&healthCheck{Command: []string{"CMD-SHELL", "true || false"}}).options()[1]; got != "true || false" {
		t.Errorf("a shell's command is %q", got)
	}
}
