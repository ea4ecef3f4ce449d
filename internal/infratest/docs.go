package infratest

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

// setting is a key in the config schema of Pulumi.yaml.
type setting struct {
	Type        string `yaml:"type"`
	Default     any    `yaml:"default"`
	Description string `yaml:"description"`
}

// schema is the config schema of the Pulumi.yaml in the test's folder.
func schema(t testing.TB) map[string]setting {
	t.Helper()
	var project struct {
		Config map[string]setting `yaml:"config"`
	}
	text, err := os.ReadFile("Pulumi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &project); err != nil {
		t.Fatal(err)
	}
	if len(project.Config) == 0 {
		t.Fatalf("Pulumi.yaml has no config schema")
	}
	return project.Config
}

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

// WantDocumented wants a program, the schema in Pulumi.yaml and the table below
// Config in README.md to have the same keys and defaults. load is what the
// program reads, a struct, and the keys that it reads, sorted.
func WantDocumented[C any](t testing.TB, load func(*pulumi.Context) (cfg *C, keys []string, err error)) {
	t.Helper()
	declared := schema(t)
	defaults, config := map[string]string{}, map[string]string{}
	for key, s := range declared {
		if s.Type == "" || s.Default == nil || s.Description == "" {
			t.Errorf("%s has no type, no default or no description in Pulumi.yaml", key)
		}
		defaults[key] = ConfigText(t, s.Default)
		config[Project+":"+key] = defaults[key]
	}
	fromSchema, keys := loaded(t, load, config)
	if inSchema := slices.Sorted(maps.Keys(declared)); !slices.Equal(inSchema, keys) {
		t.Errorf("the program reads %v, and Pulumi.yaml declares %v", keys, inSchema)
	}
	fromProgram, _ := loaded(t, load, nil)
	if a, b := normal(t, fromSchema), normal(t, fromProgram); a != b {
		t.Errorf("the defaults of Pulumi.yaml are not the program's:\n%s\n%s", a, b)
	}

	inReadme := map[string]string{}
	for _, row := range ReadmeTable(t, "## Config") {
		inReadme[row[0]] = row[1]
	}
	if inTable := slices.Sorted(maps.Keys(inReadme)); !slices.Equal(inTable, slices.Sorted(maps.Keys(declared))) {
		t.Fatalf("the table in README.md has the keys %v, not %v", inTable, keys)
	}
	for key, want := range defaults {
		if inReadme[key] != want {
			t.Errorf("README.md says that the default of %s is %q, and it is %q", key, inReadme[key], want)
		}
	}
}

// loaded is what is read from a config.
func loaded[C any](t testing.TB, load func(*pulumi.Context) (*C, []string, error), config map[string]string) (cfg *C, keys []string) {
	t.Helper()
	_, err := Run(t, func(ctx *pulumi.Context) (err error) {
		cfg, keys, err = load(ctx)
		return err
	}, Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, keys
}

// normal writes a config so that an empty list or object is as good as none.
func normal[C any](t testing.TB, cfg *C) string {
	t.Helper()
	fields := map[string]any{}
	value := reflect.ValueOf(*cfg)
	for i := range value.NumField() {
		field := value.Field(i)
		if kind := field.Kind(); (kind == reflect.Map || kind == reflect.Slice) && field.Len() == 0 {
			continue
		}
		if value.Type().Field(i).IsExported() {
			fields[value.Type().Field(i).Name] = field.Interface()
		}
	}
	text, err := json.MarshalIndent(fields, "", " ")
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
