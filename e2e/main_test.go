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

	"ecs-sample-app/e2e/sandbox"
)

// stacks is how many tests run at once: more than there are cores on a small machine,
// because each waits for processes to start and for answers half of the time.
const stacks = "4"

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
	return sandbox.Prepare(context.Background())
}

// newSandbox returns a sandbox that ends with the test.
func newSandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(t.Context(), t.TempDir())
	must(t, err, "no stack to test with")
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the emulator stays behind: %v", err)
		}
	})
	return s
}
