package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTheBuildTargetOfTheProjectIsPassedOn(t *testing.T) {
	t.Parallel()
	for project, want := range map[string][]string{
		"runtime:\n  name: go\n  options:\n    buildTarget: .local/program\n":               {"-buildTarget=.local/program"},
		"runtime:\n  options:\n    # why\n    buildTarget: \"bin/it\" # here\n  name: go\n": {"-buildTarget=bin/it"},
		"runtime: go\n#   buildTarget: x\n":                                                 nil,
	} {
		file := filepath.Join(t.TempDir(), "Pulumi.yaml")
		if err := os.WriteFile(file, []byte(project), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := options(file); !slices.Equal(got, want) {
			t.Errorf("for %q the host gets %v, not %v: the program would be linked in every command", project, got, want)
		}
	}
	if got := options(filepath.Join(t.TempDir(), "Pulumi.yaml")); got != nil {
		t.Errorf("without a project the host gets %v", got)
	}
}
