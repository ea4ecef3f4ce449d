package image

import (
	"cmp"
	"os"
	"path/filepath"

	"ecs-sample-app/components/task"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/imageref"
	"ecs-sample-app/problem"
)

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
	// BuildArgs are the values of the Dockerfile's ARGs. Those that it has no ARG for are
	// left out. Default none.
	BuildArgs map[string]string `mapstructure:"-"`
	// Last is what was built in the update before, as Built gave it. Default nothing.
	Last Build `mapstructure:"-"`
	// ForceDelete lets the repository be deleted, even while it has images. Without
	// it Pulumi refuses. Default false.
	ForceDelete bool `mapstructure:"-"`
	// Tags are set on the repository, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

// Build is the image that was built here last.
type Build struct {
	// Tag is what it was pushed as.
	Tag string
	// Content is a hash of what it was built from.
	Content string
}

func (a Args) withDefaults() Args {
	a.Dockerfile = cmp.Or(a.Dockerfile, DefaultDockerfile)
	a.Architecture = cmp.Or(a.Architecture, task.X86)
	a.BuildArgs = declared(filepath.Join(a.BuildContext, a.Dockerfile), a.BuildArgs)
	return a
}

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error { return a.Check().Err() }

// Check returns what is wrong with the values that are known before anything is
// registered. They are all that an image takes.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	if a.BuildContext == "" {
		ps.Missing("buildContext", "a folder with a "+a.Dockerfile)
	} else if info, err := os.Stat(filepath.Join(a.BuildContext, a.Dockerfile)); err != nil || info.IsDir() {
		ps.Add("buildContext", a.BuildContext, "a folder with a %s", a.Dockerfile)
	}
	imageref.PushTag(&ps, "imageTag", a.ImageTag)
	check.OneOf(&ps, "architecture", a.Architecture, task.Architectures)
	check.Tags(&ps, "tags", a.Tags)
	if len(ps) == 0 && a.Last.Tag == a.ImageTag {
		if now, err := a.content(); err != nil {
			ps.Add("buildContext", a.BuildContext, "a folder that can be read: %s", err)
		} else if now != a.Last.Content {
			ps.Add("imageTag", a.ImageTag, "another tag: what %s is built from has changed since, and a tag keeps its image", a.ImageTag)
		}
	}
	return ps
}
