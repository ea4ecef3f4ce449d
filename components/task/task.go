// Package task makes what runs: an ECS task definition for AWS Fargate with
// one container, its two roles and its log group.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-logs               the log group
//	NAME-execution-role     what ECS acts as when it starts the task
//	NAME-execution-policy   writes the logs, pulls the image, reads the secrets
//	NAME-task-role          what the application acts as; it may do nothing
//	NAME-exec-policy        the channels of ECS Exec (with EnableExecuteCommand only)
//	NAME-secret-VARIABLE    the parameter of a secret value, one for each
//	NAME-task-definition    the task definition, of family NAME-STACK
package task

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:task:Task"

// Task is a task definition with its roles and its log group.
type Task struct {
	pulumi.ResourceState

	// ARN is the task definition's, with the revision. It is known once the
	// roles may do what the task needs.
	ARN pulumi.StringOutput `pulumi:"arn"`
	// Revision counts up with every change of the task definition.
	Revision pulumi.IntOutput `pulumi:"revision"`
	// LogGroup is the name of the log group.
	LogGroup pulumi.StringOutput `pulumi:"logGroup"`
	// TaskRoleName is the name of the role that the application acts as:
	// attach what it needs.
	TaskRoleName pulumi.StringOutput `pulumi:"taskRoleName"`
	// ContainerName and ContainerPort are where a load balancer sends requests.
	ContainerName string
	ContainerPort int
}

// New registers a task definition called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Task, error) {
	a := args.withDefaults(name)
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("task %q: %w", name, err)
	}

	t := &Task{ContainerName: a.ContainerName, ContainerPort: a.ContainerPort}
	if err := ctx.RegisterComponentResource(token, name, t, opts...); err != nil {
		return nil, fmt.Errorf("register task %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name, args: a, ours: args.Repository != nil, parent: pulumi.Parent(t)}
	b.lookUp()
	if err := b.build(t); err != nil {
		return nil, fmt.Errorf("task %q: %w", name, err)
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"arn":          t.ARN,
		"revision":     t.Revision,
		"logGroup":     t.LogGroup,
		"taskRoleName": t.TaskRoleName,
	})
}

// builder registers the children of a task, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	ours   bool // the image's repository
	parent pulumi.ResourceOrInvokeOption

	partition, region, accountID pulumi.StringOutput
}

// lookUp asks, side by side, where the task will run.
func (b *builder) lookUp() {
	b.partition = aws.GetPartitionOutput(b.ctx, aws.GetPartitionOutputArgs{}, b.parent).Partition()
	b.region = aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}, b.parent).Name()
	b.accountID = aws.GetCallerIdentityOutput(b.ctx, aws.GetCallerIdentityOutputArgs{}, b.parent).AccountId()
}

func (b *builder) build(t *Task) error {
	logs, err := b.logGroup()
	if err != nil {
		return fmt.Errorf("create log group: %w", err)
	}
	secrets, err := b.secrets()
	if err != nil {
		return fmt.Errorf("keep secret values: %w", err)
	}
	execution, executionPolicy, err := b.executionRole(logs, secrets)
	if err != nil {
		return fmt.Errorf("create execution role: %w", err)
	}
	role, policies, err := b.taskRole()
	if err != nil {
		return fmt.Errorf("create task role: %w", err)
	}
	definition, err := b.taskDefinition(logs, secrets, execution, role, append(policies, executionPolicy))
	if err != nil {
		return fmt.Errorf("create task definition: %w", err)
	}
	t.ARN = definition.Arn
	t.Revision = definition.Revision
	t.LogGroup = logs.Name
	t.TaskRoleName = role.Name
	return nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

func (b *builder) logGroup() (*cloudwatch.LogGroup, error) {
	name := b.name + "-logs"
	return cloudwatch.NewLogGroup(b.ctx, name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(b.args.LogRetentionDays),
		Tags:            b.tags(name),
	}, b.parent)
}

// secrets are the ARNs of all secrets by the names of their variables: those that
// were given, and those of the parameters made here.
//
// A changed value is another parameter, not another version of the same: so it is
// deployed as a new revision, and the revision that runs finds its own value until
// the new one serves. Were a value changed in place, running tasks would go on with
// the old one, and a rollback would start tasks with the new.
func (b *builder) secrets() (pulumi.StringMapOutput, error) {
	arns := pulumi.ToStringMap(b.args.Secrets)
	for _, variable := range slices.Sorted(maps.Keys(b.args.SecretValues)) {
		name := b.name + "-secret-" + variable
		parameter, err := ssm.NewParameter(b.ctx, name, &ssm.ParameterArgs{
			Type:  pulumi.String("SecureString"),
			Value: pulumi.ToSecret(pulumi.String(b.args.SecretValues[variable])).(pulumi.StringOutput),
			Tags:  b.tags(name),
		}, b.parent, pulumi.ReplaceOnChanges([]string{"value"}))
		if err != nil {
			return pulumi.StringMapOutput{}, fmt.Errorf("%s: %w", variable, err)
		}
		arns[variable] = parameter.Arn
	}
	return arns.ToStringMapOutput(), nil
}

// executionRole is what ECS acts as to start tasks. Its permissions belong to a
// revision: others are another policy beside the one before, which goes when nothing
// runs its revision any more, at the end of an update that succeeds. Were the policy
// changed in place, no task of the revision that runs could start while the new one
// is deployed, and none after a rollback.
func (b *builder) executionRole(logs *cloudwatch.LogGroup, secrets pulumi.StringMapOutput) (*iam.Role, *iam.RolePolicy, error) {
	role, err := b.role("-execution-role")
	if err != nil {
		return nil, nil, err
	}
	document := pulumi.All(b.args.Repository, logs.Arn, b.partition, secrets).ApplyT(func(known []any) (string, error) {
		read := slices.Collect(maps.Values(known[3].(map[string]string)))
		if b.args.ImageCredentials != "" {
			read = append(read, b.args.ImageCredentials)
		}
		slices.Sort(read)
		return executionPolicy(need{
			image: known[0].(string), imageIsOurs: b.ours, logGroupARN: known[1].(string), partition: known[2].(string),
			secrets: read, keys: b.args.KMSKeys,
		})
	}).(pulumi.StringOutput)
	policy, err := iam.NewRolePolicy(b.ctx, b.name+"-execution-policy", &iam.RolePolicyArgs{
		Role:   role.ID(),
		Policy: document,
	}, b.parent, pulumi.ReplaceOnChanges([]string{"policy"}))
	return role, policy, err
}

func (b *builder) taskRole() (*iam.Role, []pulumi.Resource, error) {
	role, err := b.role("-task-role")
	if err != nil || !b.args.EnableExecuteCommand {
		return role, nil, err
	}
	document, err := execPolicy()
	if err != nil {
		return nil, nil, err
	}
	policy, err := iam.NewRolePolicy(b.ctx, b.name+"-exec-policy", &iam.RolePolicyArgs{
		Role:   role.ID(),
		Policy: pulumi.String(document),
	}, b.parent)
	return role, []pulumi.Resource{policy}, err
}

func (b *builder) role(suffix string) (*iam.Role, error) {
	name := b.name + suffix
	document := pulumi.All(b.partition, b.region, b.accountID).ApplyT(func(known []any) (string, error) {
		return trust(account{
			partition: known[0].(string),
			region:    known[1].(string),
			id:        known[2].(string),
		})
	}).(pulumi.StringOutput)
	return iam.NewRole(b.ctx, name, &iam.RoleArgs{
		AssumeRolePolicy: document,
		Tags:             b.tags(name),
	}, b.parent)
}

func (b *builder) taskDefinition(
	logs *cloudwatch.LogGroup, secrets pulumi.StringMapOutput, execution, role *iam.Role, policies []pulumi.Resource,
) (*ecs.TaskDefinition, error) {
	name := b.name + "-task-definition"
	containers := pulumi.All(b.args.Image, logs.Name, b.region, secrets).ApplyT(func(known []any) (string, error) {
		return b.args.containerDefinitions(known[0].(string), known[1].(string), known[2].(string), known[3].(map[string]string))
	}).(pulumi.StringOutput)
	args := &ecs.TaskDefinitionArgs{
		// AWS allows no dots, which a stack's name may have.
		Family:                  pulumi.String(strings.ReplaceAll(b.name+"-"+b.ctx.Stack(), ".", "-")),
		RequiresCompatibilities: pulumi.ToStringArray([]string{"FARGATE"}),
		NetworkMode:             pulumi.String("awsvpc"),
		Cpu:                     pulumi.Sprintf("%d", b.args.CPU),
		Memory:                  pulumi.Sprintf("%d", b.args.Memory),
		RuntimePlatform: &ecs.TaskDefinitionRuntimePlatformArgs{
			OperatingSystemFamily: pulumi.String("LINUX"),
			CpuArchitecture:       pulumi.String(b.args.Architecture),
		},
		ExecutionRoleArn:     execution.Arn,
		TaskRoleArn:          role.Arn,
		ContainerDefinitions: containers,
		Tags:                 b.tags(name),
	}
	volumes := ecs.TaskDefinitionVolumeArray{}
	for _, path := range b.args.WritablePaths {
		volumes = append(volumes, &ecs.TaskDefinitionVolumeArgs{Name: pulumi.String(volumeName(path))})
	}
	if len(volumes) > 0 {
		args.Volumes = volumes
	}
	if b.args.KeepRevisions {
		args.SkipDestroy = pulumi.Bool(true)
	}
	return ecs.NewTaskDefinition(b.ctx, name, args, b.parent, pulumi.DependsOn(policies))
}
