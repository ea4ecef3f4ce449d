package toolchain

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAnInstalledPulumiIsUsedAsItIs(t *testing.T) {
	bin := t.TempDir()
	installed := filepath.Join(bin, "pulumi")
	writeFile(t, installed, "#!/bin/sh\n", 0o700)
	t.Setenv("PATH", bin)
	t.Setenv("PULUMI_TOOLCHAIN", "")

	chain, err := Ensure(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if chain.Pulumi != installed || chain.Built || len(chain.Env()) != 0 {
		t.Errorf("got %+v with %v, want the installed CLI with the user's own environment", chain, chain.Env())
	}
	if notice := chain.Notice(); !strings.Contains(notice, "waits a minute") || !strings.Contains(notice, "PULUMI_TOOLCHAIN=source") {
		t.Errorf("the user is told %q: the minute would look as if it hung", notice)
	}
}

func TestABuiltChainFindsItsProviderAndDownloadsNothing(t *testing.T) {
	chain := Chain{Pulumi: "/cache/chain/1/bin/pulumi", Built: true, home: "/cache/chain/1/home"}
	if notice := chain.Notice(); notice != "" {
		t.Errorf("the user is told %q, of a provider that does not wait", notice)
	}
	env := chain.Env()
	for _, want := range []string{"PULUMI_HOME=/cache/chain/1/home", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true", "PULUMI_SKIP_UPDATE_CHECK=true"} {
		if !slices.Contains(env, want) {
			t.Errorf("%v does not have %s", env, want)
		}
	}
	if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "PATH=/cache/chain/1/bin:") }) {
		t.Errorf("%v does not have the chain first on PATH: the CLI would not find its language host", env)
	}
}

func TestTheKeyChangesWithWhatIsBuiltAndWithNothingElse(t *testing.T) {
	p := part{name: "program", module: t.TempDir(), variables: map[string]string{"main.version": "1"}}
	writeFile(t, filepath.Join(p.module, "main.go"), "package main", 0o600)
	key := func(p part, environment string) string {
		t.Helper()
		key, err := p.key(environment)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	first := key(p, "go1")

	writeFile(t, filepath.Join(p.module, "main_test.go"), "package main", 0o600)
	if key(p, "go1") != first {
		t.Error("a test changed the key: the program would be built again for nothing")
	}
	if key(p, "go2") == first {
		t.Error("another Go did not change the key")
	}
	other := p
	other.variables = map[string]string{"main.version": "2"}
	if key(other, "go1") == first {
		t.Error("another version did not change the key: an old program would go on under a new name")
	}
	slimmed := p
	slimmed.slimmed = true
	if key(slimmed, "go1") == first {
		t.Error("the slimming does not count in the key")
	}
	writeFile(t, filepath.Join(p.module, "main.go"), "package main // changed", 0o600)
	if key(p, "go1") == first {
		t.Error("a change of the source did not change the key: the old program would be used")
	}
}

func TestTheVersionsComeFromTheModulesOfThisRepository(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	all, err := parts(root)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.name
		for variable, value := range p.variables {
			if strings.Trim(value, "v0123456789.") != "" || !strings.Contains(value, ".") {
				t.Errorf("%s: %s is %q, not a version", p.name, variable, value)
			}
		}
	}
	if !slices.Equal(names, []string{"pulumi", "pulumi-language-go-host", "pulumi-language-go", "pulumi-resource-aws"}) {
		t.Errorf("the chain has the parts %v", names)
	}
}

func TestAModuleThatIsNotRequiredIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.mod")
	writeFile(t, file, "module x\n\nrequire (\n\texample.com/a v1.2.3\n\texample.com/b/v2 v2.0.0 // indirect\n)\n\nrequire example.com/c v0.1.0\n", 0o600)
	for module, want := range map[string]string{"example.com/a": "v1.2.3", "example.com/b/v2": "v2.0.0", "example.com/c": "v0.1.0"} {
		if got, err := required(file, module); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %s", module, got, err, want)
		}
	}
	if _, err := required(file, "example.com/b"); err == nil || !strings.Contains(err.Error(), "does not require example.com/b") {
		t.Errorf("got %v for a module that only begins like one", err)
	}
}

func TestAFailedBuildLeavesNothingBehind(t *testing.T) {
	s := store{dir: t.TempDir(), log: t.Output()}
	entry := filepath.Join(s.dir, "program", "key")
	err := s.fill(entry, func(temporary string) error {
		writeFile(t, filepath.Join(temporary, "program"), "half", 0o600)
		return errors.New("out of memory")
	})
	if err == nil || exists(entry) {
		t.Fatalf("got %v and an entry: %v; half a program would be used from then on", err, exists(entry))
	}
	left, err := filepath.Glob(filepath.Join(s.dir, "unfinished*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOnlyTheEntriesUsedLastAreKept(t *testing.T) {
	s := store{dir: t.TempDir(), log: t.Output()}
	for i, name := range []string{"oldest", "used", "c", "d"} {
		entry := filepath.Join(s.dir, "program", name)
		if err := s.fill(entry, func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(time.Duration(i-100) * time.Hour)
		if name == "used" {
			then = time.Now().Add(-time.Hour)
		}
		if err := os.Chtimes(entry, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if exists(filepath.Join(s.dir, "program", "oldest")) || !exists(filepath.Join(s.dir, "program", "used")) {
		t.Error("the entry that was used was removed, or the oldest kept")
	}
}

func TestTwoProgramsDoNotBuildAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	first, second := store{dir: dir, log: t.Output()}, store{dir: dir, log: &log}
	unlock, err := first.lock()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var both sync.WaitGroup
	both.Go(func() {
		unlock, err := second.lock()
		if err != nil {
			t.Error(err)
			return
		}
		defer unlock()
		order = append(order, "second")
	})
	time.Sleep(100 * time.Millisecond)
	order = append(order, "first")
	unlock()
	both.Wait()
	if !slices.Equal(order, []string{"first", "second"}) {
		t.Errorf("the order was %v", order)
	}
	if !strings.Contains(log.String(), "waiting") {
		t.Errorf("the one that waits says %q: it would look as if it hung", log.String())
	}
}

func TestOutsideTheRepositoryTheErrorSaysSo(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Root(); err == nil || !strings.Contains(err.Error(), "inside the repository") {
		t.Errorf("got %v", err)
	}
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
