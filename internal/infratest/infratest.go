// Package infratest runs Pulumi programs with mocks and records what they
// register, for tests to assert on. It also holds their configs to what people
// read of them.
package infratest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Project and Stack are those that programs run as.
const (
	Project = "ecs-sample-app"
	Stack   = "dev"
)

// Mode is what the engine does: it previews, and then most outputs are
// unknown, or it updates.
type Mode bool

// The modes that each test of a program should run in.
const (
	Update  Mode = false
	Preview Mode = true
)

// String names the mode, for subtests.
func (m Mode) String() string {
	if m == Preview {
		return "preview"
	}
	return "update"
}

// partitions are AWS's, with a region of each. A program that writes one of them into
// an ARN works in that one only.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
var partitions = []Options{
	{Partition: "aws", Region: "us-east-1"},
	{Partition: "aws-us-gov", Region: "us-gov-west-1"},
	{Partition: "aws-cn", Region: "cn-north-1"},
}

// Partitions runs a test in each partition, always as an update. The test hands the
// world that it gets to Run or MustRun, with a config of its own if it needs one.
func Partitions(t *testing.T, test func(t *testing.T, world Options)) {
	t.Helper()
	for _, world := range partitions {
		t.Run(world.Partition, func(t *testing.T) {
			t.Parallel()
			test(t, world.withDefaults())
		})
	}
}

// Everywhere is Partitions, and a preview in one of them. One is enough: what a
// preview does not know is the same in all.
func Everywhere(t *testing.T, test func(t *testing.T, world Options)) {
	t.Helper()
	Partitions(t, test)
	t.Run(Preview.String(), func(t *testing.T) {
		t.Parallel()
		test(t, Options{Mode: Preview}.withDefaults())
	})
}

// Both runs a test in each mode, for what does not depend on the partition.
func Both(t *testing.T, test func(t *testing.T, mode Mode)) {
	t.Helper()
	for _, mode := range []Mode{Update, Preview} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			test(t, mode)
		})
	}
}

// Options are the world that a program runs in.
type Options struct {
	Mode Mode
	// Config is the stack's config, by full keys such as ecs-sample-app:cpu.
	Config map[string]string
	// Stays are the names of the resources that a preview finds as they were, so that it
	// knows their outputs.
	Stays []string
	// Outputs are the stack's, from the update before.
	Outputs map[string]any
	// Images are the digests of those that the ECR repositories have, by tag; the one
	// without a tag is the youngest.
	Images map[string]string
	// Parameters are the values in the Parameter Store. By default there is one by any
	// name.
	Parameters map[string]string
	// LinkedRoles are the descriptions of the service-linked roles that the account has,
	// by name.
	LinkedRoles map[string]string
	// SecretKeys are the keys of Config, in full, whose values are secret.
	SecretKeys []string
	// Partition, Region and Account are where the program runs. Default aws,
	// us-east-1 and 123456789012.
	Partition, Region, Account string
	// HostedZones are the IDs of the public hosted zones in Route 53, by their names.
	// Default one, of example.com.
	HostedZones map[string][]string
	// VPCs are the networks that exist.
	VPCs []VPC
	// Zones are the region's ordinary zones, as AWS lists them. Default four, in no
	// order.
	Zones []string
	// Rollout is the state of every deployment, as ECS tells it in an update.
	// Default COMPLETED; ROLLED_BACK is one that failed, after which the revision
	// before runs again.
	Rollout string
}

func (o Options) withDefaults() Options {
	o.Partition = cmp.Or(o.Partition, "aws")
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Account = cmp.Or(o.Account, "123456789012")
	if o.HostedZones == nil {
		o.HostedZones = map[string][]string{"example.com": {"Z0123456789EXAMPLE"}}
	}
	if o.Zones == nil {
		o.Zones = []string{o.Region + "c", o.Region + "a", o.Region + "d", o.Region + "b"}
	}
	return o
}

// unknown tells whether nothing is known yet of what a provider adds to a resource.
func (o Options) unknown(name string) bool {
	return o.Mode == Preview && !slices.Contains(o.Stays, name)
}

// With is the same world with a config.
func (o Options) With(config map[string]string) Options {
	o.Config = config
	return o
}

// Resource is one that was registered.
type Resource struct {
	Type, Name, URN, Parent string
	// Provider is the provider that was named for it, empty for the default one.
	Provider string
	// Inputs are its inputs, those that are secret like the others. Secrets names
	// these, sorted. What a preview does not know yet is in neither.
	Inputs  resource.PropertyMap
	Secrets []string
	// Custom tells a resource of a provider from a component.
	Custom bool
	// Remote tells a component that a provider builds.
	Remote bool
	// DependsOn are the URNs of all resources that this one waits for.
	DependsOn []string
	// InputsFrom are, by input, the URNs of the resources that it comes from.
	InputsFrom map[string][]string
	// Timeouts are the custom timeouts: create, update, delete.
	Timeouts [3]string
	// IgnoreChanges are the inputs whose changes an update leaves alone.
	IgnoreChanges []string
	// ReplaceOnChanges are the inputs whose changes replace the resource where
	// the provider would update it.
	ReplaceOnChanges []string
	// ReplacedWith is the value whose change replaces the resource, where there
	// is one that is no input.
	ReplacedWith string
	// With Protect the engine refuses to delete the resource. With RetainOnDelete it
	// forgets it and leaves it in AWS.
	Protect, RetainOnDelete bool
	// Aliases are what the resource was before: a URN, or the name, type or parent
	// that differed, as name=old.
	Aliases []string
	// SecretOutputs are the outputs that are secret whatever the inputs are.
	SecretOutputs []string
}

// Call is an invoke that was made.
type Call struct {
	// Token is the function, Provider the one that was asked.
	Token, Provider string
}

// Record is what a program registered, asked and exported.
type Record struct {
	t         testing.TB
	Resources []Resource
	Calls     []Call
	// Asked are the actions of Amazon ECS that the program itself asked for.
	Asked []string
	// Said are the lines that the program wrote to the log, each after the name of the
	// resource that it is about, as in "web-rule: info: …", sorted.
	Said []string
	// SecretOutputs are the exports that are secret, sorted.
	SecretOutputs []string

	options Options
	outputs map[string]any
	// finished counts the resources, the stack among them, that registered their
	// outputs. The SDK's mocks do not say which.
	finished int
}

// Run runs a program and returns what it registered, and the program's error.
// An invoke or a resource type that the recorder does not know fails the test:
// with made-up answers it would prove nothing.
func Run(t testing.TB, program pulumi.RunFunc, o Options) (*Record, error) {
	t.Helper()
	o = o.withDefaults()
	mocks := &mocks{options: o, record: &Record{t: t, options: o, outputs: map[string]any{}}}
	err := pulumi.RunErr(mocks.withLog(mocks.withExports(program)), pulumi.WithMocks(Project, Stack, mocks), func(info *pulumi.RunInfo) {
		info.DryRun = bool(o.Mode)
		info.Config = mocks.serve(t)
		info.ConfigSecretKeys = o.SecretKeys
	})
	for _, complaint := range mocks.complaints {
		t.Error(complaint)
	}
	slices.Sort(mocks.record.SecretOutputs)
	slices.Sort(mocks.record.Said)
	slices.SortFunc(mocks.record.Resources, func(a, b Resource) int { return strings.Compare(a.URN, b.URN) })
	return mocks.record, err
}

// MustRun is Run for a program that has to succeed, and whose components have to
// register their outputs: the CLI shows a component that does not as one that is
// still being made, and its outputs are not in the state.
func MustRun(t testing.TB, program pulumi.RunFunc, o Options) *Record {
	t.Helper()
	record, err := Run(t, program, o)
	if err != nil {
		t.Fatalf("the program failed: %v", err)
	}
	if len(record.Resources) == 0 {
		t.Fatalf("nothing was registered, so there is nothing to test")
	}
	components := 0
	for _, found := range record.Resources {
		if !found.Custom && !found.Remote {
			components++
		}
	}
	if finished := record.finished - 1; finished != components {
		t.Errorf("%d of %d components register their outputs: the others stay unfinished in the CLI, and a guard among their outputs is not waited for",
			finished, components)
	}
	return record
}

// Get returns the resource of that name that a provider made, such as
// sample-app-vpc. A test that asks for one that is not there fails.
func (r *Record) Get(name string) Resource {
	r.t.Helper()
	for _, found := range r.Resources {
		if found.Name == name && (found.Custom || found.Remote) {
			return found
		}
	}
	r.t.Fatalf("no resource is called %s; there are %s", name, strings.Join(r.Names(), ", "))
	return Resource{}
}

// Type returns all resources of a type. A test that would look at none fails.
func (r *Record) Type(token string) []Resource {
	r.t.Helper()
	var found []Resource
	for _, candidate := range r.Resources {
		if candidate.Type == token {
			found = append(found, candidate)
		}
	}
	if len(found) == 0 {
		r.t.Fatalf("no resource has the type %s, so there is nothing to test", token)
	}
	return found
}

// Names are the names of all resources that providers made, sorted.
func (r *Record) Names() []string {
	var names []string
	for _, found := range r.Resources {
		if found.Custom || found.Remote {
			names = append(names, found.Name)
		}
	}
	slices.Sort(names)
	return names
}

// WaitsFor tells whether a resource waits for the named one, by an input or by
// an explicit dependency.
func (r *Record) WaitsFor(waiting Resource, name string) bool {
	r.t.Helper()
	return slices.Contains(waiting.DependsOn, r.Get(name).URN)
}

// String returns an input as text; a test that would compare nothing fails.
func (r *Record) String(from Resource, input string) string {
	r.t.Helper()
	value, ok := from.Inputs[resource.PropertyKey(input)]
	if !ok || !value.IsString() {
		r.t.Fatalf("%s has no text %s: %v", from.Name, input, from.Inputs)
	}
	return value.StringValue()
}

// Output returns what the program exported by that name; a test that would
// compare nothing fails.
func (r *Record) Output(name string) any {
	r.t.Helper()
	value, ok := r.outputs[name]
	if !ok {
		r.t.Fatalf("the program exported no known %s: %v", name, r.outputs)
	}
	return value
}

// OutputNames are the names of what the program exported and that is known, sorted.
func (r *Record) OutputNames() []string { return slices.Sorted(maps.Keys(r.outputs)) }

// Exported tells whether the program exported a value by that name that became
// known.
func (r *Record) Exported(name string) bool {
	_, ok := r.outputs[name]
	return ok
}

// WantNames wants a program's resources to have just these names, everywhere, and
// to be children of a component. Names are API: without an alias a rename replaces
// what runs.
func WantNames(t *testing.T, program pulumi.RunFunc, want ...string) {
	t.Helper()
	Everywhere(t, func(t *testing.T, world Options) {
		t.Helper()
		record := MustRun(t, program, world)
		if got := record.Names(); !slices.Equal(got, want) {
			t.Errorf("the children are %v, not %v: without an alias a rename replaces what runs", got, want)
		}
		record.wantParents()
	})
}

// wantParents wants each resource that a provider made to be in a component.
func (r *Record) wantParents() {
	r.t.Helper()
	for _, found := range r.Resources {
		if parent := resource.URN(found.Parent).QualifiedType(); (found.Custom || found.Remote) && parent == resource.RootStackType {
			r.t.Errorf("%s is not in a component: aliases, providers and options given to the component miss it", found.Name)
		}
	}
}

// WantOwnPartition wants no input and no export to name something in a partition
// of AWS's other than the program's own.
func (r *Record) WantOwnPartition() {
	r.t.Helper()
	other := func(value any) bool {
		for _, arn := range arnForm.FindAllStringSubmatch(fmt.Sprint(value), -1) {
			if arn[1] != r.options.Partition {
				return true
			}
		}
		return false
	}
	for _, found := range r.Resources {
		for input, value := range found.Inputs.Mappable() {
			if other(value) {
				r.t.Errorf("%s of %s names another partition than %s, where there is no such thing: %v", input, found.Name, r.options.Partition, value)
			}
		}
	}
	for name, value := range r.outputs {
		if other(value) {
			r.t.Errorf("the output %s names another partition than %s: %v", name, r.options.Partition, value)
		}
	}
}

// arnForm finds the partitions of ARNs in a text.
var arnForm = regexp.MustCompile(`\barn:(aws[a-z-]*):`)

// WantOwnProvider wants all that a program registers and asks to go through the
// provider that the component is given. program gets that option.
func WantOwnProvider(t *testing.T, program func(given pulumi.ResourceOption) pulumi.RunFunc) {
	t.Helper()
	const id = "elsewhere"
	Everywhere(t, func(t *testing.T, world Options) {
		t.Helper()
		record := MustRun(t, func(ctx *pulumi.Context) error {
			provider, err := aws.NewProvider(ctx, id, &aws.ProviderArgs{Region: pulumi.String(world.Region)})
			if err != nil {
				return err
			}
			return program(pulumi.Provider(provider))(ctx)
		}, world)
		for _, call := range record.Calls {
			if !strings.Contains(call.Provider, id) {
				t.Errorf("%s asks the default provider, and is told of another region or account", call.Token)
			}
		}
		for _, found := range record.Resources {
			if found.Custom && found.Name != id && !strings.Contains(found.Provider, id) {
				t.Errorf("%s is made by the default provider, in another region or account than the rest", found.Name)
			}
		}
	})
}

// WantRefused wants a program to fail with a problem at each of these paths,
// in this order, all at once and with nothing registered.
func WantRefused(t *testing.T, program pulumi.RunFunc, want ...string) {
	t.Helper()
	Both(t, func(t *testing.T, mode Mode) {
		t.Helper()
		problems := Refused(t, program, Options{Mode: mode})
		var paths []string
		for _, p := range problems {
			paths = append(paths, p.Path)
		}
		if !slices.Equal(paths, want) {
			t.Errorf("there are problems with %v, not with %v", paths, want)
		}
	})
}

// mocks stands for the engine and the providers.
type mocks struct {
	options Options

	mu         sync.Mutex
	record     *Record
	complaints []string
}

// withExports notes what a program exports, once it is known.
func (m *mocks) withExports(program pulumi.RunFunc) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		if err := program(ctx); err != nil {
			return err
		}
		for name, value := range ctx.GetCurrentExportMap() {
			output := pulumi.ToOutput(value)
			if pulumi.IsSecret(output) {
				m.mu.Lock()
				m.record.SecretOutputs = append(m.record.SecretOutputs, name)
				m.mu.Unlock()
			}
			if _, later := value.(pulumi.Output); !later {
				// The program's end waits for outputs of resources, and not for this one.
				plain, err := internals.UnsafeAwaitOutput(ctx.Context(), output)
				if err != nil {
					return err
				}
				m.mu.Lock()
				m.record.outputs[name] = plain.Value
				m.mu.Unlock()
				continue
			}
			output.ApplyT(func(value any) any {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.record.outputs[name] = value
				return value
			})
		}
		return nil
	}
}

// withLog notes what a program says, which the SDK's mocks throw away.
func (m *mocks) withLog(program pulumi.RunFunc) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		ctx.Log = said{ctx.Context(), m}
		return program(ctx)
	}
}

// said is a log that is kept.
type said struct {
	ctx context.Context
	*mocks
}

func (s said) note(severity, line string, args *pulumi.LogArgs) error {
	line = severity + ": " + line
	if args != nil && args.Resource != nil {
		about, err := internals.UnsafeAwaitOutput(s.ctx, args.Resource.URN())
		if err != nil {
			return err
		}
		line = resource.URN(about.Value.(pulumi.URN)).Name() + ": " + line
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record.Said = append(s.record.Said, line)
	return nil
}

// Debug keeps a line.
func (s said) Debug(line string, args *pulumi.LogArgs) error { return s.note("debug", line, args) }

// Info keeps a line.
func (s said) Info(line string, args *pulumi.LogArgs) error { return s.note("info", line, args) }

// Warn keeps a line.
func (s said) Warn(line string, args *pulumi.LogArgs) error { return s.note("warning", line, args) }

// Error keeps a line.
func (s said) Error(line string, args *pulumi.LogArgs) error { return s.note("error", line, args) }

// NewResource records a registration and answers as the provider would.
func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rpc := args.RegisterRPC
	if rpc == nil { // One that is read, in previews too, and not made.
		return args.ID, m.read(args.TypeToken), nil
	}
	parentType := resource.URN(rpc.GetParent()).QualifiedType()
	if parentType == resource.RootStackType {
		parentType = ""
	}
	found := Resource{
		Type:       args.TypeToken,
		Name:       args.Name,
		URN:        string(resource.NewURN(Stack, Project, parentType, tokens.Type(args.TypeToken), args.Name)),
		Parent:     rpc.GetParent(),
		Provider:   args.Provider,
		Inputs:     plain(resource.NewObjectProperty(args.Inputs)).ObjectValue(),
		Custom:     args.Custom,
		Remote:     rpc.GetRemote(),
		DependsOn:  rpc.GetDependencies(),
		InputsFrom: map[string][]string{},

		IgnoreChanges:    rpc.GetIgnoreChanges(),
		ReplaceOnChanges: rpc.GetReplaceOnChanges(),
		ReplacedWith:     rpc.GetReplacementTrigger().GetStringValue(),
		Protect:          rpc.GetProtect(),
		RetainOnDelete:   rpc.GetRetainOnDelete(),
		Aliases:          aliases(rpc),
		SecretOutputs:    rpc.GetAdditionalSecretOutputs(),
	}
	for input, value := range args.Inputs {
		if value.ContainsSecrets() {
			found.Secrets = append(found.Secrets, string(input))
		}
	}
	slices.Sort(found.Secrets)
	for input, from := range rpc.GetPropertyDependencies() {
		found.InputsFrom[input] = from.GetUrns()
	}
	if custom := rpc.GetCustomTimeouts(); custom != nil {
		found.Timeouts = [3]string{custom.GetCreate(), custom.GetUpdate(), custom.GetDelete()}
	}
	m.record.Resources = append(m.record.Resources, found)

	state := maps.Clone(args.Inputs)
	if !args.Custom && !rpc.GetRemote() {
		return "", state, nil
	}
	outputs, ok := computed[args.TypeToken]
	if !ok {
		m.complaints = append(m.complaints, fmt.Sprintf(
			"%s has the type %s, whose outputs the recorder does not know: add them to its table", args.Name, args.TypeToken))
	}
	if !ok || m.options.unknown(args.Name) {
		return "", secretly(state, found.SecretOutputs), nil // The SDK takes what is not there as unknown.
	}
	id := args.Name + "-id"
	for output, value := range outputs(m.options, args.Name, found.Inputs) {
		if output == "id" {
			id = value.StringValue()
		} else if _, given := state[output]; !given {
			state[output] = value
		}
	}
	return id, secretly(state, found.SecretOutputs), nil
}

// RegisterResourceOutputs counts the resources that registered their outputs.
func (m *mocks) RegisterResourceOutputs() (*emptypb.Empty, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.finished++
	return &emptypb.Empty{}, nil
}

// secretly marks outputs as secret, as the engine does.
func secretly(state resource.PropertyMap, outputs []string) resource.PropertyMap {
	for _, output := range outputs {
		key := resource.PropertyKey(output)
		if value, ok := state[key]; ok && !value.IsSecret() {
			state[key] = resource.MakeSecret(value)
		}
	}
	return state
}

// plain is a value without the mark that it, or something in it, is secret.
func plain(value resource.PropertyValue) resource.PropertyValue {
	switch {
	case value.IsSecret():
		return plain(value.SecretValue().Element)
	case value.IsArray():
		all := make([]resource.PropertyValue, len(value.ArrayValue()))
		for i, element := range value.ArrayValue() {
			all[i] = plain(element)
		}
		return resource.NewArrayProperty(all)
	case value.IsObject():
		all := resource.PropertyMap{}
		for key, element := range value.ObjectValue() {
			all[key] = plain(element)
		}
		return resource.NewObjectProperty(all)
	default:
		return value
	}
}

// aliases are what a resource was before.
func aliases(rpc *pulumirpc.RegisterResourceRequest) []string {
	all := slices.Clone(rpc.GetAliasURNs())
	for _, alias := range rpc.GetAliases() {
		if urn := alias.GetUrn(); urn != "" {
			all = append(all, urn)
			continue
		}
		var differs []string
		spec := alias.GetSpec()
		for _, field := range [][2]string{{"name", spec.GetName()}, {"type", spec.GetType()}, {"parent", spec.GetParentUrn()}} {
			if field[1] != "" {
				differs = append(differs, field[0]+"="+field[1])
			}
		}
		if spec.GetNoParent() {
			differs = append(differs, "no parent")
		}
		all = append(all, strings.Join(differs, " "))
	}
	return all
}
