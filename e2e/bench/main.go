// Command bench measures previews and updates and writes docs/performance.md. Run it
// with `make bench`, on a machine that does nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

const (
	// sampling is the time between two looks at the memory. Peaks last seconds.
	sampling = 100 * time.Millisecond
	// repetitions of each preview; the table has the one in the middle.
	repetitions = 3
)

func main() {
	if err := bench(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	if err := sandbox.Prepare(ctx); err != nil {
		return err
	}
	root, err := toolchain.Root()
	if err != nil {
		return err
	}
	page := &strings.Builder{}
	if err := inSandbox(ctx, root, func(s *sandbox.Sandbox) error {
		if err := describe(ctx, page, s); err != nil {
			return err
		}
		return lifecycle(ctx, page, s)
	}); err != nil {
		return fmt.Errorf("measure the program: %w", err)
	}
	services := filepath.Join(root, "e2e", "bench", "services")
	if err := toolchain.Compile(ctx, services, filepath.Join(root, ".local", "services")); err != nil {
		return err
	}
	if err := inSandbox(ctx, services, func(s *sandbox.Sandbox) error { return growth(ctx, page, s) }); err != nil {
		return fmt.Errorf("measure many services: %w", err)
	}
	return os.WriteFile(filepath.Join(root, "docs", "performance.md"), []byte(page.String()), 0o644) //nolint:gosec // a page for everybody
}

// inSandbox measures the program of a folder in a sandbox of its own.
func inSandbox(ctx context.Context, program string, measure func(*sandbox.Sandbox) error) error {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder for temporary files
	s, err := sandbox.NewFor(ctx, dir, program)
	if err != nil {
		return err
	}
	return errors.Join(measure(s), s.Close())
}

func describe(ctx context.Context, page *strings.Builder, s *sandbox.Sandbox) error {
	plugins, err := s.Stack.Workspace().ListPlugins(ctx)
	if err != nil {
		return fmt.Errorf("list plugins: %w", err)
	}
	provider := "as installed"
	for _, plugin := range plugins {
		if plugin.Name == "aws" && plugin.Version != nil {
			provider = plugin.Version.String()
		}
	}
	fmt.Fprintf(page, `# Performance

Written by `+"`make bench`"+` on %s: %d cores, %s of memory, %s/%s; Pulumi %s, AWS provider %s, %s; AWS emulated by moto on the same machine.

Time is that of one command, with the program compiled before, as it stays until it changes. Memory is the highest sum of the resident memory of the CLI and all that it started (language host, program, provider), looked at every %s; pages that two of them share count twice. The emulator does not count.

`, time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), memory(), runtime.GOOS, runtime.GOARCH,
		s.Stack.Workspace().PulumiVersion(), provider, runtime.Version(), sampling)
	return nil
}

// memory is the machine's, where the system tells.
func memory() string {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return "an unknown amount"
	}
	fields := strings.Fields(string(content)) // MemTotal: N kB
	kilobytes, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.0f GiB", kilobytes/(1<<20))
}

// lifecycle measures the commands in the life of the default stack.
func lifecycle(ctx context.Context, page *strings.Builder, s *sandbox.Sandbox) error {
	page.WriteString("## The sample app\n\nAWS takes two to three minutes for a load balancer, and the emulator is ready at once. The AWS provider's own waits, a minute for the load balancer, are cut short here; an installed provider has them too. Every `up` that changes the service waits until it is steady, which on the emulator it is at once and on AWS after a minute or two.\n\n| command | time | peak memory |\n|---|---:|---:|\n")
	for _, step := range []struct {
		what, tag string
		arguments []string
	}{
		{"`preview` of an empty stack", "2.4.65", []string{"preview"}},
		{"first `up`", "2.4.65", []string{"up", "--yes", "--skip-preview"}},
		{"`up` without a change", "2.4.65", []string{"up", "--yes", "--skip-preview"}},
		{"`preview` of a new version", "2.4.66", []string{"preview"}},
		{"`up` to a new version", "2.4.66", []string{"up", "--yes", "--skip-preview"}},
		{"`destroy`", "2.4.66", []string{"destroy", "--yes", "--skip-preview"}},
	} {
		if err := s.Set(ctx, map[string]string{"imageTag": step.tag}); err != nil {
			return err
		}
		m, err := measure(ctx, s, step.arguments...)
		if err != nil {
			return err
		}
		fmt.Fprintf(page, "| %s | %s |\n", step.what, m)
		fmt.Fprintln(os.Stderr, step.what, m)
	}
	return nil
}

// growth measures previews of more and more services on one cluster.
func growth(ctx context.Context, page *strings.Builder, s *sandbox.Sandbox) error {
	page.WriteString("\n## Many services on one cluster\n\n`preview` of an empty stack with a number of services in one network, each with its task, load balancer and target group ([the program](../e2e/bench/services/main.go)).\n\n| services | resources | time | peak memory |\n|---:|---:|---:|---:|\n")
	for _, count := range []int{1, 10, 50} {
		if err := s.Stack.SetConfig(ctx, "services:services", auto.ConfigValue{Value: strconv.Itoa(count)}); err != nil {
			return fmt.Errorf("set the number of services: %w", err)
		}
		run, err := s.Preview(ctx)
		if err != nil {
			return err
		}
		measured := make([]measurement, repetitions)
		for i := range measured {
			if measured[i], err = measure(ctx, s, "preview"); err != nil {
				return err
			}
		}
		slices.SortFunc(measured, func(a, b measurement) int { return int(a.time - b.time) })
		fmt.Fprintf(page, "| %d | %d | %s |\n", count, len(run.Changes), measured[repetitions/2])
		fmt.Fprintln(os.Stderr, count, measured)
	}
	return nil
}

// measurement is what one command took.
type measurement struct {
	time time.Duration
	peak int64 // bytes
}

// String is two cells of a table.
func (m measurement) String() string {
	return fmt.Sprintf("%.1f s | %d MiB", m.time.Seconds(), m.peak>>20)
}

// measure runs a command of the CLI.
func measure(ctx context.Context, s *sandbox.Sandbox, arguments ...string) (measurement, error) {
	start := time.Now()
	process, err := s.Start(ctx, arguments...)
	if err != nil {
		return measurement{}, err
	}
	var m measurement
	for process.Running() {
		tree, err := process.Tree(ctx)
		if err != nil {
			return m, err
		}
		var sum int64
		for _, member := range tree {
			sum += member.RSS
		}
		m.peak = max(m.peak, sum)
		process.WaitFor(sampling)
	}
	m.time = time.Since(start)
	output, err := process.Wait()
	if err != nil {
		return m, fmt.Errorf("pulumi %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return m, nil
}
