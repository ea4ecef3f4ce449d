package config

import (
	"flag"
	"strings"
	"testing"

	"ecs-sample-app/internal/configdoc"
	"ecs-sample-app/internal/infratest"
)

var update = flag.Bool("update", false, "write Pulumi.yaml and docs/config.md anew")

// sections are the settings as people read of them.
func sections() []configdoc.Section {
	return []configdoc.Section{
		{Title: "Settings of a service", Settings: serviceSettings, Defaults: serviceDefaults()},
		{Title: "Settings of the stack", Settings: stackSettings, Defaults: defaults()},
	}
}

func TestPulumiYAMLAndTheDocsSayWhatTheFieldsSay(t *testing.T) {
	t.Parallel()
	configdoc.WantSchema(t, "../Pulumi.yaml", *update, sections()...)
	configdoc.WantTables(t, "../docs/config.md", *update, sections()...)
}

func TestTheReadmesSettingsHaveTheirDefaults(t *testing.T) {
	t.Parallel()
	defaults, err := configdoc.Defaults(sections()...)
	if err != nil {
		t.Fatal(err)
	}
	rows := infratest.Table(t, "../README.md", "## Config")
	for _, row := range rows {
		keys, values := strings.Split(row[0], ", "), []string{row[1]}
		if len(keys) > 1 {
			values = strings.Split(row[1], ", ")
		}
		for i, key := range keys {
			if got, ok := defaults[key]; !ok || strings.Trim(got, `"`) != values[i] {
				t.Errorf("README.md says that the default of %s is %s, and it is %s", key, values[i], got)
			}
		}
	}
	const few = 12
	if len(rows) > few {
		t.Errorf("README.md lists %d settings: a newcomer reads the few that most people set, the rest is in docs/config.md", len(rows))
	}
}
