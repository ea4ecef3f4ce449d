package e2e

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"ecs-sample-app/e2e/account"
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
	s.Rollouts.Next(sandbox.Plan{Outcome: sandbox.RollsBack, Polls: 3, Cause: sandbox.Unhealthy})
	output := upFails(t, s, "a service that never served passes for deployed")
	assertTold(t, output, "sample-app does not run what was asked for", "sample-app-service says why")
	assertTold(t, output, "Task failed ELB health checks", "sample-app exited with 0")
	assertTold(t, output, "url", "http://sample-app-lb")
	assertTold(t, output, "serves now", first[strings.LastIndex(first, "/")+1:])
	assertStillServes(t, s, group, first, 80)
	assertFailsAgain(t, s, "none before to go back to")
	assertStillServes(t, s, group, first, 80)

	// A second failure in a row, of another kind.
	set(t, s, map[string]string{"healthCheckPath": "/health"})
	s.Rollouts.Next(sandbox.Plan{Outcome: sandbox.RollsBack, Polls: 3, Cause: sandbox.NoImage})
	upFails(t, s, "a second service that never served passes for deployed")
	assertStillServes(t, s, group, first, 80)

	// A version that works: requests move, and the old pairs go.
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	s.Rollouts.Next(sandbox.Plan{Polls: 3})
	up(t, s)
	assertWhole(t, s)
	assertPort(t, s, 8080)
	assertNoChanges(t, s)

	// Ctrl-C in the middle.
	group, first = sends(t, s), aws.ToString(service(t, s).ServiceArn)
	set(t, s, map[string]string{"containerPort": "80"})
	s.Rollouts.Next(sandbox.Plan{Outcome: sandbox.Hangs})
	interruptedWhileItWaits(t, s)
	assertStillServes(t, s, group, first, 8080)
	set(t, s, map[string]string{"imageTag": "2.4.67"})
	up(t, s)
	assertWhole(t, s)
	assertPort(t, s, 80)
	assertNoChanges(t, s)

	// A destroy touches nothing that serves, with and without its preview.
	before := counts(t, s)
	for _, flags := range [][]string{{"--yes"}, {"--yes", "--skip-preview"}} {
		output, err := s.Command(t.Context(), append([]string{"destroy"}, flags...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(output), "protect") {
			t.Fatalf("a protected stack is destroyed (%v):\n%s", err, output)
		}
		if now := counts(t, s); !maps.Equal(now, before) {
			t.Errorf("a destroy that is refused leaves %v of %v", now, before)
		}
	}
	set(t, s, map[string]string{"vpcCidr": "10.9.0.0/16"})
	upFails(t, s, "a protected VPC is replaced")
	if now := counts(t, s); !maps.Equal(now, before) {
		t.Errorf("an update that is refused leaves %v of %v", now, before)
	}
	unset(t, s, "vpcCidr")
	up(t, s)
	assertNoChanges(t, s)

	// And straight after a failure a destroy leaves nothing.
	set(t, s, map[string]string{"deletionProtection": "false"})
	up(t, s)
	set(t, s, map[string]string{"containerPort": "8081"})
	s.Rollouts.Next(sandbox.Plan{Outcome: sandbox.RollsBack, Polls: 2, Cause: sandbox.Unhealthy})
	upFails(t, s, "a service that never served passes for deployed")
	destroy(t, s)
	assertNothingLeft(t, s)
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
	up(t, s)
	if after := service(t, s); aws.ToString(after.ServiceArn) == before || aws.ToString(after.CapacityProviderStrategy[0].CapacityProvider) != "FARGATE_SPOT" {
		t.Errorf("%s does not run on FARGATE_SPOT in the place of %s", aws.ToString(after.ServiceArn), before)
	}
	assertRunning(t, s, 8)
	assertNoChanges(t, s)
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
