package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ecs-sample-app/internal/testprogram"
	"ecs-sample-app/tools/toolchain"
)

// TestMakeShowsWhyABuildFailsAndNotWhatGoDownloads runs the Makefile with a stand-in
// for go, in a folder without modules.
func TestMakeShowsWhyABuildFailsAndNotWhatGoDownloads(t *testing.T) {
	program, err := exec.LookPath("make")
	if err != nil {
		t.Skip("make is not installed")
	}
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tools"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	testprogram.Write(t, filepath.Join(bin, "go"), `#!/bin/sh
echo 'go: downloading example.com/a v1.0.0' >&2
if [ -n "$BROKEN" ]; then echo '# example.com/x' >&2; echo 'x.go:1:1: the reason' >&2; exit 1; fi
: > "$3"
`)
	for _, target := range []string{".local/local", ".local/diff", ".local/tests"} {
		build := func(variables ...string) (string, error) {
			command := exec.CommandContext(t.Context(), program, "--silent", target)
			command.Dir = dir
			command.Env = append(append(os.Environ(), "MAKEFLAGS=", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")), variables...)
			out, err := command.CombinedOutput()
			return string(out), err
		}
		out, err := build("BROKEN=1")
		if err == nil || !strings.Contains(out, "# example.com/x\nx.go:1:1: the reason\n") || strings.Contains(out, "downloading") {
			t.Errorf("%s: a build that fails gives %v and\n%s", target, err, out)
		}
		if out, err := build(); err != nil || out != "" {
			t.Errorf("%s: a build gives %v and\n%s", target, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, target)); err != nil {
			t.Errorf("%s is not built: %v", target, err)
		}
	}
}
