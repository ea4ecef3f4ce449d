// Command ecs-sample-app is a Pulumi program that runs a container on Amazon
// ECS with AWS Fargate, behind an Application Load Balancer.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/alarms"
	"ecs-sample-app/components/cluster"
	"ecs-sample-app/components/image"
	"ecs-sample-app/components/loadbalancer"
	"ecs-sample-app/components/network"
	"ecs-sample-app/components/service"
	"ecs-sample-app/components/task"
)

// appName is the name of every component, and so the beginning of every
// resource's name. Another one replaces everything.
const appName = "sample-app"

func main() {
	pulumi.Run(program)
}

// program is the architecture: config, components, outputs. Requests go from
// the load balancer through the network to the service's tasks.
func program(ctx *pulumi.Context) error {
	cfg, err := loadConfig(ctx)
	if err != nil {
		return err
	}
	net, err := network.New(ctx, appName, cfg.networkArgs())
	if err != nil {
		return cfg.explain("network", err)
	}
	balancer, err := loadbalancer.New(ctx, appName, cfg.loadBalancerArgs(net))
	if err != nil {
		return err
	}
	fleet, err := cluster.New(ctx, appName, cfg.clusterArgs())
	if err != nil {
		return err
	}
	uri, err := imageURI(ctx, cfg)
	if err != nil {
		return err
	}
	definition, err := task.New(ctx, appName, cfg.taskArgs(uri))
	if err != nil {
		return err
	}
	app, err := service.New(ctx, appName, cfg.serviceArgs(net, balancer, fleet, definition, alarms.Names(appName, fleet.Name)))
	if err != nil {
		return err
	}

	if cfg.Alarms {
		watched, err := alarms.New(ctx, appName, cfg.alarmsArgs(balancer, fleet, app))
		if err != nil {
			return err
		}
		ctx.Export("alarmTopicArn", watched.TopicARN)
	}

	ctx.Export("url", balancer.URL)
	ctx.Export("imageUri", uri)
	ctx.Export("taskDefinitionArn", app.TaskDefinitionARN)
	ctx.Export("revision", definition.Revision)
	ctx.Export("clusterName", fleet.Name)
	ctx.Export("serviceName", app.Name)
	ctx.Export("logGroup", definition.LogGroup)
	ctx.Export("consoleUrl", consoleURL(ctx, fleet.Name, app.Name))
	return nil
}

// imageURI is the image that is built and pushed here, by its digest, or the
// one that the config names.
func imageURI(ctx *pulumi.Context, cfg *Config) (pulumi.StringInput, error) {
	if cfg.BuildContext == "" {
		return pulumi.String(cfg.imageReference()), nil
	}
	built, err := image.New(ctx, appName, cfg.imageArgs())
	if err != nil {
		return nil, err
	}
	return built.URI, nil
}

// consoleHosts are the AWS Management Console's, by partition.
var consoleHosts = map[string]string{
	"aws":        "console.aws.amazon.com",
	"aws-cn":     "console.amazonaws.cn",
	"aws-us-gov": "console.amazonaws-us-gov.com",
}

// consoleURL is the page of the service in the AWS Management Console.
func consoleURL(ctx *pulumi.Context, clusterName, serviceName pulumi.StringOutput) pulumi.StringOutput {
	partition := aws.GetPartitionOutput(ctx, aws.GetPartitionOutputArgs{}).Partition()
	region := aws.GetRegionOutput(ctx, aws.GetRegionOutputArgs{}).Name()
	return pulumi.All(partition, region, clusterName, serviceName).ApplyT(func(known []any) (string, error) {
		host, ok := consoleHosts[known[0].(string)]
		if !ok {
			return "", fmt.Errorf("no console is known for the partition %s", known[0])
		}
		return fmt.Sprintf("https://%s/ecs/v2/clusters/%s/services/%s/health?region=%s",
			host, known[2], known[3], known[1]), nil
	}).(pulumi.StringOutput)
}
