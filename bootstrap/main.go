// Command bootstrap is a Pulumi program that an administrator runs once: it lets
// GitHub Actions of one repository take on roles in an AWS account, each job the
// one that it needs, without any key.
//
// The names of its resources are part of the API:
//
//	ecs-service-linked-role     ECS's own role, where the account has none
//	github-oidc-provider        GitHub as an identity provider (not with existingProvider)
//	github-preview-role         reads what the sample app consists of
//	github-preview-policy
//	github-deploy-role          makes, changes and deletes it
//	github-deploy-policy
//	github-environment-role     does so for pull requests (with ephemeralStacks only)
//	github-environment-policy
package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/after"
	"ecs-sample-app/internal/policy"
	"ecs-sample-app/internal/tags"
)

// namePrefix is that of every resource. It is not the sample app's, whose roles
// the deploy role may change: it could give itself anything.
const namePrefix = "github"

// maxSession is how long credentials of a job are good for, in seconds: an hour,
// which is AWS's shortest maximum. A first deployment takes a quarter of it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html
const maxSession = 3600

func main() {
	pulumi.Run(program)
}

// program is the account's side of CI: GitHub's identity provider, and a role
// for each kind of job.
func program(ctx *pulumi.Context) error {
	cfg, err := loadConfig(ctx)
	if err != nil {
		return err
	}
	b := builder{ctx: ctx, cfg: cfg}
	b.lookUp()
	if err := b.linkedRole(); err != nil {
		return fmt.Errorf("create ECS's own role: %w", err)
	}
	if err := b.identityProvider(); err != nil {
		return fmt.Errorf("create identity provider: %w", err)
	}
	if err := b.readPolicy(); err != nil {
		return fmt.Errorf("create the policy to read: %w", err)
	}
	for _, r := range cfg.roles() {
		arn, err := b.role(r)
		if err != nil {
			return fmt.Errorf("create %s role: %w", r.name, err)
		}
		ctx.Export(r.name+"RoleArn", arn)
	}
	return nil
}

// builder registers the resources, one step a method.
type builder struct {
	ctx *pulumi.Context
	cfg *Config

	partition, region, accountID pulumi.StringOutput
	providerARN                  pulumi.StringOutput
	readPolicyARN                pulumi.StringOutput
}

// lookUp asks, side by side, which account this is.
func (b *builder) lookUp() {
	b.partition = aws.GetPartitionOutput(b.ctx, aws.GetPartitionOutputArgs{}).Partition()
	b.region = aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}).Name()
	b.accountID = aws.GetCallerIdentityOutput(b.ctx, aws.GetCallerIdentityOutputArgs{}).AccountId()
}

// ownRole is how the role is known that was made here.
const ownRole = "For Amazon ECS, made by the bootstrap of the ECS sample app"

// linkedRole makes the role that ECS acts as in an account, where there is none yet. ECS
// makes it with the first cluster, but the call after that may come too early for it.
// It is the account's, and stays when the bootstrap goes: other clusters may use it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
func (b *builder) linkedRole() error {
	const service = "ecs.amazonaws.com"
	path := "/aws-service-role/" + service + "/"
	found, err := iam.GetRoles(b.ctx, &iam.GetRolesArgs{PathPrefix: &path})
	if err != nil {
		return err
	}
	for _, name := range found.Names {
		role, err := iam.LookupRole(b.ctx, &iam.LookupRoleArgs{Name: name})
		if err != nil {
			return err
		}
		if role.Description != ownRole {
			return nil
		}
	}
	_, err = iam.NewServiceLinkedRole(b.ctx, "ecs-service-linked-role", &iam.ServiceLinkedRoleArgs{
		AwsServiceName: pulumi.String(service),
		Description:    pulumi.String(ownRole),
	}, pulumi.RetainOnDelete(true))
	return err
}

func (b *builder) identityProvider() error {
	if b.cfg.ExistingProvider {
		b.providerARN = pulumi.Sprintf("arn:%s:iam::%s:oidc-provider/%s", b.partition, b.accountID, issuer)
		return nil
	}
	name := namePrefix + "-oidc-provider"
	// AWS knows the authority that signs GitHub's certificates, so no
	// thumbprint is needed, which would have to follow each new certificate:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
	provider, err := iam.NewOpenIdConnectProvider(b.ctx, name, &iam.OpenIdConnectProviderArgs{
		Url:           pulumi.String("https://" + issuer),
		ClientIdLists: pulumi.ToStringArray([]string{audience}),
		Tags:          tags.Named(name, b.cfg.Tags),
	})
	if err != nil {
		return err
	}
	b.providerARN = provider.Arn
	return nil
}

// document is the policy of what a function grants in this account.
func (b *builder) document(permissions func(account) []statement) pulumi.StringOutput {
	return pulumi.All(b.partition, b.region, b.accountID).ApplyT(func(known []any) (string, error) {
		return policy.Document(permissions(account{
			partition: known[0].(string),
			region:    known[1].(string),
			id:        known[2].(string),
		})...)
	}).(pulumi.StringOutput)
}

// readPolicy is what all roles have in common: a managed policy, because the permissions to
// write fill what a role has room for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length).
func (b *builder) readPolicy() error {
	name := namePrefix + "-read-policy"
	made, err := iam.NewPolicy(b.ctx, name, &iam.PolicyArgs{
		Description: pulumi.String("Reads what the ECS sample app consists of"),
		Policy:      b.document(readPermissions),
		Tags:        tags.Named(name, b.cfg.Tags),
	})
	if err != nil {
		return err
	}
	b.readPolicyARN = made.Arn
	return nil
}

// role registers a role and what it may do. Its ARN is known once it may.
func (b *builder) role(r role) (pulumi.StringOutput, error) {
	name := namePrefix + "-" + r.name + "-role"
	trusted := b.providerARN.ApplyT(func(arn string) (string, error) {
		return trust(arn, r.subjects)
	}).(pulumi.StringOutput)
	registered, err := iam.NewRole(b.ctx, name, &iam.RoleArgs{
		AssumeRolePolicy:   trusted,
		Description:        pulumi.String(r.description),
		MaxSessionDuration: pulumi.Int(maxSession),
		Tags:               tags.Named(name, b.cfg.Tags),
	})
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	reads, err := iam.NewRolePolicyAttachment(b.ctx, namePrefix+"-"+r.name+"-read", &iam.RolePolicyAttachmentArgs{
		Role: registered.Name, PolicyArn: b.readPolicyARN,
	})
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	granted := []any{reads.ID()}
	// Without a bucket for the state a preview has nothing of its own.
	if len(r.permissions(b.cfg, account{})) > 0 {
		own, err := iam.NewRolePolicy(b.ctx, namePrefix+"-"+r.name+"-policy", &iam.RolePolicyArgs{
			Role:   registered.ID(),
			Policy: b.document(func(a account) []statement { return r.permissions(b.cfg, a) }),
		})
		if err != nil {
			return pulumi.StringOutput{}, err
		}
		granted = append(granted, own.ID())
	}
	return after.String(registered.Arn, granted...), nil
}
