// Package stackconfig reads what a stack's config sets, key by key, so that a
// program can report everything that is wrong with it at once, before anything
// is registered.
package stackconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"ecs-sample-app/internal/check"
)

// Reader reads keys one by one and notes those whose value has the wrong type.
// A key that is not set leaves the default as it is.
type Reader struct {
	cfg      *config.Config
	project  string
	known    []string
	problems check.Problems
}

// NewReader is a reader of the config of the stack that the program runs for.
func NewReader(ctx *pulumi.Context) *Reader {
	return &Reader{cfg: config.New(ctx, ""), project: ctx.Project()}
}

// Text reads a value as it is.
func (r *Reader) Text(key string, into *string) { read(r, key, into, r.cfg.Try, "") }

// NonZeroText is Text for a key whose empty value a component would take for its
// default: who writes nothing at all means something else.
func (r *Reader) NonZeroText(key string, into *string) { readNonZero(r, key, into, r.cfg.Try, "") }

const wantInt = "a whole number"

// Int reads a whole number.
func (r *Reader) Int(key string, into *int) { read(r, key, into, r.number, wantInt) }

// NonZeroInt is Int for a key whose 0 a component would take for its default:
// who writes 0 means something else.
func (r *Reader) NonZeroInt(key string, into *int) { readNonZero(r, key, into, r.number, wantInt) }

// Bool reads true or false.
func (r *Reader) Bool(key string, into *bool) { read(r, key, into, r.cfg.TryBool, "true or false") }

// Strings reads an object whose values are strings.
func (r *Reader) Strings(key string, into *map[string]string) {
	Object(r, key, into, "an object whose values are strings; in YAML, numbers need quotes")
}

// Object reads a list or an object. want says what it must look like to be read
// at all.
func Object[T any](r *Reader, key string, into *T, want string) {
	read(r, key, into, func(key string) (T, error) {
		var value T
		err := r.cfg.TryObject(key, &value)
		return value, err
	}, want)
}

// Optional reads an object whose fields are all known, and nil where it is empty: a
// field that is misspelt would otherwise leave its value unused without a word.
// want says what it must look like to be read at all.
func Optional[T any](r *Reader, key string, into **T, want string) {
	read(r, key, into, func(key string) (*T, error) {
		text, err := r.cfg.Try(key)
		if err != nil {
			return nil, err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &fields); err != nil || len(fields) == 0 {
			return nil, err
		}
		var value T
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		return &value, decoder.Decode(&value)
	}, want)
}

// read sets a field from its key. want says what a value must look like to be
// read at all; any value of a text can be.
func read[T any](r *Reader, key string, into *T, try func(string) (T, error), want string) {
	r.known = append(r.known, key)
	value, err := try(key)
	switch {
	case err == nil:
		*into = value
	case !errors.Is(err, config.ErrMissingVar):
		given, _ := r.cfg.Try(key)
		r.problems.Add(key, given, "%s", want)
	}
}

func readNonZero[T comparable](r *Reader, key string, into *T, try func(string) (T, error), want string) {
	fallback := *into
	read(r, key, into, try, want)
	var zero T
	if *into == zero {
		r.problems.Add(key, zero, "a value; without the key it is %v", fallback)
		*into = fallback
	}
}

// number reads a number as people write it: the config package's own takes 0256
// for octal.
func (r *Reader) number(key string) (int, error) {
	text, err := r.cfg.Try(key)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// Keys are those that were read, sorted.
func (r *Reader) Keys() []string { return slices.Sorted(slices.Values(r.known)) }

// Err is everything that is wrong with the config, once all keys are read: values
// of the wrong type, keys that nothing reads, and what validation found in the
// rest. What could not be read stands at its default, which is valid: each value
// is reported once, and all others are checked the same.
func (r *Reader) Err(invalid check.Problems) error {
	unknown, err := r.unknownKeys()
	if err != nil {
		return err
	}
	return Report(r.project, slices.Concat(r.problems, unknown, invalid))
}

// unknownKeys are keys of this project that nothing reads: a misspelt key would
// otherwise leave its value unused without a word. Pulumi hands the whole config
// over in an environment variable and nowhere else.
func (r *Reader) unknownKeys() (check.Problems, error) {
	text := os.Getenv(pulumi.EnvConfig)
	if text == "" {
		return nil, nil
	}
	var all map[string]string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", pulumi.EnvConfig, err)
	}
	var problems check.Problems
	for _, full := range slices.Sorted(maps.Keys(all)) {
		key, ours := strings.CutPrefix(full, r.project+":")
		if ours && !slices.Contains(r.known, key) {
			problems.Add(key, all[full], "a key that is read: %s", check.List(r.Keys()))
		}
	}
	return problems, nil
}

// Report is the error that names each problem by its key as it stands in the
// stack's file, such as ecs-sample-app:cpu, and nil where there is none.
func Report(project string, problems check.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	problems = slices.Clone(problems)
	for i := range problems {
		problems[i].Path = project + ":" + problems[i].Path
	}
	return fmt.Errorf("the config of this stack can't be used, nothing was changed:\n%w", problems)
}
