package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ecs-sample-app/tools/emulator"
)

// sayPage says where the page is, and on what the tasks run.
func (l local) sayPage(ctx context.Context, address string) {
	about, ours := emulator.Ask(ctx, address)
	if !ours || len(about.Pages) == 0 {
		return
	}
	l.say("the page: %s", strings.Join(about.Pages, ", "))
	if about.Engine == "" {
		l.say("no task runs behind it, because no container engine answers (%s). %s",
			strings.ReplaceAll(about.Missing, "\n", "; "), emulator.Advice)
		return
	}
	l.say("the tasks run as containers of %s; their logs: `make logs`", about.Engine)
}

// logs prints what the tasks of this checkout's emulator have logged, the oldest first.
func (l local) logs(ctx context.Context, out io.Writer) error {
	address, err := l.address()
	if err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(l.root, configFile))
	if err != nil {
		return err
	}
	lines, err := emulator.Logs(ctx, address, region(config))
	if err != nil {
		return fmt.Errorf("read the logs from the emulator at %s, which `make up` starts: %w", address, err)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "%s %s %s\n", line.Time.Format(time.RFC3339), line.Stream, line.Message); err != nil {
			return err
		}
	}
	return nil
}
