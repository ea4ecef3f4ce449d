package main

import (
	"fmt"
	"strings"

	"ecs-sample-app/internal/policy"
)

const (
	// issuer is GitHub's identity provider, as AWS writes it in ARNs and
	// condition keys
	// (https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws).
	issuer = "token.actions.githubusercontent.com"
	// audience is what a token for AWS is made out to, and nobody else accepts.
	audience = "sts.amazonaws.com"
)

// role is what one kind of job takes on.
type role struct {
	name, description string
	// subjects are the jobs that may take it on, as GitHub's tokens name them.
	subjects    []string
	permissions func(*Config, account) []statement
}

// roles are those that the config asks for.
//
// A pull request can change the workflow that it runs. So what a job may do is
// not decided by the workflow's file but by the subject that GitHub puts into
// the token: a pull request's says so, and an environment's is given out only
// after the environment's reviewers have agreed.
func (c *Config) roles() []role {
	roles := []role{{
		name:        "preview",
		description: "GitHub Actions: previews of pull requests, and the nightly look for drift",
		subjects:    []string{c.subject("pull_request"), c.subject("ref:refs/heads/" + c.Branch)},
		permissions: previewPermissions,
	}, {
		name:        "deploy",
		description: "GitHub Actions: deployments that the reviewers of the environment agreed to",
		subjects:    []string{c.subject("environment:" + c.ProductionEnvironment)},
		permissions: deployPermissions,
	}}
	if c.EphemeralStacks {
		roles = append(roles, role{
			name:        "environment",
			description: "GitHub Actions: stacks of pull requests, made after a review, swept from the branch",
			// The sweep has no environment: it must not wait for anybody, and an
			// environment without reviewers would be open to pull requests.
			subjects: []string{
				c.subject("environment:" + c.PullRequestEnvironment),
				c.subject("ref:refs/heads/" + c.Branch),
			},
			permissions: environmentPermissions,
		})
	}
	return roles
}

// subject is the sub claim of a job's token. Repositories made or renamed since
// July 2026 have the owner's and the repository's numbers in it, which nobody
// gets who takes over an abandoned name
// (https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims).
func (c *Config) subject(context string) string {
	if c.RepositoryID == "" {
		return fmt.Sprintf("repo:%s:%s", c.Repository, context)
	}
	owner, name, _ := strings.Cut(c.Repository, "/")
	return fmt.Sprintf("repo:%s@%s/%s@%s:%s", owner, c.OwnerID, name, c.RepositoryID, context)
}

// statement is one of a policy in which a condition may have several values.
type statement = policy.Statement[[]string]

// trust lets just these jobs take on a role. No wildcard: repo:OWNER/NAME* would
// be every repository whose name begins so, and repo:OWNER/NAME:* every pull
// request.
func trust(providerARN string, subjects []string) (string, error) {
	return policy.Document(statement{
		Sid:       "JobsOfThisRepository",
		Effect:    "Allow",
		Principal: map[string]string{"Federated": providerARN},
		Action:    []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: map[string]map[string][]string{"StringEquals": {
			issuer + ":aud": {audience},
			issuer + ":sub": subjects,
		}},
	})
}
