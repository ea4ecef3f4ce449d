package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ecs-sample-app/e2e/sandbox"
)

func TestNothingIsCreatedByAPreviewOrByAnUpThatCannotWork(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	for name, test := range map[string]func(*testing.T, *sandbox.Sandbox){
		"a preview without a build loads only the AWS provider": onlyAWSIsLoaded,
		"a build without AWSx names what is missing":            awsxIsMissed,
		"a bad config is refused with all its problems":         badConfigIsRefused,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, s)
			must(t, s.Unset(t.Context()), "the config can't be taken back")
		})
	}
}

// onlyAWSIsLoaded watches the processes of a preview, and its event log.
func onlyAWSIsLoaded(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	process, err := s.Start(t.Context(), "preview")
	must(t, err, "preview does not start")
	plugins := map[string]bool{}
	for process.Running() {
		tree, err := process.Tree(t.Context())
		must(t, err, "processes can't be listed")
		for _, member := range tree {
			if strings.HasPrefix(member.Name, "pulumi-resource-") {
				plugins[member.Name] = true
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	output, err := process.Wait()
	must(t, err, "preview fails: "+output)
	if got := slices.Sorted(maps.Keys(plugins)); !slices.Equal(got, []string{"pulumi-resource-aws"}) {
		t.Errorf("a preview without buildContext starts %v: each plugin has to be downloaded, and costs seconds", got)
	}
	run, err := s.Preview(t.Context())
	must(t, err, "preview fails")
	if !slices.Equal(run.Providers, []string{"aws"}) {
		t.Errorf("resources of a stack without buildContext come from %v, not from aws alone", run.Providers)
	}
}

// awsxIsMissed runs `pulumi up` as people do, which previews first. Without the
// preview, what does not need the image would be created before the error.
func awsxIsMissed(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	plugins, err := s.Stack.Workspace().ListPlugins(t.Context())
	must(t, err, "plugins can't be listed")
	for _, plugin := range plugins {
		if plugin.Name == "awsx" {
			t.Skip("the awsx plugin is installed here, and a build would go as far as Docker")
		}
	}
	set(t, s, map[string]string{"buildContext": "app"})
	output, err := s.Command(t.Context(), "up", "--yes").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "pulumi-resource-awsx") {
		t.Errorf("nobody is told that the awsx plugin is missing (%v):\n%s", err, output)
	}
	assertCounts(t, s, map[string]int{})
}

func badConfigIsRefused(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	// Wrong types among them: Pulumi's own check would name the first of them alone.
	bad := map[string]string{
		"cpu": "300", "imageTag": "latest", "desiredCuont": "2", "vpcCidr": "10.0.0.0/8",
		"memory": "0.5", "egressPorts": "443", "alarms": "loud",
	}
	set(t, s, bad)
	bad["desiredCuont"] = "desiredCount" // What was meant, and not the value, which may be a secret.
	for command, run := range map[string]func() error{
		"preview": func() error { _, err := s.Preview(t.Context()); return err },
		"up":      func() error { _, err := s.Up(t.Context()); return err },
	} {
		err := run()
		if err == nil {
			t.Fatalf("%s takes a config that can't work", command)
		}
		for key, value := range bad {
			if !mentions(err.Error(), "ecs-sample-app:"+key, value) {
				t.Errorf("whoever runs %s has to find out by another try that %s can't be %s:\n%v", command, key, value, err)
			}
		}
		assertCounts(t, s, map[string]int{})
	}
}

// mentions tells whether a line has both.
func mentions(text, key, value string) bool {
	for line := range strings.Lines(text) {
		if strings.Contains(line, key) && strings.Contains(line, value) {
			return true
		}
	}
	return false
}
