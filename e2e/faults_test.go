package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/fake"
	"ecs-sample-app/e2e/sandbox"
)

// faults is how many requests at least go wrong in a stack's life.
const faults = 20

func TestAStackLivesThroughRefusedLateAndLostAnswersOfAWS(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	lostInCreation(t, s)
	createdThroughFaults(t, s)
	deployedThroughFaults(t, s)
	guardedThroughFaults(t, s)
	halfDeployed(t, s)
	repairedThroughFaults(t, s)
	destroyedThroughFaults(t, s)

	counts := map[fake.Fault]int{}
	for _, injected := range s.Faults.Injected() {
		counts[injected.Fault]++
	}
	t.Logf("faults that happened: %v", counts)
	kinds := []fake.Fault{
		fake.Throttled, fake.Late, fake.InternalError, fake.Unavailable,
		fake.CutBefore, fake.CutAfter, fake.CutMidway,
	}
	for _, kind := range kinds {
		if counts[kind] == 0 {
			t.Errorf("no request was %s: nobody knows what would come of it", kind)
		}
	}
	if n := len(s.Faults.Injected()); n < faults {
		t.Errorf("only %d requests went wrong in all, and %d were to", n, faults)
	}
}

// assertHappened asserts that all faults happened that were planned so far.
func assertHappened(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	if left := s.Faults.Outstanding(); len(left) > 0 {
		t.Errorf("planned, and did not happen, so that less was tested than it seems: %v", left)
	}
	s.Faults.Clear()
}

// lostInCreation lets the answer to the creation of the log group get lost, so that
// the provider tries again and finds the name taken, and lets another break off,
// after which the SDK does not try again. The first is the one thing that Pulumi can't
// know of, and it is found by its tags.
func lostInCreation(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	f := &s.Faults
	f.Inject(fake.Throttled, 2, "CreateVpc", "CreateRole")
	f.Inject(fake.Unavailable, 1, "CreateCluster")
	f.Inject(fake.CutAfter, 1, "CreateLogGroup")
	f.Inject(fake.CutMidway, 1, "GetRole")
	output := upFails(t, s, "an up whose answers were lost passes for done")
	assertHappened(t, s)
	assertTold(t, output, "sample-app-logs", "ResourceAlreadyExistsException")
	assertTold(t, output, "reading IAM Role", "unexpected EOF")

	state, err := s.State(t.Context())
	must(t, err, "the state can't be read")
	orphans, err := s.Orphans(t.Context(), state)
	must(t, err, "the account can't be listed")
	if kinds := slices.Collect(maps.Keys(orphans)); !slices.Equal(kinds, []string{account.LogGroups}) {
		t.Errorf("Pulumi should know of all but the log group, and does not know of %v", orphans)
	}
	if len(state.Pending) > 0 {
		t.Errorf("Pulumi does not know whether these exist: %v", state.Pending)
	}
	lost := one(t, s, account.LogGroups)
	if tags := tagsOf(t, s, account.LogGroups, lost); tags["Stack"] != sandbox.StackName || tags["Project"] != sandbox.Project {
		t.Errorf("nobody can tell where the lost log group comes from, its tags are %v", tags)
	}
	_, err = s.Account.Logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(lost)})
	must(t, err, "the lost log group can't be deleted by hand")
	assertKnown(t, s)
}

// createdThroughFaults finishes the stack through faults that pass, each of which the
// provider gets over by itself.
func createdThroughFaults(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	f := &s.Faults
	f.Inject(fake.Throttled, 2, "CreateLoadBalancer", "RegisterTaskDefinition", "CreateService")
	f.Inject(fake.InternalError, 1, "CreateSubnet", "CreateSecurityGroup", "DescribeServices")
	f.Inject(fake.Unavailable, 1, "CreateInternetGateway", "CreateRouteTable")
	f.Inject(fake.CutBefore, 1, "CreateListener", "AuthorizeSecurityGroupIngress", "CreateVpcEndpoint")
	f.Inject(fake.CutAfter, 1, "PutRolePolicy", "ModifyLoadBalancerAttributes", "ModifyTargetGroupAttributes")
	f.Delay(time.Second, 1, "DescribeSubnets", "CreateTargetGroup")
	up(t, s)
	assertHappened(t, s)
	assertWhole(t, s)
	assertKnown(t, s)
	assertNoChanges(t, s)
}

// deployedThroughFaults deploys another version.
func deployedThroughFaults(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	before := serving(t, s)
	f := &s.Faults
	f.Inject(fake.CutBefore, 1, "RegisterTaskDefinition")
	f.Inject(fake.CutAfter, 1, "UpdateService", "DeregisterTaskDefinition")
	f.Inject(fake.Unavailable, 1, "DescribeTargetHealth", "ListServiceDeployments")
	s.Rollouts.Next(fake.Plan{Polls: 5})
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	up(t, s)
	assertHappened(t, s)
	assertServes(t, s, "2.4.66", before)
	assertWhole(t, s)
	assertKnown(t, s)
}

// guardedThroughFaults runs an up without a change, in which only the deployment guard
// asks ECS.
func guardedThroughFaults(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	f := &s.Faults
	f.Inject(fake.CutMidway, 1, "DescribeServices")
	f.Inject(fake.Throttled, 4, "DescribeServices") // More than the SDK's own three tries.
	f.Inject(fake.CutBefore, 1, "DescribeServices")
	run := up(t, s)
	assertHappened(t, s)
	if len(run.Changes) > 0 {
		t.Errorf("an up without a change changes:\n%s", run.Summary())
	}
	assertTold(t, strings.Join(run.Messages, "\n"), "ECS does not answer, asking again")
}

// halfDeployed lets the answer to the update of the service break off: ECS deploys,
// and Pulumi does not know. The next up finds nothing more to do.
func halfDeployed(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	before := serving(t, s)
	s.Faults.Inject(fake.CutMidway, 1, "UpdateService")
	set(t, s, map[string]string{"imageTag": "2.4.65"})
	output := upFails(t, s, "an up whose answer broke off passes for done")
	assertHappened(t, s)
	assertTold(t, output, "sample-app-service", "unexpected EOF")
	assertKnown(t, s)
	up(t, s)
	assertServes(t, s, "2.4.65", before)
	assertWhole(t, s)
	assertNoChanges(t, s)
}

// repairedThroughFaults repairs what was changed behind Pulumi's back.
func repairedThroughFaults(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	f := &s.Faults
	f.Inject(fake.Throttled, 2, "DescribeVpcs", "DescribeListeners", "ListRolePolicies")
	f.Inject(fake.InternalError, 1, "DescribeSecurityGroupRules", "DescribeClusters")
	f.Inject(fake.CutBefore, 1, "DescribeLogGroups", "DescribeTaskDefinition")
	f.Inject(fake.CutAfter, 1, "ModifySecurityGroupRules", "PutRetentionPolicy")
	meddle(t, s)
	assertHappened(t, s)
	assertWhole(t, s)
	assertKnown(t, s)
}

// destroyedThroughFaults deletes everything, at the second try: the answers to the
// deletion of a subnet break off.
func destroyedThroughFaults(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	f := &s.Faults
	f.Inject(fake.Throttled, 2, "DeleteLoadBalancer", "DeleteVpc")
	f.Inject(fake.InternalError, 1, "DeleteInternetGateway", "DeleteRole")
	f.Inject(fake.Unavailable, 1, "DeleteCluster")
	f.Inject(fake.CutBefore, 1, "DeleteListener", "DeleteTargetGroup")
	f.Inject(fake.CutAfter, 1, "DeleteService", "DeleteLogGroup", "DeleteRolePolicy", "DeleteSecurityGroup", "DeleteVpcEndpoints")
	f.Inject(fake.CutMidway, 1, "DeleteSubnet")
	_, err := s.Destroy(t.Context())
	if err == nil {
		t.Fatal("a destroy whose answer broke off passes for done")
	}
	assertTold(t, err.Error(), "deleting EC2 Subnet", "unexpected EOF")
	destroy(t, s)
	assertHappened(t, s)
	assertNothingLeft(t, s)
}
