package stackconfig

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/problem"
)

type limits struct {
	Max   int     `mapstructure:"max"`
	Min   *int    `mapstructure:"min"`
	Steps []step  `mapstructure:"steps"`
	Input any     `mapstructure:"-"`
	Rest  *limits `mapstructure:"rest"`
}

type step struct {
	Name string `mapstructure:"name"`
	Size int    `mapstructure:"size"`
}

type shared struct {
	Text string            `mapstructure:"text"`
	Tags map[string]string `mapstructure:"tags"`
}

// settings have a field of each kind that can be read.
type settings struct {
	Shared  shared                    `mapstructure:",squash"`
	Name    string                    `mapstructure:"name"`
	Count   int                       `mapstructure:"count"`
	Some    *int                      `mapstructure:"some"`
	On      bool                      `mapstructure:"on"`
	Ports   []int                     `mapstructure:"ports"`
	Limits  limits                    `mapstructure:"limits"`
	Scaling *limits                   `mapstructure:"scaling"`
	Secrets map[string]string         `mapstructure:"secrets" secret:"true"`
	ARNs    map[string]string         `mapstructure:"arns" secret:"arns"`
	Groups  map[string]map[string]any `mapstructure:"groups"`
	Input   any                       `mapstructure:"-"`
}

func defaults() settings {
	return settings{
		Shared: shared{Text: "t", Tags: map[string]string{"A": "a"}}, Name: "n", Count: 2, Some: new(1), On: true,
		Ports: []int{443, 80}, Limits: limits{Max: 3}, Secrets: map[string]string{},
	}
}

// loaded is what becomes of the defaults with a config, and the error.
func loaded(t *testing.T, o infratest.Options) (settings, error) {
	t.Helper()
	var got settings
	_, err := infratest.Run(t, func(ctx *pulumi.Context) (err error) {
		got, err = Load(ctx, defaults, func(*settings) problem.Problems { return nil })
		return err
	}, o)
	return got, err
}

func TestWhatIsSetIsReadAndTheRestStaysAtItsDefault(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, value string
		want       func(*settings)
	}{
		{"text", "2.40", func(s *settings) { s.Shared.Text = "2.40" }},
		{"name", "x", func(s *settings) { s.Name = "x" }},
		{"count", "0256", func(s *settings) { s.Count = 256 }},
		{"some", "0", func(s *settings) { s.Some = new(0) }},
		{"on", "false", func(s *settings) { s.On = false }},
		{"tags", `{"B":"b"}`, func(s *settings) { s.Shared.Tags = map[string]string{"B": "b"} }},
		{"tags", `{"port":8080,"debug":true,"big":9007199254740991}`, func(s *settings) {
			s.Shared.Tags = map[string]string{"port": "8080", "debug": "true", "big": "9007199254740991"}
		}},
		{"tags", `{"a.b":"x","c[0]":"y"}`, func(s *settings) { s.Shared.Tags = map[string]string{"a.b": "x", "c[0]": "y"} }},
		{"ports", "[8080]", func(s *settings) { s.Ports = []int{8080} }},
		{"ports", "[]", func(s *settings) { s.Ports = []int{} }},
		{"limits", `{"min":1}`, func(s *settings) { s.Limits.Min = new(1) }},
		{"limits", `{"steps":[{"name":"a","size":1}]}`, func(s *settings) { s.Limits.Steps = []step{{"a", 1}} }},
		{"scaling", `{}`, func(*settings) {}},
		{"scaling", `{"max":5}`, func(s *settings) { s.Scaling = &limits{Max: 5} }},
		{"secrets", `{"PIN":1234}`, func(s *settings) { s.Secrets = map[string]string{"PIN": "1234"} }},
	} {
		want := defaults()
		test.want(&want)
		got, err := loaded(t, infratest.Options{Config: infratest.Config(test.key, test.value)})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("with %s at %q the program goes on with %+v, not %+v (%v)", test.key, test.value, got, want, err)
		}
	}
}

func TestWhatCannotBeReadIsReportedAndStaysAtItsDefault(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct{ key, value, path, want string }{
		{"name", "", "name", "if the key is not set, it is n"},
		{"count", "", "count", "a whole number"},
		{"count", "one", "count", "a whole number"},
		{"count", "1.5", "count", "a whole number"},
		{"count", "0x10", "count", "a whole number"},
		{"count", "99999999999999999999", "count", "a whole number"},
		{"count", "0", "count", "if the key is not set, it is 2"},
		{"some", "many", "some", "a whole number"},
		{"on", "perhaps", "on", "true or false"},
		{"tags", `["A"]`, "tags", "an object, each value a text"},
		{"tags", `{"A"`, "tags", "an object"},
		{"tags", `{"A":"a"} and more`, "tags", "an object"},
		{"tags", `{"A":null}`, "tags.A", "a text"},
		{"tags", `{"A":["a"]}`, "tags.A", "a text"},
		{"tags", `{"A":{"B":"b"}}`, "tags.A", "a text"},
		{"tags", `{"A":1.10}`, "tags.A", "in quotes"},
		{"tags", `{"A":1e3}`, "tags.A", "in quotes"},
		{"tags", `{"A":9007199254740992}`, "tags.A", "in quotes"},
		{"tags", `{"A":12345678901234567890}`, "tags.A", "in quotes"},
		{"tags", `null`, "tags", "an object"},
		{"ports", "443", "ports", "a list, each a whole number"},
		{"ports", `[80,"443"]`, "ports[1]", "a whole number"},
		{"ports", `[443.5]`, "ports[0]", "a whole number"},
		{"limits", "5", "limits", "an object with any of max, min, steps"},
		{"limits", `{"max":"5"}`, "limits.max", "a whole number, without quotes"},
		{"limits", `{"max":0}`, "limits.max", "if the key is not set, it is 3"},
		{"limits", `{"maxx":5}`, "limits.maxx", "the nearest is max"},
		{"limits", `{"steps":[{"name":"a"},{"nme":"b"}]}`, "limits.steps[1].nme", "the nearest is name"},
		{"limits", `{"rest":{"Max":1}}`, "limits.rest.Max", "the nearest is max"},
		{"limits", `{"-":1}`, "limits.-", "one that the program reads: max, min, steps or rest"},
		{"scaling", "on", "scaling", "an object with any of"},
		{"scaling", `{"max":1.5}`, "scaling.max", "a whole number"},
	} {
		got, err := loaded(t, infratest.Options{Config: infratest.Config(bad.key, bad.value)})
		var problems problem.Problems
		if !errors.As(err, &problems) || len(problems) != 1 ||
			problems[0].Path != infratest.Project+":"+bad.path || !strings.Contains(problems[0].Want, bad.want) {
			t.Errorf("%s at %q is not refused, once, as %s with what is allowed (%s): %v", bad.key, bad.value, bad.path, bad.want, err)
		}
		if !strings.Contains(bad.want, "not set") && (got.Name != "n" || got.Count != 2 || got.Limits.Max != 3 || !got.On) {
			t.Errorf("%s at %q leaves %+v, and validation would report the same value again", bad.key, bad.value, got)
		}
	}
}

func TestAllThatIsWrongIsInOneErrorAndEachOnce(t *testing.T) {
	t.Parallel()
	_, err := infratest.Run(t, func(ctx *pulumi.Context) error {
		_, err := Load(ctx, defaults, func(*settings) problem.Problems {
			return problem.Problems{
				{Path: "name", Given: `"n"`, Want: "another"},
				{Path: "name", Given: `"n"`, Want: "another"},
				{Path: "tags.A", Given: "a", Want: "one"},
				{Path: "limits.max", Given: "3", Want: "less"},
				{Path: "limitsOfAll", Given: "3", Want: "more"},
			}
		})
		return err
	}, infratest.Options{Config: infratest.Config("count", "one", "on", "perhaps", "tags", "none", "limits", `{"max":[],"mx":1}`)})
	const want = "this stack's config is not valid; nothing was changed:\n" +
		"ecs-sample-app:count: got \"one\", want a whole number\n" +
		"ecs-sample-app:limits.max: got a list, want a whole number\n" +
		"ecs-sample-app:on: got \"perhaps\", want true or false\n" +
		"ecs-sample-app:tags: got \"none\", want an object, each value a text\n" +
		"ecs-sample-app:limits.mx: got an unknown key, want one that the program reads; the nearest is max\n" +
		"ecs-sample-app:name: got \"n\", want another\n" +
		"ecs-sample-app:limitsOfAll: got 3, want more\n"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error reads\n%v\nand not\n%s", err, want)
	}
}

func TestAKeyThatNothingReadsIsNamed(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, `{"ecs-sample-app:Text":"x","other:text":"x","aws:region":"us-east-1","ecs-sample-app:on":"false"}`)
	_, err := loaded(t, infratest.Options{})
	var problems problem.Problems
	want := problem.Problem{Path: "ecs-sample-app:Text", Given: "an unknown key", Want: "one that the program reads; the nearest is text"}
	if !errors.As(err, &problems) || !slices.Equal(problems, problem.Problems{want}) {
		t.Errorf("a misspelt key goes unnoticed, or another project's is taken for one: %v", err)
	}
}

func TestAConfigThatIsNoConfigIsAnError(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, "{")
	if _, err := loaded(t, infratest.Options{}); err == nil || !strings.Contains(err.Error(), "read "+pulumi.EnvConfig) {
		t.Errorf("misspelt keys are not looked for, and nobody hears why: %v", err)
	}
}

func TestASecretIsRefusedWhereItWouldBeShownAndNeverPrinted(t *testing.T) {
	const value = "hunter2\nhunter3"
	for _, test := range []struct{ key, text, want string }{
		{"name", value, "set it again without --secret"},
		{"count", value, "set it again without --secret"},
		{"ports", `["hunter2"]`, "set it again without --secret"},
		{"tags", `{"PASSWORD":"hunter2\nhunter3"}`, "`pulumi config set --secret --path 'secrets.PASSWORD'` and take it out with `pulumi config rm --path 'tags.PASSWORD'`"},
		{"tags", `{"PORT":1.5,"PASSWORD":"hunter2\nhunter3"}`, "the secret among PASSWORD, PORT with `pulumi config set --secret --path 'secrets.PASSWORD'`"},
		{"tags", `{"PASSWORD":["hunter2"]}`, "'secrets.PASSWORD'"},
		{"tags", `{"db.password":"hunter2"}`, "'secrets[\"db.password\"]'` and take it out with `pulumi config rm --path 'tags[\"db.password\"]'`"},
		{"arns", `{"DB":"hunter2"}`, "set it again with `pulumi config set --plaintext --path 'arns.DB'`"},
		{"limits", `{"max":"hunter2"}`, "set it again without --secret"},
		{"groups", `{"web":{"PASSWORD":"hunter2"}}`, "'secrets.NAME'` and take it out here"},
		{"limits", `{"hunter`, "without --secret"},
		{"secrets", `{"PASSWORD":["hunter2"]}`, "a text"},
		{"secrets", `{"PASSWORD":1.5}`, "in quotes"},
		{"secrets", `hunter2`, "an object"},
		{"nothing", "hunter2", "one that the program reads"},
	} {
		config := infratest.Config(test.key, test.text)
		whole, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(pulumi.EnvConfig, string(whole))
		_, err = loaded(t, infratest.Options{Config: config, SecretKeys: []string{infratest.Project + ":" + test.key}})
		var problems problem.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(problems[0].Want, test.want) {
			t.Errorf("a secret in %s at %q is not refused, once, with what to do (%s): %v", test.key, test.text, test.want, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "1.5")) {
			t.Errorf("the message shows the secret: %v", err)
		}
	}
}

func TestASecretThatWasSetInPlainTextIsNotPrintedEither(t *testing.T) {
	t.Parallel()
	_, err := loaded(t, infratest.Options{Config: infratest.Config("secrets", `{"PASSWORD":{"value":"hunter2"}}`)})
	if err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("the message shows the secret, or there is none: %v", err)
	}
}

func TestReportingLeavesTheProblemsAsTheyAre(t *testing.T) {
	t.Parallel()
	problems := problem.Problems{{Path: "cpu", Given: "1", Want: "256"}}
	_, err := infratest.Run(t, func(ctx *pulumi.Context) error {
		if err := Report(ctx, nil); err != nil {
			t.Errorf("a config without problems is refused: %v", err)
		}
		_ = Report(ctx, problems) // A second time the path must not get a second prefix.
		return Explain(ctx, errors.Join(errors.New("network"), problems))
	}, infratest.Options{})
	if err == nil || !strings.Contains(err.Error(), "\necs-sample-app:cpu: got 1, want 256") {
		t.Errorf("the problem is not named by its key in the stack's file: %v", err)
	}
}

func TestAnErrorThatIsNoProblemOfTheConfigStaysAsItIs(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	_, err := infratest.Run(t, func(ctx *pulumi.Context) error { return Explain(ctx, lost) }, infratest.Options{})
	if !errors.Is(err, lost) || strings.Contains(err.Error(), "config") {
		t.Errorf("an error of AWS is blamed on the config: %v", err)
	}
}

func TestOneValueThatCannotBeReadHidesNoOther(t *testing.T) {
	t.Parallel()
	got, _ := loaded(t, infratest.Options{Config: infratest.Config("scaling", `{"max":5,"min":"x","steps":[{"name":"a","size":"x"},{"name":"b","size":2}]}`)})
	if got.Scaling == nil || got.Scaling.Max != 5 || len(got.Scaling.Steps) != 2 || got.Scaling.Steps[0].Name != "a" || got.Scaling.Steps[1].Size != 2 {
		t.Errorf("what stands beside a wrong value is lost, and what is wrong with it is told only after that is mended: %+v", got.Scaling)
	}
}
