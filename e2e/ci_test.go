package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

// What the scripts of CI read from Pulumi's output and status is Pulumi's to change.
func TestTheNightlyLookFindsWhatSomebodyChangedAndNothingElse(t *testing.T) {
	t.Parallel()
	s := bootstrapped(t)
	if state, report := script(t, s, "look.sh"); state != "state=gone\n" {
		t.Errorf("nobody changed anything, and the look says %q:\n%s", state, report)
	}

	roles, err := s.Account.List(t.Context(), account.Roles)
	must(t, err, "the roles can't be listed")
	_, err = s.Account.IAM.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
		RoleName:       aws.String(roles[0]),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"sts:AssumeRole"}]}`),
	})
	must(t, err, "a role can't be changed behind Pulumi's back")
	state, report := script(t, s, "look.sh")
	if state != "state=found\n" || !strings.Contains(report, "666666666666") {
		t.Errorf("another account may take on %s, and the look says %q:\n%s", roles[0], state, report)
	}
	if state, report := script(t, s, "preview.sh"); state != "status=0\n" || !strings.Contains(report, "unchanged") {
		t.Errorf("the preview that pull requests get says %q:\n%s", state, report)
	}
	_, err = s.UpRefreshed(t.Context())
	must(t, err, "what was changed can't be taken back")
	if state, report := script(t, s, "look.sh"); state != "state=gone\n" {
		t.Errorf("the change was taken back, and the look still says %q:\n%s", state, report)
	}
}

// script runs a script of CI on the stack and returns the job's output and the report.
func script(t *testing.T, s *sandbox.Sandbox, name string) (output, report string) {
	t.Helper()
	root, err := toolchain.Root()
	must(t, err, "the repository can't be found")
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), filepath.Join(root, ".github", "scripts", name), sandbox.StackName, filepath.Join(folder, "report.md"))
	command.Dir = s.Stack.Workspace().WorkDir()
	command.Env = slices.Concat(s.Command(t.Context()).Env, []string{
		"GITHUB_OUTPUT=" + filepath.Join(folder, "output"), "GITHUB_STEP_SUMMARY=" + os.DevNull,
	})
	out, err := command.CombinedOutput()
	must(t, err, name+" fails: "+string(out))
	for file, into := range map[string]*string{"output": &output, "report.md": &report} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		must(t, err, name+" left nothing behind")
		*into = string(text)
	}
	return output, report
}
