package stackconfig

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"

	"ecs-sample-app/problem"
)

// tag is the name of the struct tag with a setting's key.
const tag = "mapstructure"

// hidden stands in messages for a value that may be a secret.
const hidden = "a secret"

// wrong is a value of a type that a setting does not take.
type wrong struct {
	given any
	want  string
}

func (w wrong) Error() string { return w.want }

// quoted says so if only the quotes are wrong.
func (w wrong) quoted(fits func(string) bool) wrong {
	if text, ok := w.given.(string); ok && fits(text) {
		w.want += ", without quotes"
	}
	return w
}

// Decode writes a tree into a struct that begins as defaults makes it, anew each
// time, because the decoder writes through the pointers that it finds. What can't be
// read stays at its default, with a problem.
func Decode[T any](tree Tree, defaults func() T) (T, problem.Problems) {
	result := defaults()
	begin(tree, reflect.ValueOf(&result).Elem())
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:               &result,
		TagName:              tag,
		IgnoreUntaggedFields: true,
		MatchName:            func(key, field string) bool { return key == field && field != "-" },
		DecodeHook:           mapstructure.DecodeHookFuncValue(accept),
	})
	if err != nil {
		panic(err) // The struct has a tag that the decoder does not know.
	}
	problems := mistakes(decoder.Decode(map[string]any(tree)))
	slices.SortFunc(problems, func(a, b problem.Problem) int { return strings.Compare(a.Path, b.Path) })
	problems = append(problems, unknown("", map[string]any(tree), reflect.TypeFor[T]())...)
	return result, hide(problems, Settings(reflect.TypeFor[T]()))
}

// begin makes room for what is set: a list or a map replaces the default and is not
// laid over it, and of an object that was not there each value is kept that can be
// read.
func begin(tree Tree, into reflect.Value) {
	for _, s := range Settings(into.Type()) {
		value, ok := tree[s.Key]
		field := into.FieldByIndex(s.index)
		switch field.Kind() {
		case reflect.Slice, reflect.Map:
			if ok {
				field.SetZero()
			}
		case reflect.Pointer:
			if object, ok := value.(map[string]any); ok && len(object) > 0 && field.Type().Elem().Kind() == reflect.Struct {
				field.Set(reflect.New(field.Type().Elem()))
			}
		default:
		}
	}
}

// hide takes values out of messages that may be secrets, however they were set.
func hide(problems problem.Problems, settings []Setting) problem.Problems {
	for _, s := range settings {
		for i, p := range problems {
			if s.Secret() && within(p.Path, s.Key) {
				problems[i].Given = hidden
			}
		}
	}
	return problems
}

// accept checks that a value has the type of what it is written into, with a
// message for people. A text may be written as a whole number or as true or false,
// which YAML and `pulumi config set --path` make of what looks like one.
func accept(from, to reflect.Value) (any, error) {
	given := from.Interface()
	refused := wrong{given: given, want: wanted(to.Type())}
	switch to.Kind() {
	case reflect.String:
		return asText(given, refused)
	case reflect.Int:
		return asNumber(given, refused)
	case reflect.Bool:
		if _, ok := given.(bool); !ok {
			return nil, refused.quoted(func(text string) bool { return text == "true" || text == "false" })
		}
	case reflect.Slice, reflect.Struct, reflect.Map:
		if isList := to.Kind() == reflect.Slice; isList != (from.Kind() == reflect.Slice) || !isList && from.Kind() != reflect.Map {
			return nil, refused
		}
	case reflect.Pointer:
		// Pulumi hands the schema's default, an empty object, over as if it were set.
		if from.Kind() == reflect.Map && from.Len() == 0 {
			return nil, nil //nolint:nilnil // nothing is what the decoder takes for not set
		}
	case reflect.Interface: // Anything goes.
	default:
		return nil, fmt.Errorf("a setting can't have the type %s", to.Type())
	}
	return given, nil
}

func asNumber(given any, refused wrong) (any, error) {
	if number, ok := given.(json.Number); ok && whole(number.String()) {
		return given, nil
	}
	return nil, refused.quoted(whole)
}

func whole(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}

// asText is a text as it was written, also without quotes.
func asText(given any, refused wrong) (any, error) {
	switch given := given.(type) {
	case string:
		return given, nil
	case bool:
		return strconv.FormatBool(given), nil
	case json.Number:
		// From 2^53 on a number has lost digits before the program sees it.
		if exact, err := strconv.ParseInt(given.String(), 10, 64); err == nil && max(exact, -exact) < 1<<53 {
			return given.String(), nil
		}
		refused.want = "a text in quotes: as a number it has lost digits or may have (1.10 becomes 1.1)"
	}
	return nil, refused
}

// wanted says what a value of this type looks like.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list, each " + wanted(t.Elem())
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return "an object"
		}
		return "an object, each value " + wanted(t.Elem())
	case reflect.Struct:
		var keys []string
		for _, s := range Settings(t) {
			keys = append(keys, s.Key)
		}
		return "an object with any of " + strings.Join(keys, ", ")
	default:
		return "a text"
	}
}

// mistakes are the problems in what the decoder returns: an error for each value, in
// a tree of errors that are wrapped and joined.
func mistakes(err error) problem.Problems {
	return mistakesAt("", err)
}

func mistakesAt(name string, err error) problem.Problems {
	switch err := err.(type) { //nolint:errorlint // each node of the tree is looked at by itself
	case nil:
		return nil
	case wrong:
		return problem.Problems{{Path: pathOf(name), Given: written(err.given), Want: err.want}}
	case *mapstructure.DecodeError:
		return mistakesAt(err.Name(), err.Unwrap())
	case interface{ Unwrap() []error }:
		var problems problem.Problems
		for _, inner := range err.Unwrap() {
			problems = append(problems, mistakesAt(name, inner)...)
		}
		return problems
	case interface{ Unwrap() error }:
		return mistakesAt(name, err.Unwrap())
	}
	// The hook has looked at every value, so this is a setting of a strange type.
	panic(err)
}

// pathOf writes the decoder's environment[PORT] as `pulumi config set --path` has it:
// environment.PORT. Places in a list stay as they are.
func pathOf(name string) string {
	var path strings.Builder
	for name != "" {
		open := strings.IndexByte(name, '[')
		end := strings.IndexByte(name[max(open, 0):], ']') + max(open, 0)
		if open < 0 || end < open {
			return path.String() + name
		}
		inner := name[open+1 : end]
		path.WriteString(name[:open])
		if _, err := strconv.Atoi(inner); err == nil {
			path.WriteString("[" + inner + "]")
		} else {
			path.WriteString("." + inner)
		}
		name = name[end+1:]
	}
	return path.String()
}

// written is a value as it may have been written.
func written(value any) string {
	switch value := value.(type) {
	case string:
		return strconv.Quote(value)
	case Null:
		return value.String()
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// unknown are the keys of objects that no field has.
func unknown(path string, value any, t reflect.Type) problem.Problems {
	var problems problem.Problems
	switch given := value.(type) {
	case []any:
		if t.Kind() == reflect.Slice {
			for i, inner := range given {
				problems = append(problems, unknown(fmt.Sprintf("%s[%d]", path, i), inner, t.Elem())...)
			}
		}
	case map[string]any:
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return nil // A map takes any key.
		}
		settings := Settings(t)
		for _, key := range slices.Sorted(maps.Keys(given)) {
			at := strings.TrimPrefix(path+"."+key, ".")
			if i := slices.IndexFunc(settings, func(s Setting) bool { return s.Key == key }); i >= 0 {
				problems = append(problems, unknown(at, given[key], settings[i].Field.Type)...)
			} else {
				problems = append(problems, problem.Problem{Path: at, Given: unknownKey, Want: wantKnown(key, settings)})
			}
		}
	}
	return problems
}

// Emptied are the values that were written as 0 or as an empty text, which a
// component would silently replace by its default. A rule of its own says more, so
// these come after what validation finds.
func Emptied(tree Tree, defaults any) problem.Problems {
	return emptied("", tree, defaults)
}

func emptied(path string, given map[string]any, defaults any) problem.Problems {
	var problems problem.Problems
	for _, s := range Settings(reflect.TypeOf(defaults)) {
		standard, at := s.Value(defaults), strings.TrimPrefix(path+"."+s.Key, ".")
		switch value := given[s.Key].(type) {
		case string, json.Number:
			if zero := value == "" || value == json.Number("0"); zero && !reflect.ValueOf(standard).IsZero() && s.Field.Type.Kind() != reflect.Pointer {
				problems = append(problems, problem.Problem{
					Path: at, Given: written(value), Want: fmt.Sprintf("a value; if the key is not set, it is %v", standard),
				})
			}
		case map[string]any:
			if s.Field.Type.Kind() == reflect.Struct {
				problems = append(problems, emptied(at, value, standard)...)
			}
		}
	}
	return problems
}
