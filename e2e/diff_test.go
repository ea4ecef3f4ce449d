package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ecs-sample-app/tools/compare"
	"ecs-sample-app/tools/diff"
	"ecs-sample-app/tools/toolchain"
)

// record has the previews of TestATreeIsComparedWithTheCommitItCameFrom kept as
// the inputs of the tests of tools/diff:
//
//	cd e2e && go test -run '^TestATreeIsCompared' -record .
var record = flag.Bool("record", false, "keep the previews as inputs of the tests of tools/diff")

// hush is a value of the stack's configuration that is encrypted in its file.
const hush = "/hush-hush-7f3a"

// hostile is a value that tries to get out of the place it is shown in.
const hostile = "`|</details>\n\n# Approved\n@everyone ![x](https://example.com/x.png) <img src=x> \\| ``` $(id)"

// comparisons are trees that are compared with the same commit, one after the other.
var comparisons = []struct {
	name    string
	edit    func(*testing.T, clone)
	verdict diff.Verdict
	// want are words in the Markdown without which a reviewer would miss what happens.
	want []string
	// never are words that must not be in it.
	never []string
	// shown is for what differs in the Markdown only: the tests of tools/diff read its
	// recording, and here it is run only to record it.
	shown bool
}{
	{"bump", setting("ecs-sample-app:imageTag", "2.4.66"), diff.Harmless, []string{
		"### Infrastructure: 1 to replace, 1 to update\n",
		"| replace | `sample-app-task-definition` |", "| update | `sample-app-service` |",
		"httpd:2.4.65\"` → `\"public.ecr.aws/docker/library/httpd:2.4.66\"`",
		"**Cost**: no change, 36.39 USD a month.",
	}, []string{"[!WARNING]", "sample-app-lb"}, false},

	{"vpc", setting("ecs-sample-app:vpcCidr", "10.1.0.0/16"), diff.Dangerous, []string{
		"**The VPC `sample-app-vpc` would be replaced**: everything in it is replaced",
		"**The load balancer `sample-app-lb` would be replaced**",
		"**The service `sample-app-service` is replaced side by side**",
		"**The internet gateway `sample-app-igw` would be replaced**",
		"**The subnet `sample-app-public-a` would be replaced**: what runs in it moves",
		"`cidrBlock`: `\"10.0.0.0/16\"` → `\"10.1.0.0/16\"` **forces the replacement**",
	}, nil, false},

	{"port", setting("ecs-sample-app:containerPort", 8080), diff.Harmless, []string{
		"**The service `sample-app-service` is replaced side by side**: requests move when the new tasks are healthy",
		"`loadBalancers[0].containerPort`: `80` → `8080`",
	}, []string{"[!WARNING]"}, false},

	{"zones", setting("ecs-sample-app:availabilityZones", 3), diff.Harmless, []string{
		"| create | `sample-app-public-c` | `aws:ec2:Subnet` | `availabilityZone`: `\"us-east-1c\"`<br>`cidrBlock`: `\"10.0.2.0/24\"`",
		"**Cost**: up by 0.00 to 3.65, 36.39 → 36.39 to 40.04 USD a month.",
		// What the provider does not say, because it does not know the new subnet yet.
		"`subnets`: `[",
	}, []string{"[!WARNING]"}, false},

	{"size", func(t *testing.T, c clone) {
		t.Helper()
		c.set(t, "ecs-sample-app:cpu", 1024)
		c.set(t, "ecs-sample-app:memory", 2048)
		c.set(t, "ecs-sample-app:architecture", "ARM64")
		c.set(t, "ecs-sample-app:desiredCount", 3)
		c.set(t, "ecs-sample-app:containerInsights", "enabled")
	}, diff.Harmless, []string{
		// Three tasks of 28.84 and 3.65 each, where there was one of 9.01 and 3.65.
		"| tasks | `sample-app-service` | 9.01 | 86.51 |",
		"| Container Insights | `sample-app-cluster` |  | 0.30 a metric |",
		"**Cost**: up by 84.79, 36.39 → 121.18 USD a month.",
	}, nil, true},

	{"cluster", func(t *testing.T, c clone) {
		t.Helper()
		c.replace(t, "main.go", `cluster.New(ctx, config.ServiceName,`, `cluster.New(ctx, config.ServiceName+"-2",`)
	}, diff.Dangerous, []string{
		"**The cluster `sample-app-cluster` would be deleted**: every service in it is stopped.",
		"| delete | `sample-app-cluster` |", "| create | `sample-app-2-cluster` |",
	}, nil, true},

	{"alarms", func(t *testing.T, c clone) {
		t.Helper()
		c.set(t, "ecs-sample-app:alarms", true)
		c.set(t, "ecs-sample-app:alarmEmails", []string{"ops@example.com"})
		c.set(t, "ecs-sample-app:autoscaling", map[string]int{"minCapacity": 2, "maxCapacity": 6, "cpuTarget": 60})
	}, diff.Harmless, []string{
		"| create | `sample-app-alarm-cpu` | `aws:cloudwatch:MetricAlarm` |",
		"| tasks | `sample-app-service` | 9.01 | 18.02 to 54.06 |",
		"**Cost**: up by 13.76 to 64.40, 36.39 → 50.15 to 100.79 USD a month.",
	}, nil, true},

	{"hostile", func(t *testing.T, c clone) {
		t.Helper()
		c.set(t, "ecs-sample-app:environment", map[string]string{"NOTE": hostile})
	}, diff.Harmless, []string{"containerDefinitions[0].environment"}, nil, true},
}

func TestATreeIsComparedWithTheCommitItCameFrom(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	before := c.untouchables(t)
	compared := compare.New(compare.Options{Root: c.dir, Base: "HEAD", Stack: "dev", Log: t.Output()})
	t.Cleanup(func() { must(t, compared.Close(), "the comparison leaves something behind") })
	preview := func() *diff.Report {
		t.Helper()
		report, err := compared.Preview(t.Context())
		must(t, err, "the comparison fails")
		return report
	}

	c.replace(t, "README.md", "# Amazon ECS sample app", "# Another title")
	report := preview()
	if compared.Deployed {
		t.Error("a change of the README costs a deployment")
	}
	if report.Verdict() != diff.NoChange || !strings.Contains(report.Markdown(), "### Infrastructure: no change\n") {
		t.Errorf("a change of the README passes for one of the infrastructure:\n%s", report.Markdown())
	}

	for _, tree := range comparisons {
		if tree.shown && !*record {
			continue
		}
		c.reset(t)
		tree.edit(t, c)
		report := preview()
		keep(t, tree.name, compared.Events, report)
		text := report.Markdown()
		if report.Failed() || report.Verdict() != tree.verdict {
			t.Errorf("%s: the verdict is %d, failed %t:\n%s", tree.name, report.Verdict(), report.Failed(), text)
		}
		summary, _, _ := strings.Cut(text, "<details>")
		for _, want := range tree.want {
			if !strings.Contains(summary, want) {
				t.Errorf("%s: a reviewer does not read %q in:\n%s", tree.name, want, summary)
			}
		}
		for _, never := range tree.never {
			if strings.Contains(summary, never) {
				t.Errorf("%s: a reviewer is misled by %q in:\n%s", tree.name, never, summary)
			}
		}
	}

	c.reset(t)
	c.set(t, "ecs-sample-app:imageTag", "latest")
	report = preview()
	keep(t, "refused", compared.Events, report)
	if !report.Failed() || !strings.Contains(report.Markdown(), `imageTag: got "latest"`) {
		t.Errorf("a refused configuration does not say why:\n%s", report.Markdown())
	}

	c.reset(t)
	c.encrypt(t, "secretValues.TOKEN", hush, "diff")
	report = preview()
	keep(t, "secret", compared.Events, report)
	if text := report.Markdown(); strings.Contains(text, hush) || !strings.Contains(text, "[secret]") {
		t.Errorf("a secret of the stack is shown in a comment that anybody can read:\n%s", text)
	}

	c.reset(t)
	c.replace(t, "main.go", "cluster.New(", "cluster.Newest(")
	if _, err := compared.Preview(t.Context()); err == nil || !strings.Contains(err.Error(), "does not compile") || !strings.Contains(err.Error(), "cluster.Newest") {
		t.Errorf("a tree that does not compile does not say so: %v", err)
	}
	c.reset(t)
	if after := c.untouchables(t); after != before {
		t.Errorf("the repository was changed:\n%s\nbefore it was:\n%s", after, before)
	}
}

func TestAComparisonThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	for _, bad := range []struct {
		name string
		edit func()
		base string
		want string
	}{
		{"no such commit", func() {}, "origin/nowhere", `there is no commit "origin/nowhere" here: fetch it`},
		{"an option in its place", func() {}, "--all", `there is no commit "--all" here`},
		{"no program", func() { c.remove(t, "Pulumi.yaml") }, "HEAD~1", "it has no Pulumi.yaml, and so no program"},
		{"no such stack", func() { c.remove(t, "Pulumi.dev.yaml") }, "HEAD~1", "it has no Pulumi.dev.yaml"},
		{"does not compile", func() { c.replace(t, "sample.go", "package main", "package other") }, "HEAD~1", "does not compile"},
		{"secrets of somebody else", func() { c.encrypt(t, "secretValues.TOKEN", hush, "another passphrase") }, "HEAD", "Pulumi.dev.yaml of the working tree has secrets that can't be decrypted here: set PULUMI_CONFIG_PASSPHRASE"},
	} {
		bad.edit()
		if bad.base == "HEAD~1" {
			c.git(t, "commit", "--quiet", "--all", "--message", "Broken")
			c.git(t, "revert", "--no-edit", "HEAD")
		}
		compared := compare.New(compare.Options{Root: c.dir, Base: bad.base, Stack: "dev", Log: t.Output()})
		_, err := compared.Preview(t.Context())
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: the user is told %v", bad.name, err)
		}
		must(t, compared.Close(), bad.name)
	}
}

func TestAComparisonThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	before := c.untouchables(t)
	c.set(t, "ecs-sample-app:imageTag", "2.4.66")
	temporary := t.TempDir()
	command := exec.CommandContext(t.Context(), program(t), "-base", "HEAD")
	command.Dir, command.Env = c.dir, append(os.Environ(), "TMPDIR="+temporary)
	log := &watched{word: "deploying HEAD", found: make(chan struct{})}
	command.Stderr = log
	must(t, command.Start(), "start the comparison")
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-log.found:
	case err := <-ended:
		t.Fatalf("it ends before it deploys: %v\n%s", err, log.all.String())
	}
	if _, err := os.Stat("/proc/self/environ"); err == nil && len(mentioning(t, temporary)) == 0 {
		t.Error("none of its programs is found: the test sees nothing")
	}
	must(t, command.Process.Signal(os.Interrupt), "interrupt it")
	if err := <-ended; err == nil || command.ProcessState.ExitCode() != 1 {
		t.Errorf("an interrupted comparison ends with %v", err)
	}
	left, err := os.ReadDir(temporary)
	must(t, err, "look for what is left")
	for _, entry := range left {
		t.Errorf("%s stays behind", entry.Name())
	}
	if running := mentioning(t, temporary); len(running) > 0 {
		t.Errorf("programs go on: %v", running)
	}
	c.reset(t)
	if after := c.untouchables(t); after != before {
		t.Errorf("the repository was changed:\n%s\nbefore it was:\n%s", after, before)
	}
}

// mentioning are the processes that know of a folder by their arguments or, where the
// system tells, their environment.
func mentioning(t *testing.T, folder string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "pid=,args=").Output()
	must(t, err, "list processes")
	var found []string
	for line := range strings.Lines(string(out)) {
		pid, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		environment, _ := os.ReadFile(filepath.Join("/proc", pid, "environ")) // Not there on every system.
		if strings.Contains(line, folder) || bytes.Contains(environment, []byte(folder)) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestTheSameTreeEndsWithCodeZero(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	command := exec.CommandContext(t.Context(), program(t), "-base", "HEAD")
	command.Dir = c.dir
	out, err := command.Output()
	if err != nil || !strings.HasPrefix(string(out), "<!-- ecs-sample-app preview of the stack dev -->\n### Infrastructure: no change\n") {
		t.Errorf("got %v and\n%s", err, out)
	}
}

// watched is a log that tells when a word is in it.
type watched struct {
	word  string
	found chan struct{}
	all   bytes.Buffer
}

// Write notes what is written.
func (w *watched) Write(p []byte) (int, error) {
	had := strings.Contains(w.all.String(), w.word)
	n, err := w.all.Write(p)
	if !had && strings.Contains(w.all.String(), w.word) {
		close(w.found)
	}
	return n, err
}

// program builds the command.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "diff")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "ecs-sample-app/tools/cmd/diff")
	out, err := build.CombinedOutput()
	must(t, err, "build the command: "+string(out))
	return path
}

// keep records a preview, if that is asked for, without what tools/diff does not read.
func keep(t *testing.T, name, events string, report *diff.Report) {
	t.Helper()
	if !*record {
		return
	}
	root, err := toolchain.Root()
	must(t, err, "find the repository")
	target := filepath.Join(root, "tools", "diff", "testdata", name)
	content, err := os.ReadFile(events)
	must(t, err, "read the event log")
	var kept bytes.Buffer
	for line := range bytes.Lines(content) {
		if slim := slimmed(t, line); slim != nil {
			kept.Write(append(slim, '\n'))
		}
	}
	must(t, os.WriteFile(target+".events", kept.Bytes(), 0o644), "keep the event log")
	must(t, os.WriteFile(target+".txt", []byte(report.Text), 0o644), "keep the text")
}

// billed are the types whose inputs decide what the stack costs.
var billed = map[string]bool{
	"aws:ecs/cluster:Cluster":               true,
	"aws:ecs/service:Service":               true,
	"aws:ecs/taskDefinition:TaskDefinition": true,
	"aws:lb/loadBalancer:LoadBalancer":      true,
}

// slimmed leaves out of an event what tools/diff does not read: the log of one preview
// has a quarter of a megabyte.
func slimmed(t *testing.T, line []byte) []byte {
	t.Helper()
	var event map[string]map[string]any
	decoder := json.NewDecoder(bytes.NewReader(regexp.MustCompile(`"(sequence|timestamp)":\d+,`).ReplaceAll(line, nil)))
	decoder.UseNumber()
	must(t, decoder.Decode(&event), "read an event")
	for kind, content := range event {
		metadata, _ := content["metadata"].(map[string]any)
		switch {
		case kind == "preludeEvent", kind == "cancelEvent", content["severity"] == "debug",
			kind == "resOutputsEvent" && metadata["type"] != "pulumi:pulumi:Stack",
			metadata["op"] == "create-replacement", metadata["op"] == "delete-replaced":
			return nil
		case kind == "resourcePreEvent" && metadata["op"] == "same":
			delete(metadata, "new")
			if old, ok := metadata["old"].(map[string]any); ok {
				delete(old, "outputs")
				if !billed[fmt.Sprint(metadata["type"])] {
					delete(old, "inputs")
				}
			}
		}
	}
	slim, err := json.Marshal(event)
	must(t, err, "write an event")
	return slim
}

// clone is a clone of the repository that a test may change.
type clone struct{ dir string }

func newClone(t *testing.T) clone {
	t.Helper()
	root, err := toolchain.Root()
	must(t, err, "find the repository")
	c := clone{filepath.Join(t.TempDir(), "clone")}
	out, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", root, c.dir).CombinedOutput()
	must(t, err, "clone the repository: "+string(out))
	return c
}

func (c clone) git(t *testing.T, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=Test", "-c", "user.email=test@example.com"}, arguments...)...)
	command.Dir = c.dir
	out, err := command.CombinedOutput()
	must(t, err, fmt.Sprintf("git %v: %s", arguments, out))
	return string(out)
}

// reset takes all changes back.
func (c clone) reset(t *testing.T) {
	t.Helper()
	c.git(t, "checkout", "--quiet", "--", ".")
}

// untouchables are what a comparison must leave as it is.
func (c clone) untouchables(t *testing.T) string {
	t.Helper()
	return c.git(t, "status", "--porcelain") + c.git(t, "worktree", "list") + c.git(t, "for-each-ref") +
		c.git(t, "count-objects") + c.git(t, "config", "--local", "--list")
}

// set sets a key of the stack's configuration. A file in JSON is one in YAML.
func (c clone) set(t *testing.T, key string, value any) {
	t.Helper()
	encoded, err := json.Marshal(value)
	must(t, err, "write a value")
	file := filepath.Join(c.dir, "Pulumi.dev.yaml")
	content, err := os.ReadFile(file)
	must(t, err, "read the stack's file")
	old := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(key) + `:.*\n`)
	content = append(old.ReplaceAll(content, nil), fmt.Sprintf("  %s: %s\n", key, encoded)...)
	must(t, os.WriteFile(file, content, 0o600), "write the stack's file")
}

func setting(key string, value any) func(*testing.T, clone) {
	return func(t *testing.T, c clone) { t.Helper(); c.set(t, key, value) }
}

// encrypt sets a key of the stack's configuration as people do it, as a secret.
func (c clone) encrypt(t *testing.T, key, value, passphrase string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "pulumi", "config", "set", "--secret", "--path", key, value, "--stack", "dev", "--non-interactive")
	command.Dir = c.dir
	command.Env = append(os.Environ(), "PULUMI_BACKEND_URL=file://"+t.TempDir(), "PULUMI_CONFIG_PASSPHRASE="+passphrase)
	create := exec.CommandContext(t.Context(), "pulumi", "stack", "init", "dev", "--non-interactive")
	create.Dir, create.Env = command.Dir, command.Env
	for _, step := range []*exec.Cmd{create, command} {
		out, err := step.CombinedOutput()
		must(t, err, "encrypt a value: "+string(out))
	}
}

func (c clone) replace(t *testing.T, file, from, to string) {
	t.Helper()
	path := filepath.Join(c.dir, file)
	content, err := os.ReadFile(path)
	must(t, err, "read a file of the clone")
	if !bytes.Contains(content, []byte(from)) {
		t.Fatalf("%s has no %q: the test changes nothing", file, from)
	}
	must(t, os.WriteFile(path, bytes.ReplaceAll(content, []byte(from), []byte(to)), 0o600), "change the clone")
}

func (c clone) remove(t *testing.T, file string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(c.dir, file)), "change the clone")
}
