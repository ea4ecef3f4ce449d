// Package containers runs the tasks of emulated Amazon ECS services as containers, by
// the command line of docker or podman: it speaks to an engine wherever the user has
// it, by a socket, by SSH or in a virtual machine.
//
// No container's own address is dialled, which is out of reach where the engine runs
// in a virtual machine or without root: ports are published on 127.0.0.1.
package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// findTimeout is how long an engine has to answer when one is looked for. One whose
	// virtual machine is down may never answer.
	findTimeout = 3 * time.Second
	// callTimeout bounds a call that the engine answers at once.
	callTimeout = time.Minute
	// pullTimeout bounds the pull of an image.
	pullTimeout = 10 * time.Minute
	// label is on every container, with the owner, a checkout's folder, as its value.
	label = "ecs-sample-app.emulator"
)

// Engine is a container engine that answers.
type Engine struct {
	// Program is its command line, docker or podman.
	Program string
	// Version is that of the engine itself, and Architecture its machine's, such as
	// amd64.
	Version, Architecture string
}

// Find returns the first engine that answers, or why none does, a line for each.
func Find(ctx context.Context) (*Engine, error) {
	var all []error
	// Whoever names an engine means that one: another would have other images, and be looked
	// for by nobody.
	named := os.Getenv("DOCKER_HOST")
	for _, program := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(program); err != nil {
			all = append(all, fmt.Errorf("%s is not on PATH", program))
			continue
		}
		e := &Engine{Program: program}
		err := e.ask(ctx)
		if err == nil {
			return e, nil
		}
		if program == "docker" && named != "" {
			return nil, fmt.Errorf("docker: DOCKER_HOST is %s, and there: %w", named, err)
		}
		all = append(all, fmt.Errorf("%s: %w", program, err))
	}
	return nil, errors.Join(all...)
}

// ask asks the engine what it is.
func (e *Engine) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	format := "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}"
	if e.Program == "podman" {
		format = "{{.Server.Version}} {{.Server.OsArch}}"
	}
	answer, err := e.call(ctx, nil, "version", "--format", format)
	if ctx.Err() != nil {
		return fmt.Errorf("no answer within %s", findTimeout)
	}
	version, platform, _ := strings.Cut(answer, " ")
	_, architecture, _ := strings.Cut(platform, "/")
	e.Version, e.Architecture = version, architecture
	return err
}

// String is the engine for a message.
func (e *Engine) String() string { return e.Program + " " + e.Version }

// call runs a command of the engine and returns what it prints, or what it says is
// wrong. variables are added to its environment.
func (e *Engine) call(ctx context.Context, variables []string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, e.Program, arguments...)
	command.Env = append(os.Environ(), variables...)
	command.WaitDelay = time.Second
	var out, problem bytes.Buffer
	command.Stdout, command.Stderr = &out, &problem
	err := command.Run()
	text := strings.TrimSpace(out.String())
	if err == nil {
		return text, nil
	}
	lines := strings.Split(strings.TrimSpace(problem.String()), "\n")
	said := strings.TrimPrefix(lines[0], "Error response from daemon: ")
	for _, line := range lines { // What it says before may be progress, and after it advice.
		if _, rest, found := strings.Cut(line, "rror response from daemon: "); found {
			said = rest
		}
	}
	if said == "" {
		return text, err
	}
	return text, errors.New(said)
}

// quickly is call, for what is answered at once.
func (e *Engine) quickly(ctx context.Context, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return e.call(ctx, nil, arguments...)
}

// Remove removes all containers and volumes of an owner, also those that an emulator
// which was killed has left.
func (e *Engine) Remove(ctx context.Context, owner string) error {
	filter := "label=" + label + "=" + owner
	found, err := e.quickly(ctx, "ps", "--all", "--quiet", "--filter", filter)
	if err != nil {
		return fmt.Errorf("find this checkout's containers: %w", err)
	}
	if ids := strings.Fields(found); len(ids) > 0 {
		if _, err := e.quickly(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...); err != nil && !gone(err) {
			return fmt.Errorf("remove this checkout's containers: %w", err)
		}
	}
	found, err = e.quickly(ctx, "volume", "ls", "--quiet", "--filter", filter)
	if err != nil {
		return fmt.Errorf("find this checkout's volumes: %w", err)
	}
	if names := strings.Fields(found); len(names) > 0 {
		if _, err := e.quickly(ctx, append([]string{"volume", "rm", "--force"}, names...)...); err != nil {
			return fmt.Errorf("remove this checkout's volumes: %w", err)
		}
	}
	return nil
}

// gone tells whether an error says that a container is not there, or is on its way out.
func gone(err error) bool {
	return strings.Contains(err.Error(), "No such container") || strings.Contains(err.Error(), "already in progress")
}

// host is the name by which a container reaches this machine.
func (e *Engine) host() string {
	if e.Program == "podman" {
		return "host.containers.internal"
	}
	return "host.docker.internal"
}

// Gateway is the address of this machine in the containers' network, where the engine
// runs on this machine itself. A listener there is reached by containers, and not from
// other machines.
func (e *Engine) Gateway(ctx context.Context) string {
	if e.Program == "podman" {
		return "" // Its containers reach 127.0.0.1 by the name.
	}
	address, err := e.quickly(ctx, "network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}")
	if err != nil {
		return ""
	}
	address, _, _ = strings.Cut(address, " ")
	return address
}
