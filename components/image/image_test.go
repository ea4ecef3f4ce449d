package image

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/infratest"
)

// folder is one with a Dockerfile.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "Dockerfile", "FROM scratch\nARG VERSION=1 OTHER\n")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
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
			BuildContext: dir, ImageTag: "1.2.3", Architecture: task.ARM64, BuildArgs: map[string]string{"VERSION": "1.2.3", "PORT": "8080"},
		}), world)
		built := record.Get("web-image")
		for input, want := range map[string]string{
			"context": dir, "dockerfile": filepath.Join(dir, "Dockerfile"), "imageName": "web", "platform": "linux/arm64",
			"repositoryUrl": world.RepositoryURL("web-repository"),
		} {
			if got := record.String(built, input); got != want {
				t.Errorf("%s is %s, not %s", input, got, want)
			}
		}
		args := built.Inputs["args"].ObjectValue()
		if got := args["VERSION"].StringValue(); got != "1.2.3" {
			t.Errorf("the page would show the version %q", got)
		}
		if _, given := args["PORT"]; given {
			t.Error("Docker warns of an argument that the Dockerfile has no ARG for, and another port would be another image")
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

// before is a world in which an update has built the folder as 1.
func before(t *testing.T, dir string) infratest.Options {
	t.Helper()
	content, err := Args{BuildContext: dir, ImageTag: "1"}.withDefaults().content()
	if err != nil {
		t.Fatal(err)
	}
	return infratest.Options{
		Outputs: map[string]any{"builtImage": map[string]any{
			"tag": "1", "content": content, "repository": infratest.Options{}.RepositoryURL("web-repository"),
		}},
		Images: map[string]string{"1": digest("1"), "0": digest("0"), "": digest("1")},
	}
}

func digest(tag string) string { return "sha256:" + strings.Repeat(tag, 64) }

// builds is a program that builds what the stack has built before, or something else.
func builds(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		var err error
		if args.Last, err = Last(ctx); err != nil {
			return err
		}
		built, err := New(ctx, "web", args)
		if err == nil {
			ctx.Export("uri", built.URI)
			built.Export(ctx)
		}
		return err
	}
}

func TestWhatTheRepositoryHasIsDeployedByItsDigestAndNotBuilt(t *testing.T) {
	t.Parallel()
	infratest.Both(t, func(t *testing.T, mode infratest.Mode) {
		dir := folder(t)
		world := before(t, dir)
		world.Mode, world.Stays = mode, []string{"web-repository"}
		for tag, builtHere := range map[string]bool{"0": false, "1": false, "2": true} {
			record := infratest.MustRun(t, builds(Args{BuildContext: dir, ImageTag: tag}), world)
			if registered := slices.Contains(record.Names(), "web-image"); registered != builtHere {
				t.Errorf("whether %s is built here: %v; what is built once more is refused by ECR", tag, registered)
			}
			kept, _ := record.Output("builtImage").(map[string]any)
			if want := map[bool]string{true: "2", false: "1"}[builtHere]; kept["content"] == "" || kept["tag"] != want {
				t.Errorf("after %s the next update takes for built: %v", tag, kept)
			}
			if builtHere {
				continue
			}
			if want := world.RepositoryURL("web-repository") + "@" + digest(tag); record.Output("uri") != want {
				t.Errorf("%s is deployed as %s, not as %s", tag, record.Output("uri"), want)
			}
			if want := tag + " is in the repository: it is deployed from there, and nothing is built."; len(record.Said) != 1 || !strings.Contains(record.Said[0], want) {
				t.Errorf("of %s it is said: %q", tag, record.Said)
			}
		}
		// An update was cut off after it had pushed another image, and its outputs are lost.
		world.Images["2"], world.Images[""] = digest("2"), digest("2")
		write(t, dir, "index.html", "new")
		for _, tag := range []string{"0", "1", "2"} {
			record := infratest.MustRun(t, builds(Args{BuildContext: dir, ImageTag: tag}), world)
			if want := world.RepositoryURL("web-repository") + "@" + digest(tag); record.Output("uri") != want {
				t.Errorf("%s is deployed as %s, not as %s", tag, record.Output("uri"), want)
			}
		}
	})
	// A new folder and a new stack: there is nothing to look for yet.
	record := infratest.MustRun(t, builds(Args{BuildContext: folder(t), ImageTag: "1"}), infratest.Options{Mode: infratest.Preview})
	if names := record.Names(); !slices.Contains(names, "web-image") {
		t.Errorf("a first preview does not show the image: %v", names)
	}
}

// What a refresh does to the image that was built in the update before, which it may take
// out of the state, the program can't see. So it must not matter.
func TestTheUpdateAfterABuildNeedsTheImageInTheStateNoMore(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	program := builds(Args{BuildContext: dir, ImageTag: "1"})
	built := infratest.MustRun(t, program, infratest.Options{})
	built.Get("web-image")
	infratest.Both(t, func(t *testing.T, mode infratest.Mode) {
		after := infratest.MustRun(t, program, infratest.Options{
			Mode: mode, Stays: []string{"web-repository"},
			Outputs: map[string]any{"builtImage": built.Output("builtImage")},
			Images:  map[string]string{"1": infratest.Digest, "": infratest.Digest},
		})
		if names := after.Names(); slices.Contains(names, "web-image") {
			t.Errorf("%v: after a refresh that takes the image for gone, it is pushed once more and refused by ECR", names)
		}
		if got, want := after.Output("uri"), built.Output("uri"); got != want {
			t.Errorf("the same image is %s now, and was %s: it is deployed again for nothing", got, want)
		}
		if got, want := after.Output("builtImage"), built.Output("builtImage"); !reflect.DeepEqual(got, want) {
			t.Errorf("the next update takes for built %v, and not %v: the folder is watched no more", got, want)
		}
	})
}

func TestAFolderThatChangedUnderItsTagIsRefused(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		change  func(t *testing.T, dir string, args *Args)
		refused bool
	}{
		"nothing":                {func(*testing.T, string, *Args) {}, false},
		"a file":                 {func(t *testing.T, dir string, _ *Args) { t.Helper(); write(t, dir, "index.html", "new") }, true},
		"a file in a folder":     {func(t *testing.T, dir string, _ *Args) { t.Helper(); write(t, dir, "a/b", "new") }, true},
		"the Dockerfile":         {func(t *testing.T, dir string, _ *Args) { t.Helper(); write(t, dir, "Dockerfile", "FROM busybox\n") }, true},
		"a file that is ignored": {func(t *testing.T, dir string, _ *Args) { t.Helper(); write(t, dir, "out/b", "new") }, false},
		"a file and the tag": {func(t *testing.T, dir string, args *Args) {
			t.Helper()
			write(t, dir, "index.html", "new")
			args.ImageTag = "2"
		}, false},
		"a file, on the way back": {func(t *testing.T, dir string, args *Args) {
			t.Helper()
			write(t, dir, "index.html", "new")
			args.ImageTag = "0"
		}, false},
		"the processor":          {func(_ *testing.T, _ string, args *Args) { args.Architecture = task.ARM64 }, true},
		"an argument":            {func(_ *testing.T, _ string, args *Args) { args.BuildArgs = map[string]string{"VERSION": "1"} }, true},
		"a second ARG of a line": {func(_ *testing.T, _ string, args *Args) { args.BuildArgs = map[string]string{"OTHER": "1"} }, true},
		"what the Dockerfile's own list leaves out": {func(t *testing.T, dir string, _ *Args) { t.Helper(); write(t, dir, "page.html", "new") }, false},
		"an argument of no ARG":                     {func(_ *testing.T, _ string, args *Args) { args.BuildArgs = map[string]string{"PORT": "1"} }, false},
		"the permission to write":                   {func(t *testing.T, dir string, _ *Args) { t.Helper(); mode(t, dir, 0o700) }, true},
	} {
		dir := folder(t)
		write(t, dir, ".dockerignore", "out\n")
		if strings.Contains(what, "own list") {
			write(t, dir, "Dockerfile.dockerignore", "page.html\n")
		}
		write(t, dir, "page.html", "old")
		world := before(t, dir)
		args := Args{BuildContext: dir, ImageTag: "1"}
		test.change(t, dir, &args)
		record, err := infratest.Run(t, builds(args), world)
		if refused := err != nil && strings.Contains(err.Error(), "another tag: what 1 is built from has changed since"); refused != test.refused || err != nil && !refused {
			t.Errorf("%s changed: refused is %v (%v)", what, refused, err)
		}
		if test.refused && slices.Contains(record.Names(), "web-repository") {
			t.Errorf("%s changed, and the refusal comes when there is something already: %v", what, record.Names())
		}
	}
}

func mode(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(filepath.Join(dir, "page.html"), mode); err != nil {
		t.Fatal(err)
	}
}

// What awsx makes of an image can't be seen without its plugin; what it is changed into
// can.
func TestAnImageStaysWhenAnotherOneIsPushedAndAPreviewBuildsNone(t *testing.T) {
	t.Parallel()
	change := keep(pulumi.String("registry/web:1.2.3").ToStringOutput())
	given := pulumi.ResourceTransformArgs{
		Type: "docker-build:index:Image", Name: "web",
		Props: pulumi.Map{"tags": pulumi.ToStringArray([]string{"registry/web:web"}), "push": pulumi.Bool(true)},
	}
	got := change(t.Context(), &given)
	if got == nil || !got.Opts.RetainOnDelete {
		t.Fatal("the image that runs is deleted with its resource, and there is nothing to go back to")
	}
	if got.Props["buildOnPreview"] != pulumi.Bool(false) {
		t.Error("a preview builds what somebody wrote in a pull request")
	}
	if got.Props["push"] != pulumi.Bool(true) {
		t.Error("the image is not pushed")
	}
	tags := make(chan string, 1)
	got.Props["tags"].(pulumi.StringArray)[0].ToStringOutput().ApplyT(func(tag string) string { tags <- tag; return tag })
	if tag := <-tags; tag != "registry/web:1.2.3" {
		t.Errorf("it is pushed as %s", tag)
	}
	if given.Props["buildOnPreview"] != nil {
		t.Error("what was given is changed")
	}
	given.Type = "aws:ecr/repository:Repository"
	if change(t.Context(), &given) != nil {
		t.Error("more than the image is changed")
	}
}
