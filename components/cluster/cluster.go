// Package cluster makes an ECS cluster that runs tasks on AWS Fargate.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-cluster              the cluster
//	NAME-capacity-providers   FARGATE and FARGATE_SPOT, FARGATE by default
package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/after"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:cluster:Cluster"

// Cluster is an ECS cluster with its capacity providers.
type Cluster struct {
	pulumi.ResourceState

	// Name is the cluster's name.
	Name pulumi.StringOutput `pulumi:"name"`
	// ARN is known once the capacity providers are the cluster's, so a service
	// made with it is made after that and destroyed before: AWS refuses to
	// take a capacity provider away that is in use.
	ARN pulumi.StringOutput `pulumi:"arn"`
}

// New registers a cluster called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}

	c := &Cluster{}
	if err := ctx.RegisterComponentResource(token, name, c, opts...); err != nil {
		return nil, fmt.Errorf("register cluster %q: %w", name, err)
	}
	if err := c.build(ctx, name, a); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name, "arn": c.ARN})
}

func (c *Cluster) build(ctx *pulumi.Context, name string, a Args) error {
	child := name + "-cluster"
	cluster, err := ecs.NewCluster(ctx, child, &ecs.ClusterArgs{
		Settings: ecs.ClusterSettingArray{&ecs.ClusterSettingArgs{
			Name:  pulumi.String("containerInsights"),
			Value: pulumi.String(a.ContainerInsights),
		}},
		Tags: tags.Named(child, a.Tags),
	}, pulumi.Parent(c))
	if err != nil {
		return fmt.Errorf("create cluster: %w", err)
	}
	providers, err := ecs.NewClusterCapacityProviders(ctx, name+"-capacity-providers",
		&ecs.ClusterCapacityProvidersArgs{
			ClusterName:       cluster.Name,
			CapacityProviders: pulumi.ToStringArray([]string{"FARGATE", "FARGATE_SPOT"}),
			DefaultCapacityProviderStrategies: ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArray{
				&ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArgs{
					CapacityProvider: pulumi.String("FARGATE"),
					Weight:           pulumi.Int(1),
				},
			},
		}, pulumi.Parent(c))
	if err != nil {
		return fmt.Errorf("add capacity providers: %w", err)
	}
	c.Name = cluster.Name
	c.ARN = after.String(cluster.Arn, providers.ID())
	return nil
}
