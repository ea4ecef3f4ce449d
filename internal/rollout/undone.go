package rollout

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// listedDeployments is how many deployments ECS lists in one answer at the most
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html).
const listedDeployments = 100

// undone returns why ECS took the last deployment back where the revision does not
// tell: a change of the network or of the load balancer leaves it as it was. An ECS
// that knows nothing of service deployments, or a role that may not ask, leaves the
// verdict to the revision.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
func (w *Watch) undone(s *types.Service, last *types.ServiceDeploymentBrief) *verdict {
	if last == nil {
		return nil
	}
	// STOPPED, STOP_REQUESTED, and all that begins with ROLLBACK.
	status := string(last.Status)
	if !strings.HasPrefix(status, "ROLLBACK") && !strings.HasPrefix(status, "STOP") || w.asIs(s) {
		return nil
	}
	return &verdict{
		why:  "the last deployment is " + status,
		next: "`pulumi up --refresh` tries the change again",
	}
}

// open tells whether ECS is still at the last deployment.
func open(last *types.ServiceDeploymentBrief) bool {
	return last != nil &&
		(last.Status == types.ServiceDeploymentStatusPending || last.Status == types.ServiceDeploymentStatusInProgress)
}

// lastDeployment is the youngest of the service's deployments, nil where ECS does
// not tell, or tells only of one that had ended before what runs now began: such a
// list is from before the deployment.
func (w *Watch) lastDeployment(ctx context.Context, s *types.Service) *types.ServiceDeploymentBrief {
	var last *types.ServiceDeploymentBrief
	for token := (*string)(nil); ; {
		out, err := w.ECS.ListServiceDeployments(ctx, &ecs.ListServiceDeploymentsInput{
			Cluster: aws.String(w.Cluster), Service: aws.String(w.Service), MaxResults: aws.Int32(listedDeployments), NextToken: token,
		})
		if err != nil {
			return nil
		}
		for i := range out.ServiceDeployments {
			one := &out.ServiceDeployments[i]
			if last == nil || aws.ToTime(one.CreatedAt).After(aws.ToTime(last.CreatedAt)) {
				last = one
			}
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	if last == nil || s == nil || last.FinishedAt == nil {
		return last
	}
	if primary := primaryOf(s); primary != nil && last.FinishedAt.Before(aws.ToTime(primary.CreatedAt)) {
		return nil
	}
	return last
}

// asIs tells whether the service runs where it was asked to, whatever became of its last
// deployment: that may have been somebody else's, or has been taken back in the program
// too.
func (w *Watch) asIs(s *types.Service) bool {
	network := s.NetworkConfiguration
	if primary := primaryOf(s); primary != nil && primary.NetworkConfiguration != nil {
		network = primary.NetworkConfiguration
	}
	if w.Network == nil || network == nil || network.AwsvpcConfiguration == nil {
		return false
	}
	is := network.AwsvpcConfiguration
	return same(is.Subnets, w.Network.Subnets) && same(is.SecurityGroups, w.Network.SecurityGroups) && is.AssignPublicIp == w.Network.AssignPublicIp
}

// same tells whether two lists hold the same, in any order.
func same(some, others []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(some)), slices.Sorted(slices.Values(others)))
}
