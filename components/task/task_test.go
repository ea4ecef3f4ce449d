package task

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/policy"
)

const (
	publicImage = "public.ecr.aws/docker/library/httpd:2.4.65"
	secretARN   = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
	paramARN    = "arn:aws:ssm:us-east-1:123456789012:parameter/db/user"
)

func makes(args Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := New(ctx, "web", args)
		return err
	}
}

// made is the record of a task, and a document among its inputs.
func made(t *testing.T, world infratest.Options, args Args, of, input string) (record *infratest.Record, document string) {
	t.Helper()
	record = infratest.MustRun(t, makes(args), world)
	return record, record.String(record.Get(of), input)
}

func TestItMakesTheNamedChildren(t *testing.T) {
	t.Parallel()
	args := Args{Image: pulumi.String(publicImage), EnableExecuteCommand: true, WritableRootFilesystem: true}
	infratest.WantNames(t, makes(args),
		"web-exec-policy", "web-execution-policy", "web-execution-role", "web-logs", "web-task-definition", "web-task-role")
}

// The normal form is the whole document to the letter: any difference from
// what ECS returns replaces the task definition in every update.
func TestContainersAreWrittenInTheFormThatECSReturns(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, got := made(t, world, Args{
			Image:         pulumi.String(publicImage),
			ContainerPort: 8080,
			Environment:   map[string]string{"B": "2", "A": "1", "C": "<&>"},
			Secrets:       map[string]string{"USER": paramARN, "PASSWORD": secretARN},
			Command:       []string{"serve"},
		}, "web-task-definition", "containerDefinitions")
		want := `[{"name":"web","image":"` + publicImage + `",` +
			`"portMappings":[{"containerPort":8080,"hostPort":8080,"protocol":"tcp"}],"essential":true,"command":["serve"],` +
			`"environment":[{"name":"A","value":"1"},{"name":"B","value":"2"},{"name":"C","value":"\u003c\u0026\u003e"}],` +
			`"mountPoints":[],"volumesFrom":[],` +
			`"secrets":[{"name":"PASSWORD","valueFrom":"` + secretARN + `"},{"name":"USER","valueFrom":"` + paramARN + `"}],` +
			`"stopTimeout":30,"readonlyRootFilesystem":true,"logConfiguration":{"logDriver":"awslogs","options":{` +
			`"awslogs-group":"web-logs-1234567","awslogs-region":"` + world.Region + `","awslogs-stream-prefix":"web",` +
			`"max-buffer-size":"25m","mode":"non-blocking"}},"systemControls":[]}]`
		if got != want {
			t.Errorf("containers are\n%s\nand not\n%s", got, want)
		}
		if strings.Contains(got, "null") {
			t.Error("ECS returns no nulls: the task definition would be replaced in every update")
		}
	})
}

func TestAContainerHasTheUserTheCapabilitiesAndThePathsThatItIsLeft(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record, got := made(t, world, Args{
			Image: pulumi.String(publicImage), ContainerPort: 8080, User: "1000:1000",
			DropCapabilities: []string{"NET_RAW", "CHOWN"}, WritablePaths: []string{"/tmp", "/var/cache/app"},
		}, "web-task-definition", "containerDefinitions")
		for _, want := range []string{
			`"user":"1000:1000"`, `"linuxParameters":{"capabilities":{"drop":["CHOWN","NET_RAW"]}}`, `"readonlyRootFilesystem":true`,
			`"mountPoints":[{"sourceVolume":"writable-tmp","containerPath":"/tmp","readOnly":false},{"sourceVolume":"writable-var-cache-app","containerPath":"/var/cache/app","readOnly":false}]`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the container has not %s: it may do more than it was left, or can't do its work\n%s", want, got)
			}
		}
		var names []string
		for _, volume := range record.Get("web-task-definition").Inputs["volumes"].ArrayValue() {
			names = append(names, volume.ObjectValue()["name"].StringValue())
		}
		if want := []string{"writable-tmp", "writable-var-cache-app"}; !slices.Equal(names, want) {
			t.Errorf("the task has the volumes %v, and its container mounts %v", names, want)
		}
	})
}

func TestExecNeedsItsPathsWhereTheRootFilesystemIsReadOnly(t *testing.T) {
	t.Parallel()
	args := Args{Image: pulumi.String(publicImage), EnableExecuteCommand: true}
	for _, c := range []struct {
		paths []string
		works bool
	}{
		{nil, false},
		{[]string{"/tmp"}, false},
		{[]string{"/var/lib/amazon/ssm", "/var/log/amazon/ssm"}, false},
		{[]string{"/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"}, true},
		{[]string{"/managed-agents", "/var/lib", "/var/log"}, true},
	} {
		args.WritablePaths = c.paths
		err := args.Validate()
		if (err == nil) != c.works {
			t.Errorf("with %v writable, ECS Exec is said to work: %v; the error is %v", c.paths, err == nil, err)
		}
		if err != nil && !strings.Contains(err.Error(), "/managed-agents, /var/lib/amazon/ssm and /var/log/amazon/ssm") {
			t.Errorf("the error does not name the paths: %v", err)
		}
	}
}

func TestTheTaskIsOneThatFargateRuns(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, makes(Args{Image: pulumi.String(publicImage), CPU: 1024, Architecture: ARM64}), world)
		definition := record.Get("web-task-definition")
		for input, want := range map[string]string{"cpu": "1024", "memory": "2048", "networkMode": "awsvpc", "family": "web-dev"} {
			if got := record.String(definition, input); got != want {
				t.Errorf("%s is %s, not %s", input, got, want)
			}
		}
		platform := definition.Inputs["runtimePlatform"].ObjectValue()
		if got := platform["cpuArchitecture"].StringValue(); got != "ARM64" {
			t.Errorf("the processor is %s, and the image is for ARM64", got)
		}
	})
}

// statements reads a policy document, by the statements' IDs.
func statements(t *testing.T, document string) map[string]statement {
	t.Helper()
	var parsed policy.Policy[string]
	if err := json.Unmarshal([]byte(document), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.Version != "2012-10-17" || len(parsed.Statement) == 0 {
		t.Fatalf("that is no policy: %s", document)
	}
	byID := map[string]statement{}
	for _, s := range parsed.Statement {
		byID[s.Sid] = s
	}
	return byID
}

func TestOnlyTasksOfThisAccountTakeOnTheRoles(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for _, role := range []string{"web-execution-role", "web-task-role"} {
			_, document := made(t, world, Args{Image: pulumi.String(publicImage)}, role, "assumeRolePolicy")
			trusted := statements(t, document)["EcsTasksOfThisAccount"]
			if trusted.Principal["Service"] != "ecs-tasks.amazonaws.com" {
				t.Errorf("%s can be taken on by %v", role, trusted.Principal)
			}
			if trusted.Condition["StringEquals"]["aws:SourceAccount"] != world.Account ||
				trusted.Condition["ArnLike"]["aws:SourceArn"] != world.ARN("ecs", "*") {
				t.Errorf("%s can be used for another account's tasks, by way of ECS: %v", role, trusted.Condition)
			}
		}
	})
}

func TestTheExecutionRoleMayDoNothingBeyondItsTask(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record, document := made(t, world, Args{Image: pulumi.String(publicImage)}, "web-execution-policy", "policy")
		if !slices.Contains(record.Get("web-execution-policy").ReplaceOnChanges, "policy") {
			t.Error("other permissions take the place of those that the running revision needs: none of its tasks could start again")
		}
		found := statements(t, document)
		if len(found) != 1 {
			t.Errorf("for a public image without secrets the role needs its logs alone, and may %v", found)
		}
		if got := found["WriteLogs"].Resource; !slices.Equal(got, []string{world.ARN("logs", "log-group:web-logs-1234567:*")}) {
			t.Errorf("the role may write to %v", got)
		}
	})
}

func TestAPrivateImageMayBePulledAndNoOther(t *testing.T) {
	t.Parallel()
	images := map[string]map[string]string{
		"aws": {
			"210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2.3": "arn:aws:ecr:eu-west-1:210987654321:repository/team/app",
		},
		"aws-us-gov": {
			"210987654321.dkr.ecr.us-gov-east-1.amazonaws.com/app:1":      "arn:aws-us-gov:ecr:us-gov-east-1:210987654321:repository/app",
			"210987654321.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app:1": "arn:aws-us-gov:ecr:us-gov-west-1:210987654321:repository/app",
		},
		"aws-cn": {
			"210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn/app@" + testDigest: "arn:aws-cn:ecr:cn-north-1:210987654321:repository/app",
		},
	}
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		for image, want := range images[world.Partition] {
			_, document := made(t, world, Args{Image: pulumi.String(image)}, "web-execution-policy", "policy")
			if got := statements(t, document)["PullImage"].Resource; !slices.Equal(got, []string{want}) {
				t.Errorf("with the image %s the role may pull %v, not %s: the task does not start", image, got, want)
			}
		}
	})
}

const testDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestTheTaskIsMadeAndAskedForByTheProviderThatItIsGiven(t *testing.T) {
	t.Parallel()
	args := Args{Image: pulumi.String(publicImage), EnableExecuteCommand: true, WritableRootFilesystem: true}
	infratest.WantOwnProvider(t, func(given pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := New(ctx, "web", args, given)
			return err
		}
	})
}

func TestWhatSessionsOfExecLeaveBehindIsReaped(t *testing.T) {
	t.Parallel()
	const reaper = `"linuxParameters":{"initProcessEnabled":true}`
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		for exec, want := range map[bool]bool{true: true, false: false} {
			args := Args{Image: pulumi.String(publicImage), EnableExecuteCommand: exec, WritableRootFilesystem: true}
			_, containers := made(t, world, args, "web-task-definition", "containerDefinitions")
			if got := strings.Contains(containers, reaper); got != want {
				t.Errorf("with ECS Exec %v the container has an init process: %v; without one, processes that sessions leave behind fill the task: %s",
					exec, got, containers)
			}
		}
	})
}

func TestSecretsMayBeReadAndNoOthers(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, document := made(t, world, Args{Image: pulumi.String(publicImage), Secrets: map[string]string{
			"USER": paramARN, "PASSWORD": secretARN + ":password::", "HOST": secretARN + ":host::",
		}}, "web-execution-policy", "policy")
		found := statements(t, document)
		if got := found["ReadSecrets"].Resource; !slices.Equal(got, []string{secretARN}) {
			t.Errorf("the role may read the secrets %v, not just %s", got, secretARN)
		}
		if got := found["ReadParameters"].Resource; !slices.Equal(got, []string{paramARN}) {
			t.Errorf("the role may read the parameters %v, not just %s", got, paramARN)
		}
	})
}

func TestTheApplicationMayDoNothingUnlessExecIsOn(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		image := pulumi.String(publicImage)
		record := infratest.MustRun(t, makes(Args{Image: image}), world)
		if names := record.Names(); slices.Contains(names, "web-exec-policy") {
			t.Error("the application may open channels for ECS Exec, which nobody asked for")
		}
		record, document := made(t, world, Args{Image: image, EnableExecuteCommand: true, WritableRootFilesystem: true}, "web-exec-policy", "policy")
		for _, action := range statements(t, document)["OpenExecChannels"].Action {
			if !strings.HasPrefix(action, "ssmmessages:") {
				t.Errorf("for ECS Exec the application may %s", action)
			}
		}
		if !record.WaitsFor(record.Get("web-task-definition"), "web-exec-policy") {
			t.Error("the first task starts before ECS Exec may be used in it")
		}
	})
}

func TestEveryPairOfCPUAndMemoryIsFargates(t *testing.T) {
	t.Parallel()
	// The ends of each row of AWS's table, and how many amounts it has.
	for cpu, row := range map[int][3]int{
		256: {512, 2048, 3}, 512: {1024, 4096, 4}, 1024: {2048, 8192, 7}, 2048: {4096, 16384, 13},
		4096: {8192, 30720, 23}, 8192: {16384, 61440, 12}, 16384: {32768, 122880, 12},
	} {
		offered := Memories(cpu)
		if len(offered) != row[2] || offered[0] != row[0] || offered[len(offered)-1] != row[1] {
			t.Errorf("with %d CPU units there are %v", cpu, offered)
		}
		for _, memory := range []int{offered[0] - 1, offered[len(offered)-1] + 1} {
			if err := (Args{Image: pulumi.String(publicImage), CPU: cpu, Memory: memory}).Validate(); err == nil {
				t.Errorf("%d MiB pass with %d CPU units, and ECS refuses them halfway through an update", memory, cpu)
			}
		}
	}
	if want := []int{256, 512, 1024, 2048, 4096, 8192, 16384}; !slices.Equal(CPUs(), want) {
		t.Errorf("the CPU units are %v, not %v", CPUs(), want)
	}
}

func TestBadArgumentsAreRefusedTogether(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{
		ContainerName: "a b", ContainerPort: -1, CPU: 3, Architecture: "z80", StopTimeout: 121, LogRetentionDays: 2,
		Environment: map[string]string{"1": ""}, Secrets: map[string]string{"X": "y"}, EnableExecuteCommand: true,
	}),
		"image", "containerName", "containerPort", "cpu", "architecture", "stopTimeout", "logRetentionDays",
		"environment.1", "secrets.X", "enableExecuteCommand")
}

func TestAnImageMustNameOneVersion(t *testing.T) {
	t.Parallel()
	for _, image := range []string{"httpd", "httpd:latest", "registry.example.com:5000/httpd", "HTTPD:1", ""} {
		if err := (Args{Image: pulumi.String(image)}).Validate(); err == nil {
			t.Errorf("%q passes, and deploying it twice runs two versions", image)
		}
	}
	for _, image := range []string{"httpd:2.4", "httpd@" + testDigest, "registry.example.com:5000/a/b:1"} {
		if err := (Args{Image: pulumi.String(image)}).Validate(); err != nil {
			t.Errorf("%q is refused: %v", image, err)
		}
	}
}

func TestEveryFormOfAPrivateRegistrysHostMayBePulledFrom(t *testing.T) {
	t.Parallel()
	for host, region := range map[string]string{
		"123456789012.dkr.ecr.us-east-1.amazonaws.com":                "us-east-1",
		"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com":           "us-east-1",
		"123456789012.dkr-ecr.us-east-1.on.aws":                       "us-east-1",
		"123456789012.dkr-ecr-fips.us-gov-west-1.on.aws":              "us-gov-west-1",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            "cn-north-1",
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": "cn-north-1",
	} {
		document, err := executionPolicy(need{image: host + "/team/app:1", logGroupARN: "arn:aws:logs:us-east-1:123456789012:log-group:l", partition: "aws"})
		if err != nil || !strings.Contains(document, "arn:aws:ecr:"+region+":123456789012:repository/team/app") {
			t.Errorf("no task may pull from %s: %s (%v)", host, document, err)
		}
	}
	for _, image := range []string{"public.ecr.aws/docker/library/httpd:2.4", "nginx:1", "123456789012.dkr.ecr.us-east-1.example.com/app:1"} {
		if document, _ := executionPolicy(need{image: image, logGroupARN: "arn:aws:logs:us-east-1:123456789012:log-group:l", partition: "aws"}); strings.Contains(document, "ecr:") {
			t.Errorf("for %s the role may pull from a registry of ours: %s", image, document)
		}
	}
}

func TestAPullThroughCacheMayCopyTheImageThatIsPulledFirst(t *testing.T) {
	t.Parallel()
	const image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub/library/nginx:1"
	n := need{image: image, logGroupARN: "arn:aws:logs:us-east-1:123456789012:log-group:l", partition: "aws"}
	for _, ours := range []bool{false, true} {
		n.imageIsOurs = ours
		document, err := executionPolicy(n)
		if err != nil {
			t.Fatal(err)
		}
		found := statements(t, document)["PullThroughCache"]
		if ours {
			if len(found.Action) > 0 {
				t.Errorf("an image that is built here is no cache's, and the role may %v", found.Action)
			}
			continue
		}
		if !slices.Equal(found.Resource, []string{"arn:aws:ecr:us-east-1:123456789012:repository/docker-hub/library/nginx"}) ||
			!slices.Equal(found.Action, []string{"ecr:BatchImportUpstreamImage", "ecr:CreateRepository"}) {
			t.Errorf("the first task that pulls through a cache does not start: %v", found)
		}
	}
}

func TestALoginMayBeReadAndDecryptedAndNothingElse(t *testing.T) {
	t.Parallel()
	const key = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555"
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		args := Args{Image: pulumi.String("ghcr.io/team/app:1"), ImageCredentials: secretARN, KMSKeys: []string{key}}
		record, document := made(t, world, args, "web-execution-policy", "policy")
		found := statements(t, document)
		if got := found["ReadSecrets"].Resource; !slices.Equal(got, []string{secretARN}) {
			t.Errorf("with credentials for its registry the role may read %v, not %s", got, secretARN)
		}
		if got := found["DecryptSecrets"]; !slices.Equal(got.Resource, []string{key}) || !slices.Equal(got.Action, []string{"kms:Decrypt"}) {
			t.Errorf("with a key of the customer's the role may %v with %v", got.Action, got.Resource)
		}
		containers := record.String(record.Get("web-task-definition"), "containerDefinitions")
		if !strings.Contains(containers, `"repositoryCredentials":{"credentialsParameter":"`+secretARN+`"}`) {
			t.Errorf("ECS is not told with what to log in: %s", containers)
		}
	})
}

func TestCredentialsForARegistryThatTakesNoneAreRefused(t *testing.T) {
	t.Parallel()
	infratest.WantRefused(t, makes(Args{
		Image:            pulumi.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"),
		ImageCredentials: secretARN,
	}), "imageCredentials")
	infratest.WantRefused(t, makes(Args{Image: pulumi.String(publicImage), ImageCredentials: paramARN, KMSKeys: []string{
		"arn:aws:kms:us-east-1:123456789012:alias/app",
	}}), "imageCredentials", "kmsKeyArns[0]")
}

func TestARevisionThatECSMayGoBackToStaysRegistered(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		definition := infratest.MustRun(t, makes(Args{Image: pulumi.String(publicImage), KeepRevisions: keep}), infratest.Options{}).Get("web-task-definition")
		if got := definition.Inputs["skipDestroy"].IsBool(); got != keep {
			t.Errorf("whether revisions stay is %v, not %v", got, keep)
		}
	}
}

func TestAnotherRedeployIsAnotherRevision(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		_, containers := made(t, world, Args{Image: pulumi.String(publicImage), Redeploy: "Tue Nov 24"}, "web-task-definition", "containerDefinitions")
		if !strings.Contains(containers, `"dockerLabels":{"redeploy":"Tue Nov 24"}`) {
			t.Errorf("the same version can't be tried again: %s", containers)
		}
	})
}

func TestASecretIsReadByWhateverOfItsARNIsGiven(t *testing.T) {
	t.Parallel()
	const secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
	for given, want := range map[string]string{
		secret + "prod/db/main-AbCdEf":                   secret + "prod/db/main-AbCdEf",
		secret + "prod/db/main":                          secret + "prod/db/main-??????",
		secret + "prod/db/main-AbCdEf:password::":        secret + "prod/db/main-AbCdEf",
		secret + "prod/db/main-AbCdEf::AWSPREVIOUS:":     secret + "prod/db/main-AbCdEf",
		secret + "prod/db/main:password::0a1b2c3d":       secret + "prod/db/main-??????",
		secret + "prod/db-prod01":                        secret + "prod/db-prod01 " + secret + "prod/db-prod01-??????",
		secret + "DB-MASTER":                             secret + "DB-MASTER " + secret + "DB-MASTER-??????",
		secret + "prod/app-secret":                       secret + "prod/app-secret " + secret + "prod/app-secret-??????",
		"arn:aws:ssm:us-east-1:123456789012:parameter/a": "arn:aws:ssm:us-east-1:123456789012:parameter/a",
	} {
		statements, err := secretStatements([]string{given})
		if err != nil || len(statements) != 1 || strings.Join(statements[0].Resource, " ") != want {
			t.Errorf("of %s the role may read %v, not %s alone: no task starts (%v)", given, statements, want, err)
		}
	}
}
