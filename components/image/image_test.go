package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/infratest"
)

// folder is one with a Dockerfile.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func makes(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		built, err := New(ctx, "web", args)
		if err == nil {
			ctx.Export("uri", built.URI)
		}
		return err
	}
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	args := Args{BuildContext: folder(t), ImageTag: "1.2.3"}
	infratest.WantNames(t, makes(args), "web-image", "web-repository")
}

func TestTheImageIsBuiltForItsProcessorAndVersion(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		dir := folder(t)
		record := infratest.MustRun(t, makes(Args{
			BuildContext: dir, ImageTag: "1.2.3", Architecture: task.ARM64, BuildArgs: map[string]string{"VERSION": "1.2.3"},
		}), world)
		built := record.Get("web-image")
		for input, want := range map[string]string{
			"context": dir, "dockerfile": filepath.Join(dir, "Dockerfile"), "imageTag": "1.2.3", "platform": "linux/arm64",
			"repositoryUrl": world.RepositoryURL("web-repository"),
		} {
			if got := record.String(built, input); got != want {
				t.Errorf("%s is %s, not %s", input, got, want)
			}
		}
		if got := built.Inputs["args"].ObjectValue()["VERSION"].StringValue(); got != "1.2.3" {
			t.Errorf("the page would show the version %q", got)
		}
		if got := record.Output("uri"); got != world.RepositoryURL("web-repository")+"@"+infratest.Digest {
			t.Errorf("what is deployed is %s, and not the image's digest", got)
		}
	})
}

func TestATagCannotBeGivenToAnotherImageAndOldImagesExpire(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		repository := infratest.MustRun(t, makes(Args{BuildContext: folder(t), ImageTag: "1"}), world).Get("web-repository")
		if got := repository.Inputs["imageTagMutability"].StringValue(); got != "IMMUTABLE" {
			t.Errorf("tags are %s: a rollback could deploy something else", got)
		}
		if !repository.Inputs["imageScanningConfiguration"].ObjectValue()["scanOnPush"].BoolValue() {
			t.Error("images are not scanned (FSBP ECR.1)")
		}
		rule := repository.Inputs["lifecyclePolicy"].ObjectValue()["rules"].ArrayValue()[0].ObjectValue()
		if got := rule["maximumNumberOfImages"].NumberValue(); got != keptImages {
			t.Errorf("%v images are kept, and paid for", got)
		}
		if repository.Inputs["forceDelete"].BoolValue() {
			t.Error("a destroy deletes images that nobody said may go")
		}
	})
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{BuildContext: t.TempDir(), ImageTag: "latest", Architecture: "z80"}), "buildContext", "imageTag", "architecture")
}
