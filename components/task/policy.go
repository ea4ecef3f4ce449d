package task

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"ecs-sample-app/internal/policy"
)

// account is where the task runs: what its ARNs are made from.
type account struct {
	partition, region, id string
}

// statement is one of a policy in which each condition has one value.
type statement = policy.Statement[string]

// trust lets ECS take on a role for tasks of this account and region only.
// Without the conditions another account could make ECS act with our role: the
// confused deputy
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html).
func trust(a account) (string, error) {
	return policy.Document(statement{
		Sid:       "EcsTasksOfThisAccount",
		Effect:    "Allow",
		Principal: map[string]string{"Service": "ecs-tasks.amazonaws.com"},
		Action:    []string{"sts:AssumeRole"},
		Condition: map[string]map[string]string{
			"StringEquals": {"aws:SourceAccount": a.id},
			"ArnLike":      {"aws:SourceArn": fmt.Sprintf("arn:%s:ecs:%s:%s:*", a.partition, a.region, a.id)},
		},
	})
}

// privateImage is an image in a private ECR repository, at any of the hosts that a
// registry has: IPv4 and dual stack, FIPS, and those of the other partitions
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html,
// https://docs.aws.amazon.com/general/latest/gr/ecr.html).
var privateImage = regexp.MustCompile(
	`^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov)/([^:@]+)`)

// PullsByRole tells whether an image is in a private ECR repository, where the execution
// role is all that a pull needs.
func PullsByRole(image string) bool { return privateImage.MatchString(image) }

// PullsFrom tells whether an image is in a private ECR repository of a region, which may be
// unknown.
func PullsFrom(image, region string) bool {
	found := privateImage.FindStringSubmatch(image)
	return found != nil && (region == "" || found[2] == region)
}

// completeSecret is the name of a secret with the six random characters that Secrets
// Manager adds. Without them an ARN names the same secret, and no policy's resource
// matches it (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen).
// Six letters of one case and digits, as in app-secret, may be the name's own end.
var (
	completeSecret = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)
	perhapsPartial = regexp.MustCompile(`-([a-z0-9]{6}|[A-Z0-9]{6})$`)
)

// need is what a task needs of AWS to start.
type need struct {
	image                  string
	imageIsOurs            bool // its repository is made beside the task
	logGroupARN, partition string
	secrets, keys          []string // ARNs
}

// executionPolicy is what ECS itself needs to start the task: its log group,
// its repository, its secrets, and nothing else.
func executionPolicy(n need) (string, error) {
	statements := append([]statement{{
		Sid:      "WriteLogs",
		Effect:   "Allow",
		Action:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resource: []string{n.logGroupARN + ":*"},
	}}, n.pullStatements()...)
	read, err := secretStatements(n.secrets)
	if err != nil {
		return "", err
	}
	statements = append(statements, read...)
	if len(n.keys) > 0 {
		statements = append(statements, statement{Sid: "DecryptSecrets", Effect: "Allow", Action: []string{"kms:Decrypt"}, Resource: n.keys})
	}
	return policy.Document(statements...)
}

// pullStatements let ECS pull an image from its private ECR repository. No name tells
// whether a repository is that of a pull-through cache, which copies an image when it
// is first pulled, and then needs more; in any other repository that does nothing
// (https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html).
func (n need) pullStatements() []statement {
	match := privateImage.FindStringSubmatch(n.image)
	if match == nil {
		return nil
	}
	repository := []string{fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", n.partition, match[2], match[1], match[3])}
	statements := []statement{{
		// Takes no resource; it tells only who asks.
		Sid:      "LogInToRegistry",
		Effect:   "Allow",
		Action:   []string{"ecr:GetAuthorizationToken"},
		Resource: []string{"*"},
	}, {
		Sid:      "PullImage",
		Effect:   "Allow",
		Action:   []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
		Resource: repository,
	}}
	if !n.imageIsOurs {
		statements = append(statements, statement{
			Sid:      "PullThroughCache",
			Effect:   "Allow",
			Action:   []string{"ecr:BatchImportUpstreamImage", "ecr:CreateRepository"},
			Resource: repository,
		})
	}
	return statements
}

// secretStatements let ECS read these secrets and parameters, and no others.
func secretStatements(arns []string) ([]statement, error) {
	secrets := statement{Sid: "ReadSecrets", Effect: "Allow", Action: []string{"secretsmanager:GetSecretValue"}}
	parameters := statement{Sid: "ReadParameters", Effect: "Allow", Action: []string{"ssm:GetParameters"}}
	for _, text := range arns {
		parsed, err := arn.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("read the ARN of a secret: %w", err)
		}
		if parsed.Service == "ssm" {
			parameters.Resource = append(parameters.Resource, text)
			continue
		}
		// The resource is secret:NAME; what follows picks a key or a version of it.
		name, _, _ := strings.Cut(strings.TrimPrefix(parsed.Resource, "secret:"), ":")
		if completeSecret.MatchString(name) {
			parsed.Resource = "secret:" + name
			secrets.Resource = append(secrets.Resource, parsed.String())
		}
		if !completeSecret.MatchString(name) || perhapsPartial.MatchString(name) {
			parsed.Resource = "secret:" + name + "-??????"
			secrets.Resource = append(secrets.Resource, parsed.String())
		}
	}
	var statements []statement
	for _, s := range []statement{secrets, parameters} {
		if s.Resource = slices.Compact(s.Resource); len(s.Resource) > 0 {
			statements = append(statements, s)
		}
	}
	return statements, nil
}

// execPolicy is what the agent of ECS Exec in the task needs
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#ecs-exec-required-iam-permissions).
func execPolicy() (string, error) {
	return policy.Document(statement{
		Sid:    "OpenExecChannels",
		Effect: "Allow",
		Action: []string{
			"ssmmessages:CreateControlChannel",
			"ssmmessages:CreateDataChannel",
			"ssmmessages:OpenControlChannel",
			"ssmmessages:OpenDataChannel",
		},
		// These actions take no resource.
		Resource: []string{"*"},
	})
}
