package task

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/imageref"
	"ecs-sample-app/problem"
)

// Architecture is the processor that a task runs on.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
type Architecture string

const (
	// X86 is 64-bit x86.
	X86 Architecture = "X86_64"
	// ARM64 is AWS Graviton, about a fifth cheaper. The image must be built for it.
	ARM64 Architecture = "ARM64"
)

// Architectures are those that Fargate offers for Linux.
var Architectures = []Architecture{X86, ARM64}

const (
	// DefaultCPU is the smallest that Fargate offers, in CPU units: 1024 are
	// one vCPU.
	DefaultCPU = 256
	// DefaultPort is the container's port where none is given: HTTP's.
	DefaultPort = 80
	// DefaultLogRetentionDays keeps logs for a month. CloudWatch's own default
	// is for ever, at a price a month.
	DefaultLogRetentionDays = 30
	// DefaultStopTimeout is how many seconds a container has between the stop signal
	// and SIGKILL, ECS's own default.
	DefaultStopTimeout = 30

	// maxStopTimeout, in seconds, is Fargate's
	// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
	maxStopTimeout = 120
	// maxDefinition is how many bytes a task definition may have
	// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html), and
	// definitionRest is room for what is not the container's document in it.
	maxDefinition, definitionRest = 64 * 1024, 4 * 1024
	// maxSecretValue, in bytes, is what a parameter of the standard tier holds, which
	// costs nothing
	// (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html).
	maxSecretValue = 4096
)

// Args is what a Task is made from. Only Image must be given.
type Args struct {
	// Image is what runs, as a full reference with a tag or a digest, such as
	// public.ecr.aws/docker/library/httpd:2.4.65. Required. Where it comes from
	// a private ECR repository, the execution role may pull from that one.
	Image pulumi.StringInput `mapstructure:"-"`
	// Repository is the image's repository, which the execution role may pull from if
	// it is private. Default Image; to be given for an image whose digest is known
	// only when it is pushed, or else each preview shows the permissions as changed.
	Repository pulumi.StringInput `mapstructure:"-"`
	// ImageCredentials is the ARN of a secret in AWS Secrets Manager with the login of the
	// image's registry, {"username": "…", "password": "…"}, for one other than Amazon
	// ECR. The execution role may read it. Default none.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html
	ImageCredentials string `mapstructure:"imageCredentials"`
	// ContainerName names the container. Default the component's name.
	ContainerName string `mapstructure:"-"`
	// ContainerPort is the port on which the container listens, 1 to 65535.
	// Default DefaultPort.
	ContainerPort int `mapstructure:"-"`
	// CPU is the number of CPU units of a task; 1024 are one vCPU. One of 256, 512,
	// 1024, 2048, 4096, 8192 and 16384. Default DefaultCPU.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
	CPU int `mapstructure:"cpu"`
	// Memory is a task's memory in MiB. Which amounts Fargate offers depends on
	// [CPU]; with 256 CPU units 512, 1024 or 2048. Default the least of them.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
	Memory int `mapstructure:"memory"`
	// Architecture is the processor. Default X86.
	Architecture Architecture `mapstructure:"-"`
	// EntryPoint is the program that the container runs, with its first arguments, in the
	// place of the image's own. Default none: the image's.
	EntryPoint []string `mapstructure:"entryPoint"`
	// Command is the arguments of the entry point, in the place of the image's own.
	// Default none: the image's.
	Command []string `mapstructure:"command"`
	// Environment is the container's environment variables, by name. Everyone who
	// may describe the task definition can read them, so it is not for secrets.
	// Default none.
	Environment map[string]string `mapstructure:"environment"`
	// Secrets are environment variables whose values are in AWS Secrets Manager or
	// the SSM Parameter Store, by the ARN of the secret or parameter. The execution
	// role may read just these. Tasks read a value when they start: change [Redeploy] for
	// a value that was changed. Default none.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
	Secrets map[string]string `mapstructure:"secrets" secret:"arns"`
	// SecretValues are environment variables whose values are secret, 1 to 4096
	// bytes each. They are kept in the SSM Parameter Store, encrypted, and in the
	// stack's state, encrypted. Set them with `pulumi config set --secret --path
	// secretValues.NAME`. A changed value is deployed as a new revision. Default
	// none.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
	SecretValues map[string]string `mapstructure:"secretValues" secret:"true"`
	// KMSKeys are the ARNs of the KMS keys, other than AWS's own, that encrypt what
	// [Secrets] and [ImageCredentials] name. The execution role may decrypt with just
	// these. No aliases: IAM takes none. Default none.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
	KMSKeys []string `mapstructure:"kmsKeyArns"`
	// Redeploy is any text. Another one deploys the same version again, as a new revision:
	// after a first deployment that failed, or for a secret that was changed where it is
	// kept. Tasks have it as the Docker label redeploy. Default none.
	Redeploy string `mapstructure:"redeploy"`
	// KeepRevisions leaves a revision registered when another takes its place or the task
	// is deleted, at no cost: for a service whose deployments nobody waits for, which ECS
	// may take back to the one before. Default false.
	KeepRevisions bool `mapstructure:"-"`
	// WritableRootFilesystem lets the container write to its root filesystem.
	// Default false (FSBP ECS.5); most public images need true.
	WritableRootFilesystem bool `mapstructure:"-"`
	// EnableExecuteCommand lets the task role open the channels of ECS Exec, which
	// also needs WritableRootFilesystem. Default false.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
	EnableExecuteCommand bool `mapstructure:"-"`
	// StopTimeout is how many seconds the container has between the stop signal (the
	// image's STOPSIGNAL, or else SIGTERM) and SIGKILL, 1 to 120. Default
	// DefaultStopTimeout.
	// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
	StopTimeout int `mapstructure:"stopTimeout"`
	// LogRetentionDays is how many days logs are kept, one of 1, 3, 5, 7, 14, 30,
	// 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288
	// and 3653. Default DefaultLogRetentionDays.
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	LogRetentionDays int `mapstructure:"logRetentionDays"`
	// Tags are set on every resource, in addition to Name. Default none.
	Tags map[string]string `mapstructure:"-"`
}

func (a Args) withDefaults(name string) Args {
	a.ContainerName = cmp.Or(a.ContainerName, name)
	if a.Repository == nil {
		a.Repository = a.Image
	}
	a.ContainerPort = cmp.Or(a.ContainerPort, DefaultPort)
	a.CPU = cmp.Or(a.CPU, DefaultCPU)
	if offered := Memories(a.CPU); a.Memory == 0 && len(offered) > 0 {
		a.Memory = offered[0]
	}
	a.Architecture = cmp.Or(a.Architecture, X86)
	a.StopTimeout = cmp.Or(a.StopTimeout, DefaultStopTimeout)
	a.LogRetentionDays = cmp.Or(a.LogRetentionDays, DefaultLogRetentionDays)
	return a
}

// Defaults are the arguments of a task for which nothing is set, without an image.
func Defaults() Args { return Args{}.withDefaults("") }

var (
	containerNameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	variableForm      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	secretForm        = regexp.MustCompile(`^arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[^\s:]+(:[^\s:]*:[^\s:]*:[^\s:]*)?|ssm:[a-z0-9-]+:\d{12}:parameter/\S+)$`)
	loginForm         = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[^\s:*?]+$`)
	keyForm           = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$`)
)

// Validate returns every problem of the arguments as problem.Problems, or nil.
func (a Args) Validate() error {
	var ps problem.Problems
	switch image := a.Image.(type) {
	case nil:
		ps.Missing("image", "an image with a tag or a digest")
	case pulumi.String:
		imageref.Image(&ps, "image", string(image))
		if a.ImageCredentials != "" && PullsByRole(string(image)) {
			ps.Add("imageCredentials", a.ImageCredentials, "nothing with an image in Amazon ECR, which the execution role may pull")
		}
	}
	return append(ps, a.Check()...).Err()
}

// Check returns what is wrong with the values that are known before anything is
// registered.
func (a Args) Check() problem.Problems {
	a = a.withDefaults("container")
	var ps problem.Problems
	if !containerNameForm.MatchString(a.ContainerName) {
		ps.Add("containerName", a.ContainerName, "1 to 255 letters, digits, hyphens and underscores")
	}
	check.Port(&ps, "containerPort", a.ContainerPort)
	a.validateSize(&ps)
	check.OneOf(&ps, "architecture", a.Architecture, Architectures)
	check.Range(&ps, "stopTimeout", a.StopTimeout, 1, maxStopTimeout, "seconds")
	check.OneOf(&ps, "logRetentionDays", a.LogRetentionDays, check.LogRetentionDays)
	a.validateVariables(&ps)
	a.validateKeys(&ps)
	a.validateDocument(&ps)
	if a.EnableExecuteCommand && !a.WritableRootFilesystem {
		ps.Add("enableExecuteCommand", true,
			"false with a read-only root filesystem: the agent of ECS Exec writes to it")
	}
	check.Tags(&ps, "tags", a.Tags)
	return ps
}

// validateDocument wants the whole to fit what AWS takes.
func (a Args) validateDocument(ps *problem.Problems) {
	secrets := maps.Clone(a.Secrets)
	document, err := a.containerDefinitions(strings.Repeat("i", 256), strings.Repeat("l", 128), "us-gov-west-1", secrets)
	if size, most := len(document), maxDefinition-definitionRest; err == nil && size > most {
		*ps = append(*ps, problem.Problem{
			Path: "environment", Given: fmt.Sprintf("a container definition of %d bytes", size),
			Want: fmt.Sprintf("at most %d: a task definition has no room for more; keep large values in Amazon S3 or in the image", most),
		})
	}
}

func (a Args) validateVariables(ps *problem.Problems) {
	const form = "a name of letters, digits, underscores, dots and hyphens that does not begin with a digit"
	for _, name := range slices.Sorted(maps.Keys(a.Environment)) {
		if !variableForm.MatchString(name) {
			ps.Add("environment."+name, name, form)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		at := "secrets." + name
		if !variableForm.MatchString(name) {
			ps.Add(at, name, form)
		}
		if _, twice := a.Environment[name]; twice {
			ps.Add(at, name, "a name that is not in environment too")
		}
		validateSecret(ps, at, a.Secrets[name],
			"the ARN of a secret in Secrets Manager, which :KEY:STAGE:VERSION may follow with all three colons, or of a parameter in the SSM Parameter Store")
	}
	for _, name := range slices.Sorted(maps.Keys(a.SecretValues)) {
		at := "secretValues." + name
		if !variableForm.MatchString(name) {
			ps.Add(at, name, form)
		}
		for _, other := range []struct {
			key  string
			keys map[string]string
		}{{"environment", a.Environment}, {"secrets", a.Secrets}} {
			if _, twice := other.keys[name]; twice {
				ps.Add(at, name, "a name that is not in %s too", other.key)
			}
		}
		if size := len(a.SecretValues[name]); size == 0 || size > maxSecretValue {
			// The value itself is never part of a message.
			*ps = append(*ps, problem.Problem{Path: at, Given: fmt.Sprintf("a value of %d bytes", size), Want: fmt.Sprintf("1 to %d bytes", maxSecretValue)})
		}
	}
}

// noARN is said in the place of what may be a secret.
const noARN = "a value that is no such ARN"

// validateSecret wants the ARN of a secret. Whatever else it is may be the secret
// itself, so it is not shown.
func validateSecret(ps *problem.Problems, path, arn, want string) {
	if !secretForm.MatchString(arn) || strings.ContainsAny(arn, "*?") {
		*ps = append(*ps, problem.Problem{Path: path, Given: noARN, Want: want})
	}
}

// validateKeys wants what the execution role may read besides the secrets.
func (a Args) validateKeys(ps *problem.Problems) {
	if a.ImageCredentials != "" && !loginForm.MatchString(a.ImageCredentials) {
		*ps = append(*ps, problem.Problem{
			Path: "imageCredentials", Given: noARN, Want: "the ARN of a secret in Secrets Manager, as a whole: ECS takes no key of it, and no parameter here",
		})
	}
	for i, key := range a.KMSKeys {
		if !keyForm.MatchString(key) {
			ps.Add(fmt.Sprintf("kmsKeyArns[%d]", i), key, "the ARN of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID; not of an alias, which IAM does not take")
		}
	}
}
