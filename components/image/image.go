// Package image builds a container image and pushes it to a private ECR
// repository, with Pulumi's AWSx.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-repository   the repository, its images scanned, its tags immutable
//	NAME-image        the image, built from a folder with a Dockerfile
//
// Building needs a Docker engine on the machine that runs Pulumi.
package image

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	awsxecr "github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/imageref"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:image:Image"

const (
	// DefaultDockerfile is the name of the Dockerfile in the context.
	DefaultDockerfile = "Dockerfile"
	// keptImages is how many images a repository keeps: enough to roll back
	// to, and at most a few cents of storage a month.
	keptImages = 30
)

// platforms are Docker's names of the processors.
var platforms = map[task.Architecture]string{
	task.X86:   "linux/amd64",
	task.ARM64: "linux/arm64",
}

// Args is what an Image is made from.
type Args struct {
	// BuildContext is a folder with a Dockerfile, relative to the folder that
	// Pulumi runs in. Its image is built, pushed to a new ECR repository as
	// ImageTag and deployed by its digest. Required.
	BuildContext string `mapstructure:"buildContext"`
	// Dockerfile is the path of the Dockerfile within BuildContext. Default
	// DefaultDockerfile.
	Dockerfile string `mapstructure:"-"`
	// ImageTag is what the image is pushed as. What uses the image goes by its
	// digest. Required; latest is refused.
	ImageTag string `mapstructure:"-"`
	// Architecture is the processor to build for. Default task.X86.
	Architecture task.Architecture `mapstructure:"-"`
	// BuildArgs are the ARGs of the Dockerfile. Default none.
	BuildArgs map[string]string `mapstructure:"-"`
	// ForceDelete lets the repository be deleted, even while it has images. Without
	// it Pulumi refuses. Default false.
	ForceDelete bool `mapstructure:"-"`
	// Tags are set on the repository, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	a.Dockerfile = cmp.Or(a.Dockerfile, DefaultDockerfile)
	a.Architecture = cmp.Or(a.Architecture, task.X86)
	return a
}

// Validate returns every problem of the arguments as check.Problems, or nil.
func (a Args) Validate() error { return a.Check().Err() }

// Check returns what is wrong with the values that are known before anything is
// registered. They are all that an image takes.
func (a Args) Check() check.Problems {
	a = a.withDefaults()
	var ps check.Problems
	if a.BuildContext == "" {
		ps.Missing("buildContext", "a folder with a "+a.Dockerfile)
	} else if info, err := os.Stat(filepath.Join(a.BuildContext, a.Dockerfile)); err != nil || info.IsDir() {
		ps.Add("buildContext", a.BuildContext, "a folder with a %s", a.Dockerfile)
	}
	imageref.PushTag(&ps, "imageTag", a.ImageTag)
	check.OneOf(&ps, "architecture", a.Architecture, task.Architectures)
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

// Image is a container image in a repository of its own.
type Image struct {
	pulumi.ResourceState

	// URI is the image by its digest, known once it is pushed.
	URI pulumi.StringOutput `pulumi:"uri"`
	// RepositoryURL is where other images may be pushed.
	RepositoryURL pulumi.StringOutput `pulumi:"repositoryUrl"`
}

// New registers an image called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Image, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("image %q: %w", name, err)
	}

	i := &Image{}
	if err := ctx.RegisterComponentResource(token, name, i, opts...); err != nil {
		return nil, fmt.Errorf("register image %q: %w", name, err)
	}
	if err := i.build(ctx, name, a); err != nil {
		return nil, fmt.Errorf("image %q: %w", name, err)
	}
	return i, ctx.RegisterResourceOutputs(i, pulumi.Map{
		"uri":           i.URI,
		"repositoryUrl": i.RepositoryURL,
	})
}

func (i *Image) build(ctx *pulumi.Context, name string, a Args) error {
	child := name + "-repository"
	repository, err := awsxecr.NewRepository(ctx, child, &awsxecr.RepositoryArgs{
		ForceDelete: pulumi.Bool(a.ForceDelete),
		// A tag that was rolled back to must still mean what it meant (FSBP
		// ECR.2), and known holes in it be found (ECR.1).
		ImageTagMutability: pulumi.String("IMMUTABLE"),
		ImageScanningConfiguration: &ecr.RepositoryImageScanningConfigurationArgs{
			ScanOnPush: pulumi.Bool(true),
		},
		LifecyclePolicy: &awsxecr.LifecyclePolicyArgs{
			Rules: awsxecr.LifecyclePolicyRuleArray{&awsxecr.LifecyclePolicyRuleArgs{
				Description:           pulumi.Sprintf("keep the last %d images", keptImages),
				TagStatus:             awsxecr.LifecycleTagStatusAny,
				MaximumNumberOfImages: pulumi.Float64(keptImages),
			}},
		},
		Tags: tags.Named(child, a.Tags),
	}, pulumi.Parent(i), pulumi.Protect(!a.ForceDelete))
	if err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	built, err := awsxecr.NewImage(ctx, name+"-image", &awsxecr.ImageArgs{
		RepositoryUrl: repository.Url,
		Context:       pulumi.String(a.BuildContext),
		Dockerfile:    pulumi.String(filepath.Join(a.BuildContext, a.Dockerfile)),
		ImageTag:      pulumi.String(a.ImageTag),
		Platform:      pulumi.String(platforms[a.Architecture]),
		Args:          pulumi.ToStringMap(a.BuildArgs),
	}, pulumi.Parent(i))
	if err != nil {
		return fmt.Errorf("build image: %w", err)
	}
	i.URI = built.ImageUri
	i.RepositoryURL = repository.Url
	return nil
}
