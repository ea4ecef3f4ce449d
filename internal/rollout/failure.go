package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// What a failure shows of each kind: enough to see why, on one screen.
const (
	shownEvents = 8
	shownCauses = 5
	// askedTasks is how many tasks ECS describes in one call
	// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html).
	askedTasks = 100
)

// DeploymentError is a deployment that failed, with what is known of why.
type DeploymentError struct {
	// Service is the service's name.
	Service string
	// Wanted and Running are revisions, as family:revision.
	Wanted, Running string
	// Serving is the service that gets the requests meanwhile, if this one was to replace
	// it and has never served.
	Serving string
	// RunningARN is the ARN of the revision that most tasks run, empty if there are
	// none.
	RunningARN string
	// Reason is why, in one sentence, and Says what ECS says of it.
	Reason string
	Says   []string
	// Events are ECS's last, oldest first.
	Events []string
	// Stopped says why tasks of the wanted revision stopped, with exit codes.
	Stopped []string
	// Targets says why the load balancer sends tasks no requests.
	Targets []string
	// Logs is the command that shows the tasks' logs, empty where they have none.
	Logs string
	// Next is what to do about it.
	Next string
}

// Error tells everything, in several lines.
func (f *DeploymentError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "the service %s does not run what was asked for: %s\n", f.Service, f.Reason)
	fmt.Fprintf(&text, "  asked for:  %s\n", f.Wanted)
	fmt.Fprintf(&text, "  running:    %s\n", f.Running)
	if f.Serving != "" {
		fmt.Fprintf(&text, "  serves now: %s, which it was to replace. Both run and are paid for until an update succeeds\n", f.Serving)
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"ECS says", f.Says},
		{"its last events, in UTC", f.Events},
		{"stopped tasks of " + f.Wanted, f.Stopped},
		{"targets of the load balancer", f.Targets},
	} {
		if len(part.lines) > 0 {
			fmt.Fprintf(&text, "  %s:\n    %s\n", part.title, strings.Join(part.lines, "\n    "))
		}
	}
	if f.Logs != "" {
		fmt.Fprintf(&text, "  logs:       %s\n", f.Logs)
	}
	text.WriteString("  not done:   what this update takes away, such as an opening or a permission, is there until one succeeds\n")
	fmt.Fprintf(&text, "  what next:  %s", f.Next)
	return text.String()
}

// repair is what to do about a version that fails. A revision of its own is the one
// way to have any version tried again: ECS starts no more tasks for a first deployment
// that has failed, and to Pulumi nothing has changed.
const repair = "set imageTag, or what imageTagParameter names, to a version that works, or try this one again with " +
	"`pulumi config set redeploy \"$(date)\"`; then `pulumi up`"

// explain asks AWS why the deployment failed. What it does not tell is left out.
func (w *Watch) explain(ctx context.Context, s *types.Service, v verdict) *DeploymentError {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	f := &DeploymentError{
		Service: nameOf(w.Service),
		Wanted:  nameOf(w.TaskDefinition),
		Running: "not known",
		Reason:  v.why,
		Next:    cmp.Or(v.next, repair),
	}
	if s == nil { // ECS may have fallen silent only for a while.
		s, _ = w.describe(ctx) // What is not told is left out.
	}
	if s != nil {
		f.Running = running(s)
		f.RunningARN = mostRun(s)
		if !served(s) {
			_, f.Serving, _ = w.predecessor(ctx, s) // What is not told is left out.
		}
		f.Events = events(s.Events)
		if health, err := w.health(ctx, s); err == nil {
			f.Targets = unhealthy(health)
		}
	}
	if last := w.lastDeployment(ctx, s); last != nil {
		v.says = append(v.says, aws.ToString(last.StatusReason))
	}
	f.Says = counted(slices.DeleteFunc(v.says, func(line string) bool { return line == "" }))
	tasks := w.stopped(ctx)
	f.Stopped = causes(tasks)
	f.Logs = w.logs(ctx, tasks)
	return f
}

// unplaced is what ECS said last, since the deployment began, of tasks that it finds no
// place for. They count as no failure to the circuit breaker
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html).
func unplaced(s *types.Service) string {
	if s == nil {
		return ""
	}
	primary := primaryOf(s)
	for i := range s.Events {
		event := &s.Events[i]
		if primary != nil && aws.ToTime(event.CreatedAt).Before(aws.ToTime(primary.CreatedAt)) {
			break // They are listed the youngest first.
		}
		if message := aws.ToString(event.Message); strings.Contains(message, "unable to place a task") {
			return message
		}
	}
	return ""
}

// running lists the revisions that have running tasks.
func running(s *types.Service) string {
	var all []string
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.RunningCount > 0 {
			all = append(all, fmt.Sprintf("%s on %d of %d tasks", nameOf(aws.ToString(d.TaskDefinition)), d.RunningCount, s.DesiredCount))
		}
	}
	return cmp.Or(strings.Join(all, ", "), "nothing")
}

// mostRun is the revision that most tasks run.
func mostRun(s *types.Service) string {
	arn, most := "", int32(0)
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.RunningCount > most {
			arn, most = aws.ToString(d.TaskDefinition), d.RunningCount
		}
	}
	return arn
}

// events are the last few, oldest first. ECS lists the youngest first.
func events(all []types.ServiceEvent) []string {
	lines := make([]string, 0, shownEvents)
	for _, event := range all[:min(shownEvents, len(all))] {
		lines = append(lines, aws.ToTime(event.CreatedAt).UTC().Format(time.TimeOnly)+" "+aws.ToString(event.Message))
	}
	slices.Reverse(lines)
	return lines
}

// unhealthy says of each target that gets no requests why.
func unhealthy(health []elbtypes.TargetHealth) []string {
	var lines []string
	for _, h := range health {
		if h.State == elbtypes.TargetHealthStateEnumUnhealthy {
			lines = append(lines, join("unhealthy", aws.ToString(h.Description)))
		}
	}
	return counted(lines)
}

// stopped are the tasks of the wanted revision that ECS still remembers, for an
// hour or so, the last to stop first.
func (w *Watch) stopped(ctx context.Context) []types.Task {
	listed, err := w.ECS.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: aws.String(w.Cluster), ServiceName: aws.String(w.Service), DesiredStatus: types.DesiredStatusStopped,
		MaxResults: aws.Int32(askedTasks),
	})
	if err != nil || len(listed.TaskArns) == 0 {
		return nil
	}
	out, err := w.ECS.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(w.Cluster), Tasks: listed.TaskArns})
	if err != nil {
		return nil
	}
	tasks := slices.DeleteFunc(out.Tasks, func(t types.Task) bool {
		return aws.ToString(t.TaskDefinitionArn) != w.TaskDefinition
	})
	slices.SortFunc(tasks, func(a, b types.Task) int {
		return aws.ToTime(b.StoppingAt).Compare(aws.ToTime(a.StoppingAt))
	})
	return tasks
}

// causes says why tasks stopped, and with what their containers exited.
func causes(tasks []types.Task) []string {
	var lines []string
	for i := range tasks {
		t := &tasks[i]
		parts := []string{join(string(t.StopCode), aws.ToString(t.StoppedReason))}
		for j := range t.Containers {
			c := &t.Containers[j]
			if c.ExitCode != nil {
				parts = append(parts, fmt.Sprintf("container %s exited with %d", aws.ToString(c.Name), *c.ExitCode))
			}
			if c.Reason != nil && *c.Reason != aws.ToString(t.StoppedReason) { // As where there is no image.
				parts = append(parts, fmt.Sprintf("container %s: %s", aws.ToString(c.Name), *c.Reason))
			}
		}
		lines = append(lines, strings.Join(parts, "; "))
	}
	all := counted(lines)
	return all[:min(shownCauses, len(all))]
}

// logs is a command that shows the logs of the wanted revision: of the task that
// stopped last, or of all. If none of those that stopped had started, there are none.
func (w *Watch) logs(ctx context.Context, tasks []types.Task) string {
	started := slices.DeleteFunc(slices.Clone(tasks), func(t types.Task) bool { return !ran(&t) })
	if len(tasks) > 0 && len(started) == 0 {
		return ""
	}
	out, err := w.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(w.TaskDefinition)})
	if err != nil || out.TaskDefinition == nil {
		return ""
	}
	for i := range out.TaskDefinition.ContainerDefinitions {
		c := &out.TaskDefinition.ContainerDefinitions[i]
		if c.LogConfiguration == nil || c.LogConfiguration.LogDriver != types.LogDriverAwslogs {
			continue
		}
		options := c.LogConfiguration.Options
		command := fmt.Sprintf("aws logs tail %s --region %s --since 1h", options["awslogs-group"], options["awslogs-region"])
		if prefix := options["awslogs-stream-prefix"]; prefix != "" && len(started) > 0 {
			id := nameOf(aws.ToString(started[0].TaskArn))
			command += fmt.Sprintf(" --log-stream-names %s/%s/%s", prefix, aws.ToString(c.Name), id)
		}
		return command
	}
	return ""
}

// ran tells whether a container of a task has run, so that it may have logged something. One
// that ends at once may never be seen running: then it has an exit code all the same.
func ran(t *types.Task) bool {
	return t.StartedAt != nil || slices.ContainsFunc(t.Containers, func(c types.Container) bool { return c.ExitCode != nil })
}

// counted writes lines that are the same once, with their number.
func counted(lines []string) []string {
	counts := map[string]int{}
	var all []string
	for _, line := range lines {
		if counts[line]++; counts[line] == 1 {
			all = append(all, line)
		}
	}
	for i, line := range all {
		if n := counts[line]; n > 1 {
			all[i] = fmt.Sprintf("%d times: %s", n, line)
		}
	}
	return all
}

// join puts a colon between what is not empty.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}
