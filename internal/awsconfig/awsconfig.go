// Package awsconfig makes clients of AWS's SDK as the stack's AWS provider makes
// its own: with the same credentials, region and endpoints, from the same config
// keys (aws:region, aws:profile, aws:assumeRole, …) and environment variables.
// The keys are read here, what they mean is left to the library that the provider
// uses too.
//
// A provider that a program makes itself (aws.NewProvider) can't be read from
// outside: such a program hands its own aws.Config to what needs one.
package awsconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	awsbase "github.com/hashicorp/aws-sdk-go-base/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Getter returns the value of a config key such as aws:region.
type Getter func(key string) (value string, set bool)

// Settings are how the AWS provider is configured.
type Settings struct {
	base      awsbase.Config
	endpoints map[string]string // by service, as in aws:endpoints
}

// Read reads the config of the stack's AWS provider. It asks nobody, and returns
// every problem at once.
func Read(ctx *pulumi.Context) (*Settings, error) {
	return read(ctx.GetConfig)
}

// Load returns the SDK's configuration for a region, with credentials.
func (s *Settings) Load(ctx context.Context, region string) (aws.Config, error) {
	base := s.base
	base.Region = region
	_, config, diags := awsbase.GetAwsConfig(ctx, &base)
	var problems []error
	for _, d := range diags.Errors() {
		problems = append(problems, fmt.Errorf("%s: %s", d.Summary(), d.Detail()))
	}
	if len(problems) > 0 {
		return aws.Config{}, fmt.Errorf("configure AWS as the provider does: %w", errors.Join(problems...))
	}
	return config, nil
}

// Endpoint returns where a service is to be asked, under any of the names that the
// provider knows it by, and nil for AWS's own address.
func (s *Settings) Endpoint(names ...string) *string {
	for _, name := range names {
		if url := s.endpoints[name]; url != "" {
			return &url
		}
	}
	return nil
}

// role is an assumed role as the provider's config has it.
type role struct {
	RoleArn              string            `json:"roleArn"`
	Duration             string            `json:"duration"`
	ExternalID           string            `json:"externalId"`
	Policy               string            `json:"policy"`
	PolicyArns           []string          `json:"policyArns"`
	SessionName          string            `json:"sessionName"`
	SourceIdentity       string            `json:"sourceIdentity"`
	Tags                 map[string]string `json:"tags"`
	TransitiveTagKeys    []string          `json:"transitiveTagKeys"`
	WebIdentityToken     string            `json:"webIdentityToken"`
	WebIdentityTokenFile string            `json:"webIdentityTokenFile"`
}

// reader reads keys one by one and collects what is wrong.
type reader struct {
	get      Getter
	problems []error
}

func read(get Getter) (*Settings, error) {
	r := &reader{get: get}
	s := &Settings{endpoints: map[string]string{}}
	r.credentials(&s.base)
	r.connection(&s.base)
	for _, group := range list[map[string]string](r, "endpoints") {
		for service, url := range group {
			s.endpoints[service] = url
		}
	}
	s.base.IamEndpoint, s.base.StsEndpoint, s.base.SsoEndpoint = s.endpoints["iam"], s.endpoints["sts"], s.endpoints["sso"]
	return s, errors.Join(r.problems...)
}

func (r *reader) credentials(c *awsbase.Config) {
	c.AccessKey, c.SecretKey, c.Token = r.text("accessKey"), r.text("secretKey"), r.text("token")
	c.Profile = r.text("profile")
	c.SharedConfigFiles = list[string](r, "sharedConfigFiles")
	c.SharedCredentialsFiles = list[string](r, "sharedCredentialsFiles")
	const assume = "assumeRole"
	for _, given := range list[role](r, assume) {
		if given.RoleArn == "" {
			continue // The provider takes it for none.
		}
		c.AssumeRole = append(c.AssumeRole, awsbase.AssumeRole{
			RoleARN: given.RoleArn, Duration: r.duration(assume, given.Duration), ExternalID: given.ExternalID,
			Policy: given.Policy, PolicyARNs: given.PolicyArns, SessionName: given.SessionName,
			SourceIdentity: given.SourceIdentity, Tags: given.Tags, TransitiveTagKeys: given.TransitiveTagKeys,
		})
	}
	const web = "assumeRoleWithWebIdentity"
	for _, given := range list[role](r, web) {
		c.AssumeRoleWithWebIdentity = &awsbase.AssumeRoleWithWebIdentity{
			RoleARN: given.RoleArn, Duration: r.duration(web, given.Duration),
			Policy: given.Policy, PolicyARNs: given.PolicyArns, SessionName: given.SessionName,
			WebIdentityToken: given.WebIdentityToken, WebIdentityTokenFile: given.WebIdentityTokenFile,
		}
	}
	// The provider has checked them before anything was registered.
	c.SkipCredsValidation, c.SkipRequestingAccountId = true, true
}

func (r *reader) connection(c *awsbase.Config) {
	c.StsRegion = r.text("stsRegion")
	c.CustomCABundle = r.text("customCaBundle")
	c.Insecure = r.bool("insecure")
	c.UseFIPSEndpoint, c.UseDualStackEndpoint = r.bool("useFipsEndpoint"), r.bool("useDualstackEndpoint")
	c.RetryMode = aws.RetryMode(r.text("retryMode"))
	c.NoProxy = r.text("noProxy")
	if proxy, set := r.get("aws:httpProxy"); set {
		c.HTTPProxy = &proxy
	}
	if proxy, set := r.get("aws:httpsProxy"); set {
		c.HTTPSProxy = &proxy
	}
	c.EC2MetadataServiceEndpoint = r.text("ec2MetadataServiceEndpoint")
	c.EC2MetadataServiceEndpointMode = r.text("ec2MetadataServiceEndpointMode")
	if _, set := r.get("aws:skipMetadataApiCheck"); set {
		c.EC2MetadataServiceEnableState = imds.ClientEnabled
		if r.bool("skipMetadataApiCheck") {
			c.EC2MetadataServiceEnableState = imds.ClientDisabled
		}
	}
}

func (r *reader) text(key string) string {
	value, _ := r.get("aws:" + key)
	return value
}

func (r *reader) bool(key string) bool {
	text := r.text(key)
	if text == "" {
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("aws:%s: got %q, want true or false", key, text))
	}
	return value
}

func (r *reader) duration(key, text string) time.Duration {
	if text == "" {
		return 0
	}
	value, err := time.ParseDuration(text)
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("aws:%s: got the duration %q, want one such as 1h30m", key, text))
	}
	return value
}

// list reads a key that holds a list, or a single element of one.
func list[T any](r *reader, key string) []T {
	text := r.text(key)
	if text == "" {
		return nil
	}
	var all []T
	if json.Unmarshal([]byte(text), &all) == nil {
		return all
	}
	var one T
	if err := json.Unmarshal([]byte(text), &one); err != nil {
		// The value may hold a secret, the message names only its place.
		r.problems = append(r.problems, fmt.Errorf("aws:%s can't be read: want a list or an object as the AWS provider documents it", key))
		return nil
	}
	return []T{one}
}
