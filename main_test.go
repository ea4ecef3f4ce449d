package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"

	"ecs-sample-app/internal/infratest"
)

var update = flag.Bool("update", false, "write the golden files again")

const goldenGraph = "testdata/dev.golden"

// devConfig is what Pulumi.dev.yaml sets, as the CLI hands it to a program.
func devConfig(t testing.TB) map[string]string {
	t.Helper()
	return stackFile(t, "Pulumi.dev.yaml")
}

// stackFile is the config in a stack's file.
func stackFile(t testing.TB, name string) map[string]string {
	t.Helper()
	var stack struct {
		Config map[string]any `yaml:"config"`
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &stack); err != nil {
		t.Fatal(err)
	}
	config := map[string]string{}
	for key, value := range stack.Config {
		config[key] = infratest.ConfigText(t, value)
	}
	if len(config) == 0 {
		t.Fatalf("%s sets nothing", name)
	}
	return config
}

// withConfig is a config of this project with the keys given as pairs.
func withConfig(pairs ...string) map[string]string { return infratest.Config(pairs...) }

func TestTheDevStackIsWhatTheGoldenGraphSays(t *testing.T) {
	t.Parallel()
	record := infratest.MustRun(t, program, infratest.Options{Config: devConfig(t)})
	got := graph(record)
	if *update {
		if err := os.WriteFile(goldenGraph, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenGraph)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the infrastructure is not what %s says; if the change is meant, run `go test -run Golden . -update` and review the diff\n%s",
			goldenGraph, firstDifference(got, string(want)))
	}
}

const goldenTypes = "testdata/types.golden"

// insideAWSX are the types of what the components of awsx make in their turn, in a
// process of their own, where the recorder does not see it.
// https://github.com/pulumi/pulumi-awsx/tree/master/awsx/ecr
var insideAWSX = map[string][]string{
	"awsx:ecr:Image":      {"docker-build:index:Image"},
	"awsx:ecr:Repository": {"aws:ecr/lifecyclePolicy:LifecyclePolicy", "aws:ecr/repository:Repository"},
}

// Whoever adds a type of resource adds it to the tables of other modules too. Their
// tests read this list, and name the table that lacks the type.
func TestTheTypesThatTheProgramMakesAreThoseOfTheGoldenList(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, config := range []map[string]string{devConfig(t), everything()} {
		for _, made := range infratest.MustRun(t, program, infratest.Options{Config: config}).Resources {
			switch inside := insideAWSX[made.Type]; {
			case made.Custom:
				found[made.Type] = true
			case made.Remote && inside == nil:
				t.Errorf("%s is made by a provider, of parts that nobody knows: add them to insideAWSX", made.Type)
			}
			for _, token := range insideAWSX[made.Type] {
				found[token] = true
			}
		}
	}
	got := strings.Join(slices.Sorted(maps.Keys(found)), "\n") + "\n"
	if *update {
		if err := os.WriteFile(goldenTypes, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenTypes)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the program makes other types of resources than %s lists; if that is meant, run `go test -run Golden . -update`, "+
			"and then the tests of bootstrap, tools, e2e/account and the provider (make test-provider), which name what lacks the type\n%s",
			goldenTypes, firstDifference(got, string(want)))
	}
}

// TestTheSchemasDefaultsChangeNothing gives the program what Pulumi hands over when
// nothing is set: the defaults of Pulumi.yaml, as if they had been set.
func TestTheSchemasDefaultsChangeNothing(t *testing.T) {
	t.Parallel()
	var project struct {
		Config map[string]struct {
			Default any `yaml:"default"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "Pulumi.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for key, setting := range project.Config {
		given[infratest.Project+":"+key] = infratest.ConfigText(t, setting.Default)
	}
	const some = 30
	if len(given) < some {
		t.Fatalf("Pulumi.yaml has only %d settings", len(given))
	}
	handed := graph(infratest.MustRun(t, program, infratest.Options{Config: given}))
	bare := graph(infratest.MustRun(t, program, infratest.Options{}))
	if handed != bare {
		t.Errorf("a stack that sets nothing is another one under Pulumi than in these tests: %s", firstDifference(handed, bare))
	}
}

// graph writes every resource with its parent, its inputs and what it waits
// for, in an order that does not depend on timing.
func graph(record *infratest.Record) string {
	var out strings.Builder
	for _, found := range record.Resources {
		fmt.Fprintf(&out, "%s %s\n", found.Type, found.Name)
		fmt.Fprintf(&out, "  parent: %s\n", short(found.Parent))
		if found.Timeouts != [3]string{} {
			fmt.Fprintf(&out, "  timeouts: %s\n", strings.Join(found.Timeouts[:], " "))
		}
		for _, urn := range slices.Sorted(slices.Values(found.DependsOn)) {
			fmt.Fprintf(&out, "  waits for: %s\n", short(urn))
		}
		inputs := found.Inputs.Mappable()
		for _, key := range slices.Sorted(maps.Keys(inputs)) {
			fmt.Fprintf(&out, "  %s: %s\n", key, pretty(inputs[key]))
		}
	}
	return out.String()
}

func short(urn string) string {
	if urn == "" {
		return "none"
	}
	return string(resource.URN(urn).Type()) + " " + resource.URN(urn).Name()
}

// pretty writes a value as JSON, and a document inside a string as its content.
func pretty(value any) string {
	if text, ok := value.(string); ok {
		var document any
		if json.Unmarshal([]byte(text), &document) == nil && strings.ContainsAny(text, "[{") {
			value = document
		}
	}
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func firstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			return fmt.Sprintf("line %d is\n%s\nand was\n%s", i+1, gotLines[i], wantLines[i])
		}
	}
	return fmt.Sprintf("there are %d lines, and were %d", len(gotLines), len(wantLines))
}

func TestAPreviewRegistersWhatTheUpdateWill(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		for _, config := range []map[string]string{devConfig(t), everything()} {
			world := world.With(config)
			updated := infratest.MustRun(t, program, world)
			world.Mode = infratest.Preview
			previewed := infratest.MustRun(t, program, world)
			for i, found := range previewed.Resources {
				if i >= len(updated.Resources) || found.URN != updated.Resources[i].URN {
					t.Fatalf("the preview shows %s, which the update does not make: a reviewer would approve something else", found.URN)
				}
				// What waits for the guard waits in an update also for what the guard looks at.
				for _, urn := range found.DependsOn {
					if !slices.Contains(updated.Resources[i].DependsOn, urn) {
						t.Errorf("%s waits for %s in a preview, and not in an update", found.Name, urn)
					}
				}
			}
			if len(previewed.Resources) != len(updated.Resources) {
				t.Errorf("the preview shows %d resources and the update makes %d", len(previewed.Resources), len(updated.Resources))
			}
		}
	})
}

func sorted(urns []string) []string { return slices.Sorted(slices.Values(urns)) }

// everything is a config that switches on all there is, so that each resource that
// the program can make is made.
func everything() map[string]string {
	return withConfig("availabilityZones", "3", "enableExecuteCommand", "true", "buildContext", "app",
		"secretValues", `{"DB_PASSWORD":"correct horse"}`, "alarms", "true", "alarmEmails", `["a@example.com"]`,
		"autoscaling", `{"maxCapacity":4,"cpuTarget":50,"memoryTarget":80,"requestsTarget":100,"schedules":[
			{"name":"night","schedule":"cron(0 20 * * ? *)","minCapacity":0,"maxCapacity":1},
			{"name":"day","schedule":"cron(0 6 * * ? *)","minCapacity":1,"maxCapacity":4}]}`,
		"domain", "app.example.com", "accessLogs", "true", "firewall", "block", "nat", "perZone", "endpoints", "true", "flowLogRetentionDays", "30",
		"egressPorts", "[443,5432]", "allowedCidrs", `["10.0.0.0/8","192.0.2.0/24"]`)
}

func TestEveryChildHangsUnderItsComponentAndIsNamedAfterIt(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(everything()))
		components := map[string]infratest.Resource{}
		for _, found := range record.Resources {
			if !found.Custom && !found.Remote {
				components[found.URN] = found
			}
		}
		if len(components) != 11 {
			t.Fatalf("there are %d components, not network, load balancer, route, cluster, image, task, service, alarms, domain, access logs and firewall", len(components))
		}
		for _, found := range record.Resources {
			if !found.Custom && !found.Remote {
				continue
			}
			parent, ok := components[found.Parent]
			if !ok {
				t.Errorf("%s is not under a component: aliases, providers and options given to the component miss it", found.Name)
			} else if !strings.HasPrefix(found.Name, parent.Name+"-") {
				t.Errorf("%s is not named after its component %s: two components would collide", found.Name, parent.Name)
			}
		}
	})
}

func TestOnlyTheListenerIsOpenToTheWorld(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(devConfig(t)))
		for _, rule := range record.Type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") {
			_, block := rule.Inputs["cidrIpv4"]
			if block != (rule.Name == "sample-app-lb-ingress-0-0-0-0-0") {
				t.Errorf("%s opens an address block: tasks would be reachable from the internet, past the load balancer", rule.Name)
			}
		}
		listener := record.Get("sample-app-lb-ingress-0-0-0-0-0")
		wantFrom(t, record, listener, "securityGroupId", "sample-app-lb-sg")
		for _, end := range []resource.PropertyKey{"fromPort", "toPort"} {
			if port := listener.Inputs[end].NumberValue(); port != 80 {
				t.Errorf("%s of the world's rule is %v: more than the listener's port is open", end, port)
			}
		}
		for _, group := range append(record.Type("aws:ec2/securityGroup:SecurityGroup"),
			record.Type("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")...) {
			for _, inline := range []resource.PropertyKey{"ingress", "egress"} {
				if rules, ok := group.Inputs[inline]; ok {
					t.Errorf("%s has rules of its own, %v: they fight with the separate ones, and leave them open", group.Name, rules)
				}
			}
		}
	})
}

// wantFrom wants an input to come from just the named resource.
func wantFrom(t *testing.T, record *infratest.Record, of infratest.Resource, input string, names ...string) {
	t.Helper()
	var want []string
	for _, name := range names {
		want = append(want, record.Get(name).URN)
	}
	if got := of.InputsFrom[input]; !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("%s of %s comes from %v, not from %v", input, of.Name, got, want)
	}
}

func TestThePartsAreWiredToEachOther(t *testing.T) {
	t.Parallel()
	wiring := []struct {
		of, input string
		from      []string
	}{
		{"sample-app-public-a", "vpcId", []string{"sample-app-vpc"}},
		{"sample-app-public-b", "vpcId", []string{"sample-app-vpc"}},
		{"sample-app-default-sg", "vpcId", []string{"sample-app-vpc"}},
		{"sample-app-public-internet-route", "gatewayId", []string{"sample-app-igw"}},
		{"sample-app-public-internet-route", "routeTableId", []string{"sample-app-public-routes"}},
		{"sample-app-public-a-routes", "routeTableId", []string{"sample-app-public-routes"}},
		{"sample-app-public-a-routes", "subnetId", []string{"sample-app-public-a"}},
		{"sample-app-public-b-routes", "subnetId", []string{"sample-app-public-b"}},
		{"sample-app-s3-endpoint", "routeTableIds", []string{"sample-app-public-routes"}},
		{"sample-app-lb", "securityGroups", []string{"sample-app-lb-sg"}},
		{"sample-app-lb", "subnets", []string{"sample-app-public-a-routes", "sample-app-public-b-routes"}},
		{"sample-app-tg", "vpcId", []string{"sample-app-vpc"}},
		{"sample-app-http-listener", "loadBalancerArn", []string{"sample-app-lb"}},
		{"sample-app-tg", "vpcId", []string{"sample-app-vpc"}},
		{"sample-app-attach", "listenerArn", []string{"sample-app-http-listener", "sample-app-lb-ingress-0-0-0-0-0"}},
		{"sample-app-attach", "actions", []string{"sample-app-tg"}},
		{"sample-app-rule", "listenerArn", []string{"sample-app-http-listener", "sample-app-lb-ingress-0-0-0-0-0"}},
		{"sample-app-capacity-providers", "clusterName", []string{"sample-app-cluster"}},
		{"sample-app-execution-policy", "role", []string{"sample-app-execution-role"}},
		{"sample-app-execution-policy", "policy", []string{"sample-app-logs"}},
		{"sample-app-task-definition", "executionRoleArn", []string{"sample-app-execution-role"}},
		{"sample-app-task-definition", "taskRoleArn", []string{"sample-app-task-role"}},
		{"sample-app-task-definition", "containerDefinitions", []string{"sample-app-logs"}},
		{"sample-app-tasks-ingress-80", "securityGroupId", []string{"sample-app-tasks-sg"}},
		{"sample-app-tasks-ingress-80", "referencedSecurityGroupId", []string{"sample-app-lb-sg"}},
		{"sample-app-lb-egress-80", "securityGroupId", []string{"sample-app-lb-sg"}},
		{"sample-app-lb-egress-80", "referencedSecurityGroupId", []string{"sample-app-tasks-sg"}},
		{"sample-app-tasks-egress-443", "securityGroupId", []string{"sample-app-tasks-sg"}},
		{"sample-app-service", "cluster", []string{"sample-app-cluster", "sample-app-capacity-providers"}},
		{"sample-app-service", "taskDefinition", []string{"sample-app-task-definition"}},
		{"sample-app-service", "loadBalancers", []string{"sample-app-tg", "sample-app-attach"}},
		{"sample-app-service", "networkConfiguration", []string{
			"sample-app-public-a-routes", "sample-app-public-b-routes", "sample-app-tasks-sg",
		}},
	}
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(devConfig(t)))
		for _, wire := range wiring {
			wantFrom(t, record, record.Get(wire.of), wire.input, wire.from...)
		}
	})
}

func TestWhatMustExistFirstIsWaitedFor(t *testing.T) {
	t.Parallel()
	order := []struct{ waiting, first, harm string }{
		{"sample-app-attach", "sample-app-http-listener", "there is nothing to attach to"},
		{"sample-app-rule", "sample-app-lb-ingress-0-0-0-0-0", "a destroy of a protected stack begins with shutting clients out"},
		{"sample-app-public-a-routes", "sample-app-s3-endpoint", "tasks outlive the endpoint that their image comes through"},
		{"sample-app-rule", "sample-app-service", "requests would move before the new tasks serve"},
		{"sample-app-rule", "sample-app-attach", "requests would move before the new tasks serve"},
		{"sample-app-service", "sample-app-attach", "ECS refuses a target group without a load balancer"},
		{"sample-app-service", "sample-app-capacity-providers", "AWS refuses to take away a capacity provider that is in use, so a destroy fails"},
		{"sample-app-service", "sample-app-tasks-ingress-80", "the first tasks fail their health checks"},
		{"sample-app-service", "sample-app-lb-egress-80", "the first tasks fail their health checks"},
		{"sample-app-service", "sample-app-tasks-egress-443", "the first tasks can't pull their image"},
		{"sample-app-task-definition", "sample-app-execution-policy", "the first tasks can't write logs, and a destroy hangs while tasks drain"},
		{"sample-app-public-a-routes", "sample-app-public-internet-route", "a load balancer without internet gateway is refused"},
		{"sample-app-public-b-routes", "sample-app-public-internet-route", "a load balancer without internet gateway is refused"},
	}
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(devConfig(t)))
		for _, pair := range order {
			if !record.WaitsFor(record.Get(pair.waiting), pair.first) {
				t.Errorf("%s does not wait for %s: %s", pair.waiting, pair.first, pair.harm)
			}
		}
	})
}

func TestAnImageThatIsBuiltHereIsDeployedByItsDigest(t *testing.T) {
	t.Parallel()
	config := withConfig("buildContext", "app", "imageTag", "1.2.3", "architecture", "ARM64")
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(config))
		wantFrom(t, record, record.Get("sample-app-image"), "repositoryUrl", "sample-app-repository")
		definition := record.Get("sample-app-task-definition")
		wantFrom(t, record, definition, "containerDefinitions", "sample-app-image", "sample-app-logs")
		if world.Mode == infratest.Preview {
			return
		}
		containers := record.String(definition, "containerDefinitions")
		if !strings.Contains(containers, world.RepositoryURL("sample-app-repository")+"@"+infratest.Digest) {
			t.Errorf("the task definition does not name the image by its digest, so a new image under an old tag would not be deployed: %s", containers)
		}
		if strings.Contains(containers, "entryPoint") {
			t.Error("the image that was built is overridden by the sample page's command")
		}
		if got := record.String(record.Get("sample-app-image"), "platform"); got != "linux/arm64" {
			t.Errorf("the image is built for %s and runs on ARM64: the task would not start", got)
		}
		policy := record.String(record.Get("sample-app-execution-policy"), "policy")
		if !strings.Contains(policy, world.ARN("ecr", "repository/sample-app-repository-1234567")) {
			t.Errorf("the execution role may not pull the image: %s", policy)
		}
	})
}

func TestWithoutBuildContextNothingOfAwsxIsRegistered(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world.With(devConfig(t)))
		for _, found := range record.Resources {
			if strings.HasPrefix(found.Type, "awsx:") {
				t.Errorf("%s loads the awsx plugin, which costs seconds in each preview", found.Name)
			}
		}
	})
}

func TestNothingNamesAnotherPartition(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		infratest.MustRun(t, program, world.With(devConfig(t))).WantOwnPartition()
		infratest.MustRun(t, program, world.With(everything())).WantOwnPartition()
	})
}

func TestExecReachesTheTaskAndTheService(t *testing.T) {
	t.Parallel()
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		for text, want := range map[string]bool{"true": true, "false": false} {
			record := infratest.MustRun(t, program, world.With(withConfig("enableExecuteCommand", text)))
			if got := record.Get("sample-app-service").Inputs["enableExecuteCommand"].BoolValue(); got != want {
				t.Errorf("with enableExecuteCommand %s the service allows `aws ecs execute-command`: %v", text, got)
			}
			if got := slices.Contains(record.Names(), "sample-app-exec-policy"); got != want {
				t.Errorf("with enableExecuteCommand %s the task may open channels for it: %v", text, got)
			}
		}
	})
}

func TestTheConsoleIsThePartitionsOwn(t *testing.T) {
	t.Parallel()
	hosts := map[string]string{
		"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn",
	}
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		got := infratest.MustRun(t, program, world).Output("consoleUrl")
		want := "https://" + hosts[world.Partition] + "/ecs/v2/clusters/sample-app-cluster-1234567/services/sample-app-service-1234567/health?region=" + world.Region
		if got != want {
			t.Errorf("the console's page is %s, not %s, where nobody can sign in with this account", got, want)
		}
	})
}

func TestTheRevisionThatIsReportedIsTheOneThatRuns(t *testing.T) {
	t.Parallel()
	infratest.Partitions(t, func(t *testing.T, world infratest.Options) {
		record := infratest.MustRun(t, program, world)
		if got, want := record.Output("taskDefinitionArn"), world.ARN("ecs", "task-definition/sample-app-dev:7"); got != want {
			t.Errorf("%s is reported to run, not %s", got, want)
		}
		wantRevision(t, record, 7)
		world.Rollout = "ROLLED_BACK"
		record, err := infratest.Run(t, program, world)
		if got, want := record.Output("taskDefinitionArn"), world.ARN("ecs", "task-definition/sample-app-dev:6"); err == nil || got != want {
			t.Errorf("after a rollback %s is reported to run, not %s; the update ends with %v", got, want, err)
		}
		wantRevision(t, record, 6)
		for _, output := range listedOutputs(t) {
			if output != "alarmTopicArn" && output != "builtImage" && !record.Exported(output) {
				t.Errorf("after a rollback the output %s is gone, as if it had been taken out of the program", output)
			}
		}
	})
}

func wantRevision(t *testing.T, record *infratest.Record, want int) {
	t.Helper()
	if got := fmt.Sprint(record.Output("revision")); got != strconv.Itoa(want) {
		t.Errorf("the revision is reported as %s, and ECS runs %d", got, want)
	}
}

// outputsPage is where people look outputs up.
const outputsPage = "docs/config.md"

func TestTheOutputsAreThoseThatThePagesList(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(slices.Values(listedOutputs(t)))
	infratest.Everywhere(t, func(t *testing.T, world infratest.Options) {
		var outputs []string
		infratest.MustRun(t, func(ctx *pulumi.Context) error {
			err := program(ctx)
			outputs = slices.Sorted(maps.Keys(ctx.GetCurrentExportMap()))
			return err
		}, world.With(withConfig("alarms", "true", "buildContext", "app")))
		if !slices.Equal(outputs, want) {
			t.Errorf("the program exports %v and %s lists %v", outputs, outputsPage, want)
		}
	})
}

// listedOutputs are the outputs that the page lists.
func listedOutputs(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, row := range infratest.Table(t, outputsPage, "## Outputs") {
		names = append(names, row[0])
	}
	return names
}

func TestAPreviewSaysThatANewLoadBalancerHasAnotherNameOnlyBesideAnOldCluster(t *testing.T) {
	t.Parallel()
	all := infratest.MustRun(t, program, infratest.Options{}).Names()
	without := func(gone ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(gone, name) })
	}
	const (
		name  = "sample-app: info: A new load balancer has another DNS name, so the output url changes."
		moves = "sample-app-rule: info: Requests move to the new service when its tasks are healthy."
	)
	for what, test := range map[string]struct {
		stays []string
		want  string
	}{
		"another VPC":          {[]string{"sample-app-cluster", "sample-app-capacity-providers", "sample-app-logs", "sample-app-task-role", "sample-app-execution-role"}, name},
		"another port":         {without("sample-app-tg", "sample-app-attach", "sample-app-service", "sample-app-task-definition"), moves},
		"nothing that changes": {all, ""},
		"a new subnet":         {without("sample-app-public-b", "sample-app-public-b-routes"), ""},
		"a first deployment":   {nil, ""},
	} {
		said := infratest.MustRun(t, program, infratest.Options{Mode: infratest.Preview, Stays: test.stays}).Said
		switch {
		case test.want == "" && len(said) > 0:
			t.Errorf("of %s it is said: %q", what, said)
		case test.want != "" && (len(said) != 1 || !strings.HasPrefix(said[0], test.want)):
			t.Errorf("of %s nobody is told %q, but %q", what, test.want, said)
		}
	}
}
