package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/alarms"
	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/image"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
	"ecs-sample-app/config"
)

// serve runs a service: what runs, how it is kept running, and what watches it.
func serve(ctx *pulumi.Context, s *config.Service, net *network.Network, balancer *loadbalancer.LoadBalancer, ecs *cluster.Cluster) error {
	uri, err := imageURI(ctx, s)
	if err != nil {
		return err
	}
	s.Task.Image = uri
	if s.RunsSample() {
		s.Task.EntryPoint, s.Task.Command = sampleCommand(s.ImageTag, sampleHtdocs, s.ContainerPort)
	}
	definition, err := task.New(ctx, s.Name, s.Task)
	if err != nil {
		return err
	}

	s.Service.ClusterARN = ecs.ARN
	s.Service.TaskDefinitionARN = definition.ARN
	s.Service.ContainerName = definition.ContainerName
	s.Service.VpcID, s.Service.SubnetIDs = net.VpcID, net.PublicSubnetIDs
	s.Service.AssignPublicIP = true // The subnets are public: without it no image can be pulled.
	s.Service.LoadBalancerSecurityGroupID = balancer.SecurityGroupID
	s.Service.TargetGroupARN = balancer.TargetGroupARN
	s.Service.RequestsLabel = balancer.RequestsLabel
	s.Service.Alarms.Names = alarms.Names(s.Name, ecs.Name)
	running, err := service.New(ctx, s.Name, s.Service)
	if err != nil {
		return err
	}

	if s.Alarms {
		s.Watch.ClusterName, s.Watch.ServiceName = ecs.Name, running.Name
		s.Watch.LoadBalancerARNSuffix = balancer.ARNSuffix
		s.Watch.TargetGroupARNSuffix = balancer.TargetGroupARNSuffix
		watched, err := alarms.New(ctx, s.Name, s.Watch)
		if err != nil {
			return err
		}
		ctx.Export("alarmTopicArn", watched.TopicARN)
	}

	ctx.Export("url", balancer.URL)
	ctx.Export("imageUri", uri)
	ctx.Export("taskDefinitionArn", running.TaskDefinitionARN)
	ctx.Export("revision", definition.Revision)
	ctx.Export("clusterName", ecs.Name)
	ctx.Export("serviceName", running.Name)
	ctx.Export("logGroup", definition.LogGroup)
	ctx.Export("consoleUrl", consoleURL(ctx, ecs.Name, running.Name))
	return nil
}

// imageURI is the image that is built and pushed here, by its digest, or the
// one that the config names.
func imageURI(ctx *pulumi.Context, s *config.Service) (pulumi.StringInput, error) {
	if s.Build.BuildContext == "" {
		return pulumi.String(s.ImageReference()), nil
	}
	built, err := image.New(ctx, s.Name, s.Build)
	if err != nil {
		return nil, err
	}
	return built.URI, nil
}
