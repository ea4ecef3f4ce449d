package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/fake"
	"ecs-sample-app/e2e/sandbox"
)

// TestRequestsMoveOnlyToWhatServes changes what can't change in place, in all ways that
// it may end, with deletion protection on.
func TestRequestsMoveOnlyToWhatServes(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	set(t, s, map[string]string{"deletionProtection": "true"})
	up(t, s)
	assertNoChanges(t, s)
	group, first := sends(t, s), aws.ToString(service(t, s).ServiceArn)

	// A version that fails, on another port: the old pair serves, whatever comes next.
	set(t, s, map[string]string{"containerPort": "8080"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 3, Cause: fake.Unhealthy})
	output := upFails(t, s, "a service that never served passes for deployed")
	assertTold(t, output, "sample-app does not run what was asked for", "sample-app-service says why")
	assertTold(t, output, "Task failed ELB health checks", "sample-app exited with 0")
	assertTold(t, output, "url", "http://localhost:")
	assertTold(t, output, "serves now", first[strings.LastIndex(first, "/")+1:])
	assertStillServes(t, s, group, first, 80)
	assertFailsAgain(t, s, "none before to go back to")
	assertStillServes(t, s, group, first, 80)

	// A second failure in a row, of another kind.
	set(t, s, map[string]string{"healthCheckPath": "/health"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 3, Cause: fake.NoImage})
	upFails(t, s, "a second service that never served passes for deployed")
	assertStillServes(t, s, group, first, 80)

	// A version that works: requests move, and the old pairs go.
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	s.Rollouts.Next(fake.Plan{Polls: 3})
	before := len(s.Faults.Order())
	up(t, s)
	assertInOrder(t, s.Faults.Order()[before:], "UpdateService", "ModifyRule", "DeleteService", "DeleteRule", "DeleteTargetGroup")
	assertWhole(t, s)
	assertPort(t, s, 8080)
	assertNoChanges(t, s)

	// A version that works at once.
	set(t, s, map[string]string{"containerPort": "8082", "healthCheckPath": "/"})
	before = len(s.Faults.Order())
	up(t, s)
	assertInOrder(t, s.Faults.Order()[before:],
		"CreateTargetGroup", "CreateRule", "CreateService", "ModifyRule", "DeleteService", "DeleteRule", "DeleteTargetGroup")
	assertPort(t, s, 8082)

	// Ctrl-C in the middle.
	group, first = sends(t, s), aws.ToString(service(t, s).ServiceArn)
	set(t, s, map[string]string{"containerPort": "80"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.Hangs})
	interruptedWhileItWaits(t, s)
	assertStillServes(t, s, group, first, 8082)
	set(t, s, map[string]string{"imageTag": "2.4.67"})
	up(t, s)
	assertWhole(t, s)
	assertPort(t, s, 80)
	assertNoChanges(t, s)

	// A destroy touches nothing that serves, with and without its preview.
	held := counts(t, s)
	for _, flags := range [][]string{{"--yes"}, {"--yes", "--skip-preview"}} {
		output, err := s.Command(t.Context(), append([]string{"destroy"}, flags...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(output), "protect") {
			t.Fatalf("a protected stack is destroyed (%v):\n%s", err, output)
		}
		if now := counts(t, s); !maps.Equal(now, held) {
			t.Errorf("a destroy that is refused leaves %v of %v", now, held)
		}
	}
	set(t, s, map[string]string{"vpcCidr": "10.9.0.0/16"})
	upFails(t, s, "a protected VPC is replaced")
	if now := counts(t, s); !maps.Equal(now, held) {
		t.Errorf("an update that is refused leaves %v of %v", now, held)
	}
	unset(t, s, "vpcCidr")
	up(t, s)
	assertNoChanges(t, s)

	// And straight after a failure a destroy leaves nothing.
	set(t, s, map[string]string{"deletionProtection": "false"})
	up(t, s)
	set(t, s, map[string]string{"containerPort": "8081"})
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 2, Cause: fake.Unhealthy})
	upFails(t, s, "a service that never served passes for deployed")
	destroy(t, s)
	assertNothingLeft(t, s)
}

// TestWhateverIsReplacedServesUntilItsSuccessorDoes lets each change that goes side by
// side fail once, with a crash, and then work; or be destroyed straight after it failed.
func TestWhateverIsReplacedServesUntilItsSuccessorDoes(t *testing.T) {
	t.Parallel()
	for _, change := range []map[string]string{
		{"healthCheckPath": "/health"},
		{"capacityProvider": "FARGATE_SPOT"},
		{"vpcCidr": "10.9.0.0/16"},
		{"containerPort": "8080", "image": "nginx", "imageTag": "1.27.5", "capacityProvider": "FARGATE_SPOT"},
	} {
		t.Run(strings.Join(slices.Sorted(maps.Keys(change)), " "), func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			up(t, s)
			group, first := sends(t, s), aws.ToString(service(t, s).ServiceArn)
			set(t, s, change)
			s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 2, Cause: fake.Crashes})
			upFails(t, s, "a service that never served passes for deployed")
			if _, ok := change["vpcCidr"]; !ok { // There is a second load balancer then.
				assertStillServes(t, s, group, first, 80)
			}
			if _, ok := change["healthCheckPath"]; ok {
				destroy(t, s)
				assertNothingLeft(t, s)
				return
			}
			set(t, s, map[string]string{"environment": `{"TRY": "2"}`})
			up(t, s)
			assertWhole(t, s)
			assertNoChanges(t, s)
			destroy(t, s)
			assertNothingLeft(t, s)
		})
	}
}

// TestAReplacementThatIsKilledIsRecovered kills an update when the new target group is
// made and Pulumi does not know of it, when the rule moves, and when the old one goes.
func TestAReplacementThatIsKilledIsRecovered(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	up(t, s)
	group, first := sends(t, s), aws.ToString(service(t, s).ServiceArn)
	// Nothing else is made at the same time that could be lost as well.
	set(t, s, map[string]string{"healthCheckPath": "/health"})
	for _, stage := range []string{"CreateTargetGroup", "ModifyRule", "DeleteTargetGroup"} {
		process, _ := upUntil(t, s, stage)
		must(t, process.Kill(t.Context()), "Pulumi can't be killed")
		must(t, s.Stack.Cancel(t.Context()), "pulumi cancel does not take the lock away")
		if stage != "CreateTargetGroup" {
			settle(t, s)
			continue
		}
		assertStillServes(t, s, group, first, 80)
		// What was to replace something has its name in Pulumi, so it can't be imported.
		state, err := s.State(t.Context())
		must(t, err, "the state can't be read")
		lost, err := s.Orphans(t.Context(), state)
		must(t, err, "the account can't be listed")
		for _, arn := range lost[account.TargetGroups] {
			_, err := s.Account.ELB.DeleteTargetGroup(t.Context(), &elb.DeleteTargetGroupInput{TargetGroupArn: aws.String(arn)})
			must(t, err, "the lost target group can't be deleted")
		}
		must(t, s.ForgetPending(t.Context()), "pending creations stay")
	}
	assertFinishes(t, s)
}

// assertInOrder asserts that these actions were asked for one after the other.
func assertInOrder(t *testing.T, asked []string, actions ...string) {
	t.Helper()
	rest := asked
	for _, action := range actions {
		i := slices.Index(rest, action)
		if i < 0 {
			t.Errorf("%s does not come after what has to come first, %v, in %v", action, actions, asked)
			return
		}
		rest = rest[i+1:]
	}
}

func TestASuccessorHasTheTasksThatAutoscalingGaveItsPredecessor(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	// A service without tasks has no metric, so nothing but the program starts any.
	set(t, s, map[string]string{"desiredCount": "0"})
	up(t, s)
	set(t, s, map[string]string{"autoscaling": `{"minCapacity": 2, "maxCapacity": 10}`})
	up(t, s)
	assertRunning(t, s, 2)

	scale(t, s, 8)
	before := aws.ToString(service(t, s).ServiceArn)
	set(t, s, map[string]string{"capacityProvider": "FARGATE_SPOT", "waitForSteadyState": "false"})
	order := len(s.Faults.Order())
	up(t, s)
	assertInOrder(t, s.Faults.Order()[order:], "CreateService", "UpdateService", "DescribeServices", "ModifyRule", "DeleteService")
	if after := service(t, s); aws.ToString(after.ServiceArn) == before || aws.ToString(after.CapacityProviderStrategy[0].CapacityProvider) != "FARGATE_SPOT" {
		t.Errorf("%s does not run on FARGATE_SPOT in the place of %s", aws.ToString(after.ServiceArn), before)
	}
	assertRunning(t, s, 8)
	assertNoChanges(t, s)

	// Nobody waits, so ECS may still go back to the revision before.
	old := aws.ToString(service(t, s).TaskDefinition)
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	up(t, s)
	if now := aws.ToString(service(t, s).TaskDefinition); now == old || taskDefinition(t, s, old).Status != ecstypes.TaskDefinitionStatusActive {
		t.Errorf("while %s is deployed, %s is %s: no rollback brings it back", now, old, taskDefinition(t, s, old).Status)
	}
	_, err := s.Account.ECS.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(old)})
	must(t, err, "deregister the revision that stays")
	set(t, s, map[string]string{"waitForSteadyState": "true"})
	up(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
}

// assertStillServes asserts that the listener sends requests to this target group, and
// that the service behind it runs and can be reached on its port.
func assertStillServes(t *testing.T, s *sandbox.Sandbox, group, arn string, port int32) {
	t.Helper()
	if got := sends(t, s); got != group {
		t.Errorf("requests go to %s, whose tasks do not serve, and no longer to %s", got, group)
	}
	out, err := s.Account.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{
		Cluster: aws.String(one(t, s, account.Clusters)), Services: []string{arn},
	})
	must(t, err, "ECS does not describe the service")
	if len(out.Services) != 1 || aws.ToString(out.Services[0].Status) != "ACTIVE" || out.Services[0].RunningCount == 0 {
		t.Errorf("the service that gets the requests is gone: %+v", out.Services)
		return
	}
	served := out.Services[0]
	if definition := taskDefinition(t, s, aws.ToString(served.TaskDefinition)); definition.Status != ecstypes.TaskDefinitionStatusActive {
		t.Errorf("its revision is %s: no task of it can start again", definition.Status)
	}
	groups, err := s.Account.ELB.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{group}})
	must(t, err, "ELB does not describe the target group")
	if got := aws.ToInt32(groups.TargetGroups[0].Port); got != port || aws.ToInt32(served.LoadBalancers[0].ContainerPort) != port {
		t.Errorf("the target group that gets the requests is on port %d, its service on %d, not on %d",
			got, aws.ToInt32(served.LoadBalancers[0].ContainerPort), port)
	}
	for _, name := range []string{"sample-app-tasks-sg", "sample-app-lb-sg"} {
		open := false
		for _, r := range rules(t, s, securityGroup(t, s, name)) {
			open = open || aws.ToInt32(r.FromPort) == port && r.ReferencedGroupInfo != nil
		}
		if !open {
			t.Errorf("%s no longer lets requests through on port %d", name, port)
		}
	}
}

// counts is how many of each kind the stack has in the account.
func counts(t *testing.T, s *sandbox.Sandbox) map[string]int {
	t.Helper()
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	return left.Counts()
}
