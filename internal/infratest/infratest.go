// Package infratest runs Pulumi programs with mocks and records what they
// register, for tests to assert on. It also holds their configs to what people
// read of them.
package infratest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Where and as what programs run.
const (
	Project   = "ecs-sample-app"
	Stack     = "dev"
	Account   = "123456789012"
	Region    = "us-east-1"
	Partition = "aws"
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

// Both runs a test in each mode.
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
	// SecretKeys are the keys of Config that hold a secret.
	SecretKeys []string
	// Zones are what AWS lists as the region's zones. Default us-east-1a to -d,
	// in no order.
	Zones []string
	// Rollout is the state of every deployment, as ECS tells it in an update.
	// Default COMPLETED.
	Rollout string
}

// Resource is one that was registered.
type Resource struct {
	Type, Name, URN, Parent string
	Inputs                  resource.PropertyMap
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
	Asked   []string
	outputs map[string]any
}

// Run runs a program and returns what it registered, and the program's error.
// An invoke or a resource type that the recorder does not know fails the test:
// with made-up answers it would prove nothing.
func Run(t testing.TB, program pulumi.RunFunc, o Options) (*Record, error) {
	t.Helper()
	mocks := &mocks{options: o, record: &Record{t: t, outputs: map[string]any{}}}
	err := pulumi.RunErr(mocks.withExports(program), pulumi.WithMocks(Project, Stack, mocks), func(info *pulumi.RunInfo) {
		info.DryRun = bool(o.Mode)
		info.Config = mocks.serve(t)
		info.ConfigSecretKeys = o.SecretKeys
	})
	for _, complaint := range mocks.complaints {
		t.Error(complaint)
	}
	slices.SortFunc(mocks.record.Resources, func(a, b Resource) int { return strings.Compare(a.URN, b.URN) })
	return mocks.record, err
}

// MustRun is Run for a program that has to succeed.
func MustRun(t testing.TB, program pulumi.RunFunc, o Options) *Record {
	t.Helper()
	record, err := Run(t, program, o)
	if err != nil {
		t.Fatalf("the program failed: %v", err)
	}
	if len(record.Resources) == 0 {
		t.Fatalf("nothing was registered, so there is nothing to test")
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

// WantNames wants a program's resources to have just these names, in both
// modes. Names are API: without an alias a rename replaces what runs.
func WantNames(t *testing.T, program pulumi.RunFunc, want ...string) {
	t.Helper()
	Both(t, func(t *testing.T, mode Mode) {
		t.Helper()
		if got := MustRun(t, program, Options{Mode: mode}).Names(); !slices.Equal(got, want) {
			t.Errorf("the children are %v, not %v: without an alias a rename replaces what runs", got, want)
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
		for name, output := range ctx.GetCurrentExportMap() {
			pulumi.ToOutput(output).ApplyT(func(value any) any {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.record.outputs[name] = value
				return value
			})
		}
		return nil
	}
}

// NewResource records a registration and answers as the provider would.
func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rpc := args.RegisterRPC
	parentType := resource.URN(rpc.GetParent()).QualifiedType()
	if parentType == resource.RootStackType {
		parentType = ""
	}
	found := Resource{
		Type:       args.TypeToken,
		Name:       args.Name,
		URN:        string(resource.NewURN(Stack, Project, parentType, tokens.Type(args.TypeToken), args.Name)),
		Parent:     rpc.GetParent(),
		Inputs:     args.Inputs,
		Custom:     args.Custom,
		Remote:     rpc.GetRemote(),
		DependsOn:  rpc.GetDependencies(),
		InputsFrom: map[string][]string{},

		IgnoreChanges:    rpc.GetIgnoreChanges(),
		ReplaceOnChanges: rpc.GetReplaceOnChanges(),
		ReplacedWith:     rpc.GetReplacementTrigger().GetStringValue(),
	}
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
	if !ok || m.options.Mode == Preview {
		return "", state, nil // The SDK takes what is not there as unknown.
	}
	for output, value := range outputs(args.Name, args.Inputs) {
		if _, given := state[output]; !given {
			state[output] = value
		}
	}
	if id, ok := state["id"]; ok {
		return id.StringValue(), state, nil
	}
	return args.Name + "-id", state, nil
}
