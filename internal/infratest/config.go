package infratest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/problem"
)

// Config is a config of the project with the keys given as pairs, such as
// "cpu", "512".
func Config(pairs ...string) map[string]string {
	config := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		config[Project+":"+pairs[i]] = pairs[i+1]
	}
	return config
}

// Refused wants a program to be refused, with nothing registered, and returns
// what is wrong.
func Refused(t testing.TB, program pulumi.RunFunc, o Options) problem.Problems {
	t.Helper()
	record, err := Run(t, program, o)
	if err == nil {
		t.Fatalf("the config is taken, and AWS would refuse it halfway through an update")
	}
	var problems problem.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("the error names no problems: %v", err)
	}
	if len(record.Resources) > 0 {
		t.Errorf("%d resources were registered before the config was refused: %v", len(record.Resources), record.Names())
	}
	return problems
}

// WantKeyRefused wants a program to refuse a config for just this key, in both
// modes, and to say what is allowed.
func WantKeyRefused(t *testing.T, program pulumi.RunFunc, config map[string]string, key, allowed string) {
	t.Helper()
	Both(t, func(t *testing.T, mode Mode) {
		t.Helper()
		wantProblem(t, Refused(t, program, Options{Config: config, Mode: mode}), key, allowed)
	})
}

// WantUnknownKeyRefused wants a program to refuse a config for just this key,
// which nothing reads, and to name the key that is meant. It sets a variable of
// the environment, where programs find the whole config, so its test can't run
// beside others.
func WantUnknownKeyRefused(t testing.TB, program pulumi.RunFunc, config map[string]string, key, meant string) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(pulumi.EnvConfig, string(text))
	problems := Refused(t, program, Options{Config: config})
	if len(problems) != 1 || problems[0].Path != Project+":"+key || !strings.Contains(problems[0].Want, meant) {
		t.Errorf("a misspelt key goes unnoticed, and its value unused: %v", problems)
	}
}

// wantProblem wants just this key to be wrong, and a piece of the answer that
// says what is allowed.
func wantProblem(t testing.TB, problems problem.Problems, key, allowed string) {
	t.Helper()
	path := key
	if !strings.HasPrefix(key, "aws:") {
		path = Project + ":" + key
	}
	i := slices.IndexFunc(problems, func(p problem.Problem) bool { return p.Path == path })
	if i < 0 {
		t.Fatalf("no problem names %s, so one has to guess which key is wrong: %v", path, problems)
	}
	if !strings.Contains(problems[i].Want, allowed) {
		t.Errorf("the problem does not say what is allowed (%s): %s", allowed, problems[i])
	}
	if len(problems) > 1 {
		t.Errorf("one thing is wrong and %d are reported: %v", len(problems), problems)
	}
}
