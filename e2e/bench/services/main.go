// Command services is the Pulumi program that the benchmark previews: a number of
// services in one network and on one cluster, made of the repository's components.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/route"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	count, err := config.New(ctx, "").TryInt("services")
	if err != nil {
		return fmt.Errorf("read the number of services: %w", err)
	}
	net, err := network.New(ctx, "bench", network.Args{})
	if err != nil {
		return err
	}
	fleet, err := cluster.New(ctx, "bench", cluster.Args{})
	if err != nil {
		return err
	}
	for i := range count {
		if err := serve(ctx, fmt.Sprintf("service-%d", i+1), net, fleet); err != nil {
			return err
		}
	}
	return nil
}

// serve registers a task and its service behind a load balancer, which has one
// listener and one target group.
func serve(ctx *pulumi.Context, name string, net *network.Network, fleet *cluster.Cluster) error {
	definition, err := task.New(ctx, name, task.Args{
		Image: pulumi.String("public.ecr.aws/docker/library/httpd:2.4.65"),
	})
	if err != nil {
		return err
	}
	balancer, err := loadbalancer.New(ctx, name, loadbalancer.Args{
		VpcID:        net.VpcID,
		SubnetIDs:    net.PublicSubnetIDs,
		AllowedCIDRs: []string{"0.0.0.0/0"},
	})
	if err != nil {
		return err
	}
	way, err := route.New(ctx, name, route.Args{
		VpcID:                 net.VpcID,
		ListenerARN:           balancer.ListenerARN,
		LoadBalancerARNSuffix: balancer.ARNSuffix,
		ContainerPort:         definition.ContainerPort,
	})
	if err != nil {
		return err
	}
	running, err := service.New(ctx, name, service.Args{
		ClusterARN:                  fleet.ARN,
		TaskDefinitionARN:           definition.ARN,
		ContainerName:               definition.ContainerName,
		ContainerPort:               definition.ContainerPort,
		VpcID:                       net.VpcID,
		SubnetIDs:                   net.PublicSubnetIDs,
		AssignPublicIP:              true,
		LoadBalancerSecurityGroupID: balancer.SecurityGroupID,
		TargetGroupARN:              way.TargetGroupARN,
		Replacement:                 way.Replacement,
	})
	if err != nil {
		return err
	}
	_, err = way.Send(running.Proven)
	return err
}
