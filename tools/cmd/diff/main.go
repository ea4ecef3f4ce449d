// Command diff shows what the working tree does to the infrastructure, compared
// with another commit, and needs no AWS account: the other commit's program is
// deployed to an AWS emulator, this tree's is previewed on top of it, and the
// difference is printed as Markdown for a pull request.
//
// It stands behind `make diff`. What it needs on the way lies in a folder for
// temporary files, which is gone when it ends; the repository is only read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"ecs-sample-app/tools/compare"
	"ecs-sample-app/tools/diff"
	"ecs-sample-app/tools/toolchain"
)

// Exit codes, so that a workflow need not read the Markdown.
const (
	exitSame      = 0
	exitError     = 1
	exitChange    = 2
	exitDangerous = 3
)

const usage = `usage: diff [-base COMMIT] [-stack STACK]

  -base   what to compare the working tree with, by default origin/main: a branch,
          a tag or a commit. Where the two have parted, it is the commit at which
          they did, as in a pull request.
  -stack  the stack whose configuration is taken, by default dev: Pulumi.dev.yaml as
          each of the two has it. Secrets in it need PULUMI_CONFIG_PASSPHRASE.

The difference is printed as Markdown, messages go to standard error. Exit codes:

  0  nothing changes
  1  error: one of the two could not be compiled, deployed or previewed
  2  something changes
  3  something changes that holds state or serves traffic: it is replaced or deleted
`

func main() {
	// Ctrl-C ends what runs and cleans up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the command. It returns the exit code.
func run(ctx context.Context, arguments []string, out, log io.Writer) int {
	flags := flag.NewFlagSet("diff", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	base := flags.String("base", "origin/main", "")
	stack := flags.String("stack", "dev", "")
	err := flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(out, usage)
		return exitSame
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("no argument %q", flags.Arg(0))
	}
	if err != nil {
		_, _ = fmt.Fprintf(log, "diff: %v\n\n%s", err, usage)
		return exitError
	}
	root, err := toolchain.Root()
	if err != nil {
		_, _ = fmt.Fprintln(log, "diff:", err)
		return exitError
	}
	c := compare.New(compare.Options{Root: root, Base: *base, Stack: *stack, Log: log})
	report, err := c.Preview(ctx)
	if err != nil {
		report = c.Failed(err)
	}
	err = errors.Join(err, c.Close())
	switch {
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	default:
		_, problem := io.WriteString(out, report.Markdown())
		err = errors.Join(err, problem)
	}
	if err != nil {
		_, _ = fmt.Fprintln(log, "diff:", err)
		return exitError
	}
	return exitCode(report)
}

// exitCode is that of a report.
func exitCode(r *diff.Report) int {
	if r.Failed() {
		return exitError
	}
	return map[diff.Verdict]int{
		diff.NoChange:  exitSame,
		diff.Harmless:  exitChange,
		diff.Dangerous: exitDangerous,
	}[r.Verdict()]
}
