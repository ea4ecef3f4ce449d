package main

import (
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/alarms"
	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/route"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
	"ecs-sample-app/config"
	"ecs-sample-app/internal/after"
)

// serve runs a service: what runs, the way to it, how it is kept running, and what
// watches it. Requests come to it when its tasks serve.
func serve(ctx *pulumi.Context, s *config.Service, place *network.Place, balancer *loadbalancer.LoadBalancer, ecs *cluster.Cluster) error {
	source, err := imageOf(ctx, s)
	if err != nil {
		return err
	}
	s.Task.Image, s.Task.Repository = source.uri, source.repository
	if s.RunsSample() {
		s.Task.EntryPoint, s.Task.Command = sampleOf(s).command()
	}
	definition, err := task.New(ctx, s.Name, s.Task)
	if err != nil {
		return err
	}

	s.Route.VpcID, s.Route.ListenerARN, s.Route.LoadBalancerARNSuffix = place.VpcID, balancer.ListenerARN, balancer.ARNSuffix
	s.Route.HTTPSListenerARN = balancer.HTTPSListenerARN
	way, err := route.New(ctx, s.Name, s.Route)
	if err != nil {
		return err
	}

	s.Service.ClusterARN = ecs.ARN
	s.Service.TaskDefinitionARN = definition.ARN
	s.Service.ContainerName = definition.ContainerName
	s.Service.VpcID, s.Service.SubnetIDs, s.Service.AssignPublicIP = place.VpcID, place.TaskSubnetIDs, place.AssignPublicIP
	s.Service.LoadBalancerSecurityGroupID = balancer.SecurityGroupID
	s.Service.TargetGroupARN, s.Service.Replacement, s.Service.RequestsLabel = way.TargetGroupARN, way.Replacement, way.RequestsLabel
	s.Service.Alarms.Names = alarms.Names(s.Name, ecs.Name)
	running, err := service.New(ctx, s.Name, s.Service)
	if err != nil {
		return err
	}
	serving, err := way.Send(running.Proven)
	if err != nil {
		return err
	}

	if s.Alarms {
		s.Watch.ClusterName, s.Watch.ServiceName = ecs.Name, after.String(running.Name, serving.Rule)
		s.Watch.LoadBalancerARNSuffix = balancer.ARNSuffix
		s.Watch.TargetGroupARNSuffix = serving.TargetGroupARNSuffix
		watched, err := alarms.New(ctx, s.Name, s.Watch)
		if err != nil {
			return err
		}
		ctx.Export("alarmTopicArn", watched.TopicARN)
	}

	ctx.Export("imageTag", pulumi.String(s.ImageTag))
	ctx.Export("imageUri", source.uri)
	ctx.Export("taskDefinitionArn", running.TaskDefinitionARN)
	ctx.Export("revision", revisionOf(running.TaskDefinitionARN))
	ctx.Export("clusterName", ecs.Name)
	ctx.Export("serviceName", running.Name)
	ctx.Export("logGroup", definition.LogGroup)
	ctx.Export("consoleUrl", consoleURL(ctx, ecs.Name, running.Name))
	return nil
}

// revisionOf is the number at the end of a task definition's ARN. It is not that of the
// definition made here: after a rollback ECS runs the one before, or none, which is 0.
func revisionOf(arn pulumi.StringOutput) pulumi.IntOutput {
	return arn.ApplyT(func(arn string) (int, error) {
		if arn == "" {
			return 0, nil
		}
		return strconv.Atoi(arn[strings.LastIndex(arn, ":")+1:])
	}).(pulumi.IntOutput)
}
