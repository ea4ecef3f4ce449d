package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
	"gopkg.in/yaml.v3"

	"ecs-sample-app/internal/infratest"
)

// entry is a key in the config schema of Pulumi.yaml.
type entry struct {
	Type        string `yaml:"type"`
	Default     any    `yaml:"default"`
	Description string `yaml:"description"`
}

// schema is the config schema of Pulumi.yaml.
func schema(t *testing.T) map[string]entry {
	t.Helper()
	var project struct {
		Config map[string]entry `yaml:"config"`
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "Pulumi.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	if len(project.Config) == 0 {
		t.Fatal("Pulumi.yaml has no config schema")
	}
	return project.Config
}

// configText writes a value as the CLI does: text as it is, the rest as JSON.
func configText(t *testing.T, value any) string {
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

// loaded is what the program reads from a config, before it is validated, and
// the keys that it reads.
func loaded(t *testing.T, values map[string]string) (cfg *Config, keys []string) {
	t.Helper()
	_, err := infratest.Run(t, func(ctx *pulumi.Context) error {
		cfg = defaultConfig()
		r := reader{cfg: config.New(ctx, "")}
		r.fields(cfg)
		keys = slices.Sorted(slices.Values(r.known))
		return r.problems.Err()
	}, infratest.Options{Config: values})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, keys
}

func TestTheSchemaAndTheProgramAndTheReadmeAgree(t *testing.T) {
	t.Parallel()
	entries := schema(t)
	values := map[string]string{}
	for key, e := range entries {
		if e.Type == "" || e.Default == nil || e.Description == "" {
			t.Errorf("%s has no type, no default or no description in Pulumi.yaml", key)
		}
		values[infratest.Project+":"+key] = configText(t, e.Default)
	}
	fromSchema, keys := loaded(t, values)
	if inSchema := slices.Sorted(maps.Keys(entries)); !slices.Equal(inSchema, keys) {
		t.Errorf("the program reads %v, and Pulumi.yaml declares %v", keys, inSchema)
	}
	fromProgram, _ := loaded(t, nil)
	if a, b := normal(t, fromSchema), normal(t, fromProgram); a != b {
		t.Errorf("the defaults of Pulumi.yaml are not the program's:\n%s\n%s", a, b)
	}

	inReadme := readmeTable(t, "## Config")
	if inTable := slices.Sorted(maps.Keys(inReadme)); !slices.Equal(inTable, keys) {
		t.Fatalf("the table in README.md has the keys %v, not %v", inTable, keys)
	}
	for key, e := range entries {
		if want := configText(t, e.Default); inReadme[key] != want {
			t.Errorf("README.md says that the default of %s is %q, and it is %q", key, inReadme[key], want)
		}
	}
}

// normal writes a config so that an empty list or object is as good as none.
func normal(t *testing.T, cfg *Config) string {
	t.Helper()
	fields := map[string]any{}
	value := reflect.ValueOf(*cfg)
	for i := range value.NumField() {
		field := value.Field(i)
		if kind := field.Kind(); (kind == reflect.Map || kind == reflect.Slice) && field.Len() == 0 {
			continue
		}
		fields[value.Type().Field(i).Name] = field.Interface()
	}
	return configText(t, fields)
}

// readmeTable reads the first two columns of the table below a heading of
// README.md, without backticks.
func readmeTable(t *testing.T, heading string) map[string]string {
	t.Helper()
	_, section, found := strings.Cut(readFile(t, "README.md"), "\n"+heading+"\n")
	if !found {
		t.Fatalf("README.md has no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), "`", ""), "|")
		const columns = 5 // three, and nothing before and after them
		if len(cells) != columns || strings.Contains(cells[1], "---") || strings.TrimSpace(cells[1]) == "key" {
			continue
		}
		rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
	}
	if len(rows) == 0 {
		t.Fatalf("README.md has no table below %q", heading)
	}
	return rows
}
