package infratest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// ConfigText writes a value as the CLI does: text as it is, the rest as JSON.
func ConfigText(t testing.TB, value any) string {
	t.Helper()
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ReadmeTable reads the cells of the first table below a heading of the
// README.md in the test's folder, without its head and without backticks. A test
// that would look at no table fails.
func ReadmeTable(t testing.TB, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("README.md has no heading %q", heading)
	}
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.ReplaceAll(strings.TrimSpace(cell), "`", ""))
		}
		rows = append(rows, row)
	}
	const head = 2
	if len(rows) <= head {
		t.Fatalf("README.md has no table below %q", heading)
	}
	return rows[head:]
}
