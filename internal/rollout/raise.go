package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// askedServices is how many services ECS describes in one call
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html).
const askedServices = 10

// Capacity is what an autoscaled service must have before requests come to it.
type Capacity struct {
	// Min and Max are the bounds.
	Min, Max int
	// Scheduled tells that schedules set other bounds, so that fewer tasks than Min
	// may be right.
	Scheduled bool
}

// raise gives an autoscaled service the tasks that nothing else would give it: as
// many as its predecessor runs, if it replaces one, and as many as the lower bound.
// The number in the program is ignored once a service is scaled, so a successor would
// begin with the number of its first day, and Application Auto Scaling never moves a
// service away from 0.
//
// It tells whether there was something to raise.
func (w *Watch) raise(ctx context.Context, s *types.Service) (bool, error) {
	if w.Capacity == nil && served(s) {
		return false, nil
	}
	before, name, err := w.predecessor(ctx, s)
	if err != nil {
		return false, fmt.Errorf("find out how many tasks the service before it runs: %w", err)
	}
	if w.Capacity == nil {
		if desired := int(s.DesiredCount); before > desired {
			w.Say(fmt.Sprintf("starts with %d tasks, as desiredCount says; %s, which it replaces, has %d", desired, name, before))
		}
		return false, nil
	}
	wanted := 0
	if !w.Capacity.Scheduled {
		wanted = w.Capacity.Min
	}
	wanted = max(wanted, min(before, w.Capacity.Max))
	if wanted <= int(s.DesiredCount) {
		return false, nil
	}
	w.Say(fmt.Sprintf("starts with %d tasks instead of %d, as autoscaling would have it", wanted, s.DesiredCount))
	_, err = w.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: aws.String(w.Cluster), Service: aws.String(w.Service), DesiredCount: aws.Int32(int32(wanted)), //nolint:gosec // at most 5000
	})
	if err != nil {
		return false, fmt.Errorf("start %d tasks: %w", wanted, err)
	}
	return true, nil
}

// served tells whether a deployment of the service has succeeded, so that tasks of it
// serve whatever becomes of the next one.
func served(s *types.Service) bool {
	return slices.ContainsFunc(s.Deployments, func(d types.Deployment) bool {
		return d.RolloutState == types.DeploymentRolloutStateCompleted
	})
}

// predecessor is how many tasks the service has that this one replaces, and its name,
// 0 and none if there is none: the two have the same tags, among them Pulumi's name of
// the service, the stack and the project. Of several, after updates that failed, it is
// the one that has tasks running.
func (w *Watch) predecessor(ctx context.Context, s *types.Service) (desired int, name string, err error) {
	var arns []string
	for token := (*string)(nil); ; {
		out, err := w.ECS.ListServices(ctx, &ecs.ListServicesInput{Cluster: aws.String(w.Cluster), NextToken: token})
		if err != nil {
			return 0, "", err
		}
		arns = append(arns, out.ServiceArns...)
		if token = out.NextToken; token == nil {
			break
		}
	}
	arns = slices.DeleteFunc(arns, func(arn string) bool { return arn == w.Service })
	own, running := identity(s.Tags), int32(0)
	for some := range slices.Chunk(arns, askedServices) {
		out, err := w.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{
			Cluster: aws.String(w.Cluster), Services: some, Include: []types.ServiceField{types.ServiceFieldTags},
		})
		if err != nil {
			return 0, "", err
		}
		for i := range out.Services {
			if other := &out.Services[i]; own != "" && identity(other.Tags) == own && aws.ToString(other.Status) == "ACTIVE" {
				desired = max(desired, int(other.DesiredCount))
				if name == "" || other.RunningCount > running {
					name, running = aws.ToString(other.ServiceName), other.RunningCount
				}
			}
		}
	}
	return desired, name, nil
}

// identity is what a service and its replacement have in common and no other has.
func identity(tags []types.Tag) string {
	values := map[string]string{}
	for _, tag := range tags {
		values[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if values["Name"] == "" {
		return ""
	}
	return fmt.Sprintf("%q %q %q", values["Project"], values["Stack"], values["Name"])
}
