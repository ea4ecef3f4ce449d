// Package accesslogs makes the bucket for a load balancer's access logs: encrypted, closed
// to the public, reached over TLS only, and emptied after a time.
//
// A component called NAME has these children; their names are part of the API:
//
//	NAME-access-logs                the bucket
//	NAME-access-logs-encryption     with S3's own key: the load balancer takes no other
//	NAME-access-logs-lifecycle      deletes what is old
//	NAME-access-logs-ownership      no access lists
//	NAME-access-logs-policy         lets Elastic Load Balancing write, and nobody without TLS
//	NAME-access-logs-public-access  blocks all public access
package accesslogs

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/after"
	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/tags"
	"ecs-sample-app/problem"
)

const token = "ecs-sample-app:accesslogs:AccessLogs"

const (
	// DefaultRetentionDays keeps access logs for a quarter of a year.
	DefaultRetentionDays = 90
	// maxRetentionDays is ten years.
	maxRetentionDays = 3650
)

// Args is what AccessLogs are made from. Its zero value is a bucket that keeps logs for 90
// days.
type Args struct {
	// RetentionDays is how many days access logs are kept, 1 to 3650. Default
	// DefaultRetentionDays.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
	RetentionDays int `mapstructure:"accessLogRetentionDays"`
	// Protect makes Pulumi refuse to delete the bucket, which otherwise goes with all logs.
	// Default false.
	Protect bool `mapstructure:"-"`
	// Tags are set on the bucket, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults() Args {
	a.RetentionDays = cmp.Or(a.RetentionDays, DefaultRetentionDays)
	return a
}

// Defaults are the arguments of access logs for which nothing is set.
func Defaults() Args { return Args{}.withDefaults() }

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error { return a.Check().Err() }

// Check returns what is wrong with the values that are known before anything is
// registered. They are all that access logs take.
func (a Args) Check() problem.Problems {
	a = a.withDefaults()
	var ps problem.Problems
	check.Range(&ps, "accessLogRetentionDays", a.RetentionDays, 1, maxRetentionDays, "days")
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

// AccessLogs is a bucket for a load balancer's access logs.
type AccessLogs struct {
	pulumi.ResourceState

	// Bucket is the bucket's name. It is known once the load balancer may write there, which
	// AWS tries before it takes the setting.
	Bucket pulumi.StringOutput `pulumi:"bucket"`
}

// New registers access logs called name.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*AccessLogs, error) {
	a := args.withDefaults()
	if err := check.Component(name, a.Validate()); err != nil {
		return nil, fmt.Errorf("access logs %q: %w", name, err)
	}

	l := &AccessLogs{}
	if err := ctx.RegisterComponentResource(token, name, l, opts...); err != nil {
		return nil, fmt.Errorf("register access logs %q: %w", name, err)
	}
	b := builder{ctx: ctx, name: name + "-access-logs", args: a, parent: pulumi.Parent(l)}
	if err := b.build(l); err != nil {
		return nil, fmt.Errorf("access logs %q: %w", name, err)
	}
	return l, ctx.RegisterResourceOutputs(l, pulumi.Map{"bucket": l.Bucket})
}

// builder registers the children of access logs, one step a method.
type builder struct {
	ctx    *pulumi.Context
	name   string
	args   Args
	parent pulumi.ResourceOrInvokeOption
}

func (b *builder) build(l *AccessLogs) error {
	bucket, err := s3.NewBucketV2(b.ctx, b.name, &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(!b.args.Protect),
		Tags:         tags.Named(b.name, b.args.Tags),
	}, b.parent, pulumi.Protect(b.args.Protect))
	if err != nil {
		return fmt.Errorf("create bucket: %w", err)
	}
	closed, err := s3.NewBucketPublicAccessBlock(b.ctx, b.name+"-public-access", &s3.BucketPublicAccessBlockArgs{
		Bucket:          bucket.ID(),
		BlockPublicAcls: pulumi.Bool(true), BlockPublicPolicy: pulumi.Bool(true),
		IgnorePublicAcls: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, b.parent)
	if err != nil {
		return fmt.Errorf("block public access: %w", err)
	}
	if err := b.keep(bucket); err != nil {
		return err
	}
	policy, err := b.policy(bucket, closed)
	if err != nil {
		return fmt.Errorf("create policy: %w", err)
	}
	l.Bucket = after.String(bucket.Bucket, policy.ID())
	return nil
}

// keep says how objects are kept.
func (b *builder) keep(bucket *s3.BucketV2) error {
	if _, err := s3.NewBucketOwnershipControls(b.ctx, b.name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.ID(),
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, b.parent); err != nil {
		return fmt.Errorf("rule out access lists: %w", err)
	}
	if _, err := s3.NewBucketServerSideEncryptionConfigurationV2(b.ctx, b.name+"-encryption", &s3.BucketServerSideEncryptionConfigurationV2Args{
		Bucket: bucket.ID(),
		Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			ApplyServerSideEncryptionByDefault: &s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
				SseAlgorithm: pulumi.String("AES256"),
			},
		}},
	}, b.parent); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	const uploadDays = 7
	_, err := s3.NewBucketLifecycleConfigurationV2(b.ctx, b.name+"-lifecycle", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.ID(),
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String("old-logs"), Status: pulumi.String("Enabled"),
			Filter:                         &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
			Expiration:                     &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(b.args.RetentionDays)},
			AbortIncompleteMultipartUpload: &s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{DaysAfterInitiation: pulumi.Int(uploadDays)},
		}},
	}, b.parent)
	if err != nil {
		return fmt.Errorf("delete old logs: %w", err)
	}
	return nil
}

// policy comes after the block of public access: S3 refuses to change both at once.
func (b *builder) policy(bucket *s3.BucketV2, closed pulumi.Resource) (*s3.BucketPolicy, error) {
	partition := aws.GetPartitionOutput(b.ctx, aws.GetPartitionOutputArgs{}, b.parent).Partition()
	region := aws.GetRegionOutput(b.ctx, aws.GetRegionOutputArgs{}, b.parent).Name()
	account := aws.GetCallerIdentityOutput(b.ctx, aws.GetCallerIdentityOutputArgs{}, b.parent).AccountId()
	document := pulumi.All(bucket.Arn, partition, region, account).ApplyT(func(known []any) (string, error) {
		return document(known[0].(string), known[1].(string), known[2].(string), known[3].(string))
	}).(pulumi.StringOutput)
	return s3.NewBucketPolicy(b.ctx, b.name+"-policy", &s3.BucketPolicyArgs{Bucket: bucket.ID(), Policy: document},
		b.parent, pulumi.DependsOn([]pulumi.Resource{closed}))
}
