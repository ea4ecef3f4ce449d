package stackconfig

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/internal/infratest"
)

type limits struct{ Max int }

// settings have a field of each kind that can be read.
type settings struct {
	Text, Name  string
	Count, Size int
	On          bool
	Tags        map[string]string
	Ports       []int
	Limits      *limits
}

func defaults() settings {
	return settings{
		Text: "t", Name: "n", Count: 1, Size: 2, On: true,
		Tags: map[string]string{"A": "a"}, Ports: []int{443}, Limits: &limits{Max: 3},
	}
}

func (s *settings) read(r *Reader) {
	r.Text("text", &s.Text)
	r.NonZeroText("name", &s.Name)
	r.Int("count", &s.Count)
	r.NonZeroInt("size", &s.Size)
	r.Bool("on", &s.On)
	r.Strings("tags", &s.Tags)
	Object(r, "ports", &s.Ports, "a list of ports")
	Optional(r, "limits", &s.Limits, "an object with max")
}

// loaded is what becomes of the defaults with a config, and the error, to which
// validation adds what it found.
func loaded(t *testing.T, config map[string]string, invalid ...check.Problem) (settings, error) {
	t.Helper()
	got := defaults()
	_, err := infratest.Run(t, func(ctx *pulumi.Context) error {
		r := NewReader(ctx)
		got.read(r)
		return r.Err(invalid)
	}, infratest.Options{Config: config})
	return got, err
}

func TestWhatIsSetIsReadAndTheRestStaysAtItsDefault(t *testing.T) {
	t.Parallel()
	for key, test := range map[string]struct {
		value string
		want  func(*settings)
	}{
		"text":   {"", func(s *settings) { s.Text = "" }},
		"name":   {"x", func(s *settings) { s.Name = "x" }},
		"count":  {"0", func(s *settings) { s.Count = 0 }},
		"size":   {"0256", func(s *settings) { s.Size = 256 }},
		"on":     {"false", func(s *settings) { s.On = false }},
		"tags":   {`{"B":"b"}`, func(s *settings) { s.Tags = map[string]string{"B": "b"} }},
		"ports":  {"[]", func(s *settings) { s.Ports = []int{} }},
		"limits": {`{"max":5}`, func(s *settings) { s.Limits = &limits{Max: 5} }},
		"other":  {"x", func(*settings) {}},
	} {
		want := defaults()
		test.want(&want)
		if got, err := loaded(t, infratest.Config(key, test.value)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("with %s at %q the program goes on with %+v, not %+v (%v)", key, test.value, got, want, err)
		}
	}
}

func TestAnEmptyObjectIsNone(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{"{}", "null"} {
		if got, err := loaded(t, infratest.Config("limits", empty)); err != nil || got.Limits != nil {
			t.Errorf("limits at %s are %v: what is not asked for would be made (%v)", empty, got.Limits, err)
		}
	}
}

func TestWhatCannotBeReadIsReportedAndStaysAtItsDefault(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct{ key, value, want string }{
		{"name", "", "a value; without the key it is n"},
		{"count", "", "a whole number"},
		{"count", "one", "a whole number"},
		{"count", "1.5", "a whole number"},
		{"count", "0x10", "a whole number"},
		{"size", "0", "a value; without the key it is 2"},
		{"size", "many", "a whole number"},
		{"on", "perhaps", "true or false"},
		{"tags", `{"A":1}`, "in YAML, numbers need quotes"},
		{"tags", `["A"]`, "an object whose values are strings"},
		{"ports", "443", "a list of ports"},
		{"limits", `{"max":5,"min":1}`, "an object with max"},
		{"limits", "5", "an object with max"},
	} {
		got, err := loaded(t, infratest.Config(bad.key, bad.value))
		var problems check.Problems
		if !errors.As(err, &problems) || len(problems) != 1 ||
			problems[0].Path != infratest.Project+":"+bad.key || !strings.Contains(problems[0].Want, bad.want) {
			t.Errorf("%s at %q is not refused, once, with what is allowed (%s): %v", bad.key, bad.value, bad.want, err)
		}
		if !reflect.DeepEqual(got, defaults()) {
			t.Errorf("%s at %q leaves %+v, and validation would report the same value again", bad.key, bad.value, got)
		}
	}
}

func TestAllThatIsWrongIsInOneError(t *testing.T) {
	t.Parallel()
	_, err := loaded(t, infratest.Config("count", "one", "on", "perhaps"), check.Problem{Path: "text", Given: `"t"`, Want: "another"})
	const want = "the config of this stack can't be used, nothing was changed:\n" +
		"ecs-sample-app:count: got \"one\", want a whole number\n" +
		"ecs-sample-app:on: got \"perhaps\", want true or false\n" +
		"ecs-sample-app:text: got \"t\", want another"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error reads\n%v\nand not\n%s", err, want)
	}
}

func TestAKeyThatNothingReadsIsNamed(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, `{"ecs-sample-app:Text":"x","other:text":"x","aws:region":"us-east-1","ecs-sample-app:on":"false"}`)
	_, err := loaded(t, nil)
	var problems check.Problems
	const known = "a key that is read: count, limits, name, on, ports, size, tags or text"
	if want := (check.Problem{Path: "ecs-sample-app:Text", Given: `"x"`, Want: known}); !errors.As(err, &problems) ||
		!slices.Equal(problems, check.Problems{want}) {
		t.Errorf("a misspelt key goes unnoticed, or another project's is taken for one: %v", err)
	}
}

func TestAConfigThatIsNoConfigIsAnError(t *testing.T) {
	t.Setenv(pulumi.EnvConfig, "{")
	if _, err := loaded(t, nil); err == nil || !strings.Contains(err.Error(), "read "+pulumi.EnvConfig) {
		t.Errorf("misspelt keys are not looked for, and nobody hears why: %v", err)
	}
}

func TestReportingLeavesTheProblemsAsTheyAre(t *testing.T) {
	t.Parallel()
	problems := check.Problems{{Path: "cpu", Given: "1", Want: "256"}}
	for range 2 {
		if err := Report("app", problems); err == nil || !strings.HasSuffix(err.Error(), "\napp:cpu: got 1, want 256") {
			t.Errorf("the problem is not named by its key in the stack's file: %v", err)
		}
	}
	if err := Report("app", nil); err != nil {
		t.Errorf("a config without problems is refused: %v", err)
	}
}
