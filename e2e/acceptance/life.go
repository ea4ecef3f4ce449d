package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/load"
	"ecs-sample-app/e2e/sandbox"
)

func configValue(value string) auto.ConfigValue { return auto.ConfigValue{Value: value} }

// acceptance is a stack, and what became of what it is to prove.
type acceptance struct {
	*sandbox.Sandbox

	dir, domain string
	emulated    bool
	failed      []string
	stuck       bool // The stack is in no state to go on.
}

// life is the stack's. Each step says what it proves. Where one fails that the others
// stand on, the rest is left out.
func (a *acceptance) life(ctx context.Context) {
	a.needed("a stack is made, and its page answers: ECS takes a target group that only a rule for nobody forwards to, its targets' health is checked, "+
		"and ECS takes on the execution role with the conditions aws:SourceAccount and aws:SourceArn", func() error {
		return a.deploy(ctx, "2.4.65", nil)
	})
	a.step("a preview that refreshes shows no change: the provider reads back what the program asked for", func() error {
		return a.noDrift(ctx)
	})
	a.step("a new version is deployed, and no request is lost", func() error {
		return a.underLoad(ctx, func() error { return a.deploy(ctx, "2.4.66", nil) })
	})
	a.step("a version that crashes is rolled back and fails the update, and the one before serves all the while", func() error {
		return a.underLoad(ctx, func() error { return a.crash(ctx) })
	})
	a.step("after a rollback from a version with other secrets, a task of the one before starts again: its permissions have stayed", func() error {
		return a.again(ctx)
	})
	a.step("the version after that is deployed, side by side on another port, and no request is lost: the rule moves when the new tasks are healthy", func() error {
		return a.underLoad(ctx, func() error { return a.deploy(ctx, "2.4.66", map[string]string{"containerPort": "8080"}) })
	})
	a.step("the sample runs as nobody in particular, without capabilities and with nothing writable but /dev/shm", func() error {
		return a.deploy(ctx, "2.4.66", map[string]string{"user": "33", "readonlyRootFilesystem": "true", "dropCapabilities": `["ALL"]`})
	})
	a.step("tasks move to private subnets behind a NAT gateway and to flow logs, and no request is lost", func() error {
		return a.underLoad(ctx, func() error {
			return a.deploy(ctx, "2.4.66", map[string]string{"nat": "single", "flowLogRetentionDays": "1"})
		})
	})
	if a.domain != "" {
		a.step("the domain answers with HTTPS, and HTTP leads there: the certificate is issued, and the access logs' bucket is taken", func() error {
			return a.deploy(ctx, "2.4.66", map[string]string{"domain": a.domain, "accessLogs": "true"})
		})
	}
	a.step("alarms watch a deployment, and none goes off: what the load balancer answers itself is counted as its own, and its metrics have the dimensions that the alarms name", func() error {
		return a.deploy(ctx, "2.4.65", map[string]string{"alarms": "true"})
	})
	a.step("at the end, a preview that refreshes shows no change", func() error { return a.noDrift(ctx) })
}

// end deletes the stack, and looks for what is left.
func (a *acceptance) end(ctx context.Context) {
	a.stuck = false
	a.step("one command deletes it all", func() error {
		if _, err := a.Destroy(ctx); err != nil {
			return fmt.Errorf("%w\nwhat is left costs money. Its state is in %s: in its folder project, run `PULUMI_BACKEND_URL=file://%s/state PULUMI_CONFIG_PASSPHRASE= pulumi destroy`", err, a.dir, a.dir)
		}
		return a.nothingLeft(ctx)
	})
}

// needed is a step without which there is no sense in the others.
func (a *acceptance) needed(what string, do func() error) { a.stuck = !a.step(what, do) }

// step does something, and prints whether what it is to prove holds.
func (a *acceptance) step(what string, do func() error) bool {
	if a.stuck {
		fmt.Printf("left out     %s\n", what)
		return false
	}
	began := time.Now()
	err := do()
	took := time.Since(began).Round(time.Second)
	if err != nil {
		a.failed = append(a.failed, what)
		fmt.Printf("DOES NOT HOLD %s (%v)\n  %s\n", what, took, strings.ReplaceAll(err.Error(), "\n", "\n  "))
		return false
	}
	fmt.Printf("holds        %s (%v)\n", what, took)
	return true
}

func (a *acceptance) verdict() error {
	if len(a.failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d things do not hold:\n  %s", len(a.failed), strings.Join(a.failed, "\n  "))
}

// deploy sets a version, and what else is given, and wants the page to be of it.
func (a *acceptance) deploy(ctx context.Context, version string, more map[string]string) error {
	settings := map[string]string{"imageTag": version}
	for key, value := range more {
		settings[key] = value
	}
	if err := a.Set(ctx, settings); err != nil {
		return err
	}
	if _, err := a.Up(ctx); err != nil {
		return err
	}
	page, err := a.page(ctx)
	if err != nil {
		return err
	}
	return eventually(ctx, func() error { return answers(ctx, page, version) })
}

// again stops the task that serves after the rollback, and wants another to take its place.
func (a *acceptance) again(ctx context.Context) error {
	clusters, err := a.Account.List(ctx, account.Clusters)
	if err != nil {
		return err
	}
	for _, cluster := range clusters {
		if !strings.Contains(cluster, "/sample-app-cluster-") {
			continue // Somebody else's.
		}
		tasks, err := a.Account.ECS.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String(cluster)})
		if err != nil {
			return err
		}
		for _, task := range tasks.TaskArns {
			if _, err := a.Account.ECS.StopTask(ctx, &ecs.StopTaskInput{Cluster: aws.String(cluster), Task: aws.String(task)}); err != nil {
				return err
			}
		}
	}
	page, err := a.page(ctx)
	if err != nil {
		return err
	}
	time.Sleep(settle) // Until then the task that stops may still answer.
	return eventually(ctx, func() error { return answers(ctx, page, "2.4.66") })
}

// settle is how long a task that was told to stop may still serve.
const settle = 45 * time.Second

// crash deploys a version that ends at once, with a secret of its own, and takes it back
// from the config.
func (a *acceptance) crash(ctx context.Context) error {
	if err := a.Set(ctx, map[string]string{"entryPoint": `["sh", "-c"]`, "command": `["exit 78"]`, "secretValues": `{"TRIED": "correct horse"}`}); err != nil {
		return err
	}
	run, err := a.Up(ctx)
	if err == nil {
		return errors.New("the update succeeds")
	}
	if told := strings.Join(run.Messages, "\n") + err.Error(); !strings.Contains(told, "exited with 78") {
		return fmt.Errorf("the update fails, but not because of the crash: %w", err)
	}
	page, err := a.page(ctx)
	if err != nil {
		return err
	}
	return errors.Join(answers(ctx, page, "2.4.66"), a.Unset(ctx, "entryPoint", "command", "secretValues"))
}

// underLoad does something while requests are sent, and wants none to be lost.
func (a *acceptance) underLoad(ctx context.Context, do func() error) error {
	page, err := a.page(ctx)
	if err != nil {
		return err
	}
	requests := load.Start(ctx, page, nil)
	err = do()
	result := requests.Stop()
	if len(result.Lost) > 0 {
		return errors.Join(err, fmt.Errorf("%v: %q", result, result.Lost[:min(5, len(result.Lost))]))
	}
	fmt.Printf("             %v\n", result)
	return err
}

func (a *acceptance) noDrift(ctx context.Context) error {
	run, err := a.PreviewRefresh(ctx)
	if err != nil {
		return err
	}
	if a.emulated { // It forgets the descriptions of two rules.
		run.Changes = slices.DeleteFunc(run.Changes, func(s sandbox.Step) bool { return slices.Equal(s.Diffs, []string{"description"}) })
	}
	if len(run.Changes) > 0 {
		return fmt.Errorf("it shows:\n%s", run.Summary())
	}
	return nil
}

// page is the stack's output url.
func (a *acceptance) page(ctx context.Context) (string, error) {
	outputs, err := a.Stack.Outputs(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(outputs["url"].Value), nil
}

// nothingLeft asks AWS for what has the stack's tags, and IAM for its roles, which have
// no place in that list. Deleted task definitions stay on record, at no cost.
func (a *acceptance) nothingLeft(ctx context.Context) error {
	if a.emulated { // Its list of tags has what was deleted too.
		left, err := a.Left(ctx)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("AWS still lists %v", left)
		}
		return err
	}
	return eventually(ctx, func() error {
		var left []string
		pages := resourcegroupstaggingapi.NewGetResourcesPaginator(a.Account.Tagging, &resourcegroupstaggingapi.GetResourcesInput{
			TagFilters: []types.TagFilter{
				{Key: aws.String("Project"), Values: []string{sandbox.Project}}, {Key: aws.String("Stack"), Values: []string{sandbox.StackName}},
			},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list what has the stack's tags: %w", err)
			}
			for _, r := range page.ResourceTagMappingList {
				if arn := aws.ToString(r.ResourceARN); !strings.Contains(arn, ":task-definition/") {
					left = append(left, arn)
				}
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("AWS still lists:\n%s", strings.Join(left, "\n"))
		}
		return nil
	})
}

// eventually tries something until it works: a name takes its time to be known, and the
// list of tags to forget.
func eventually(ctx context.Context, do func() error) error {
	const limit = 5 * time.Minute
	for deadline := time.Now().Add(limit); ; {
		err := do()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// answers wants a page to be of a version.
func answers(ctx context.Context, page, version string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !strings.Contains(string(body), version) {
		return fmt.Errorf("%s answers with %s, and not with version %s", page, response.Status, version)
	}
	return nil
}
