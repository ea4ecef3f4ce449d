package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// These tests hold the mapping against the Go SDK of pulumi-aws, read as source: a
// property that the two spell differently would be dropped without a word.

// newerInSDK are the properties, by their beginnings, that the SDK has and this
// provider, which wraps an older release of the Terraform provider, has not. The
// program may not use them as long as it is to run without the released provider.
var newerInSDK = map[string][]string{
	"aws": {
		"endpoints[].billing", "endpoints[].dsql", "endpoints[].evs", "endpoints[].invoicing", "endpoints[].mediapackagevod",
		"endpoints[].notifications", "endpoints[].notificationscontacts",
	},
	"aws_ecs_service":                       {"volumeConfiguration.managedEbsVolume.volumeInitializationRate"},
	"aws_ecs_task_definition":               {"enableFaultInjection"},
	"aws_lb":                                {"ipamPools", "minimumLoadBalancerCapacity", "subnetMappings[].outpostId"},
	"aws_lb_listener":                       {"routingHttpRequestXAmzn", "routingHttpResponse"},
	"aws_s3_bucket_lifecycle_configuration": {"timeouts"},
	"aws_sns_topic":                         {"fifoThroughputScope"},
	"aws_vpc_endpoint":                      {"resourceConfigurationArn", "serviceNetworkArn"},
}

// used are the properties of resources that are compared no further: their statements stand
// inside each other, in a hundred thousand combinations.
var used = map[string][]string{
	"aws_wafv2_web_acl": {
		"defaultAction.allow", "description", "rules[].action.block", "rules[].action.count", "rules[].name", "rules[].overrideAction.count",
		"rules[].overrideAction.none", "rules[].priority", "rules[].statement.managedRuleGroupStatement.name",
		"rules[].statement.managedRuleGroupStatement.vendorName", "rules[].statement.rateBasedStatement.aggregateKeyType",
		"rules[].statement.rateBasedStatement.limit", "rules[].visibilityConfig.metricName", "scope", "tags",
		"visibilityConfig.cloudwatchMetricsEnabled", "visibilityConfig.metricName", "visibilityConfig.sampledRequestsEnabled",
	},
}

func TestEveryResourceHasTheTokenAndTheInputsOfTheSDK(t *testing.T) {
	sdk := readSDK(t)
	info := mappedProvider(t)
	for terraform, m := range mappedResources {
		t.Run(terraform, func(t *testing.T) {
			if !sdk.tokens[m.token()] {
				t.Fatalf("the SDK registers no resource as %s: programs would find it unknown", m.token())
			}
			got := names("", info.P.ResourcesMap().Get(terraform).Schema(), info.Resources[terraform].Fields, true)
			want := sdk.properties(m.module, lowerFirst(m.name)+"Args")
			if these := used[terraform]; these != nil {
				for _, property := range these {
					if !slices.Contains(got, property) || !slices.Contains(want, property) {
						t.Errorf("%s: the provider has %s: %v, and the SDK: %v", terraform, property, slices.Contains(got, property), slices.Contains(want, property))
					}
				}
				return
			}
			compare(t, terraform, got, want)
		})
	}
}

// What people set as aws:assumeRole and the like has the SDK's form: an object where the
// SDK has one, and a list where it has a list.
func TestTheProvidersConfigIsThatOfTheSDK(t *testing.T) {
	sdk := readSDK(t)
	info := mappedProvider(t)
	got := names("", info.P.Schema(), info.Config, true)
	want := sdk.properties("", "providerArgs")
	for _, known := range []string{"assumeRole.roleArn", "assumeRoleWithWebIdentity.roleArn", "defaultTags.tags", "endpoints[].ecs", "ignoreTags.keys[]", "allowedAccountIds[]"} {
		if !slices.Contains(want, known) {
			t.Errorf("the SDK has no %s: this test has gone blind", known)
		}
	}
	compare(t, "aws", got, want)
}

func TestEveryTypeThatTheProgramMakesIsMapped(t *testing.T) {
	// The root module's tests write this list, from what the program registers.
	list, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "types.golden"))
	if err != nil {
		t.Fatal(err)
	}
	types := strings.Fields(string(list))
	if len(types) == 0 {
		t.Fatal("the list of types is empty, so there is nothing to test")
	}
	mapped := map[string]bool{}
	for _, m := range mappedResources {
		mapped[m.token()] = true
	}
	for _, token := range types {
		// What awsx makes of ECR and Docker needs more providers than are built here.
		if strings.HasPrefix(token, "aws:") && !strings.HasPrefix(token, "aws:ecr/") && !mapped[token] {
			t.Errorf("mappedResources in mapping.go has no %s: `make up` and the tests in e2e cannot make it", token)
		}
	}
}

func TestEveryFunctionHasTheTokenAndTheResultsOfTheSDK(t *testing.T) {
	sdk := readSDK(t)
	info := mappedProvider(t)
	for terraform, m := range mappedFunctions {
		t.Run(terraform, func(t *testing.T) {
			if !sdk.tokens[m.token()] {
				t.Fatalf("the SDK invokes nothing as %s: programs would find it unknown", m.token())
			}
			got := names("", info.P.DataSourcesMap().Get(terraform).Schema(), nil, false)
			got = append(got, "id")
			folder, name := m.module, upperFirst(m.name)+"Result"
			if folder == "index" {
				folder = ""
			}
			want := sdk.properties(folder, name)
			if want == nil { // Beside a resource of the same name, Get is what reads that.
				want = sdk.properties(folder, "Lookup"+strings.TrimPrefix(name, "Get"))
			}
			compare(t, terraform, dedupe(got), want)
		})
	}
}

func TestNamesThatPulumiMakesUpFitWhatAWSAllows(t *testing.T) {
	info := mappedProvider(t)
	const random = 8 // a hyphen and seven characters
	for terraform, length := range map[string]int{"aws_lb": 32, "aws_lb_target_group": 32, "aws_iam_role": 64, "aws_ecs_cluster": 255, "aws_ecs_service": 255, "aws_security_group": 255, "aws_cloudwatch_log_group": 255, "aws_iam_role_policy": 255, "aws_ssm_parameter": 255} {
		if name, err := madeUp(t, info, terraform, strings.Repeat("a", length-random)); err != nil || len(name) != length {
			t.Errorf("%s: got the name %q (%v), want one of %d characters: two stacks in one account would collide without it", terraform, name, err, length)
		}
		if name, err := madeUp(t, info, terraform, strings.Repeat("a", length-random+1)); err == nil {
			t.Errorf("%s: got the name %q of %d characters, which pulumi-aws refuses", terraform, name, len(name))
		}
	}
	for _, terraform := range []string{"aws_vpc", "aws_default_security_group", "aws_ecs_task_definition"} {
		if info.Resources[terraform].Fields["name"] != nil {
			t.Errorf("%s gets a name from Pulumi, and pulumi-aws gives it none", terraform)
		}
	}
}

// madeUp returns the name that Pulumi gives to a resource.
func madeUp(t *testing.T, info *tfbridge.ProviderInfo, terraform, name string) (string, error) {
	t.Helper()
	field := info.Resources[terraform].Fields["name"]
	if field == nil || field.Default == nil || field.Default.ComputeDefault == nil {
		return "", nil
	}
	made, err := field.Default.ComputeDefault(t.Context(), tfbridge.ComputeDefaultOptions{
		URN: resource.NewURN("stack", "project", "", info.Resources[terraform].Tok, name),
	})
	text, _ := made.(string)
	return text, err
}

// mappedProvider is the provider with its mapping, not started.
func mappedProvider(t *testing.T) *tfbridge.ProviderInfo {
	t.Helper()
	info, err := provider(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// names lists the properties below a schema as the bridge calls them, such as
// loadBalancers[].targetGroupArn: lists, and not the single elements that Terraform has
// in lists too, have brackets.
func names(prefix string, schema shim.SchemaMap, overrides map[string]*tfbridge.SchemaInfo, inputs bool) []string {
	var all []string
	schema.Range(func(name string, s shim.Schema) bool {
		if s.Removed() != "" || inputs && !s.Optional() && !s.Required() {
			return true
		}
		// Deeper down, as in the metrics of an alarm, an id is an input.
		if name == "id" && prefix == "" || name == "tags_all" && inputs || name == "timeouts" {
			return true
		}
		pulumi := tfbridge.TerraformToPulumiNameV2(name, schema, overrides)
		if list := s.Type() == shim.TypeList || s.Type() == shim.TypeSet; list && !tfbridge.IsMaxItemsOne(s, overrides[name]) {
			pulumi += "[]"
		}
		all = append(all, prefix+pulumi)
		var nested map[string]*tfbridge.SchemaInfo
		if o := overrides[name]; o != nil {
			nested = o.Fields
			if o.Elem != nil {
				nested = o.Elem.Fields
			}
		}
		if elem, ok := s.Elem().(shim.Resource); ok {
			all = append(all, names(prefix+pulumi+".", elem.Schema(), nested, inputs)...)
		}
		return true
	})
	return all
}

func compare(t *testing.T, terraform string, got, want []string) {
	t.Helper()
	if len(want) < 2 {
		t.Fatalf("found only %v in the SDK: this test has gone blind", want)
	}
	for _, name := range want {
		newer := slices.ContainsFunc(newerInSDK[terraform], func(start string) bool { return strings.HasPrefix(name, start) })
		if !newer && !slices.Contains(got, name) {
			t.Errorf("%s: the SDK has %s and the provider has not: what a program sets there would be lost", terraform, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s: the provider has %s and the SDK has not: they name something differently", terraform, name)
		}
	}
}

// sdkSource is the SDK's source.
type sdkSource struct {
	structs map[string]map[string]*ast.StructType // by folder and name
	tokens  map[string]bool
}

var tokenCall = regexp.MustCompile(`\.(?:RegisterResource|Invoke)\("(aws:[^"]+)"`)

func readSDK(t *testing.T) sdkSource {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-aws/sdk/v6")
	list.Dir = filepath.Join("..", "..", "..")
	out, err := list.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		t.Fatalf("find the SDK's source (go mod download in the repository's root brings it): %v\n%s", err, out)
	}
	sdk := sdkSource{structs: map[string]map[string]*ast.StructType{}, tokens: map[string]bool{}}
	root := filepath.Join(strings.TrimSpace(string(out)), "go", "aws")
	folders := map[string]bool{"": true}
	for _, m := range mappedResources {
		folders[m.module] = true
	}
	for folder := range folders {
		sdk.read(t, root, folder)
	}
	return sdk
}

// read reads one folder of the SDK: the files of what is mapped, and its types.
func (s sdkSource) read(t *testing.T, root, folder string) {
	t.Helper()
	s.structs[folder] = map[string]*ast.StructType{}
	wanted := []string{"provider.go", "pulumiTypes.go", "pulumiTypes1.go", "pulumiTypes2.go"}
	for _, m := range mappedResources {
		wanted = append(wanted, lowerFirst(m.name)+".go")
	}
	for _, m := range mappedFunctions {
		wanted = append(wanted, m.name+".go")
	}
	for _, file := range wanted {
		path := filepath.Join(root, folder, file)
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range tokenCall.FindAllStringSubmatch(string(content), -1) {
			s.tokens[match[1]] = true
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if structure, ok := spec.Type.(*ast.StructType); ok {
					s.structs[folder][spec.Name.Name] = structure
				}
			}
			return true
		})
	}
}

// properties lists the properties of a struct and those below it.
func (s sdkSource) properties(folder, name string) []string { return s.below(folder, name, "", 0) }

func (s sdkSource) below(folder, name, prefix string, depth int) []string {
	structure, ok := s.structs[folder][name]
	if !ok || depth > 8 {
		return nil
	}
	var all []string
	for _, field := range structure.Fields.List {
		if field.Tag == nil {
			continue
		}
		property := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi")
		property, _, _ = strings.Cut(property, ",")
		if property == "" || property == "tagsAll" && depth == 0 && strings.HasSuffix(name, "Args") {
			continue
		}
		if _, list := field.Type.(*ast.ArrayType); list {
			property += "[]"
		}
		all = append(all, prefix+property)
		all = append(all, s.below(folder, typeName(field.Type), prefix+property+".", depth+1)...)
	}
	return all
}

// typeName is Thing for Thing, *Thing and []Thing.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ArrayType:
		return typeName(e.Elt)
	case *ast.Ident:
		return e.Name
	default:
		return fmt.Sprintf("%T", e)
	}
}

func dedupe(words []string) []string { slices.Sort(words); return slices.Compact(words) }

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
