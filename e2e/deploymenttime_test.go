package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

// wizard are the values that the console's first run left at AWS's defaults, and its
// command, in which the shell stays the first process.
var wizard = map[string]string{
	"healthCheckInterval": "30", "healthCheckTimeout": "5", "healthyThreshold": "5", "unhealthyThreshold": "2",
	"deregistrationDelay": "300", "healthCheckGracePeriod": "180",
	"entryPoint": `["sh", "-c"]`, "command": `["echo '<h1>Amazon ECS Sample App</h1>' > htdocs/index.html && httpd-foreground"]`,
}

// steps is how long each step of a deployment takes, in seconds.
type steps struct{ Start, Check, Drain, Stop float64 }

// TestADeploymentTakesAsLongAsItsSettingsSay measures docs/deployment-time.md's steps
// with containers, and under a load that loses nothing. With -record it keeps the
// figures for the page.
func TestADeploymentTakesAsLongAsItsSettingsSay(t *testing.T) {
	t.Parallel()
	var theirs, ours steps
	for _, of := range []struct {
		name   string
		config map[string]string
		took   *steps
	}{{"wizard", wizard, &theirs}, {"program", nil, &ours}} {
		// Both at once: the wizard's takes six minutes, nearly all of which it waits.
		t.Run(of.name, func(t *testing.T) {
			t.Parallel()
			s := newContainers(t)
			set(t, s, of.config)
			up(t, s)
			requests := startLoad(t, pageOf(t, s))
			*of.took = deploy(t, s)
			noneLost(t, requests)
			assertSteps(t, s, *of.took)
			keepSteps(t, of.name, *of.took)
		})
	}
	t.Cleanup(func() { // Once both have ended.
		total := func(s steps) float64 { return s.Check + s.Drain + s.Stop }
		if !t.Failed() && !t.Skipped() && total(theirs) < 5*total(ours) {
			t.Errorf("without the start, a deployment takes %.0f s and the wizard's %.0f s, which is not five times as long", total(ours), total(theirs))
		}
	})
}

// deploy bumps the version of a service with one task and measures each step by what
// AWS's API says.
func deploy(t *testing.T, s *sandbox.Sandbox) steps {
	t.Helper()
	now := service(t, s)
	group := aws.String(one(t, s, account.TargetGroups))
	healthy := func() map[string]bool {
		out, err := s.Account.ELB.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: group})
		must(t, err, "the targets can't be listed")
		found := map[string]bool{}
		for _, h := range out.TargetHealthDescriptions {
			found[aws.ToString(h.Target.Id)] = h.TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy
		}
		return found
	}
	old := maps.Clone(healthy())
	if len(old) != 1 {
		t.Fatalf("there is not one target but %v", old)
	}
	set(t, s, map[string]string{"imageTag": "2.4.66"})
	done := make(chan error, 1)
	go func() {
		_, err := s.Up(t.Context())
		done <- err
	}()

	var serves, drained time.Time
	for deadline := time.Now().Add(15 * time.Minute); drained.IsZero(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the old target never leaves")
		}
		left := false
		for id, well := range healthy() {
			if _, was := old[id]; was {
				left = true
			} else if well && serves.IsZero() {
				serves = time.Now()
			}
		}
		if !left {
			drained = time.Now()
		}
	}
	must(t, <-done, "up fails")
	var first, last ecstypes.Task
	await(t, "the old task never stops", func() bool {
		tasks := tasksOf(t, s, now)
		if len(tasks) != 2 {
			return false
		}
		first, last = tasks[0], tasks[1]
		if first.CreatedAt.After(*last.CreatedAt) {
			first, last = last, first
		}
		return first.StoppedAt != nil
	})
	took := steps{
		Start: last.StartedAt.Sub(*last.CreatedAt).Seconds(), Check: serves.Sub(*last.StartedAt).Seconds(),
		Drain: drained.Sub(serves).Seconds(), Stop: first.StoppedAt.Sub(drained).Seconds(),
	}
	t.Logf("%+v", took)
	return took
}

// tasksOf are the tasks of a service, those that have stopped too.
func tasksOf(t *testing.T, s *sandbox.Sandbox, of ecstypes.Service) []ecstypes.Task {
	t.Helper()
	var arns []string
	for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped} {
		out, err := s.Account.ECS.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: of.ClusterArn, ServiceName: of.ServiceName, DesiredStatus: status})
		must(t, err, "the tasks can't be listed")
		arns = append(arns, out.TaskArns...)
	}
	out, err := s.Account.ECS.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: of.ClusterArn, Tasks: arns})
	must(t, err, "the tasks can't be described")
	return out.Tasks
}

// assertSteps asserts that each step takes what the values that AWS has for it say. A
// second or two goes to the scheduler, the engine, and looking.
func assertSteps(t *testing.T, s *sandbox.Sandbox, took steps) {
	t.Helper()
	const more = 3
	arn := one(t, s, account.TargetGroups)
	groups, err := s.Account.ELB.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	must(t, err, "the target group can't be described")
	attributes, err := s.Account.ELB.DescribeTargetGroupAttributes(t.Context(), &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(arn)})
	must(t, err, "the target group's attributes can't be described")
	delay := 0
	for _, a := range attributes.Attributes {
		if aws.ToString(a.Key) == "deregistration_delay.timeout_seconds" {
			delay, err = strconv.Atoi(aws.ToString(a.Value))
			must(t, err, "the deregistration delay is no number")
		}
	}
	definition, err := s.Account.ECS.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: service(t, s).TaskDefinition})
	must(t, err, "the task definition can't be described")
	interval := int(aws.ToInt32(groups.TargetGroups[0].HealthCheckIntervalSeconds))
	worst := interval * int(aws.ToInt32(groups.TargetGroups[0].HealthyThresholdCount))
	stop := int(aws.ToInt32(definition.TaskDefinition.ContainerDefinitions[0].StopTimeout))
	for step, limit := range map[string]struct {
		took          float64
		least, atMost int
	}{
		"the health check": {took.Check, 0, worst + more},
		"draining":         {took.Drain, delay, delay + more},
		"stopping":         {took.Stop, 0, stop + more},
	} {
		if limit.took < float64(limit.least) || limit.took > float64(limit.atMost) {
			t.Errorf("%s takes %.1f s, and the page says %d to %d s", step, limit.took, limit.least, limit.atMost-more)
		}
	}
}

// keepSteps keeps what was measured for the page, if that is asked for.
func keepSteps(t *testing.T, name string, took steps) {
	t.Helper()
	if !*record {
		return
	}
	root, err := toolchain.Root()
	must(t, err, "find the repository")
	file := filepath.Join(root, "testdata", fmt.Sprintf("deployment-time-%s.json", name))
	content, err := json.MarshalIndent(took, "", "\t")
	must(t, err, "the figures can't be written")
	must(t, os.WriteFile(file, append(content, '\n'), 0o644), "the figures can't be kept")
}
