// Package ci holds tests of what GitHub runs: rules that every workflow has to keep,
// and the scripts in .github/scripts, run with a stand-in for GitHub.
package workflows

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// github is the folder with workflows, actions and scripts.
const github = "../../.github"

// maxTimeout is the longest that a job may take, in minutes. GitHub's own limit is six
// hours, all of them billed.
const maxTimeout = 60

// workflow is what the rules look at.
type workflow struct {
	On          yaml.Node         `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Defaults    struct {
		Run struct {
			Shell string `yaml:"shell"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Jobs map[string]job `yaml:"jobs"`
	Runs struct {       // of an action
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

type job struct {
	If          string            `yaml:"if"`
	Timeout     int               `yaml:"timeout-minutes"`
	Permissions map[string]string `yaml:"permissions"`
	Environment any               `yaml:"environment"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Steps       []step            `yaml:"steps"`
}

type step struct {
	Uses string         `yaml:"uses"`
	Run  string         `yaml:"run"`
	With map[string]any `yaml:"with"`
}

// events are the names of what starts a workflow.
func (w workflow) events() []string {
	if w.On.Kind == yaml.ScalarNode {
		return []string{w.On.Value}
	}
	var names []string
	for i, child := range w.On.Content {
		if w.On.Kind == yaml.SequenceNode || i%2 == 0 {
			names = append(names, child.Value)
		}
	}
	return names
}

// pinned is an action of another repository at a commit, local one of this repository.
var (
	pinned = regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40}$`)
	local  = regexp.MustCompile(`^\./\.github/actions/[\w-]+$`)
	// told is a line that names the version of a commit.
	told = regexp.MustCompile(`uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// problems are the rules that a workflow breaks, each with its harm.
func problems(t *testing.T, text string) []string {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs) == 0 || len(w.events()) == 0 {
		t.Fatal("there is no job, or nothing that starts one, so nothing would be tested")
	}
	var found []string
	note := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if w.Permissions == nil {
		note("permissions: without them at the top a job that says nothing may write to the repository")
	}
	for scope, access := range w.Permissions {
		if access != "read" {
			note("permissions: all jobs get %s: %s", scope, access)
		}
	}
	if slices.Contains(w.events(), "pull_request_target") {
		note("pull_request_target: runs with the repository's rights for a stranger's pull request")
	}
	if w.Defaults.Run.Shell != "bash" {
		note("shell: GitHub's own choice goes on where a command in the midst of a pipe fails")
	}
	if strings.Contains(text, "secrets.") {
		note("secrets: there are none; roles and tokens are for the job alone")
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "uses: ") && strings.Contains(line, "@") && !told.MatchString(strings.TrimRight(line, "\n")) {
			note("version: nobody can tell which version this is: %s", strings.TrimSpace(line))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
		for _, problem := range w.jobProblems(w.Jobs[name]) {
			note("%s: %s", name, problem)
		}
	}
	return found
}

// jobProblems are the rules that a job breaks.
func (w workflow) jobProblems(j job) []string {
	var found []string
	if j.Timeout < 1 || j.Timeout > maxTimeout {
		found = append(found, fmt.Sprintf("timeout: %d minutes, not 1 to %d: a job that hangs costs six hours", j.Timeout, maxTimeout))
	}
	if w.Concurrency["group"] == nil && j.Concurrency["group"] == nil {
		found = append(found, "concurrency: two runs at once would overtake each other")
	}
	if j.Permissions == nil {
		found = append(found, "job permissions: nobody sees what the job may do")
	}
	if _, token := j.Permissions["id-token"]; token {
		if slices.Contains(w.events(), "pull_request") && !strings.Contains(j.If, "github.event.pull_request.head.repo.full_name == github.repository") &&
			!strings.Contains(j.If, "github.event_name != 'pull_request'") {
			found = append(found, "fork: a pull request from a fork, which gets no token, would fail")
		}
		if !strings.Contains(j.If, "_ROLE_ARN != ''") {
			found = append(found, "bootstrap: a repository without roles in AWS would fail")
		}
	}
	found = append(found, stepProblems(j.Steps)...)
	if slices.Contains(w.events(), "workflow_run") {
		for _, s := range j.Steps {
			if s.Uses != "" {
				found = append(found, fmt.Sprintf("workflow_run: %s could bring a stranger's code where it may write", s.Uses))
			}
		}
	}
	return found
}

func stepProblems(steps []step) []string {
	var found []string
	for _, s := range steps {
		if s.Uses != "" && !pinned.MatchString(s.Uses) && !local.MatchString(s.Uses) {
			found = append(found, fmt.Sprintf("pin: %s can become another program without anybody seeing it", s.Uses))
		}
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
			found = append(found, "credentials: what the checkout leaves behind lets every later step write to the repository")
		}
		if strings.Contains(s.Run, "${{") {
			found = append(found, fmt.Sprintf("injection: GitHub pastes a value into the shell: %q", s.Run))
		}
	}
	return found
}

// workflows are all of the repository, by file name.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	return read(t, filepath.Join(github, "workflows", "*.yml"))
}

// actions are those of this repository that workflows share, by folder.
func actions(t *testing.T) map[string]string {
	t.Helper()
	return read(t, filepath.Join(github, "actions", "*", "action.yml"))
}

// read reads files, by name or, where all have the same, by folder.
func read(t *testing.T, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is nothing to test in %s: %v", pattern, err)
	}
	all := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if name == filepath.Base(pattern) {
			name = filepath.Base(filepath.Dir(path))
		}
		all[name] = string(text)
	}
	return all
}

func TestEveryWorkflowKeepsTheRules(t *testing.T) {
	t.Parallel()
	for name, text := range workflows(t) {
		for _, problem := range problems(t, text) {
			t.Errorf("%s: %s", name, problem)
		}
	}
	for name, text := range actions(t) {
		var action workflow
		if err := yaml.Unmarshal([]byte(text), &action); err != nil || len(action.Runs.Steps) == 0 {
			t.Fatalf("%s has no steps: %v", name, err)
		}
		for _, problem := range stepProblems(action.Runs.Steps) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// good is a workflow that keeps all rules.
const good = `on:
  pull_request:
permissions: {}
defaults: {run: {shell: bash}}
concurrency:
  group: a
jobs:
  a:
    if: github.event.pull_request.head.repo.full_name == github.repository && vars.PREVIEW_ROLE_ARN != ''
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      id-token: write
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - run: echo
`

func TestTheRulesAreNoticedWhenTheyAreBroken(t *testing.T) {
	t.Parallel()
	if got := problems(t, good); len(got) > 0 {
		t.Fatalf("a workflow that keeps all rules breaks %v", got)
	}
	for old, broken := range map[string]struct{ text, rule string }{
		"permissions: {}\n":                {"", "permissions:"},
		"permissions: {}":                  {"permissions: {contents: write}", "permissions: all jobs"},
		"concurrency:\n  group: a\n":       {"", "a: concurrency:"},
		"  pull_request:\n":                {"  pull_request_target:\n", "pull_request_target:"},
		"defaults: {run: {shell: bash}}\n": {"", "shell:"},
		"run: echo":                        {"run: echo ${{ github.event.pull_request.title }}", "a: injection:"},
		"- run: echo":                      {"- run: echo $A\n        env: {A: \"${{ secrets.A }}\"}", "secrets:"},
		"    timeout-minutes: 5\n":         {"", "a: timeout:"},
		"minutes: 5":                       {"minutes: 600", "a: timeout:"},
		"persist-credentials: false":       {"fetch-depth: 0", "a: credentials:"},
		"@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0": {"@v5", "a: pin:"},
		" # v5.0.0":         {"", "version:"},
		"checkout@08c6903c": {"checkout@8c6903c", "a: pin:"},
		"github.event.pull_request.head.repo.full_name == github.repository && ": {"", "a: fork:"},
		" && vars.PREVIEW_ROLE_ARN != ''":                                        {"", "a: bootstrap:"},
		"    permissions:\n      id-token: write\n":                              {"", "a: job permissions:"},
		"on:\n  pull_request:":                                                   {"on:\n  workflow_run:", "a: workflow_run:"},
		"actions/checkout@":                                                      {"./.github/workflows/../../x@", "a: pin:"},
	} {
		text := strings.Replace(good, old, broken.text, 1)
		if text == good {
			t.Fatalf("%q is not in the workflow", old)
		}
		if got := problems(t, text); !slices.ContainsFunc(got, func(p string) bool { return strings.HasPrefix(p, broken.rule) }) {
			t.Errorf("with %q in the place of %q the rule %q is not noticed: %v", broken.text, old, broken.rule, got)
		}
	}
}

func TestAnActionHasOneVersionEverywhere(t *testing.T) {
	t.Parallel()
	versions := map[string]string{}
	files := workflows(t)
	maps.Copy(files, actions(t))
	for name, text := range files {
		for _, match := range regexp.MustCompile(`uses: (\S+)@(\S+ # \S+)`).FindAllStringSubmatch(text, -1) {
			if other, seen := versions[match[1]]; seen && other != match[2] {
				t.Errorf("%s has %s at %s, elsewhere it is at %s: one of them was forgotten", name, match[1], match[2], other)
			}
			versions[match[1]] = match[2]
		}
	}
	if len(versions) == 0 {
		t.Fatal("no action was found")
	}
}

func TestWhoMayDeployIsWhoTheRolesLetIn(t *testing.T) {
	t.Parallel()
	for name, text := range workflows(t) {
		var w workflow
		if err := yaml.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		for of, j := range w.Jobs {
			for _, s := range j.Steps {
				role, _ := s.With["role"].(string)
				environment, _ := j.Environment.(map[string]any)
				where := fmt.Sprintf("%s %v", strings.Trim(role, "${} "), environment["name"])
				// As trust.go in bootstrap has it.
				if role != "" && !slices.Contains([]string{
					"vars.PREVIEW_ROLE_ARN <nil>", "vars.DEPLOY_ROLE_ARN production",
					"vars.ENVIRONMENT_ROLE_ARN pull-request", "vars.ENVIRONMENT_ROLE_ARN <nil>",
				}, where) {
					t.Errorf("AWS refuses the job %s of %s its role: %s", of, name, where)
				}
				if role == "${{ vars.ENVIRONMENT_ROLE_ARN }}" && environment == nil && !strings.Contains(j.If, "github.ref == 'refs/heads/main'") {
					t.Errorf("the job %s of %s has no environment, so AWS takes it on the branch only", of, name)
				}
			}
		}
	}
}

func TestDiffMayOnlyReadAndItsCommentRunsNothingOfIt(t *testing.T) {
	t.Parallel()
	all := workflows(t)
	for name, want := range map[string]map[string]string{
		"diff.yml":         {"contents": "read"},
		"check.yml":        {"contents": "read"},
		"mutants.yml":      {"contents": "read"},
		"diff-comment.yml": {"actions": "read", "contents": "read", "pull-requests": "write"},
	} {
		var w workflow
		if err := yaml.Unmarshal([]byte(all[name]), &w); err != nil || len(w.Jobs) != 1 {
			t.Fatalf("%s has not one job: %v", name, err)
		}
		for of, j := range w.Jobs {
			if !maps.Equal(j.Permissions, want) {
				t.Errorf("%s of %s may %v, not %v: a stranger's pull request would have that too", of, name, j.Permissions, want)
			}
		}
	}
	if strings.Contains(all["diff-comment.yml"], "github.event.workflow_run.pull_requests") {
		t.Error("for a fork that list is empty")
	}
}

func TestPulumiIsTheVersionThatTheTestsRunWith(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("../../tools/toolchain/pulumi/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`github\.com/pulumi/pulumi/pkg/v3 v(\S+)`).FindStringSubmatch(string(module))
	if match == nil {
		t.Fatal("tools/toolchain/pulumi/go.mod has no version")
	}
	if !strings.Contains(actions(t)["pulumi"], "pulumi-version: "+match[1]+"\n") {
		t.Errorf("CI installs another version of Pulumi than %s", match[1])
	}
	if !strings.Contains(actions(t)["toolchain"], "PULUMI_TOOLCHAIN=source") {
		t.Error("CI tests with the version of Pulumi that is on GitHub's machines that day")
	}
}

func TestTheDocumentationHasEveryWorkflowAndVariable(t *testing.T) {
	t.Parallel()
	page, bootstrap := read(t, "../../docs/ci.md")["docs"], read(t, "../../bootstrap/README.md")["bootstrap"]
	variables := 0
	for name, text := range workflows(t) {
		if !strings.Contains(page, "(../.github/workflows/"+name+")") {
			t.Errorf("docs/ci.md does not say what %s does", name)
		}
		for _, match := range regexp.MustCompile(`vars\.(\w+)`).FindAllStringSubmatch(text, -1) {
			variables++
			if !strings.Contains(bootstrap+page, "`"+match[1]+"`") {
				t.Errorf("%s wants the variable %s, and nobody is told what to set it to", name, match[1])
			}
		}
	}
	if variables == 0 {
		t.Error("no workflow has a variable, so nothing was tested")
	}
}
