package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

const (
	prefix  = "arn:aws:ecs:us-east-1:123456789012:"
	cluster = prefix + "cluster/c"
	name    = prefix + "service/c/web"
	before  = prefix + "task-definition/web:6"
	wanted  = prefix + "task-definition/web:7"
)

// world is AWS as a test has it: one answer a look, the last one for ever.
type world struct {
	looks       []look
	deployments []types.ServiceDeploymentBrief
	tasks       []types.Task
	health      []elbtypes.TargetHealthDescription
	others      []types.Service
	set         []int32 // desired counts that were asked for
	asked       int
	listErrors  int // how often ECS is too busy to list services
}

type look struct {
	service *types.Service
	err     error
}

func (w *world) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if in.Services[0] != name {
		out := &ecs.DescribeServicesOutput{}
		if len(in.Services) > 10 {
			return nil, errors.New("ECS describes ten services at the most")
		}
		for _, s := range w.others {
			if slices.Contains(in.Services, *s.ServiceArn) {
				out.Services = append(out.Services, s)
			}
		}
		return out, nil
	}
	now := w.looks[min(w.asked, len(w.looks)-1)]
	w.asked++
	if now.err != nil || now.service == nil {
		return &ecs.DescribeServicesOutput{}, now.err
	}
	return &ecs.DescribeServicesOutput{Services: []types.Service{*now.service}}, nil
}

// ListServiceDeployments lists two deployments a page.
func (w *world) ListServiceDeployments(_ context.Context, in *ecs.ListServiceDeploymentsInput, _ ...func(*ecs.Options)) (*ecs.ListServiceDeploymentsOutput, error) {
	if w.deployments == nil {
		return nil, errors.New("ECS does not know this action")
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out := &ecs.ListServiceDeploymentsOutput{ServiceDeployments: w.deployments[from:min(from+2, len(w.deployments))]}
	if from+2 < len(w.deployments) {
		out.NextToken = aws.String(strconv.Itoa(from + 2))
	}
	return out, nil
}

// ListServices lists three services a page.
func (w *world) ListServices(_ context.Context, in *ecs.ListServicesInput, _ ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	if w.listErrors > 0 {
		w.listErrors--
		return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
	}
	all := []string{name}
	for _, s := range w.others {
		all = append(all, *s.ServiceArn)
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out := &ecs.ListServicesOutput{ServiceArns: all[from:min(from+3, len(all))]}
	if from+3 < len(all) {
		out.NextToken = aws.String(strconv.Itoa(from + 3))
	}
	return out, nil
}

func (w *world) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	w.set = append(w.set, *in.DesiredCount)
	return &ecs.UpdateServiceOutput{}, nil
}

func (w *world) ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	out := &ecs.ListTasksOutput{}
	for _, t := range w.tasks {
		out.TaskArns = append(out.TaskArns, *t.TaskArn)
	}
	return out, nil
}

func (w *world) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	return &ecs.DescribeTasksOutput{Tasks: w.tasks}, nil
}

func (*world) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("app"),
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "web-logs", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app",
			}},
		}},
	}}, nil
}

func (w *world) DescribeTargetHealth(context.Context, *elb.DescribeTargetHealthInput, ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error) {
	return &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: w.health}, nil
}

// deployment is one as ECS describes it; the first of a service is the primary.
type deployment struct {
	revision string
	state    types.DeploymentRolloutState
	running  int32
	reason   string
}

const (
	inProgress = types.DeploymentRolloutStateInProgress
	completed  = types.DeploymentRolloutStateCompleted
	failed     = types.DeploymentRolloutStateFailed
)

// of is a service with two desired tasks and these deployments.
func of(all ...deployment) look {
	const desired = 2
	s := &types.Service{
		Status: aws.String("ACTIVE"), DesiredCount: desired,
		LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String("arn:target-group")}},
		Events: []types.ServiceEvent{
			{CreatedAt: aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Message: aws.String("(service web) the youngest event.")},
			{CreatedAt: aws.Time(time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)), Message: aws.String("(service web) the one before.")},
		},
	}
	for i, d := range all {
		status := "PRIMARY"
		if i > 0 {
			status = "ACTIVE"
		}
		s.RunningCount += d.running
		s.Deployments = append(s.Deployments, types.Deployment{
			Status: aws.String(status), TaskDefinition: aws.String(d.revision), RolloutState: d.state,
			RolloutStateReason: aws.String(d.reason), DesiredCount: desired, RunningCount: d.running, PendingCount: desired - d.running,
		})
		s.PendingCount += desired - d.running
	}
	return look{service: s}
}

// watched is what became of a deployment.
type watched struct {
	desired int
	err     error
	lines   []string
	took    time.Duration
}

// watch watches in a time of its own, in which waiting takes none.
func watch(t *testing.T, w *world, timeout time.Duration, options ...func(*Watch)) watched {
	t.Helper()
	var all watched
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		watch := &Watch{
			ECS: w, ELB: w, Cluster: cluster, Service: name, TaskDefinition: wanted, Timeout: timeout,
			Say: func(line string) { all.lines = append(all.lines, line) },
		}
		for _, option := range options {
			option(watch)
		}
		all.desired, all.err = watch.Wait(t.Context())
		all.took = time.Since(start)
	})
	return all
}

// failure wants a failure with this reason.
func (w watched) failure(t *testing.T, reason string) *DeploymentError {
	t.Helper()
	var f *DeploymentError
	if !errors.As(w.err, &f) {
		t.Fatalf("the update ends with %v, and not with a failure: a broken version would pass for deployed", w.err)
	}
	if !strings.Contains(f.Reason, reason) {
		t.Errorf("the reason is %q, and not %q", f.Reason, reason)
	}
	return f
}

func TestASteadyServiceIsAskedOnceAndNothingIsSaid(t *testing.T) {
	t.Parallel()
	w := &world{looks: []look{of(deployment{revision: wanted, state: completed, running: 2})}}
	got := watch(t, w, time.Minute)
	if got.err != nil || got.desired != 2 || got.took != 0 || w.asked != 1 || len(got.lines) > 0 {
		t.Errorf("every update without a change would cost time or lines: %+v after %d looks", got, w.asked)
	}
}

func TestADeploymentIsWaitedForUntilItAloneRuns(t *testing.T) {
	t.Parallel()
	w := &world{
		looks: []look{
			of(deployment{revision: wanted, state: inProgress}, deployment{revision: before, state: completed, running: 2}),
			of(deployment{revision: wanted, state: inProgress, running: 1}, deployment{revision: before, state: completed, running: 2}),
			of(deployment{revision: wanted, state: inProgress, running: 2}),                              // Its alarms are being watched.
			of(deployment{revision: wanted, state: completed, running: 1}),                               // One was lost just now.
			of(deployment{revision: wanted, state: completed, running: 2}, deployment{revision: before}), // The old one drains.
			of(deployment{revision: wanted, state: completed, running: 2}),
		},
		health: []elbtypes.TargetHealthDescription{
			{TargetHealth: &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumHealthy}},
			{TargetHealth: &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumDraining}},
		},
	}
	got := watch(t, w, time.Minute)
	if got.err != nil || w.asked != len(w.looks) {
		t.Fatalf("the wait ends with %v after %d looks, not after all %d: an unfinished deployment would pass for deployed", got.err, w.asked, len(w.looks))
	}
	// What comes between falls into the quiet after the first line.
	want := []string{
		"web:7: 0 of 2 tasks run, 2 start; web:6: 2 of 2 tasks run; targets: 1 healthy, 1 draining",
		"web:7 runs on all 2 tasks after 10s",
	}
	if strings.Join(got.lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("the progress is\n%s\nand not\n%s", strings.Join(got.lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestALongWaitDoesNotFloodTheLog(t *testing.T) {
	t.Parallel()
	w := &world{}
	for i := range 900 { // Half an hour, in which every look differs from the one before.
		w.looks = append(w.looks, of(deployment{revision: wanted, state: inProgress, running: int32(i % 2)}))
	}
	got := watch(t, w, 30*time.Minute)
	if n := len(got.lines); n < 10 || n > 180 {
		t.Errorf("half an hour gives %d lines: nobody reads hundreds, and none looks like a hang", n)
	}
}

func TestARollbackFailsAtOnceAndTellsWhy(t *testing.T) {
	t.Parallel()
	stopping := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	task := func(id, revision string) types.Task {
		stopping = stopping.Add(time.Second)
		return types.Task{
			TaskArn: aws.String(prefix + "task/c/" + id), TaskDefinitionArn: aws.String(revision), StartedAt: aws.Time(stopping), StoppingAt: aws.Time(stopping),
			StopCode: types.TaskStopCodeEssentialContainerExited, StoppedReason: aws.String("Essential container in task exited"),
			Containers: []types.Container{{Name: aws.String("app"), ExitCode: aws.Int32(3), Reason: aws.String("OutOfMemoryError: killed")}},
		}
	}
	w := &world{
		looks: []look{
			of(deployment{revision: wanted, state: inProgress}, deployment{revision: before, state: completed, running: 2}),
			of(
				deployment{revision: before, state: inProgress, running: 2, reason: "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/6."},
				deployment{revision: wanted, state: failed, reason: "ECS deployment circuit breaker: tasks failed to start."},
			),
		},
		tasks: []types.Task{task("old", before), task("first", wanted), task("last", wanted)},
		health: []elbtypes.TargetHealthDescription{{TargetHealth: &elbtypes.TargetHealth{
			State: elbtypes.TargetHealthStateEnumUnhealthy, Description: aws.String("Health checks failed with these codes: [503]"),
		}}},
	}
	got := watch(t, w, time.Hour)
	f := got.failure(t, "the deployment failed and is rolled back")
	if got.took != pollInterval {
		t.Errorf("the failure is told %s after ECS told it", got.took-pollInterval)
	}
	want := `the service web does not run what was asked for: ` + f.Reason + `
  asked for:  web:7
  running:    web:6 on 2 of 2 tasks
  ECS says:
    ECS deployment circuit breaker: tasks failed to start.
    ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/6.
  its last events, in UTC:
    03:04:00 (service web) the one before.
    03:04:05 (service web) the youngest event.
  stopped tasks of web:7:
    2 times: EssentialContainerExited: Essential container in task exited; container app exited with 3; container app: OutOfMemoryError: killed
  targets of the load balancer:
    unhealthy: Health checks failed with these codes: [503]
  logs:       aws logs tail web-logs --region us-east-1 --since 1h --log-stream-names app/app/last
  not done:   what this update takes away, such as an opening or a permission, is there until one succeeds
  what next:  set imageTag, or what imageTagParameter names, to a version that works, or try this one again with ` + "`pulumi config set redeploy \"$(date)\"`; then `pulumi up`"
	if f.Error() != want {
		t.Errorf("the error is\n%s\nand not\n%s", f.Error(), want)
	}
}

func TestWhatFailedEarlierStillFails(t *testing.T) {
	t.Parallel()
	for say, now := range map[string]look{
		"rolled back, or something else": of(deployment{revision: before, state: completed, running: 2}),
		"none before to go back to":      of(deployment{revision: wanted, state: failed}),
		"somebody has deleted it":        {service: &types.Service{Status: aws.String("DRAINING")}},
		"the service has no deployment":  {service: &types.Service{Status: aws.String("ACTIVE")}},
	} {
		got := watch(t, &world{looks: []look{now}}, time.Hour)
		_ = got.failure(t, say)
		if got.took > doubts*pollInterval {
			t.Errorf("%s: an update without a change takes %s to fail", say, got.took)
		}
	}
}

func TestAnAnswerFromBeforeTheUpdateIsNotBelieved(t *testing.T) {
	t.Parallel()
	old := of(deployment{revision: before, state: completed, running: 2})
	got := watch(t, &world{looks: []look{old, {}, of(deployment{revision: wanted, state: completed, running: 2})}}, time.Minute)
	if got.err != nil {
		t.Errorf("a good deployment fails because ECS answers late: %v", got.err)
	}
}

func TestTheSameRevisionTriedAgainIsNotTakenForItsFirstFailure(t *testing.T) {
	t.Parallel()
	got := watch(t, &world{looks: []look{
		of(deployment{revision: wanted, state: inProgress}, deployment{revision: before, running: 2}, deployment{revision: wanted, state: failed}),
		of(deployment{revision: wanted, state: completed, running: 2}),
	}}, time.Minute)
	if got.err != nil {
		t.Errorf("a revision that is deployed again can't succeed: %v", got.err)
	}
}

func TestARollbackThatTheRevisionDoesNotTellIsFound(t *testing.T) {
	t.Parallel()
	old := types.ServiceDeploymentBrief{Status: types.ServiceDeploymentStatusSuccessful, CreatedAt: aws.Time(time.Unix(1, 0))}
	for status, fails := range map[types.ServiceDeploymentStatus]bool{
		types.ServiceDeploymentStatusRollbackSuccessful: true,
		types.ServiceDeploymentStatusRollbackFailed:     true,
		types.ServiceDeploymentStatusStopped:            true,
		types.ServiceDeploymentStatusSuccessful:         false,
	} {
		last := types.ServiceDeploymentBrief{Status: status, StatusReason: aws.String("an alarm went off"), CreatedAt: aws.Time(time.Unix(2, 0))}
		got := watch(t, &world{
			looks:       []look{of(deployment{revision: wanted, state: completed, running: 2})},
			deployments: []types.ServiceDeploymentBrief{old, last},
		}, time.Minute)
		switch {
		case fails:
			f := got.failure(t, "the last deployment is "+string(status))
			if strings.Join(f.Says, "") != "an alarm went off" {
				t.Errorf("the reason that ECS gives is lost: %q", f.Says)
			}
			if !strings.Contains(f.Next, "up --refresh") {
				t.Errorf("another revision would not bring the change back, and the advice is: %s", f.Next)
			}
		case got.err != nil:
			t.Errorf("a deployment that is %s fails: %v", status, got.err)
		}
	}
}

func TestAServiceThatIsSteadyFromBeforeIsNotTakenForDeployed(t *testing.T) {
	t.Parallel()
	for _, status := range []types.ServiceDeploymentStatus{types.ServiceDeploymentStatusPending, types.ServiceDeploymentStatusInProgress} {
		got := watch(t, &world{
			looks:       []look{of(deployment{revision: wanted, state: completed, running: 2})},
			deployments: []types.ServiceDeploymentBrief{{Status: status, CreatedAt: aws.Time(time.Unix(1, 0))}},
		}, time.Minute)
		_ = got.failure(t, "it did not finish within 1m0s")
	}
}

func TestTheTimeoutEndsADeploymentThatHangs(t *testing.T) {
	t.Parallel()
	silent := errors.New("connection reset")
	for what, now := range map[string]look{
		"a deployment": of(deployment{revision: wanted, state: inProgress, running: 1}),
		"ECS":          {err: &smithy.OperationError{Err: &smithy.GenericAPIError{Code: "ThrottlingException", Message: silent.Error()}}},
	} {
		got := watch(t, &world{looks: []look{now}}, 5*time.Minute)
		_ = got.failure(t, "it did not finish within 5m0s")
		if got.took != 5*time.Minute {
			t.Errorf("%s that hangs is waited for %s", what, got.took)
		}
	}
}

func TestATroubleThatPassesIsWaitedOut(t *testing.T) {
	t.Parallel()
	response := func(code int) error {
		return &smithy.OperationError{Err: &smithy.GenericAPIError{Code: http.StatusText(code), Fault: smithy.FaultServer}}
	}
	good := of(deployment{revision: wanted, state: completed, running: 2})
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException"}
	brokenOff := fmt.Errorf("deserialization failed: %w", io.ErrUnexpectedEOF)
	got := watch(t, &world{looks: []look{{err: throttled}, {err: context.DeadlineExceeded}, {err: brokenOff}, good}}, time.Minute)
	if got.err != nil || len(got.lines) != 2 || !strings.Contains(got.lines[0], "asking again") {
		t.Errorf("a busy ECS ends the update with %v, and %q is all that is said", got.err, got.lines)
	}

	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform ecs:DescribeServices"}
	for _, lasting := range []error{denied, response(http.StatusForbidden)} {
		got = watch(t, &world{looks: []look{{err: lasting}}}, time.Hour)
		if got.took != 0 || !errors.Is(got.err, lasting) {
			t.Errorf("an update without the permission ends after %s with %v", got.took, got.err)
		}
	}
	if got = watch(t, &world{looks: []look{{}}}, time.Hour); got.err == nil || got.took > doubts*pollInterval {
		t.Errorf("a service that is gone is waited for %s: %v", got.took, got.err)
	}
}

func TestAReasonThatTaskAndContainerShareIsToldOnce(t *testing.T) {
	t.Parallel()
	const missing = "CannotPullContainerError: no such image"
	got := causes([]types.Task{{
		StopCode: types.TaskStopCodeTaskFailedToStart, StoppedReason: aws.String(missing),
		Containers: []types.Container{{Name: aws.String("app"), Reason: aws.String(missing)}},
	}})
	if want := "TaskFailedToStart: " + missing; len(got) != 1 || got[0] != want {
		t.Errorf("the cause is %q and not %q, which is read at a glance", got, want)
	}
}
