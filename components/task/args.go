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
	// DefaultStopTimeout is how many seconds a container has between SIGTERM
	// and SIGKILL, ECS's own default.
	DefaultStopTimeout = 30

	// maxStopTimeout, in seconds, is Fargate's
	// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
	maxStopTimeout = 120
)

// LogRetentionDays are the days that CloudWatch Logs offers
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html).
// Keeping logs for ever is not offered here, because the bill only grows.
var LogRetentionDays = []int{
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
	1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

// CPUs are the CPU units that Fargate offers, in ascending order.
func CPUs() []int { return slices.Sorted(maps.Keys(fargateMemory)) }

// Memories are the MiB of memory that Fargate offers with the given CPU units,
// in ascending order, and nil where it does not offer these.
func Memories(cpu int) []int { return fargateMemory[cpu] }

// fargateMemory is the table of pairs that Fargate offers for Linux
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size).
var fargateMemory = map[int][]int{
	256:   {512, 1024, 2048},
	512:   steps(1024, 4096, 1024),
	1024:  steps(2048, 8192, 1024),
	2048:  steps(4096, 16384, 1024),
	4096:  steps(8192, 30720, 1024),
	8192:  steps(16384, 61440, 4096),
	16384: steps(32768, 122880, 8192),
}

func steps(first, last, step int) []int {
	var all []int
	for value := first; value <= last; value += step {
		all = append(all, value)
	}
	return all
}

// Args is what a Task is made from. Only Image must be given.
type Args struct {
	// Image is what runs, as a full reference with a tag or a digest, such as
	// public.ecr.aws/docker/library/httpd:2.4.65. Required. Where it comes from
	// a private ECR repository, the execution role may pull from that one.
	Image pulumi.StringInput
	// ContainerName names the container. Default the component's name.
	ContainerName string
	// Port is the port on which the container listens, 1 to 65535. Default
	// DefaultPort.
	Port int
	// CPU is the CPU units of the task, 256 to 16384: 1024 are one vCPU.
	// Default DefaultCPU. See CPUs.
	CPU int
	// Memory is the task's memory in MiB. Default the least that Fargate
	// offers with CPU: 512 with 256 CPU units. See Memories.
	Memory int
	// Architecture is the processor. Default X86.
	Architecture Architecture
	// EntryPoint and Command replace the image's own. Default nil: the image's.
	EntryPoint, Command []string
	// Environment is the container's environment variables. They can be read
	// by everyone who may describe the task definition. Default none.
	Environment map[string]string
	// Secrets is environment variables whose values lie in AWS Secrets Manager
	// or the SSM Parameter Store, by the ARN of the secret or parameter. The
	// execution role may read just these. A value encrypted with a KMS key of
	// your own also needs kms:Decrypt, granted by the key's policy. Default none.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
	Secrets map[string]string
	// WritableRootFilesystem lets the container write to its root filesystem.
	// Default false (FSBP ECS.5); most public images need true.
	WritableRootFilesystem bool
	// ExecuteCommand lets the task role open the channels of ECS Exec, which
	// also needs WritableRootFilesystem. Default false.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
	ExecuteCommand bool
	// StopTimeout is how many seconds the container has between SIGTERM and
	// SIGKILL, 1 to 120. Default DefaultStopTimeout.
	StopTimeout int
	// LogRetentionDays is how long logs are kept, one of LogRetentionDays.
	// Default DefaultLogRetentionDays.
	LogRetentionDays int
	// Tags are set on every resource, beside Name. Default none.
	Tags map[string]string
}

func (a Args) withDefaults(name string) Args {
	a.ContainerName = cmp.Or(a.ContainerName, name)
	a.Port = cmp.Or(a.Port, DefaultPort)
	a.CPU = cmp.Or(a.CPU, DefaultCPU)
	if offered := Memories(a.CPU); a.Memory == 0 && len(offered) > 0 {
		a.Memory = offered[0]
	}
	a.Architecture = cmp.Or(a.Architecture, X86)
	a.StopTimeout = cmp.Or(a.StopTimeout, DefaultStopTimeout)
	a.LogRetentionDays = cmp.Or(a.LogRetentionDays, DefaultLogRetentionDays)
	return a
}

var (
	containerNameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	variableForm      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	secretForm        = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:(secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+|ssm:[a-z0-9-]+:\d{12}:parameter/\S+)$`)
)

// Validate returns every problem of the arguments as check.Problems, or nil.
func (a Args) Validate() error {
	a = a.withDefaults("container")
	var ps check.Problems
	switch image := a.Image.(type) {
	case nil:
		ps.Missing("image", "an image with a tag or a digest")
	case pulumi.String:
		imageref.Image(&ps, "image", string(image))
	}
	if !containerNameForm.MatchString(a.ContainerName) {
		ps.Add("containerName", a.ContainerName, "1 to 255 letters, digits, hyphens and underscores")
	}
	check.Port(&ps, "port", a.Port)
	a.validateSize(&ps)
	check.OneOf(&ps, "architecture", a.Architecture, Architectures)
	check.Range(&ps, "stopTimeout", a.StopTimeout, 1, maxStopTimeout, "seconds")
	check.OneOf(&ps, "logRetentionDays", a.LogRetentionDays, LogRetentionDays)
	a.validateVariables(&ps)
	if a.ExecuteCommand && !a.WritableRootFilesystem {
		ps.Add("executeCommand", true,
			"false with a read-only root filesystem: the agent of ECS Exec writes to it")
	}
	check.Tags(&ps, "tags", a.Tags)
	return ps.Err()
}

func (a Args) validateSize(ps *check.Problems) {
	offered := Memories(a.CPU)
	if offered == nil {
		check.OneOf(ps, "cpu", a.CPU, CPUs())
		return
	}
	if !slices.Contains(offered, a.Memory) {
		ps.Add("memory", a.Memory, "%s MiB, which Fargate offers with %d CPU units", summary(offered), a.CPU)
	}
}

// summary writes a long row of evenly spaced numbers by its ends.
func summary(values []int) string {
	const shown = 4
	if len(values) <= shown {
		return check.List(values)
	}
	return fmt.Sprintf("%d to %d in steps of %d", values[0], values[len(values)-1], values[1]-values[0])
}

func (a Args) validateVariables(ps *check.Problems) {
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
		if arn := a.Secrets[name]; !secretForm.MatchString(arn) || strings.ContainsAny(arn, "*?") {
			ps.Add(at, arn, "the ARN of a secret in Secrets Manager or of a parameter in the SSM Parameter Store")
		}
	}
}
