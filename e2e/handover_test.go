package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"ecs-sample-app/e2e/sandbox"
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
	destroy(t, s)
	_, err = s.Account.SSM.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("sample-app-version")})
	must(t, err, "a destroy took the other pipeline's parameter away")
	assertNothingLeft(t, s)
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
