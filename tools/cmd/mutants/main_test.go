package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecs-sample-app/tools/toolchain"
)

func TestEveryMutantFitsTheTreeAndEveryComponentHasOne(t *testing.T) {
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse(list)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, m := range all {
		if _, err := m.broken(root); err != nil {
			t.Error(err)
		}
		has[filepath.Dir(m.file)] = true
		tests, err := filepath.Glob(filepath.Join(root, m.pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range tests {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "func "+m.test+"(")
		}
		if !found {
			t.Errorf("%v: there is no such test in %s", m, m.pkg)
		}
	}
	components, err := filepath.Glob(filepath.Join(root, "components", "*", "args.go"))
	if err != nil || len(components) == 0 {
		t.Fatalf("there are no components: %v", err)
	}
	for _, file := range components {
		if dir, _ := filepath.Rel(root, filepath.Dir(file)); !has[dir] {
			t.Errorf("%s has no mutant: nobody knows whether its tests notice anything", dir)
		}
	}
}

func TestAMutantThatNothingNoticesOrThatDoesNotCompileIsTold(t *testing.T) {
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	const file, test = "problem/problem.go", "TestACallerOutsideReadsEachProblemThatAComponentFinds"
	for want, m := range map[string]mutant{
		"SURVIVES":           {1, file, "package problem", "package problem // changed", "./problem", test},
		"it is not even run": {1, file, "package problem", "package problem\nvar x int = \"\"", "./problem", test},
		"occurs 0 times":     {1, file, "no such text", "", "./problem", test},
	} {
		if err := m.try(t.Context(), root); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it is not told that it %q: %v", want, err)
		}
	}
}
