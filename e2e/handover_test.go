package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

// TestAVersionThatAnotherPipelineDeployedIsNotTakenBack follows docs/ci.md: the version is
// in a parameter, which a pipeline without this program writes.
func TestAVersionThatAnotherPipelineDeployedIsNotTakenBack(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	set(t, s, map[string]string{"imageTagParameter": "sample-app-version"})
	output := upFails(t, s, "a version that nobody has written anywhere is deployed")
	assertTold(t, output, "ecs-sample-app:imageTagParameter", "aws ssm put-parameter --type String --name sample-app-version")
	assertNothingLeft(t, s)

	putVersion(t, s, "2.4.66")
	up(t, s)
	assertRuns(t, s, "httpd:2.4.66")

	// The other pipeline registers a revision with its image, deploys it, and writes that
	// down.
	now := taskDefinition(t, s, aws.ToString(service(t, s).TaskDefinition))
	now.ContainerDefinitions[0].Image = aws.String(strings.Replace(*now.ContainerDefinitions[0].Image, ":2.4.66", ":2.4.67", 1))
	made, err := s.Account.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: now.Family, ContainerDefinitions: now.ContainerDefinitions, Cpu: now.Cpu, Memory: now.Memory, NetworkMode: now.NetworkMode,
		ExecutionRoleArn: now.ExecutionRoleArn, TaskRoleArn: now.TaskRoleArn, RequiresCompatibilities: now.RequiresCompatibilities,
	})
	must(t, err, "register a revision")
	theirs := made.TaskDefinition.TaskDefinitionArn
	_, err = s.Account.ECS.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: service(t, s).ClusterArn, Service: service(t, s).ServiceArn, TaskDefinition: theirs,
	})
	must(t, err, "deploy the revision")
	putVersion(t, s, "2.4.67")

	up(t, s)
	assertRuns(t, s, "httpd:2.4.67")
	assertNoChanges(t, s)
	_, err = s.Account.ECS.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: theirs})
	must(t, err, "deregister their revision")

	// The workflow that deploys is given a version by hand, once with a parameter set and
	// once without.
	for _, tag := range []string{"2.4.66", "2.4.68"} {
		deployByHand(t, s, tag)
		assertRuns(t, s, "httpd:"+tag)
	}
	destroy(t, s)
	_, err = s.Account.SSM.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("sample-app-version")})
	must(t, err, "a destroy took the other pipeline's parameter away")
	assertNothingLeft(t, s)
}

// deployByHand does what .github/workflows/deploy.yml does with a tag, and wants its smoke
// test to look for that tag.
func deployByHand(t *testing.T, s *sandbox.Sandbox, tag string) {
	t.Helper()
	root, err := toolchain.Root()
	must(t, err, "the repository can't be found")
	outputs := filepath.Join(t.TempDir(), "outputs")
	for _, script := range [][]string{{"version.sh", sandbox.StackName, tag}, {"up.sh", sandbox.StackName}} {
		command := exec.CommandContext(t.Context(), filepath.Join(root, ".github", "scripts", script[0]), script[1:]...)
		command.Dir = s.Stack.Workspace().WorkDir()
		command.Env = append(slices.Clone(s.Command(t.Context()).Env), "GITHUB_OUTPUT="+outputs, "GITHUB_STEP_SUMMARY="+os.DevNull)
		out, err := command.CombinedOutput()
		must(t, err, script[0]+" fails: "+string(out))
	}
	found, err := os.ReadFile(outputs)
	must(t, err, "the update has no outputs")
	if !strings.Contains(string(found), "tag="+tag+"\n") {
		t.Errorf("%s is deployed, and the smoke test gets %q", tag, found)
	}
}

func putVersion(t *testing.T, s *sandbox.Sandbox, version string) {
	t.Helper()
	_, err := s.Account.SSM.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("sample-app-version"), Type: ssmtypes.ParameterTypeString, Value: aws.String(version), Overwrite: aws.Bool(true),
	})
	must(t, err, "write the version down")
}

// assertRuns asserts that the service runs an image.
func assertRuns(t *testing.T, s *sandbox.Sandbox, image string) {
	t.Helper()
	if got := *taskDefinition(t, s, aws.ToString(service(t, s).TaskDefinition)).ContainerDefinitions[0].Image; !strings.HasSuffix(got, image) {
		t.Errorf("%s runs, and not %s: what another pipeline deployed is taken back", got, image)
	}
}
