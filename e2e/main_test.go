// Package e2e holds the lifecycle tests: the repository's own program, run by the
// real Pulumi engine with the real AWS provider against an emulated AWS account.
// What they assert is what AWS's API and the engine's event log say.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"ecs-sample-app/e2e/httpd"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/emulator"
	"ecs-sample-app/tools/emulator/containers"
)

// stacks is how many tests run at once: more than there are cores on a small machine,
// because each waits for processes to start and for answers half of the time, and one
// sits out the wizard's six minutes.
const stacks = "5"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	if err := flag.Set("test.parallel", stacks); err != nil {
		return fmt.Errorf("run tests side by side: %w", err)
	}
	if err := sandbox.Prepare(context.Background()); err != nil {
		return err
	}
	if engine, errNoContainers = readyEngine(context.Background()); errNoContainers != nil {
		return os.Setenv(emulator.TasksVariable, "none")
	}
	return nil
}

var (
	// engine runs containers that a test can have tasks in.
	engine *containers.Engine
	// errNoContainers is why there is none.
	errNoContainers error
)

// readyEngine returns a container engine that has the sample's image.
func readyEngine(ctx context.Context) (*containers.Engine, error) {
	found, err := containers.Find(ctx)
	if err != nil {
		return nil, err
	}
	const image = "public.ecr.aws/docker/library/httpd:"
	return found, httpd.Ensure(ctx, found.Program, image+"2.4.65", image+"2.4.66")
}

// newContainers returns a sandbox in which tasks are containers, which ends with the
// test. Without an engine the test is skipped.
func newContainers(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	if errNoContainers != nil {
		t.Skipf("no test of containers: %v", errNoContainers)
	}
	return ending(t)(sandbox.NewWithContainers(t.Context(), t.TempDir()))
}

// newSandbox returns a sandbox that ends with the test.
func newSandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	return ending(t)(sandbox.New(t.Context(), t.TempDir()))
}

// ending has a sandbox end with the test.
func ending(t *testing.T) func(*sandbox.Sandbox, error) *sandbox.Sandbox {
	return func(s *sandbox.Sandbox, err error) *sandbox.Sandbox {
		t.Helper()
		must(t, err, "no stack to test with")
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("the emulator stays behind: %v", err)
			}
		})
		return s
	}
}
