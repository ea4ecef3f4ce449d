package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// progress says how far the deployment is.
func (w *Watch) progress(ctx context.Context, s *types.Service) {
	if time.Since(w.said) < quiet {
		return // What would be said next is worked out when it may be said.
	}
	parts := make([]string, 0, len(s.Deployments)+1)
	for i := range s.Deployments {
		d := &s.Deployments[i]
		part := fmt.Sprintf("%s: %d of %d tasks run", nameOf(aws.ToString(d.TaskDefinition)), d.RunningCount, d.DesiredCount)
		if d.PendingCount > 0 {
			part += fmt.Sprintf(", %d start", d.PendingCount)
		}
		if d.FailedTasks > 0 {
			part += fmt.Sprintf(", %d failed", d.FailedTasks)
		}
		parts = append(parts, part)
	}
	if targets := w.targets(ctx, s); targets != "" {
		parts = append(parts, targets)
	}
	if unplaced := unplaced(s); unplaced != "" {
		parts = append(parts, unplaced)
	}
	w.say(strings.Join(parts, "; "))
}

// say passes a line on, unless it was said last or another one just before.
func (w *Watch) say(line string) {
	if line == w.line || time.Since(w.said) < quiet {
		return
	}
	w.line, w.said = line, time.Now()
	w.Say(line)
}

// sayBusy says that ECS is asked again.
func (w *Watch) sayBusy(err error) { w.say(fmt.Sprintf("ECS does not answer, asking again: %v", err)) }

// sayEnd says that it is done, where somebody was kept waiting.
func (w *Watch) sayEnd(s *types.Service) {
	if w.said.IsZero() {
		return
	}
	w.Say(fmt.Sprintf("%s runs on all %d tasks after %s", nameOf(w.TaskDefinition), s.RunningCount,
		time.Since(w.started).Round(time.Second)))
}

// targets counts the load balancer's targets by their health, such as
// "targets: 1 healthy, 1 draining". What can't be found out is left out.
func (w *Watch) targets(ctx context.Context, s *types.Service) string {
	health, err := w.health(ctx, s)
	if err != nil || len(health) == 0 {
		return ""
	}
	counts := map[elbtypes.TargetHealthStateEnum]int{}
	for _, h := range health {
		counts[h.State]++
	}
	var words []string
	for _, state := range []elbtypes.TargetHealthStateEnum{
		elbtypes.TargetHealthStateEnumInitial, elbtypes.TargetHealthStateEnumHealthy,
		elbtypes.TargetHealthStateEnumUnhealthy, elbtypes.TargetHealthStateEnumDraining,
	} {
		if n := counts[state]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, state))
		}
	}
	return "targets: " + strings.Join(words, ", ")
}

// health is that of all targets in all of the service's target groups.
func (w *Watch) health(ctx context.Context, s *types.Service) ([]elbtypes.TargetHealth, error) {
	var all []elbtypes.TargetHealth
	for _, balancer := range s.LoadBalancers {
		out, err := w.ELB.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: balancer.TargetGroupArn})
		if err != nil {
			return nil, err
		}
		for _, target := range out.TargetHealthDescriptions {
			if target.TargetHealth != nil {
				all = append(all, *target.TargetHealth)
			}
		}
	}
	return all, nil
}

// nameOf is what an ARN ends with: a service's name, a task's ID, and of a task
// definition family:revision.
func nameOf(arn string) string {
	return arn[strings.LastIndex(arn, "/")+1:]
}
