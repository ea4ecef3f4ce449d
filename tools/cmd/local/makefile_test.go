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

// TestAnotherProgramUsesTheComponentsByTheNameThatMakeGivesTheModule renames a copy of
// the repository, and compiles it and a program of another module that imports it.
func TestAnotherProgramUsesTheComponentsByTheNameThatMakeGivesTheModule(t *testing.T) {
	for _, program := range []string{"make", "git", "perl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	copied, outside := t.TempDir(), t.TempDir()
	run := func(dir, script string) (string, error) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "sh", "-ec", script)
		command.Dir = dir
		command.Env = append(os.Environ(), "MAKEFLAGS=", "COPY="+copied)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	must := func(dir, script string) {
		t.Helper()
		if out, err := run(dir, script); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
	}
	must(root, `git ls-files -z --cached --others --exclude-standard | xargs -0 tar --create --ignore-failed-read --file - | tar --extract --file - --directory "$COPY"`)
	must(copied, "git init --quiet && git add . && make --silent module NAME=github.com/acme/shop")

	if out, err := run(copied, `! grep -rl '"ecs-sample-app/' --include='*.go' --include='*.md' . && ! grep -rl 'ecs-sample-app' --include=go.mod .`); err != nil {
		t.Errorf("these files have the old name:\n%s", out)
	}
	must(copied, "go build . ./components/... ./problem && go vet ./problem")
	const program = `package main

import (
	"errors"
	"fmt"

	"github.com/acme/shop/components/network"
	"github.com/acme/shop/problem"
)

func main() {
	var all problem.Problems
	if errors.As(network.Args{AvailabilityZones: 9}.Validate(), &all) {
		fmt.Println(all[0].Path)
	}
}
`
	if err := os.WriteFile(filepath.Join(outside, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	must(outside, `cp "$COPY/go.mod" "$COPY/go.sum" . && go mod edit -module example.com/outside -require github.com/acme/shop@v0.0.0 -replace "github.com/acme/shop=$COPY"`)
	if out, err := run(outside, "go run ."); err != nil || out != "availabilityZones\n" {
		t.Errorf("a program outside says %q, %v", out, err)
	}

	for name, want := range map[string]string{"": "the name is missing", "a b": "malformed import path"} {
		if out, err := run(copied, "make --silent module NAME='"+name+"'"); err == nil || !strings.Contains(out, want) {
			t.Errorf("the name %q is answered with %q, %v", name, out, err)
		}
	}
}

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
