package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// Limit is how long the Markdown is at the most, in bytes. GitHub takes comments
	// of 65,536 characters; the rest is for what a workflow may add.
	Limit = 65000

	// worth is how many bytes of Pulumi's own text are worth showing.
	worth = 1000

	// maxProperties is how many properties of a resource are in the table.
	maxProperties = 5

	// maxName is how many characters of a name are shown.
	maxName = 100

	// maxError is how many characters of a message are shown.
	maxError = 4000
)

// rows are how many rows a table and how many items a list have, the most that fit
// into the limit. With the last of them everything does.
var rows = []int{50, 20, 8, 2}

// Report is what goes into the Markdown.
type Report struct {
	// Base is what the tree is compared with, such as origin/main, and Commit the
	// commit that this is.
	Base, Commit string
	// Stack is the name of the stack whose configuration is taken.
	Stack string
	// Preview is what changes, nil where there was nothing to preview.
	Preview *Preview
	// Text is Pulumi's own text of the preview.
	Text string
	// Assumed are things of an account that the configuration names and the emulator has
	// made up, a line each.
	Assumed []string
	// Problem is what kept the preview from being made, in words.
	Problem string
	// Secrets are values that must not be seen, wherever they turn up.
	Secrets []string
}

// Marker is the first line: a comment that nobody sees, by which a workflow finds
// the comment that it wrote before.
func (r *Report) Marker() string {
	return fmt.Sprintf("<!-- ecs-sample-app preview of the stack %s -->", plain(r.Stack))
}

// Markdown renders the report. It is never longer than Limit.
func (r *Report) Markdown() string {
	var summary string
	for _, n := range rows {
		summary = r.summary(n)
		if len(summary) <= Limit-worth {
			break
		}
	}
	return summary + r.details(Limit-len(summary))
}

// summary is all but the details, with so many rows in each table.
func (r *Report) summary(rows int) string {
	var out strings.Builder
	out.WriteString(r.Marker() + "\n### Infrastructure: " + r.headline() + "\n\n" + r.compared() + "\n")
	for _, section := range []string{r.errors(), r.warnings(rows), r.notes(rows), r.table(rows), r.outputs(rows), r.costs(rows)} {
		if section != "" {
			out.WriteString("\n" + mask(section, r.Secrets))
		}
	}
	return out.String()
}

// headline is the whole in a few words.
func (r *Report) headline() string {
	p := r.Preview
	switch {
	case r.Failed():
		return "the preview failed"
	case p == nil || p.Verdict() == NoChange:
		return "no change"
	case len(p.Changes) == 0:
		return "no resource changes, outputs do"
	}
	count := map[Op]int{}
	for _, c := range p.Changes {
		count[c.Op]++
	}
	var parts []string
	for _, op := range order {
		if count[op] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", count[op], op))
		}
	}
	return strings.Join(parts, ", ")
}

// Failed tells that there is no whole preview.
func (r *Report) Failed() bool {
	return r.Problem != "" || r.Preview != nil && len(r.Preview.Errors) > 0
}

// Verdict is that of the preview. Where there was nothing to preview, nothing changes.
func (r *Report) Verdict() Verdict {
	if r.Preview == nil {
		return NoChange
	}
	return r.Preview.Verdict()
}

// compared says what was compared with what, and how.
func (r *Report) compared() string {
	base := code(r.Base)
	switch {
	case r.Commit == "": // It was not found.
	case strings.HasPrefix(r.Base, r.Commit):
		base = code(r.Commit)
	default:
		base += " (" + code(r.Commit) + ")"
	}
	s := fmt.Sprintf("Stack %s, compared with %s.", code(r.Stack), base)
	switch {
	case r.Failed():
		return s
	case r.Preview == nil:
		return s + " Nothing that the program is made of differs, so nothing was deployed."
	default:
		var out strings.Builder
		_, _ = fmt.Fprintf(&out, "%s %s. Both were run against an AWS emulator: what was changed in the account by hand is not seen.",
			s, counted(r.Preview.Same, "resource stays as it is", "resources stay as they are"))
		for _, line := range r.Assumed {
			out.WriteString("\n- Assumed: " + code(line))
		}
		return out.String()
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// errors are the messages of a preview that failed.
func (r *Report) errors() string {
	messages := []string{}
	if r.Problem != "" {
		messages = append(messages, r.Problem)
	}
	if r.Preview != nil {
		messages = append(messages, r.Preview.Errors...)
	}
	if len(messages) == 0 {
		return ""
	}
	all := strings.Join(messages, "\n\n")
	if utf8.RuneCountInString(all) > maxError {
		all = string([]rune(all)[:maxError]) + "…"
	}
	return block("text", all)
}

// listed writes so many of all, and for the rest a line with their number.
func listed[T any](all []T, rows int, rest string, line func(T) string) string {
	var out strings.Builder
	for i, one := range all {
		if i == rows {
			_, _ = fmt.Fprintf(&out, rest, len(all)-i)
			break
		}
		out.WriteString(line(one))
	}
	return out.String()
}

// warnings are the changes that hurt, in words.
func (r *Report) warnings(rows int) string {
	if r.Preview == nil || r.Failed() {
		return ""
	}
	warnings := r.Preview.Warnings()
	if len(warnings) == 0 {
		return ""
	}
	return "> [!WARNING]\n" + listed(warnings, rows, "> - … and %d more\n", func(w Warning) string {
		return fmt.Sprintf("> - **The %s %s would be %sd**: %s.\n", w.Noun, code(shortName(w.Name())), w.Op, w.Harm)
	})
}

// notes are the replacements that are put beside what serves, in words.
func (r *Report) notes(rows int) string {
	if r.Preview == nil || r.Failed() {
		return ""
	}
	notes := r.Preview.Notes()
	if len(notes) == 0 {
		return ""
	}
	return "> [!NOTE]\n" + listed(notes, rows, "> - … and %d more\n", func(w Warning) string {
		return fmt.Sprintf("> - **The %s %s is replaced side by side**: %s.\n", w.Noun, code(shortName(w.Name())), w.Harm)
	})
}

// table is the summary of all changes.
func (r *Report) table(rows int) string {
	if r.Preview == nil || r.Failed() || len(r.Preview.Changes) == 0 {
		return ""
	}
	const head = "| | resource | type | what changes |\n|---|---|---|---|\n"
	return head + listed(r.Preview.Changes, rows, "| | … and %d more | | |\n", func(c Change) string {
		return fmt.Sprintf("| %s | %s | %s | %s |\n", c.Op, code(shortName(c.Name())), code(shortType(c.Type)), cell(c))
	})
}

// outputs are the outputs of the stack that change.
func (r *Report) outputs(rows int) string {
	if r.Preview == nil || r.Failed() || len(r.Preview.Outputs) == 0 {
		return ""
	}
	return "| output | what changes |\n|---|---|\n" + listed(r.Preview.Outputs, rows, "| … and %d more | |\n", func(p Property) string {
		return fmt.Sprintf("| %s | %s |\n", code(shortName(p.Path)), fromTo(p))
	})
}

// cell is what changes of a resource.
func cell(c Change) string {
	var lines []string
	for i, p := range c.Properties {
		if i == maxProperties {
			lines = append(lines, fmt.Sprintf("… and %d more", len(c.Properties)-i))
			break
		}
		line := code(shortName(p.Path)) + ": "
		if c.Op == Create {
			line += shown(p.To)
		} else {
			line += fromTo(p)
		}
		if p.Replaces {
			line += " **forces the replacement**"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "<br>")
}

func fromTo(p Property) string {
	return fmt.Sprintf("%s → %s", shown(p.From), shown(p.To))
}

// shown is a value of a property.
func shown(value string) string {
	switch value {
	case "":
		return "none"
	case Later:
		return "*" + Later + "*"
	default:
		return code(value)
	}
}

// costs say what the change does to the bill.
func (r *Report) costs(rows int) string {
	if r.Preview == nil || r.Failed() || r.Preview.Verdict() == NoChange {
		return ""
	}
	c := r.Preview.Costs()
	var out strings.Builder
	_, _ = fmt.Fprintf(&out, "**Cost**: %s. List prices of us-east-1; traffic and other use are on top.\n", c.direction())
	if len(c.Changes) > 0 {
		out.WriteString("\n| what | of | before | after |\n|---|---|---:|---:|\n")
	}
	out.WriteString(listed(c.Changes, rows, "| … and %d more | | | |\n", func(change Cost) string {
		return fmt.Sprintf("| %s | %s | %s | %s |\n", change.What, code(shortName(change.Name)), amount(change.Before), amount(change.After))
	}))
	for i, token := range c.Unknown {
		if i == rows {
			break
		}
		_, _ = fmt.Fprintf(&out, "\nWhat %s costs is unknown.\n", code(shortType(token)))
	}
	return out.String()
}

func amount(a *Amount) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// direction says in words whether it gets cheaper, as far as it is known.
func (c *Costs) direction() string {
	sums := fmt.Sprintf("%s → %s USD a month", c.Before, c.After)
	if len(c.Unknown) > 0 || slices.ContainsFunc(c.Changes, Cost.unknown) {
		return "not all of it is known, without that " + sums
	}
	low, high := c.After.Low-c.Before.Low, c.After.High-c.Before.High
	const cent = 0.005
	switch {
	case low < -cent && high > cent:
		return fmt.Sprintf("between %s less and %s more, %s", usd(-low), usd(high), sums)
	case max(low, high) > cent:
		return "up by " + spread(low, high) + ", " + sums
	case min(low, high) < -cent:
		return "down by " + spread(-high, -low) + ", " + sums
	case len(c.Changes) > 0:
		return "use is billed in another way, beside " + c.After.String() + " USD a month"
	default:
		return "no change, " + c.After.String() + " USD a month"
	}
}

// unknown tells whether an amount is missing.
func (c Cost) unknown() bool {
	return c.Before != nil && c.Before.Unknown != "" || c.After != nil && c.After.Unknown != ""
}

// spread is a difference, or the range that it lies in.
func spread(low, high float64) string {
	if usd(low) == usd(high) {
		return usd(low)
	}
	return usd(min(low, high)) + " to " + usd(max(low, high))
}

// details is Pulumi's own text, folded, as far as there is room for it.
func (r *Report) details(room int) string {
	text := printable(mask(r.Text, r.Secrets))
	if strings.TrimSpace(text) == "" || r.Failed() {
		return ""
	}
	const (
		head = "\n<details><summary>Everything that differs, in Pulumi's words</summary>\n\n"
		tail = "\n</details>\n"
		note = "\nThe rest is left out, because a comment holds no more. `make diff` shows it.\n"
	)
	room -= len(head) + len(tail) + len(note) + 2*(maxTicks+len("`\n"))
	if len(text) <= room {
		return head + block("", text) + tail
	}
	if room < worth {
		return note
	}
	text = strings.ToValidUTF8(text[:room], "")
	if whole, _, ok := cutLast(text, "\n"); ok {
		text = whole
	}
	return head + block("", text) + note + tail
}

// shortType is a type as Pulumi shows it: aws:ecs:Service for aws:ecs/service:Service.
func shortType(token string) string {
	pkg, rest, _ := strings.Cut(token, ":")
	module, name, found := strings.Cut(rest, ":")
	if !found {
		return shortName(token)
	}
	module, _, _ = strings.Cut(module, "/")
	return shortName(pkg + ":" + module + ":" + name)
}

func shortName(s string) string {
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return string([]rune(s)[:maxName-1]) + "…"
}

// plain leaves of a name what cannot end a comment.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		if r == '-' {
			return '-'
		}
		return -1
	}, s)
}
