package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/internal/pages"
	"ecs-sample-app/tools/toolchain"
)

// placeholders are words of the pages in whose place people put something of their own.
var placeholders = []struct{ word, value string }{
	{"KEY VALUE", "imageTag 2.4.66"},
	{"imageTag TAG", "imageTag 2.4.67"},
	{"' VALUE", "' 'correct horse'"},
	{"OWNER/NAME", "octo-org/sample-app"},
	{"MY-STATE", "octo-org-state"},
}

// standIns are programs that the pages call beside the commands that set config. These
// run; the others would reach GitHub or another stack.
var standIns = map[string]string{
	// The real CLI and the stack's own settings, and nothing that deploys.
	"pulumi": `case "$1" in
config) exec "$REAL_PULUMI" "$@" ;;
up | preview | stack) exit 0 ;;
esac
echo "no stand-in for pulumi $1" >&2
exit 1`,
	"gh": "echo 583231",
}

// makefile does what the repository's own does for make pulumi, and nothing that
// deploys.
const makefile = "pulumi:\n\t@pulumi $(ARGS)\nup preview:\n\t@true\n"

// desk is a folder with the projects, in which commands are typed.
type desk struct {
	s       *sandbox.Sandbox
	root    string
	bin     string
	initial map[string][]byte // the stack's file in each project
	tried   map[string]bool   // the stacks' files that a preview has accepted
}

// projects are the folders with a Pulumi.yaml.
var projects = []string{".", "bootstrap"}

func newDesk(t *testing.T) desk {
	t.Helper()
	_, err := bootstrapProgram()
	must(t, err, "the bootstrap does not compile")
	repository, err := toolchain.Root()
	must(t, err, "find the repository")
	d := desk{s: newSandbox(t), bin: t.TempDir(), initial: map[string][]byte{}, tried: map[string]bool{}}
	d.root = d.s.Stack.Workspace().WorkDir()
	must(t, d.s.Assume(t.Context(), map[string]string{ // What docs/production.md has in the account.
		"domain": "app.example.com", "vpcId": "vpc-0a1b2c3d4e5f60718",
		"publicSubnetIds":  `["subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"]`,
		"privateSubnetIds": `["subnet-0a1b2c3d4e5f60713", "subnet-0a1b2c3d4e5f60714"]`,
	}), "make up a network")
	putVersion(t, d.s, "2.4.66") // What docs/ci.md has another pipeline write.
	must(t, os.WriteFile(filepath.Join(d.root, "Makefile"), []byte(makefile), 0o600), "write a Makefile")
	for name, script := range standIns {
		must(t, os.WriteFile(filepath.Join(d.bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700), "write a stand-in")
	}
	for _, project := range projects {
		dir := filepath.Join(d.root, project)
		if project != "." {
			content, err := os.ReadFile(filepath.Join(repository, project, "Pulumi.yaml"))
			must(t, err, "read the project")
			must(t, os.MkdirAll(dir, 0o750), "make a folder")
			content = fmt.Appendf(content, "\nmain: %q\n", filepath.Join(repository, project))
			must(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), content, 0o600), "write the project")
			d.must(t, project, "stack", "init", sandbox.StackName)
		}
		// With what a secret is encrypted with, and a region, as in every stack.
		d.must(t, project, "config", "set", "aws:region", "us-east-1")
		d.must(t, project, "config", "set", "--secret", "local:salt", "x")
		d.must(t, project, "config", "rm", "local:salt")
		d.initial[project], err = os.ReadFile(d.file(project))
		must(t, err, "read the stack's file")
	}
	return d
}

func (d desk) file(project string) string {
	return filepath.Join(d.root, project, "Pulumi."+sandbox.StackName+".yaml")
}

// clear takes back all that was set.
func (d desk) clear(t *testing.T) {
	t.Helper()
	for project, content := range d.initial {
		must(t, os.WriteFile(d.file(project), content, 0o600), "write the stack's file")
	}
}

// pulumi runs the real CLI in a project.
func (d desk) pulumi(t *testing.T, project string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "pulumi", append(arguments, "--non-interactive")...)
	command.Dir, command.Env = filepath.Join(d.root, project), d.environment(t)
	output, err := command.CombinedOutput()
	return string(output), err
}

// environment is that of the sandbox, with the stack that commands without --stack mean.
func (d desk) environment(t *testing.T) []string {
	t.Helper()
	return slices.Concat(d.s.Command(t.Context()).Env, []string{"PULUMI_STACK=" + sandbox.StackName})
}

func (d desk) must(t *testing.T, project string, arguments ...string) {
	t.Helper()
	output, err := d.pulumi(t, project, arguments...)
	must(t, err, fmt.Sprintf("pulumi %s in %s: %s", strings.Join(arguments, " "), project, output))
}

// typed runs a script as a person types it, in a project's folder.
func (d desk) typed(t *testing.T, project, script string) (string, error) {
	t.Helper()
	cli, err := exec.LookPath("pulumi")
	must(t, err, "find the CLI")
	shell := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
	shell.Dir, shell.Stdin = filepath.Join(d.root, project), strings.NewReader("typed when asked for")
	shell.Env = slices.Concat(d.environment(t), []string{
		"REAL_PULUMI=" + cli, "PATH=" + d.bin + string(os.PathListSeparator) + os.Getenv("PATH"),
	})
	output, err := shell.CombinedOutput()
	return string(output), err
}

// sets tells whether a script changes config, and does not only name the command. One
// whose name is misspelt is among them, so that it fails.
var sets = regexp.MustCompile(`\bconfig [a-z-]+(?: -\S+)* +[^-\s]`)

// goesOn tells of a page that sets one stack up from its beginning to its end.
var goesOn = map[string]bool{"bootstrap/README.md": true}

func TestEveryCommandOfThePagesThatSetsConfigWorksAsItStands(t *testing.T) {
	t.Parallel()
	all, err := pages.Read("..")
	must(t, err, "the pages can't be read")
	d := newDesk(t)
	typed := map[string]int{}
	used := map[string]bool{}
	for _, page := range all {
		d.clear(t)
		for _, example := range page.Examples {
			script := example.Commands()
			if example.Language == "yaml" && strings.Contains(example.Text, sandbox.Project+":") {
				d.clear(t)
				d.write(t, example)
			} else if !sets.MatchString(script) {
				continue
			}
			if !goesOn[page.File] && script != "" {
				d.clear(t)
			}
			for _, p := range placeholders {
				used[p.word] = used[p.word] || strings.Contains(script, p.word)
				script = strings.ReplaceAll(script, p.word, p.value)
			}
			typed[page.File]++
			d.try(t, page.File, example, script)
		}
	}
	for file, least := range map[string]int{
		"README.md": 4, "docs/config.md": 12, "docs/ci.md": 2, "docs/operate.md": 3, "docs/production.md": 1, "docs/lab.md": 6, "docs/lab.ko.md": 6, "bootstrap/README.md": 4,
	} {
		if typed[file] < least {
			t.Errorf("%d examples of %s set something, and there were %d: the test sees too little", typed[file], file, least)
		}
	}
	for _, p := range placeholders {
		if !used[p.word] {
			t.Errorf("no page has %q to be filled in: take it out of the table", p.word)
		}
	}
}

// write puts a block into the stack's file, as it stands.
func (d desk) write(t *testing.T, block pages.Example) {
	t.Helper()
	text := block.Text
	if !strings.HasPrefix(text, "config:\n") {
		text = "config:\n" + text
	}
	text = strings.Replace(string(d.initial["."]), "config:\n", text, 1)
	must(t, os.WriteFile(d.file("."), []byte(text), 0o600), "write the stack's file")
}

// try types a script, and wants what is set to be accepted by a preview.
func (d desk) try(t *testing.T, page string, example pages.Example, script string) {
	t.Helper()
	project := "."
	if strings.HasPrefix(page, "bootstrap/") {
		project = "bootstrap"
	}
	from := project
	if strings.Contains(script, "cd bootstrap") {
		from = "."
	}
	if output, err := d.typed(t, from, script); err != nil {
		t.Errorf("%s: whoever types this gets an error (%v):\n%s\n%s", example.Where, err, script, output)
		return
	}
	file, err := os.ReadFile(d.file(project))
	must(t, err, "read the stack's file")
	if d.tried[string(file)] {
		return
	}
	d.tried[string(file)] = true
	output, err := d.pulumi(t, project, "preview")
	if err != nil {
		t.Errorf("%s: what this sets is refused:\n%s\n%s", example.Where, example.Text, output)
	}
	if strings.Contains(output, "warning") {
		t.Errorf("%s: what this sets is warned of:\n%s\n%s", example.Where, example.Text, output)
	}
}
