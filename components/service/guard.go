package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/awsconfig"
	"ecs-sample-app/internal/rollout"
)

// deployed is the revision that the service runs, once ECS says so. It is watched
// in every update, also in one without changes: a deployment that was rolled back
// stays an error until it is repaired. A preview asks nobody. `pulumi destroy` and
// `pulumi refresh` do not run the program, unless with --run-program, which the
// program can't tell from an update.
//
// Not a resource hook, because the engine runs none for a resource that does not
// change, and not a function of the provider, because none tells of events and
// stopped tasks.
func (b *builder) deployed(service *ecs.Service) (pulumi.StringOutput, error) {
	if b.ctx.DryRun() || b.args.SkipSteadyState {
		return service.TaskDefinition.Elem(), nil
	}
	settings, err := awsconfig.Read(b.ctx)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	// The service's own output is no measure: the provider has read it back from ECS,
	// which may have answered with what was before.
	return pulumi.All(service.ID(), service.Cluster, b.args.TaskDefinitionARN).ApplyTWithContext(b.ctx.Context(),
		func(ctx context.Context, known []any) (string, error) {
			arn, cluster, revision := string(known[0].(pulumi.ID)), known[1].(string), known[2].(string)
			return revision, b.watch(ctx, service, settings, &rollout.Watch{
				Cluster:        cluster,
				Service:        arn,
				TaskDefinition: revision,
			})
		}).(pulumi.StringOutput), nil
}

// watch waits for a deployment, with progress in the log of the service.
func (b *builder) watch(ctx context.Context, service *ecs.Service, settings *awsconfig.Settings, w *rollout.Watch) error {
	if err := b.connect(ctx, settings, w); err != nil {
		return err
	}
	w.Timeout = time.Duration(b.args.DeploymentTimeoutMinutes) * time.Minute
	log := &pulumi.LogArgs{Resource: service}
	w.Say = func(line string) { _ = b.ctx.Log.Info(line, log) } // A line that is lost stops nothing.
	running, err := w.Wait(ctx)
	if err != nil {
		return err
	}
	if wanted := *b.args.DesiredCount; b.args.Autoscaling == nil && running != wanted {
		return b.ctx.Log.Warn(fmt.Sprintf("ECS keeps %d tasks running, the program asks for %d: "+
			"autoscaling was switched off, or somebody has changed it. `pulumi up --refresh` sets it", running, wanted), log)
	}
	return nil
}

// connect makes the clients: as the default provider's, or with what was given.
func (b *builder) connect(ctx context.Context, settings *awsconfig.Settings, w *rollout.Watch) error {
	if b.args.AWS != nil {
		w.ECS, w.ELB = awsecs.NewFromConfig(*b.args.AWS), awselb.NewFromConfig(*b.args.AWS)
		return nil
	}
	config, err := settings.Load(ctx, regionOf(w.Service))
	if err != nil {
		return err
	}
	w.ECS = awsecs.NewFromConfig(config, func(o *awsecs.Options) {
		if url := settings.Endpoint("ecs"); url != nil {
			o.BaseEndpoint = url
		}
	})
	w.ELB = awselb.NewFromConfig(config, func(o *awselb.Options) {
		if url := settings.Endpoint("elbv2", "elasticloadbalancingv2"); url != nil {
			o.BaseEndpoint = url
		}
	})
	return nil
}

// regionOf is the region of an ARN: that of the provider which made the service,
// whatever the stack's config says.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func regionOf(arn string) string {
	const place = 3
	parts := strings.Split(arn, ":")
	return parts[min(place, len(parts)-1)]
}
