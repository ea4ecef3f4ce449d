package service

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/rollout"
)

// behind are arguments with what is required.
func behind(change func(*Args)) Args {
	args := Args{
		ClusterARN:                  pulumi.String("arn:aws:ecs:us-east-1:123456789012:cluster/c"),
		TaskDefinitionARN:           pulumi.String("arn:aws:ecs:us-east-1:123456789012:task-definition/t:1"),
		ContainerName:               "web",
		ContainerPort:               8080,
		VpcID:                       pulumi.String("vpc-1"),
		SubnetIDs:                   pulumi.ToStringArray([]string{"subnet-1"}),
		LoadBalancerSecurityGroupID: pulumi.String("sg-1"),
		TargetGroupARN:              pulumi.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t/1"),
	}
	if change != nil {
		change(&args)
	}
	return args
}

func makes(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := New(ctx, "web", args)
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	args := behind(func(a *Args) { a.EgressPorts = []int{443, 5432} })
	infratest.WantNames(t, makes(args),
		"web-lb-egress-8080", "web-service", "web-tasks-egress-443", "web-tasks-egress-5432", "web-tasks-ingress-8080", "web-tasks-sg")
}

func TestOnlyTheLoadBalancerReachesTheTasks(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(behind(nil)), world)
		rules := record.Type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
		if len(rules) != 1 {
			t.Fatalf("%d rules let somebody in: tasks would be reachable past the load balancer", len(rules))
		}
		if source := record.String(rules[0], "referencedSecurityGroupId"); source != "sg-1" {
			t.Errorf("the tasks let %s in, not the load balancer", source)
		}
		for _, name := range []string{"web-tasks-ingress-8080", "web-lb-egress-8080"} {
			rule := record.Get(name)
			if rule.Inputs["fromPort"].NumberValue() != 8080 || rule.Inputs["toPort"].NumberValue() != 8080 {
				t.Errorf("%s is not for the container's port alone", name)
			}
		}
	})
}

func TestAFailedDeploymentIsRolledBackAndNoTaskIsMissedMeanwhile(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		service := infratest.MustRun(t, makes(behind(nil)), world).Get("web-service")
		breaker := service.Inputs["deploymentCircuitBreaker"].ObjectValue()
		if !breaker["enable"].BoolValue() || !breaker["rollback"].BoolValue() {
			t.Error("a broken version would be started over and over, for hours")
		}
		for input, want := range map[resource.PropertyKey]float64{
			"deploymentMinimumHealthyPercent": 100, "deploymentMaximumPercent": 200, "healthCheckGracePeriodSeconds": 60, "desiredCount": 1,
		} {
			if got := service.Inputs[input].NumberValue(); got != want {
				t.Errorf("%s is %v, not %v", input, got, want)
			}
		}
		if service.Timeouts != [3]string{"5m", "5m", "10m0s"} {
			t.Errorf("the waits are bounded by %v", service.Timeouts)
		}
	})
}

func TestAnUpdateFailsWhereECSDoesNotRunWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		world.Rollout = "FAILED"
		record, err := infratest.Run(t, makes(behind(nil)), world)
		var failure *rollout.DeploymentError
		if !errors.As(err, &failure) || failure.Wanted != "t:1" {
			t.Errorf("the update of a service whose deployment failed ends with %v", err)
		}
		if len(record.Asked) == 0 {
			t.Error("nobody has asked ECS")
		}
	})
}

func TestAPreviewAsksNobody(t *testing.T) {
	t.Parallel()
	for what, args := range map[string]Args{
		"one that waits": behind(nil), "one that does not": behind(func(a *Args) { a.SkipSteadyState = true }),
	} {
		record := infratest.MustRun(t, makes(args), infratest.Options{Mode: infratest.Preview, Rollout: "FAILED"})
		if len(record.Asked) > 0 {
			t.Errorf("the preview of %s asks ECS for %v: it would need the role's permissions and take its time", what, record.Asked)
		}
	}
}

func TestWithoutWaitingANewServiceIsWaitedForAllTheSame(t *testing.T) {
	t.Parallel()
	skip := makes(behind(func(a *Args) { a.SkipSteadyState = true }))
	if asked := infratest.MustRun(t, skip, infratest.Options{}).Asked; !slices.Equal(asked, []string{"DescribeServices"}) {
		t.Errorf("an update in place asks for %v, and not once whether the service has served before", asked)
	}
	if _, err := infratest.Run(t, skip, infratest.Options{Rollout: "FAILED"}); err == nil {
		t.Error("requests would move to a service that has never served")
	}
}

func TestAProviderOfItsOwnIsWatchedWithItsOwnConfig(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.Header.Get("X-Amz-Target"):
		default:
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	config := aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), Credentials: aws.AnonymousCredentials{}}
	record, err := infratest.Run(t, makes(behind(func(a *Args) { a.AWS = &config })), infratest.Options{})
	if err == nil || len(record.Asked) > 0 {
		t.Errorf("the default provider's account is asked for %v instead, with the end %v", record.Asked, err)
	}
	if len(asked) != 1 {
		t.Error("the account of the service is not asked")
	}
}

func TestTheTimeoutOfADeploymentIsInMinutes(t *testing.T) {
	t.Parallel()
	b := builder{args: Args{DeploymentTimeoutMinutes: 7, AWS: &aws.Config{Region: "us-east-1"}}}
	over, cancel := context.WithCancel(t.Context())
	cancel() // Nobody has to be asked for this.
	var w rollout.Watch
	if err := b.watch(over, nil, nil, &w); !errors.Is(err, context.Canceled) {
		t.Fatalf("the watch ends with %v, so there is nothing to test", err)
	}
	if w.Timeout != 7*time.Minute {
		t.Errorf("a deployment that hangs is given up after %s, not after 7 minutes", w.Timeout)
	}
}

func TestTheServiceIsMadeByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := New(ctx, "web", scaled(nil), given)
			return err
		}
	})
}

func TestTheSwitchesReachTheService(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		off := infratest.MustRun(t, makes(behind(nil)), world).Get("web-service")
		none := 0
		on := infratest.MustRun(t, makes(behind(func(a *Args) {
			a.AssignPublicIP, a.EnableExecuteCommand, a.SkipSteadyState, a.ForceDelete = true, true, true, true
			a.DesiredCount, a.CapacityProvider = &none, FargateSpot
		})), world).Get("web-service")
		for input, wantOn := range map[resource.PropertyKey]bool{
			"enableExecuteCommand": true, "forceDelete": true,
		} {
			if on.Inputs[input].BoolValue() != wantOn || off.Inputs[input].BoolValue() == wantOn {
				t.Errorf("%s does not follow its switch", input)
			}
		}
		if !on.Inputs["networkConfiguration"].ObjectValue()["assignPublicIp"].BoolValue() ||
			off.Inputs["networkConfiguration"].ObjectValue()["assignPublicIp"].BoolValue() {
			t.Error("public addresses do not follow their switch")
		}
		if got := on.Inputs["desiredCount"].NumberValue(); got != 0 {
			t.Errorf("0 tasks were asked for, and it is %v", got)
		}
		strategy := on.Inputs["capacityProviderStrategies"].ArrayValue()[0].ObjectValue()
		if got := strategy["capacityProvider"].StringValue(); got != "FARGATE_SPOT" {
			t.Errorf("spot capacity was asked for, and tasks run on %s", got)
		}
	})
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	below := -1
	infratest.WantRefused(t, makes(Args{
		DesiredCount: &below, CapacityProvider: "EC2", GracePeriod: 59, DeploymentTimeoutMinutes: 181, EgressPorts: []int{0},
	}),
		"clusterArn", "taskDefinitionArn", "vpcId", "subnetIds", "loadBalancerSecurityGroupId", "targetGroupArn",
		"containerName", "containerPort", "desiredCount", "capacityProvider", "healthCheckGracePeriod", "deploymentTimeoutMinutes", "egressPorts[0]")
}

func TestAnotherVPCHasAServiceOfItsOwn(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		service := infratest.MustRun(t, makes(behind(nil)), world).Get("web-service")
		if service.ReplacedWith != "vpc-1" {
			t.Errorf("the service would be moved away from its target group: it is replaced with %q", service.ReplacedWith)
		}
	})
}
