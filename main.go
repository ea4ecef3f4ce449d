// Command ecs-sample-app is a Pulumi program that runs a container on Amazon
// ECS with AWS Fargate, behind an Application Load Balancer.
package main

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/firewall"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/config"
	"ecs-sample-app/internal/foretell"
	"ecs-sample-app/internal/stackconfig"
)

// anotherName is what a preview says of a new load balancer beside a cluster that stays.
// Nothing that stays with another VPC proves that there was a load balancer before: a
// first deployment may have failed between the two.
const anotherName = "A new load balancer has another DNS name, so the output url changes. " +
	"One that it replaces serves until the new tasks are healthy, and both are paid for; " +
	"then it is deleted, and clients that use its name are cut off."

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
	if err := errors.Join(findTag(ctx, &app), findLastBuild(ctx, &app)); err != nil {
		return err
	}

	net, err := network.New(ctx, config.ServiceName, cfg.Network)
	if err != nil {
		return stackconfig.Explain(ctx, err)
	}
	cfg.LoadBalancer.VpcID, cfg.LoadBalancer.SubnetIDs = net.VpcID, net.PublicSubnetIDs
	balancer, err := loadbalancer.New(ctx, config.ServiceName, cfg.LoadBalancer)
	if err != nil {
		return err
	}
	if cfg.Firewall.Mode != firewall.ModeOff {
		cfg.Firewall.LoadBalancerARN = balancer.ARN
		if _, err := firewall.New(ctx, config.ServiceName, cfg.Firewall); err != nil {
			return err
		}
	}
	ecs, err := cluster.New(ctx, config.ServiceName, cfg.Cluster)
	if err != nil {
		return err
	}
	foretell.Replaced(ctx, balancer, anotherName, balancer.ARN, ecs.ARN)
	return serve(ctx, &app, net, balancer, ecs)
}
