package network

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/policy"
)

// flowLogs writes down who talked with whom (FSBP EC2.6).
func (b *builder) flowLogs(in *ec2.Vpc) error {
	name := b.name + "-flow-logs"
	group, err := cloudwatch.NewLogGroup(b.ctx, name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(b.args.FlowLogRetentionDays),
		Tags:            b.tags(name),
	}, b.parent)
	if err != nil {
		return fmt.Errorf("create log group: %w", err)
	}
	role, permission, err := b.flowLogsRole(group)
	if err != nil {
		return fmt.Errorf("create role: %w", err)
	}
	name = b.name + "-flow-log"
	_, err = ec2.NewFlowLog(b.ctx, name, &ec2.FlowLogArgs{
		VpcId:              in.ID(),
		TrafficType:        pulumi.String("ALL"),
		LogDestinationType: pulumi.String("cloud-watch-logs"),
		LogDestination:     group.Arn,
		IamRoleArn:         role.Arn,
		Tags:               b.tags(name),
	}, b.parent, pulumi.DependsOn([]pulumi.Resource{permission}))
	return err
}

// flowLogsRole is what the flow log acts as: it may write to its group, and no other
// account's flow log may act as it
// (https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html).
func (b *builder) flowLogsRole(group *cloudwatch.LogGroup) (*iam.Role, *iam.RolePolicy, error) {
	partition := aws.GetPartitionOutput(b.ctx, aws.GetPartitionOutputArgs{}, b.parent).Partition()
	region := aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}, b.parent).Name()
	account := aws.GetCallerIdentityOutput(b.ctx, aws.GetCallerIdentityOutputArgs{}, b.parent).AccountId()
	trust := pulumi.All(partition, region, account).ApplyT(func(known []any) (string, error) {
		return policy.Document(policy.Statement[string]{
			Sid: "FlowLogsOfThisAccount", Effect: "Allow",
			Principal: map[string]string{"Service": "vpc-flow-logs.amazonaws.com"},
			Action:    []string{"sts:AssumeRole"},
			Condition: map[string]map[string]string{
				"StringEquals": {"aws:SourceAccount": known[2].(string)},
				"ArnLike":      {"aws:SourceArn": fmt.Sprintf("arn:%s:ec2:%s:%s:vpc-flow-log/*", known...)},
			},
		})
	}).(pulumi.StringOutput)
	name := b.name + "-flow-logs-role"
	role, err := iam.NewRole(b.ctx, name, &iam.RoleArgs{AssumeRolePolicy: trust, Tags: b.tags(name)}, b.parent)
	if err != nil {
		return nil, nil, err
	}
	document := group.Arn.ApplyT(func(arn string) (string, error) {
		return policy.Document(policy.Statement[string]{
			Sid: "WriteFlowLogs", Effect: "Allow",
			Action:   []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
			Resource: []string{arn, arn + ":*"},
		})
	}).(pulumi.StringOutput)
	permission, err := iam.NewRolePolicy(b.ctx, b.name+"-flow-logs-policy", &iam.RolePolicyArgs{Role: role.ID(), Policy: document}, b.parent)
	return role, permission, err
}
