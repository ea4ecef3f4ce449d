package awsconfig

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// from reads a config of these keys.
func from(values map[string]string) Getter {
	return func(key string) (string, bool) {
		value, set := values[key]
		return value, set
	}
}

func TestTheKeysOfTheProviderAreRead(t *testing.T) {
	t.Parallel()
	s, problems := read(from(map[string]string{
		"aws:region":    "ignored: a service says itself where it is",
		"aws:accessKey": "key", "aws:secretKey": "secret", "aws:token": "token", "aws:profile": "team",
		"aws:sharedConfigFiles": `["a", "b"]`, "aws:insecure": "true", "aws:useFipsEndpoint": "true", "aws:skipMetadataApiCheck": "true",
		"aws:httpsProxy": "http://proxy:8080", "aws:customCaBundle": "ca.pem", "aws:stsRegion": "eu-west-1",
		"aws:assumeRole":                `{"roleArn": "arn:aws:iam::1:role/a", "duration": "1h30m", "tags": {"k": "v", "n": 1}, "externalId": 4711}`,
		"aws:assumeRoleWithWebIdentity": `{"roleArn": "arn:aws:iam::3:role/c", "webIdentityTokenFile": "token.jwt"}`,
		"aws:endpoints":                 `[{"ecs": "http://one", "sts": "http://sts"}, {"elbv2": "http://two"}]`,
	}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := s.base
	for what, right := range map[string]bool{
		"keys":              c.AccessKey == "key" && c.SecretKey == "secret" && c.Token == "token" && c.Profile == "team",
		"files":             strings.Join(c.SharedConfigFiles, ",") == "a,b",
		"switches":          c.Insecure && c.UseFIPSEndpoint && !c.UseDualStackEndpoint && c.EC2MetadataServiceEnableState != 0,
		"connection":        *c.HTTPSProxy == "http://proxy:8080" && c.HTTPProxy == nil && c.CustomCABundle == "ca.pem",
		"security tokens":   c.StsRegion == "eu-west-1" && c.StsEndpoint == "http://sts",
		"roles":             len(c.AssumeRole) == 1 && c.AssumeRole[0].RoleARN == "arn:aws:iam::1:role/a" && c.AssumeRole[0].Duration == 90*time.Minute && c.AssumeRole[0].Tags["k"] == "v" && c.AssumeRole[0].Tags["n"] == "1" && c.AssumeRole[0].ExternalID == "4711",
		"web identity":      c.AssumeRoleWithWebIdentity.WebIdentityTokenFile == "token.jwt",
		"endpoints":         *s.Endpoint("ecs") == "http://one" && *s.Endpoint("elasticloadbalancingv2", "elbv2") == "http://two",
		"no other endpoint": s.Endpoint("logs") == nil,
	} {
		if !right {
			t.Errorf("%s: the deployment would be watched in another way than the provider deploys: %+v", what, c)
		}
	}
}

func TestEveryProblemIsNamedAndNoSecretIsShown(t *testing.T) {
	t.Parallel()
	_, problems := read(from(map[string]string{
		"aws:insecure": "yes", "aws:endpoints": "http://one", "aws:assumeRole": `{"duration": "long", "roleArn": "a"}`,
		"aws:assumeRoleWithWebIdentity": `{"webIdentityToken": "hush"`,
	}))
	if len(problems) == 0 {
		t.Fatal("a config that can't be read is used")
	}
	for _, want := range []string{`aws:insecure: got "yes"`, "aws:endpoints", `aws:assumeRole.duration: got "long"`, "aws:assumeRoleWithWebIdentity"} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("the error does not name %q: %v", want, problems)
		}
	}
	if strings.Contains(problems.Error(), "hush") {
		t.Errorf("the error shows a secret: %v", problems)
	}
}

func TestRequestsAreSignedWithTheProvidersKeysForTheServicesRegion(t *testing.T) {
	t.Parallel()
	signed := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		signed <- r.Header.Get("Authorization")
	}))
	t.Cleanup(server.Close)
	s, problems := read(from(map[string]string{"aws:accessKey": "AKIDEXAMPLE", "aws:secretKey": "secret", "aws:endpoints": `[{"ecs": "` + server.URL + `"}]`}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	config, err := s.Load(t.Context(), "eu-central-1")
	if err != nil {
		t.Fatal(err)
	}
	client := ecs.NewFromConfig(config, func(o *ecs.Options) { o.BaseEndpoint = s.Endpoint("ecs") })
	_, _ = client.ListClusters(t.Context(), &ecs.ListClustersInput{MaxResults: aws.Int32(1)}) // What it answers is of no interest.
	if got := <-signed; !strings.Contains(got, "Credential=AKIDEXAMPLE/") || !strings.Contains(got, "/eu-central-1/ecs/") {
		t.Errorf("the request is signed as %s", got)
	}
}

func TestWithoutCredentialsTheErrorSaysSo(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	s, problems := read(from(map[string]string{"aws:skipMetadataApiCheck": "true"}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, err := s.Load(t.Context(), "eu-central-1"); err == nil || !strings.Contains(err.Error(), "configure AWS as the provider does") {
		t.Errorf("without credentials the error is %v", err)
	}
}
