package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
)

func TestAnUpThatIsInterruptedAgainAndAgainIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	// At its beginning, in the long wait for the load balancer, before its end.
	for _, stage := range []string{account.VPCs, account.LoadBalancers, account.Listeners} {
		process := upUntil(t, s, stage)
		must(t, process.Interrupt(), "Ctrl-C does not reach Pulumi")
		// After the listener only the service is to come, and may be under way.
		if output, err := process.Wait(); err == nil && stage != account.Listeners {
			t.Fatalf("the up went on after Ctrl-C at the %s, so nothing was tested:\n%s", stage, output)
		}
		// The engine waits for what is under way: nothing is lost, no lock stays.
		assertKnown(t, s)
	}
	up(t, s)
	assertWhole(t, s)
	assertNoChanges(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

func TestAnUpThatIsKilledAgainAndAgainIsFinishedAfterItsPendingCreationsAreSettled(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	for _, stage := range []string{account.VPCs, account.LoadBalancers, account.Services} {
		process := upUntil(t, s, stage)
		must(t, process.Kill(t.Context()), "Pulumi can't be killed")
		assertLocked(t, s)
		must(t, s.Stack.Cancel(t.Context()), "pulumi cancel does not take the lock away")
		settle(t, s)
		assertKnown(t, s)
	}
	up(t, s)
	assertWhole(t, s)
	assertNoChanges(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

func TestWhatAKilledUpLeftBehindUnsettledIsToBeFoundByItsTags(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	process := upUntil(t, s, account.VPCs)
	must(t, process.Kill(t.Context()), "Pulumi can't be killed")
	lost := one(t, s, account.VPCs)
	must(t, s.Stack.Cancel(t.Context()), "pulumi cancel does not take the lock away")

	// Pulumi only warns of the pending creation, and makes a second VPC.
	run := up(t, s)
	if !slices.ContainsFunc(run.Messages, func(m string) bool { return strings.Contains(m, "sample-app-vpc") }) {
		t.Errorf("nobody is told that a VPC may be lost; Pulumi says only: %s", strings.Join(run.Messages, "\n"))
	}
	destroy(t, s)
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	if !slices.Equal(left[account.VPCs], []string{lost}) {
		t.Errorf("left behind should be the lost VPC alone, to be deleted by hand, and it is %v", left)
	}
	if tags := tagsOf(t, s, account.VPCs, lost); tags["Stack"] != sandbox.StackName || tags["Project"] != sandbox.Project {
		t.Errorf("nobody can tell where the lost VPC comes from, its tags are %v", tags)
	}
}

// upUntil starts an up and returns when AWS shows something of a kind.
func upUntil(t *testing.T, s *sandbox.Sandbox, kind string) *sandbox.Process {
	t.Helper()
	process, err := s.Start(t.Context(), "up", "--yes", "--skip-preview")
	must(t, err, "up does not start")
	t.Cleanup(func() { // Where the test failed half-way.
		if process.Running() {
			_ = process.Kill(context.WithoutCancel(t.Context()))
		}
	})
	for before := len(s.Before[kind]); ; time.Sleep(50 * time.Millisecond) {
		found, err := s.Account.List(t.Context(), kind)
		must(t, err, "the account can't be listed")
		if len(found) > before {
			return process
		}
		if !process.Running() {
			output, err := process.Wait()
			t.Fatalf("the up ended (%v) before there were any %s:\n%s", err, kind, output)
		}
	}
}

// assertLocked asserts that a killed up keeps others away until somebody has seen
// to it, and that Pulumi says how.
func assertLocked(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	_, err := s.Up(t.Context())
	if err == nil || !strings.Contains(err.Error(), "pulumi cancel") {
		t.Errorf("after a kill the next up should stop at the lock and name `pulumi cancel`; it says: %v", err)
	}
}

// settle is what to do after a kill, by hand: pending creations are forgotten, and
// what AWS has of them and Pulumi does not know is imported.
//
// `pulumi refresh --import-pending-creates` reads as if it did both at once. In
// 3.250 it only forgets. `pulumi import --file` with what `pulumi preview
// --import-file` wrote puts resources under the wrong component, as all components
// of the program have the same name.
func settle(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	state, err := s.State(t.Context())
	must(t, err, "the state can't be read")
	orphans, err := s.Orphans(t.Context(), state)
	must(t, err, "the account can't be listed")
	exist := map[sandbox.Pending]string{}
	for _, pending := range state.Pending {
		if ids := orphans[pending.Kind]; len(ids) > 0 {
			exist[pending], orphans[pending.Kind] = ids[0], ids[1:]
		}
	}
	for kind, ids := range orphans {
		if len(ids) > 0 {
			t.Errorf("%s %v exist, and Pulumi has not even noted that it was about to create them", kind, ids)
		}
	}
	must(t, s.ForgetPending(t.Context()), "pending creations stay")
	must(t, s.Adopt(t.Context(), exist), "what the killed up created can't be imported")
}

// assertKnown asserts that all the account holds of the stack is in its state.
func assertKnown(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	state, err := s.State(t.Context())
	must(t, err, "the state can't be read")
	if len(state.Pending) > 0 {
		t.Errorf("Pulumi does not know whether these exist: %v", state.Pending)
	}
	orphans, err := s.Orphans(t.Context(), state)
	must(t, err, "the account can't be listed")
	if len(orphans) > 0 {
		t.Errorf("Pulumi does not know of %v: no destroy would ever delete them", orphans)
	}
}
