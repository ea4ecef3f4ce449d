package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/internal/pages"
)

// TestTheLabGoesAsItsPageSays types every command of docs/lab.md, both ways through it.
// docs/lab.ko.md has the same blocks, which a test of the program holds.
func TestTheLabGoesAsItsPageSays(t *testing.T) {
	t.Parallel()
	local, aws := lab(t)
	t.Run("on the emulator", func(t *testing.T) {
		t.Parallel()
		if errNoContainers != nil {
			t.Skipf("no test of containers: %v", errNoContainers)
		}
		newTerminal(t).follow(t, local)
	})
	t.Run("on AWS", func(t *testing.T) {
		t.Parallel()
		s := newContainers(t) // In the place of AWS.
		at := terminal{copyOfTheTree(t), slices.Concat(s.Command(t.Context()).Env, []string{"PULUMI_SKIP_CONFIRMATIONS=true"})}
		at.follow(t, aws)
		assertNothingLeft(t, s)
	})
}

// lab are the blocks of the lab, those for the emulator and those for AWS.
func lab(t *testing.T) (local, aws []pages.Example) {
	t.Helper()
	all, err := pages.Read("..")
	must(t, err, "the pages can't be read")
	at := slices.IndexFunc(all, func(p pages.Page) bool { return p.File == "docs/lab.md" })
	if at < 0 {
		t.Fatal("there is no lab, so nobody tries it")
	}
	for _, block := range all[at].Examples {
		switch {
		case block.Language == "":
		case strings.Contains(block.Text, "make "):
			local = append(local, block)
		default:
			aws = append(aws, block)
		}
	}
	const least = 7 // Up, the page, a new version, one that fails, the page, back, the end.
	if len(local) < least || len(aws) != len(local) {
		t.Fatalf("the lab has %d blocks for the emulator and %d for AWS: whoever follows one of the two misses a step", len(local), len(aws))
	}
	return local, aws
}

// follow types all blocks in their order, and wants each command to print what the page
// shows, to fail where that is an error, and the tree to be at the end what it was.
func (at terminal) follow(t *testing.T, blocks []pages.Example) {
	t.Helper()
	at.run(t, "git init --quiet && git add --all && git -c user.name=lab -c user.email=lab@example.com commit --quiet --message lab")
	failed := 0
	for _, block := range blocks {
		for command := range strings.Lines(block.Commands()) {
			command = strings.TrimSpace(command)
			page := block.Output(command)
			really, err := at.typed(t, command)
			if fails := strings.Contains(page, "error:"); fails != (err != nil) {
				t.Fatalf("%s: %s ends with %v, and the page shows\n%s\n%s", block.Where, command, err, page, really)
			} else if fails {
				failed++
				assertTold(t, really, "TaskFailedToStart", "CannotPullContainerError")
			}
			if page != "" {
				shown{block.Where, ordered(tidied(page)), ordered(tidied(really))}.wantExcerpt(t)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing fails in the lab, and its readers are promised that a version does")
	}
	if changed := at.run(t, "git status --porcelain"); changed != "" {
		t.Errorf("the lab leaves changed files behind:\n%s", changed)
	}
}

// terminal is a copy of the tree in which commands are typed.
type terminal struct {
	dir         string
	environment []string
}

// newTerminal has an emulator of its own for `make up`, which ends with the test.
func newTerminal(t *testing.T) terminal {
	t.Helper()
	at := terminal{copyOfTheTree(t), started}
	at.run(t, fmt.Sprintf(`make pulumi ARGS="config set local:emulator http://127.0.0.1:%d"`, freePort(t)))
	t.Cleanup(func() {
		down := exec.Command("make", "down")
		down.Dir, down.Env = at.dir, at.environment
		if output, err := down.CombinedOutput(); err != nil {
			t.Errorf("the emulator stays behind: %s", output)
		}
	})
	return at
}

// typed runs a command, and returns what it prints.
func (at terminal) typed(t *testing.T, command string) (string, error) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sh", "-c", command)
	shell.Dir, shell.Env = at.dir, at.environment
	output, err := shell.CombinedOutput()
	return string(output), err
}

// run runs a command that does not fail.
func (at terminal) run(t *testing.T, command string) string {
	t.Helper()
	output, err := at.typed(t, command)
	must(t, err, command+" fails: "+output)
	return output
}
