package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/components/image"
	"ecs-sample-app/config"
	"ecs-sample-app/internal/imageref"
	"ecs-sample-app/internal/lookup"
	"ecs-sample-app/internal/stackconfig"
	"ecs-sample-app/problem"
)

// findTag reads the version where another pipeline keeps it.
func findTag(ctx *pulumi.Context, s *config.Service) error {
	if s.ImageTagParameter == "" {
		return nil
	}
	const key = "imageTagParameter"
	var problems problem.Problems
	found, err := ssm.LookupParameter(ctx, &ssm.LookupParameterArgs{Name: s.ImageTagParameter})
	switch {
	case err != nil && lookup.Missing(err):
		problems.Add(key, s.ImageTagParameter, "a parameter that exists: `aws ssm put-parameter --type String --name %s --value TAG` makes it", s.ImageTagParameter)
	case err != nil:
		return fmt.Errorf("read the version from the parameter %s: %w", s.ImageTagParameter, err)
	case found.Type != "String":
		problems.Add(key, s.ImageTagParameter, "a parameter of type String, not %s", found.Type)
	default:
		s.ImageTag = found.Value
		imageref.Tag(&problems, key, found.Value)
	}
	return stackconfig.Report(ctx, problems)
}

// findLastBuild finds out what the update before has built. A folder that has changed
// since, under the same tag, is refused here, before anything is registered.
func findLastBuild(ctx *pulumi.Context, s *config.Service) error {
	if s.Build.BuildContext == "" {
		return nil
	}
	var err error
	if s.Build.Last, err = image.Last(ctx); err != nil {
		return err
	}
	return stackconfig.Report(ctx, s.Build.Check())
}

// source is where an image comes from.
type source struct{ uri, repository pulumi.StringInput }

// imageOf is the image that is built and pushed here, by its digest, or the one that
// the config names.
func imageOf(ctx *pulumi.Context, s *config.Service) (source, error) {
	if s.Build.BuildContext == "" {
		return source{uri: pulumi.String(s.ImageReference())}, nil
	}
	built, err := image.New(ctx, s.Name, s.Build)
	if err != nil {
		return source{}, err
	}
	built.Export(ctx)
	return source{uri: built.URI, repository: built.RepositoryURL}, nil
}
