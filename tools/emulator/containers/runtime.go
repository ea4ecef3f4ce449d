package containers

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ecs-sample-app/tools/emulator/scheduler"
)

// Account is what a task takes from the account that it runs in.
type Account interface {
	// Secret returns the value of a secret or parameter, as valueFrom names it for a task
	// in a region.
	Secret(ctx context.Context, region, valueFrom string) (string, error)
	// Log begins a log stream, by the options of the driver awslogs.
	Log(ctx context.Context, options map[string]string, stream string) (io.WriteCloser, error)
}

// Runtime runs tasks as containers.
type Runtime struct {
	engine  *Engine
	owner   string
	port    string // of the emulator
	account Account

	mu    sync.Mutex
	tasks map[string]*run
	all   sync.WaitGroup
	ctx   context.Context //nolint:containedctx // it ends with the runtime, and tasks start without one
	end   context.CancelFunc
}

// New returns a runtime whose containers belong to an owner, the folder of a checkout.
// port is that of the emulator, on which it listens at this machine's address in the
// containers' network too.
func New(engine *Engine, owner, port string, account Account) *Runtime {
	r := &Runtime{engine: engine, owner: owner, port: port, account: account, tasks: map[string]*run{}}
	r.ctx, r.end = context.WithCancel(context.Background())
	return r
}

// Close gives all tasks up, and removes their containers.
func (r *Runtime) Close(ctx context.Context) error {
	r.end()
	err := r.engine.Remove(ctx, r.owner)
	r.all.Wait() // What was being created is there now.
	return errors.Join(err, r.engine.Remove(ctx, r.owner))
}

// run is a task that runs.
type run struct {
	*Runtime
	task   scheduler.Task
	report func(scheduler.Report)
	ctx    context.Context //nolint:containedctx // it ends when the task is told to stop before it runs
	cancel context.CancelFunc

	mu      sync.Mutex
	started []*started
}

// started is a container that was created.
type started struct {
	container
	id     string
	exited chan struct{} // closed once it has
	asked  bool          // to stop
	code   int
	reason string
	// foreign is what is wrong with the image, empty if the engine's machine can run it.
	foreign string
}

// Start starts a task's containers.
func (r *Runtime) Start(task scheduler.Task, report func(scheduler.Report)) {
	one := &run{Runtime: r, task: task, report: report}
	one.ctx, one.cancel = context.WithCancel(r.ctx)
	r.mu.Lock()
	r.tasks[task.ID()] = one
	r.mu.Unlock()
	r.all.Go(one.live)
}

// Stop stops a task's containers.
func (r *Runtime) Stop(task string) {
	r.mu.Lock()
	one := r.tasks[task]
	r.mu.Unlock()
	if one != nil {
		r.all.Go(one.stop)
	}
}

// live starts a task, waits for its end, and leaves nothing of it behind.
func (t *run) live() {
	defer func() {
		t.cancel()
		t.Runtime.mu.Lock()
		delete(t.tasks, t.task.ID())
		t.Runtime.mu.Unlock()
	}()
	stopped := scheduler.Stopped{Code: "EssentialContainerExited", Reason: "Essential container in task exited"}
	if err := t.start(); err != nil {
		stopped = scheduler.Stopped{Code: "TaskFailedToStart", Reason: err.Error()}
		t.stop()
	} else {
		t.await()
	}
	stopped.Containers = t.ended(stopped)
	t.clean()
	t.report(scheduler.Report{Stopped: &stopped})
}

// fault is an error as ECS has it
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html).
func fault(kind string, err error) error { return fmt.Errorf("%s: %w", kind, err) }

// start starts all containers, in the order in which they depend on each other, and
// reports where they answer.
func (t *run) start() error {
	d, err := read(t.task.Definition)
	if err != nil {
		return fault("ResourceInitializationError", err)
	}
	for i := range d.Containers {
		if err := t.launch(d, &d.Containers[i]); err != nil {
			return err
		}
	}
	addresses, err := t.addresses()
	if err != nil {
		return fault("CannotInspectContainerError", err)
	}
	t.report(scheduler.Report{Addresses: addresses})
	for _, c := range t.created() {
		if c.HealthCheck != nil {
			t.all.Go(func() { t.watchHealth(c) })
		}
	}
	return nil
}

// created are the containers so far.
func (t *run) created() []*started {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*started(nil), t.started...)
}

// launch creates and starts one container.
func (t *run) launch(d *definition, c *container) error {
	if err := t.awaitOthers(c); err != nil {
		return err
	}
	secrets, variables, err := t.secrets(c)
	if err != nil {
		return fault("ResourceInitializationError: unable to pull secrets or registry auth", err)
	}
	log, err := t.openLog(c)
	if err != nil {
		return fault("ResourceInitializationError: failed to validate logger args", err)
	}
	architecture, err := t.pull(c.Image)
	if err != nil {
		return errors.Join(fault("CannotPullContainerError", err), log.Close())
	}
	arguments := append([]string{"create"}, t.options(d, c)...)
	arguments = append(append(arguments, secrets...), t.mounts(c)...)
	entryPoint, command := c.arguments()
	arguments = append(append(arguments, entryPoint...), c.Image)
	// One that is given up half way would be created all the same, and nobody would know.
	ctx, cancel := context.WithTimeout(t.Runtime.ctx, callTimeout)
	defer cancel()
	id, err := t.engine.call(ctx, variables, append(arguments, command...)...)
	if err != nil {
		return errors.Join(fault("CannotCreateContainerError", err), log.Close())
	}
	one := &started{container: *c, id: id, exited: make(chan struct{})}
	if architecture != t.engine.Architecture { // An engine may emulate it.
		one.foreign = fmt.Sprintf("the image %s is built for %s, and the container engine runs on %s", c.Image, architecture, t.engine.Architecture)
	}
	t.mu.Lock()
	t.started = append(t.started, one)
	t.mu.Unlock()
	if _, err := t.engine.quickly(t.ctx, "start", id); err != nil {
		one.reason = fault("CannotStartContainerError", err).Error()
		close(one.exited)
		return errors.Join(errors.New(one.reason), log.Close())
	}
	t.all.Go(func() { t.follow(one, log) })
	return nil
}

// pull makes sure that the engine has an image, and returns the architecture that it is
// built for.
func (t *run) pull(image string) (architecture string, err error) {
	inspect := []string{"image", "inspect", "--format", "{{.Architecture}}", image}
	if architecture, err = t.engine.quickly(t.ctx, inspect...); err == nil {
		return architecture, nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, pullTimeout)
	defer cancel()
	if _, err := t.engine.call(ctx, nil, "pull", "--quiet", image); err != nil {
		return "", fmt.Errorf("pull image manifest has been retried 1 time(s): failed to resolve ref %s: %w", image, err)
	}
	return t.engine.quickly(t.ctx, inspect...)
}

// options are those of create that come from the task. The first container holds the
// network, which the others share, as they do on Fargate.
func (t *run) options(d *definition, c *container) []string {
	id := t.task.ID()
	service := t.task.Group[strings.LastIndex(t.task.Group, ":")+1:]
	o := []string{
		"--name", fmt.Sprintf("%s-%s-%s", service, id[:12], c.Name), "--label", label + "=" + t.owner, "--label", "ecs-sample-app.task=" + id,
		"--env", "AWS_ENDPOINT_URL=http://" + t.engine.host() + ":" + t.port,
		"--env", "AWS_REGION=" + t.region(), "--env", "AWS_ACCESS_KEY_ID=emulator", "--env", "AWS_SECRET_ACCESS_KEY=emulator",
		"--env", "ECS_CONTAINER_METADATA_URI_V4=http://" + t.engine.host() + ":" + t.port + MetadataPath + id,
	}
	if created := t.created(); len(created) > 0 {
		o = append(o, "--network", "container:"+created[0].id)
	} else {
		if t.engine.Program == "docker" {
			o = append(o, "--add-host", t.engine.host()+":host-gateway")
		}
		for _, other := range d.Containers {
			for _, p := range other.PortMappings {
				o = append(o, "--publish", fmt.Sprintf("127.0.0.1::%d/%s", p.ContainerPort, cmp.Or(p.Protocol, "tcp")))
			}
		}
		// Fargate gives ports below 1024 to root only.
		o = append(o, "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")
	}
	return append(append(o, c.limits(d)...), c.options()...)
}

// MetadataPath is the path on the emulator under which a task finds what it is.
const MetadataPath = "/v4/"

// mounts are the container's volumes, which belong to the task.
func (t *run) mounts(c *container) []string {
	var o []string
	for _, m := range c.MountPoints {
		mount := fmt.Sprintf("type=volume,source=%s-%s,target=%s,volume-label=%s=%s", t.task.ID(), m.SourceVolume, m.ContainerPath, label, t.owner)
		if m.ReadOnly {
			mount += ",readonly"
		}
		o = append(o, "--mount", mount)
	}
	return o
}

// region is that of the task.
func (t *run) region() string {
	if parts := strings.Split(t.task.ARN, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}

// secrets are the container's secrets, by name in its options and with their values in
// the environment of the engine's command: options can be seen by everybody.
func (t *run) secrets(c *container) (options, variables []string, err error) {
	for _, s := range c.Secrets {
		value, err := t.account.Secret(t.ctx, t.region(), s.ValueFrom)
		if err != nil {
			return nil, nil, err
		}
		options = append(options, "--env", s.Name)
		variables = append(variables, s.Name+"="+value)
	}
	return options, variables, nil
}

// openLog begins a container's log stream; without the driver awslogs nothing is kept.
func (t *run) openLog(c *container) (io.WriteCloser, error) {
	if c.LogConfiguration == nil || c.LogConfiguration.Driver != "awslogs" {
		return nothing{}, nil
	}
	options := c.LogConfiguration.Options
	stream := c.Name + "/" + t.task.ID()
	if prefix := options["awslogs-stream-prefix"]; prefix != "" {
		stream = prefix + "/" + stream
	}
	return t.account.Log(t.ctx, options, stream)
}

// nothing is a log that keeps nothing.
type nothing struct{}

// Write takes everything.
func (nothing) Write(p []byte) (int, error) { return len(p), nil }

// Close does nothing.
func (nothing) Close() error { return nil }

// follow passes a container's output on, and notes how it exits.
func (t *run) follow(c *started, log io.WriteCloser) {
	defer close(c.exited)
	output := exec.CommandContext(t.Runtime.ctx, t.engine.Program, "logs", "--follow", c.id)
	output.WaitDelay = time.Second
	if read, write, err := os.Pipe(); err == nil {
		output.Stdout, output.Stderr = write, write
		if output.Start() == nil {
			_ = write.Close() // It is the command's now.
			lines := bufio.NewReader(read)
			_, _ = lines.WriteTo(log) // A log that takes nothing more stops no task.
			_ = output.Wait()         // How the container ended is asked for below.
		}
		_ = read.Close() // There is nothing more to read.
	}
	code, err := t.engine.call(t.Runtime.ctx, nil, "wait", c.id)
	if n, failed := strconv.Atoi(code); err == nil && failed == nil {
		c.code = n
	} else {
		c.code, c.reason = 137, "the container is gone"
	}
	if c.code != 0 && c.reason == "" && !t.wasAsked(c) {
		c.reason = c.foreign
	}
	if killed, err := t.engine.quickly(t.Runtime.ctx, "inspect", "--format", "{{.State.OOMKilled}}", c.id); err == nil && killed == "true" {
		c.reason = "OutOfMemoryError: Container killed due to memory usage"
	}
	_ = log.Close() // What it can't write is lost.
}

// wasAsked tells whether a container was asked to stop.
func (t *run) wasAsked(c *started) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return c.asked
}

// awaitOthers waits until a container may start, by its dependsOn.
func (t *run) awaitOthers(c *container) error {
	for _, on := range c.DependsOn {
		for _, other := range t.created() {
			if other.Name != on.ContainerName {
				continue
			}
			if err := t.awaitOne(other, on.Condition); err != nil {
				return fault("TaskFailedToStart", err)
			}
		}
	}
	return nil
}

func (t *run) awaitOne(other *started, condition string) error {
	switch condition {
	case "COMPLETE", "SUCCESS":
		select {
		case <-other.exited:
		case <-t.ctx.Done():
			return t.ctx.Err()
		}
		if condition == "SUCCESS" && other.code != 0 {
			return fmt.Errorf("dependency %s exited with %d", other.Name, other.code)
		}
	case "HEALTHY":
		for t.healthOf(other) != "healthy" {
			select {
			case <-other.exited:
				return fmt.Errorf("dependency %s exited before it was healthy", other.Name)
			case <-t.ctx.Done():
				return t.ctx.Err()
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

// healthOf is what the engine's checks of a container say.
func (t *run) healthOf(c *started) string {
	health, err := t.engine.quickly(t.Runtime.ctx, "inspect", "--format", "{{if .State.Health}}{{.State.Health.Status}}{{end}}", c.id)
	if err != nil {
		return ""
	}
	return health
}

// watchHealth reports changes of a container's health until it exits.
func (t *run) watchHealth(c *started) {
	before := ""
	for {
		if now := t.healthOf(c); now != before && (now == "healthy" || now == "unhealthy") {
			t.report(scheduler.Report{Health: strings.ToUpper(now)})
			before = now
		}
		select {
		case <-c.exited:
			return
		case <-time.After(time.Second):
		}
	}
}

// addresses are where the task's ports answer on this machine.
func (t *run) addresses() (map[int]string, error) {
	found, err := t.engine.quickly(t.ctx, "inspect", "--format", "{{json .NetworkSettings.Ports}}", t.created()[0].id)
	if err != nil {
		return nil, err
	}
	var ports map[string][]struct{ HostIP, HostPort string }
	if err := json.Unmarshal([]byte(found), &ports); err != nil {
		return nil, err
	}
	addresses := map[int]string{}
	for name, bindings := range ports {
		number, _, _ := strings.Cut(name, "/")
		if n, err := strconv.Atoi(number); err == nil && len(bindings) > 0 {
			addresses[n] = "127.0.0.1:" + bindings[0].HostPort
		}
	}
	return addresses, nil
}

// await waits until an essential container exits, and stops the others.
func (t *run) await() {
	essential := make(chan struct{}, len(t.started))
	for _, c := range t.created() {
		t.all.Go(func() {
			<-c.exited
			if c.essential() {
				essential <- struct{}{}
			}
		})
	}
	<-essential
	t.stop()
}

// stop stops the containers, those first that were started last, and gives up what is
// being started.
func (t *run) stop() {
	t.cancel()
	created := t.created()
	for _, c := range slices.Backward(created) {
		t.mu.Lock()
		before := c.asked
		c.asked = true
		t.mu.Unlock()
		if before {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Runtime.ctx, time.Duration(c.stopTimeout())*time.Second+callTimeout)
		_, _ = t.engine.call(ctx, nil, "stop", "--time", strconv.Itoa(c.stopTimeout()), c.id) // Where it is gone it has stopped.
		cancel()
	}
	for _, c := range created {
		<-c.exited
	}
}

// ended are the containers as they ended, and those that never started.
func (t *run) ended(how scheduler.Stopped) []scheduler.Container {
	all := append([]scheduler.Container(nil), t.task.Containers...)
	for i := range all {
		for _, c := range t.created() {
			if c.Name == all[i].Name {
				all[i].RuntimeID, all[i].Reason = c.id, c.reason
				if !strings.HasPrefix(c.reason, "CannotStart") {
					all[i].ExitCode = &c.code
				}
			}
		}
		if all[i].RuntimeID == "" && how.Code == "TaskFailedToStart" {
			all[i].Reason = how.Reason
		}
	}
	return all
}

// clean removes the containers and the task's volumes.
func (t *run) clean() {
	for _, c := range t.created() {
		_, _ = t.engine.quickly(context.WithoutCancel(t.ctx), "rm", "--force", "--volumes", c.id) // What is left goes with the owner's.
	}
	if d, err := read(t.task.Definition); err == nil {
		for _, v := range d.Volumes {
			_, _ = t.engine.quickly(context.WithoutCancel(t.ctx), "volume", "rm", "--force", t.task.ID()+"-"+v.Name) // The same.
		}
	}
}
