// Package emulator starts, finds and stops the AWS emulator that the local stack
// and the lifecycle tests deploy to: moto (https://docs.getmoto.org), as the
// server program moto_server.
//
// moto is a control plane in memory. It keeps what is created, and answers for it,
// for as long as it runs; nothing listens behind a load balancer's name.
package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// runningTasks is how many tasks of a service moto says are running where
	// Options does not say. moto runs none and holds one fixed number for every
	// service (its MOTO_ECS_SERVICE_RUNNING, 0 if unset). A service is steady, and
	// the wait for it over, when that number is its desired count, which is 1 by
	// default in this repository's program.
	runningTasks = 1

	// startTimeout is how long a start may take. moto itself takes two seconds;
	// the rest is for uvx, which may have to download it first.
	startTimeout = 2 * time.Minute

	// stopTimeout is how long moto has to end by itself before it is killed.
	stopTimeout = 5 * time.Second

	// pollInterval is the time between two looks at a server that starts or stops.
	pollInterval = 20 * time.Millisecond

	// requirement is the moto that uvx runs. The program is tested with moto 5.
	requirement = "moto[server]>=5,<6"
)

// Options say how to start an emulator.
type Options struct {
	// Address is the host and port to listen on. With port 0, which is the default
	// on 127.0.0.1, a free port is taken. An emulator that listens there already
	// is used as it is; a port that something else holds is an error.
	Address string

	// RunningTasks is how many tasks of each ECS service the emulator shows as
	// running, 1 by default. A service with another desired count never becomes
	// steady.
	RunningTasks int

	// Log is the file for moto's output, which has a line for every request. By
	// default it is a new file in the folder for temporary files.
	Log string

	// PIDFile, if given, detaches the emulator: it goes on when this program ends,
	// until StopDetached is called with the same file.
	PIDFile string
}

// Emulator is an emulator that answers.
type Emulator struct {
	// URL is where it answers, such as http://127.0.0.1:4599.
	URL string

	// Started tells one that was started here, and is empty, from one found running.
	Started bool

	// Log is the file with its output, empty for one found running.
	Log string

	process *exec.Cmd
	ended   chan struct{} // closed once the process has ended
}

// Start returns an emulator that answers at the address of the options: the one
// that is there, or else a new one.
func Start(ctx context.Context, o Options) (*Emulator, error) {
	address, err := freeAddress(o.Address)
	if err != nil {
		return nil, err
	}
	if inUse(ctx, address) {
		if !answers(ctx, address) {
			return nil, fmt.Errorf("%s is in use by a program that is not moto: stop that program, or choose another port for the emulator (the local stack has it in Pulumi.local.yaml, under aws:endpoints)", address)
		}
		return &Emulator{URL: "http://" + address}, nil
	}
	return start(ctx, address, o)
}

// start starts moto on an address that is free.
func start(ctx context.Context, address string, o Options) (*Emulator, error) {
	command, err := command(address)
	if err != nil {
		return nil, err
	}
	tasks := o.RunningTasks
	if tasks == 0 {
		tasks = runningTasks
	}
	log, err := openLog(o.Log)
	if err != nil {
		return nil, fmt.Errorf("open the emulator's log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the emulator has its own handle; nothing was written through this one

	process := exec.Command(command[0], command[1:]...) //nolint:noctx // it outlives the context that started it
	process.Env = append(os.Environ(),
		"MOTO_ECS_SERVICE_RUNNING="+strconv.Itoa(tasks),
		"MOTO_IAM_LOAD_MANAGED_POLICIES=true") // Without it a role cannot be given one of AWS's own policies.
	process.Stdout, process.Stderr = log, log
	if o.PIDFile != "" {
		process.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // So that Ctrl-C in the terminal does not reach it.
	} else {
		process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // So that Stop can end uvx together with its child.
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	e := &Emulator{URL: "http://" + address, Started: true, Log: log.Name(), process: process, ended: make(chan struct{})}
	go func() {
		_ = process.Wait() // How it ended is in its log.
		close(e.ended)
	}()
	if err := e.await(ctx, address); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	if o.PIDFile != "" {
		if err := writePID(o.PIDFile, process.Process.Pid); err != nil {
			return nil, errors.Join(fmt.Errorf("note the emulator's process: %w", err), e.Stop())
		}
	}
	return e, nil
}

// await waits until the emulator answers.
func (e *Emulator) await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for !answers(ctx, address) {
		select {
		case <-e.ended:
			return fmt.Errorf("moto_server ended before it answered on %s; the end of its log, %s:\n%s", address, e.Log, tail(e.Log))
		case <-ctx.Done():
			return fmt.Errorf("moto_server does not answer on %s; see its log, %s: %w", address, e.Log, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
	return nil
}

// Stop ends an emulator that Start started. One that was found running is left alone.
func (e *Emulator) Stop() error {
	if !e.Started {
		return nil
	}
	return end(e.process.Process.Pid, func() bool {
		select {
		case <-e.ended:
			return true
		default:
			return false
		}
	})
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
	running := isMoto(ctx, pid)
	if running {
		if err := end(pid, func() bool { return !isMoto(ctx, pid) }); err != nil {
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

// isMoto tells whether the process is an emulator. Numbers of processes are used
// again: after a restart of the machine the one in an old file is somebody else's.
func isMoto(ctx context.Context, pid int) bool {
	out, err := exec.CommandContext(ctx, "ps", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	line := strings.TrimSpace(string(out))
	return err == nil && strings.Contains(line, "moto_server") && !strings.HasPrefix(line, "Z")
}

// command returns what starts moto on an address.
func command(address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	arguments := []string{"-H", host, "-p", port}
	if moto, err := exec.LookPath("moto_server"); err == nil {
		return append([]string{moto}, arguments...), nil
	}
	if uvx, err := exec.LookPath("uvx"); err == nil {
		return append([]string{uvx, "--from", requirement, "moto_server"}, arguments...), nil
	}
	return nil, fmt.Errorf(`no AWS emulator: neither moto_server nor uvx is on PATH, and nothing answers on %[1]s. Do one of these:
  pip install 'moto[server]'       the emulator, from then on found on PATH
  install uv (docs.astral.sh/uv)   uvx then runs: uvx --from '%[2]s' moto_server
  docker run --rm -p 127.0.0.1:%[3]s:5000 -e MOTO_ECS_SERVICE_RUNNING=%[4]d \
    -e MOTO_IAM_LOAD_MANAGED_POLICIES=true motoserver/moto
                                   in another terminal; what answers on the port is used`, address, requirement, port, runningTasks)
}

// freeAddress replaces port 0 by a port that is free.
func freeAddress(address string) (string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("the emulator's address is a host and a port, such as 127.0.0.1:0, not %q: %w", address, err)
	}
	if port != "0" {
		return address, nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0")) //nolint:noctx // closed in the next line
	if err != nil {
		return "", fmt.Errorf("find a free port for the emulator: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// inUse tells whether something listens on an address.
func inUse(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// answers tells whether moto answers on an address. Its configuration is behind a
// path that nothing else has.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/moto-api/config", nil)
	if err != nil {
		return false
	}
	direct := http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}} // A proxy cannot reach this machine's own ports.
	response, err := direct.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	var config map[string]any
	return response.StatusCode < http.StatusMultipleChoices && json.NewDecoder(response.Body).Decode(&config) == nil
}

// openLog opens the log for writing at its end.
func openLog(path string) (*os.File, error) {
	if path == "" {
		return os.CreateTemp("", "moto-*.log")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
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
