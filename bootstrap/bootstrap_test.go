package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/policy"
)

const (
	ours   = "octo-org/sample-app"
	bucket = "octo-org-state"
	key    = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// with is a config of a repository, with the keys given as pairs.
func with(pairs ...string) map[string]string {
	return infratest.Config(append([]string{"repository", ours}, pairs...)...)
}

// everything is a config that asks for all there is.
func everything(pairs ...string) map[string]string {
	return with(append([]string{"ephemeralStacks", "true", "stateBucket", bucket, "stateKmsKeyArn", key}, pairs...)...)
}

// document is a policy as the program writes it.
type document = policy.Policy[[]string]

// documents are the trust policies and permissions of all roles, by the role's
// short name.
func documents(t *testing.T, world infratest.Options, config map[string]string) (trusts, permissions map[string]document) {
	t.Helper()
	record := infratest.MustRun(t, program, world.With(config))
	trusts, permissions = map[string]document{}, map[string]document{}
	for _, found := range record.Type("aws:iam/role:Role") {
		name := strings.TrimSuffix(strings.TrimPrefix(found.Name, "github-"), "-role")
		trusts[name] = parsed(t, record.String(found, "assumeRolePolicy"))
		if from := record.Get("github-" + name + "-read").InputsFrom["policyArn"]; !slices.Equal(from, []string{record.Get("github-read-policy").URN}) {
			t.Errorf("%s has the policy of %v, and not the one to read", name, from)
		}
		both := parsed(t, record.String(record.Get("github-read-policy"), "policy"))
		if slices.Contains(record.Names(), "github-"+name+"-policy") {
			both.Statement = append(both.Statement, parsed(t, record.String(record.Get("github-"+name+"-policy"), "policy")).Statement...)
		}
		permissions[name] = both
	}
	return trusts, permissions
}

func parsed(t *testing.T, text string) document {
	t.Helper()
	var p document
	if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Statement) == 0 {
		t.Fatalf("no policy can be read from %q: %v", text, err)
	}
	return p
}

func TestItMakesTheNamedResources(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config map[string]string
		want   []string
	}{
		"as it comes": {with(), []string{
			"ecs-service-linked-role", "github-deploy-policy", "github-deploy-read", "github-deploy-role", "github-oidc-provider",
			"github-preview-read", "github-preview-role", "github-read-policy",
		}},
		"with all": {everything(), []string{
			"ecs-service-linked-role", "github-deploy-policy", "github-deploy-read", "github-deploy-role",
			"github-environment-policy", "github-environment-read", "github-environment-role",
			"github-oidc-provider", "github-preview-policy", "github-preview-read", "github-preview-role", "github-read-policy",
		}},
		"in an account that has the provider": {with("existingProvider", "true"), []string{
			"ecs-service-linked-role", "github-deploy-policy", "github-deploy-read", "github-deploy-role",
			"github-preview-read", "github-preview-role", "github-read-policy",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
				record := infratest.MustRun(t, program, world.With(test.config))
				if got := record.Names(); !slices.Equal(got, test.want) {
					t.Errorf("the resources are %v, not %v: a rename replaces a role, and GitHub has the old one's ARN", got, test.want)
				}
			})
		})
	}
}

func TestECSsOwnRoleIsMadeWhereThereIsNoneAndStays(t *testing.T) {
	t.Parallel()
	const name = "AWSServiceRoleForECS"
	for description, made := range map[string]bool{"": true, ownRole: true, "Role to enable Amazon ECS to manage your cluster.": false} {
		world := infratest.Options{Config: with()}
		if description != "" {
			world.LinkedRoles = map[string]string{name: description}
		}
		record := infratest.MustRun(t, program, world)
		if got := slices.Contains(record.Names(), "ecs-service-linked-role"); got != made {
			t.Errorf("with a role %q in the account another is made: %v", description, got)
		}
		if made && !record.Get("ecs-service-linked-role").RetainOnDelete {
			t.Error("the role goes with the bootstrap, and the account's clusters need it")
		}
	}
}

// token is what GitHub tells AWS of a job.
type token struct{ aud, sub string }

// assumes tells whether a trust policy lets a job in: each condition has to hold,
// and the operator is StringEquals, which compares letter by letter. Another
// operator fails the test, as it is not known here.
func assumes(t *testing.T, trust document, job token) bool {
	t.Helper()
	claims := map[string]string{issuer + ":aud": job.aud, issuer + ":sub": job.sub}
	for _, s := range trust.Statement {
		if s.Effect != "Allow" || !slices.Equal(s.Action, []string{"sts:AssumeRoleWithWebIdentity"}) {
			t.Fatalf("a statement does something else than let GitHub's jobs in: %+v", s)
		}
		if len(s.Condition) != 1 || s.Condition["StringEquals"] == nil {
			t.Fatalf("the conditions are not StringEquals alone: %+v", s.Condition)
		}
		holds := len(s.Condition["StringEquals"]) > 0
		for claim, values := range s.Condition["StringEquals"] {
			known, ok := claims[claim]
			if !ok {
				t.Fatalf("GitHub's token has no claim %s", claim)
			}
			holds = holds && slices.Contains(values, known)
		}
		if holds {
			return true
		}
	}
	return false
}

func TestEachJobMayTakeOnJustItsRole(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		const aws = "sts.amazonaws.com"
		named, _ := documents(t, world, everything())
		numbered, _ := documents(t, world, everything("ownerId", "123456", "repositoryId", "456789"))
		for _, job := range []struct {
			what     string
			token    token
			byName   []string
			byNumber []string
		}{
			{"a pull request", token{aws, "repo:octo-org/sample-app:pull_request"}, []string{"preview"}, nil},
			{"the branch", token{aws, "repo:octo-org/sample-app:ref:refs/heads/main"}, []string{"environment", "preview"}, nil},
			{"production", token{aws, "repo:octo-org/sample-app:environment:production"}, []string{"deploy"}, nil},
			{"a pull request's stack", token{aws, "repo:octo-org/sample-app:environment:pull-request"}, []string{"environment"}, nil},
			{"a pull request, with numbers", token{aws, "repo:octo-org@123456/sample-app@456789:pull_request"}, nil, []string{"preview"}},
			{"the branch, with numbers", token{aws, "repo:octo-org@123456/sample-app@456789:ref:refs/heads/main"}, nil, []string{"environment", "preview"}},
			{"production, with numbers", token{aws, "repo:octo-org@123456/sample-app@456789:environment:production"}, nil, []string{"deploy"}},
			{"somebody who took over the name", token{aws, "repo:octo-org@999999/sample-app@888888:environment:production"}, nil, nil},
			{"another branch", token{aws, "repo:octo-org/sample-app:ref:refs/heads/feature"}, nil, nil},
			{"a branch whose name begins so", token{aws, "repo:octo-org/sample-app:ref:refs/heads/main2"}, nil, nil},
			{"a tag called main", token{aws, "repo:octo-org/sample-app:ref:refs/tags/main"}, nil, nil},
			{"another environment", token{aws, "repo:octo-org/sample-app:environment:staging"}, nil, nil},
			{"an environment whose name begins so", token{aws, "repo:octo-org/sample-app:environment:production-2"}, nil, nil},
			{"an environment in capitals", token{aws, "repo:octo-org/sample-app:environment:Production"}, nil, nil},
			{"another repository", token{aws, "repo:octo-org/other:environment:production"}, nil, nil},
			{"a repository whose name begins with ours", token{aws, "repo:octo-org/sample-app-evil:environment:production"}, nil, nil},
			{"a fork's own job", token{aws, "repo:mallory/sample-app:environment:production"}, nil, nil},
			{"a fork's own pull request", token{aws, "repo:mallory/sample-app:pull_request"}, nil, nil},
			{"an owner whose name ends with ours", token{aws, "repo:not-octo-org/sample-app:environment:production"}, nil, nil},
			{"upper case", token{aws, "repo:OCTO-ORG/SAMPLE-APP:environment:production"}, nil, nil},
			{"a pull request that names an environment inside its name", token{aws, "repo:octo-org/sample-app:pull_request:environment:production"}, nil, nil},
			{"a wildcard", token{aws, "repo:octo-org/sample-app:*"}, nil, nil},
			{"nobody", token{aws, ""}, nil, nil},
			{"a token for somebody else", token{"https://github.com/octo-org", "repo:octo-org/sample-app:environment:production"}, nil, nil},
		} {
			for config, trusts := range map[string]map[string]document{"names": named, "numbers": numbered} {
				want := job.byName
				if config == "numbers" {
					want = job.byNumber
				}
				var got []string
				for _, name := range slices.Sorted(maps.Keys(trusts)) {
					if assumes(t, trusts[name], job.token) {
						got = append(got, name)
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("with a trust in %s, %s (%s) may take on %v, not %v", config, job.what, job.token.sub, got, want)
				}
			}
		}
	})
}

func TestThereIsNoRoleForPullRequestsUnlessItIsAskedFor(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		trusts, _ := documents(t, world, with())
		if got := slices.Sorted(maps.Keys(trusts)); !slices.Equal(got, []string{"deploy", "preview"}) {
			t.Errorf("the roles are %v: a pull request could deploy, and nobody asked for that", got)
		}
	})
}

func TestOnlyGitHubsProviderIsTrusted(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		for name, config := range map[string]map[string]string{"made here": everything(), "existing": everything("existingProvider", "true")} {
			want := world.ARN("iam", "oidc-provider/token.actions.githubusercontent.com")
			trusts, _ := documents(t, world, config)
			for role, trust := range trusts {
				if got := trust.Statement[0].Principal; !maps.Equal(got, map[string]string{"Federated": want}) {
					t.Errorf("%s trusts %v, not the provider that is %s: jobs would be refused, or others let in", role, got, name)
				}
			}
		}
		record := infratest.MustRun(t, program, world.With(with()))
		provider := record.Get("github-oidc-provider")
		if url := record.String(provider, "url"); url != "https://token.actions.githubusercontent.com" {
			t.Errorf("the identity provider is %s, not GitHub's", url)
		}
		for _, role := range record.Type("aws:iam/role:Role") {
			if got := role.Inputs["maxSessionDuration"].NumberValue(); got != 3600 {
				t.Errorf("credentials of %s that leak are good for %v s, not for an hour", role.Name, got)
			}
		}
	})
}

// reading are the beginnings of actions that change nothing.
var reading = []string{"Describe", "Get", "List"}

func TestThePreviewRoleOnlyReadsAndNoData(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, permissions := documents(t, world, everything())
		state := []string{"s3:GetObject", "s3:ListBucket", "kms:Decrypt"}
		for _, s := range permissions["preview"].Statement {
			for _, action := range s.Action {
				_, operation, _ := strings.Cut(action, ":")
				if slices.Contains(state, action) {
					if slices.Contains(s.Resource, "*") {
						t.Errorf("%s is allowed everywhere, and not for the state alone: a pull request could read all data of the account", action)
					}
					continue
				}
				if !slices.ContainsFunc(reading, func(verb string) bool { return strings.HasPrefix(operation, verb) }) {
					t.Errorf("a pull request's preview may %s, which does not only read", action)
				}
			}
		}
		for _, data := range []string{
			"ec2:DescribeInstanceAttribute", "ec2:GetConsoleOutput", "ecr:BatchGetImage",
			"ecr:GetDownloadUrlForLayer", "lambda:GetFunction", "logs:FilterLogEvents", "logs:GetLogEvents",
			"secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameters", "sts:AssumeRole", "iam:ListUsers",
		} {
			if allowed(permissions["preview"], data, "*", nil) {
				t.Errorf("a pull request's preview may %s, which reads what the account's users keep in it", data)
			}
		}
	})
}

func TestNoRoleHasAWildcardForAnAction(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, permissions := documents(t, world, everything())
		for name, p := range permissions {
			for _, s := range p.Statement {
				for _, action := range s.Action {
					if strings.Contains(action, "*") || !strings.Contains(action, ":") {
						t.Errorf("%s may %s: nobody has looked at all that this is, and AWS adds to it", name, action)
					}
				}
				if s.Effect != "Allow" || len(s.Resource) == 0 {
					t.Errorf("%s has a statement that the tests can't judge: %+v", name, s)
				}
				if !slices.IsSorted(s.Action) {
					t.Errorf("the actions of %s in %s are not sorted, so one that is there twice is not seen", name, s.Sid)
				}
			}
		}
	})
}

// allowed tells whether a policy allows an action on a resource, with the keys
// that AWS knows of the request. Resources may have an asterisk at the end or
// between colons, and the only operator is StringEquals.
func allowed(p document, action, resource string, request map[string]string) bool {
	for _, s := range p.Statement {
		if !slices.Contains(s.Action, action) ||
			!slices.ContainsFunc(s.Resource, func(pattern string) bool { return matches(pattern, resource) }) {
			continue
		}
		holds := true
		for operator, keys := range s.Condition {
			for key, values := range keys {
				holds = holds && operator == "StringEquals" && slices.Contains(values, request[key])
			}
		}
		if holds {
			return true
		}
	}
	return false
}

// matches tells whether an ARN fits a pattern, part by part as AWS compares it.
func matches(pattern, resource string) bool {
	head, rest, wildcard := strings.Cut(pattern, "*")
	if !wildcard {
		return pattern == resource
	}
	if !strings.HasPrefix(resource, head) {
		return false
	}
	resource = strings.TrimPrefix(resource, head)
	for i := 0; i <= len(resource); i++ {
		if matches(rest, resource[i:]) {
			return true
		}
	}
	return false
}

func TestTheDeployRoleReachesOnlyTheSampleApp(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		roles := world.ARN("iam", "role/")
		here := map[string]string{"aws:RequestedRegion": world.Region, "aws:ResourceTag/Project": "ecs-sample-app"}
		to := func(service string) map[string]string { return map[string]string{"iam:PassedToService": service} }
		linked := func(service string) map[string]string { return map[string]string{"iam:AWSServiceName": service} }
		_, permissions := documents(t, world, everything())
		for _, request := range []struct {
			action, resource string
			request          map[string]string
			want             bool
		}{
			{"ec2:CreateVpc", "*", here, true},
			{"ec2:CreateVpc", "*", map[string]string{"aws:RequestedRegion": "eu-west-1"}, false},
			{"ec2:DeleteVpc", world.ARN("ec2", "vpc/vpc-1"), here, true},
			{"ec2:DeleteVpc", world.ARN("ec2", "vpc/vpc-1"), map[string]string{"aws:RequestedRegion": world.Region}, false},
			{"ec2:RunInstances", "*", here, false},
			{"iam:CreateRole", roles + "sample-app-task-role-1234567", nil, true},
			{"iam:PutRolePolicy", roles + "sample-app-task-role-1234567", nil, true},
			{"iam:PutRolePolicy", roles + "github-deploy-role-1234567", nil, false},
			{"iam:UpdateAssumeRolePolicy", roles + "github-deploy-role-1234567", nil, false},
			{"iam:CreateRole", roles + "admin", nil, false},
			{"iam:DeleteRole", roles + "not-sample-app-role", nil, false},
			{"iam:AttachRolePolicy", roles + "sample-app-task-role-1234567", nil, false},
			{"iam:CreateUser", world.ARN("iam", "user/mallory"), nil, false},
			{"iam:CreateAccessKey", world.ARN("iam", "user/admin"), nil, false},
			{"iam:CreateOpenIDConnectProvider", "*", nil, false},
			{"iam:UpdateOpenIDConnectProviderThumbprint", "*", nil, false},
			{"iam:PassRole", roles + "sample-app-task-role-1234567", to("ecs-tasks.amazonaws.com"), true},
			{"iam:PassRole", roles + "sample-app-task-role-1234567", to("ec2.amazonaws.com"), false},
			{"iam:PassRole", roles + "sample-app-task-role-1234567", nil, false},
			{"iam:PassRole", roles + "admin", to("ecs-tasks.amazonaws.com"), false},
			{"iam:CreateServiceLinkedRole", roles + "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", linked("ecs.amazonaws.com"), true},
			{"iam:CreateServiceLinkedRole", roles + "aws-service-role/organizations.amazonaws.com/x", linked("organizations.amazonaws.com"), false},
			{"ecr:PutImage", world.ARN("ecr", "repository/sample-app-repository-1"), here, true},
			{"ecr:PutImage", world.ARN("ecr", "repository/base"), here, false},
			{"sts:AssumeRole", roles + "admin", nil, false},
			{"ssm:PutParameter", world.ARN("ssm", "parameter/sample-app-password-1234567"), here, true},
			{"ssm:DeleteParameter", world.ARN("ssm", "parameter/sample-app-password-1234567"), here, true},
			{"ssm:GetParameter", world.ARN("ssm", "parameter/sample-app-password-1234567"), nil, true},
			{"ssm:DescribeParameters", "*", nil, true},
			{"ssm:PutParameter", world.ARN("ssm", "parameter/database-password"), here, false},
			{"ssm:GetParameter", world.ARN("ssm", "parameter/database-password"), nil, false},
			{"ssm:PutParameter", world.ARN("ssm", "parameter/sample-app-password-1234567"), map[string]string{"aws:RequestedRegion": "eu-west-1"}, false},
			{"secretsmanager:GetSecretValue", "*", here, false},
			{"logs:GetLogEvents", "*", here, false},
			{"s3:PutObject", world.ARN("s3", bucket) + "/.pulumi/stacks/ecs-sample-app/dev.json", nil, true},
			{"s3:PutObject", world.ARN("s3", bucket) + "/.pulumi/locks/organization/ecs-sample-app/dev/1.json", nil, true},
			{"s3:PutObject", world.ARN("s3", bucket) + "/.pulumi/stacks/ecs-sample-app-bootstrap/prod.json", nil, false},
			{"s3:GetObject", world.ARN("s3", bucket) + "/.pulumi/stacks/ecs-sample-app-bootstrap/prod.json", nil, false},
			{"s3:GetObject", world.ARN("s3", bucket) + "/holiday.jpg", nil, false},
			{"s3:DeleteBucket", world.ARN("s3", bucket), nil, false},
			{"kms:Decrypt", key, nil, true},
			{"kms:Decrypt", world.ARN("kms", "key/other"), nil, false},
			{"kms:ScheduleKeyDeletion", key, nil, false},
		} {
			if got := allowed(permissions["deploy"], request.action, request.resource, request.request); got != request.want {
				t.Errorf("whether deploy may %s on %s with %v: %v, want %v", request.action, request.resource, request.request, got, request.want)
			}
		}
	})
}

func TestAPullRequestsStackIsApartFromProductions(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, permissions := documents(t, world, everything())
		for object, want := range map[string]bool{
			".pulumi/stacks/ecs-sample-app/pr-7.json":                        true,
			".pulumi/locks/organization/ecs-sample-app/pr-7/1.json":          true,
			".pulumi/stacks/ecs-sample-app/dev.json":                         false,
			".pulumi/history/ecs-sample-app/dev/dev-1.json":                  false,
			".pulumi/locks/organization/ecs-sample-app/production/lock.json": false,
		} {
			arn := world.ARN("s3", bucket) + "/" + object
			for _, action := range []string{"s3:PutObject", "s3:DeleteObject"} {
				if got := allowed(permissions["environment"], action, arn, nil); got != want {
					t.Errorf("whether a pull request's stack may %s on %s: %v, want %v", action, object, got, want)
				}
			}
		}
		for _, action := range []string{"s3:PutObject", "s3:DeleteObject"} {
			if allowed(permissions["preview"], action, world.ARN("s3", bucket)+"/.pulumi/stacks/ecs-sample-app/dev.json", nil) {
				t.Errorf("a preview may %s on the state, which it only reads", action)
			}
		}
	})
}

// onlyLogs tells whether resources are those of the sample app's own access logs.
func onlyLogs(resources []string) bool {
	return !slices.ContainsFunc(resources, func(r string) bool { return !strings.Contains(r, ":::sample-app-access-logs-") })
}

func TestWithoutABucketNoRoleReachesOne(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, permissions := documents(t, world, with("ephemeralStacks", "true"))
		for name, p := range permissions {
			for _, s := range p.Statement {
				for _, action := range s.Action {
					if (strings.HasPrefix(action, "s3:") || strings.HasPrefix(action, "kms:")) && !onlyLogs(s.Resource) {
						t.Errorf("%s may %s on %v, and no state is kept there", name, action, s.Resource)
					}
				}
			}
		}
	})
}

// componentLine is a component in the sample app's graph, with its name.
var componentLine = regexp.MustCompile(`(?m)^ecs-sample-app:\S+ (\S+)$`)

func TestTheSampleAppIsTheOneThatTheRolesAreFor(t *testing.T) {
	t.Parallel()
	graph, err := os.ReadFile("../testdata/dev.golden")
	if err != nil {
		t.Fatal(err)
	}
	components := componentLine.FindAllStringSubmatch(string(graph), -1)
	if len(components) == 0 {
		t.Fatal("the graph of the sample app has no component, so there is nothing to test")
	}
	for _, component := range components {
		if want := component[1] + "-"; appPrefix != want {
			t.Errorf("the roles are for what begins with %q, and the sample app's names begin with %q: "+
				"deployments are refused, or may change the roles of others", appPrefix, want)
		}
	}
}

func TestNoPolicyNamesAnotherPartition(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		infratest.MustRun(t, program, world.With(with("ephemeralStacks", "true", "stateBucket", bucket))).WantOwnPartition()
		infratest.MustRun(t, program, world.With(with("existingProvider", "true"))).WantOwnPartition()
	})
}

// lives are the actions of IAM that make, read and delete a type of resource. Where a
// type has none of its own, they are those of what it is a part of.
var lives = map[string][3]string{
	"aws:acm/certificate:Certificate":                                      {"acm:RequestCertificate", "acm:DescribeCertificate", "acm:DeleteCertificate"},
	"aws:acm/certificateValidation:CertificateValidation":                  {"acm:DescribeCertificate", "acm:DescribeCertificate", "acm:DescribeCertificate"},
	"aws:appautoscaling/policy:Policy":                                     {"application-autoscaling:PutScalingPolicy", "application-autoscaling:DescribeScalingPolicies", "application-autoscaling:DeleteScalingPolicy"},
	"aws:appautoscaling/scheduledAction:ScheduledAction":                   {"application-autoscaling:PutScheduledAction", "application-autoscaling:DescribeScheduledActions", "application-autoscaling:DeleteScheduledAction"},
	"aws:appautoscaling/target:Target":                                     {"application-autoscaling:RegisterScalableTarget", "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DeregisterScalableTarget"},
	"aws:cloudwatch/eventRule:EventRule":                                   {"events:PutRule", "events:DescribeRule", "events:DeleteRule"},
	"aws:cloudwatch/eventTarget:EventTarget":                               {"events:PutTargets", "events:ListTargetsByRule", "events:RemoveTargets"},
	"aws:cloudwatch/logGroup:LogGroup":                                     {"logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:DeleteLogGroup"},
	"aws:cloudwatch/metricAlarm:MetricAlarm":                               {"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":                    {"ec2:RevokeSecurityGroupIngress", "ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupEgress"},
	"aws:ec2/eip:Eip":                                                      {"ec2:AllocateAddress", "ec2:DescribeAddresses", "ec2:ReleaseAddress"},
	"aws:ec2/flowLog:FlowLog":                                              {"ec2:CreateFlowLogs", "ec2:DescribeFlowLogs", "ec2:DeleteFlowLogs"},
	"aws:ec2/natGateway:NatGateway":                                        {"ec2:CreateNatGateway", "ec2:DescribeNatGateways", "ec2:DeleteNatGateway"},
	"aws:ec2/internetGateway:InternetGateway":                              {"ec2:CreateInternetGateway", "ec2:DescribeInternetGateways", "ec2:DeleteInternetGateway"},
	"aws:ec2/route:Route":                                                  {"ec2:CreateRoute", "ec2:DescribeRouteTables", "ec2:DeleteRoute"},
	"aws:ec2/routeTable:RouteTable":                                        {"ec2:CreateRouteTable", "ec2:DescribeRouteTables", "ec2:DeleteRouteTable"},
	"aws:ec2/routeTableAssociation:RouteTableAssociation":                  {"ec2:AssociateRouteTable", "ec2:DescribeRouteTables", "ec2:DisassociateRouteTable"},
	"aws:ec2/securityGroup:SecurityGroup":                                  {"ec2:CreateSecurityGroup", "ec2:DescribeSecurityGroups", "ec2:DeleteSecurityGroup"},
	"aws:ec2/subnet:Subnet":                                                {"ec2:CreateSubnet", "ec2:DescribeSubnets", "ec2:DeleteSubnet"},
	"aws:ec2/vpc:Vpc":                                                      {"ec2:CreateVpc", "ec2:DescribeVpcs", "ec2:DeleteVpc"},
	"aws:ec2/vpcEndpoint:VpcEndpoint":                                      {"ec2:CreateVpcEndpoint", "ec2:DescribeVpcEndpoints", "ec2:DeleteVpcEndpoints"},
	"aws:ecr/lifecyclePolicy:LifecyclePolicy":                              {"ecr:PutLifecyclePolicy", "ecr:GetLifecyclePolicy", "ecr:DeleteLifecyclePolicy"},
	"aws:ecr/repository:Repository":                                        {"ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:DeleteRepository"},
	"aws:ecs/cluster:Cluster":                                              {"ecs:CreateCluster", "ecs:DescribeClusters", "ecs:DeleteCluster"},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders":            {"ecs:PutClusterCapacityProviders", "ecs:DescribeClusters", "ecs:PutClusterCapacityProviders"},
	"aws:ecs/service:Service":                                              {"ecs:CreateService", "ecs:DescribeServices", "ecs:DeleteService"},
	"aws:ecs/taskDefinition:TaskDefinition":                                {"ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition"},
	"aws:iam/role:Role":                                                    {"iam:CreateRole", "iam:GetRole", "iam:DeleteRole"},
	"aws:iam/rolePolicy:RolePolicy":                                        {"iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"},
	"aws:lb/listenerRule:ListenerRule":                                     {"elasticloadbalancing:CreateRule", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DeleteRule"},
	"aws:lb/listener:Listener":                                             {"elasticloadbalancing:CreateListener", "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DeleteListener"},
	"aws:lb/loadBalancer:LoadBalancer":                                     {"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DeleteLoadBalancer"},
	"aws:lb/targetGroup:TargetGroup":                                       {"elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DeleteTargetGroup"},
	"aws:route53/record:Record":                                            {"route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets", "route53:ChangeResourceRecordSets"},
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": {"s3:PutLifecycleConfiguration", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":               {"s3:PutBucketOwnershipControls", "s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
	"aws:s3/bucketPolicy:BucketPolicy":                                     {"s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":               {"s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {"s3:PutEncryptionConfiguration", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"},
	"aws:s3/bucketV2:BucketV2":                                        {"s3:CreateBucket", "s3:ListBucket", "s3:DeleteBucket"},
	"aws:sns/topic:Topic":                                             {"sns:CreateTopic", "sns:GetTopicAttributes", "sns:DeleteTopic"},
	"aws:sns/topicPolicy:TopicPolicy":                                 {"sns:SetTopicAttributes", "sns:GetTopicAttributes", "sns:SetTopicAttributes"},
	"aws:sns/topicSubscription:TopicSubscription":                     {"sns:Subscribe", "sns:GetSubscriptionAttributes", "sns:Unsubscribe"},
	"aws:ssm/parameter:Parameter":                                     {"ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":         {"ec2:AuthorizeSecurityGroupEgress", "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupEgress"},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":       {"ec2:AuthorizeSecurityGroupIngress", "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress"},
	"docker-build:index:Image":                                        {"ecr:PutImage", "ecr:BatchGetImage", "ecr:BatchDeleteImage"},
	"aws:wafv2/webAcl:WebAcl":                                         {"wafv2:CreateWebACL", "wafv2:GetWebACL", "wafv2:DeleteWebACL"},
	"aws:wafv2/webAclAssociation:WebAclAssociation":                   {"wafv2:AssociateWebACL", "wafv2:GetWebACLForResource", "wafv2:DisassociateWebACL"},
	"aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {"wafv2:PutLoggingConfiguration", "wafv2:GetLoggingConfiguration", "wafv2:DeleteLoggingConfiguration"},
}

func TestTheRolesMayMakeReadAndDeleteEveryTypeThatTheSampleAppMakes(t *testing.T) {
	t.Parallel()
	// The tests of the sample app write this list, from what it registers.
	list, err := os.ReadFile("../testdata/types.golden")
	if err != nil {
		t.Fatal(err)
	}
	types := strings.Fields(string(list))
	if len(types) == 0 {
		t.Fatal("the list of types is empty, so there is nothing to test")
	}
	_, permissions := documents(t, infratest.Options{}, everything())
	granted := func(role, action string) bool {
		return slices.ContainsFunc(permissions[role].Statement, func(s policy.Statement[[]string]) bool {
			return slices.Contains(s.Action, action)
		})
	}
	for _, token := range types {
		life, ok := lives[token]
		if !ok {
			t.Errorf("lives in bootstrap_test.go has no %s: say which actions it takes, and give them in permissions.go", token)
			continue
		}
		for _, role := range []string{"deploy", "environment"} {
			for _, action := range life {
				if !granted(role, action) {
					t.Errorf("%s may not %s, so a deployment of the sample app stops at %s: add it to permissions.go", role, action, token)
				}
			}
		}
		// Images are pushed and pulled, and looked at by nobody else.
		if token != "docker-build:index:Image" && !granted("preview", life[1]) {
			t.Errorf("preview may not %s, so a refresh of the sample app stops at %s: add it to permissions.go", life[1], token)
		}
	}
}

func TestTheRegionsAreThoseOfTheConfig(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, permissions := documents(t, world, with("regions", `["eu-central-1","eu-west-1"]`))
		for region, want := range map[string]bool{"eu-central-1": true, "eu-west-1": true, "us-east-1": false} {
			if got := allowed(permissions["deploy"], "ecs:CreateCluster", "*", map[string]string{"aws:RequestedRegion": region}); got != want {
				t.Errorf("whether deploy may make a cluster in %s: %v, want %v", region, got, want)
			}
		}
	})
}

func TestARolesPolicyFitsIntoTheRole(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		const quota, managed = 10240, 6144
		record := infratest.MustRun(t, program, world.With(everything("regions", `["us-east-1","us-east-2","us-west-1","us-west-2","eu-west-1"]`)))
		for _, found := range record.Type("aws:iam/rolePolicy:RolePolicy") {
			if size := len(record.String(found, "policy")); size > quota {
				t.Errorf("%s has %d characters and AWS takes %d", found.Name, size, quota)
			}
		}
		if size := len(record.String(record.Get("github-read-policy"), "policy")); size > managed {
			t.Errorf("the policy to read has %d characters and AWS takes %d", size, managed)
		}
	})
}

func TestTheDeployRoleCannotChangeTheRolesOfTheBootstrap(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(everything()))
		for _, role := range record.Type("aws:iam/role:Role") {
			if strings.HasPrefix(role.Name, appPrefix) {
				t.Errorf("%s is among the roles that deploy may change: a deployment could give itself everything", role.Name)
			}
			if _, fixed := role.Inputs["name"]; fixed {
				t.Errorf("%s has a fixed name: two repositories could not share an account", role.Name)
			}
		}
	})
}

func TestTheOutputsAreTheRolesThatGitHubNeeds(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(everything()))
		for _, name := range []string{"preview", "deploy", "environment"} {
			want := world.ARN("iam", "role/github-"+name+"-role-1234567")
			if got := record.Output(name + "RoleArn"); got != want {
				t.Errorf("%sRoleArn is %v, not %s", name, got, want)
			}
		}
	})
}

// badConfigs are configs with one thing wrong: the key that must be named, and
// a piece of the answer that says what is allowed.
var badConfigs = []struct {
	name   string
	config map[string]string
	key    string
	want   string
}{
	{"no repository", map[string]string{}, "repository", "OWNER/NAME"},
	{"repository without an owner", with("repository", "sample-app"), "repository", "OWNER/NAME"},
	{"repository as a URL", with("repository", "https://github.com/octo-org/sample-app"), "repository", "OWNER/NAME"},
	{"repository with a wildcard", with("repository", "octo-org/*"), "repository", "OWNER/NAME"},
	{"repository with a colon", with("repository", "octo-org/sample-app:environment"), "repository", "OWNER/NAME"},
	{"repository with numbers in it", with("repository", "octo-org@1/sample-app@2"), "repository", "OWNER/NAME"},
	{"owner that begins with a hyphen", with("repository", "-octo/sample-app"), "repository", "OWNER/NAME"},
	{"owner's number alone", with("ownerId", "1"), "repositoryId", "where ownerId is set"},
	{"repository's number alone", with("repositoryId", "1"), "ownerId", "where repositoryId is set"},
	{"number in words", with("ownerId", "octo-org", "repositoryId", "1"), "ownerId", "a number"},
	{"number that is a wildcard", with("ownerId", "1", "repositoryId", "*"), "repositoryId", "a number"},
	{"branch that is a wildcard", with("branch", "*"), "branch", "letters, digits"},
	{"branch as a reference", with("branch", "refs heads main"), "branch", "letters, digits"},
	{"no branch", with("branch", ""), "branch", "letters, digits"},
	{"no environment", with("productionEnvironment", ""), "productionEnvironment", "letters, digits"},
	{"environment with a colon", with("productionEnvironment", "a:b"), "productionEnvironment", "letters, digits"},
	{"environment that is a wildcard", with("pullRequestEnvironment", "*"), "pullRequestEnvironment", "letters, digits"},
	{"one environment for both", with("pullRequestEnvironment", "Production"), "pullRequestEnvironment", "another environment"},
	{"switch in words", with("ephemeralStacks", "sometimes"), "ephemeralStacks", "true or false"},
	{"provider as an ARN", with("existingProvider", "arn:aws:iam::1:oidc-provider/x"), "existingProvider", "true or false"},
	{"zone in the place of a region", with("regions", `["us-east-1a"]`), "regions[0]", "us-east-1"},
	{"region that is a wildcard", with("regions", `["us-east-1","*"]`), "regions[1]", "us-east-1"},
	{"region twice", with("regions", `["us-east-1","us-east-1"]`), "regions[1]", "twice"},
	{"regions as text", with("regions", "us-east-1"), "regions", "a list, each a text"},
	{"bucket as a URL", with("stateBucket", "s3://state"), "stateBucket", "3 to 63"},
	{"bucket in capitals", with("stateBucket", "State"), "stateBucket", "3 to 63"},
	{"bucket that is a wildcard", with("stateBucket", "state*"), "stateBucket", "3 to 63"},
	{"key by its alias", with("stateBucket", bucket, "stateKmsKeyArn", "alias/state"), "stateKmsKeyArn", "not of an alias"},
	{"any key", with("stateBucket", bucket, "stateKmsKeyArn", "arn:aws:kms:us-east-1:123456789012:key/*"), "stateKmsKeyArn", "not of an alias"},
	{"key without a bucket", with("stateKmsKeyArn", key), "stateKmsKeyArn", "without stateBucket"},
	{"tag of AWS", with("tags", `{"aws:x":"y"}`), "tags.aws:x", "AWS keeps for itself"},
	{"tags as a list", with("tags", `["a"]`), "tags", "an object"},
	{"tag of the program in small letters", with("tags", `{"stack":"x"}`), "tags.stack", "set by the program"},
	{"provider's tag of the program in small letters", withDefaultTags(`{"stack":"x"}`), "aws:defaultTags.tags.stack", "set by the program"},
}

// withDefaultTags is a config of a repository whose provider adds these tags.
func withDefaultTags(tags string) map[string]string {
	config := with()
	config["aws:defaultTags"] = `{"tags":` + tags + `}`
	return config
}

func TestABadConfigIsRefusedBeforeAnythingIsRegistered(t *testing.T) {
	t.Parallel()
	for _, bad := range badConfigs {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			infratest.WantKeyRefused(t, program, bad.config, bad.key, bad.want)
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	var got []string
	for _, p := range infratest.Refused(t, program, infratest.Options{
		Config: infratest.Config("branch", "*", "ephemeralStacks", "x", "stateBucket", "X"),
	}) {
		got = append(got, strings.TrimPrefix(p.Path, infratest.Project+":"))
	}
	if want := []string{"ephemeralStacks", "repository", "branch", "stateBucket"}; !slices.Equal(got, want) {
		t.Errorf("problems are reported for %v, not for %v: the administrator finds out one at a time", got, want)
	}
}

func TestAMisspeltKeyIsNamed(t *testing.T) {
	infratest.WantUnknownKeyRefused(t, program, with("existingprovider", "true"), "existingprovider", "existingProvider")
}
