package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a command of the CLI that runs, together with the programs that it
// started: the language host, the Pulumi program and the provider.
type Process struct {
	command *exec.Cmd
	output  bytes.Buffer
	ended   chan struct{}
	err     error
}

// Start starts a command of the CLI on the stack.
func (s *Sandbox) Start(ctx context.Context, arguments ...string) (*Process, error) {
	p := &Process{command: s.Command(ctx, arguments...), ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	// Its children may outlive it and hold its output open.
	p.command.WaitDelay = time.Second
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start pulumi %s: %w", strings.Join(arguments, " "), err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Wait waits for the end and returns what was printed.
func (p *Process) Wait() (string, error) {
	<-p.ended
	return p.output.String(), p.err
}

// Ended is closed when the command has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// WaitFor waits for the end, but not longer than this.
func (p *Process) WaitFor(limit time.Duration) {
	select {
	case <-p.ended:
	case <-time.After(limit):
	}
}

// Running tells whether the command still runs.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Interrupt is Ctrl-C: the engine asks the provider to stop and notes how far it came.
func (p *Process) Interrupt() error {
	return p.command.Process.Signal(os.Interrupt)
}

// Kill ends the command and all that it started at once, as when a CI machine is
// lost. Killing the CLI alone would not do: its plugins are in process groups of
// their own and finish what they are at.
func (p *Process) Kill(ctx context.Context) error {
	// Stopped, it starts no more while its children are listed.
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop the CLI: %w", err)
	}
	tree, err := p.Tree(ctx)
	if err != nil {
		return err
	}
	for pid := range tree {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	<-p.ended
	return nil
}

// Member is a process of a command's tree.
type Member struct {
	// Name is the program.
	Name string
	// RSS is the resident memory in bytes.
	RSS int64
}

// Tree returns the command and all that it started, by the number of the process.
func (p *Process) Tree(ctx context.Context) (map[int]Member, error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,ppid=,rss=,args=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	members, children := map[int]Member{}, map[int][]int{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		const columns = 4
		if len(fields) < columns {
			continue
		}
		pid, _ := strconv.Atoi(fields[0])
		parent, _ := strconv.Atoi(fields[1])
		kilobytes, _ := strconv.ParseInt(fields[2], 10, 64)
		members[pid] = Member{Name: filepath.Base(fields[3]), RSS: kilobytes << 10}
		children[parent] = append(children[parent], pid)
	}
	tree := map[int]Member{}
	for queue := []int{p.command.Process.Pid}; len(queue) > 0; queue = queue[1:] {
		pid := queue[0]
		if member, ok := members[pid]; ok {
			tree[pid] = member
			queue = append(queue, children[pid]...)
		}
	}
	return tree, nil
}
