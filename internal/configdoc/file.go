package configdoc

import (
	"os"
	"strings"
	"testing"
)

// Marks around the part of a page that is written by a test.
const (
	begin = "<!-- written by a test from the settings' comments -->\n"
	end   = "<!-- end of what is written by a test -->\n"
)

// WantSchema wants the config schema at the end of a Pulumi.yaml to be what the
// settings say, or writes it there.
func WantSchema(t *testing.T, file string, update bool, sections ...Section) {
	t.Helper()
	schema, err := Schema(sections...)
	if err != nil {
		t.Fatal(err)
	}
	want(t, file, update, "config:\n", "", schema)
}

// WantTables wants the tables between the marks of a page to be what the settings
// say, or writes them there.
func WantTables(t *testing.T, file string, update bool, sections ...Section) {
	t.Helper()
	tables, err := Tables(sections...)
	if err != nil {
		t.Fatal(err)
	}
	want(t, file, update, begin, end, begin+tables+"\n"+end)
}

// want wants the part of a file from one mark to the end of another, or to its own
// end, to be content.
func want(t *testing.T, file string, update bool, from, to, content string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), from)
	_, after, closed := strings.Cut(rest, to)
	if to == "" {
		after = ""
	}
	if !found || !closed {
		t.Fatalf("%s has no %q, where the settings are written", file, from)
	}
	written := before + content + after
	if written == string(text) {
		return
	}
	if !update {
		t.Errorf("%s does not say what the settings' fields say: people would read of other defaults than hold; write it anew with -update", file)
		return
	}
	if err := os.WriteFile(file, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
}
