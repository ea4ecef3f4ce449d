package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecs-sample-app/e2e/sandbox"
)

// Values that must never be seen. Each has a line of its own in what is printed if a
// message quotes it in part.
const (
	firstSecret  = "hunter2-first\nsecond line"
	secondSecret = "hunter2-second\nsecond line"
)

// TestASecretIsSeenNowhere sets secrets with the real CLI: as they should be set,
// changed, and where they must not be.
func TestASecretIsSeenNowhere(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	pulumi(t, s, "config", "set", "--secret", "--path", "secretValues.DB_PASSWORD", firstSecret)
	seenNowhere(t, pulumi(t, s, "up", "--yes", "--skip-preview"))
	first := secretOf(t, s)
	assertNoChanges(t, s)

	pulumi(t, s, "config", "set", "--secret", "--path", "secretValues.DB_PASSWORD", secondSecret)
	seenNowhere(t, pulumi(t, s, "preview", "--diff"))
	seenNowhere(t, pulumi(t, s, "up", "--yes", "--skip-preview", "--diff"))
	if second := secretOf(t, s); second == first {
		t.Error("a changed secret is not deployed: tasks go on with the old value, and new ones get another without a revision of their own")
	}
	seenNowhere(t, pulumi(t, s, "stack", "export"))
	state, err := os.ReadFile(filepath.Join(s.Stack.Workspace().WorkDir(), "..", "state", ".pulumi", "stacks", sandbox.Project, sandbox.StackName+".json"))
	must(t, err, "the state can't be read")
	seenNowhere(t, string(state))

	// What is advised for a secret in the wrong place is done as it is printed.
	pulumi(t, s, "config", "set", "--secret", "--path", "environment.API_KEY", firstSecret)
	output, err := s.Command(t.Context(), "up", "--yes", "--skip-preview").CombinedOutput()
	if err == nil {
		t.Fatal("a secret among the environment variables is taken, and is in the state for all to read")
	}
	seenNowhere(t, string(output))
	for _, advice := range []string{
		"pulumi config set --secret --path 'secretValues.API_KEY'", "pulumi config rm --path 'environment.API_KEY'",
	} {
		if !strings.Contains(string(output), "`"+advice+"`") {
			t.Errorf("the message does not say what to do, %s:\n%s", advice, output)
		}
	}
	pulumi(t, s, "config", "set", "--secret", "--path", "secretValues.API_KEY", firstSecret)
	pulumi(t, s, "config", "rm", "--path", "environment.API_KEY")
	seenNowhere(t, pulumi(t, s, "up", "--yes", "--skip-preview"))
	if definition := taskDefinition(t, s, serving(t, s)); len(definition.ContainerDefinitions[0].Secrets) != 2 {
		t.Errorf("the container gets %v, and not both secrets", definition.ContainerDefinitions[0].Secrets)
	}
	destroy(t, s)
	assertNothingLeft(t, s)
}

// pulumi runs a command of the CLI that has to succeed, and returns what it prints.
func pulumi(t *testing.T, s *sandbox.Sandbox, arguments ...string) string {
	t.Helper()
	output, err := s.Command(t.Context(), arguments...).CombinedOutput()
	must(t, err, "pulumi "+arguments[0]+" fails: "+string(output))
	return string(output)
}

func seenNowhere(t *testing.T, text string) {
	t.Helper()
	if text == "" {
		t.Error("nothing was printed, so nothing could be seen")
	}
	for _, part := range []string{"hunter2", "second line"} {
		if strings.Contains(text, part) {
			t.Errorf("a secret is printed:\n%s", text)
		}
	}
}

// secretOf is the ARN of the parameter that the container's variable comes from.
func secretOf(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	secrets := taskDefinition(t, s, serving(t, s)).ContainerDefinitions[0].Secrets
	if len(secrets) != 1 || *secrets[0].Name != "DB_PASSWORD" {
		t.Fatalf("the container has the secrets %v, not DB_PASSWORD", secrets)
	}
	return *secrets[0].ValueFrom
}
