package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/internal/pages"
)

const (
	deployer = "arn:aws:iam::123456789012:role/deployer"
	// profileKey is the access key of a profile in a file.
	profileKey = "AKIAPROFILE"
)

// named is a key of the AWS provider's config on a page, and not a type, such as
// aws:ecs:Service, nor a part of an ARN.
var named = regexp.MustCompile(`(?:^|[^:\w])aws:([a-z]\w+)(?:[^\w/:]|:\s|$)`)

// TestTheProviderTakesTheSettingsThatThePagesName sets them with the real CLI, as the
// provider's own documentation does, and looks at what reaches AWS.
func TestTheProviderTakesTheSettingsThatThePagesName(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	tried := map[string]bool{"endpoints": true}
	config := func(set bool, path string, value ...string) {
		t.Helper()
		arguments := []string{"config", "rm", "--path", "aws:" + path}
		if set {
			arguments = slices.Concat([]string{"config", "set", "--plaintext", "--path", "aws:" + path}, value)
		}
		pulumi(t, s, arguments...)
		key, _, _ := strings.Cut(path, ".")
		key, _, _ = strings.Cut(key, "[")
		tried[key] = true
	}
	seen := throughEndpoints(t, s, config)

	for _, pair := range [][2]string{
		{"region", account.Region},
		{"skipCredentialsValidation", "false"},
		{"skipMetadataApiCheck", "true"},
		{"skipRegionValidation", "true"},
		{"skipRequestingAccountId", "false"},
		{"s3UsePathStyle", "true"},
		{"maxRetries", "3"},
		{"allowedAccountIds[0]", "123456789012"},
		{"ignoreTags.keys[0]", "LastPatched"},
		{"ignoreTags.keyPrefixes[0]", "backup:"},
		{"assumeRole.roleArn", deployer},
		{"assumeRole.sessionName", "ci"},
		{"assumeRole.externalId", "4711"},
		{"assumeRole.duration", "1h"},
		{"defaultTags.tags.Team", "platform"},
		{"defaultTags.tags.CostCenter", "17"},
	} {
		config(true, pair[0], pair[1])
	}
	pulumi(t, s, "up", "--yes", "--skip-preview")
	seen.wantSigned(t, "ASIA") // What STS gives for a while begins so.
	if !strings.Contains(seen.assumed(), url.QueryEscape(deployer)) || !strings.Contains(seen.assumed(), "ExternalId=4711") {
		t.Errorf("the role is not assumed as aws:assumeRole says: %s", seen.assumed())
	}
	assertTagged(t, s, map[string]string{"Team": "platform", "CostCenter": "17"})
	assertTags(t, s)
	assertNoChanges(t, s)

	// The stack's own value holds where both have the key.
	pulumi(t, s, "config", "set", "--path", "tags.Team", "shop")
	config(false, "defaultTags.tags.CostCenter")
	config(false, "assumeRole")
	files := t.TempDir()
	credentials := filepath.Join(files, "credentials")
	must(t, os.WriteFile(credentials, []byte("[team]\naws_access_key_id = "+profileKey+"\naws_secret_access_key = x\n"), 0o600), "write a file")
	config(true, "profile", "team")
	config(true, "sharedCredentialsFiles[0]", credentials)
	seen.forget()
	pulumi(t, s, "up", "--yes", "--skip-preview")
	seen.wantSigned(t, profileKey)
	assertTagged(t, s, map[string]string{"Team": "shop", "CostCenter": ""})
	assertNoChanges(t, s)

	for _, key := range []string{"profile", "sharedCredentialsFiles"} {
		config(false, key)
	}
	config(true, "assumeRoleWithWebIdentity.roleArn", deployer)
	config(true, "assumeRoleWithWebIdentity.webIdentityToken", "signed-by-github")
	config(true, "assumeRoleWithWebIdentity.sessionName", "ci")
	seen.forget()
	pulumi(t, s, "config", "set", "imageTag", "2.4.66")
	pulumi(t, s, "up", "--yes", "--skip-preview")
	seen.wantSigned(t, "ASIA")
	if !strings.Contains(seen.assumed(), "signed-by-github") {
		t.Errorf("the role is not assumed as aws:assumeRoleWithWebIdentity says: %s", seen.assumed())
	}
	destroy(t, s)
	assertNothingLeft(t, s)
	wantTried(t, tried)
}

// wantTried wants each setting of the provider that a page names to be one of those
// that were tried.
func wantTried(t *testing.T, tried map[string]bool) {
	t.Helper()
	all, err := pages.Read("..")
	must(t, err, "the pages can't be read")
	found := map[string]bool{}
	for _, page := range all {
		for _, match := range named.FindAllStringSubmatch(page.Text, -1) {
			found[match[1]] = true
			if !tried[match[1]] {
				t.Errorf("%s names aws:%s, and nobody has tried it: set it in this test", page.File, match[1])
			}
		}
	}
	for _, known := range []string{"region", "profile", "assumeRole", "endpoints", "defaultTags"} {
		if !found[known] {
			t.Errorf("no page names aws:%s any more: this test has gone blind", known)
		}
	}
}

// assertTagged asks AWS for tags of all that the stack has made; an empty value is no
// tag.
func assertTagged(t *testing.T, s *sandbox.Sandbox, want map[string]string) {
	t.Helper()
	left, err := s.Left(t.Context())
	must(t, err, "the account can't be listed")
	if len(left) < len(wholeStack) {
		t.Errorf("the stack has only %v: too little is looked at", slices.Sorted(maps.Keys(left)))
	}
	for kind, ids := range left {
		if kind == account.RolePolicies {
			continue // A part of its role, without tags.
		}
		for _, id := range ids {
			tags := tagsOf(t, s, kind, id)
			for key, value := range want {
				if tags[key] != value {
					t.Errorf("%s in %s has the tag %s=%q, not %q as the config says", id, kind, key, tags[key], value)
				}
			}
		}
	}
}

// signed is what reached AWS by the endpoints of the config.
type signed struct {
	mu    sync.Mutex
	keys  map[string]map[string]bool // of access, by what was asked for
	roles []string                   // what STS was asked for
}

var accessKey = regexp.MustCompile(`Credential=([^/]+)/`)

// throughEndpoints sets aws:endpoints to a place of its own, which notes what comes and
// hands it on. The environment leads nowhere.
func throughEndpoints(t *testing.T, s *sandbox.Sandbox, config func(set bool, path string, value ...string)) *signed {
	t.Helper()
	seen := &signed{}
	seen.forget()
	address := forwarding(t, s, seen.note)
	for _, service := range []string{"appautoscaling", "cloudwatch", "ec2", "ecs", "elbv2", "iam", "logs", "sns", "ssm", "sts"} {
		config(true, "endpoints[0]."+service, address)
	}
	s.Redirect(emulatorVariable, "http://127.0.0.1:1")
	return seen
}

func (s *signed) note(r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range requestsOf(r, body) {
		if strings.Contains(one.action, ":AssumeRole") {
			s.roles = append(s.roles, string(body))
			continue
		}
		if strings.HasPrefix(one.action, "sts:") {
			continue // Also asked with the keys that a role is assumed with.
		}
		key := "nothing"
		if match := accessKey.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
			key = match[1]
		}
		if s.keys[one.action] == nil {
			s.keys[one.action] = map[string]bool{}
		}
		s.keys[one.action][key] = true
	}
}

func (s *signed) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.roles = map[string]map[string]bool{}, nil
}

// assumed is what STS was asked for.
func (s *signed) assumed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.roles, "\n")
}

// wantSigned wants all requests, of the provider and of the guard, to be signed with
// keys that begin like this.
func (s *signed) wantSigned(t *testing.T, start string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, action := range []string{"ecs:ListServiceDeployments", "ec2:DescribeAvailabilityZones"} { // The guard's, and the provider's.
		if len(s.keys[action]) == 0 {
			t.Errorf("%s is not asked for by aws:endpoints, but %v", action, slices.Sorted(maps.Keys(s.keys)))
		}
	}
	for action, keys := range s.keys {
		for key := range keys {
			if !strings.HasPrefix(key, start) {
				t.Errorf("%s is signed with %s, and not with a key that begins with %s: it goes to another account than the config says", action, key, start)
			}
		}
	}
}
