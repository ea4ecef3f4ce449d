// Command tests runs `go test` in several modules and prints what it prints, and at the
// end which tests failed and which took longest.
//
// It stands behind `make test` and `make test-all`.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// atOnce is how many modules are tested at the same time: what computes goes beside
// what waits for AWS's answers.
const atOnce = 2

const usage = `usage: tests [-slowest N] SUITE...

A suite is a folder and what go test gets there, by default ./...:

  tests -slowest 10 . tools "e2e -timeout 30m ./..."
`

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command. It returns the exit code.
func run(ctx context.Context, arguments []string, out, log io.Writer) int {
	flags := flag.NewFlagSet("tests", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	slowest := flags.Int("slowest", 0, "")
	err := flags.Parse(arguments)
	if err == nil && flags.NArg() == 0 {
		err = errors.New("no suite")
	}
	if err != nil {
		_, _ = fmt.Fprintf(log, "tests: %v\n\n%s", err, usage)
		return 2
	}
	r := newReport(out)
	if err := suites(ctx, flags.Args(), r, log); err != nil {
		_, _ = fmt.Fprintln(log, "tests:", err)
		r.close(*slowest)
		return 1
	}
	if !r.close(*slowest) {
		return 1
	}
	return 0
}

// suites runs them all, also where one fails.
func suites(ctx context.Context, all []string, r *report, log io.Writer) error {
	problems := make([]error, len(all))
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, suite := range all {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := goTest(ctx, suite, r, log); err != nil {
				problems[i] = fmt.Errorf("%s: %w", suite, err)
			}
		})
	}
	running.Wait()
	return errors.Join(problems...)
}

// goTest runs one suite.
func goTest(ctx context.Context, suite string, r *report, log io.Writer) error {
	words := strings.Fields(suite)
	if len(words) == 1 {
		words = append(words, "./...")
	}
	// Go keeps results as long as no file of the module changes. Tests here look at others
	// too: the lifecycle tests at the program, several at README.md.
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-count=1"}, words[1:]...)...)
	command.Dir = words[0]
	var said bytes.Buffer
	command.Stderr = &said
	events, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	err = r.read(events)
	err = errors.Join(err, command.Wait())
	for line := range strings.Lines(said.String()) {
		if !strings.HasPrefix(line, "go: downloading ") {
			_, _ = io.WriteString(log, line) // Nothing to do where the terminal is gone.
		}
	}
	return err
}
