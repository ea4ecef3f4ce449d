package compare

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/tools/toolchain"
)

func TestAChangeMattersWhereTheProgramIsMadeOfIt(t *testing.T) {
	for file, want := range map[string]bool{
		"main.go": true, "go.mod": true, "go.sum": true, "Pulumi.yaml": true, "Pulumi.dev.yaml": true,
		"components/network/network.go": true, "internal/tags/tags.go": true, "app/index.html": true, "app/Dockerfile": true,
		"new/folder/file": true, "../outside/file.go": true,

		"Pulumi.local.yaml": false, "Pulumi.production.yaml": false, "main_test.go": false, "components/network/network_test.go": false,
		"README.md": false, "docs/performance.md": false, "e2e/main_test.go": false, "tools/diff/diff.go": false,
		".github/workflows/ci.yml": false, ".ci/run": false, "bootstrap/main.go": false, "testdata/dev.golden": false, "Makefile": false,
	} {
		if got := matters(file, "dev"); got != want {
			t.Errorf("%s: matters is %t: a change would %s", file, got, map[bool]string{true: "cost a deployment for nothing", false: "pass for none"}[got])
		}
	}
}

func TestAllThatTheProgramIsMadeOfMatters(t *testing.T) {
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,Standard,GoFiles,EmbedFiles", ".")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for packages := json.NewDecoder(bytes.NewReader(out)); packages.More(); {
		var p struct {
			Dir                 string
			Standard            bool
			GoFiles, EmbedFiles []string
		}
		if err := packages.Decode(&p); err != nil {
			t.Fatal(err)
		}
		dir, err := filepath.Rel(root, p.Dir)
		if err != nil || p.Standard || !filepath.IsLocal(dir) {
			continue
		}
		for _, file := range slices.Concat(p.GoFiles, p.EmbedFiles) {
			file = filepath.ToSlash(filepath.Join(dir, file))
			seen[file] = true
			if !matters(file, "dev") {
				t.Errorf("a change of %s would pass for none", file)
			}
		}
	}
	if !seen["main.go"] || !seen["app/index.html"] {
		t.Errorf("the test sees nothing of the program: %v", seen)
	}
}

func TestAllThatDiffersFromACommitIsFound(t *testing.T) {
	dir := newRepository(t)
	r, err := openRepository(t.Context(), filepath.Join(dir, "infra"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	assertChanged(t, r, nil)
	write(t, filepath.Join(dir, "infra", "kept"), "changed")
	write(t, filepath.Join(dir, "infra", "new"), "")
	write(t, filepath.Join(dir, "infra", "staged"), "")
	write(t, filepath.Join(dir, "infra", "ignored"), "")
	write(t, filepath.Join(dir, "elsewhere"), "changed")
	run(t, dir, "add", "infra/staged")
	if err := os.Remove(filepath.Join(dir, "infra", "gone")); err != nil {
		t.Fatal(err)
	}
	before := run(t, dir, "status", "--porcelain") + run(t, dir, "count-objects")
	assertChanged(t, r, []string{"elsewhere", "gone", "kept", "new", "staged"})
	if after := run(t, dir, "status", "--porcelain") + run(t, dir, "count-objects"); after != before {
		t.Errorf("the repository was changed:\n%s\nbefore it was:\n%s", after, before)
	}
}

func TestACommitIsCheckedOutAsItIs(t *testing.T) {
	dir := newRepository(t)
	write(t, filepath.Join(dir, "infra", "kept"), "changed")
	r, err := openRepository(t.Context(), filepath.Join(dir, "infra"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, err := r.checkout(t.Context(), "HEAD", filepath.Join(t.TempDir(), "tree"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(program, "kept"))
	if err != nil || string(content) != "as it was" {
		t.Errorf("the commit's file is %q, %v", content, err)
	}
	if worktrees := run(t, dir, "worktree", "list"); strings.Count(worktrees, "\n") != 1 {
		t.Errorf("a worktree stays behind:\n%s", worktrees)
	}
}

func TestTheTreeIsComparedWithWhereItHasParted(t *testing.T) {
	dir := newRepository(t)
	parted := strings.TrimSpace(run(t, dir, "rev-parse", "HEAD"))
	run(t, dir, "checkout", "--quiet", "-b", "main")
	run(t, dir, "commit", "--quiet", "--allow-empty", "--message", "Meanwhile")
	run(t, dir, "checkout", "--quiet", "-b", "feature", parted)
	run(t, dir, "commit", "--quiet", "--allow-empty", "--message", "Feature")
	r, err := openRepository(t.Context(), dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"main": parted, "HEAD~1": parted} {
		if got, err := r.commit(t.Context(), name); err != nil || got != want {
			t.Errorf("%s: compared with %s, %v: what others did meanwhile would look undone by this tree", name, got, err)
		}
	}
	for _, name := range []string{"nowhere", "--help", "", "HEAD:infra"} {
		if got, err := r.commit(t.Context(), name); err == nil || !strings.Contains(err.Error(), "there is no commit") {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
}

func TestOutsideOfARepositoryThereIsNothingToCompare(t *testing.T) {
	if _, err := openRepository(t.Context(), t.TempDir(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "two commits are compared") {
		t.Errorf("got %v", err)
	}
}

func assertChanged(t *testing.T, r *repository, want []string) {
	t.Helper()
	got, err := r.changed(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("changed are %q, want %q", got, want)
	}
}

// newRepository makes a repository with a program in its folder infra.
func newRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "init", "--quiet")
	write(t, filepath.Join(dir, "infra", "kept"), "as it was")
	write(t, filepath.Join(dir, "infra", "gone"), "")
	write(t, filepath.Join(dir, "infra", ".gitignore"), "ignored\n")
	write(t, filepath.Join(dir, "elsewhere"), "")
	run(t, dir, "add", ".")
	run(t, dir, "commit", "--quiet", "--message", "First")
	return dir
}

func run(t *testing.T, dir string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-C", dir}, arguments...)...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", arguments, err, out)
	}
	return string(out)
}
