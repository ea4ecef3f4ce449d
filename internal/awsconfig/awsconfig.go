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
	"bytes"
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

	"ecs-sample-app/problem"
)

// unread stands in messages for a value that can't be read, and may hold a secret.
const unread = "something else"

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
	settings, problems := read(ctx.GetConfig)
	return settings, problems.Err()
}

// Check finds what is wrong with the config of the stack's AWS provider, which the
// program would otherwise read only when there is a deployment to watch.
func Check(ctx *pulumi.Context) problem.Problems {
	_, problems := read(ctx.GetConfig)
	return problems
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
	RoleArn              word            `json:"roleArn"`
	Duration             word            `json:"duration"`
	ExternalID           word            `json:"externalId"`
	Policy               word            `json:"policy"`
	PolicyArns           []word          `json:"policyArns"`
	SessionName          word            `json:"sessionName"`
	SourceIdentity       word            `json:"sourceIdentity"`
	Tags                 map[string]word `json:"tags"`
	TransitiveTagKeys    []word          `json:"transitiveTagKeys"`
	WebIdentityToken     word            `json:"webIdentityToken"`
	WebIdentityTokenFile word            `json:"webIdentityTokenFile"`
}

// word is a text. Set as `pulumi config set --path aws:assumeRole.externalId 4711`, it
// is a number in the stack's file, and the provider takes that for a text too.
type word string

// UnmarshalJSON reads a text, a number, true or false.
func (w *word) UnmarshalJSON(data []byte) error {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	text, ok := scalar(value)
	if !ok && value != nil {
		return fmt.Errorf("%T is no text", value)
	}
	*w = word(text)
	return nil
}

// scalar is a text, a number, true or false as a text.
func scalar(value any) (text string, ok bool) {
	switch value.(type) {
	case string, json.Number, bool:
		return fmt.Sprint(value), true
	default:
		return "", false
	}
}

// words are texts as the library takes them.
func words(all []word) []string {
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = string(w)
	}
	return texts
}

// texts are texts by key as the library takes them.
func texts(all map[string]word) map[string]string {
	by := make(map[string]string, len(all))
	for key, w := range all {
		by[key] = string(w)
	}
	return by
}

// reader reads keys one by one and collects what is wrong.
type reader struct {
	get      Getter
	problems problem.Problems
}

func read(get Getter) (*Settings, problem.Problems) {
	r := &reader{get: get}
	s := &Settings{endpoints: map[string]string{}}
	r.credentials(&s.base)
	r.connection(&s.base)
	for _, group := range list[map[string]word](r, "endpoints") {
		for service, url := range group {
			s.endpoints[service] = string(url)
		}
	}
	s.base.IamEndpoint, s.base.StsEndpoint, s.base.SsoEndpoint = s.endpoints["iam"], s.endpoints["sts"], s.endpoints["sso"]
	return s, r.problems
}

func (r *reader) credentials(c *awsbase.Config) {
	c.AccessKey, c.SecretKey, c.Token = r.text("accessKey"), r.text("secretKey"), r.text("token")
	c.Profile = r.text("profile")
	c.SharedConfigFiles = words(list[word](r, "sharedConfigFiles"))
	c.SharedCredentialsFiles = words(list[word](r, "sharedCredentialsFiles"))
	const assume, web = "assumeRole", "assumeRoleWithWebIdentity"
	// Without an ARN the provider takes it for none.
	if given := object[role](r, assume); given != nil && given.RoleArn != "" {
		c.AssumeRole = []awsbase.AssumeRole{{
			RoleARN: string(given.RoleArn), Duration: r.duration(assume, given.Duration), ExternalID: string(given.ExternalID),
			Policy: string(given.Policy), PolicyARNs: words(given.PolicyArns), SessionName: string(given.SessionName),
			SourceIdentity: string(given.SourceIdentity), Tags: texts(given.Tags), TransitiveTagKeys: words(given.TransitiveTagKeys),
		}}
	}
	if given := object[role](r, web); given != nil {
		c.AssumeRoleWithWebIdentity = &awsbase.AssumeRoleWithWebIdentity{
			RoleARN: string(given.RoleArn), Duration: r.duration(web, given.Duration),
			Policy: string(given.Policy), PolicyARNs: words(given.PolicyArns), SessionName: string(given.SessionName),
			WebIdentityToken: string(given.WebIdentityToken), WebIdentityTokenFile: string(given.WebIdentityTokenFile),
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
		r.problems.Add("aws:"+key, text, "true or false")
	}
	return value
}

func (r *reader) duration(key string, text word) time.Duration {
	if text == "" {
		return 0
	}
	value, err := time.ParseDuration(string(text))
	if err != nil {
		r.problems.Add("aws:"+key+".duration", text, "a duration such as 1h30m")
	}
	return value
}

// list reads a key that holds a list.
func list[T any](r *reader, key string) []T {
	return decoded[[]T](r, key, "a list as the AWS provider documents it")
}

// object reads a key that holds an object, which is nil if it is not set.
func object[T any](r *reader, key string) *T {
	return decoded[*T](r, key, "an object as the AWS provider documents it")
}

func decoded[T any](r *reader, key, want string) (value T) {
	text := r.text(key)
	if text == "" {
		return value
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		// It may hold a secret, so the message names only its place.
		r.problems = append(r.problems, problem.Problem{Path: "aws:" + key, Given: unread, Want: want})
		var none T
		return none
	}
	return value
}
