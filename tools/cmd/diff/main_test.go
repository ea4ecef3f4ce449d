package main

import (
	"bytes"
	"strings"
	"testing"

	"ecs-sample-app/tools/diff"
)

func TestTheHelpSaysTheExitCodes(t *testing.T) {
	var out, log bytes.Buffer
	if code := run(t.Context(), []string{"-help"}, &out, &log); code != exitSame || log.Len() > 0 {
		t.Errorf("help is an error: %d, %s", code, log.String())
	}
	for _, line := range []string{"  0  nothing changes\n", "  1  error", "  2  something changes\n", "  3  something changes that holds state"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("nobody is told %q:\n%s", line, out.String())
		}
	}
}

func TestAWrongArgumentShowsTheUsage(t *testing.T) {
	for _, arguments := range [][]string{{"main"}, {"-what"}, {"-base"}} {
		var out, log bytes.Buffer
		if code := run(t.Context(), arguments, &out, &log); code != exitError || out.Len() > 0 || !strings.Contains(log.String(), "usage: diff") {
			t.Errorf("%v: code %d, %s", arguments, code, log.String())
		}
	}
}

func TestABaseThatIsNotThereIsAnErrorInTheMarkdownToo(t *testing.T) {
	var out, log bytes.Buffer
	code := run(t.Context(), []string{"-base", "no/such/branch"}, &out, &log)
	if code != exitError {
		t.Errorf("a workflow takes it for a success: %d", code)
	}
	for name, text := range map[string]string{"the log": log.String(), "the Markdown": out.String()} {
		if !strings.Contains(text, `there is no commit "no/such/branch" here`) {
			t.Errorf("%s does not say why:\n%s", name, text)
		}
	}
	if !strings.HasPrefix(out.String(), "<!-- ecs-sample-app preview of the stack dev -->\n### Infrastructure: the preview failed\n") {
		t.Errorf("the comment would not be found again:\n%s", out.String())
	}
}

func TestTheExitCodeIsTheVerdict(t *testing.T) {
	replaced := diff.Change{Resource: diff.Resource{Type: "aws:lb/loadBalancer:LoadBalancer"}, Op: diff.Replace}
	for _, tt := range []struct {
		report diff.Report
		want   int
	}{
		{diff.Report{}, 0},
		{diff.Report{Preview: &diff.Preview{}}, 0},
		{diff.Report{Preview: &diff.Preview{Changes: []diff.Change{{Op: diff.Create}}}}, 2},
		{diff.Report{Preview: &diff.Preview{Changes: []diff.Change{replaced}}}, 3},
		{diff.Report{Preview: &diff.Preview{Changes: []diff.Change{replaced}, Errors: []string{"refused"}}}, 1},
		{diff.Report{Problem: "no base"}, 1},
	} {
		if got := exitCode(&tt.report); got != tt.want {
			t.Errorf("%+v: exit code %d, want %d", tt.report, got, tt.want)
		}
	}
}
