package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
)

// smaller is the change from port 8080, ARM64, three zones and three tasks to the
// defaults.
const smaller = `create-replacement sample-app-attach
delete-replaced sample-app-attach
replace sample-app-attach
update sample-app-lb (subnets)
create sample-app-lb-egress-80
delete sample-app-lb-egress-8080
delete sample-app-public-c
delete sample-app-public-c-routes
update sample-app-rule (actions)
create-replacement sample-app-service
delete-replaced sample-app-service
replace sample-app-service
create-replacement sample-app-task-definition (containerDefinitions, runtimePlatform)
delete-replaced sample-app-task-definition
replace sample-app-task-definition (containerDefinitions, runtimePlatform)
create sample-app-tasks-ingress-80
delete sample-app-tasks-ingress-8080
create-replacement sample-app-tg
delete-replaced sample-app-tg
replace sample-app-tg`

func TestALiveStackChangesItsPortZonesProcessorAndSize(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	set(t, s, map[string]string{"containerPort": "8080", "availabilityZones": "3", "architecture": "ARM64", "desiredCount": "3"})
	up(t, s)
	assertSize(t, s, 3, 3)
	assertPort(t, s, 8080)
	definition := taskDefinition(t, s, serving(t, s))
	if definition.RuntimePlatform.CpuArchitecture != ecstypes.CPUArchitectureArm64 {
		t.Errorf("tasks run on %s, not on the cheaper ARM64 that was asked for", definition.RuntimePlatform.CpuArchitecture)
	}
	if command := strings.Join(definition.ContainerDefinitions[0].Command, " "); !strings.Contains(command, "Listen 8080") {
		t.Errorf("the web server is not told to listen on 8080, where the load balancer looks for it: %s", command)
	}
	assertNoChanges(t, s)

	// The port can't change in place: a second service takes over.
	set(t, s, map[string]string{"containerPort": "80", "architecture": "X86_64", "availabilityZones": "2", "desiredCount": "1"})
	run, err := s.Preview(t.Context())
	must(t, err, "the preview of a live stack's change fails")
	if got := run.Summary(); got != smaller {
		t.Errorf("a change of a live stack touches more or less than it has to:\n%s", got)
	}
	up(t, s)
	assertSize(t, s, 2, 1)
	assertPort(t, s, 80)
	assertNoChanges(t, s)

	// One zone for another: each subnet has its zone's block, so none is in the way.
	for _, zones := range []string{`["us-east-1a", "us-east-1c"]`, `["us-east-1d", "us-east-1c"]`} {
		set(t, s, map[string]string{"availabilityZoneNames": zones})
		up(t, s)
		assertSize(t, s, 2, 1)
		assertNoChanges(t, s)
	}
	destroy(t, s)
	assertNothingLeft(t, s)
}

// assertSize asserts how many zones the stack spans and that all its tasks run.
func assertSize(t *testing.T, s *sandbox.Sandbox, zones, tasks int) {
	t.Helper()
	want := map[string]int{}
	for kind, n := range wholeStack {
		want[kind] = n
	}
	want[account.Subnets] = zones
	assertCounts(t, s, want)
	service := service(t, s)
	if int(service.DesiredCount) != tasks || service.RunningCount != service.DesiredCount || len(service.Deployments) != 1 {
		t.Errorf("up ended with %d of %d tasks running in %d deployments, where one of %d was asked for",
			service.RunningCount, service.DesiredCount, len(service.Deployments), tasks)
	}
	if got := len(service.NetworkConfiguration.AwsvpcConfiguration.Subnets); got != zones {
		t.Errorf("tasks start in %d subnets, not in all %d", got, zones)
	}
}

// assertPort asserts that requests take one way to the tasks, on one port.
func assertPort(t *testing.T, s *sandbox.Sandbox, port int32) {
	t.Helper()
	group := one(t, s, account.TargetGroups)
	groups, err := s.Account.ELB.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{group}})
	must(t, err, "ELB does not describe the target group")
	if got := aws.ToInt32(groups.TargetGroups[0].Port); got != port {
		t.Errorf("the target group is on port %d, the container on %d", got, port)
	}
	if got := sends(t, s); got != group {
		t.Errorf("requests go to %s, not to the service's target group %s", got, group)
	}
	target := service(t, s).LoadBalancers[0]
	if aws.ToString(target.TargetGroupArn) != group || aws.ToInt32(target.ContainerPort) != port {
		t.Errorf("the service registers its tasks at %s on port %d, not at %s on %d",
			aws.ToString(target.TargetGroupArn), aws.ToInt32(target.ContainerPort), group, port)
	}
	for name, egress := range map[string]bool{"sample-app-tasks-sg": false, "sample-app-lb-sg": true} {
		open := slices.ContainsFunc(rules(t, s, securityGroup(t, s, name)), func(r ec2types.SecurityGroupRule) bool {
			return aws.ToBool(r.IsEgress) == egress && aws.ToInt32(r.FromPort) == port && aws.ToInt32(r.ToPort) == port
		})
		if !open {
			t.Errorf("%s does not let requests through on port %d: the tasks would never be healthy", name, port)
		}
	}
}

// sends is the target group that requests go to: that of the rule which every request
// matches.
func sends(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	out, err := s.Account.ELB.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: aws.String(one(t, s, account.Listeners))})
	must(t, err, "ELB does not describe the rules")
	for _, rule := range out.Rules {
		if !aws.ToBool(rule.IsDefault) && aws.ToString(rule.Conditions[0].Field) == "path-pattern" {
			return aws.ToString(rule.Actions[0].TargetGroupArn)
		}
	}
	return "nowhere"
}
