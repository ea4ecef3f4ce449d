// Command local runs the program against an AWS emulator on this machine. It is
// what stands behind the Makefile's up, preview, destroy, pulumi and down.
//
// All that it keeps is in the folder .local of the repository: the stack's state,
// the emulator's log and the number of its process.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"ecs-sample-app/tools/emulator"
	"ecs-sample-app/tools/toolchain"
)

const (
	// stack is the stack whose configuration is Pulumi.local.yaml.
	stack = "local"

	// passphrase encrypts the secrets in the stack's state. It is written here for
	// all to see because there are none: the emulator takes any key, and its
	// contents are gone when it ends.
	passphrase = "local"

	usage = `usage: local COMMAND [ARGUMENTS...]

  up          start the emulator and deploy to it; arguments go to pulumi up
  preview     show what up would change
  destroy     delete all that up made
  pulumi      run any Pulumi command on the local stack
  logs        print what the tasks have logged
  down        stop the emulator
  provider    run go vet or go test on the AWS provider of the tool chain
  toolchain   build what is missing of the tool chain, and show where it is
  ready       get the emulator and the tool chain ready, for the tests
`
)

func main() {
	os.Exit(exitCode(run(context.Background(), os.Args[1:]), os.Stderr))
}

// shownError is that of a Pulumi command in the terminal, which has said there what is
// wrong. Errors of other programs are told like any other.
type shownError struct{ exit *exec.ExitError }

func (e shownError) Error() string { return e.exit.Error() }

// exitCode is the one of this program after an error, which it tells the user.
func exitCode(err error, out io.Writer) int {
	var shown shownError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &shown):
		return max(shown.exit.ExitCode(), 1)
	default:
		_, _ = fmt.Fprintln(out, "local:", err) // Nothing to do where the terminal is gone.
		return 1
	}
}

// run runs one command.
func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("no command\n\n%s", usage)
	}
	if arguments[0] == emulator.Command {
		return emulator.Serve(ctx, arguments[1:])
	}
	root, err := toolchain.Root()
	if err != nil {
		return err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return err
	}
	l := local{root: root, dir: filepath.Join(root, ".local"), out: os.Stderr}
	rest := arguments[1:]
	switch arguments[0] {
	case "up":
		return l.pulumi(ctx, append([]string{"up", "--yes", "--skip-preview"}, rest...))
	case "preview":
		return l.pulumi(ctx, append([]string{"preview"}, rest...))
	case "destroy":
		return l.pulumi(ctx, append([]string{"destroy", "--yes"}, rest...))
	case "pulumi":
		return l.pulumi(ctx, rest)
	case "logs":
		return l.logs(ctx, os.Stdout)
	case "down":
		return l.down(ctx)
	case "toolchain":
		return l.toolchain(ctx)
	case "ready":
		return l.ready(ctx)
	case "provider":
		return provider(ctx, rest)
	case "help", "-h", "--help":
		_, err := io.WriteString(os.Stdout, usage)
		return err
	default:
		return fmt.Errorf("no command %q\n\n%s", arguments[0], usage)
	}
}

// local is the local stack.
type local struct {
	root string    // of the repository
	dir  string    // .local
	out  io.Writer // for messages; standard output is Pulumi's
}

// pulumi runs a Pulumi command on the local stack, with all that it needs. What is
// missing is found before anything is built.
func (l local) pulumi(ctx context.Context, arguments []string) error {
	if len(arguments) > 0 && arguments[0] == "config" {
		return l.config(ctx, arguments)
	}
	address, err := l.address()
	if err != nil {
		return err
	}
	if err := emulator.Prepare(ctx, address, l.out); err != nil {
		return err
	}
	chain, err := toolchain.Ensure(ctx, l.out)
	if err != nil {
		return err
	}
	if err := l.compile(ctx, arguments); err != nil {
		return err
	}
	url, err := l.ensureEmulator(ctx, address)
	if err != nil {
		return err
	}
	if err := l.assume(ctx, url); err != nil {
		return err
	}
	if notice := chain.Notice(); notice != "" && len(arguments) > 0 && arguments[0] == "up" {
		l.say("%s", notice)
	}
	if err := l.onStack(ctx, chain, url, arguments); err != nil {
		return err
	}
	if len(arguments) > 0 && arguments[0] == "up" {
		l.sayPage(ctx, address)
	}
	return nil
}

// config runs a command that reads or writes the configuration. It needs no emulator,
// and no address of one, so that a configuration that is wrong can be mended.
func (l local) config(ctx context.Context, arguments []string) error {
	chain, err := toolchain.Ensure(ctx, l.out)
	if err != nil {
		return err
	}
	return l.onStack(ctx, chain, nowhere, arguments)
}

// nowhere is an address of this machine at which nothing listens.
const nowhere = "http://127.0.0.1:1"

// onStack runs Pulumi on the local stack, with the emulator at a URL.
func (l local) onStack(ctx context.Context, chain *toolchain.Chain, url string, arguments []string) error {
	environment := l.environment(chain, url)
	if err := l.unlock(); err != nil {
		return err
	}
	if err := l.ensureStack(ctx, chain, environment); err != nil {
		return err
	}
	return l.command(ctx, chain, environment, arguments)
}

// address is the emulator's, from the stack's configuration.
func (l local) address() (string, error) {
	config, err := os.ReadFile(filepath.Join(l.root, configFile))
	if err != nil {
		return "", err
	}
	return endpoint(config)
}

// compile builds the program for the commands that run it.
func (l local) compile(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 || !slices.Contains([]string{"up", "update", "preview", "pre", "watch"}, arguments[0]) {
		return nil
	}
	return toolchain.Compile(ctx, l.root, filepath.Join(l.dir, "program"))
}

// ensureEmulator starts the emulator if it is not running, and returns its URL. A
// new one is empty: what the stack's state says was deployed to the one before is
// gone.
func (l local) ensureEmulator(ctx context.Context, address string) (string, error) {
	e, err := emulator.Start(ctx, emulator.Options{
		Address: address, Log: filepath.Join(l.dir, "emulator.log"), PIDFile: l.pidFile(), Checkout: l.root,
	})
	if err != nil {
		return "", err
	}
	if e.Foreign {
		l.say("%s is a moto that was not started here; it is used as it is, and each preview shows the properties of the service that moto forgets", e.URL)
	}
	if !e.Started {
		return e.URL, nil
	}
	l.say("the AWS emulator moto runs at %s, its log is %s; stop it with `make down`", e.URL, l.relative(e.Log))
	return e.URL, l.setStateAside(time.Now())
}

// assume makes up in the emulator what the config names and only a real account has.
func (l local) assume(ctx context.Context, url string) error {
	content, err := os.ReadFile(filepath.Join(l.root, configFile))
	if err != nil {
		return err
	}
	region, config, err := settings(content)
	if err != nil {
		return nil //nolint:nilerr // Pulumi says what is wrong with the file, and where
	}
	told, err := emulator.Assume(ctx, url, region, config)
	for _, line := range told {
		l.say("%s", line)
	}
	return err
}

// setStateAside moves the state of a stack whose resources are gone out of the way.
func (l local) setStateAside(now time.Time) error {
	content, err := os.ReadFile(l.checkpoint())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := resources(content)
	if err != nil {
		return fmt.Errorf("read the state of the stack, %s; delete the folder .local to begin anew: %w", l.relative(l.checkpoint()), err)
	}
	if n == 0 {
		return nil
	}
	// One is enough to look back at. Those before are of stacks that are gone for longer.
	old, err := filepath.Glob(l.state() + ".*")
	if err != nil {
		return err
	}
	for _, folder := range old {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	aside := l.state() + "." + now.Format("20060102-150405")
	if err := os.Rename(l.state(), aside); err != nil {
		return err
	}
	l.say("the emulator is new and empty: the %d resources of the stack are gone with the one before. Their state is now in %s, and the stack begins anew", n, l.relative(aside))
	return nil
}

// ensureStack creates the stack if there is none.
func (l local) ensureStack(ctx context.Context, chain *toolchain.Chain, environment []string) error {
	if _, err := os.Stat(l.checkpoint()); err == nil {
		return nil
	}
	if err := os.MkdirAll(l.state(), 0o750); err != nil {
		return err
	}
	create := exec.CommandContext(ctx, chain.Pulumi, "stack", "init", stack, "--non-interactive")
	create.Dir, create.Env = l.root, environment
	if out, err := create.CombinedOutput(); err != nil {
		return fmt.Errorf("create the stack %s: %w\n%s", stack, err, out)
	}
	return nil
}

// unlock takes away the locks of commands that were killed. Pulumi would say that another
// update goes on, and leave it to the user to find out that none does.
func (l local) unlock() error {
	locks, err := filepath.Glob(filepath.Join(l.state(), ".pulumi", "locks", "organization", project, stack, "*.json"))
	if err != nil {
		return err
	}
	for _, lock := range locks {
		content, err := os.ReadFile(lock)
		if err != nil {
			continue // It has just been given back.
		}
		var holder struct{ Pid int }
		if json.Unmarshal(content, &holder) == nil && holder.Pid > 0 && !errors.Is(syscall.Kill(holder.Pid, 0), syscall.ESRCH) {
			continue
		}
		if err := os.Remove(lock); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		l.say("an earlier command was killed and has left its lock, which is taken away. What it was creating may exist without the stack's knowledge; `make down` ends that too")
	}
	return nil
}

// command runs Pulumi in the terminal.
func (l local) command(ctx context.Context, chain *toolchain.Chain, environment, arguments []string) error {
	command := exec.CommandContext(ctx, chain.Pulumi, arguments...) //nolint:gosec // the CLI of the tool chain, with the user's arguments
	command.Dir, command.Env = l.root, environment
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr

	// Ctrl-C reaches every program in the terminal. Pulumi then ends by itself, and
	// leaves a state that is whole, if this program waits for it. Other signals
	// reach this program only.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		for s := range signals {
			if s != os.Interrupt {
				_ = command.Process.Signal(os.Interrupt) // It may have ended already.
			}
		}
	}()
	watched, done := context.WithCancel(ctx)
	go l.watchEmulator(watched, valueOf(environment, "AWS_ENDPOINT_URL"), command.Process)
	err := command.Wait()
	done()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return shownError{exit}
	}
	return err
}

// watchEmulator ends a command whose emulator has gone. The AWS provider would ask it again
// for as long as a deployment may take.
func (l local) watchEmulator(ctx context.Context, url string, command *os.Process) {
	address := strings.TrimPrefix(url, "http://")
	if url == nowhere || address == "" {
		return
	}
	const every, patience = 2 * time.Second, 3
	for missed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		connection, err := (&net.Dialer{Timeout: every}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = connection.Close() // That it was accepted is all there is to know.
			missed = 0
			continue
		}
		if missed++; missed < patience || ctx.Err() != nil {
			continue
		}
		l.say("the emulator at %s has gone, and with it all that was deployed; its log is %s. `make up` starts another", url, l.relative(filepath.Join(l.dir, "emulator.log")))
		// The first asks Pulumi to end in order, which waits for the provider. The second does not.
		for range 2 {
			_ = command.Signal(os.Interrupt) // It may have ended already.
			time.Sleep(every)
		}
		return
	}
}

// valueOf is that of a variable in an environment.
func valueOf(environment []string, name string) string {
	for _, variable := range slices.Backward(environment) {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// down stops the emulator that an earlier command started. One that was killed has left
// its containers.
func (l local) down(ctx context.Context) error {
	stopped, err := emulator.StopDetached(ctx, l.pidFile())
	if err != nil {
		return err
	}
	if err := emulator.RemoveContainers(ctx, l.root); err != nil {
		return err
	}
	if stopped {
		l.say("the emulator is stopped, and all that was deployed to it is gone")
	} else {
		l.say("no emulator that `make up` started is running")
	}
	return nil
}

// toolchain makes the tool chain ready and shows it.
func (l local) toolchain(ctx context.Context) error {
	chain, err := toolchain.Ensure(ctx, l.out)
	if err != nil {
		return err
	}
	if !chain.Built {
		fmt.Println("# installed:", chain.Pulumi)
		return nil
	}
	fmt.Println("# built from Go modules. To use it in this shell: eval \"$(make -s toolchain)\"")
	for _, variable := range chain.Env() {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Printf("export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return nil
}

// ready gets ready what the lifecycle tests need, the quick part first.
func (l local) ready(ctx context.Context) error {
	if err := emulator.Prepare(ctx, "", l.out); err != nil {
		return err
	}
	_, err := toolchain.Ensure(ctx, l.out)
	return err
}

// provider runs a command of go on the AWS provider.
func provider(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("provider needs a command of go, such as test")
	}
	return toolchain.Provider(ctx, os.Stdout, arguments[0], append(arguments[1:], ".")...)
}

// environment is the environment of Pulumi: the user's, with the emulator in the
// place of AWS, and with where the local stack is.
func (l local) environment(chain *toolchain.Chain, url string) []string {
	environment := append(emulator.Environment(os.Environ(), url), chain.Env()...)
	return append(environment,
		// Without the metadata beside the state, which nobody needs: a kill in the middle
		// of writing that makes every later command fail with "failed to load checkpoint".
		"PULUMI_BACKEND_URL=file://"+l.state()+"?metadata=skip",
		"PULUMI_CONFIG_PASSPHRASE="+passphrase,
		"PULUMI_STACK="+stack,
	)
}

func (l local) state() string   { return filepath.Join(l.dir, "state") }
func (l local) pidFile() string { return filepath.Join(l.dir, "emulator.pid") }

// checkpoint is the file in which Pulumi's file backend keeps the stack.
func (l local) checkpoint() string {
	return filepath.Join(l.state(), ".pulumi", "stacks", project, stack+".json")
}

// relative shortens a path for a message.
func (l local) relative(path string) string {
	if short, err := filepath.Rel(l.root, path); err == nil {
		return short
	}
	return path
}

// say writes a line for the user.
func (l local) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(l.out, format+"\n", arguments...) // Nothing to do where the terminal is gone.
}
