package compare

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/tools/diff"
	"ecs-sample-app/tools/emulator"
	"ecs-sample-app/tools/toolchain"
)

func TestPulumiFindsTheEmulatorAndNoOptionOfTheUser(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("PULUMI_OPTION_SHOW_SECRETS", "true")
	t.Setenv("PULUMI_BACKEND_URL", "s3://states")
	for given, want := range map[string]string{"": "diff", "own": "own"} {
		t.Setenv("PULUMI_CONFIG_PASSPHRASE", given)
		c := New(Options{Stack: "dev"})
		c.dir, c.chain, c.emulator = "/folder", &toolchain.Chain{}, &emulator.Emulator{URL: "http://127.0.0.1:4599"}
		last := map[string]string{}
		for _, variable := range c.environment() {
			name, value, _ := strings.Cut(variable, "=")
			last[name] = value
		}
		for name, want := range map[string]string{
			"AWS_ENDPOINT_URL":         "http://127.0.0.1:4599",
			"AWS_PROFILE":              "",
			"PULUMI_BACKEND_URL":       "file:///folder/state?metadata=skip",
			"PULUMI_CONFIG_PASSPHRASE": want,
		} {
			if last[name] != want {
				t.Errorf("%s is %q, want %q", name, last[name], want)
			}
		}
		if _, there := last["PULUMI_OPTION_SHOW_SECRETS"]; there {
			t.Error("an option of the user's would show the secrets")
		}
	}
}

func TestSecretsThatCannotBeReadSayWhatToDo(t *testing.T) {
	c := New(Options{Base: "main", Stack: "dev"})
	c.dir, c.short = t.TempDir(), "1a2b3c4"
	file := filepath.Join(c.project(head), "Pulumi.dev.yaml")
	write(t, file, "config:\n  a:b:\n    secure: v1:x\n")
	var out output
	out.stderr.WriteString("error: incorrect passphrase")
	err := c.refused(head, &out, os.ErrInvalid)
	for _, part := range []string{"Pulumi.dev.yaml of the working tree has secrets", "PULUMI_CONFIG_PASSPHRASE", "incorrect passphrase"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the user is not told %q: %v", part, err)
		}
	}
	write(t, filepath.Join(c.project(base), "Pulumi.dev.yaml"), "config: {}\n")
	if err := c.refused(base, &out, os.ErrInvalid); strings.Contains(err.Error(), "PASSPHRASE") || !strings.Contains(err.Error(), "main (1a2b3c4)") {
		t.Errorf("a file without secrets is blamed for them: %v", err)
	}
}

func TestTheErrorOfOneSideEndsTheOther(t *testing.T) {
	dir := newRepository(t)
	write(t, filepath.Join(dir, "Pulumi.yaml"), "name: x\nruntime: go\n")
	c := New(Options{Root: dir, Base: "HEAD", Stack: "dev", Log: t.Output()})
	report, err := c.Preview(t.Context())
	if err == nil || report != nil || !strings.Contains(err.Error(), "it has no Pulumi") {
		t.Errorf("got %v, %v", report, err)
	}
	if failed := c.Failed(err); !failed.Failed() || failed.Verdict() != diff.NoChange || !strings.Contains(failed.Markdown(), "it has no Pulumi") {
		t.Errorf("the reader of the pull request is not told:\n%s", failed.Markdown())
	}
	left := c.dir
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s stays behind", left)
	}
}

func TestOnlyTheEndOfALongOutputIsShown(t *testing.T) {
	var out output
	for range 100 {
		out.stdout.WriteString("line\n")
	}
	out.stderr.WriteString("error: why\n")
	lines := strings.Split(out.last(), "\n")
	if len(lines) != lastLines || !slices.Contains(lines, "error: why") {
		t.Errorf("got %d lines: %q", len(lines), lines)
	}
}
