// Package emulator starts, finds and stops the AWS emulator that the local stack
// and the lifecycle tests deploy to: moto (https://docs.getmoto.org), as the
// server program moto_server, behind a proxy that adds what it lacks.
//
// moto is a control plane in memory. It keeps what is created, and answers for it,
// for as long as it runs. The services' tasks are run by a scheduler before it, as
// containers where an engine answers, and load balancers answer on this machine.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ecs-sample-app/tools/emulator/scheduler"
)

const (
	// startTimeout is how long a start may take. moto itself takes two seconds;
	// the rest is for uvx, which may have to download it first.
	startTimeout = 2 * time.Minute

	// stopTimeout is how long moto has to end by itself before it is killed.
	stopTimeout = 5 * time.Second

	// pollInterval is the time between two looks at a server that starts or stops.
	pollInterval = 20 * time.Millisecond

	// AddressKey is the key in Pulumi.local.yaml with the URL of the local stack's
	// emulator.
	AddressKey = "local:emulator"

	// Command is the first argument of a detached emulator's process; the program
	// hands the others to Serve.
	Command = "emulator"
)

// Options say how to start an emulator.
type Options struct {
	// Address is the host and port to listen on. With port 0, which is the default
	// on 127.0.0.1, a free port is taken. This checkout's emulator that listens there
	// already is used, and so is a plain moto; that of another checkout, or a port that
	// something else holds, is an error.
	Address string

	// Log is the file for moto's output, which has a line for every request. By
	// default it is a new file in the folder for temporary files.
	Log string

	// Checkout is the folder of the repository, by which an emulator tells whose it is.
	Checkout string

	// PIDFile, if given, detaches the emulator: it goes on when this program ends,
	// until StopDetached is called with the same file. The program must then call
	// Serve when its first argument is Command.
	PIDFile string

	// Containers has tasks run as containers where an engine answers. They belong to
	// Checkout. Otherwise tasks run nowhere, at once and well.
	Containers bool

	// Stage, if given, is what a test has become of tasks and of their targets, and its
	// clock. Not where it is detached.
	Stage Stage

	// Wrap, if given, stands before the emulator and gets every request: a test can
	// hold some back. Not where it is detached.
	Wrap func(http.Handler) http.Handler
}

// Stage is a runtime, its load balancers and its clock.
type Stage interface {
	scheduler.Runtime
	scheduler.Balancers
	Now() time.Time
}

// Emulator is an emulator that answers.
type Emulator struct {
	// URL is where it answers, such as http://127.0.0.1:4599.
	URL string

	// Started tells one that was started here, and is empty, from one found running.
	Started bool

	// Foreign tells one that was found running and is a plain moto, without the proxy.
	Foreign bool

	// Log is the file with its output, empty for one found running.
	Log string

	server  *http.Server  // nil where it is detached
	tasks   *tasks        // nil where it is detached
	process *exec.Cmd     // moto, or the detached emulator
	ended   chan struct{} // closed once the process has ended
}

// Start returns an emulator that answers at the address of the options: the one
// that is there, or else a new one.
func Start(ctx context.Context, o Options) (*Emulator, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		return nil, fmt.Errorf("the emulator's address is a host and a port, such as 127.0.0.1:0, not %q: %w", o.Address, err)
	}
	listener, err := net.Listen("tcp", o.Address) //nolint:noctx // it does not wait for anything
	switch {
	case err == nil && o.PIDFile != "":
		if err := listener.Close(); err != nil {
			return nil, err
		}
		return detach(ctx, listener.Addr().String(), o)
	case err == nil:
		return start(ctx, listener, o)
	case answers(ctx, o.Address):
		return running(ctx, o)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by a program that is not moto: stop that program, or choose another port for the emulator: the local stack's is in Pulumi.local.yaml, under %s", o.Address, AddressKey)
	default:
		return nil, fmt.Errorf("listen on %s: %w", o.Address, err)
	}
}

// start starts moto, and serves the proxy before it.
func start(ctx context.Context, listener net.Listener, o Options) (*Emulator, error) {
	e, err := startMoto(ctx, o.Log)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	moto, err := url.Parse(e.URL)
	if err != nil {
		return nil, errors.Join(err, listener.Close(), e.Stop())
	}
	if e.tasks, err = runTasks(ctx, moto, listener, o); err != nil {
		return nil, errors.Join(err, listener.Close(), e.Stop())
	}
	e.URL = "http://" + listener.Addr().String()
	handler := owned(o.Checkout, e.tasks.about, e.tasks.proxy)
	if o.Wrap != nil {
		handler = o.Wrap(handler)
	}
	e.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	for _, l := range append(e.tasks.listeners, listener) {
		go func() { _ = e.server.Serve(l) }() // It ends with Stop.
	}
	return e, nil
}

// startMoto starts moto on a port that it finds itself.
func startMoto(ctx context.Context, log string) (*Emulator, error) {
	command, err := command()
	if err != nil {
		return nil, err
	}
	process := exec.Command(command[0], command[1:]...) //nolint:noctx // the program is moto_server or uvx from PATH, and outlives the context that started it
	process.SysProcAttr = &syscall.SysProcAttr{}
	endWithParent(process.SysProcAttr)
	return run(ctx, log, process, func(log string) string {
		content, _ := os.ReadFile(log) // Until there is something to read, there is no address.
		return string(listening.Find(content))
	})
}

// listening is the address in the first line of moto's log: "Running on http://…".
var listening = regexp.MustCompile(`127\.0\.0\.1:\d+\b`)

// detach starts this program a second time, to serve an emulator on its own.
func detach(ctx context.Context, address string, o Options) (*Emulator, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.Command(program, Command, address, o.Log, o.Checkout) //nolint:noctx // this very program, which outlives the context that started it
	e, err := run(ctx, o.Log, process, func(string) string { return address })
	if err != nil {
		return nil, err
	}
	if err := writePID(o.PIDFile, process.Process.Pid); err != nil {
		return nil, errors.Join(fmt.Errorf("note the emulator's process: %w", err), e.Stop())
	}
	return e, nil
}

// Serve is the detached emulator: arguments are those that follow Command. It ends
// when it is told to.
func Serve(ctx context.Context, arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("%s takes an address, a log and a checkout, and is started by this program itself", Command)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	e, err := Start(ctx, Options{Address: arguments[0], Log: arguments[1], Checkout: arguments[2], Containers: true})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return e.Stop()
	case <-e.ended:
		return errors.Join(fmt.Errorf("moto_server ended; the end of its log, %s:\n%s", e.Log, tail(e.Log)), e.Stop())
	}
}

// run starts a process in a group of its own, so that Ctrl-C in the terminal does
// not reach it and Stop ends it with its children, and waits until it answers at the
// address that is found, by its log where need be.
func run(ctx context.Context, path string, process *exec.Cmd, find func(log string) string) (*Emulator, error) {
	log, err := openLog(path)
	if err != nil {
		return nil, fmt.Errorf("open the emulator's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the emulator has its own handle; nothing was written through this one
	process.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true",
		// How many seconds a certificate takes to be issued.
		"MOTO_ACM_VALIDATION_WAIT=1")
	process.Stdout, process.Stderr = log, log
	if process.SysProcAttr == nil {
		process.SysProcAttr = &syscall.SysProcAttr{}
	}
	process.SysProcAttr.Setsid = true
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", process.Path, err)
	}
	e := &Emulator{Started: true, Log: log.Name(), process: process, ended: make(chan struct{})}
	go func() {
		_ = process.Wait() // How it ended is in its log.
		close(e.ended)
	}()
	if err := e.await(ctx, find); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// await waits until the emulator answers.
func (e *Emulator) await(ctx context.Context, find func(log string) string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if address := find(e.Log); address != "" && answers(ctx, address) {
			e.URL = "http://" + address
			return nil
		}
		select {
		case <-e.ended:
			return fmt.Errorf("the emulator ended before it answered; the end of its log, %s:\n%s", e.Log, tail(e.Log))
		case <-ctx.Done():
			return fmt.Errorf("the emulator does not answer; see its log, %s: %w", e.Log, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

// Stop ends an emulator that Start started. One that was found running is left alone.
func (e *Emulator) Stop() error {
	if !e.Started {
		return nil
	}
	var err error
	if e.server != nil {
		err = errors.Join(e.server.Close(), e.tasks.stop())
	}
	return errors.Join(err, end(e.process.Process.Pid, func() bool {
		select {
		case <-e.ended:
			return true
		default:
			return false
		}
	}))
}

// StopDetached ends the emulator that Start detached with this file, and reports
// whether there was one to end.
func StopDetached(ctx context.Context, pidFile string) (bool, error) {
	content, err := os.ReadFile(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || pid <= 1 {
		return false, fmt.Errorf("%s does not hold the number of a process; if an emulator still runs, end it by hand, then delete the file", pidFile)
	}
	running := isEmulator(ctx, pid)
	if running {
		if err := end(pid, func() bool { return !isEmulator(ctx, pid) }); err != nil {
			return false, err
		}
	}
	return running, os.Remove(pidFile)
}

// end asks a process and its children to end, and kills them where they do not.
func end(pid int, ended func() bool) error {
	if ended() {
		return nil // Its number may be another's by now.
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the emulator, process %d: %w", pid, err)
		}
		for deadline := time.Now().Add(stopTimeout); time.Now().Before(deadline); time.Sleep(pollInterval) {
			if ended() {
				return nil
			}
		}
	}
	return fmt.Errorf("the emulator, process %d, does not end; end it by hand", pid)
}

// isEmulator tells whether the process is a detached emulator. Numbers of processes
// are used again: after a restart of the machine the one in an old file is somebody
// else's.
func isEmulator(ctx context.Context, pid int) bool {
	out, err := exec.CommandContext(ctx, "ps", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	line := strings.TrimSpace(string(out))
	return err == nil && strings.Contains(line, " "+Command+" ") && !strings.HasPrefix(line, "Z")
}

// openLog begins a log. Two processes write to that of a detached emulator, each at
// its end.
func openLog(path string) (*os.File, error) {
	if path == "" {
		return os.CreateTemp("", "moto-*.log")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
}

// writePID notes the number of a process.
func writePID(path string, pid int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o600)
}

// tail returns the last lines of a file, for a message.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-5):], "\n  ")
}
