// Package stackconfig reads what a stack's config sets into structs, so that a
// program can report everything that is wrong with it at once, before anything
// is registered.
//
// A setting is a field with a tag:
//
//	CPU int `mapstructure:"cpu"`
//
// A struct with the tag ",squash" lends its fields to the one that it stands in,
// and a field tagged "-" is no setting. The tag secret:"true" marks the one kind of
// setting that may hold a secret, secret:"arns" one that names secrets by their ARNs.
package stackconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// Tree is what a config sets, by key, as it was written: strings, bools,
// json.Number, nested objects and lists, and Null.
type Tree map[string]any

// Null is a value that was written as null.
type Null struct{}

// String writes it as it stands in the stack's file.
func (Null) String() string { return "null" }

// Setting is a field that a config sets.
type Setting struct {
	// Key is the config key.
	Key string
	// Field is the struct's field, and Owner the struct.
	Field reflect.StructField
	Owner reflect.Type

	index []int
}

// Secret tells whether the setting may hold a secret.
func (s Setting) Secret() bool { return s.Holds("true") }

// Holds tells whether the field has this tag for secrets: "true", or "arns" for a
// setting that names secrets which are kept elsewhere.
func (s Setting) Holds(secret string) bool { return s.Field.Tag.Get("secret") == secret }

// Value is the setting's value in a struct that has it.
func (s Setting) Value(of any) any { return reflect.ValueOf(of).FieldByIndex(s.index).Interface() }

// Settings are the fields of a struct that a config sets, in the order of the
// source, those of squashed structs in their place.
func Settings(of reflect.Type) []Setting {
	var all []Setting
	for i := range of.NumField() {
		field := of.Field(i)
		key, options, _ := strings.Cut(field.Tag.Get(tag), ",")
		switch {
		case options == "squash":
			for _, inner := range Settings(field.Type) {
				inner.index = append(slices.Clone(field.Index), inner.index...)
				all = append(all, inner)
			}
		case key != "" && key != "-":
			all = append(all, Setting{Key: key, Field: field, Owner: of, index: field.Index})
		}
	}
	return all
}

// Load reads the config of a program whose settings are the fields of one struct.
// defaults is a stack that sets nothing, validate finds what is wrong with values
// that could be read.
func Load[T any](ctx *pulumi.Context, defaults func() T, validate func(*T) problem.Problems) (T, error) {
	tree, problems, err := Read(ctx, Settings(reflect.TypeFor[T]()))
	if err != nil {
		return defaults(), err
	}
	loaded, wrong := Decode(tree, defaults)
	problems = Merge(append(problems, wrong...), validate(&loaded))
	return loaded, Report(ctx, Merge(problems, Emptied(tree, defaults())))
}

// Read returns what the config sets of these settings, and the problems that can be
// told from the keys alone: those that no setting has, and secrets where there must
// be none.
func Read(ctx *pulumi.Context, settings []Setting) (Tree, problem.Problems, error) {
	problems, err := unknownKeys(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	cfg, tree := config.New(ctx, ""), Tree{}
	for _, s := range settings {
		text, err := cfg.Try(s.Key)
		switch {
		case errors.Is(err, config.ErrMissingVar):
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("read %s: %w", s.Key, err)
		}
		value := parse(text, s.Field.Type)
		if ctx.IsConfigSecret(ctx.Project()+":"+s.Key) && !s.Secret() {
			// Nothing more is said of it: each message would show a part.
			problems = append(problems, misplaced(s, value, settings))
			continue
		}
		if s.Secret() {
			if err := unencrypted(ctx, s, value); err != nil {
				return nil, nil, err
			}
		}
		tree[s.Key] = value
	}
	return tree, problems, nil
}

// misplaced is a secret in a setting that would show it. Pulumi tells which key
// holds a secret, not where in it.
func misplaced(s Setting, value any, settings []Setting) problem.Problem {
	found := problem.Problem{Path: s.Key, Given: hidden, Want: "a value that anybody may read: set it again without --secret"}
	home := slices.IndexFunc(settings, Setting.Secret)
	object, isObject := value.(map[string]any)
	if home < 0 || s.Field.Type.Kind() != reflect.Map || !isObject || len(object) == 0 {
		return found
	}
	names := slices.Sorted(maps.Keys(object))
	where := "the secret"
	if len(names) > 1 {
		where = "the secret among " + strings.Join(names, ", ")
	}
	found.Want = fmt.Sprintf("no secret: its value would be readable in the state and in AWS. Set %s with "+
		"`pulumi config set --secret --path '%s'` and take it out with `pulumi config rm --path '%s'`",
		where, Path(settings[home].Key, names[0]), Path(s.Key, names[0]))
	if s.Field.Type.Elem().Kind() != reflect.String {
		found.Want = fmt.Sprintf("no secret: Pulumi does not tell where in it one is. Set it with "+
			"`pulumi config set --secret --path '%s'` and take it out here", Path(settings[home].Key, "NAME"))
	} else if s.Holds("arns") {
		found.Want += fmt.Sprintf("; if it is the ARN of a secret, which is none itself, set it again with "+
			"`pulumi config set --plaintext --path '%s'`", Path(s.Key, names[0]))
	}
	return found
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Path is the path of a value in an object, as `pulumi config set --path` takes it.
func Path(key, name string) string {
	if plainName.MatchString(name) {
		return key + "." + name
	}
	return fmt.Sprintf("%s[%q]", key, name)
}

// unencrypted warns of a secret that was set in plain text: in the stack's file it can
// be read.
func unencrypted(ctx *pulumi.Context, s Setting, value any) error {
	object, ok := value.(map[string]any)
	if !ok || len(object) == 0 || ctx.IsConfigSecret(ctx.Project()+":"+s.Key) {
		return nil
	}
	return ctx.Log.Warn(fmt.Sprintf("%s:%s is in plain text in the stack's file. Set each value with `pulumi config set --secret --path '%s'`",
		ctx.Project(), s.Key, Path(s.Key, "NAME")), nil)
}

// parse turns the text in which Pulumi hands a value over into what was written: the
// text itself for a setting that is a text, and JSON for the others. Text that is
// none stays as it is, and is refused when it is decoded.
func parse(text string, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Int:
		if n, err := strconv.Atoi(text); err == nil {
			return json.Number(strconv.Itoa(n))
		}
	case reflect.Bool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	default:
		var value any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber() // Else 1.10 would be 1.1, and 1 the number 1.0.
		if decoder.Decode(&value) == nil && decoder.Decode(&struct{}{}) == io.EOF {
			return markNulls(value)
		}
	}
	return text
}

// markNulls puts Null where JSON has null, which no reader of a Go map could tell
// from a key that is not there.
func markNulls(value any) any {
	switch value := value.(type) {
	case nil:
		return Null{}
	case map[string]any:
		for key, inner := range value {
			value[key] = markNulls(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = markNulls(inner)
		}
	}
	return value
}

// unknownKeys are keys of this project that no setting has: a misspelt key would
// otherwise leave its value unused without a word. Pulumi hands the whole config
// over in an environment variable and nowhere else.
func unknownKeys(ctx *pulumi.Context, settings []Setting) (problem.Problems, error) {
	text := os.Getenv(pulumi.EnvConfig)
	if text == "" {
		return nil, nil
	}
	var all map[string]string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", pulumi.EnvConfig, err)
	}
	var problems problem.Problems
	for _, full := range slices.Sorted(maps.Keys(all)) {
		key, ours := strings.CutPrefix(full, ctx.Project()+":")
		if !ours || slices.ContainsFunc(settings, func(s Setting) bool { return s.Key == key }) {
			continue
		}
		problems = append(problems, problem.Problem{Path: key, Given: unknownKey, Want: wantKnown(key, settings)})
	}
	return problems, nil
}

// unknownKey stands in messages for the value of a key that no setting has: it may be
// a secret under a misspelt name.
const unknownKey = "an unknown key"

// wantKnown says which key may have been meant.
func wantKnown(key string, settings []Setting) string {
	distance := func(s Setting) int { return levenshtein.Distance(strings.ToLower(key), strings.ToLower(s.Key), nil) }
	nearest := slices.MinFunc(settings, func(a, b Setting) int { return distance(a) - distance(b) })
	if far := max(2, len(key)/2); distance(nearest) > far {
		keys := make([]string, len(settings))
		for i, s := range settings {
			keys[i] = s.Key
		}
		return "one that the program reads: " + check.List(keys)
	}
	return "one that the program reads; the nearest is " + nearest.Key
}

// Merge adds further problems to those already known: none at a value, inside one or
// around one that is known to be wrong, and none twice, which happens if two
// components take a value.
func Merge(problems, invalid problem.Problems) problem.Problems {
	merged := slices.Clone(problems)
	for _, p := range invalid {
		covers := func(known problem.Problem) bool { return within(p.Path, known.Path) || within(known.Path, p.Path) }
		if !slices.ContainsFunc(problems, covers) && !slices.Contains(merged, p) {
			merged = append(merged, p)
		}
	}
	return merged
}

// within tells whether a path is that of a value or of something inside it.
func within(path, value string) bool {
	rest, ok := strings.CutPrefix(path, value)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// others begin the paths of what is none of the project's own keys: settings of the AWS
// provider, in the stack's file and in the environment.
var others = []string{"aws:", "TF_AWS_"}

// Report is the error that names each problem by its key as it stands in the
// stack's file, such as ecs-sample-app:cpu, and nil if there is none.
func Report(ctx *pulumi.Context, problems problem.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	problems = slices.Clone(problems)
	for i, p := range problems {
		if !slices.ContainsFunc(others, func(start string) bool { return strings.HasPrefix(p.Path, start) }) {
			problems[i].Path = ctx.Project() + ":" + p.Path
		}
	}
	return fmt.Errorf("this stack's config is not valid; nothing was changed:\n%w", problems)
}

// Explain turns problems that a component found only when it asked AWS into
// problems of the config. Other errors stay as they are.
func Explain(ctx *pulumi.Context, err error) error {
	var problems problem.Problems
	if !errors.As(err, &problems) {
		return err
	}
	return Report(ctx, problems)
}
