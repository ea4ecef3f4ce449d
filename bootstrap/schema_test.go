package main

import (
	"flag"
	"reflect"
	"testing"

	"ecs-sample-app/internal/configdoc"
	"ecs-sample-app/internal/stackconfig"
)

var update = flag.Bool("update", false, "write Pulumi.yaml and the table in README.md anew")

func TestPulumiYAMLAndTheReadmeSayWhatTheFieldsSay(t *testing.T) {
	settings := configdoc.Section{Settings: stackconfig.Settings(reflect.TypeFor[Config]()), Defaults: defaultConfig()}
	configdoc.WantSchema(t, "Pulumi.yaml", *update, settings)
	configdoc.WantTables(t, "README.md", *update, settings)
}
