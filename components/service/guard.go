package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/awsconfig"
	"ecs-sample-app/internal/rollout"
)

// outcome is how a deployment ended.
type outcome struct {
	// running is the ARN of the revision that ECS runs.
	running string
	// failure is nil if that is what was asked for.
	failure *rollout.DeploymentError
}

// unproven is the failure in one line, for what waits in vain: the whole is in the
// service's log.
type unproven struct {
	name    string
	failure *rollout.DeploymentError
}

func (u unproven) Error() string {
	return fmt.Sprintf("%s does not run what was asked for; the message at %s-service says why", u.name, u.name)
}

func (u unproven) Unwrap() error { return u.failure }

// deployed returns the revision that the service runs and an output that is an error
// if it is not the one that was asked for, both known once ECS says so. It is watched
// in every update, also in one without changes: a deployment that was rolled back
// stays an error until it is repaired. A preview asks nobody. `pulumi destroy` and
// `pulumi refresh` do not run the program, unless with --run-program, which the
// program can't tell from an update.
//
// The first output is no error, so that a stack's outputs are shown after a failure.
//
// Not a resource hook, because the engine runs none for a resource that does not
// change, and not a function of the provider, because none tells of events and
// stopped tasks.
func (b *builder) deployed(service *ecs.Service, group *ec2.SecurityGroup) (running, proven pulumi.StringOutput, err error) {
	if b.ctx.DryRun() {
		// The URN is known before there is a service, so a preview shows nothing as
		// changed that only waits for it.
		return service.TaskDefinition.Elem(), service.URN().ToStringOutput(), nil
	}
	settings, err := awsconfig.Read(b.ctx)
	if err != nil {
		return running, proven, err
	}
	// The service's own output is no measure: the provider has read it back from ECS,
	// which may have answered with what was before.
	watched := pulumi.All(service.ID(), service.Cluster, b.args.TaskDefinitionARN, service.TaskDefinition.Elem(), b.args.SubnetIDs, group.ID()).ApplyTWithContext(b.ctx.Context(),
		func(ctx context.Context, known []any) (outcome, error) {
			id, cluster, revision := string(known[0].(pulumi.ID)), known[1].(string), known[2].(string)
			err := b.watch(ctx, service, settings, &rollout.Watch{
				Cluster:        cluster,
				Service:        id,
				TaskDefinition: revision,
				Told:           known[3].(string),
				Network:        b.network(known[4].([]string), string(known[5].(pulumi.ID))),
			})
			var failure *rollout.DeploymentError
			if errors.As(err, &failure) {
				return outcome{running: failure.RunningARN, failure: failure}, b.ctx.Log.Error(failure.Error(), &pulumi.LogArgs{Resource: service})
			}
			return outcome{running: revision}, err
		})
	running = watched.ApplyT(func(end any) string { return end.(outcome).running }).(pulumi.StringOutput)
	proven = watched.ApplyT(func(end any) (string, error) {
		if failure := end.(outcome).failure; failure != nil {
			return "", unproven{b.name, failure}
		}
		return end.(outcome).running, nil
	}).(pulumi.StringOutput)
	return running, proven, nil
}

// network is where the tasks are to run, as ECS has it.
func (b *builder) network(subnets []string, group string) *ecstypes.AwsVpcConfiguration {
	public := ecstypes.AssignPublicIpDisabled
	if b.args.AssignPublicIP {
		public = ecstypes.AssignPublicIpEnabled
	}
	return &ecstypes.AwsVpcConfiguration{Subnets: subnets, SecurityGroups: []string{group}, AssignPublicIp: public}
}

// watch waits for a deployment, with progress in the log of the service.
func (b *builder) watch(ctx context.Context, service *ecs.Service, settings *awsconfig.Settings, w *rollout.Watch) error {
	if err := b.connect(ctx, settings, w); err != nil {
		return err
	}
	w.Timeout = time.Duration(b.args.DeploymentTimeoutMinutes) * time.Minute
	w.SkipInPlace = b.args.SkipSteadyState
	if scaling := b.args.Autoscaling; scaling != nil {
		w.Capacity = &rollout.Capacity{Min: *scaling.MinCapacity, Max: scaling.MaxCapacity, Scheduled: len(scaling.Schedules) > 0}
	}
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
	// The region is that of the provider that made the service, whatever the stack's
	// config says.
	parsed, err := arn.Parse(w.Service)
	if err != nil {
		return fmt.Errorf("read the service's ARN: %w", err)
	}
	config, err := settings.Load(ctx, parsed.Region)
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
