package workflows

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"ecs-sample-app/internal/testprogram"
)

// repository and commit are what the scripts run for.
const (
	repository = "octo-org/sample-app"
	commit     = "0123456789abcdef0123456789abcdef01234567"
)

// answerer stands for a program: it notes how it was called and what it was sent, and
// answers with the first file whose name, with % for *, fits its arguments. Without one
// it fails, as the real one does where there is nothing.
const answerer = `#!/usr/bin/env bash
cd "$STAND_IN" || exit 1
name=$(basename "$0")
call="$name $*"
printf '%s\n' "$call" >> calls
while (($#)); do
  if [[ $1 == --input ]]; then cat "$2" >> sent; printf '\n' >> sent; fi
  shift
done
for answer in answers/*; do
  pattern=$(basename "$answer")
  pattern=${pattern#?? }
  pattern=${pattern//%/*}
  pattern=${pattern//|//}
  pattern=${pattern//\?/\\?}
  # shellcheck disable=SC2053
  if [[ $call == $pattern ]]; then
    cat "$answer"
    status=0
    [[ ! -e failing/$(basename "$answer") ]] || status=$(< "failing/$(basename "$answer")")
    exit "$status"
  fi
done
echo "$name: nothing at $call" >&2
exit 1
`

// standIn is a folder with programs that only answer.
type standIn struct {
	t   *testing.T
	dir string
	n   int
}

func newStandIn(t *testing.T, programs ...string) *standIn {
	t.Helper()
	for _, needed := range []string{"bash", "jq", "unzip", "curl"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("%s is not installed, so the scripts of CI can't run here", needed)
		}
	}
	s := &standIn{t: t, dir: t.TempDir()}
	for _, folder := range []string{"bin", "answers", "failing", "work"} {
		if err := os.Mkdir(filepath.Join(s.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, program := range programs {
		s.write(filepath.Join("bin", program), answerer)
	}
	return s
}

func (s *standIn) write(path, content string) {
	s.t.Helper()
	testprogram.Write(s.t, filepath.Join(s.dir, path), content)
}

// answers lets calls that fit a pattern be answered. Earlier ones come first.
func (s *standIn) answers(pattern, with string) *standIn {
	s.t.Helper()
	s.n++
	s.write(filepath.Join("answers", fmt.Sprintf("%02d %s", s.n, strings.NewReplacer("*", "%", "/", "|").Replace(pattern))), with)
	return s
}

// fails lets them be answered and then fail with a status.
func (s *standIn) fails(pattern, with, status string) *standIn {
	s.t.Helper()
	s.answers(pattern, with)
	s.write(filepath.Join("failing", fmt.Sprintf("%02d %s", s.n, strings.NewReplacer("*", "%", "/", "|").Replace(pattern))), status)
	return s
}

// run runs a script and returns what it printed.
func (s *standIn) run(variables []string, script string, arguments ...string) (string, error) {
	s.t.Helper()
	path, err := filepath.Abs(filepath.Join(github, "scripts", script))
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.CommandContext(s.t.Context(), path, arguments...)
	command.Dir = filepath.Join(s.dir, "work")
	command.Env = append(os.Environ(),
		"PATH="+filepath.Join(s.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"STAND_IN="+s.dir, "GITHUB_REPOSITORY="+repository, "GITHUB_STEP_SUMMARY="+filepath.Join(s.dir, "summary"),
		"GITHUB_OUTPUT="+filepath.Join(s.dir, "output"))
	command.Env = append(command.Env, variables...)
	out, err := command.CombinedOutput()
	return string(out), err
}

// file reads what a script left, nothing where it left nothing.
func (s *standIn) file(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(text)
}

// body is that of the one comment or issue that was sent.
func (s *standIn) body() string {
	s.t.Helper()
	var request struct{ Body string }
	if err := json.Unmarshal([]byte(s.file("sent")), &request); err != nil {
		s.t.Fatalf("not one request was sent to GitHub but %q: %v", s.file("sent"), err)
	}
	return request.Body
}

const bot = `"user":{"login":"github-actions[bot]","type":"Bot"}`

func TestACommentIsWrittenInPlace(t *testing.T) {
	t.Parallel()
	const marked = `"body":"<!-- ecs-sample-app: diff -->\nold"`
	for name, test := range map[string]struct{ comments, want string }{
		"none yet":                       {`[]`, "--method POST repos/octo-org/sample-app/issues/7/comments "},
		"one of the bot":                 {`[{"id":1,"body":"hi",` + bot + `},{"id":2,` + marked + `,` + bot + `}]`, "--method PATCH repos/octo-org/sample-app/issues/comments/2 "},
		"on the second page":             {`[{"id":1,"body":"hi",` + bot + `}][{"id":5,` + marked + `,` + bot + `}]`, "--method PATCH repos/octo-org/sample-app/issues/comments/5 "},
		"the line in somebody's comment": {`[{"id":3,` + marked + `,"user":{"login":"mallory","type":"User"}}]`, "--method POST "},
		"somebody called like the bot":   {`[{"id":3,` + marked + `,"user":{"login":"github-actions[bot]","type":"User"}}]`, "--method POST "},
		"of another kind":                {`[{"id":4,"body":"<!-- ecs-sample-app: preview -->",` + bot + `}]`, "--method POST "},
		"quoted by the bot":              {`[{"id":4,"body":"see <!-- ecs-sample-app: diff -->",` + bot + `}]`, "--method POST "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t, "gh").answers("gh api --paginate *comments*", test.comments).answers("*", `{"html_url":"x"}`)
			s.write("work/text", "What \"changes\": $(rm -rf /) `id` ${{ x }}\n")
			out, err := s.run(nil, "comment.sh", "7", "diff", "text")
			if err != nil {
				t.Fatalf("the comment is not written: %v\n%s", err, out)
			}
			if calls := s.file("calls"); strings.Count(calls, "--method") != 1 || !strings.Contains(calls, test.want) {
				t.Errorf("GitHub is called as follows, not with %q: comments would pile up, or others be overwritten\n%s", test.want, calls)
			}
			if got, want := s.body(), "<!-- ecs-sample-app: diff -->\nWhat \"changes\": $(rm -rf /) `id` ${{ x }}\n\n"; got != want {
				t.Errorf("the comment is %q, not %q", got, want)
			}
		})
	}
}

func TestACommentIsCutToWhatGitHubTakes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"in a block of code":     "```\n" + strings.Repeat("a line of text\n", 100_000),
		"in the midst of a word": strings.Repeat("€", 100_000),
		"control characters":     strings.Repeat("\x00\x1b[31mred\x07", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t, "gh").answers("gh api --paginate *comments*", "[]").answers("*", `{"html_url":"x"}`)
			s.write("work/text", text)
			if out, err := s.run(nil, "comment.sh", "7", "diff", "text"); err != nil {
				t.Fatalf("the comment is not written: %v\n%s", err, out)
			}
			body := s.body()
			if n := utf8.RuneCountInString(body); n > 65_536 {
				t.Errorf("GitHub refuses a comment of %d characters", n)
			}
			if strings.Count(body, "```")%2 != 0 || !strings.HasSuffix(body, "has it all.\n") {
				t.Errorf("nobody is told that something is missing; the comment ends with %q", body[len(body)-100:])
			}
			if strings.ContainsAny(body, "\x00\x07\x1b") {
				t.Error("GitHub refuses control characters")
			}
		})
	}
}

func TestACommentGoesNowhereElse(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"7/../8", "diff"}, {"", "diff"}, {"0", "diff"}, {"7", "diff --> x"}, {"7", ""}} {
		s := newStandIn(t, "gh").answers("*", "[]")
		s.write("work/text", "text")
		if out, err := s.run(nil, "comment.sh", arguments[0], arguments[1], "text"); err == nil || s.file("calls") != "" {
			t.Errorf("%q is taken for a pull request and a kind: %s\n%s", arguments, out, s.file("calls"))
		}
	}
}

// archive is a ZIP file with these entries.
func archive(t *testing.T, entries ...string) string {
	t.Helper()
	var content bytes.Buffer
	w := zip.NewWriter(&content)
	for i := 0; i < len(entries); i += 2 {
		f, err := w.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return content.String()
}

// theirs is a pull request of a fork at the commit that was looked at.
const theirs = `[{"number":9,"head":{"sha":"` + commit + `"},"base":{"repo":{"full_name":"octo-org/sample-app"}}}]`

// event is what GitHub tells of a run.
var event = []string{"RUN_ID=42", "HEAD_SHA=" + commit, "HEAD_OWNER=mallory", "HEAD_BRANCH=$(touch pwned);x&state=all"}

func TestADiffComesToItsPullRequest(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, "gh").
		answers("gh api --method GET repos/octo-org/sample-app/pulls*", theirs).
		answers("gh api repos/octo-org/sample-app/actions/runs/42/artifacts*",
			`{"artifacts":[{"id":1,"name":"other","size_in_bytes":9,"expired":false},{"id":2,"name":"diff","size_in_bytes":99,"expired":false}]}`).
		answers("gh api repos/octo-org/sample-app/actions/artifacts/2/zip*",
			archive(t, "diff.md", "<!-- hidden -->\n| a | b |\n", "number", "1", "../../evil", "x")).
		answers("gh api --paginate *issues/9/comments*", "[]").
		answers("*", `{"html_url":"x"}`)
	out, err := s.run(event, "diff-comment.sh")
	if err != nil {
		t.Fatalf("the diff does not come to its pull request: %v\n%s", err, out)
	}
	if got, want := s.body(), "<!-- ecs-sample-app: diff -->\n| a | b |\n\n"; got != want {
		t.Errorf("the comment is %q, not %q", got, want)
	}
	if calls := s.file("calls"); !strings.Contains(calls, "--method POST repos/octo-org/sample-app/issues/9/comments") {
		t.Errorf("the comment is not written to pull request 9, which the commit belongs to, but:\n%s", calls)
	}
	if !strings.Contains(s.file("calls"), "-f head=mallory:$(touch pwned);x&state=all\n") {
		t.Errorf("the branch is not handed over as it is:\n%s", s.file("calls"))
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*", "*wned")); len(left) > 0 {
		t.Error("the name of a branch is run as a command")
	}
}

func TestADiffThatIsNotOneIsNotWritten(t *testing.T) {
	t.Parallel()
	const one = `{"artifacts":[{"id":2,"name":"diff","size_in_bytes":99,"expired":false}]}`
	for name, test := range map[string]struct {
		pulls, artifacts, archive string
		event                     []string
		fails                     bool
	}{
		"the pull request has newer commits": {pulls: strings.Replace(theirs, commit, strings.Repeat("f", 40), 1), artifacts: one},
		"the pull request is closed":         {pulls: `[]`, artifacts: one},
		"it is another repository's":         {pulls: strings.Replace(theirs, repository, "mallory/sample-app", 1), artifacts: one},
		"there is none":                      {pulls: theirs, artifacts: `{"artifacts":[]}`},
		"it has expired":                     {pulls: theirs, artifacts: strings.Replace(one, "false", "true", 1)},
		"it is too large":                    {pulls: theirs, artifacts: strings.Replace(one, "99", "99000000", 1), fails: true},
		"the archive is broken":              {pulls: theirs, artifacts: one, archive: "PK nonsense", fails: true},
		"the file is missing":                {pulls: theirs, artifacts: one, archive: "other", fails: true},
		"the run is no number":               {event: []string{"RUN_ID=42/../43"}, fails: true},
		"the commit is none":                 {event: []string{"HEAD_SHA=main"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := test.archive
			if content == "other" {
				content = archive(t, "other.md", "text")
			}
			s := newStandIn(t, "gh").answers("*/pulls *", test.pulls).answers("*/artifacts?*", test.artifacts).
				answers("*/zip", content).answers("*issues*", "[]")
			out, err := s.run(append(event, test.event...), "diff-comment.sh")
			if (err != nil) != test.fails {
				t.Errorf("whether it fails: %v, want %v\n%s", err, test.fails, out)
			}
			if strings.Contains(s.file("calls"), "issues") {
				t.Errorf("a comment is written all the same:\n%s", s.file("calls"))
			}
		})
	}
}

func TestASmallArchiveDoesNotBecomeALargeComment(t *testing.T) {
	t.Parallel()
	const bomb = 100 << 20
	s := newStandIn(t, "gh").answers("*/pulls *", theirs).
		answers("*/artifacts?*", `{"artifacts":[{"id":2,"name":"diff","size_in_bytes":99,"expired":false}]}`).
		answers("*/zip", archive(t, "diff.md", strings.Repeat("0", bomb))).
		answers("gh api --paginate *comments*", "[]").answers("*", `{"html_url":"x"}`)
	if out, err := s.run(event, "diff-comment.sh"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := len(s.body()); n > 65_536 {
		t.Errorf("the comment has %d bytes", n)
	}
}

func TestAReportCannotBeBrokenOutOf(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	s.write("work/text", "  + created\n    --outputs:--\n    ~ changed\n  - deleted\n  +-replaced\n`````\n<img src=x>\n")
	out, err := s.run(nil, "report.sh", "Title", "text")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "### Title\n\n``````diff\n+   created\n    --outputs:--\n!     changed\n-   deleted\n+-  replaced\n`````\n<img src=x>\n\n``````\n"
	if out != want {
		t.Errorf("the report is\n%s\nnot\n%s", out, want)
	}
}

func TestTheSmokeTestWaitsForTheVersionThatWasAskedFor(t *testing.T) {
	t.Parallel()
	const want = "Version <code>2.4.66</code>"
	const unavailable = "" // the page is there then, but with 503
	for name, test := range map[string]struct {
		versions []string // one a try; the last one stays
		seconds  string
		passes   bool
		says     string
	}{
		"the right version":                           {[]string{"2.4.66"}, "5", true, "has: " + want},
		"the old version for good":                    {[]string{"2.4.65"}, "1", false, "a page without it"},
		"a version that begins so":                    {[]string{"2.4.661"}, "1", false, "a page without it"},
		"503, the old version and then the right one": {[]string{unavailable, "2.4.65", "2.4.66"}, "20", true, "has: " + want},
		"503 for good":                                {[]string{unavailable}, "1", false, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				version := test.versions[min(int(tries.Add(1)), len(test.versions))-1]
				if version == unavailable {
					http.Error(w, want, http.StatusServiceUnavailable)
					return
				}
				_, _ = fmt.Fprintf(w, "<html><p>Version <code>%s</code></p></html>", version) // Who asked may be gone.
			}))
			defer server.Close()
			out, err := newStandIn(t).run([]string{"SMOKE_PAUSE=0.2", "no_proxy=127.0.0.1"}, "smoke.sh", server.URL, want, test.seconds)
			if (err == nil) != test.passes || !strings.Contains(out, test.says) {
				t.Errorf("whether the smoke test passes: %v, want %v, saying %q; it says: %s", err, test.passes, test.says, out)
			}
		})
	}
}

func TestTheSmokeTestDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	out, err := newStandIn(t).run([]string{"SMOKE_PAUSE=0.2", "no_proxy=127.0.0.1"}, "smoke.sh", server.URL, "text", "1")
	if err == nil || !strings.Contains(out, "the last try saw: curl") {
		t.Errorf("nobody answers, and the smoke test says (%v): %s", err, out)
	}
	if out, err := newStandIn(t).run(nil, "smoke.sh", server.URL, "", "1"); err == nil {
		t.Errorf("without a text any page would do: %s", out)
	}
}

func TestDriftHasOneIssue(t *testing.T) {
	t.Parallel()
	const (
		marked = `"number":3,"body":"<!-- ecs-sample-app: drift -->\nold"`
		opened = `[{"number":1,"body":null,` + bot + `},{` + marked + `,` + bot + `}]`
	)
	for name, test := range map[string]struct{ state, issues, want string }{
		"found first":                   {"found", `[]`, "--method POST repos/octo-org/sample-app/issues "},
		"found again":                   {"found", opened, "--method PATCH repos/octo-org/sample-app/issues/3 --input"},
		"gone":                          {"gone", opened, "--method PATCH repos/octo-org/sample-app/issues/3 -f state=closed"},
		"never there":                   {"gone", `[]`, ""},
		"the line in somebody's issue":  {"gone", `[{` + marked + `,"user":{"login":"mallory"}}]`, ""},
		"the line in a pull request":    {"gone", `[{` + marked + `,"pull_request":{},` + bot + `}]`, ""},
		"found beside somebody's issue": {"found", `[{` + marked + `,"user":{"login":"mallory"}}]`, "--method POST repos/octo-org/sample-app/issues "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t, "gh").answers("gh api --paginate *", test.issues).answers("*", `{"html_url":"x"}`)
			s.write("work/drift.md", "what differs")
			out, err := s.run([]string{"RUN_URL=https://github.com/run"}, "drift.sh", test.state, "drift.md")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			calls := s.file("calls")
			if test.want == "" && strings.Contains(calls, "--method") || !strings.Contains(calls, test.want) {
				t.Errorf("GitHub is called as follows, not with %q:\n%s", test.want, calls)
			}
			if test.state == "found" && !strings.Contains(s.body(), "what differs") {
				t.Errorf("the issue does not say what was found: %q", s.body())
			}
		})
	}
	if out, err := newStandIn(t, "gh").answers("*", "[]").run([]string{"RUN_URL=x"}, "drift.sh", "", "x"); err == nil {
		t.Errorf("no state is as good as none: %s", out)
	}
}

func TestALookTellsDriftFromAnError(t *testing.T) {
	t.Parallel()
	const drift = "~ aws:ec2:Vpc\nerror: no changes were expected for refresh but changes were proposed\n"
	for name, test := range map[string]struct {
		answer func(*standIn) *standIn
		output string
		fails  bool
	}{
		"nothing": {func(s *standIn) *standIn { return s.answers("*", "33 unchanged\n") }, "state=gone\n", false},
		"drift":   {func(s *standIn) *standIn { return s.fails("*", drift, "7") }, "state=found\n", false},
		"error":   {func(s *standIn) *standIn { return s.fails("*", "error: no stack named 'dev' found\n", "6") }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.answer(newStandIn(t, "pulumi"))
			out, err := s.run(nil, "look.sh", "dev", "drift.md")
			if (err != nil) != test.fails || s.file("output") != test.output {
				t.Errorf("the look says %q (%v), want %q: an issue would be closed, or opened, for nothing\n%s", s.file("output"), err, test.output, out)
			}
			if calls := s.file("calls"); !strings.Contains(calls, "refresh --preview-only ") || !strings.Contains(calls, "--stack dev") {
				t.Errorf("a look must not change anything: %s", calls)
			}
			if !test.fails && !strings.Contains(s.file("work/drift.md"), "aws:ec2:Vpc") && name == "drift" {
				t.Errorf("the issue would not say what differs: %s", s.file("work/drift.md"))
			}
		})
	}
}

func TestAnUpdateThatFailsFailsTheJobAndTellsWhy(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, "pulumi").fails("pulumi up *", "error: the circuit breaker took it back\n", "255").answers("*", "http://old")
	if out, err := s.run(nil, "up.sh", "dev"); err == nil || s.file("output") != "" {
		t.Errorf("a deployment that failed passes for one that worked, at %q:\n%s", s.file("output"), out)
	}
	if summary := s.file("summary"); !strings.Contains(summary, "dev failed") || !strings.Contains(summary, "took it back") {
		t.Errorf("the summary does not say why: %s", summary)
	}
	s = newStandIn(t, "pulumi").answers("pulumi up --yes *--stack dev", "1 updated\n").
		answers("pulumi stack output url *--stack dev", "http://new\n").answers("pulumi stack output imageTag *--stack dev", "2.4.66\n")
	if out, err := s.run(nil, "up.sh", "dev"); err != nil || s.file("output") != "url=http://new\ntag=2.4.66\n" {
		t.Errorf("nobody looks whether the new version answers, because it is not known where, or which: %q (%v)\n%s", s.file("output"), err, out)
	}
}

func TestATagThatIsGivenComesBeforeTheParameter(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"2.4.66":   "pulumi config rm --stack dev imageTagParameter\npulumi config set --stack dev --plaintext -- imageTag 2.4.66\n",
		"--secret": "pulumi config rm --stack dev imageTagParameter\npulumi config set --stack dev --plaintext -- imageTag --secret\n",
		"":         "",
	} {
		s := newStandIn(t, "pulumi").answers("pulumi config *", "")
		if out, err := s.run(nil, "version.sh", "dev", tag); err != nil || s.file("calls") != want {
			t.Errorf("with the tag %q the version is set by %q (%v)\n%s", tag, s.file("calls"), err, out)
		}
	}
}

func TestAPreviewThatFailsIsToldOfAll(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, status, title string }{
		"works": {"1 to update\n", "0", "### Preview of the stack dev\n"},
		"fails": {"error: cpu: got 300\n", "255", "### The preview of the stack dev failed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t, "pulumi").fails("pulumi preview *--stack dev", test.text, test.status)
			if out, err := s.run(nil, "preview.sh", "dev", "preview.md"); err != nil {
				t.Fatalf("without the comment nobody sees the preview: %v\n%s", err, out)
			}
			if got := s.file("work/preview.md"); !strings.HasPrefix(got, test.title) || !strings.Contains(got, test.text) || s.file("summary") != got {
				t.Errorf("the comment is %q", got)
			}
			if got, want := s.file("output"), "status="+test.status+"\n"; got != want {
				t.Errorf("the job's result is %q, not %q", got, want)
			}
		})
	}
}

func TestTheSweepDestroysOnlyWhatNobodyWantsAnyMore(t *testing.T) {
	t.Parallel()
	const labelled = `,"labels":[{"name":"bug"},{"name":"environment"}]}`
	for name, test := range map[string]struct {
		stacks, pull     string
		destroyed, fails bool
	}{
		"open and labelled":                {`[{"name":"pr-7"}]`, `{"number":7,"state":"open"` + labelled, false, false},
		"closed":                           {`[{"name":"pr-7"}]`, `{"number":7,"state":"closed"` + labelled, true, false},
		"with the organization's name":     {`[{"name":"organization/ecs-sample-app/pr-7"}]`, `{"number":7,"state":"closed"` + labelled, true, false},
		"open without the label":           {`[{"name":"pr-7"}]`, `{"number":7,"state":"open","labels":[]}`, true, false},
		"open with a label that begins so": {`[{"name":"pr-7"}]`, `{"number":7,"state":"open","labels":[{"name":"environment-x"}]}`, true, false},
		"GitHub does not answer":           {`[{"name":"pr-7"}]`, "", false, true},
		"GitHub answers nonsense":          {`[{"name":"pr-7"}]`, "{}", false, true},
		"GitHub answers for another":       {`[{"name":"pr-7"}]`, `{"number":8,"state":"closed"` + labelled, false, true},
		"a state that nobody knows":        {`[{"name":"pr-7"}]`, `{"number":7,"state":"locked"` + labelled, false, true},
		"an empty answer":                  {`[{"name":"pr-7"}]`, "\n", false, true},
		"a stack of somebody's":            {`[{"name":"dev"},{"name":"pr-prod"},{"name":"pr-7-x"},{"name":"my-pr-7"}]`, `{"number":7,"state":"closed"` + labelled, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t, "gh", "pulumi").answers("pulumi stack ls --json", test.stacks).answers("pulumi *", "")
			if test.pull != "" {
				s.answers("gh api repos/octo-org/sample-app/pulls/7", test.pull)
			}
			s.answers("gh api --paginate *comments*", "[]").answers("gh api --method *", `{"html_url":"x"}`)
			s.write("work/Pulumi.dev.yaml", "config: {}\n")
			out, err := s.run(nil, "sweep.sh")
			if (err != nil) != test.fails {
				t.Errorf("whether the sweep fails: %v, want %v\n%s", err, test.fails, out)
			}
			calls := s.file("calls")
			if destroyed := strings.Contains(calls, "pulumi destroy"); destroyed != test.destroyed {
				t.Errorf("whether a stack is destroyed: %v, want %v\n%s", destroyed, test.destroyed, calls)
			}
			if test.destroyed && (!strings.Contains(calls, "pulumi destroy --yes --skip-preview --non-interactive --stack pr-7\n") ||
				!strings.Contains(calls, "pulumi stack rm --yes --non-interactive --stack pr-7\n") || !strings.Contains(calls, "issues/7/comments")) {
				t.Errorf("the stack is not destroyed, removed and mentioned:\n%s", calls)
			}
		})
	}
}

func TestAStackThatCannotBeDestroyedDoesNotKeepTheOthers(t *testing.T) {
	t.Parallel()
	s := newStandIn(t, "gh", "pulumi").answers("pulumi stack ls --json", `[{"name":"pr-7"},{"name":"pr-8"}]`).
		fails("pulumi destroy *pr-7", "locked", "1").answers("pulumi *", "").
		answers("gh api */pulls/7", `{"number":7,"state":"closed","labels":[]}`).
		answers("gh api */pulls/8", `{"number":8,"state":"closed","labels":[]}`).
		answers("gh api --paginate *", "[]").answers("gh api --method *", `{"html_url":"x"}`)
	s.write("work/Pulumi.dev.yaml", "config: {}\n")
	out, err := s.run(nil, "sweep.sh")
	if err == nil || !strings.Contains(out, "pr-7 could not be destroyed") {
		t.Errorf("nobody learns of a stack that goes on costing money (%v): %s", err, out)
	}
	calls := s.file("calls")
	if strings.Contains(calls, "rm --yes --non-interactive --stack pr-7") {
		t.Error("a stack that was not destroyed is forgotten: nobody will ever find what it left")
	}
	if !strings.Contains(calls, "rm --yes --non-interactive --stack pr-8") {
		t.Errorf("one stack keeps the other from going:\n%s", calls)
	}
}

// comparing is a stand-in for the comparison too, which the script has make build.
func comparing(t *testing.T, programs ...string) *standIn {
	t.Helper()
	s := newStandIn(t, append(programs, "make")...).answers("make --silent .local/diff", "")
	if err := os.Mkdir(filepath.Join(s.dir, "work", ".local"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("work/.local/diff", answerer)
	return s
}

func TestADiffIsTakenFromTheBaseThatIsGiven(t *testing.T) {
	t.Parallel()
	s := comparing(t).answers("diff -base abc", "<!-- m -->\n")
	if out, err := s.run([]string{"BASE=abc"}, "diff.sh", "diff.md"); err != nil || s.file("work/diff.md") != "<!-- m -->\n" {
		t.Errorf("the base is not the one that was given (%v):\n%s\n%s", err, out, s.file("calls"))
	}
}

func TestADiffIsTakenFromTheMergesBase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status, text string
		fails        bool
		says         string
	}{
		"no change":       {"0", "<!-- m -->\n", false, ""},
		"a change":        {"2", "<!-- m -->\n", false, ""},
		"a dangerous one": {"3", "<!-- m -->\n", false, "::warning title=Dangerous change::"},
		"an error":        {"1", "<!-- m -->\n", true, "failed"},
		"no word at all":  {"0", "", true, "said nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := comparing(t, "git").answers("git rev-parse --verify HEAD^1", commit+"\n").fails("diff -base "+commit, test.text, test.status)
			out, err := s.run(nil, "diff.sh", "diff.md")
			if (err != nil) != test.fails || !strings.Contains(out, test.says) {
				t.Errorf("whether it fails: %v, want %v, saying %q:\n%s\n%s", err, test.fails, test.says, out, s.file("calls"))
			}
			if !test.fails && (s.file("work/diff.md") != test.text || s.file("summary") != test.text) {
				t.Errorf("the result has more or less than the diff: %q", s.file("work/diff.md"))
			}
			if strings.Contains(test.says, "warning") != strings.Contains(out, "::warning") {
				t.Errorf("whether people are warned does not fit: %s", out)
			}
		})
	}
}
