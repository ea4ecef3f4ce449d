// Package compare compares the working tree of the program with a commit: it deploys
// the commit's program to an AWS emulator, and previews the tree's on top of it.
//
// What it writes lies in a folder for temporary files. The repository is only read.
package compare

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"ecs-sample-app/tools/diff"
	"ecs-sample-app/tools/emulator"
	"ecs-sample-app/tools/toolchain"
)

const (
	// region is that of a stack whose configuration has none.
	region = "us-east-1"

	// project is the name in Pulumi.yaml, which begins the keys of its settings.
	project = "ecs-sample-app"

	// passphrase encrypts the secrets in the stack's state, which is gone when this
	// program ends.
	passphrase = "diff"

	// patience is how long Pulumi has to end after it was interrupted, before it is
	// killed, which would leave its plugins behind.
	patience = 20 * time.Second

	// base and head are the two sides: the commit and the working tree.
	base, head = "base", "head"

	// lastLines is how much of what a command printed is shown where it failed.
	lastLines = 30
)

// Options say what to compare.
type Options struct {
	// Root is the program's folder, in a git repository.
	Root string
	// Base is the commit to compare with: a branch, a tag or a commit. Where the tree
	// and it have parted, it is the commit at which they did.
	Base string
	// Stack is the stack whose configuration is taken, from Pulumi.STACK.yaml as each
	// of the two has it.
	Stack string
	// Log gets messages for the user.
	Log io.Writer
}

// Comparison compares a working tree with a commit. The commit is deployed once, for
// however many previews.
type Comparison struct {
	// Deployed tells whether the commit's program was deployed. It is not where the
	// two are made of the same.
	Deployed bool
	// Events is the file with the engine's event log of the last preview.
	Events string

	o        Options
	dir      string // for temporary files
	repo     *repository
	commit   string
	short    string
	secrets  []string
	assumed  []string // what the emulator has made up
	chain    *toolchain.Chain
	emulator *emulator.Emulator // nil before it is needed
}

// New returns a comparison, which Close ends. One whose commit could not be deployed
// can only be closed.
func New(o Options) *Comparison { return &Comparison{o: o} }

// say writes a line for the user.
func (c *Comparison) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(c.o.Log, format+"\n", arguments...) // Nothing to do where the terminal is gone.
}

// Failed is a report that says what went wrong: the reader of a pull request does not
// see the log.
func (c *Comparison) Failed(problem error) *diff.Report {
	r := c.report()
	r.Problem = problem.Error()
	return r
}

func (c *Comparison) report() *diff.Report {
	return &diff.Report{Base: c.o.Base, Commit: c.short, Stack: c.o.Stack, Secrets: c.secrets, Assumed: c.assumed}
}

// Preview previews the working tree, as it is now, on top of the commit. A program
// that refuses its configuration is no error: the report says so.
func (c *Comparison) Preview(ctx context.Context) (*diff.Report, error) {
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	files, err := c.repo.changed(ctx, c.commit)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(files, func(file string) bool { return matters(file, c.o.Stack) }) {
		c.say("the program and %s are those of %s: nothing to deploy", stackFile(c.o.Stack), c.whose(base))
		return c.report(), nil
	}
	if err := emulator.Prepare(ctx, "", c.o.Log); err != nil {
		return nil, err
	}
	if err := c.both(ctx); err != nil {
		return nil, err
	}
	return c.preview(ctx)
}

// prepare finds the commit. It does nothing the second time.
func (c *Comparison) prepare(ctx context.Context) error {
	if c.repo != nil {
		return nil
	}
	var err error
	if c.dir, err = os.MkdirTemp("", "ecs-sample-app-diff-*"); err != nil {
		return err
	}
	repo, err := openRepository(ctx, c.o.Root, c.dir)
	if err != nil {
		return err
	}
	if c.commit, err = repo.commit(ctx, c.o.Base); err != nil {
		return err
	}
	if c.short, err = repo.short(ctx, c.commit); err != nil {
		return err
	}
	c.repo = repo
	return nil
}

// both compiles the program of the tree and, beside it, deploys that of the commit.
// An error of one ends the other.
func (c *Comparison) both(ctx context.Context) error {
	if err := writeProject(c.project(head), c.o.Root, c.program(head), c.o.Stack); err != nil {
		return fmt.Errorf("%s can't be previewed: %w", c.whose(head), err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return c.compile(ctx, head, c.o.Root) },
		c.deploy,
	}
	ended := make(chan error, len(steps))
	for _, step := range steps {
		go func() { ended <- step(ctx) }()
	}
	var first error
	for range steps {
		if err := <-ended; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// deploy deploys the program of the commit, if that was not done before. What is
// wrong with the configuration of the tree is found before the deployment.
func (c *Comparison) deploy(ctx context.Context) error {
	if c.Deployed {
		return c.configure(ctx, head)
	}
	tree, err := c.repo.checkout(ctx, c.commit, filepath.Join(c.dir, base, "tree"))
	if err != nil {
		return fmt.Errorf("check out %s: %w", c.whose(base), err)
	}
	if err := writeProject(c.project(base), tree, c.program(base), c.o.Stack); err != nil {
		return fmt.Errorf("%s can't be compared with: %w", c.whose(base), err)
	}
	if err := c.compile(ctx, base, tree); err != nil {
		return err
	}
	if err := c.account(ctx); err != nil {
		return err
	}
	if out, err := c.pulumi(ctx, base, "stack", "init", c.o.Stack); err != nil {
		return c.refused(base, out, err)
	}
	for _, side := range []string{base, head} {
		if err := c.configure(ctx, side); err != nil {
			return err
		}
	}
	c.say("deploying %s to an AWS emulator", c.whose(base))
	if notice := c.chain.Notice(); notice != "" {
		c.say("%s", notice)
	}
	start := time.Now()
	if out, err := c.pulumi(ctx, base, "up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress"); err != nil {
		return fmt.Errorf("deploy %s to the emulator: %w\n%s", c.whose(base), err, out.last())
	}
	c.Deployed = true
	c.say("deployed in %s", time.Since(start).Round(time.Second))
	return nil
}

// account gets an empty AWS account ready, and what deploys to it.
func (c *Comparison) account(ctx context.Context) error {
	var err error
	if c.chain, err = toolchain.Ensure(ctx, c.o.Log); err != nil {
		return err
	}
	if c.emulator, err = emulator.Start(ctx, emulator.Options{Log: filepath.Join(c.dir, "emulator.log")}); err != nil {
		return err
	}
	return os.MkdirAll(c.state(), 0o750)
}

// configure takes out of a project's configuration what leads to an account, and
// notes its secrets.
func (c *Comparison) configure(ctx context.Context, side string) error {
	out, err := c.pulumi(ctx, side, "config", "--json", "--show-secrets", "--stack", c.o.Stack)
	if err != nil {
		return c.refused(side, out, err)
	}
	found, err := parseSettings(out.stdout.Bytes())
	if err != nil {
		return err
	}
	c.secrets = append(c.secrets, found.secrets()...)
	at, config := found.wishes(project)
	told, err := emulator.Assume(ctx, c.emulator.URL, cmp.Or(at, region), config)
	if err != nil {
		return err
	}
	c.assumed = append(c.assumed, told...)
	keys := found.elsewhere()
	if len(keys) == 0 {
		return nil
	}
	if out, err := c.pulumi(ctx, side, append([]string{"config", "rm-all", "--stack", c.o.Stack}, keys...)...); err != nil {
		return fmt.Errorf("take %s out of the configuration: %w\n%s", strings.Join(keys, ", "), err, out.last())
	}
	return nil
}

// refused explains a configuration that Pulumi can't read.
func (c *Comparison) refused(side string, out *output, err error) error {
	content, problem := os.ReadFile(filepath.Join(c.project(side), stackFile(c.o.Stack)))
	if problem == nil && encrypted(content) {
		return fmt.Errorf("%s of %s has secrets that can't be decrypted here: set PULUMI_CONFIG_PASSPHRASE to the passphrase they were encrypted with, or take a stack without secrets, as in `make diff STACK=local`. Pulumi says: %s", stackFile(c.o.Stack), c.whose(side), out.last())
	}
	return fmt.Errorf("%s of %s can't be read: %w\n%s", stackFile(c.o.Stack), c.whose(side), err, out.last())
}

// preview previews the program of the working tree.
func (c *Comparison) preview(ctx context.Context) (*diff.Report, error) {
	c.Events = filepath.Join(c.dir, "events.json")
	if err := os.RemoveAll(c.Events); err != nil {
		return nil, err
	}
	// The event log and the text come from one preview. Pulumi's own Automation API
	// reads this log; the variable in the environment is what shows its flag.
	out, failed := c.pulumi(ctx, head, "preview", "--diff", "--event-log", c.Events, "--suppress-progress", "--stack", c.o.Stack)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	log, err := os.Open(c.Events)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preview the working tree: %w\n%s", failed, out.last()), err)
	}
	defer log.Close() //nolint:errcheck // only read from
	report := c.report()
	report.Text = out.stdout.String()
	if report.Preview, err = diff.Parse(log, c.secrets); err != nil {
		return nil, err
	}
	if failed != nil && !report.Failed() {
		return nil, fmt.Errorf("preview the working tree: %w\n%s", failed, out.last())
	}
	return report, nil
}

// Close ends the emulator and removes what was written.
func (c *Comparison) Close() error {
	var err error
	if c.emulator != nil {
		err = c.emulator.Stop()
	}
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

func (c *Comparison) project(side string) string { return filepath.Join(c.dir, side, "project") }
func (c *Comparison) program(side string) string { return filepath.Join(c.dir, side, "program") }
func (c *Comparison) state() string              { return filepath.Join(c.dir, "state") }

// whose is what people call a side.
func (c *Comparison) whose(side string) string {
	if side == head {
		return "the working tree"
	}
	if strings.HasPrefix(c.o.Base, c.short) {
		return c.short
	}
	return fmt.Sprintf("%s (%s)", c.o.Base, c.short)
}

// output is what a command printed.
type output struct{ stdout, stderr bytes.Buffer }

// last is the end of it, for a message.
func (o *output) last() string {
	lines := strings.Split(strings.TrimSpace(o.stdout.String()+"\n"+o.stderr.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-lastLines):], "\n")
}

// pulumi runs a command of the CLI in the project of a side.
func (c *Comparison) pulumi(ctx context.Context, side string, arguments ...string) (*output, error) {
	var out output
	command := exec.CommandContext(ctx, c.chain.Pulumi, append(arguments, "--non-interactive", "--color", "never")...)
	command.Dir, command.Env = c.project(side), c.environment()
	command.Stdout, command.Stderr = &out.stdout, &out.stderr
	// Interrupted once, Pulumi ends what it is at, which may be the wait for a load
	// balancer; interrupted twice it ends at once, and its plugins with it. It has a
	// group of its own, because Ctrl-C in the terminal would reach it too.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error {
		time.AfterFunc(time.Second, func() { _ = command.Process.Signal(os.Interrupt) }) // It may have ended already.
		return command.Process.Signal(os.Interrupt)
	}
	command.WaitDelay = patience
	return &out, command.Run()
}

// environment is that of Pulumi: the emulator in the place of AWS, and a state that
// goes with it.
func (c *Comparison) environment() []string {
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		// The user's own options, such as that to show secrets, are not for this.
		return strings.HasPrefix(variable, "PULUMI_OPTION_")
	})
	environment = append(emulator.Environment(environment, c.emulator.URL), c.chain.Env()...)
	environment = append(environment,
		"AWS_REGION="+region,
		"PULUMI_BACKEND_URL=file://"+c.state()+"?metadata=skip",
		"PULUMI_DEBUG_COMMANDS=true",
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_STACK="+c.o.Stack,
	)
	if os.Getenv("PULUMI_CONFIG_PASSPHRASE") == "" && os.Getenv("PULUMI_CONFIG_PASSPHRASE_FILE") == "" {
		environment = append(environment, "PULUMI_CONFIG_PASSPHRASE="+passphrase)
	}
	return environment
}

// compile builds the program of a side as the language host would do, which then
// finds it up to date.
func (c *Comparison) compile(ctx context.Context, side, dir string) error {
	if err := toolchain.Compile(ctx, dir, c.program(side)); err != nil {
		return fmt.Errorf("the program of %s does not compile: %w", c.whose(side), err)
	}
	return nil
}
