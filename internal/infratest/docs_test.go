package infratest

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumiconfig "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// write makes the files of a program that has one key, in a folder of their own.
func write(t *testing.T, pulumiYAML, readme string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"Pulumi.yaml": pulumiYAML, "README.md": readme} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	oneKey = "config:\n  ports:\n    type: array\n    default: [443]\n    description: Ways out.\n"
	oneRow = "# App\n\n## Config\n\nSet it.\n\n| key | default | meaning |\n|---|---|---|\n| `ports` | `[443]` | Ways out. |\n\n## Other\n\n| key |\n|---|\n| `other` |\n"
)

func TestAProgramThatIsNotAsDocumentedFailsTheTest(t *testing.T) {
	type config struct{ Ports []int }
	for name, test := range map[string]struct {
		pulumiYAML, readme string
		fromProgram        []int
		keys               []string
		want               string
	}{
		"all agree":            {oneKey, oneRow, []int{443}, []string{"ports"}, ""},
		"no schema":            {"name: app\n", oneRow, []int{443}, []string{"ports"}, "no config schema"},
		"no default":           {strings.ReplaceAll(oneKey, "    default: [443]\n", ""), oneRow, nil, []string{"ports"}, "no default"},
		"a key more":           {oneKey, oneRow, []int{443}, []string{"more", "ports"}, "the program reads [more ports]"},
		"a default it refuses": {strings.ReplaceAll(oneKey, "[443]", "443"), oneRow, []int{443}, []string{"ports"}, "unmarshal"},
		"another default":      {oneKey, oneRow, []int{80}, []string{"ports"}, "not the program's"},
		"README: a key more":   {oneKey, strings.ReplaceAll(oneRow, "| `ports`", "| `more` | | |\n| `ports`"), []int{443}, []string{"ports"}, "has the keys [more ports]"},
		"README: another":      {oneKey, strings.ReplaceAll(oneRow, "[443]", "[80]"), []int{443}, []string{"ports"}, `ports is "[80]"`},
		"README: no table":     {oneKey, "# App\n\n## Config\n\nSet it.\n", []int{443}, []string{"ports"}, "no table"},
		"README: no such part": {oneKey, "# App\n", []int{443}, []string{"ports"}, "no heading"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, test.pulumiYAML, test.readme)
			failures := watch(t, func(w testing.TB) {
				WantDocumented(w, func(ctx *pulumi.Context) (*config, []string, error) {
					cfg := config{Ports: slices.Clone(test.fromProgram)}
					err := pulumiconfig.TryObject(ctx, "ports", &cfg.Ports)
					if errors.Is(err, pulumiconfig.ErrMissingVar) {
						err = nil
					}
					return &cfg, test.keys, err
				})
			})
			if test.want == "" && len(failures) == 0 {
				return
			}
			if test.want == "" || !strings.Contains(strings.Join(failures, "\n"), test.want) {
				t.Errorf("what a reader is told of the config is held to nothing: want %q in %q", test.want, failures)
			}
		})
	}
}

func TestAnEmptyListIsAsGoodAsNone(t *testing.T) {
	t.Parallel()
	type config struct {
		Ports []int
		Tags  map[string]string
		Name  string
		local string
	}
	if a, b := normal(t, &config{Ports: []int{}, Tags: map[string]string{}, local: "x"}), normal(t, &config{}); a != b {
		t.Errorf("a default that is written as [] is taken for another one than none: %s, %s", a, b)
	}
	if a, b := normal(t, &config{Name: "x"}), normal(t, &config{}); a == b {
		t.Error("another default is not seen")
	}
}
