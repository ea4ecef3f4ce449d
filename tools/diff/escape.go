package diff

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxTicks is how many backticks in a row are shown. A fence must be longer than
// those inside, and a value of backticks alone would make it longer than a comment.
const maxTicks = 16

var (
	ticks     = regexp.MustCompile("`+")
	manyTicks = regexp.MustCompile(fmt.Sprintf("`{%d,}", maxTicks))
)

// code shows a text that somebody else chose, as a code span in a table or a
// sentence. Markdown, HTML, links and mentions mean nothing in a code span; what
// could end it, or the cell of the table, is taken care of here.
func code(s string) string {
	s = strings.Join(strings.FieldsFunc(printable(s), func(r rune) bool { return r == '\n' }), " ")
	if s == "" {
		return ""
	}
	// A table's cell ends at a bar, in a code span too. A backslash takes that from
	// it, but not where another backslash stands before: there the bar is broken.
	s = strings.ReplaceAll(s, `\|`, `\¦`)
	s = strings.ReplaceAll(s, "|", `\|`)
	fence := fenceFor(s, 1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.TrimSpace(s) == "" {
		s = " " + s + " "
	}
	return fence + s + fence
}

// block shows a text of many lines that somebody else chose. Nothing in it is
// Markdown or HTML.
func block(language, s string) string {
	s = strings.TrimRight(printable(s), "\n")
	const least = 3
	fence := fenceFor(s, least)
	return fence + language + "\n" + s + "\n" + fence + "\n"
}

// fenceFor is a row of backticks that is longer than any in the text.
func fenceFor(s string, least int) string {
	longest := least - 1
	for _, run := range ticks.FindAllString(s, -1) {
		longest = max(longest, len(run))
	}
	return strings.Repeat("`", longest+1)
}

// printable writes out what cannot be seen, and what would change how the rest is
// seen, such as characters that turn the direction of writing. A carriage return
// ends a line in Markdown, and so must not stay.
func printable(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var out strings.Builder
	for _, r := range strings.ToValidUTF8(s, "�") {
		switch {
		case r == '\n':
			out.WriteRune(r)
		case r == '\t':
			out.WriteString("    ")
		case !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' ':
			_, _ = fmt.Fprintf(&out, `\u%04x`, r) // A builder takes everything.
		default:
			out.WriteRune(r)
		}
	}
	return manyTicks.ReplaceAllString(out.String(), strings.Repeat("`", maxTicks))
}

// leastSecret is the length in bytes from which a secret is masked. Shorter ones would
// be found everywhere, and are none.
const leastSecret = 4

// mask takes secrets out of a text, also where they are quoted or broken into lines.
func mask(s string, secrets []string) string {
	if len(secrets) == 0 {
		return s
	}
	var all []string
	for _, secret := range secrets {
		all = append(all, secret, strings.Trim(text(optional{secret, true}), `"`))
		all = append(all, strings.Split(secret, "\n")...)
	}
	// The longest first: one may be a part of another.
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, secret := range all {
		if len(secret) >= leastSecret {
			s = strings.ReplaceAll(s, secret, "[secret]")
		}
	}
	return s
}

// maskAll takes secrets out of all strings in a value.
func maskAll(value any, secrets []string) any {
	switch v := value.(type) {
	case string:
		return mask(v, secrets)
	case []any:
		for i := range v {
			v[i] = maskAll(v[i], secrets)
		}
	case map[string]any:
		for key := range v {
			v[key] = maskAll(v[key], secrets)
		}
	}
	return value
}
