package diff

import (
	"strings"
	"testing"
	"unicode"
)

// hostile are texts that try to get out of the place that they are shown in.
var hostile = []string{
	"`", "``", "a`b", "`a", "a`", "```", strings.Repeat("`", 100), "` `` ```",
	"|", `\|`, `\\|`, `\`, `a\`, "a|b`c|`", `\` + "`|", "`" + `\|` + "`",
	"\n\n# Approved", "a\r\rb", "\r\n\r\n</details>", "\u2028\u2029\u0085",
	"</details>", "--><img src=x onerror=x>", "@everyone", "![x](https://example.com/x.png)",
	"https://example.com", "<!--", "&lt;img&gt;", "$x$", "\u202eevil", "\x00\x1b[31m", "\xff\xfe",
	"", " ", "  a  ", "\u00a0", "\t",
}

func TestHostileTextsStayInTheirCodeSpan(t *testing.T) {
	for _, text := range hostile {
		assertSpan(t, text)
	}
}

func FuzzHostileTextsStayInTheirCodeSpan(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { assertSpan(t, text) })
}

// assertSpan reads a code span in a table's row as GitHub does: first the row is cut
// into cells at the bars, where a backslash takes the next character along, then the
// span ends at the first row of as many backticks as it began with.
func assertSpan(t *testing.T, text string) {
	t.Helper()
	span := code(text)
	if span == "" {
		if strings.Trim(text, "\r\n") != "" {
			t.Errorf("%q is not shown", text)
		}
		return
	}
	for _, r := range span {
		if !unicode.IsGraphic(r) {
			t.Errorf("%q: %q changes how the rest is read", text, r)
		}
	}
	for i := 0; i < len(span); i++ {
		switch span[i] {
		case '\\':
			i++
		case '|':
			t.Fatalf("%q ends its cell: %s", text, span)
		}
	}
	span = strings.ReplaceAll(span, `\|`, "|")
	fence := len(span) - len(strings.TrimLeft(span, "`"))
	inside := span[fence:]
	for {
		start := strings.IndexByte(inside, '`')
		if start < 0 {
			t.Fatalf("%q: the span does not end: %s", text, span)
		}
		run := len(inside[start:]) - len(strings.TrimLeft(inside[start:], "`"))
		inside = inside[start+run:]
		if run == fence {
			break
		}
	}
	if inside != "" {
		t.Fatalf("%q: %q is outside of the code span: %s", text, inside, span)
	}
}

func TestHostileTextsStayInTheirBlock(t *testing.T) {
	for _, text := range hostile {
		shown := block("", "before\n"+text+"\nafter")
		lines := strings.Split(strings.TrimSuffix(shown, "\n"), "\n")
		fence := lines[0]
		if strings.Trim(fence, "`") != "" || lines[len(lines)-1] != fence {
			t.Fatalf("%q is not in a block:\n%s", text, shown)
		}
		for _, line := range lines[1 : len(lines)-1] {
			if strings.HasPrefix(strings.TrimLeft(line, " "), fence) {
				t.Errorf("%q ends the block:\n%s", text, shown)
			}
			if strings.ContainsAny(line, "\r\u2028\u202e\x00\x1b") {
				t.Errorf("%q changes how the rest is read: %q", text, line)
			}
		}
	}
}

func TestEveryTextInTheMarkdownIsShownAsCode(t *testing.T) {
	// Where a text is taken as it is, the bang shows outside of all code.
	const bang = "<img src=x>@you![x](y)"
	r := &Report{
		Base: bang, Commit: bang, Stack: bang, Text: bang + "\n```\n" + bang,
		Preview: &Preview{
			Changes: []Change{
				{Resource: Resource{URN: "a::" + bang, Type: bang, custom: true}, Op: Delete},
				{Resource: Resource{URN: "a::" + bang, Type: bang, custom: true}, Op: Replace, Properties: []Property{{Path: bang, From: bang, To: bang}}},
				{Resource: Resource{URN: "a::" + bang, Type: "aws:ecs/service:Service", custom: true}, Op: Replace},
			},
			Outputs: []Property{{Path: bang, From: bang, To: bang}},
			Before:  []Resource{{URN: "a::" + bang, Type: "aws:kms/key:Key"}},
		},
	}
	failed := &Report{Problem: bang + "\n```\n</details>" + bang, Preview: &Preview{Errors: []string{bang}}}
	for _, text := range []string{r.Markdown(), failed.Markdown()} {
		if !strings.Contains(text, "@you") {
			t.Fatalf("the test sees nothing:\n%s", text)
		}
		if outside := withoutCode(text); strings.ContainsAny(outside, "@") || strings.Contains(outside, "<img") || strings.Contains(outside, "](") {
			t.Errorf("a name or value is taken for Markdown:\n%s", outside)
		}
	}
}

// withoutCode leaves code blocks and code spans out of a Markdown text.
func withoutCode(markdown string) string {
	var rest strings.Builder
	fence := ""
	for line := range strings.Lines(markdown) {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "":
			if strings.TrimSpace(line) == fence {
				fence = ""
			}
		case len(ticks) >= 3 && !strings.Contains(line[len(ticks):], "`"):
			fence = ticks
		default:
			for {
				start := strings.IndexByte(line, '`')
				if start < 0 {
					break
				}
				opening := line[start : start+len(line[start:])-len(strings.TrimLeft(line[start:], "`"))]
				_, after, closed := strings.Cut(line[start+len(opening):], opening)
				if !closed {
					break
				}
				rest.WriteString(line[:start])
				line = after
			}
			rest.WriteString(line)
		}
	}
	return rest.String()
}
