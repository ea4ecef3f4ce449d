package emulator

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"ecs-sample-app/tools/emulator/containers"
	"ecs-sample-app/tools/emulator/scheduler"
)

// removeTimeout bounds the removal of containers at the end.
const removeTimeout = 30 * time.Second

// tasks are the proxy with all that runs tasks.
type tasks struct {
	proxy     *proxy
	engine    *containers.Engine // nil where tasks run nowhere
	missing   error              // why
	runtime   *containers.Runtime
	listeners []net.Listener // the emulator's, for containers
	stopped   context.CancelFunc
}

// runTasks gets the proxy ready to run tasks. Containers that an emulator of the same
// checkout has left, which was killed, are removed.
func runTasks(ctx context.Context, moto *url.URL, listener net.Listener, o Options) (*tasks, error) {
	t := &tasks{missing: errors.New("it was started without containers")}
	if o.Containers {
		t.engine, t.missing = find(ctx)
	}
	page := ""
	if t.engine == nil {
		page = missingPage(t.missing)
	}
	t.proxy = newProxy(moto, page)
	if o.Stage != nil {
		t.proxy.scheduler = scheduler.New(o.Stage, o.Stage, o.Stage.Now)
	}
	if t.engine != nil {
		if err := t.engine.Remove(ctx, o.Checkout); err != nil {
			return nil, err
		}
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		if gateway := t.engine.Gateway(ctx); gateway != "" {
			// In a virtual machine's engine the address is not this machine's, and the name
			// leads to 127.0.0.1.
			if l, err := net.Listen("tcp", net.JoinHostPort(gateway, port)); err == nil { //nolint:noctx // it does not wait for anything
				t.listeners = append(t.listeners, l)
			}
		}
		t.runtime = containers.New(t.engine, o.Checkout, port, t.proxy.api)
		t.proxy.runOn(t.runtime)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stopped = stop
	go t.proxy.scheduler.Run(run)
	return t, nil
}

// TasksVariable is the variable of the environment that, set to none, keeps tasks from
// running as containers.
const TasksVariable = "ECS_SAMPLE_APP_TASKS"

// find returns a container engine, or why there is none.
func find(ctx context.Context) (*containers.Engine, error) {
	if os.Getenv(TasksVariable) == "none" {
		return nil, errors.New(TasksVariable + " is none")
	}
	return containers.Find(ctx)
}

// stop ends the load balancers and removes the containers.
func (t *tasks) stop() error {
	t.stopped()
	err := t.proxy.balancer.CloseAll()
	if t.runtime != nil {
		ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
		defer cancel()
		err = errors.Join(err, t.runtime.Close(ctx))
	}
	return err
}

// about is what the emulator says of itself.
func (t *tasks) about() About {
	var a About
	if t.engine == nil {
		a.Missing = t.missing.Error()
	} else {
		a.Engine = t.engine.String()
	}
	t.proxy.mu.Lock()
	defer t.proxy.mu.Unlock()
	for _, name := range t.proxy.names {
		a.Pages = append(a.Pages, "http://"+name.local)
	}
	slices.Sort(a.Pages)
	return a
}

// RemoveContainers removes the containers of a checkout whose emulator does not run,
// such as one that was killed. Without an engine there are none.
func RemoveContainers(ctx context.Context, checkout string) error {
	engine, err := containers.Find(ctx)
	if err != nil {
		return nil //nolint:nilerr // without an engine there is nothing to remove
	}
	return engine.Remove(ctx, checkout)
}

// Advice is how to get a container engine.
const Advice = "Install Docker (docs.docker.com/engine/install; on Debian and Ubuntu: apt-get install docker.io) or Podman (podman.io), start it, then `make down` and `make up`"

// missingPage is what load balancers show where tasks run nowhere.
func missingPage(why error) string {
	reasons := strings.ReplaceAll(html.EscapeString(why.Error()), "\n", "<br>")
	return fmt.Sprintf(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>503: no task runs</title></head>
<body>
<h1>No task runs behind this load balancer</h1>
<p>The stack is deployed to the emulator. The emulator runs tasks as containers, and no container engine answers:</p>
<p>%s</p>
<p>%s.</p>
</body>
</html>
`, reasons, html.EscapeString(Advice))
}
