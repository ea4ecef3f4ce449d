package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

var steady = of(deployment{revision: wanted, state: completed, running: 2})

// ended is a deployment that ended so, second after second.
func ended(second int64, status types.ServiceDeploymentStatus) types.ServiceDeploymentBrief {
	return types.ServiceDeploymentBrief{
		ServiceDeploymentArn: aws.String("arn:deployment"), TargetServiceRevisionArn: aws.String("arn:target"), Status: status,
		CreatedAt: aws.Time(time.Unix(10*second, 0)), FinishedAt: aws.Time(time.Unix(10*second+9, 0)),
	}
}

func TestTheYoungestOfManyDeploymentsCounts(t *testing.T) {
	t.Parallel()
	w := &world{looks: []look{steady}}
	for second := range int64(7) {
		w.deployments = append(w.deployments, ended(second, types.ServiceDeploymentStatusSuccessful))
	}
	w.deployments = append(w.deployments, ended(7, types.ServiceDeploymentStatusRollbackSuccessful))
	_ = watch(t, w, time.Minute).failure(t, "ROLLBACK_SUCCESSFUL")

	w.deployments = append(w.deployments, ended(8, types.ServiceDeploymentStatusSuccessful))
	if got := watch(t, w, time.Minute); got.err != nil {
		t.Errorf("a rollback that was mended since fails the update: %v", got.err)
	}
}

func TestAListFromBeforeTheDeploymentIsNotBelieved(t *testing.T) {
	t.Parallel()
	now := *steady.service
	now.Deployments = []types.Deployment{now.Deployments[0]}
	now.Deployments[0].CreatedAt = aws.Time(time.Unix(100, 0))
	w := &world{looks: []look{{service: &now}}, deployments: []types.ServiceDeploymentBrief{ended(1, types.ServiceDeploymentStatusRollbackSuccessful)}}
	if got := watch(t, w, time.Minute); got.err != nil {
		t.Errorf("the rollback of the version before fails the one that repairs it: %v", got.err)
	}
	// A rollback to a deployment of before ends after that was made.
	now.Deployments[0].CreatedAt = aws.Time(time.Unix(1, 0))
	_ = watch(t, w, time.Minute).failure(t, "ROLLBACK_SUCCESSFUL")
}

func TestADeploymentThatWasTakenBackLeavesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	at := func(subnets ...string) *types.NetworkConfiguration {
		return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: subnets, SecurityGroups: []string{"sg"}, AssignPublicIp: types.AssignPublicIpEnabled,
		}}
	}
	asked := func(w *Watch) { w.Network = at("a", "b").AwsvpcConfiguration }
	for what, c := range map[string]struct {
		service, deployment *types.NetworkConfiguration
		fails               bool
	}{
		"somebody else's, or undone in the program too": {at("b", "a"), at("b", "a"), false},
		"ours": {at("a", "b"), at("a"), true},
		"ours, of which ECS tells the service's network alone": {at("a"), nil, true},
		"of which ECS tells nothing":                           {nil, nil, true},
	} {
		for _, status := range []types.ServiceDeploymentStatus{
			types.ServiceDeploymentStatusRollbackSuccessful, types.ServiceDeploymentStatusStopped, types.ServiceDeploymentStatusStopRequested,
		} {
			now := of(deployment{revision: wanted, state: completed, running: 2})
			now.service.NetworkConfiguration, now.service.Deployments[0].NetworkConfiguration = c.service, c.deployment
			got := watch(t, &world{looks: []look{now}, deployments: []types.ServiceDeploymentBrief{ended(1, status)}}, time.Minute, asked)
			if c.fails != (got.err != nil) {
				t.Errorf("%s and %s: whether the update fails is %v: %v", what, status, got.err != nil, got.err)
			}
		}
	}
}

func TestTheAdviceFitsWhatHappened(t *testing.T) {
	t.Parallel()
	told := func(revision string) func(*Watch) { return func(w *Watch) { w.Told = revision } }
	old := of(deployment{revision: before, state: completed, running: 2})
	starved := of(deployment{revision: wanted, state: inProgress, running: 1})
	starved.service.Events = append([]types.ServiceEvent{{
		CreatedAt: aws.Time(time.Now()), Message: aws.String("(service web) was unable to place a task. Reason: Capacity is unavailable at this time."),
	}}, starved.service.Events...)
	spot := look{service: new(*starved.service)}
	spot.service.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}
	for what, c := range map[string]struct {
		now    look
		option func(*Watch)
		reason string
		advice string
		says   string
	}{
		"left out of the update": {old, told(before), "left the service out, as with --target", "`pulumi up` without --target", ""},
		"rolled back":            {old, told(wanted), "was rolled back", "redeploy", ""},
		"deleted":                {look{service: &types.Service{Status: aws.String("INACTIVE")}}, told(wanted), "somebody has deleted it", "`pulumi up --refresh`", ""},
		"gone":                   {look{}, told(wanted), "somebody has deleted it", "`pulumi up --refresh`", ""},
		"without its cluster":    {look{err: &types.ClusterNotFoundException{}}, told(wanted), "the cluster is gone", "`pulumi up --refresh`", ""},
		"without a place":        {starved, told(wanted), "ECS finds no place for tasks", "quota of Fargate vCPUs", "Capacity is unavailable"},
		"without spare capacity": {spot, told(wanted), "ECS finds no place for tasks", "capacityProvider FARGATE", "Capacity is unavailable"},
	} {
		got := watch(t, &world{looks: []look{c.now}}, time.Minute, c.option)
		f := got.failure(t, c.reason)
		if !strings.Contains(f.Next, c.advice) || !strings.Contains(strings.Join(f.Says, " "), c.says) {
			t.Errorf("%s: the advice is %q, and ECS says %q", what, f.Next, f.Says)
		}
		if c.says != "" && !strings.Contains(strings.Join(got.lines, " "), c.says) {
			t.Errorf("%s: nobody is told while it waits: %q", what, got.lines)
		}
	}
}
