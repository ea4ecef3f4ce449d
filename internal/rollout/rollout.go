// Package rollout watches a deployment of an Amazon ECS service until the revision
// that was asked for is the only one that runs, or until ECS gives it up.
//
// ECS calls a service steady too when its circuit breaker has rolled the deployment
// back, which is why waiting for a steady state passes a failed deployment off as a
// success. Here what runs is compared with what was asked for.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

const (
	// pollInterval is the time between two looks: soon enough to report a failure
	// at once, and far below ECS's limit of 20 reads a second for an account
	// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html).
	pollInterval = 2 * time.Second
	// quiet is the least time between two lines of progress.
	quiet = 10 * time.Second
	// doubts is how many looks in a row must show another revision before that is
	// believed without a word from ECS about a rollback: right after an update ECS
	// may still answer with what was before.
	doubts = 3
	// tellTimeout bounds the calls that find out why a deployment failed.
	tellTimeout = 30 * time.Second
)

// ECS is what is asked of Amazon ECS.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	ListServiceDeployments(context.Context, *ecs.ListServiceDeploymentsInput, ...func(*ecs.Options)) (*ecs.ListServiceDeploymentsOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	ListServices(context.Context, *ecs.ListServicesInput, ...func(*ecs.Options)) (*ecs.ListServicesOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// ELB is what is asked of Elastic Load Balancing.
type ELB interface {
	DescribeTargetHealth(context.Context, *elb.DescribeTargetHealthInput, ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error)
}

// Watch is a deployment to watch.
type Watch struct {
	ECS ECS
	ELB ELB
	// Cluster and Service are ARNs.
	Cluster, Service string
	// TaskDefinition is the ARN of the revision that was asked for.
	TaskDefinition string
	// Told is the ARN of the revision that the service was last told to run. It is
	// another one where an update left the service out. Empty if it is not known.
	Told string
	// Network is where the tasks were asked to run. Nil if it is not known.
	Network *types.AwsVpcConfiguration
	// Timeout bounds the wait.
	Timeout time.Duration
	// Say takes a line of progress.
	Say func(line string)
	// Capacity is given if the service is autoscaled.
	Capacity *Capacity
	// SkipInPlace is not to wait for a service that has finished a deployment before:
	// its earlier tasks serve meanwhile. One that never has is waited for.
	SkipInPlace bool

	started, said time.Time
	line          string // said last
	doubted       int
	raised        bool
}

// Wait waits until the service runs the revision on all of its tasks, and returns
// how many tasks ECS keeps running. A deployment that failed is a *DeploymentError.
func (w *Watch) Wait(ctx context.Context) (desired int, err error) {
	w.started = time.Now()
	bounded, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	if s := w.skips(bounded); s != nil {
		if raised, err := w.raise(bounded, s); err != nil || !raised {
			return int(s.DesiredCount), err
		}
		w.raised = true // What serves is not enough: that is waited for.
	}
	for {
		service, failure, err := w.next(bounded)
		switch {
		case failure != nil:
			return 0, w.explain(ctx, service, *failure)
		case err != nil && bounded.Err() == nil:
			return 0, fmt.Errorf("find out whether the deployment of %s succeeded: %w", nameOf(w.TaskDefinition), err)
		case err == nil && service != nil:
			if done, err := w.done(ctx, bounded, service); done || err != nil {
				return int(service.DesiredCount), err
			}
		}
		select {
		case <-ticker.C:
		case <-bounded.Done():
			return 0, w.late(ctx, service)
		}
	}
}

// done tells whether the service has come to what was asked for, and says how far it is
// if not. One that looks steady may not be: ECS may have taken the deployment back
// without another revision, or the look was at what was before it.
func (w *Watch) done(ctx, bounded context.Context, service *types.Service) (bool, error) {
	if !w.steady(service) {
		w.progress(bounded, service)
		return false, nil
	}
	last := w.lastDeployment(bounded, service)
	if failure := w.undone(service, last); failure != nil {
		return false, w.explain(ctx, service, *failure)
	}
	if open(last) {
		return false, nil
	}
	w.sayEnd(service)
	return true, nil
}

// late is the error once the time is over: the caller's own, or the deployment's.
func (w *Watch) late(ctx context.Context, service *types.Service) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := verdict{why: fmt.Sprintf("it did not finish within %s", w.Timeout)}
	if service == nil {
		service, _ = w.describe(ctx) // What is not told is left out.
	}
	if unplaced := unplaced(service); unplaced != "" {
		failure.why += ", because ECS finds no place for tasks"
		failure.says = []string{unplaced}
		failure.next = "`pulumi up` waits on: ECS goes on trying. The account's quota of Fargate vCPUs may be used up"
		if onSpot(service) {
			failure.next = "`pulumi up` waits on: ECS goes on trying. FARGATE_SPOT may have no capacity for hours, FARGATE has: " +
				"`pulumi config set capacityProvider FARGATE` and `pulumi up`"
		}
	}
	return w.explain(ctx, service, failure)
}

// onSpot tells whether tasks are to run on spare capacity.
func onSpot(s *types.Service) bool {
	return slices.ContainsFunc(s.CapacityProviderStrategy, func(item types.CapacityProviderStrategyItem) bool {
		return aws.ToString(item.CapacityProvider) == "FARGATE_SPOT"
	})
}

// verdict is why the service does not come to run what was asked for.
type verdict struct {
	why  string   // in our words
	says []string // in ECS's
	next string   // what to do about it, if it is not what mends a version that fails
	sure bool     // ECS itself has said it
}

// again is what to do about a service that is gone.
const again = "`pulumi up --refresh` makes the service again"

// skips returns the service if nobody has to wait for it.
func (w *Watch) skips(ctx context.Context) *types.Service {
	if !w.SkipInPlace {
		return nil
	}
	s, err := w.describe(ctx)
	if err != nil || s == nil || !served(s) || w.judge(s) != nil {
		return nil // What is wrong shows while it is waited for.
	}
	return s
}

// next is a look. The first good one raises the number of tasks, where that is to be,
// and then does not count: it is from before.
func (w *Watch) next(ctx context.Context) (*types.Service, *verdict, error) {
	service, failure, err := w.look(ctx)
	if err != nil || failure != nil || service == nil || w.raised {
		return service, failure, err
	}
	raised, err := w.raise(ctx, service)
	switch {
	case err == nil:
		w.raised = true
	case temporary(err):
		w.sayBusy(err)
		return nil, nil, nil
	}
	if raised {
		service = nil
	}
	return service, nil, err
}

// look asks ECS once. It returns a verdict if the deployment has failed, an error if
// asking again is of no use, and no service if the answer has to be doubted.
func (w *Watch) look(ctx context.Context) (service *types.Service, failure *verdict, err error) {
	service, err = w.describe(ctx)
	if err != nil {
		if gone := (*types.ClusterNotFoundException)(nil); errors.As(err, &gone) {
			return nil, &verdict{why: "the cluster is gone: somebody has deleted it", next: again, sure: true}, nil
		}
		if temporary(err) {
			w.sayBusy(err)
			return nil, nil, nil
		}
		return nil, nil, err
	}
	if service == nil {
		w.doubted++
		if w.doubted < doubts {
			return nil, nil, nil
		}
		return nil, &verdict{why: "ECS knows no such service: somebody has deleted it", next: again, sure: true}, nil
	}
	failure = w.judge(service)
	if failure == nil {
		w.doubted = 0
		return service, nil, nil
	}
	w.doubted++
	if failure.sure || w.doubted >= doubts {
		return service, failure, nil
	}
	return nil, nil, nil
}

// describe returns the service as ECS has it, nil where it has none.
func (w *Watch) describe(ctx context.Context) (*types.Service, error) {
	out, err := w.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: aws.String(w.Cluster), Services: []string{w.Service}, Include: []types.ServiceField{types.ServiceFieldTags},
	})
	if err != nil || len(out.Services) == 0 {
		return nil, err
	}
	return &out.Services[0], nil
}

// temporary tells whether the next try may succeed: the service is throttled,
// overloaded or out of reach, and the SDK's own tries were not enough. After an
// answer that breaks off the SDK does not try at all.
func temporary(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// steady tells whether all tasks are of the revision that was asked for, and all of
// them run. ECS counts a task only when it is healthy, and keeps the deployment open
// while its alarms are being watched.
func (w *Watch) steady(s *types.Service) bool {
	if len(s.Deployments) != 1 {
		return false
	}
	only := s.Deployments[0]
	return aws.ToString(only.TaskDefinition) == w.TaskDefinition &&
		(only.RolloutState == types.DeploymentRolloutStateCompleted || only.RolloutState == "") &&
		s.RunningCount == s.DesiredCount && s.PendingCount == 0
}

// judge returns a verdict, or nil as long as the deployment may succeed.
func (w *Watch) judge(s *types.Service) *verdict {
	if status := aws.ToString(s.Status); status != "" && status != "ACTIVE" {
		next := again
		if status != "INACTIVE" {
			next += ", once it is INACTIVE"
		}
		return &verdict{why: "the service is " + status + ": somebody has deleted it", next: next, sure: true}
	}
	wanted := w.TaskDefinition
	primary := primaryOf(s)
	if primary == nil {
		return &verdict{why: "the service has no deployment"}
	}
	if aws.ToString(primary.TaskDefinition) == wanted {
		if primary.RolloutState == types.DeploymentRolloutStateFailed {
			return &verdict{
				why:  "the deployment failed, and there was none before to go back to",
				says: []string{aws.ToString(primary.RolloutStateReason)}, sure: true,
			}
		}
		return nil
	}
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if aws.ToString(d.TaskDefinition) == wanted && d.RolloutState == types.DeploymentRolloutStateFailed {
			return &verdict{
				why:  "the deployment failed and is rolled back",
				says: []string{aws.ToString(d.RolloutStateReason), aws.ToString(primary.RolloutStateReason)}, sure: true,
			}
		}
	}
	if w.Told != "" && w.Told != wanted {
		return &verdict{
			why:  "nothing has told it to: the update left the service out, as with --target",
			next: "`pulumi up` without --target updates the service too",
		}
	}
	return &verdict{why: "the deployment was rolled back, or something else was deployed since"}
}

func primaryOf(s *types.Service) *types.Deployment {
	for i := range s.Deployments {
		if aws.ToString(s.Deployments[i].Status) == "PRIMARY" {
			return &s.Deployments[i]
		}
	}
	return nil
}
