package pages

import (
	"strings"
	"testing"
)

const page = "# Title\n\nSet `a 1`, or `b\n" + `
## Shell

` + "```console" + `
$ first --x 'y z'
one
two
$ second    # a comment
$ third
three
` + "```" + `

## File

` + "```yaml" + `
a: "` + "`x`" + `"
` + "```\n"

func TestAPagesExamplesAreFound(t *testing.T) {
	t.Parallel()
	got, err := parse("a.md", page)
	if err != nil {
		t.Fatal(err)
	}
	want := []Example{
		{"a.md:3", "Title", "", "a 1"},
		{"a.md:7", "Shell", "console", "$ first --x 'y z'\none\ntwo\n$ second    # a comment\n$ third\nthree\n"},
		{"a.md:18", "File", "yaml", "a: \"`x`\"\n"},
	}
	if len(got.Examples) != len(want) {
		t.Fatalf("found %q", got.Examples)
	}
	for i := range want {
		if got.Examples[i] != want[i] {
			t.Errorf("found %q, not %q", got.Examples[i], want[i])
		}
	}
	shell := got.Examples[1]
	for text, want := range map[string]string{
		shell.Commands():                      "first --x 'y z'\nsecond    # a comment\nthird\n",
		shell.Output("first --x 'y z'"):       "one\ntwo",
		shell.Output("third"):                 "three",
		shell.Output("fourth"):                "",
		shell.Output("second    # a comment"): "",
		got.Examples[0].Commands():            "a 1",
		got.Examples[2].Commands():            "",
	} {
		if text != want {
			t.Errorf("read %q, not %q", text, want)
		}
	}
	found, err := Find([]Page{got}, "third")
	if err != nil || found != shell {
		t.Errorf("what third prints is found as %q, %v", found, err)
	}
	if _, err := Find([]Page{got}, "second"); err == nil {
		t.Error("a command that shows nothing is found: a test would compare nothing")
	}
}

func TestAPageThatNobodyCanReadIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"```console\n$ x\n": "has no end",
		"```\nx\n```\n":     "a.md:1: a block without a language",
	} {
		if _, err := parse("a.md", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %q the error is %v", text, err)
		}
	}
}

func TestAllPagesAreRead(t *testing.T) {
	t.Parallel()
	all, err := Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, page := range all {
		files[page.File] = true
	}
	for _, file := range []string{"README.md", "CONTRIBUTING.md", "bootstrap/README.md", "docs/config.md", "docs/ci.md", "docs/lab.ko.md"} {
		if !files[file] {
			t.Errorf("%s is not read, so what it says is not tested", file)
		}
	}
}
