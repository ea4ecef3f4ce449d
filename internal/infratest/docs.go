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

// Table reads the cells of the first table below a heading of a page, without its head
// and without backticks. A test that would look at no table fails.
func Table(t testing.TB, page, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", page, heading)
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
		t.Fatalf("%s has no table below %q", page, heading)
	}
	return rows[head:]
}
