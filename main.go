// Command ecs-sample-app is a Pulumi program that runs a container on Amazon
// ECS with AWS Fargate, behind an Application Load Balancer.
package main

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/network/existing"
	"ecs-sample-app/config"
	"ecs-sample-app/internal/stackconfig"
)

func main() {
	pulumi.Run(program)
}

// program is the architecture: config, components, outputs. Requests go from
// the load balancer through the network to the service's tasks.
func program(ctx *pulumi.Context) error {
	// An older engine would change in place, without a word, what is to be replaced.
	if err := ctx.RequirePulumiVersion(">=3.208.0"); err != nil {
		return err
	}
	cfg, err := config.Load(ctx)
	if err != nil {
		return err
	}
	app := cfg.Services[0]
	if err := errors.Join(findTag(ctx, &app), findLastBuild(ctx, &app), findZones(ctx, cfg)); err != nil {
		return err
	}

	place, err := place(ctx, cfg)
	if err != nil {
		return stackconfig.Explain(ctx, err)
	}
	ecs, err := cluster.New(ctx, config.ServiceName, cfg.Cluster)
	if err != nil {
		return err
	}
	// Nothing that stays with another VPC proves that there was a load balancer before, but
	// the cluster: a first deployment may have failed between the two.
	balancer, err := front(ctx, cfg, place, ecs.ARN)
	if err != nil {
		return err
	}
	return serve(ctx, &app, place, balancer, ecs)
}

// place is where things go: in a network that is there, or in one that is made.
func place(ctx *pulumi.Context, cfg *config.Config) (*network.Place, error) {
	if cfg.Existing.Given() {
		return existing.Find(ctx, cfg.Existing)
	}
	net, err := network.New(ctx, config.ServiceName, cfg.Network)
	if err != nil {
		return nil, err
	}
	return net.Place(), nil
}
