// Package alarms watches an ECS service behind an Application Load Balancer:
// CloudWatch alarms, and an SNS topic that they notify when something breaks
// and when it is well again.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-alarms-topic            the topic
//	NAME-alarms-topic-policy     lets this account's alarms and rules publish, over TLS
//	NAME-deployment-failed       the rule for a deployment that failed
//	NAME-deployment-failed-mail  sends what the rule finds to the topic
//	NAME-alarms-email-ADDRESS    mails to ADDRESS, one for each, with a hash
//	NAME-alarm-5xx               the tasks answer with errors
//	NAME-alarm-cpu               the tasks' CPU is used up
//	NAME-alarm-healthy-hosts     no task is healthy (unless MayBeIdle)
//	NAME-alarm-lb-5xx            the load balancer answers with errors of its own
//	NAME-alarm-memory            the tasks' memory is used up
//	NAME-alarm-response-time     answers are slow
//	NAME-alarm-unhealthy-hosts   tasks fail their health checks
//
// Without Emails the topic is made all the same, for a chat or a pager. The
// alarms cost 0.90 USD a month at the list price, 0.10 for each metric that one
// looks at (https://aws.amazon.com/cloudwatch/pricing/).
//
// # Deployment alarms
//
// ECS can watch these alarms while it deploys a new version, and roll it back
// when one of them goes off. Then the service names the alarms, and two of the
// alarms name the service: each would have to be made first. So the names of
// the alarms are not left to Pulumi, but made from the cluster's, which is
// known before the service is:
//
//	CLUSTERNAME-NAME-5xx, CLUSTERNAME-NAME-cpu, …
//
// Names gives them, to the service, before there is any alarm. ECS takes names
// of alarms that do not exist yet; the AWS CDK resolves the cycle the same way
// (https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_ecs.DeploymentAlarmOptions.html).
// A cluster's name occurs once in an account and region, and one that Pulumi
// made up does not come again. Programs that share a cluster need components
// of different names: CloudWatch would take the second alarm of a name for a
// change of the first.
//
// A deployment is not done before ECS has watched the alarms for a while after
// the old tasks are gone, the bake time, which ECS works out from the alarms
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html).
// Nobody can set it, so every alarm here looks back three minutes and no more:
// long enough to tell a broken version from a bad moment.
//
// Two alarms are not among them. No task is healthy before the first deployment is
// done, which that alarm would end; and what the load balancer answers itself is
// counted for all its services together, so one would roll back another.
package alarms

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/after"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/names"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:alarms:Alarms"

const (
	// maxAlarmName is the most characters in the name of an alarm
	// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html).
	maxAlarmName = 255
)

// Alarms are the alarms of a service and the topic that they notify.
type Alarms struct {
	pulumi.ResourceState

	// TopicARN is the topic's, for a chat or a pager to subscribe to. It is
	// known once alarms may publish there.
	TopicARN pulumi.StringOutput `pulumi:"topicArn"`
	// AlarmNames are the names of all alarms, sorted, known once they exist.
	AlarmNames pulumi.StringArrayOutput `pulumi:"alarmNames"`
}

// Names are the names, sorted, that the alarms of a component called name which roll
// back a deployment have for a service in a cluster, whether or not the component is
// made yet.
func Names(name string, clusterName pulumi.StringInput) pulumi.StringArrayOutput {
	return clusterName.ToStringOutput().ApplyT(func(cluster string) ([]string, error) {
		var all []string
		for _, watch := range watches {
			full, err := alarmName(cluster, name, watch.role)
			if err != nil {
				return nil, err
			}
			if watch.rollsBack {
				all = append(all, full)
			}
		}
		return all, nil
	}).(pulumi.StringArrayOutput)
}

func alarmName(cluster, name, role string) (string, error) {
	full := cluster + "-" + name + "-" + role
	if len(full) > maxAlarmName {
		return "", fmt.Errorf("the alarm %s has %d characters in its name, and AWS allows %d: give the cluster a shorter name",
			full, len(full), maxAlarmName)
	}
	return full, nil
}

// New registers alarms called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Alarms, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("alarms %q: %w", name, err)
	}

	alarms := &Alarms{}
	if err := ctx.RegisterComponentResource(token, name, alarms, opts...); err != nil {
		return nil, fmt.Errorf("register alarms %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name, args: a, parent: pulumi.Parent(alarms)}
	if err := b.build(alarms); err != nil {
		return nil, fmt.Errorf("alarms %q: %w", name, err)
	}
	return alarms, ctx.RegisterResourceOutputs(alarms, pulumi.Map{
		"topicArn":   alarms.TopicARN,
		"alarmNames": alarms.AlarmNames,
	})
}

// builder registers the children of alarms, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOrInvokeOption

	partition, region, account pulumi.StringOutput
}

// lookUp asks, side by side, where the service runs.
func (b *builder) lookUp() {
	b.partition = aws.GetPartitionOutput(b.ctx, aws.GetPartitionOutputArgs{}, b.parent).Partition()
	b.region = aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}, b.parent).Name()
	b.account = aws.GetCallerIdentityOutput(b.ctx, aws.GetCallerIdentityOutputArgs{}, b.parent).AccountId()
}

func (b *builder) build(a *Alarms) error {
	topic, err := b.topic()
	if err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	b.lookUp()
	policy, err := b.topicPolicy(topic)
	if err != nil {
		return fmt.Errorf("let alarms publish: %w", err)
	}
	for _, email := range b.args.Emails {
		if err := b.subscribe(topic, email); err != nil {
			return fmt.Errorf("subscribe %s: %w", email, err)
		}
	}
	a.TopicARN = after.String(topic.Arn, policy.ID())
	var made pulumi.StringArray
	for _, watch := range watches {
		if watch.needsTasks && b.args.MayBeIdle {
			continue
		}
		alarm, err := b.alarm(watch.role, watch.metric(b), a.TopicARN)
		if err != nil {
			return fmt.Errorf("create alarm %s: %w", watch.role, err)
		}
		made = append(made, alarm.Name)
	}
	a.AlarmNames = made.ToStringArrayOutput()
	if err := b.failedDeployments(a.TopicARN); err != nil {
		return fmt.Errorf("tell of deployments that fail: %w", err)
	}
	return nil
}

func (b *builder) tags(child string) pulumi.StringMap {
	return tags.Named(child, b.args.Tags)
}

// failedDeployments tells of a deployment that ECS gives up when nobody waits for it: one
// of an update with waitForSteadyState off, or of somebody else.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
func (b *builder) failedDeployments(topicARN pulumi.StringOutput) error {
	name := b.name + "-deployment-failed"
	pattern := pulumi.All(b.partition, b.region, b.account, b.args.ClusterName, b.args.ServiceName).ApplyT(func(known []any) (string, error) {
		text, err := json.Marshal(map[string]any{
			"source":      []string{"aws.ecs"},
			"detail-type": []string{"ECS Deployment State Change"},
			"resources":   []string{fmt.Sprintf("arn:%s:ecs:%s:%s:service/%s/%s", known...)},
			"detail":      map[string]any{"eventName": []string{"SERVICE_DEPLOYMENT_FAILED"}},
		})
		return string(text), err
	}).(pulumi.StringOutput)
	rule, err := cloudwatch.NewEventRule(b.ctx, name, &cloudwatch.EventRuleArgs{
		Description:  pulumi.String("A deployment of the service failed"),
		EventPattern: pattern,
		Tags:         b.tags(name),
	}, b.parent)
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewEventTarget(b.ctx, name+"-mail", &cloudwatch.EventTargetArgs{
		Rule: rule.Name,
		Arn:  topicARN,
		InputTransformer: &cloudwatch.EventTargetInputTransformerArgs{
			InputPaths:    pulumi.StringMap{"service": pulumi.String("$.resources[0]"), "reason": pulumi.String("$.detail.reason")},
			InputTemplate: pulumi.String(`"A deployment of <service> failed: <reason>"`),
		},
	}, b.parent)
	return err
}

// topic is not encrypted at rest: CloudWatch can't publish to a topic with the
// key that AWS manages (alias/aws/sns), whose policy nobody can change, and one
// of our own costs 1 USD a month. An alarm says which number is too high, and
// no secrets
// (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services).
func (b *builder) topic() (*sns.Topic, error) {
	name := b.name + "-alarms-topic"
	return sns.NewTopic(b.ctx, name, &sns.TopicArgs{Tags: b.tags(name)}, b.parent)
}

func (b *builder) topicPolicy(topic *sns.Topic) (*sns.TopicPolicy, error) {
	document := pulumi.All(topic.Arn, b.partition, b.region, b.account).ApplyT(func(known []any) (string, error) {
		return topicPolicy(known[0].(string), known[1].(string), known[2].(string), known[3].(string))
	}).(pulumi.StringOutput)
	return sns.NewTopicPolicy(b.ctx, b.name+"-alarms-topic-policy", &sns.TopicPolicyArgs{
		Arn:    topic.Arn,
		Policy: document,
	}, b.parent)
}

func (b *builder) subscribe(topic *sns.Topic, email string) error {
	_, err := sns.NewTopicSubscription(b.ctx, b.name+"-alarms-email-"+slug(email), &sns.TopicSubscriptionArgs{
		Topic:    topic.Arn,
		Protocol: pulumi.String("email"),
		Endpoint: pulumi.String(email),
	}, b.parent)
	return err
}

var notInSlugs = regexp.MustCompile(`[^A-Za-z0-9]+`)

// slug is an address as part of a child's name. A child is named after its
// address, not after its place in the list, where taking one out would make
// all that follow confirm anew. The hash keeps a.b@ and a-b@ apart.
func slug(email string) string {
	return notInSlugs.ReplaceAllString(email, "-") + "-" + names.Hash(email)
}

// alarm adds to what it watches its name, and whom it tells.
func (b *builder) alarm(
	role string, args *cloudwatch.MetricAlarmArgs, topicARN pulumi.StringOutput,
) (*cloudwatch.MetricAlarm, error) {
	child := b.name + "-alarm-" + role
	args.Name = b.args.ClusterName.ToStringOutput().ApplyT(func(cluster string) (string, error) {
		return alarmName(cluster, b.name, role)
	}).(pulumi.StringOutput)
	args.AlarmActions = pulumi.Array{topicARN}
	args.OkActions = pulumi.Array{topicARN}
	args.Tags = b.tags(child)
	return cloudwatch.NewMetricAlarm(b.ctx, child, args, b.parent)
}
