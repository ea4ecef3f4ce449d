package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/fake"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

// bootstrapProgram compiles the bootstrap once, for tests that run side by side, and
// returns its folder.
var bootstrapProgram = sync.OnceValues(func() (string, error) {
	root, err := toolchain.Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bootstrap")
	return dir, toolchain.Compile(context.Background(), dir, filepath.Join(root, ".local", "bootstrap"))
})

// bootstrapped returns a stack of the bootstrap program that is up.
func bootstrapped(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	program, err := bootstrapProgram()
	must(t, err, "the bootstrap does not compile")
	s, err := sandbox.NewFor(t.Context(), t.TempDir(), program)
	must(t, err, "no stack to test with")
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the emulator stays behind: %v", err)
		}
	})
	config := auto.ConfigMap{}
	for key, value := range map[string]string{
		"repository": "octo-org/sample-app", "ephemeralStacks": "true", "stateBucket": "octo-org-state",
	} {
		config["ecs-sample-app-bootstrap:"+key] = auto.ConfigValue{Value: value}
	}
	must(t, s.Stack.SetAllConfig(t.Context(), config), "the config can't be set")
	up(t, s)
	return s
}

func TestTheBootstrapLetsGitHubsJobsInAndIsGoneAfterADestroy(t *testing.T) {
	t.Parallel()
	s := bootstrapped(t)
	assertCounts(t, s, map[string]int{account.Roles: 3, account.RolePolicies: 3})
	assertNoChanges(t, s)
	run, err := s.PreviewRefresh(t.Context())
	must(t, err, "refresh fails")
	if len(run.Changes) > 0 {
		t.Errorf("refresh takes the bootstrap's own doing for somebody else's:\n%s", run.Summary())
	}

	provider := identityProviders(t, s)
	if len(provider) != 1 {
		t.Fatalf("the account trusts the identity providers %v, not GitHub's alone", provider)
	}
	out, err := s.Account.IAM.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(provider[0])})
	must(t, err, "IAM does not describe the identity provider")
	if got := aws.ToString(out.Url); got != "token.actions.githubusercontent.com" || !slices.Equal(out.ClientIDList, []string{"sts.amazonaws.com"}) {
		t.Errorf("tokens of %s for %v are taken, not GitHub's for AWS", got, out.ClientIDList)
	}
	assertTrust(t, s, provider[0])

	assertECSHasItsRole(t, s)
	destroy(t, s)
	assertNothingLeft(t, s)
	assertECSHasItsRole(t, s)
	if left := identityProviders(t, s); len(left) > 0 {
		t.Errorf("destroy leaves %v: GitHub's tokens are taken for ever", left)
	}
}

// assertECSHasItsRole asks AWS for the role that ECS acts as in the account.
func assertECSHasItsRole(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	out, err := s.Account.IAM.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/aws-service-role/ecs.amazonaws.com/")})
	must(t, err, "IAM does not list the roles")
	if len(out.Roles) != 1 {
		t.Errorf("ECS has %d roles of its own: in a new account the first cluster may be refused", len(out.Roles))
	}
}

// assertTrust asks AWS who may take on the roles that Pulumi's outputs name.
func assertTrust(t *testing.T, s *sandbox.Sandbox, provider string) {
	t.Helper()
	const prefix = "repo:octo-org/sample-app:"
	outputs, err := s.Stack.Outputs(t.Context())
	must(t, err, "the outputs can't be read")
	for output, want := range map[string][]string{
		"previewRoleArn":     {prefix + "pull_request", prefix + "ref:refs/heads/main"},
		"deployRoleArn":      {prefix + "environment:production"},
		"environmentRoleArn": {prefix + "environment:pull-request", prefix + "ref:refs/heads/main"},
	} {
		arn, _ := outputs[output].Value.(string)
		name := arn[strings.LastIndex(arn, "/")+1:]
		role, err := s.Account.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(name)})
		must(t, err, fmt.Sprintf("%s names %q, which GitHub would ask for in vain", output, arn))
		var trust struct {
			Statement []struct {
				Effect    string
				Principal map[string]string
				Action    []string
				Condition map[string]map[string][]string
			}
		}
		decode(t, aws.ToString(role.Role.AssumeRolePolicyDocument), &trust)
		if len(trust.Statement) != 1 {
			t.Fatalf("%s lets in by %d statements, not one", name, len(trust.Statement))
		}
		got := trust.Statement[0]
		conditions := got.Condition["StringEquals"]
		if got.Effect != "Allow" || got.Principal["Federated"] != provider ||
			!slices.Equal(got.Action, []string{"sts:AssumeRoleWithWebIdentity"}) || len(got.Condition) != 1 ||
			!slices.Equal(conditions["token.actions.githubusercontent.com:aud"], []string{"sts.amazonaws.com"}) {
			t.Errorf("AWS lets others into %s than GitHub's jobs, or not these: %+v", name, got)
		}
		if subjects := conditions["token.actions.githubusercontent.com:sub"]; !slices.Equal(subjects, want) {
			t.Errorf("AWS lets %v into %s, not %v", subjects, name, want)
		}
		if seconds := aws.ToInt32(role.Role.MaxSessionDuration); seconds != 3600 {
			t.Errorf("credentials of %s that leak are good for %d s, not for an hour", name, seconds)
		}
	}
}

// decode reads a policy as IAM returns it, encoded as a part of a URL.
func decode(t *testing.T, document string, into any) {
	t.Helper()
	text, err := url.QueryUnescape(document)
	must(t, err, "the policy is no text")
	must(t, json.Unmarshal([]byte(text), into), "the policy is not of the form that was written: "+text)
}

func identityProviders(t *testing.T, s *sandbox.Sandbox) []string {
	t.Helper()
	out, err := s.Account.IAM.ListOpenIDConnectProviders(t.Context(), &iam.ListOpenIDConnectProvidersInput{})
	must(t, err, "IAM does not list identity providers")
	var arns []string
	for _, provider := range out.OpenIDConnectProviderList {
		arns = append(arns, aws.ToString(provider.Arn))
	}
	return arns
}

// A role that lacks one action fails in the middle of a deployment, and one that
// has too many is a hole. The first can be seen here: the program's own life, and
// what it asks of AWS on the way.
func TestTheRolesMayDoWhatTheProgramAsksOfAWS(t *testing.T) {
	t.Parallel()
	roles := bootstrapped(t)
	preview, deploy := permissions(t, roles, "github-preview-role-"), permissions(t, roles, "github-deploy-role-")

	s := newSandbox(t)
	requests := watch(t, s)
	_, err := s.Preview(t.Context())
	must(t, err, "the preview of a new stack fails")
	assertAllowed(t, "preview", preview, requests.taken())

	up(t, s)
	production := stackFile(t, "Pulumi.prod.yaml")
	delete(production, "deletionProtection") // It would end with a destroy that is refused.
	set(t, s, production)
	set(t, s, map[string]string{
		"imageTag": "2.4.66", "desiredCount": "2", "containerPort": "8081", "availabilityZones": "3", "endpoints": "true",
		"autoscaling": `{"maxCapacity": 4, "cpuTarget": 60, "requestsTarget": 100, "schedules":
			[{"name": "night", "schedule": "cron(0 20 * * ? *)", "minCapacity": 0, "maxCapacity": 2}]}`,
		"alarms": "true", "alarmEmails": `["ops@example.com"]`,
	})
	up(t, s)
	s.Rollouts.Next(fake.Plan{Outcome: fake.RollsBack, Polls: 2, Cause: fake.Unhealthy})
	set(t, s, map[string]string{"imageTag": "2.4.67"})
	upFails(t, s, "a version that ECS rolled back passes for deployed")
	set(t, s, map[string]string{"imageTag": "2.4.68"})
	up(t, s)
	assertAllowed(t, "deploy", deploy, requests.taken())

	assertNoChanges(t, s)
	_, err = s.PreviewRefresh(t.Context())
	must(t, err, "refresh fails")
	asked := requests.taken()
	if !slices.ContainsFunc(asked, func(r request) bool { return r.action == "ecs:DescribeServices" }) {
		t.Fatalf("a refresh did not ask for the service, so nothing was tested: %v", asked)
	}
	assertAllowed(t, "preview", preview, asked)

	destroy(t, s)
	assertAllowed(t, "deploy", deploy, requests.taken())
}

// The state is in a bucket of the team's. A preview may not even take a lock there, and
// a pull request's stack not touch the others.
func TestTheRolesMayReachTheStateAndNotMore(t *testing.T) {
	t.Parallel()
	roles := bootstrapped(t)
	s := newSandbox(t)
	requests := watch(t, s)
	emulator := s.Stack.Workspace().GetEnvVars()["AWS_ENDPOINT_URL"]
	makeBucket(t, emulator, "octo-org-state")
	pulumi := func(arguments ...string) {
		command := exec.CommandContext(t.Context(), "pulumi", append(arguments, "--non-interactive")...)
		command.Dir = s.Stack.Workspace().WorkDir()
		command.Env = slices.Concat(s.Command(t.Context()).Env, []string{
			"AWS_ENDPOINT_URL=" + emulator,
			"PULUMI_BACKEND_URL=s3://octo-org-state?region=us-east-1&s3ForcePathStyle=true&endpoint=" + emulator,
		})
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("pulumi %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
	}
	pulumi("stack", "init", "dev") // By a person: the first stack of a bucket writes how it is laid out.
	requests.taken()

	// A stack without resources is locked, written and forgotten as any other.
	pulumi("preview", "--stack", "dev")
	pulumi("refresh", "--preview-only", "--stack", "dev")
	preview := permissions(t, roles, "github-preview-role-")
	assertAllowed(t, "preview", preview, requests.taken())

	pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev")
	pulumi("stack", "output", "--stack", "dev")
	asked := requests.taken()
	assertAllowed(t, "deploy", permissions(t, roles, "github-deploy-role-"), asked)

	// As environment.yml and its sweep do.
	pulumi("stack", "select", "--create", "pr-7")
	pulumi("refresh", "--yes", "--skip-preview", "--stack", "pr-7")
	pulumi("stack", "ls", "--json")
	pulumi("destroy", "--yes", "--skip-preview", "--stack", "pr-7")
	pulumi("stack", "rm", "--yes", "--stack", "pr-7")
	environment := permissions(t, roles, "github-environment-role-")
	assertAllowed(t, "environment", environment, requests.taken())

	writes := 0
	for _, r := range asked {
		if r.action != "s3:PutObject" && r.action != "s3:DeleteObject" {
			continue
		}
		writes++
		if allows(preview, r) || allows(environment, r) {
			t.Errorf("a pull request may %s %s, which is the state of another stack", r.action, r.resource)
		}
	}
	if writes == 0 {
		t.Errorf("nothing was written to the bucket, so nothing was tested: %v", asked)
	}
}

func makeBucket(t *testing.T, emulator, name string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, emulator+"/"+name, http.NoBody)
	must(t, err, "no request for a bucket")
	answer, err := http.DefaultClient.Do(r)
	must(t, err, "no bucket")
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("no bucket: %s", answer.Status)
	}
}

// statement is one of a role's permissions.
type statement struct {
	Action, Resource []string
}

// permissions returns what AWS says that a role may do.
func permissions(t *testing.T, s *sandbox.Sandbox, prefix string) []statement {
	t.Helper()
	var all []statement
	add := func(text *string) {
		var document struct{ Statement []statement }
		decode(t, aws.ToString(text), &document)
		all = append(all, document.Statement...)
	}
	roles, err := s.Account.List(t.Context(), account.Roles)
	must(t, err, "the roles can't be listed")
	i := slices.IndexFunc(roles, func(role string) bool { return strings.HasPrefix(role, prefix) })
	if i < 0 {
		t.Fatalf("no role of %v begins with %s", roles, prefix)
	}
	role := aws.String(roles[i])
	own, err := s.Account.IAM.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: role})
	must(t, err, "the role's policies can't be listed")
	for _, name := range own.PolicyNames {
		out, err := s.Account.IAM.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: role, PolicyName: aws.String(name)})
		must(t, err, "IAM does not describe the policy "+name)
		add(out.PolicyDocument)
	}
	attached, err := s.Account.IAM.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: role})
	must(t, err, "the policies that the role shares can't be listed")
	for _, p := range attached.AttachedPolicies {
		out, err := s.Account.IAM.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{PolicyArn: p.PolicyArn, VersionId: aws.String("v1")})
		must(t, err, "IAM does not describe the policy "+aws.ToString(p.PolicyName))
		add(out.PolicyVersion.Document)
	}
	return all
}

func assertAllowed(t *testing.T, role string, statements []statement, asked []request) {
	t.Helper()
	if len(asked) == 0 {
		t.Fatal("nothing was asked of AWS, so nothing was tested")
	}
	for _, r := range asked {
		if !allows(statements, r) {
			t.Errorf("the %s role may not %s %s, which the program asks for: on AWS it would stop there", role, r.action, r.resource)
		}
	}
}

// allows tells whether a role may do what was asked, on what it was asked for.
func allows(statements []statement, r request) bool {
	return slices.ContainsFunc(statements, func(s statement) bool {
		return slices.Contains(s.Action, r.action) && slices.ContainsFunc(s.Resource, func(pattern string) bool {
			return fits(pattern, r.resource)
		})
	})
}

// fits tells whether an ARN fits a pattern, in which an asterisk is any text.
func fits(pattern, arn string) bool {
	head, rest, wildcard := strings.Cut(pattern, "*")
	if !wildcard {
		return pattern == arn
	}
	arn, ok := strings.CutPrefix(arn, head)
	for i := 0; ok && i <= len(arn); i++ {
		if fits(rest, arn[i:]) {
			return true
		}
	}
	return false
}

// request is what AWS was asked to do.
type request struct {
	action string
	// resource is the ARN of the role, the parameter, the bucket or the object that it
	// is about, empty for other services.
	resource string
}

// requests are those that a stack made.
type requests struct {
	mu  sync.Mutex
	all map[request]bool
}

// taken returns what was asked since the last time, each once.
func (r *requests) taken() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []request
	for one := range r.all {
		all = append(all, one)
	}
	r.all = map[request]bool{}
	slices.SortFunc(all, func(a, b request) int { return strings.Compare(a.action+a.resource, b.action+b.resource) })
	return all
}

// emulatorVariable has the address of a stack's emulator.
const emulatorVariable = "AWS_ENDPOINT_URL"

// forwarding is the address of a place before a stack's emulator: each request is noted
// there, and handed on.
func forwarding(t *testing.T, s *sandbox.Sandbox, note func(r *http.Request, body []byte)) string {
	t.Helper()
	emulator, err := url.Parse(s.Stack.Workspace().GetEnvVars()[emulatorVariable])
	must(t, err, "the stack has no emulator")
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(emulator)
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		note(r, body)
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// watch notes from now on what a stack asks of AWS.
func watch(t *testing.T, s *sandbox.Sandbox) *requests {
	t.Helper()
	seen := &requests{all: map[request]bool{}}
	address := forwarding(t, s, func(r *http.Request, body []byte) {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		for _, one := range requestsOf(r, body) {
			seen.all[one] = true
		}
	})
	s.Stack.Workspace().SetEnvVar(emulatorVariable, address)
	return seen
}

// signedFor is the service in the signature of a request.
var signedFor = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request`)

// requestsOf reads which action of which service a request is for, as IAM calls them.
func requestsOf(r *http.Request, body []byte) []request {
	service := "unsigned"
	if match := signedFor.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
		service = match[1]
	}
	switch service {
	case "s3":
		return objectRequests(r)
	case "route53":
		return []request{{action: "route53:" + zoneAction(r)}}
	case "monitoring":
		service = "cloudwatch"
	}
	form, _ := url.ParseQuery(string(body)) // JSON has no Action, and its action in a header.
	action := form.Get("Action")
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		action = target[strings.LastIndex(target, ".")+1:]
	}
	found := request{action: service + ":" + action}
	if role := form.Get("RoleName"); role != "" {
		found.resource = "arn:aws:iam::123456789012:role/" + role
	}
	if service == "ssm" {
		var about struct {
			Name string
			Of   string `json:"ResourceId"` // of tags
		}
		if json.Unmarshal(body, &about) == nil && about.Name+about.Of != "" {
			found.resource = "arn:aws:ssm:" + account.Region + ":123456789012:parameter/" + strings.TrimPrefix(about.Name+about.Of, "/")
		}
	}
	return []request{found}
}

// parts are the parts of a bucket's configuration, by their names in a query, and what the
// actions on them are called.
var parts = map[string]string{
	"accelerate": "AccelerateConfiguration", "acl": "BucketAcl", "cors": "BucketCORS", "encryption": "EncryptionConfiguration",
	"lifecycle": "LifecycleConfiguration", "location": "BucketLocation", "logging": "BucketLogging",
	"object-lock": "BucketObjectLockConfiguration", "ownershipControls": "BucketOwnershipControls", "policy": "BucketPolicy",
	"publicAccessBlock": "BucketPublicAccessBlock", "replication": "ReplicationConfiguration", "requestPayment": "BucketRequestPayment",
	"tagging": "BucketTagging", "versioning": "BucketVersioning", "website": "BucketWebsite",
}

// bucketAction reads a request of S3 that is about a bucket.
func bucketAction(r *http.Request) string {
	query := r.URL.Query()
	for part, action := range parts {
		switch {
		case !query.Has(part):
		case r.Method == http.MethodGet:
			return "s3:Get" + action
		case r.Method == http.MethodDelete && part == "policy":
			return "s3:Delete" + action
		default: // There is no action of its own to take the others away.
			return "s3:Put" + action
		}
	}
	switch {
	case query.Has("versions"):
		return "s3:ListBucketVersions"
	case query.Has("delete"):
		return "s3:DeleteObject"
	case r.Method == http.MethodPut:
		return "s3:CreateBucket"
	case r.Method == http.MethodDelete:
		return "s3:DeleteBucket"
	default:
		return "s3:ListBucket"
	}
}

// zoneAction reads a request of Route 53, which has its action in method and path.
func zoneAction(r *http.Request) string {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/2013-04-01"), "/"), "/")
	switch {
	case path[0] == "change":
		return "GetChange"
	case path[0] == "tags":
		return "ListTagsForResource"
	case path[0] == "hostedzone" && len(path) == 1:
		return "ListHostedZones"
	case path[0] == "hostedzone" && len(path) == 2:
		return "GetHostedZone"
	case path[0] == "hostedzone" && r.Method == http.MethodPost:
		return "ChangeResourceRecordSets"
	case path[0] == "hostedzone":
		return "ListResourceRecordSets"
	default:
		return r.Method + " " + r.URL.Path // Nobody may.
	}
}

// objectRequests reads a request of S3, which has its action in the method.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func objectRequests(r *http.Request) []request {
	const arn = "arn:aws:s3:::"
	path := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(path, "/")
	if key == "" {
		return []request{{bucketAction(r), arn + bucket}}
	}
	actions := map[string]string{
		http.MethodGet: "s3:GetObject", http.MethodHead: "s3:GetObject",
		http.MethodPut: "s3:PutObject", http.MethodDelete: "s3:DeleteObject",
	}
	found := []request{{actions[r.Method], arn + path}}
	if source, _ := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source")); source != "" {
		found = append(found, request{"s3:GetObject", arn + strings.TrimPrefix(source, "/")})
	}
	return found
}
