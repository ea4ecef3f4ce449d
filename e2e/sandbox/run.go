package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Step is what the engine does, or would do, with one resource.
type Step struct {
	Op   apitype.OpType
	Name string
	// Diffs are the properties that differ.
	Diffs []string
}

func (s Step) String() string {
	if len(s.Diffs) == 0 {
		return fmt.Sprintf("%s %s", s.Op, s.Name)
	}
	return fmt.Sprintf("%s %s (%s)", s.Op, s.Name, strings.Join(s.Diffs, ", "))
}

// Run is what the engine's event log tells of one command.
type Run struct {
	// Changes are the steps that change something, sorted by name and operation.
	// A replacement is its three steps: create-replacement, replace and
	// delete-replaced.
	Changes []Step
	// Providers are the packages of all plugins that had a resource, sorted.
	Providers []string
	// Messages are the diagnostics, as the CLI shows them.
	Messages []string

	refreshed []string // URNs whose refresh goes on
}

// Preview runs `pulumi preview`.
func (s *Sandbox) Preview(ctx context.Context, options ...optpreview.Option) (*Run, error) {
	return record(func(stream chan<- events.EngineEvent) error {
		_, err := s.Stack.Preview(ctx, append(options, optpreview.EventStreams(stream))...)
		return err
	})
}

// Up runs `pulumi up`.
func (s *Sandbox) Up(ctx context.Context, options ...optup.Option) (*Run, error) {
	return record(func(stream chan<- events.EngineEvent) error {
		_, err := s.Stack.Up(ctx, append(options, optup.EventStreams(stream))...)
		return err
	})
}

// PreviewRefresh runs `pulumi refresh --preview-only`.
func (s *Sandbox) PreviewRefresh(ctx context.Context) (*Run, error) {
	return record(func(stream chan<- events.EngineEvent) error {
		_, err := s.Stack.PreviewRefresh(ctx, optrefresh.EventStreams(stream))
		return err
	})
}

// Destroy runs `pulumi destroy`.
func (s *Sandbox) Destroy(ctx context.Context) (*Run, error) {
	return record(func(stream chan<- events.EngineEvent) error {
		_, err := s.Stack.Destroy(ctx, optdestroy.EventStreams(stream))
		return err
	})
}

// record runs a command and collects its events. The Automation API closes the
// stream once it has started to read, and a command that never started sends none.
func record(command func(chan<- events.EngineEvent) error) (*Run, error) {
	stream := make(chan events.EngineEvent)
	run, done := &Run{}, make(chan error, 1)
	go func() { done <- command(stream) }()
	var lost error
	for {
		select {
		case event, open := <-stream:
			switch {
			case !open:
				stream = nil
			case event.Error != nil:
				lost = fmt.Errorf("read the engine's event log: %w", event.Error)
			default:
				run.add(event.EngineEvent)
			}
		case err := <-done:
			run.sort()
			if err == nil {
				err = lost
			}
			return run, err
		}
	}
}

// add notes one event.
func (r *Run) add(event apitype.EngineEvent) {
	switch {
	case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity != "debug":
		r.Messages = append(r.Messages, event.DiagnosticEvent.Message)
	case event.ResourcePreEvent != nil:
		r.addStep(event.ResourcePreEvent.Metadata)
	case event.ResOutputsEvent != nil:
		r.addFound(event.ResOutputsEvent.Metadata)
	}
}

func (r *Run) addStep(m apitype.StepEventMetadata) {
	if pkg, _, ok := strings.Cut(m.Type, ":"); ok && pkg != "pulumi" && m.Provider != "" {
		r.Providers = append(r.Providers, pkg)
	}
	if m.Op == apitype.OpRefresh {
		r.refreshed = append(r.refreshed, m.URN)
	}
	if m.Op != apitype.OpSame && m.Op != apitype.OpRefresh && m.Op != apitype.OpRead {
		r.Changes = append(r.Changes, step(m))
	}
}

// addFound notes what a refresh found, which it knows only after its step.
func (r *Run) addFound(m apitype.StepEventMetadata) {
	if slices.Contains(r.refreshed, m.URN) && m.Op != apitype.OpSame && (m.Op != apitype.OpRefresh || len(m.DetailedDiff) > 0) {
		m.Op = apitype.OpRefresh
		r.Changes = append(r.Changes, step(m))
	}
	r.refreshed = slices.DeleteFunc(r.refreshed, func(urn string) bool { return urn == m.URN })
}

func step(m apitype.StepEventMetadata) Step {
	diffs := m.Diffs
	if len(diffs) == 0 {
		for path := range m.DetailedDiff {
			diffs = append(diffs, path)
		}
	}
	slices.Sort(diffs)
	return Step{Op: m.Op, Name: nameOf(m.URN), Diffs: diffs}
}

func (r *Run) sort() {
	slices.SortFunc(r.Changes, func(a, b Step) int { return strings.Compare(a.Name+" "+string(a.Op), b.Name+" "+string(b.Op)) })
	slices.Sort(r.Providers)
	r.Providers = slices.Compact(r.Providers)
}

// Summary is the changes as text, one a line, for a comparison or a message.
func (r *Run) Summary() string {
	lines := make([]string, len(r.Changes))
	for i, change := range r.Changes {
		lines[i] = change.String()
	}
	return strings.Join(lines, "\n")
}

// UpRefreshed runs `pulumi up --refresh`.
func (s *Sandbox) UpRefreshed(ctx context.Context) (*Run, error) {
	return s.Up(ctx, optup.Refresh())
}
