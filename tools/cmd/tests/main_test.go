package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with tests and returns its folder.
func module(t *testing.T, tests string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":    "module example.com/x\n\ngo 1.26.0\n",
		"x_test.go": "package x\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nvar _, _ = os.Exit, time.Sleep\n\n" + tests,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tested runs the command on suites and returns the exit code and all that it printed.
func tested(t *testing.T, arguments ...string) (code int, printed string) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), arguments, &out, &out)
	return code, out.String()
}

func TestPackagesThatPassAreOneLineEachAndTheSlowestTestsFollow(t *testing.T) {
	dir := module(t, `func TestQuick(t *testing.T) { t.Log("nobody wants to read this") }
func TestSlow(t *testing.T)  { t.Run("part", func(t *testing.T) { time.Sleep(300 * time.Millisecond) }) }
func TestOther(t *testing.T) { time.Sleep(100 * time.Millisecond) }
`)
	code, printed := tested(t, "-slowest", "2", dir)
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	if code != 0 || len(lines) != 5 || !strings.HasPrefix(lines[0], "ok  \texample.com/x") {
		t.Fatalf("got the exit code %d and\n%s", code, printed)
	}
	if lines[2] != "The 2 slowest tests:" || !strings.HasSuffix(lines[3], "0.3s  example.com/x  TestSlow") || !strings.HasSuffix(lines[4], "0.1s  example.com/x  TestOther") {
		t.Errorf("the slowest tests are shown as\n%s", printed)
	}
}

func TestWhatIsSkippedIsCountedAndSaysWhy(t *testing.T) {
	dir := module(t, `func TestGood(t *testing.T) {}
func TestLeft(t *testing.T) { t.Skip("there is no engine") }
`)
	code, printed := tested(t, dir)
	if code != 0 || !strings.Contains(printed, "\nSkipped, 1:\n  example.com/x  TestLeft: x_test.go:") || !strings.Contains(printed, ": there is no engine\n") {
		t.Errorf("got the exit code %d and\n%s", code, printed)
	}
}

func TestAFailureIsShownWithAllThatTheTestSaid(t *testing.T) {
	dir := module(t, `func TestGood(t *testing.T) { t.Log("nobody wants to read this") }
func TestBad(t *testing.T) {
	t.Log("the first line")
	t.Run("part", func(t *testing.T) { t.Errorf("the harm") })
}
`)
	good := module(t, "func TestGood(t *testing.T) {}\n")
	code, printed := tested(t, dir, good)
	if code == 0 {
		t.Error("a failure passes for a success: CI would be green")
	}
	for _, part := range []string{"the first line", "the harm", "--- FAIL: TestBad/part", "--- FAIL: TestBad ", "FAIL\texample.com/x", "ok  \texample.com/x", "Failed:\n  example.com/x  TestBad"} {
		if !strings.Contains(printed, part) {
			t.Errorf("%q is missing in\n%s", part, printed)
		}
	}
	if strings.Contains(printed, "nobody wants") || strings.Contains(printed, "=== RUN") {
		t.Errorf("what passed is in the way of what failed:\n%s", printed)
	}
}

func TestWhatEndsAPackageIsShown(t *testing.T) {
	for name, c := range map[string]struct{ tests, suite, want string }{
		"a panic":             {"func TestBad(t *testing.T) { panic(\"the reason\") }\n", "", "the reason"},
		"a timeout":           {"func TestBad(t *testing.T) { t.Log(\"so far\"); time.Sleep(time.Minute) }\n", " -timeout 1s .", "panic: test timed out after 1s"},
		"an exit":             {"func TestBad(t *testing.T) { println(\"the last words\"); os.Exit(3) }\n", "", "the last words"},
		"what can't be built": {"func TestBad(t *testing.T) { missing() }\n", "", "undefined: missing"},
		"a test that hangs":   {"func TestBad(t *testing.T) { t.Log(\"so far\"); os.Exit(3) }\n", "", "Failed:\n  example.com/x  TestBad"},
		"no such package":     {"", " ./missing", "missing"},
	} {
		code, printed := tested(t, module(t, c.tests)+c.suite)
		if code == 0 || !strings.Contains(printed, c.want) {
			t.Errorf("%s: got the exit code %d, and %q is missing in\n%s", name, code, c.want, printed)
		}
	}
}

func TestANameThatNoTestHasFails(t *testing.T) {
	dir := module(t, "func TestRenamed(t *testing.T) {}\n")
	if code, printed := tested(t, dir+" -run ^TestLife$ ."); code == 0 || !strings.Contains(printed, "-run names no test") {
		t.Errorf("got the exit code %d: a test that was renamed would never run again\n%s", code, printed)
	}
}

func TestAFolderThatIsNotThereFails(t *testing.T) {
	if code, printed := tested(t, filepath.Join(t.TempDir(), "missing")); code == 0 || !strings.Contains(printed, "missing") {
		t.Errorf("got the exit code %d and\n%s", code, printed)
	}
}

func TestWithoutASuiteTheUsageIsShown(t *testing.T) {
	if code, printed := tested(t); code != 2 || !strings.Contains(printed, "usage: tests") {
		t.Errorf("got the exit code %d and\n%s", code, printed)
	}
}

// TestResultsOfBeforeDoNotCount changes a file outside the module, which Go's cache of
// results does not look at.
func TestResultsOfBeforeDoNotCount(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "README.md")
	dir := module(t, "func TestPage(t *testing.T) {\n\tif _, err := os.Stat(\""+outside+"\"); err == nil {\n\t\tt.Error(\"seen\")\n\t}\n}\n")
	if code, printed := tested(t, dir); code != 0 {
		t.Fatalf("got the exit code %d and\n%s", code, printed)
	}
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, printed := tested(t, dir); code == 0 {
		t.Errorf("a page or a program that breaks a test passes, as it did before:\n%s", printed)
	}
}
