package e2e

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/fake"
	"ecs-sample-app/e2e/sandbox"
)

// soon is how long an up may take that has nothing to change: three looks at the
// service, and Pulumi's own few seconds on a busy machine.
const soon = 30 * time.Second

func TestAVersionThatIsRolledBackFailsEachUpUntilItIsRepaired(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	up(t, s)
	good := serving(t, s)

	set(t, s, map[string]string{"imageTag": "2.4.66"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 5, Settling: 2})
	output := upFails(t, s, "a version that ECS rolled back passes for deployed")
	beside(t, "pulumi up --yes --skip-preview", output).wantExcerpt(t)
	assertToldWhy(t, s, output, "sample-app-e2e:2", "sample-app-e2e:1")
	assertTold(t, output, "ECS deployment circuit breaker: tasks failed to start")
	assertTold(t, output, "Essential container in task exited", "sample-app exited with 78")
	assertBothRevisionsKnown(t, s, good)

	assertFailsAgain(t, s, "sample-app-e2e:2")
	assertPreviewAsksNobody(t, s)

	// The same version again, which works by now.
	set(t, s, map[string]string{"redeploy": "Wed Nov 25"})
	s.Rollouts.Next(fake.Plan{Polls: 4})
	up(t, s)
	assertServes(t, s, "2.4.66", good)
	assertWhole(t, s)

	t.Run("another version repairs it", func(t *testing.T) { anotherRepairs(t, s) })
	t.Run("a change that leaves the revision as it is can fail too", func(t *testing.T) { networkRolledBack(t, s) })
	t.Run("an answer from before the update is no success", func(t *testing.T) { staleAnswers(t, s) })
	t.Run("an update that leaves the service out says so", func(t *testing.T) { serviceLeftOut(t, s) })
	t.Run("a service that somebody deleted is made again", func(t *testing.T) { serviceDeleted(t, s) })
	if n := s.Rollouts.Unused(); n > 0 {
		t.Errorf("%d deployments did not happen, so their tests tested nothing", n)
	}
	destroy(t, s)
	assertNothingLeft(t, s)
}

// anotherRepairs lets a version fail whose image does not exist, so fast that nobody
// sees its deployment, and repairs that by another version.
func anotherRepairs(t *testing.T, s *sandbox.Sandbox) {
	good := serving(t, s)
	set(t, s, map[string]string{"imageTag": "2.4.67"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 2, Cause: fake.NoImage})
	output := upFails(t, s, "a version that ECS rolled back between two looks passes for deployed")
	assertToldWhy(t, s, output, "sample-app-e2e:4", "sample-app-e2e:3")
	assertTold(t, output, "circuit breaker threshold was exceeded")
	assertTold(t, output, "CannotPullContainerError", "httpd:2.4.67: not found")

	set(t, s, map[string]string{"imageTag": "2.4.68"})
	s.Rollouts.Next(fake.Plan{Polls: 3})
	up(t, s)
	assertServes(t, s, "2.4.68", good)
	assertWhole(t, s) // The revision that failed is gone too.
	assertNoChanges(t, s)
}

// networkRolledBack lets the repair of a drift fail, after which ECS runs the same
// revision as before, and still at the wrong place.
func networkRolledBack(t *testing.T, s *sandbox.Sandbox) {
	network := service(t, s).NetworkConfiguration
	subnets := network.AwsvpcConfiguration.Subnets
	network.AwsvpcConfiguration.Subnets = subnets[:1]
	s.Rollouts.Next(fake.Plan{})
	_, err := s.Account.ECS.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: service(t, s).ClusterArn, Service: service(t, s).ServiceArn, NetworkConfiguration: network,
	})
	must(t, err, "move the tasks to one zone")

	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 4, Cause: fake.Unhealthy})
	_, err = s.UpRefreshed(t.Context())
	if err == nil {
		t.Fatal("a change of the network that ECS took back passes for done")
	}
	assertTold(t, err.Error(), "ROLLBACK_SUCCESSFUL")
	assertTold(t, err.Error(), "circuit breaker threshold was exceeded")
	assertTold(t, err.Error(), "Task failed ELB health checks", "sample-app exited with 0")
	assertFailsAgain(t, s, "ROLLBACK_SUCCESSFUL")

	s.Rollouts.Next(fake.Plan{Polls: 2})
	_, err = s.UpRefreshed(t.Context())
	must(t, err, "`pulumi up --refresh` does not try the change again")
	if got := service(t, s).NetworkConfiguration.AwsvpcConfiguration.Subnets; len(got) != len(subnets) {
		t.Errorf("tasks start in %v, not in all zones, %v", got, subnets)
	}
	assertNoChanges(t, s)
}

// staleAnswers lets a version fail while ECS answers at first with what was before.
func staleAnswers(t *testing.T, s *sandbox.Sandbox) {
	set(t, s, map[string]string{"imageTag": "2.4.69"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Stale: 3, Polls: 6, Settling: 1})
	output := upFails(t, s, "a version that was never deployed passes for deployed, because ECS still told of the one before")
	assertTold(t, output, "asked for", "sample-app-e2e:6")
	assertKnown(t, s)
}

// serviceLeftOut updates the task definition alone, which deploys nothing.
func serviceLeftOut(t *testing.T, s *sandbox.Sandbox) {
	set(t, s, map[string]string{"imageTag": "2.4.70"})
	output, err := s.Command(t.Context(), "up", "--yes", "--skip-preview", "--target", "**sample-app-task-definition").CombinedOutput()
	if err == nil {
		t.Error("an update that leaves the service out passes for a deployment")
	}
	assertTold(t, string(output), "the update left the service out, as with --target")
	assertTold(t, string(output), "what next", "`pulumi up` without --target")
	up(t, s)
	assertWhole(t, s)
	assertNoChanges(t, s)
}

// serviceDeleted lets somebody delete the service behind the program's back.
func serviceDeleted(t *testing.T, s *sandbox.Sandbox) {
	gone := service(t, s)
	_, err := s.Account.ECS.DeleteService(t.Context(), &ecs.DeleteServiceInput{Cluster: gone.ClusterArn, Service: gone.ServiceArn, Force: aws.Bool(true)})
	must(t, err, "delete the service")
	began := time.Now()
	output := upFails(t, s, "a service that is gone passes for deployed")
	if took := time.Since(began); took > soon {
		t.Errorf("that the service is gone takes %s to tell", took.Round(time.Second))
	}
	assertTold(t, output, "somebody has deleted it")
	assertTold(t, output, "what next", "`pulumi up --refresh` makes the service again")
	_, err = s.UpRefreshed(t.Context())
	must(t, err, "`pulumi up --refresh` does not make the service again")
	assertWhole(t, s)
	assertNoChanges(t, s)
}

func TestAFirstDeploymentFailsASlowOneShowsProgressAndAStuckOneTimesOut(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 3, Cause: fake.Unhealthy})
	output := upFails(t, s, "a service that never ran passes for deployed")
	assertToldWhy(t, s, output, "sample-app-e2e:1", "nothing")
	assertTold(t, output, "none before to go back to")
	assertTold(t, output, "circuit breaker: tasks failed to start")
	assertTold(t, output, "stopped tasks", "sample-app-e2e:1")
	assertTold(t, output, "Task failed ELB health checks", "sample-app exited with 0")
	assertKnown(t, s)
	assertFailsAgain(t, s, "none before to go back to")

	// The same version again: nothing else starts a task for a deployment that failed.
	const slow = 12 // Looks, most of them the guard's, two seconds apart.
	set(t, s, map[string]string{"redeploy": "once more"})
	s.Rollouts.Next(fake.Plan{Polls: slow})
	began := time.Now()
	assertProgress(t, up(t, s), time.Since(began))
	assertWhole(t, s)

	set(t, s, map[string]string{"imageTag": "2.4.67", "deploymentTimeoutMinutes": "1"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.Hangs})
	interruptedWhileItWaits(t, s)
	began = time.Now()
	output = upFails(t, s, "a deployment that does not come to an end passes for deployed")
	if took := time.Since(began); took < time.Minute || took > time.Minute+soon {
		t.Errorf("a stuck deployment was given up after %s, and a minute was asked for", took.Round(time.Second))
	}
	assertTold(t, output, "asked for", "sample-app-e2e:3")
	assertTold(t, output, "running", "sample-app-e2e:2 on 1 of 1 tasks")
	assertTold(t, output, "did not finish within 1m", aws.ToString(service(t, s).ServiceName))
	assertTold(t, output, "was unable to place a task", "Capacity is unavailable")
	assertKnown(t, s)

	set(t, s, map[string]string{"imageTag": "2.4.68"})
	up(t, s)
	assertWhole(t, s)
	assertNoChanges(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

// interruptedWhileItWaits presses Ctrl-C while an up waits for a deployment.
func interruptedWhileItWaits(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	looks := func() int { return s.Faults.Asked()["ecs:DescribeServices"] }
	before := looks()
	process, err := s.Start(t.Context(), "up", "--yes", "--skip-preview")
	must(t, err, "up does not start")
	for looks() < before+5 { // The provider looks twice.
		if !process.Running() {
			output, err := process.Wait()
			t.Fatalf("the up does not wait for the deployment (%v):\n%s", err, output)
		}
		time.Sleep(100 * time.Millisecond)
	}
	must(t, process.Interrupt(), "Ctrl-C does not reach Pulumi")
	process.WaitFor(soon)
	if process.Running() {
		must(t, process.Kill(t.Context()), "Pulumi can't be killed")
		t.Fatal("Ctrl-C does not end an up that waits for a deployment: people would kill it, and leave the stack locked")
	}
	if output, err := process.Wait(); err == nil {
		t.Errorf("an up that was interrupted while it waited passes for done:\n%s", output)
	}
	assertKnown(t, s)
}

// upFails returns what people see of an up that must fail.
func upFails(t *testing.T, s *sandbox.Sandbox, harm string) string {
	t.Helper()
	output, err := s.Command(t.Context(), "up", "--yes", "--skip-preview").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("%s (%v):\n%s", harm, err, output)
	}
	return string(output)
}

// assertTold asserts that a line of the output has all of these words.
func assertTold(t *testing.T, output string, words ...string) {
	t.Helper()
	for line := range strings.Lines(output) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			return
		}
	}
	t.Errorf("who deploys has to find out by hand what no line tells, %q:\n%s", words, output)
}

// assertToldWhy asserts that the output has all that is needed to find out why a
// deployment failed, without opening AWS's console.
func assertToldWhy(t *testing.T, s *sandbox.Sandbox, output, wanted, runs string) {
	t.Helper()
	name := aws.ToString(service(t, s).ServiceName)
	assertTold(t, output, name, "does not run what was asked for")
	assertTold(t, output, "asked for", wanted)
	assertTold(t, output, "running", runs)
	assertTold(t, output, "(service "+name+")", "deployment failed: tasks failed to start")
	if !strings.Contains(output, "TaskFailedToStart") {
		assertTold(t, output, "aws logs tail "+one(t, s, account.LogGroups), "--region "+account.Region, "--log-stream-names sample-app/sample-app/")
	} else if strings.Contains(output, "aws logs tail") {
		t.Errorf("who deploys is sent to logs of tasks that have never started:\n%s", output)
	}
	assertTold(t, output, "what next", "pulumi config set redeploy")
	if strings.Contains(output, "panic") || strings.Contains(output, "goroutine ") {
		t.Errorf("the program does not fail in words:\n%s", output)
	}
}

// assertBothRevisionsKnown asserts that after a rollback Pulumi knows both revisions,
// and that the one which serves was left alone.
func assertBothRevisionsKnown(t *testing.T, s *sandbox.Sandbox, serves string) {
	t.Helper()
	assertKnown(t, s)
	if now := serving(t, s); now != serves {
		t.Fatalf("after the rollback the service runs %s, not %s", now, serves)
	}
	if status := taskDefinition(t, s, serves).Status; status != ecstypes.TaskDefinitionStatusActive {
		t.Errorf("the revision that serves is %s: no task could be started any more", status)
	}
	state, err := s.State(t.Context())
	must(t, err, "the state can't be read")
	revisions, err := s.Account.List(t.Context(), account.TaskDefinitions)
	must(t, err, "the task definitions can't be listed")
	if len(revisions) != 2 {
		t.Errorf("there are not two revisions but %v", revisions)
	}
	for _, arn := range append(revisions, aws.ToString(service(t, s).ServiceArn)) {
		if !slices.Contains(state.IDs, arn) {
			t.Errorf("Pulumi does not know of %s", arn)
		}
	}
	if len(state.Unfinished) > 0 {
		t.Errorf("Pulumi takes these for half made: %v", state.Unfinished)
	}
}

// assertFailsAgain asserts that an up without a change fails at once as long as ECS
// does not run what was asked for, and changes nothing.
func assertFailsAgain(t *testing.T, s *sandbox.Sandbox, why string) {
	t.Helper()
	before, began := s.Faults.Asked(), time.Now()
	output := upFails(t, s, "what ECS does not run passes for deployed as soon as nothing changes")
	if took := time.Since(began); took > soon {
		t.Errorf("an up without a change takes %s to fail", took.Round(time.Second))
	}
	assertTold(t, output, why)
	for action, n := range since(before, s.Faults.Asked()) {
		for _, changes := range []string{":Create", ":Update", ":Delete", ":Register", ":Deregister", ":Modify", ":Put"} {
			if strings.Contains(action, changes) {
				t.Errorf("an up without a change calls %s, %d times", action, n)
			}
		}
	}
}

// assertPreviewAsksNobody asserts that a preview asks ECS and the load balancer
// nothing, neither for what is there nor for what another version would be.
func assertPreviewAsksNobody(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	for _, tag := range []string{"2.4.70", "2.4.66"} {
		set(t, s, map[string]string{"imageTag": tag})
		before := s.Faults.Asked()
		_, err := s.Preview(t.Context())
		must(t, err, "a preview fails because of a deployment that failed")
		asked := since(before, s.Faults.Asked())
		if len(asked) == 0 {
			t.Error("the preview asked AWS nothing at all: nothing was counted")
		}
		for action := range asked {
			if strings.HasPrefix(action, "ecs:") || strings.HasPrefix(action, "elasticloadbalancing:") {
				t.Errorf("a preview asks %s: it would need the permission, and could wait", action)
			}
		}
	}
}

// assertProgress asserts that a slow deployment keeps people informed, and does not
// flood its log.
func assertProgress(t *testing.T, run *sandbox.Run, took time.Duration) {
	t.Helper()
	text := strings.Join(run.Messages, "\n")
	n := strings.Count(text, "tasks run")
	if most := int(took/(5*time.Second)) + 1; n < 2 || n > most {
		t.Errorf("%s of waiting give %d lines of progress, and should give 2 to %d:\n%s", took.Round(time.Second), n, most, text)
	}
	assertTold(t, text, "sample-app-e2e:2: 0 of 1 tasks run, 1 start")
	assertTold(t, text, "sample-app-e2e:2: 1 of 1 tasks run", "targets: ")
	assertTold(t, text, "sample-app-e2e:2 runs on all 1 tasks after")
}

// since is how much more often was asked for each action.
func since(before, now map[string]int) map[string]int {
	more := map[string]int{}
	for action, n := range now {
		if n > before[action] {
			more[action] = n - before[action]
		}
	}
	return more
}
