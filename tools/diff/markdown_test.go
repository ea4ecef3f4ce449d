package diff

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden Markdown anew")

// recorded reads a preview that the real CLI made of the real program. How they are
// made stands at the flag -record in e2e/diff_test.go.
func recorded(t *testing.T, name string) *Report {
	t.Helper()
	log, err := os.Open(filepath.Join("testdata", name+".events"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // only read from
	preview, err := Parse(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return &Report{Base: "origin/main", Commit: "1a2b3c4", Stack: "dev", Preview: preview, Text: string(text)}
}

func TestTheMarkdownOfRealPreviewsIsGolden(t *testing.T) {
	logs, err := filepath.Glob(filepath.Join("testdata", "*.events"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no preview is recorded: %v", err)
	}
	for _, log := range logs {
		name := strings.TrimSuffix(filepath.Base(log), ".events")
		got, golden := recorded(t, name).Markdown(), filepath.Join("testdata", name+".md")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("reviewers read something else than %s says; if that is meant, run `go test ./diff -update` and review the diff\n%s", golden, got)
		}
	}
}

func TestWhatTheEmulatorHasMadeUpIsMarked(t *testing.T) {
	report := recorded(t, "bump")
	report.Assumed = []string{"the VPC vpc-1 is made up", "a `name` <b>"}
	got := report.Markdown()
	for _, want := range []string{"\n- Assumed: `the VPC vpc-1 is made up`\n", "\n- Assumed: "} {
		if !strings.Contains(got, want) {
			t.Errorf("a reviewer takes what was made up for what the account has, %q is missing:\n%s", want, got)
		}
	}
	if strings.Contains(recorded(t, "bump").Markdown(), "Assumed") {
		t.Error("something is said to be assumed, and nothing was")
	}
}

func TestTheVerdictIsWhatTheReviewerMustKnow(t *testing.T) {
	for name, want := range map[string]Verdict{
		"bump": Harmless, "zones": Harmless, "size": Harmless, "port": Harmless,
		"vpc": Dangerous, "cluster": Dangerous,
	} {
		if got := recorded(t, name).Verdict(); got != want {
			t.Errorf("%s: the verdict is %d, want %d", name, got, want)
		}
	}
	if got := (&Report{}).Verdict(); got != NoChange {
		t.Errorf("where there was nothing to preview, the verdict is %d", got)
	}
	outputs := &Report{Preview: &Preview{Outputs: []Property{{Path: "url"}}}}
	if got := outputs.Verdict(); got != Harmless || !strings.Contains(outputs.Markdown(), "no resource changes, outputs do") {
		t.Errorf("a changed output passes for no change: %d\n%s", got, outputs.Markdown())
	}
}

func TestAFailedPreviewShowsItsMessageAndNothingThatPassesForAResult(t *testing.T) {
	r := recorded(t, "refused")
	text := r.Markdown()
	if !r.Failed() || !strings.Contains(text, "### Infrastructure: the preview failed\n") || !strings.Contains(text, `imageTag: got "latest"`) {
		t.Errorf("the author does not read why:\n%s", text)
	}
	for _, never := range []string{"no change", "**Cost**", "<details>"} {
		if strings.Contains(text, never) {
			t.Errorf("%q passes for a result:\n%s", never, text)
		}
	}
}

func TestTheFirstLineIsTheMarker(t *testing.T) {
	r := &Report{Stack: "dev--> <b>"}
	first, _, _ := strings.Cut(r.Markdown(), "\n")
	if first != r.Marker() || first != "<!-- ecs-sample-app preview of the stack dev--b -->" {
		t.Errorf("a workflow would not find its comment, or show the marker: %s", first)
	}
}

func TestTheCommitIsSaidOnce(t *testing.T) {
	for _, tt := range []struct{ base, commit, want string }{
		{"origin/main", "1a2b3c4", "compared with `origin/main` (`1a2b3c4`)."},
		{"1a2b3c4d5e6f", "1a2b3c4", "compared with `1a2b3c4`."},
		{"nowhere", "", "compared with `nowhere`."},
	} {
		r := &Report{Stack: "dev", Base: tt.base, Commit: tt.commit}
		if text := r.Markdown(); !strings.Contains(text, tt.want) {
			t.Errorf("a reviewer reads something else than %q:\n%s", tt.want, text)
		}
	}
}

func TestACommentIsNeverTooLong(t *testing.T) {
	long := strings.Repeat("ü|`\u202e", 200)
	for _, n := range []int{1, 10, 60, 500} {
		p := &Preview{}
		for i := range n {
			token := "aws:lb/loadBalancer:LoadBalancer" + []string{"", "x", long}[i%3]
			r := Resource{URN: fmt.Sprintf("urn::%d-%s", i, long), Type: token, custom: true}
			c := Change{Resource: r, Op: Delete}
			for j := range 20 {
				c.Properties = append(c.Properties, Property{Path: fmt.Sprint(j, long), From: shorten(long), To: shorten(long), Replaces: true})
			}
			p.Changes = append(p.Changes, c)
			p.Before = append(p.Before, r)
			p.Outputs = append(p.Outputs, c.Properties[0])
		}
		for _, lines := range []int{0, 1, 100, 5000} {
			r := &Report{Stack: "dev", Preview: p, Text: strings.Repeat(long[:100]+"\n", lines)}
			text := r.Markdown()
			if len(text) > Limit {
				t.Errorf("%d changes, %d lines: %d bytes, and GitHub refuses the comment", n, lines, len(text))
			}
			if n > rows[0] && !strings.Contains(text, "more") {
				t.Errorf("%d changes: nobody is told that there are more", n)
			}
			if lines == 5000 && !strings.Contains(text, "The rest is left out") {
				t.Errorf("%d lines: nobody is told that the rest is left out", lines)
			}
			if strings.Count(text, "<details>") != strings.Count(text, "\n</details>") {
				t.Errorf("%d changes, %d lines: the fold does not end", n, lines)
			}
		}
	}
	failed := &Report{Problem: strings.Repeat(long, 100)}
	if text := failed.Markdown(); len(text) > Limit {
		t.Errorf("a message of %d bytes", len(text))
	}
}

func TestASecretIsMaskedWhereverItIs(t *testing.T) {
	const secret = "pass \"hunter2\"\nof two lines|"
	event := func(value string) map[string]any {
		side := func(v string) map[string]any {
			document, _ := json.Marshal(map[string]any{"inside": v})
			return map[string]any{"custom": true, "inputs": map[string]any{"plain": v, "list": []any{v}, "document": string(document)}}
		}
		return map[string]any{"resourcePreEvent": map[string]any{"metadata": map[string]any{
			"op": "update", "urn": "a::b", "type": "aws:ecs/service:Service",
			"old": side("before"), "new": side(value), "diffs": []string{"plain", "list", "document"},
		}}}
	}
	var log bytes.Buffer
	encoder := json.NewEncoder(&log)
	for _, line := range []any{
		event("a " + secret + " z"),
		map[string]any{"diagnosticEvent": map[string]any{"severity": "info", "message": secret}},
		map[string]any{"summaryEvent": map[string]any{}},
	} {
		if err := encoder.Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	for _, problem := range []string{"", "cannot use " + secret} {
		p, err := Parse(bytes.NewReader(log.Bytes()), []string{secret})
		if err != nil {
			t.Fatal(err)
		}
		r := &Report{Preview: p, Secrets: []string{"hunter2", secret}, Problem: problem, Text: "~ x: " + fmt.Sprintf("%q", secret) + "\n" + secret}
		text := r.Markdown()
		for _, part := range []string{"hunter2", "two lines"} {
			if strings.Contains(text, part) {
				t.Errorf("%q of a secret is in a comment that anybody can read:\n%s", part, text)
			}
		}
		if !strings.Contains(text, "[secret]") {
			t.Errorf("nothing tells that a secret was there:\n%s", text)
		}
	}
}
