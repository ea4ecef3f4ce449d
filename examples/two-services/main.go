// Command two-services is an example of a program of its own that is built from
// the components: two services on one cluster, in one network.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/route"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	net, err := network.New(ctx, "shared", network.Args{AvailabilityZones: 3})
	if err != nil {
		return err
	}
	fleet, err := cluster.New(ctx, "shared", cluster.Args{ContainerInsights: cluster.InsightsEnabled})
	if err != nil {
		return err
	}
	for name, args := range map[string]task.Args{
		"shop": {
			Image:                  pulumi.String("public.ecr.aws/nginx/nginx:1.27.5"),
			WritableRootFilesystem: true,
			Environment:            map[string]string{"STAGE": ctx.Stack()},
		},
		"api": {
			Image:                  pulumi.String("public.ecr.aws/docker/library/httpd:2.4.65"),
			WritableRootFilesystem: true,
			CPU:                    512,
			Architecture:           task.ARM64,
		},
	} {
		if err := serve(ctx, name, net, fleet, args); err != nil {
			return fmt.Errorf("serve %s: %w", name, err)
		}
	}
	return nil
}

// serve runs a task behind a load balancer of its own.
func serve(ctx *pulumi.Context, name string, net *network.Network, fleet *cluster.Cluster, args task.Args) error {
	definition, err := task.New(ctx, name, args)
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
		DesiredCount:                new(2),
	})
	if err != nil {
		return err
	}
	if _, err := way.Send(running.Proven); err != nil {
		return err
	}
	ctx.Export(name+"Url", balancer.URL)
	return nil
}
