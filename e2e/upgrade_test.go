package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

// before is the last commit without routes and without zones in the names of subnets.
const before = "ebb6546"

// TestAStackOfAnEarlierProgramIsTakenOver deploys the program of an earlier commit and
// then this one on top, as whoever pulls does. CHANGELOG.md lists what is replaced.
func TestAStackOfAnEarlierProgramIsTakenOver(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	if err := exec.CommandContext(t.Context(), "git", "-C", c.dir, "cat-file", "-e", before+"^{commit}").Run(); err != nil {
		t.Skipf("the commit %s is not in this clone, which has no history", before)
	}
	c.git(t, "checkout", "--quiet", before)
	s, err := sandbox.NewFor(t.Context(), t.TempDir(), c.dir)
	must(t, err, "no stack to test with")
	t.Cleanup(func() { _ = s.Close() })
	up(t, s)
	kept := map[string]string{}
	for _, kind := range []string{account.VPCs, account.LoadBalancers, account.Listeners, account.Clusters, account.LogGroups} {
		kept[kind] = own(t, s, kind)
	}

	root, err := toolchain.Root()
	must(t, err, "find the repository")
	must(t, s.Become(root), "the stack does not take the new program")
	run, err := s.Preview(t.Context())
	must(t, err, "the preview of an upgrade fails")
	for line := range strings.Lines(run.Summary()) {
		name, what := strings.Fields(line)[1], strings.Fields(line)[0]
		if strings.Contains(what, "replace") && !slices.Contains([]string{"sample-app-service", "sample-app-execution-policy", "sample-app-task-definition"}, name) {
			t.Errorf("CHANGELOG.md does not say that an upgrade replaces %s:\n%s", name, run.Summary())
		}
	}
	up(t, s)
	assertWhole(t, s)
	assertPort(t, s, 80)
	assertNoChanges(t, s)
	for kind, id := range kept {
		if now := own(t, s, kind); now != id {
			t.Errorf("an upgrade makes new %s, %s in the place of %s: clients lose what they know", kind, now, id)
		}
	}
	destroy(t, s)
	assertNothingLeft(t, s)
}

// own is the one of a kind that the stack has.
func own(t *testing.T, s *sandbox.Sandbox, kind string) string {
	t.Helper()
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	if len(left[kind]) != 1 {
		t.Fatalf("there are not one of %s but %v", kind, left[kind])
	}
	return left[kind][0]
}
