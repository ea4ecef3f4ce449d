package diff

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// unknown is what the engine writes for what is known only after a deployment.
	// https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin#UnknownStringValue
	unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

	// Later is shown in its place. No value can be taken for it: strings have quotes.
	Later = "known later"

	// maxValue is how many characters of a value are shown.
	maxValue = 60

	// context is how many equal characters are shown on either side of what differs
	// in a long text.
	context = 12
)

// Property is one property that differs.
type Property struct {
	// Path is where it is, such as tags.Name or containerDefinitions[0].image, also
	// inside a JSON document.
	Path string
	// From and To are the values as JSON, long ones shortened to where they differ.
	// One that is not there is empty, one that is not known yet is Later.
	From, To string
	// Replaces tells that the resource is replaced because of it.
	Replaces bool
}

// properties are those that differ, those that force a replacement first.
func (s step) properties() []Property {
	if s.Old == nil || s.New == nil {
		return nil
	}
	paths := slices.Clone(s.Diffs)
	if len(s.DetailedDiff) > 0 {
		paths = slices.Collect(maps.Keys(s.DetailedDiff))
	}
	slices.Sort(paths)
	var found []Property
	for _, path := range slices.Compact(paths) {
		if !slices.ContainsFunc(paths, func(other string) bool { return within(path, other) }) {
			found = append(found, s.differing(path)...)
		}
	}
	for _, p := range compareAll(visible(s.Old.Inputs), visible(s.New.Inputs)) {
		// Where a whole list is not known yet, the provider does not say that it differs.
		named := slices.ContainsFunc(found, func(other Property) bool { return first(other.Path) == first(p.Path) })
		if !named && (p.To == Later || len(found) == 0) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b Property) int {
		return cmp.Compare(strconv.FormatBool(b.Replaces), strconv.FormatBool(a.Replaces))
	})
	return found
}

// differing compares what is at a path that the provider names.
func (s step) differing(path string) []Property {
	segments := split(path)
	from, had := lookup(s.Old.Inputs, segments)
	to, has := lookup(s.New.Inputs, segments)
	if !had || reflect.DeepEqual(from, to) {
		// The program asks for the same as before: it is AWS that has something else.
		if deployed, ok := lookup(s.Old.Outputs, segments); ok {
			from, had = deployed, deployed != nil
		}
	}
	if has && to != unknown && reflect.DeepEqual(from, to) {
		return nil // An element of a set that only moved.
	}
	found := compare(path, optional{from, had}, optional{to, has})
	for i := range found {
		found[i].Replaces = s.replaces(path)
	}
	return found
}

// replaces tells whether what is at a path, or further in, forces a replacement.
func (s step) replaces(path string) bool {
	forces := func(other string) bool { return other == path || within(other, path) }
	if slices.ContainsFunc(s.Keys, forces) {
		return true
	}
	for other, d := range s.DetailedDiff {
		if forces(other) && strings.HasSuffix(d.Kind, "-replace") {
			return true
		}
	}
	return false
}

// within tells whether a path leads further into what is at another.
func within(path, other string) bool {
	rest, ok := strings.CutPrefix(path, other)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// given are the properties that the program gives a new resource, without its name and
// tags, what is left at its default, switched off or not known yet.
func given(inputs map[string]any) []Property {
	plain := []any{"name", "tags"}
	if defaults, ok := inputs["__defaults"].([]any); ok {
		plain = append(plain, defaults...)
	}
	var found []Property
	for _, key := range slices.Sorted(maps.Keys(visible(inputs))) {
		value := inputs[key]
		if !slices.Contains(plain, any(key)) && value != nil && value != false && value != unknown {
			found = append(found, Property{Path: key, To: shorten(text(optional{value, true}))})
		}
	}
	return found
}

// optional is a value that may be missing.
type optional struct {
	value any
	there bool
}

// compareAll compares two objects key by key.
func compareAll(from, to map[string]any) []Property {
	all := maps.Clone(from)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, to)
	var found []Property
	for _, key := range slices.Sorted(maps.Keys(all)) {
		a, had := from[key]
		b, has := to[key]
		if had != has || !reflect.DeepEqual(a, b) {
			found = append(found, compare(key, optional{a, had}, optional{b, has})...)
		}
	}
	return found
}

// compare finds where two values differ: inside of objects, lists of one length and
// documents in JSON, it is their elements.
func compare(path string, from, to optional) []Property {
	if from.there && to.there {
		if found, ok := inside(path, document(from.value), document(to.value)); ok && len(found) > 0 {
			return found
		}
	}
	if from.there && to.there {
		from.value, to.value = around(from.value, to.value)
	}
	return []Property{{Path: path, From: shorten(text(from)), To: shorten(text(to))}}
}

// inside compares the elements of two values of one kind.
func inside(path string, from, to any) ([]Property, bool) {
	switch a := from.(type) {
	case map[string]any:
		b, ok := to.(map[string]any)
		if !ok {
			return nil, false
		}
		found := compareAll(visible(a), visible(b))
		for i, p := range found {
			found[i].Path = path + "." + p.Path
		}
		return found, true
	case []any:
		b, ok := to.([]any)
		if !ok || len(a) != len(b) {
			return nil, false
		}
		var found []Property
		for i := range a {
			if !reflect.DeepEqual(a[i], b[i]) {
				found = append(found, compare(path+"["+strconv.Itoa(i)+"]", optional{a[i], true}, optional{b[i], true})...)
			}
		}
		return found, true
	default:
		return nil, false
	}
}

// visible leaves out what Pulumi keeps in an object for itself.
func visible(object map[string]any) map[string]any {
	clone := maps.Clone(object)
	maps.DeleteFunc(clone, func(key string, _ any) bool { return strings.HasPrefix(key, "__") })
	return clone
}

// bare is a value without what Pulumi keeps in it for itself.
func bare(value any) any {
	switch v := value.(type) {
	case map[string]any:
		clone := visible(v)
		for key := range clone {
			clone[key] = bare(clone[key])
		}
		return clone
	case []any:
		clone := slices.Clone(v)
		for i := range clone {
			clone[i] = bare(clone[i])
		}
		return clone
	default:
		return value
	}
}

// document is what a string with a JSON object or list holds, such as a policy or a
// container definition. Any other value is itself.
func document(value any) any {
	s, ok := value.(string)
	if !ok || !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
		return value
	}
	var content any
	if json.Unmarshal([]byte(s), &content) != nil {
		return value
	}
	return content
}

// text is a value as JSON.
func text(value optional) string {
	if !value.there {
		return ""
	}
	if value.value == unknown {
		return Later
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	// What was read from JSON can be written as JSON.
	_ = encoder.Encode(bare(value.value))
	return strings.ReplaceAll(strings.TrimSpace(out.String()), `"`+unknown+`"`, Later)
}

// around cuts away what two long strings have in common, but for a few characters, so
// that what differs is seen however far behind it is. Of many lines it is the first
// that differs.
func around(from, to any) (shorterFrom, shorterTo any) {
	a, ok := from.(string)
	b, both := to.(string)
	if !ok || !both || a == unknown || b == unknown || max(len(a), len(b)) <= maxValue {
		return from, to
	}
	lines, others := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(lines), len(others)) {
		if lines[i] != others[i] {
			a, b = lines[i], others[i]
			break
		}
	}
	return middle(a, b), middle(b, a)
}

// middle is what a string has between what it begins and ends with like another.
func middle(s, other string) string {
	x, y := []rune(s), []rune(other)
	if max(len(x), len(y)) <= maxValue {
		return s
	}
	head := 0
	for head < min(len(x), len(y)) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < min(len(x), len(y))-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	begin, end := max(0, head-context), min(len(x), len(x)-tail+context)
	cut := string(x[begin:end])
	if begin > 0 {
		cut = "…" + cut
	}
	if end < len(x) {
		cut += "…"
	}
	return cut
}

// shorten cuts a text that is too long for a table, in the middle: names and
// versions stand at the end of an ARN.
func shorten(s string) string {
	const head = maxValue / 3
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	all := []rune(s)
	return string(all[:head]) + "…" + string(all[len(all)-(maxValue-1-head):])
}

// split takes a property path apart: tags["a.b"].c[0] is tags, a.b, c, 0.
func split(path string) []string {
	var segments []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			key, err := strconv.QuotedPrefix(path[1:])
			if err != nil {
				return append(segments, path)
			}
			plain, _ := strconv.Unquote(key) // It was just found to be quoted.
			segments = append(segments, plain)
			path = strings.TrimPrefix(path[1+len(key):], "]")
		case path[0] == '[':
			index, rest, _ := strings.Cut(path[1:], "]")
			segments = append(segments, index)
			path = rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			segments = append(segments, path[:end])
			path = path[end:]
		}
	}
	return segments
}

// first is the property that a path begins with.
func first(path string) string {
	if segments := split(path); len(segments) > 0 {
		return segments[0]
	}
	return ""
}

// lookup follows a path into a value.
func lookup(in any, segments []string) (any, bool) {
	for _, segment := range segments {
		switch value := in.(type) {
		case map[string]any:
			element, ok := value[segment]
			if !ok {
				return nil, false
			}
			in = element
		case []any:
			i, err := strconv.Atoi(segment)
			if err != nil || i < 0 || i >= len(value) {
				return nil, false
			}
			in = value[i]
		default:
			return nil, false
		}
	}
	return in, true
}
