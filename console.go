package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

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
