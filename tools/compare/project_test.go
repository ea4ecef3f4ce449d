package compare

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ecs-sample-app/tools/toolchain"
)

func TestTheProgramOfAProjectIsElsewhere(t *testing.T) {
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(filepath.Join(root, projectFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, project := range map[string]string{
		"this one":          string(own),
		"on one line":       "name: x\nruntime: go\nconfig:\n  a: b\n",
		"with a main":       "main: infra\nname: x\nruntime:\n  name: go\n\n  # Why.\n  options:\n    binary: b\nconfig:\n  a: b\n",
		"without a newline": "name: x\nconfig:\n  runtime: kept\nruntime: go",
	} {
		text, err := relocated([]byte(project), `/folder/a "b"`, "/folder/program")
		if err != nil {
			t.Fatal(err)
		}
		var got, before struct {
			Name, Main string
			Runtime    any
			Config     map[string]any
		}
		if err := yaml.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: Pulumi can't read it: %v\n%s", name, err, text)
		}
		if err := yaml.Unmarshal([]byte(project), &before); err != nil {
			t.Fatal(err)
		}
		runtime := map[string]any{"name": "go", "options": map[string]any{"buildTarget": "/folder/program"}}
		if got.Main != `/folder/a "b"` || !reflect.DeepEqual(got.Runtime, runtime) {
			t.Errorf("%s: Pulumi would run another program:\n%s", name, text)
		}
		if got.Name != before.Name || len(before.Config) == 0 || !reflect.DeepEqual(got.Config, before.Config) {
			t.Errorf("%s: the name or a config key is lost:\n%s", name, text)
		}
	}
	for _, broken := range []string{"runtime: [", "- a\n"} {
		if _, err := relocated([]byte(broken), "a", "b"); err == nil || !strings.Contains(err.Error(), "Pulumi.yaml can't be read") {
			t.Errorf("%q: got %v", broken, err)
		}
	}
}

func TestEncryptionThatEncryptsNothingNeedsNoPassphrase(t *testing.T) {
	for config, want := range map[string]string{
		"secretsprovider: awskms://alias/x\nencryptedkey: abc=\nconfig:\n  a:b: c\nencryptionsalt: v1:x\n": "config:\n  a:b: c\n",
		"config:\n  a:b: encryptionsalt\n":                            "config:\n  a:b: encryptionsalt\n",
		"config:\n  a:b: |\n    secure: no\nencryptionsalt: v1:x\n":   "config:\n  a:b: |\n    secure: no\n",
		"config:\n  a:b: {secure: v1:y}\nencryptionsalt: v1:x\n":      "config:\n  a:b: {secure: v1:y}\nencryptionsalt: v1:x\n",
		"config:\n  a:b: c\n\"encryptionsalt\": v1:x\n":               "config:\n  a:b: c\n",
		"config:\n  a:b:\n    secure: v1:y\nencryptionsalt: v1:x\n":   "config:\n  a:b:\n    secure: v1:y\nencryptionsalt: v1:x\n",
		"config:\n  a:b:\n    - secure: v1:y\nencryptionsalt: v1:x\n": "config:\n  a:b:\n    - secure: v1:y\nencryptionsalt: v1:x\n",
	} {
		program, dir := t.TempDir(), t.TempDir()
		write(t, filepath.Join(program, "Pulumi.yaml"), "name: x\nruntime: go\n")
		write(t, filepath.Join(program, "Pulumi.dev.yaml"), config)
		if err := writeProject(dir, program, "target", "dev"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "Pulumi.dev.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var is, should any
		if err := errors.Join(yaml.Unmarshal(got, &is), yaml.Unmarshal([]byte(want), &should)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(is, should) {
			t.Errorf("%q is taken as %q, want %q", config, got, want)
		}
	}
}

func TestAFolderWithoutProgramOrStackSaysSo(t *testing.T) {
	program := t.TempDir()
	if err := writeProject(t.TempDir(), program, "target", "dev"); err == nil || !strings.Contains(err.Error(), "no Pulumi.yaml") {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(program, "Pulumi.yaml"), "name: x\n")
	if err := writeProject(t.TempDir(), program, "target", "dev"); err == nil || !strings.Contains(err.Error(), "no Pulumi.dev.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestWhatLeadsToAnAccountIsTakenOutOfTheConfiguration(t *testing.T) {
	s, err := parseSettings([]byte(`{
		"aws:region": {"value": "eu-central-1"},
		"aws:defaultTags": {"value": "{}", "objectValue": {}},
		"aws:profile": {"value": "production"},
		"aws:endpoints": {"value": "[]", "objectValue": []},
		"aws:allowedAccountIds": {"value": "[]", "objectValue": []},
		"ecs-sample-app:imageTagParameter": {"value": "shop-version"},
		"ecs-sample-app:imageTag": {"value": "1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"aws:allowedAccountIds", "aws:endpoints", "aws:profile", "ecs-sample-app:imageTagParameter"}
	if got := s.elsewhere(); !reflect.DeepEqual(got, want) {
		t.Errorf("taken out is %v, want %v", got, want)
	}
	if _, err := parseSettings([]byte("error: no stack")); err == nil {
		t.Error("what is no configuration is taken for an empty one, with no secrets to mask")
	}
}

func TestEverySecretOfTheConfigurationIsKnown(t *testing.T) {
	s, err := parseSettings([]byte(`{
		"a:plain": {"value": "open", "secret": false},
		"a:one": {"value": "hush1", "secret": true},
		"a:many": {"value": "{}", "secret": true, "objectValue": {"x": ["hush2", {"y": "hush3"}], "n": 5}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := s.secrets()
	slices.Sort(got)
	if want := []string{"hush1", "hush2", "hush3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("masked would be %v, want %v", got, want)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
