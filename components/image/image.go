// Package image builds a container image and pushes it to a private ECR
// repository, with Pulumi's AWSx.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-repository   the repository, its images scanned, its tags immutable
//	NAME-image        the image, built from a folder with a Dockerfile
//
// Building needs a Docker engine on the machine that runs Pulumi.
//
// # A tag keeps its image
//
// A tag that the repository has is deployed by its digest, and nothing is built: so a
// way back is the image that ran, not today's folder under an old name. Images stay in
// the repository when another one is pushed, up to 30. A folder that has changed since
// its tag was pushed needs another tag, and is refused before anything changes.
//
// So NAME-image is in the stack's state only from the update that builds it to the next
// one, which takes it out and leaves it in the repository. It must not stay: with the
// state goes the login that Docker pushed with, which is good for twelve hours, and a
// refresh after that takes the image for gone
// (https://github.com/pulumi/pulumi-docker-build/issues/929). It would be built again,
// and ECR would refuse it.
//
// A preview builds nothing: the folder may be that of a pull request, which nobody has
// looked at yet.
package image

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	awsxecr "github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/lookup"
	"ecs-sample-app/internal/tags"
)

const token = "ecs-sample-app:image:Image"

// Image is a container image in a repository of its own.
type Image struct {
	pulumi.ResourceState

	// URI is the image by its digest, known once it is pushed.
	URI pulumi.StringOutput `pulumi:"uri"`
	// RepositoryURL is where other images may be pushed.
	RepositoryURL pulumi.StringOutput `pulumi:"repositoryUrl"`
	// Built is what was built here last.
	Built Build
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
	i.RepositoryURL = repository.Url
	digest, err := i.pushed(ctx, repository.Url, a)
	if err != nil {
		return err
	}
	if digest != "" {
		i.Built = a.Last
		// As awsx writes it, so that the update after a build deploys nothing.
		i.URI = pulumi.Sprintf("%s@%s", repository.Url, digest)
		return ctx.Log.Info(a.ImageTag+" is in the repository: it is deployed from there, and nothing is built. "+
			"An image that Pulumi deletes here leaves the stack's state and stays in the repository", &pulumi.LogArgs{Resource: i})
	}
	content := a.Last.Content // Check has found it to be the folder's.
	if a.Last.Tag != a.ImageTag {
		if content, err = a.content(); err != nil {
			return err
		}
	}
	built, err := awsxecr.NewImage(ctx, name+"-image", &awsxecr.ImageArgs{
		RepositoryUrl: repository.Url,
		Context:       pulumi.String(a.BuildContext),
		Dockerfile:    pulumi.String(filepath.Join(a.BuildContext, a.Dockerfile)),
		// Names the resource too: named after its tag, another tag would be another
		// resource, and the image that runs be deleted with the one before.
		ImageName: pulumi.String(name),
		Platform:  pulumi.String(platforms[a.Architecture]),
		Args:      pulumi.ToStringMap(a.BuildArgs),
	}, pulumi.Parent(i), pulumi.Transforms([]pulumi.ResourceTransform{keep(pulumi.Sprintf("%s:%s", repository.Url, a.ImageTag))}))
	if err != nil {
		return fmt.Errorf("build image: %w", err)
	}
	i.URI, i.Built = built.ImageUri, Build{Tag: a.ImageTag, Content: content}
	return nil
}

// keep changes what awsx makes of an image: it is pushed as what was asked for, built in
// updates only, and stays in the repository when it is in the state no more.
func keep(reference pulumi.StringOutput) pulumi.ResourceTransform {
	return func(_ context.Context, args *pulumi.ResourceTransformArgs) *pulumi.ResourceTransformResult {
		if args.Type != "docker-build:index:Image" {
			return nil
		}
		props, options := maps.Clone(args.Props), args.Opts
		props["tags"] = pulumi.StringArray{reference}
		props["buildOnPreview"] = pulumi.Bool(false)
		options.RetainOnDelete = true
		return &pulumi.ResourceTransformResult{Props: props, Opts: options}
	}
}

// pushed is the digest of the image that the repository has under the tag: none if it
// has none, or if the repository is still to be made.
func (i *Image) pushed(ctx *pulumi.Context, repositoryURL pulumi.StringOutput, a Args) (string, error) {
	// What is registered depends on the answer, so the program has to wait for it.
	url, err := internals.UnsafeAwaitOutput(ctx.Context(), repositoryURL)
	if err != nil || !url.Known {
		return "", err
	}
	_, name, _ := strings.Cut(url.Value.(string), "/")
	return digestOf(ctx, &ecr.GetImageArgs{RepositoryName: name, ImageTag: &a.ImageTag}, pulumi.Parent(i))
}

// digestOf is the digest of an image in a repository, none if there is no such image.
func digestOf(ctx *pulumi.Context, args *ecr.GetImageArgs, opts ...pulumi.InvokeOption) (string, error) {
	found, err := ecr.GetImage(ctx, args, opts...)
	switch {
	case err == nil:
		return found.ImageDigest, nil
	case lookup.Missing(err):
		return "", nil
	default:
		return "", fmt.Errorf("find out which images the repository %s has: %w", args.RepositoryName, err)
	}
}

// output is the stack's output that holds what was built last.
const output = "builtImage"

// Last is what the stack has built in the update before, as Export has kept it.
func Last(ctx *pulumi.Context) (Build, error) {
	before, err := pulumi.NewStackReference(ctx, ctx.Stack(), &pulumi.StackReferenceArgs{
		Name: pulumi.Sprintf("%s/%s/%s", ctx.Organization(), ctx.Project(), ctx.Stack()),
	})
	if err != nil {
		return Build{}, fmt.Errorf("read the outputs of the update before: %w", err)
	}
	found, err := before.GetOutputDetails(output)
	if err != nil {
		return Build{}, fmt.Errorf("read what was built before: %w", err)
	}
	values, _ := found.Value.(map[string]any) // There may be none.
	tag, _ := values["tag"].(string)
	content, _ := values["content"].(string)
	url, _ := values["repository"].(string)
	_, name, known := strings.Cut(url, "/")
	if !known {
		return Build{}, nil
	}
	// An update that is cut off leaves the outputs as they were before it. What was built
	// since is the youngest in the repository.
	own, err := digestOf(ctx, &ecr.GetImageArgs{RepositoryName: name, ImageTag: &tag})
	if err != nil {
		return Build{}, err
	}
	youngest, err := digestOf(ctx, &ecr.GetImageArgs{RepositoryName: name, MostRecent: new(true)})
	if err != nil || own != youngest {
		return Build{}, err
	}
	return Build{Tag: tag, Content: content}, nil
}

// Export keeps what was built, for the next update.
func (i *Image) Export(ctx *pulumi.Context) {
	if i.Built.Tag != "" {
		ctx.Export(output, pulumi.Map{
			"tag": pulumi.String(i.Built.Tag), "content": pulumi.String(i.Built.Content),
			"repository": i.RepositoryURL,
		})
	}
}
