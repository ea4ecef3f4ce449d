package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/awsconfig"
	"ecs-sample-app/internal/stackconfig"
	"ecs-sample-app/internal/tags"
	"ecs-sample-app/problem"
)

// Config is what a stack can set. Pulumi.yaml and the table in README.md are written
// from these fields by a test:
//
//	go test . -update
type Config struct {
	// Repository is the repository on GitHub as OWNER/NAME, in the case that GitHub
	// shows. It has to be set.
	Repository string `mapstructure:"repository"`
	// OwnerID is the owner's number at GitHub, for repositories whose OIDC subjects
	// carry numbers. Only together with [RepositoryID]. Default none.
	// https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
	OwnerID string `mapstructure:"ownerId"`
	// RepositoryID is the repository's number at GitHub, for repositories whose OIDC
	// subjects carry numbers. Only together with [OwnerID]. Default none.
	// https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
	RepositoryID string `mapstructure:"repositoryId"`
	// Branch is the branch whose jobs look for drift and delete the stacks of closed
	// pull requests. Protect it on GitHub. Default main.
	Branch string `mapstructure:"branch"`
	// ProductionEnvironment is the environment on GitHub whose jobs may deploy. Give
	// it required reviewers. Default production.
	ProductionEnvironment string `mapstructure:"productionEnvironment"`
	// EphemeralStacks makes the role for stacks of pull requests. Default false.
	EphemeralStacks bool `mapstructure:"ephemeralStacks"`
	// PullRequestEnvironment is the environment on GitHub whose jobs may deploy stacks
	// of pull requests. Give it required reviewers. Default pull-request.
	PullRequestEnvironment string `mapstructure:"pullRequestEnvironment"`
	// ExistingProvider says that the account has GitHub's OIDC provider already. An
	// account can have only one. Default false.
	ExistingProvider bool `mapstructure:"existingProvider"`
	// Regions are the AWS regions that may be deployed to. If there are none, it is
	// the region of the provider. Default none.
	Regions []string `mapstructure:"regions"`
	// StateBucket is the S3 bucket that keeps Pulumi's state. Without it the roles
	// reach no state in AWS. Default none.
	StateBucket string `mapstructure:"stateBucket"`
	// StateKMSKeyARN is the ARN of the KMS key that encrypts the state's bucket or its
	// secrets. Only together with [StateBucket]. Default none.
	StateKMSKeyARN string `mapstructure:"stateKmsKeyArn"`
	// Tags are the tags of every resource, in addition to Name, Project, Stack and
	// ManagedBy, whose keys nothing else may set. Default none.
	Tags map[string]string `mapstructure:"tags"`
}

// defaultConfig is a stack that sets nothing. The repository has no default.
func defaultConfig() Config {
	return Config{
		Branch:                 "main",
		ProductionEnvironment:  "production",
		PullRequestEnvironment: "pull-request",
	}
}

// loadConfig reads the stack's config and reports everything that is wrong
// with it at once, each by its key, before anything is registered.
func loadConfig(ctx *pulumi.Context) (*Config, error) {
	cfg, err := stackconfig.Load(ctx, defaultConfig, func(c *Config) problem.Problems {
		added, problems := awsconfig.DefaultTags(ctx)
		problems = stackconfig.Merge(problems, tags.Check("tags", c.Tags, added...))
		return append(problems, c.validate()...)
	})
	if err != nil {
		return nil, err
	}
	cfg.Tags = tags.OfStack(ctx, cfg.Tags)
	return &cfg, nil
}

var (
	// repositoryForm is OWNER/NAME. Owners have letters, digits and single
	// hyphens, names also dots and underscores
	// (https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication).
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9](-?[A-Za-z0-9])*/[A-Za-z0-9._-]{1,100}$`)
	idForm         = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
	// nameForm is what branches and environments may be called here. GitHub
	// takes more, and writes some of it, such as a colon, in another way into a
	// token; an asterisk or a blank in a name is a mistake.
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)
	// regionForm tells us-gov-west-1 and ap-southeast-2 from a zone and a name.
	regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,2}-[0-9]$`)
	// bucketForm is that of general purpose buckets
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	// keyForm is the ARN of a key, not of its alias: IAM looks at the key's.
	keyForm = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
)

// validate returns every problem, each with its key as path.
func (c *Config) validate() problem.Problems {
	var ps problem.Problems
	if !repositoryForm.MatchString(c.Repository) {
		ps.Add("repository", c.Repository, "OWNER/NAME, as GitHub shows it")
	}
	c.validateIDs(&ps)
	for _, named := range []struct{ key, value string }{
		{"branch", c.Branch},
		{"productionEnvironment", c.ProductionEnvironment},
		{"pullRequestEnvironment", c.PullRequestEnvironment},
	} {
		if !nameForm.MatchString(named.value) {
			ps.Add(named.key, named.value, "1 to 100 letters, digits and ._/-, beginning with a letter or digit")
		}
	}
	// GitHub takes Production and production for one environment.
	if strings.EqualFold(c.ProductionEnvironment, c.PullRequestEnvironment) {
		ps.Add("pullRequestEnvironment", c.PullRequestEnvironment,
			"another environment than productionEnvironment: who may deploy a pull request could deploy to production")
	}
	for i, region := range c.Regions {
		at := fmt.Sprintf("regions[%d]", i)
		if !regionForm.MatchString(region) {
			ps.Add(at, region, "a region such as us-east-1")
		}
		if slices.Contains(c.Regions[:i], region) {
			ps.Add(at, region, "a region that is not given twice")
		}
	}
	c.validateState(&ps)
	return ps
}

func (c *Config) validateIDs(ps *problem.Problems) {
	for _, id := range []struct{ key, value, other, otherKey string }{
		{"ownerId", c.OwnerID, c.RepositoryID, "repositoryId"},
		{"repositoryId", c.RepositoryID, c.OwnerID, "ownerId"},
	} {
		switch {
		case id.value == "" && id.other != "":
			ps.Add(id.key, id.value, "a number where %s is set", id.otherKey)
		case id.value != "" && !idForm.MatchString(id.value):
			ps.Add(id.key, id.value, "a number, as `gh api repos/OWNER/NAME --jq '.owner.id, .id'` shows it")
		}
	}
}

func (c *Config) validateState(ps *problem.Problems) {
	if c.StateBucket != "" && (!bucketForm.MatchString(c.StateBucket) || strings.Contains(c.StateBucket, "..")) {
		ps.Add("stateBucket", c.StateBucket, "the name of an S3 bucket: 3 to 63 small letters, digits, dots and hyphens")
	}
	switch {
	case c.StateKMSKeyARN == "":
	case !keyForm.MatchString(c.StateKMSKeyARN):
		ps.Add("stateKmsKeyArn", c.StateKMSKeyARN, "the ARN of a KMS key, not of an alias")
	case c.StateBucket == "":
		ps.Add("stateKmsKeyArn", c.StateKMSKeyARN, "nothing without stateBucket")
	}
}
