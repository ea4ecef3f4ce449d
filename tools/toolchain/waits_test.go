package toolchain

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryWaitOfTheProviderCanBeBounded(t *testing.T) {
	copied := slimmed(t, upstream, "ecs")
	has(t, copied["internal/service/ecs/cluster.go"],
		"Delay:   boundedWait(10 * time.Second), // The first look.",
		"{MinTimeout: boundedWait(opts.MinTimeout), PollInterval: boundedWait(time.Second)}",
		"Timeout: 10 * time.Minute,",       // How long it may take is no wait.
		"ecs.CreateClusterInput{Delay: 5}", // What AWS is asked for is none either.
	)
	has(t, copied["internal/service/ecs/bounded_wait.go"], "package ecs\n", LongestWait)
	if _, ok := copied["internal/service/kms/bounded_wait.go"]; ok {
		t.Error("a package without waits got a function for them: it would not compile where it is unused")
	}
}

func TestAWaitThatIsNotFoundStopsTheBuild(t *testing.T) {
	changed := maps.Clone(upstream)
	changed["internal/service/ecs/cluster.go"] = "package ecs\n\nfunc wait() { retry.Until(10 * time.Second) }\n"
	err := slim(tree(t, changed), t.TempDir(), []string{"ecs"})
	if err == nil || !strings.Contains(err.Error(), "internal/service/ecs/cluster.go has no StateChangeConf") || !strings.Contains(err.Error(), "waits.go") {
		t.Errorf("got %v: make up would take a minute again, and nobody would know why", err)
	}
}

func TestTheEnvironmentBoundsWaitsAndLengthensNone(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "bounded_wait.go"), strings.Replace(bound, "%s", "main", 1), 0o600)
	writeFile(t, filepath.Join(dir, "main.go"), `package main

import (
	"fmt"
	"time"
)

func main() { fmt.Print(boundedWait(30*time.Second), " ", boundedWait(time.Millisecond)) }
`, 0o600)
	program := filepath.Join(dir, "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, filepath.Join(dir, "main.go"), filepath.Join(dir, "bounded_wait.go")).CombinedOutput(); err != nil {
		t.Fatalf("what is written into the provider does not compile: %v\n%s", err, out)
	}
	for given, want := range map[string]string{
		"":      "30s 1ms",
		"50ms":  "50ms 1ms",
		"1m":    "30s 1ms",
		"short": "30s 1ms",
		"-1s":   "30s 1ms",
		"0s":    "30s 1ms",
	} {
		command := exec.CommandContext(t.Context(), program)
		command.Env = append(os.Environ(), LongestWait+"="+given)
		if got, err := command.Output(); err != nil || string(got) != want {
			t.Errorf("%s=%q makes of 30s and 1ms %q, %v, want %q", LongestWait, given, got, err, want)
		}
	}
}
