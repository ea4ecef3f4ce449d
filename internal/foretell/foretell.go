// Package foretell says in words what the CLI's table does not: in a preview, what comes of
// a change for requests, and in an update, what it waits for.
package foretell

import (
	"context"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
)

// Replaced logs a line about a resource if a preview finds that made is still to be
// made, but kept exists and stays. Both are IDs or ARNs. A program does not get to see
// what the stack was before; but a preview knows the ID of whatever stays, and not that
// of what is created or replaced. So choose for kept something that exists only if there
// was a made before.
//
// It returns at once and holds up no registration. The preview ends after the line.
func Replaced(ctx *pulumi.Context, about pulumi.Resource, line string, made, kept pulumi.Output) {
	if !ctx.DryRun() {
		return
	}
	// The program's end waits for the outputs of its context, so also for this one.
	_, said, _ := ctx.NewOutput()
	go func() {
		defer said(nil)
		if is(ctx.Context(), kept, true) && is(ctx.Context(), made, false) {
			_ = ctx.Log.Info(line, &pulumi.LogArgs{Resource: about}) // A line that is lost stops nothing.
		}
	}()
}

// Waits logs a line about a resource if an update waits for an output of it longer than
// this. The line is known before the output. It returns at once.
func Waits(ctx *pulumi.Context, about pulumi.Resource, until pulumi.Output, quick time.Duration, line pulumi.StringOutput) {
	if ctx.DryRun() {
		return
	}
	_, said, _ := ctx.NewOutput()
	known := make(chan struct{})
	go func() {
		defer close(known)
		_, _ = internals.UnsafeAwaitOutput(ctx.Context(), until) // A failure is reported by what failed.
	}()
	go func() {
		defer said(nil)
		text, err := internals.UnsafeAwaitOutput(ctx.Context(), line)
		if err != nil || !text.Known {
			return
		}
		select {
		case <-known:
		case <-time.After(quick):
			_ = ctx.Log.Info(text.Value.(string), &pulumi.LogArgs{Resource: about}) // A line that is lost stops nothing.
		}
	}()
}

// is tells whether an output ends up known, or unknown. One that fails is neither: the
// failure is reported by whatever failed.
func is(ctx context.Context, o pulumi.Output, known bool) bool {
	found, err := internals.UnsafeAwaitOutput(ctx, o)
	return err == nil && found.Known == known
}
