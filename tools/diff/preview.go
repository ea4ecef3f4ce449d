// Package diff tells in words what a change of the program does to a stack: what is
// replaced, deleted, updated and created, what of that hurts, and what it costs.
//
// It reads the event log that `pulumi preview` writes and renders Markdown for a
// pull request, whose author chooses the names and values in it: none of them can
// get out of the place that it is shown in.
package diff

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Op is what happens to a resource.
type Op string

// The operations, in the order in which a reader should see them.
const (
	Replace Op = "replace"
	Delete  Op = "delete"
	Update  Op = "update"
	Create  Op = "create"
)

// order is that of the summary: what hurts comes first.
var order = []Op{Replace, Delete, Update, Create}

// operations are the engine's, by the names in its event log. Those with an empty
// value change nothing, or are a part of a replacement, which has a step of its own.
// https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#OpType
var operations = map[string]Op{
	"create":  Create,
	"import":  Create,
	"update":  Update,
	"delete":  Delete,
	"replace": Replace,

	"same":                   "",
	"read":                   "",
	"read-replacement":       "",
	"refresh":                "",
	"discard":                "",
	"discard-replaced":       "",
	"create-replacement":     "",
	"import-replacement":     "",
	"delete-replaced":        "",
	"remove-pending-replace": "",
}

// stackType is the type of the stack itself, which is no resource of its own.
const stackType = "pulumi:pulumi:Stack"

// Resource is one resource as the program asks for it.
type Resource struct {
	// URN is Pulumi's name for it, unique in the stack.
	URN string
	// Type is its token, such as aws:lb/loadBalancer:LoadBalancer.
	Type   string
	custom bool // rather than a component
	// Parent is the URN of the component that it belongs to.
	Parent string
	// Inputs are the properties that the program gives it. What is known only after
	// a deployment is the string unknown.
	Inputs map[string]any
	// Outputs are the properties that AWS gave back. A resource that is not
	// deployed yet has none.
	Outputs map[string]any
}

// Name is the resource's name in the program.
func (r Resource) Name() string {
	_, name, ok := cutLast(r.URN, "::")
	if !ok {
		return r.URN
	}
	return name
}

// Change is what happens to one resource.
type Change struct {
	Resource
	Op Op
	// Properties are those that differ, those that force a replacement first. Of a
	// resource that is created, they are those that the program gives it; one that is
	// deleted has none.
	Properties []Property
}

// Preview is what a preview says.
type Preview struct {
	// Changes are sorted by operation and then by name.
	Changes []Change
	// Outputs are those of the stack that change.
	Outputs []Property
	// Before and After are all resources of the stack, without the stack itself.
	Before, After []Resource
	// Same is the number of resources that stay as they are.
	Same int
	// Errors are what the engine, the provider and the program complain about. With
	// any, the preview is not whole.
	Errors []string
}

// Verdict is how much a change asks of its reviewer.
type Verdict int

// From nothing to look at to what must not be merged unread.
const (
	NoChange Verdict = iota
	Harmless
	Dangerous
)

// Verdict judges the preview. It is Dangerous where something that holds state or
// serves traffic is replaced or deleted.
func (p *Preview) Verdict() Verdict {
	switch {
	case len(p.Warnings()) > 0:
		return Dangerous
	case len(p.Changes)+len(p.Outputs) > 0:
		return Harmless
	default:
		return NoChange
	}
}

// event is a line of the engine's event log, as far as it is read.
// https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#EngineEvent
type event struct {
	ResourcePreEvent *struct {
		Metadata step `json:"metadata"`
	} `json:"resourcePreEvent"`
	ResOutputsEvent *struct {
		Metadata step `json:"metadata"`
	} `json:"resOutputsEvent"`
	DiagnosticEvent *struct {
		Message  string `json:"message"`
		Severity string `json:"severity"`
	} `json:"diagnosticEvent"`
	SummaryEvent *struct{} `json:"summaryEvent"`
}

type step struct {
	Op           string            `json:"op"`
	URN          string            `json:"urn"`
	Type         string            `json:"type"`
	Old          *state            `json:"old"`
	New          *state            `json:"new"`
	Keys         []string          `json:"keys"`
	Diffs        []string          `json:"diffs"`
	DetailedDiff map[string]detail `json:"detailedDiff"`
}

type state struct {
	Custom  bool           `json:"custom"`
	Parent  string         `json:"parent"`
	Inputs  map[string]any `json:"inputs"`
	Outputs map[string]any `json:"outputs"`
}

type detail struct {
	Kind string `json:"diffKind"`
}

// Parse reads the event log of a preview, and masks what is secret. A log that ends
// early is an error: half of the changes would pass for all of them.
func Parse(log io.Reader, secrets []string) (*Preview, error) {
	p, complete := &Preview{}, false
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				return nil, fmt.Errorf("read the engine's event log: %w", err)
			}
			complete = complete || e.SummaryEvent != nil
			e.mask(secrets)
			if err := p.add(e); err != nil {
				return nil, err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the engine's event log: %w", err)
		}
	}
	if !complete && len(p.Errors) == 0 {
		return nil, errors.New("the engine's event log ends before its summary: the preview was cut off")
	}
	slices.SortStableFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Op), slices.Index(order, b.Op)), cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.URN, b.URN))
	})
	return p, nil
}

// mask takes secrets out of all values of the event.
func (e event) mask(secrets []string) {
	var steps []step
	if e.ResourcePreEvent != nil {
		steps = append(steps, e.ResourcePreEvent.Metadata)
	}
	if e.ResOutputsEvent != nil {
		steps = append(steps, e.ResOutputsEvent.Metadata)
	}
	for _, s := range steps {
		for _, state := range []*state{s.Old, s.New} {
			if state != nil {
				maskAll(state.Inputs, secrets)
				maskAll(state.Outputs, secrets)
			}
		}
	}
}

// add notes one event.
func (p *Preview) add(e event) error {
	switch {
	case e.DiagnosticEvent != nil && e.DiagnosticEvent.Severity == "error":
		p.Errors = append(p.Errors, strings.TrimSpace(e.DiagnosticEvent.Message))
	case e.ResOutputsEvent != nil && e.ResOutputsEvent.Metadata.Type == stackType:
		// The stack's outputs are known with its second event, once the program has ended.
		m := e.ResOutputsEvent.Metadata
		p.Outputs = compareAll(m.Old.outputs(), m.New.outputs())
	case e.ResourcePreEvent != nil && e.ResourcePreEvent.Metadata.Type != stackType:
		return p.addStep(e.ResourcePreEvent.Metadata)
	}
	return nil
}

func (p *Preview) addStep(s step) error {
	op, known := operations[s.Op]
	if !known {
		return fmt.Errorf("the engine's event log has the operation %q, which is not known here", s.Op)
	}
	before, after := s.resource(s.Old), s.resource(s.New)
	switch {
	case s.Op == "same":
		p.Same++
		after = before // What is known of it later is what is known already.
	case op == "":
		return nil
	}
	if op != Create {
		p.Before = append(p.Before, before)
	}
	if op != Delete {
		p.After = append(p.After, after)
	}
	switch op {
	case "":
	case Create:
		p.Changes = append(p.Changes, Change{Resource: after, Op: op, Properties: given(after.Inputs)})
	case Delete:
		p.Changes = append(p.Changes, Change{Resource: before, Op: op})
	default:
		p.Changes = append(p.Changes, Change{Resource: after, Op: op, Properties: s.properties()})
	}
	return nil
}

func (s step) resource(of *state) Resource {
	if of == nil {
		return Resource{URN: s.URN, Type: s.Type}
	}
	return Resource{URN: s.URN, Type: s.Type, custom: of.Custom, Parent: of.Parent, Inputs: of.Inputs, Outputs: of.Outputs}
}

func (s *state) outputs() map[string]any {
	if s == nil {
		return nil
	}
	return s.Outputs
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
