package infratest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// watched is a test whose failures are noted instead of counted.
type watched struct {
	testing.TB
	failures []string
}

func (*watched) Helper()             {}
func (w *watched) Error(args ...any) { w.failures = append(w.failures, fmt.Sprint(args...)) }

func (w *watched) Errorf(format string, args ...any) { w.Error(fmt.Sprintf(format, args...)) }

func (w *watched) Fatal(args ...any) {
	w.Error(args...)
	runtime.Goexit()
}

func (w *watched) Fatalf(format string, args ...any) { w.Fatal(fmt.Sprintf(format, args...)) }

// watch runs a test and returns its failures.
func watch(t *testing.T, test func(testing.TB)) []string {
	t.Helper()
	w := &watched{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(w)
	}()
	<-done
	return w.failures
}

func TestWhatTheRecorderDoesNotKnowFailsTheTest(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]pulumi.RunFunc{
		"aws:sqs/queue:Queue": func(ctx *pulumi.Context) error {
			var bucket pulumi.CustomResourceState
			return ctx.RegisterResource("aws:sqs/queue:Queue", "b", nil, &bucket)
		},
		"aws:index/getRegions:getRegions": func(ctx *pulumi.Context) error {
			var regions struct{}
			_ = ctx.Invoke("aws:index/getRegions:getRegions", nil, &regions) // The test has failed by then.
			return nil
		},
	} {
		w := &watched{TB: t}
		_, err := Run(w, program, Options{})
		if err != nil || len(w.failures) != 1 || !strings.Contains(w.failures[0], name) {
			t.Errorf("a test goes on with made-up answers for %s: %q, %v", name, w.failures, err)
		}
	}
}

// component registers a component, with a child in it.
func component(ctx *pulumi.Context, opts ...pulumi.ResourceOption) (pulumi.ComponentResource, error) {
	var parent struct{ pulumi.ResourceState }
	if err := ctx.RegisterComponentResource("test:index:Component", "c", &parent); err != nil {
		return nil, err
	}
	_, err := sns.NewTopic(ctx, "c-topic", nil, append(opts, pulumi.Parent(&parent))...)
	return &parent, err
}

func TestAComponentThatRegistersNoOutputsFailsTheTest(t *testing.T) {
	t.Parallel()
	for finishes, want := range map[bool]int{true: 0, false: 1} {
		failures := watch(t, func(w testing.TB) {
			MustRun(w, func(ctx *pulumi.Context) error {
				made, err := component(ctx)
				if err == nil && finishes {
					err = ctx.RegisterResourceOutputs(made, pulumi.Map{})
				}
				return err
			}, Options{})
		})
		if len(failures) != want {
			t.Errorf("a component that registers its outputs=%v leads to %q", finishes, failures)
		}
	}
}

func TestAChildOutsideItsComponentFailsTheTest(t *testing.T) {
	t.Parallel()
	failures := watch(t, func(w testing.TB) {
		record, _ := Run(w, func(ctx *pulumi.Context) error {
			if _, err := component(ctx); err != nil {
				return err
			}
			_, err := sns.NewTopic(ctx, "lost", nil)
			return err
		}, Options{})
		record.wantParents()
	})
	if len(failures) != 1 || !strings.Contains(failures[0], "lost is not in a component") {
		t.Errorf("a child without a parent leads to %q", failures)
	}
}

func TestAnARNOfAnotherPartitionFailsTheTest(t *testing.T) {
	t.Parallel()
	for partition, want := range map[string]int{"aws": 0, "aws-cn": 2} {
		failures := watch(t, func(w testing.TB) {
			MustRun(w, func(ctx *pulumi.Context) error {
				const arn = "[\"arn:aws:iam::123456789012:role/r\"]"
				ctx.Export("arn", pulumi.String(arn))
				_, err := sns.NewTopic(ctx, "t", &sns.TopicArgs{Policy: pulumi.String(arn)})
				return err
			}, Options{Partition: partition}).WantOwnPartition()
		})
		if len(failures) != want {
			t.Errorf("in %s, an ARN of aws in an input and in an output leads to %q", partition, failures)
		}
	}
}

func TestARNsHaveTheFormThatAWSGivesThem(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"aws:appautoscaling/policy:Policy":                    "arn:aws-cn:autoscaling:cn-north-1:123456789012:scalingPolicy:" + uuid + ":resource/ecs/service/c/s:policyName/x-1234567",
		"aws:appautoscaling/scheduledAction:ScheduledAction":  "arn:aws-cn:autoscaling:cn-north-1:123456789012:scheduledAction:" + uuid + ":resource/ecs/service/c/s:scheduledActionName/x-1234567",
		"aws:appautoscaling/target:Target":                    "arn:aws-cn:application-autoscaling:cn-north-1:123456789012:scalable-target/" + hex,
		"aws:cloudwatch/logGroup:LogGroup":                    "arn:aws-cn:logs:cn-north-1:123456789012:log-group:x-1234567",
		"aws:cloudwatch/metricAlarm:MetricAlarm":              "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:x-1234567",
		"aws:ecs/cluster:Cluster":                             "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/x-1234567",
		"aws:ecs/taskDefinition:TaskDefinition":               "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/f:7",
		"aws:iam/openIdConnectProvider:OpenIdConnectProvider": "arn:aws-cn:iam::123456789012:oidc-provider/example.com",
		"aws:iam/role:Role":                                   "arn:aws-cn:iam::123456789012:role/x-1234567",
		"aws:lb/listener:Listener":                            "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:listener/app/lb/1/" + hex,
		"aws:lb/loadBalancer:LoadBalancer":                    "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/x-1234567/" + hex,
		"aws:lb/targetGroup:TargetGroup":                      "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/x-1234567/" + hex,
		"aws:sns/topic:Topic":                                 "arn:aws-cn:sns:cn-north-1:123456789012:x-1234567",
		"aws:sns/topicSubscription:TopicSubscription":         "arn:aws-cn:sns:cn-north-1:123456789012:t:" + uuid,
		"aws:ssm/parameter:Parameter":                         "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/x-1234567",
	} {
		inputs := properties("resourceId", "service/c/s", "family", "f", "url", "https://example.com",
			"loadBalancerArn", "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/lb/1",
			"topic", "arn:aws-cn:sns:cn-north-1:123456789012:t")
		world := Options{Partition: "aws-cn", Region: "cn-north-1"}.withDefaults()
		if got := computed[token](world, "x", inputs)["arn"].StringValue(); got != want {
			t.Errorf("the ARN of %s is %s, and AWS's is %s: what programs do with it is not tested", token, got, want)
		}
	}
	world := Options{Partition: "aws-cn", Region: "cn-north-1"}.withDefaults()
	if got, want := world.serviceARN("x", properties("cluster", "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/c")),
		"arn:aws-cn:ecs:cn-north-1:123456789012:service/c/x-1234567"; got != want {
		t.Errorf("the ARN of a service is %s, and ECS's is %s", got, want)
	}
	if got, want := world.RepositoryURL("x"), "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/x-1234567"; got != want {
		t.Errorf("the URL of a repository is %s, and in China it is %s", got, want)
	}
}

func TestWhatIsSecretIsRecordedAsSecret(t *testing.T) {
	t.Parallel()
	key := Project + ":password"
	record := MustRun(t, func(ctx *pulumi.Context) error {
		password := config.New(ctx, "").RequireSecret("password")
		parameter, err := ssm.NewParameter(ctx, "p", &ssm.ParameterArgs{
			Type: pulumi.String("SecureString"), Value: password, Description: pulumi.String("open"),
		})
		if err != nil {
			return err
		}
		ctx.Export("password", parameter.Value)
		ctx.Export("arn", parameter.Arn)
		return nil
	}, Options{Config: map[string]string{key: "hunter2"}, SecretKeys: []string{key}})
	parameter := record.Get("p")
	if got := parameter.Secrets; !slices.Equal(got, []string{"value"}) {
		t.Errorf("%v are secret, not the value alone", got)
	}
	if got := record.String(parameter, "value"); got != "hunter2" {
		t.Errorf("the value is %q", got)
	}
	if !slices.Equal(parameter.SecretOutputs, []string{"value"}) || !slices.Equal(record.SecretOutputs, []string{"password"}) {
		t.Errorf("the secret outputs are %v and %v, not the value and the password alone", parameter.SecretOutputs, record.SecretOutputs)
	}
}

func TestOptionsAreRecorded(t *testing.T) {
	t.Parallel()
	record, err := Run(t, func(ctx *pulumi.Context) error {
		_, err := component(ctx, pulumi.Protect(true), pulumi.RetainOnDelete(true),
			pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("old"), NoParent: pulumi.Bool(true)}}))
		return err
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	topic := record.Get("c-topic")
	if !topic.Protect || !topic.RetainOnDelete || !slices.Equal(topic.Aliases, []string{"name=old no parent"}) {
		t.Errorf("what was asked for is not recorded: %+v", topic)
	}
}

func TestATestThatSeesNothingFails(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*Record){
		"a resource": func(r *Record) { r.Get("nowhere") },
		"a type":     func(r *Record) { r.Type("aws:sqs/queue:Queue") },
		"an output":  func(r *Record) { r.Output("nothing") },
		"an input":   func(r *Record) { r.String(Resource{Name: "x"}, "nothing") },
		"a program":  func(r *Record) { MustRun(r.t, func(*pulumi.Context) error { return nil }, Options{}) },
	} {
		failures := watch(t, func(w testing.TB) { look(&Record{t: w}) })
		if len(failures) != 1 {
			t.Errorf("looking for %s that is not there fails the test %d times, not once", name, len(failures))
		}
	}
}
