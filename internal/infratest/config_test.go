package infratest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"ecs-sample-app/problem"
)

func TestAConfigThatIsNotRefusedAsWantedFailsTheTest(t *testing.T) {
	t.Parallel()
	cpu := problem.Problem{Path: Project + ":cpu", Given: "1", Want: "256 or 512"}
	memory := problem.Problem{Path: Project + ":memory", Given: "1", Want: "512"}
	for name, test := range map[string]struct {
		refusal     error
		registering bool
		want        string
	}{
		"refused":                 {problem.Problems{cpu}, false, ""},
		"taken":                   {nil, false, "the config is taken"},
		"refused without problem": {errors.New("no more disk"), false, "names no problems"},
		"refused too late":        {problem.Problems{cpu}, true, "1 resources were registered"},
		"another key":             {problem.Problems{memory}, false, "no problem names ecs-sample-app:cpu"},
		"another key besides":     {problem.Problems{memory, cpu}, false, "one thing is wrong and 2 are reported"},
		"nothing that is allowed": {problem.Problems{{Path: cpu.Path, Want: "another"}}, false, "does not say what is allowed"},
	} {
		program := func(ctx *pulumi.Context) error {
			if test.registering {
				var topic pulumi.CustomResourceState
				if err := ctx.RegisterResource("aws:sns/topic:Topic", "topic", nil, &topic); err != nil {
					return err
				}
			}
			return test.refusal
		}
		failures := watch(t, func(w testing.TB) { wantProblem(w, Refused(w, program, Options{}), "cpu", "256") })
		if test.want == "" && len(failures) == 0 {
			continue
		}
		if test.want == "" || len(failures) != 1 || !strings.Contains(failures[0], test.want) {
			t.Errorf("a test of a config that is %s fails with %q, not with %q", name, failures, test.want)
		}
	}
}

func TestAMisspeltKeyThatGoesUnnoticedFailsTheTest(t *testing.T) {
	for name, test := range map[string]struct {
		refusal error
		want    string
	}{
		"named":                {problem.Problems{{Path: Project + ":CPU", Want: "cpu or memory"}}, ""},
		"taken":                {nil, "the config is taken"},
		"another that is read": {problem.Problems{{Path: Project + ":CPU", Want: "memory"}}, "goes unnoticed"},
		"another key":          {problem.Problems{{Path: Project + ":cpu", Want: "cpu or memory"}}, "goes unnoticed"},
	} {
		// Programs find the whole config in the environment, and nowhere else.
		program := func(*pulumi.Context) error {
			if !strings.Contains(os.Getenv(pulumi.EnvConfig), Project+":CPU") {
				return errors.New("the program is not told of the key")
			}
			return test.refusal
		}
		failures := watch(t, func(w testing.TB) { WantUnknownKeyRefused(w, program, Config("CPU", "1"), "CPU", "cpu") })
		if test.want == "" && len(failures) == 0 {
			continue
		}
		if test.want == "" || len(failures) != 1 || !strings.Contains(failures[0], test.want) {
			t.Errorf("a test of a misspelt key, with the answer %s, fails with %q, not with %q", name, failures, test.want)
		}
	}
}
