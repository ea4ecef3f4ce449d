package fake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"ecs-sample-app/e2e/account"
)

const (
	shop       = "shop"
	successful = "SUCCESSFUL"
)

// live is a service on an emulator, with a deployment that completed long ago.
type live struct {
	t           *testing.T
	rollouts    *Rollouts
	account     *account.Account
	targetGroup string
	subnets     []string
	definitions []string // ARNs, those of the tags 1, 2 and 3
}

// newLive makes a cluster, a target group and task definitions; create makes the service.
func newLive(t *testing.T) *live {
	t.Helper()
	l := &live{t: t, rollouts: &Rollouts{}}
	l.account = account.At(startOn(t, l.rollouts, l.rollouts.Wrap))
	ctx := t.Context()
	_, err := l.account.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String(shop)})
	l.must(err)
	group, err := l.account.ELB.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
		Name: aws.String(shop), Port: aws.Int32(8080), Protocol: elbtypes.ProtocolEnumHttp,
		TargetType: elbtypes.TargetTypeEnumIp, VpcId: aws.String(l.vpc()),
	})
	l.must(err)
	l.targetGroup = *group.TargetGroups[0].TargetGroupArn
	balancer, err := l.account.ELB.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String(shop), Subnets: l.subnets[:2]})
	l.must(err)
	_, err = l.account.ELB.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String(l.targetGroup)}},
	})
	l.must(err)
	for tag := range 3 {
		out, err := l.account.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
			Family: aws.String(shop), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
			RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
			ContainerDefinitions: []types.ContainerDefinition{{
				Name: aws.String("web"), Image: aws.String(fmt.Sprintf("shop:%d", tag+1)),
				PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8080)}},
			}},
		})
		l.must(err)
		l.definitions = append(l.definitions, *out.TaskDefinition.TaskDefinitionArn)
	}
	return l
}

// vpc is the account's own, whose subnets are noted.
func (l *live) vpc() string {
	l.t.Helper()
	out, err := l.account.EC2.DescribeSubnets(l.t.Context(), &ec2.DescribeSubnetsInput{
		Filters: []ec2types.Filter{{Name: aws.String("default-for-az"), Values: []string{"true"}}},
	})
	l.must(err)
	for _, subnet := range out.Subnets {
		l.subnets = append(l.subnets, *subnet.SubnetId)
	}
	slices.Sort(l.subnets)
	return *out.Subnets[0].VpcId
}

func (l *live) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// network puts tasks into a subnet.
func network(subnet string) *types.NetworkConfiguration {
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{subnet}, SecurityGroups: []string{}}}
}

// create makes the service, of two tasks, with the first task definition.
func (l *live) create() *types.Service {
	l.t.Helper()
	out, err := l.account.ECS.CreateService(l.t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String(shop), ServiceName: aws.String(shop), TaskDefinition: aws.String(l.definitions[0]),
		DeploymentConfiguration:       &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true}},
		HealthCheckGracePeriodSeconds: aws.Int32(60), DesiredCount: aws.Int32(2), LaunchType: types.LaunchTypeFargate, NetworkConfiguration: network(l.subnets[0]),
		LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String(l.targetGroup), ContainerName: aws.String("web"), ContainerPort: aws.Int32(8080)}},
	})
	l.must(err)
	return out.Service
}

// update moves the service to the task definition of a tag.
func (l *live) update(tag int) *types.Service {
	l.t.Helper()
	out, err := l.account.ECS.UpdateService(l.t.Context(), &ecs.UpdateServiceInput{
		Cluster: aws.String(shop), Service: aws.String(shop), TaskDefinition: aws.String(l.definitions[tag-1]),
	})
	l.must(err)
	return out.Service
}

// poll looks at the service.
func (l *live) poll() types.Service {
	l.t.Helper()
	out, err := l.account.ECS.DescribeServices(l.t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String(shop), Services: []string{shop}})
	l.must(err)
	if len(out.Services) != 1 {
		l.t.Fatalf("there is not one service but %d", len(out.Services))
	}
	return out.Services[0]
}

// view is the service and its targets as text: the tag that it runs, its deployments
// by tag, status, state and tasks (running+starting of desired, failed), the targets.
func (l *live) view(s types.Service) string {
	l.t.Helper()
	parts := []string{"runs " + l.tag(s.TaskDefinition)}
	for _, d := range s.Deployments {
		parts = append(parts, fmt.Sprintf("%s %s %s %d+%d/%d !%d", l.tag(d.TaskDefinition), *d.Status, d.RolloutState,
			d.RunningCount, d.PendingCount, d.DesiredCount, d.FailedTasks))
	}
	out, err := l.account.ELB.DescribeTargetHealth(l.t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(l.targetGroup)})
	l.must(err)
	states := map[string]int{}
	for _, target := range out.TargetHealthDescriptions {
		states[string(target.TargetHealth.State)]++
	}
	return strings.Join(append(parts, strings.TrimPrefix(fmt.Sprint(states), "map")), ", ")
}

func (l *live) tag(definition *string) string {
	return strconv.Itoa(slices.Index(l.definitions, aws.ToString(definition)) + 1)
}

// sees asserts what the next polls show, one after the other.
func (l *live) sees(want ...string) types.Service {
	l.t.Helper()
	var s types.Service
	for i, w := range want {
		s = l.poll()
		if got := l.view(s); got != w {
			l.t.Errorf("poll %d shows\n%s\nwhere ECS has\n%s", i+1, got, w)
		}
	}
	return s
}

// history is the status of the service's deployments, newest first.
func (l *live) history() string {
	l.t.Helper()
	out, err := l.account.ECS.ListServiceDeployments(l.t.Context(), &ecs.ListServiceDeploymentsInput{Cluster: aws.String(shop), Service: aws.String(shop)})
	l.must(err)
	var all []string
	for _, d := range out.ServiceDeployments {
		all = append(all, strings.TrimSpace(string(d.Status)+" "+aws.ToString(d.StatusReason)))
	}
	return strings.Join(all, "\n")
}

// stopped are the service's stopped tasks.
func (l *live) stopped() []types.Task {
	l.t.Helper()
	list, err := l.account.ECS.ListTasks(l.t.Context(), &ecs.ListTasksInput{
		Cluster: aws.String(shop), ServiceName: aws.String(shop), DesiredStatus: types.DesiredStatusStopped,
	})
	l.must(err)
	if len(list.TaskArns) == 0 {
		return nil
	}
	out, err := l.account.ECS.DescribeTasks(l.t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(shop), Tasks: list.TaskArns})
	l.must(err)
	return out.Tasks
}

// messages are a service's events, oldest first, without what is random.
func messages(s types.Service) string {
	var all []string
	for _, e := range slices.Backward(s.Events) {
		words := strings.Fields(*e.Message)
		for i, word := range words {
			switch {
			case strings.HasPrefix(word, "ecs-svc/"):
				words[i] = "D"
			case i > 0 && words[i-1] == "(task":
				words[i] = "T)"
			case i > 0 && words[i-1] == "(target-group":
				words[i] = "G)"
			}
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "\n")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwhere AWS has:\n%s", what, got, want)
	}
}

func TestWithoutAPlanADeploymentIsOverAtOnce(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.update(2)
	l.sees("runs 2, 2 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]")
	equal(t, "the history is", l.history(), strings.Join([]string{successful, successful}, "\n"))
}

func TestASlowDeploymentReplacesTheOldTasksStepByStep(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.rollouts.Next(Plan{Polls: 6})
	equal(t, "UpdateService answers", l.view(*l.update(2)), "runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]")
	s := l.sees(
		"runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 2+0/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2 initial:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 2+0/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2 initial:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 2+0/2 !0, 1 ACTIVE COMPLETED 0+0/0 !0, [draining:2 healthy:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 2+0/2 !0, 1 ACTIVE COMPLETED 0+0/0 !0, [draining:2 healthy:2]",
		"runs 2, 2 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 2, 2 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
	)
	if all := messages(s); !strings.HasSuffix(all, `(service shop) has started 2 tasks: (task T) (task T)
(service shop) registered 1 targets in (target-group G)
(service shop) registered 1 targets in (target-group G)
(service shop) deregistered 1 targets in (target-group G)
(service shop) has begun draining connections on 1 tasks.
(service shop) deregistered 1 targets in (target-group G)
(service shop) has begun draining connections on 1 tasks.
(service shop) has stopped 2 running tasks: (task T) (task T)
(service shop) (deployment D deployment completed.
(service shop) has reached a steady state.`) {
		t.Errorf("the events are not as ECS's are:\n%s", all)
	}
	equal(t, "the history is", l.history(), strings.Join([]string{successful, successful}, "\n"))
}

func TestAFailedDeploymentIsRolledBack(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	old := *l.poll().Deployments[0].Id
	l.rollouts.Next(Plan{Outcome: RollsBack, Polls: 3, Settling: 2})
	l.update(2)
	l.sees(
		"runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !1, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !2, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
	)
	equal(t, "the history is", l.history(), "IN_PROGRESS\nSUCCESSFUL")
	const settling = "runs 1, 1 PRIMARY IN_PROGRESS 2+0/2 !0, 2 ACTIVE FAILED 0+0/0 !3, [healthy:2]"
	s := l.sees(settling)
	const tripped = " Service deployment rolled back because the circuit breaker threshold was exceeded."
	equal(t, "the history is", l.history(), "ROLLBACK_IN_PROGRESS"+tripped+"\nSUCCESSFUL")
	equal(t, "the rollback's reason is", *s.Deployments[0].RolloutStateReason, "ECS deployment circuit breaker: rolling back to deploymentId "+old+".")
	equal(t, "the failure's reason is", *s.Deployments[1].RolloutStateReason, "ECS deployment circuit breaker: tasks failed to start.")
	if back := *s.Deployments[0].Id; back == old || back == *s.Deployments[1].Id {
		t.Errorf("the rollback is not a deployment of its own: %s", back)
	}
	s = l.sees(settling, "runs 1, 1 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]")
	equal(t, "the history is", l.history(), "ROLLBACK_SUCCESSFUL"+tripped+"\nSUCCESSFUL")
	if all := messages(s); !strings.HasSuffix(all, `(service shop) (deployment D deployment failed: tasks failed to start.
(service shop) rolling back to deployment D
(service shop) has stopped 1 pending tasks: (task T)
(service shop) (deployment D deployment completed.
(service shop) has reached a steady state.`) {
		t.Errorf("the events don't end as ECS's do:\n%s", all)
	}
	stopped := l.stopped()
	stopped = slices.DeleteFunc(stopped, func(task types.Task) bool { return task.StopCode == types.TaskStopCodeServiceSchedulerInitiated })
	if len(stopped) != 3 {
		t.Fatalf("%d tasks stopped by themselves, and 3 were counted as failed", len(stopped))
	}
	for _, task := range stopped {
		c := task.Containers[0]
		got := fmt.Sprintf("%s %s: %s, %s exits with %d, %s", l.tag(task.TaskDefinitionArn), task.StopCode, *task.StoppedReason, *c.Name, aws.ToInt32(c.ExitCode), *c.Image)
		equal(t, "a task stopped so", got, "2 EssentialContainerExited: Essential container in task exited, web exits with 78, shop:2")
	}
}

func TestAfterARollbackTheNextVersionGoesItsOwnWay(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.rollouts.Next(Plan{Outcome: RollsBack, Polls: 1})
	l.rollouts.Next(Plan{Outcome: RollsBack, Polls: 1, Cause: NoImage})
	for range 2 {
		l.update(2)
		l.sees(
			"runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
			"runs 1, 1 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
		)
	}
	l.update(3)
	l.sees("runs 3, 3 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]")
	if n := l.rollouts.Unused(); n != 0 {
		t.Errorf("%d planned deployments have not begun", n)
	}
	if n := strings.Count(l.history(), "\n") + 1; n != 4 {
		t.Errorf("the history has %d deployments, not 4:\n%s", n, l.history())
	}
	var reasons []string
	for _, task := range l.stopped() {
		if task.StopCode == types.TaskStopCodeServiceSchedulerInitiated {
			continue
		}
		reasons = append(reasons, fmt.Sprintf("%s: %s (has an exit code: %v)", task.StopCode, *task.StoppedReason, task.Containers[0].ExitCode != nil))
	}
	equal(t, "the stopped tasks of both are", strings.Join(slices.Compact(reasons), "\n"), `EssentialContainerExited: Essential container in task exited (has an exit code: true)
TaskFailedToStart: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref shop:2: not found (has an exit code: false)`)
}

func TestAFirstDeploymentHasNothingToGoBackTo(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.rollouts.Next(Plan{Outcome: RollsBack, Polls: 2, Cause: Unhealthy})
	equal(t, "CreateService answers", l.view(*l.create()), "runs 1, 1 PRIMARY IN_PROGRESS 2+0/2 !0, [unhealthy:2]")
	s := l.sees(
		"runs 1, 1 PRIMARY IN_PROGRESS 2+0/2 !0, [unhealthy:2]",
		"runs 1, 1 PRIMARY IN_PROGRESS 2+0/2 !2, [unhealthy:2]",
		"runs 1, 1 PRIMARY FAILED 0+0/2 !4, []",
		"runs 1, 1 PRIMARY FAILED 0+0/2 !4, []",
	)
	equal(t, "the history is", l.history(), "ROLLBACK_FAILED No rollback candidate was found to run the rollback.")
	if all := messages(s); !strings.Contains(all, "(service shop) (task T) (port 8080) is unhealthy in (target-group G) due to (reason "+badAnswer+").") {
		t.Errorf("no event tells of the health check:\n%s", all)
	}
	l.update(2)
	l.sees("runs 2, 2 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]")
}

func TestAStuckDeploymentGoesOnForEverUntilTheNext(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.rollouts.Next(Plan{Outcome: Hangs})
	l.update(2)
	const stuck = "runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]"
	s := l.sees(stuck, stuck, stuck, stuck, stuck)
	if all := messages(s); !strings.Contains(all, "was unable to place a task") {
		t.Errorf("no event tells why the deployment is stuck:\n%s", all)
	}
	l.rollouts.Next(Plan{Polls: 1})
	l.update(3)
	l.sees(
		"runs 3, 3 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 3, 3 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
	)
}

func TestARollbackTakesBackWhatElseWasChanged(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.rollouts.Next(Plan{Outcome: RollsBack, Polls: 1, Settling: 1})
	move := &ecs.UpdateServiceInput{Cluster: aws.String(shop), Service: aws.String(shop), NetworkConfiguration: network(l.subnets[1])}
	_, err := l.account.ECS.UpdateService(t.Context(), move)
	l.must(err)
	subnet := func(s types.Service) string { return s.NetworkConfiguration.AwsvpcConfiguration.Subnets[0] }
	equal(t, "the tasks begin to start in", subnet(l.sees("runs 1, 1 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]")), l.subnets[1])
	s := l.sees(
		"runs 1, 1 PRIMARY IN_PROGRESS 2+0/2 !0, 1 ACTIVE FAILED 0+0/0 !3, [healthy:2]",
		"runs 1, 1 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
	)
	equal(t, "after the rollback tasks start in", subnet(s), l.subnets[0])
}

func TestWhatChangesNoTaskBeginsNoDeployment(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.rollouts.Next(Plan{Outcome: RollsBack, Polls: 1})
	for _, harmless := range []*ecs.UpdateServiceInput{
		{DesiredCount: aws.Int32(3)},
		{TaskDefinition: aws.String(l.definitions[0])},
		{NetworkConfiguration: network(l.subnets[0])},
	} {
		harmless.Cluster, harmless.Service = aws.String(shop), aws.String(shop)
		_, err := l.account.ECS.UpdateService(t.Context(), harmless)
		l.must(err)
	}
	l.sees("runs 1, 1 PRIMARY COMPLETED 3+0/3 !0, [healthy:3]")
	if l.rollouts.Unused() != 1 {
		t.Error("a change that begins no deployment used up the plan for the next one")
	}
	l.rollouts.Next(Plan{})
	_, err := l.account.ECS.UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: aws.String(shop), Service: aws.String(shop), ForceNewDeployment: true})
	l.must(err)
	l.sees(
		"runs 1, 1 PRIMARY IN_PROGRESS 0+3/3 !0, 1 ACTIVE COMPLETED 3+0/3 !0, [healthy:3]",
		"runs 1, 1 PRIMARY COMPLETED 3+0/3 !0, [healthy:3]",
	)
	_, err = l.account.ECS.DeleteService(t.Context(), &ecs.DeleteServiceInput{Cluster: aws.String(shop), Service: aws.String(shop), Force: aws.Bool(true)})
	l.must(err)
	if out, err := l.account.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String(shop), Services: []string{shop}}); err != nil || len(out.Services) > 0 && *out.Services[0].Status == "ACTIVE" {
		t.Errorf("a deleted service goes on: %v", err)
	}
}

func TestAStaleAnswerShowsWhatWasBefore(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.create()
	l.rollouts.Next(Plan{Stale: 2, Polls: 3})
	equal(t, "UpdateService answers", l.view(*l.update(2)), "runs 2, 2 PRIMARY IN_PROGRESS 0+2/2 !0, 1 ACTIVE COMPLETED 2+0/2 !0, [healthy:2]")
	l.sees(
		"runs 1, 1 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
		"runs 1, 1 PRIMARY COMPLETED 2+0/2 !0, [healthy:2 initial:2]",
		"runs 2, 2 PRIMARY IN_PROGRESS 2+0/2 !0, 1 ACTIVE COMPLETED 0+0/0 !0, [draining:2 healthy:2]",
		"runs 2, 2 PRIMARY COMPLETED 2+0/2 !0, [healthy:2]",
	)
}
