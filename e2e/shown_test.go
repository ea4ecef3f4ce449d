package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ecs-sample-app/internal/pages"
	"ecs-sample-app/tools/toolchain"
)

// shown is a block of README.md beside what the program really prints.
type shown struct {
	where         string
	lines, really []string
}

var (
	// changing is what is different each time.
	changing = []struct{ pattern, word string }{
		{`(127\.0\.0\.1|localhost):\d+`, "HOST"},
		{`-[0-9a-f]{7}\b`, "-HASH"},
		{`\b[0-9a-f]{32}\b`, "STREAM"},
		{`\(\d+(\.\d+)?s\)`, "(TIME)"},
		{`^Duration: .*`, "Duration: TIME"},
		{`\b\d\d:\d\d:\d\d\b`, "CLOCK"},
		{`ecs-svc/\d+`, "ecs-svc/ID"},
		// How far a deployment is when somebody looks.
		{`\b\d+ (start|failed)\b`, "N $1"},
		{`\b\d+ times:`, "N times:"},
	}
	patterns = func() (all []*regexp.Regexp) {
		for _, c := range changing {
			all = append(all, regexp.MustCompile(c.pattern))
		}
		return all
	}()
)

// aside are lines that depend on the terminal and on what is installed.
var aside = regexp.MustCompile(`^(?:@ |toolchain: |the installed AWS provider |the tasks run as containers of |no task runs behind it)`)

// beside compares what a page shows after a command with what is really printed.
func beside(t *testing.T, command, really string) shown {
	t.Helper()
	all, err := pages.Read("..")
	must(t, err, "the pages can't be read")
	block, err := pages.Find(all, command)
	must(t, err, "there is nothing to compare")
	return shown{block.Where, ordered(tidied(block.Output(command))), ordered(tidied(really))}
}

// about begins what the CLI has to say of one resource.
var about = regexp.MustCompile(`^  \S.*\):$`)

// ordered sorts the diagnostics by resource: the CLI prints them in no order.
func ordered(lines []string) []string {
	begin := slices.Index(lines, "Diagnostics:") + 1
	if begin == 0 {
		return lines
	}
	var sections [][]string
	end := begin
	for ; end < len(lines) && strings.HasPrefix(lines[end], "  "); end++ {
		if about.MatchString(lines[end]) {
			sections = append(sections, nil)
		}
		last := len(sections) - 1
		sections[last] = append(sections[last], lines[end])
	}
	slices.SortFunc(sections, slices.Compare)
	return slices.Concat(lines[:begin], slices.Concat(sections...), lines[end:])
}

// tidied are the lines of a text without empty ones, and without what is different each
// time.
func tidied(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		for i, pattern := range patterns {
			line = pattern.ReplaceAllString(line, changing[i].word)
		}
		if line != "" && !aside.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// left is a line of a page that stands for others.
func left(line string) bool { return strings.TrimSpace(line) == "…" }

// wantExcerpt wants the page to show what is printed, except for lines that are left
// out where the page has an ellipsis.
func (s shown) wantExcerpt(t *testing.T) {
	t.Helper()
	s.wantNothingElse(t, s.otherThanExcerpt())
}

// otherThanExcerpt is what is wrong with the page as an excerpt, and empty if nothing is.
func (s shown) otherThanExcerpt() string {
	at, skip := 0, false
	for _, line := range s.lines {
		if left(line) {
			skip = true
			continue
		}
		rest := slices.Index(s.really[at:], line)
		if rest < 0 || rest > 0 && !skip {
			return line
		}
		at, skip = at+rest+1, false
	}
	if at < len(s.really) && !skip {
		return "nothing in the place of " + s.really[at]
	}
	return ""
}

var change = regexp.MustCompile(`^ *(?:[-+~]|\+-)`)

// wantChanges wants the page to show lines that are printed, in their order, and all
// that show a change.
func (s shown) wantChanges(t *testing.T) {
	t.Helper()
	s.wantNothingElse(t, s.otherThanChanges())
}

// otherThanChanges is what is wrong with the page as the changes among the lines that
// are printed.
func (s shown) otherThanChanges() string {
	at := 0
	for _, line := range s.lines {
		rest := slices.Index(s.really[at:], line)
		if rest < 0 {
			return line
		}
		at += rest + 1
	}
	for _, line := range s.really {
		if change.MatchString(line) && !slices.Contains(s.lines, line) {
			return "nothing in the place of " + line
		}
	}
	return ""
}

func (s shown) wantNothingElse(t *testing.T, line string) {
	t.Helper()
	if line != "" {
		t.Errorf("%s shows\n%s\nwhere the program prints something else. Paste from this what the page should show:\n%s", s.where, line, strings.Join(s.really, "\n"))
	}
}

func TestAPageThatShowsSomethingElseIsFound(t *testing.T) {
	t.Parallel()
	const really = "Updating (x):\n\n@ updating...\n + a created (0.31s)\n + b created (2s)\n   c\nOutputs:\n    url: \"lb-0a1b2c3\"\nResources:\n    + 2 created\n\nDuration: 3s\n"
	for _, tt := range []struct{ page, excerpt, changes string }{
		{"Updating (x):\n …\n + b created (1s)\n   c\nOutputs:\n    url: \"lb-ffffff0\"\nResources:\n    + 2 created\nDuration: 4s", "", "  …"},
		{"Updating (x):\n …\nResources:\n    + 2 created\n …", "", " …"},
		{" + a created (1s)\n + b created (1s)\n    + 2 created", " + a created (TIME)", ""},
		{"Updating (x):\n …\n    + 3 created\n …", "    + 3 created", " …"},
		{"Updating (x):\n …\n    + 2 created", "nothing in the place of Duration: TIME", " …"},
		{"Updating (x):\n + b created (1s)\n …", " + b created (TIME)", " …"},
		{"Updating (x):\n …\n    name: \"x\"\n …", "    name: \"x\"", " …"},
		{" + b created (1s)\n + a created (1s)\n …", " + b created (TIME)", " + a created (TIME)"},
		{" + a created (1s)\n   c\n    + 2 created", " + a created (TIME)", "nothing in the place of  + b created (TIME)"},
	} {
		s := shown{"a.md:1", tidied(tt.page), tidied(really)}
		if got := s.otherThanExcerpt(); got != tt.excerpt {
			t.Errorf("as an excerpt, %q is wrong in %q, not %q", tt.page, got, tt.excerpt)
		}
		if got := s.otherThanChanges(); strings.TrimSpace(got) != strings.TrimSpace(tt.changes) {
			t.Errorf("as changes, %q is wrong in %q, not %q", tt.page, got, tt.changes)
		}
	}
	const two = "Diagnostics:\n  b (x):\n    error\n  a (y):\n    info\nOutputs:"
	if got := strings.Join(ordered(tidied(two)), "\n"); got != "Diagnostics:\n  a (y):\n    info\n  b (x):\n    error\nOutputs:" {
		t.Errorf("the diagnostics are ordered as\n%s", got)
	}
}

// TestTheReadmesFirstCommandsPrintWhatItShows types them in a copy of the tree.
func TestTheReadmesFirstCommandsPrintWhatItShows(t *testing.T) {
	t.Parallel()
	at := newTerminal(t)
	run := func(command string) string { return at.run(t, command) }
	beside(t, "make up", run("make up")).wantExcerpt(t)
	page := strings.TrimSpace(run(`make -s pulumi ARGS="stack output url"`))
	if errNoContainers == nil {
		wantVersion(t, page, "2.4.65")
		if logs := run("make -s logs"); !strings.Contains(logs, "GET / HTTP/1.1") {
			t.Errorf("the logs do not tell of the request:\n%s", logs)
		}
	} else if code := status(page); code != http.StatusServiceUnavailable {
		t.Errorf("without a container engine %s answers with %d", page, code)
	}
	all, err := pages.Read("..")
	must(t, err, "the pages can't be read")
	const preview = "make preview ARGS=--diff"
	block, err := pages.Find(all, preview)
	must(t, err, "there is nothing to compare")
	before, _, _ := strings.Cut(block.Commands(), preview+"\n")
	run(before)
	beside(t, preview, run(preview)).wantChanges(t)
	run("make up")
	run("make destroy && make down")
	if errNoContainers != nil {
		return
	}
	run("make up && kill -9 $(cat .local/emulator.pid)")
	if len(containersIn(t, at.dir)) == 0 {
		t.Error("a killed emulator leaves nothing behind, so nothing is tested")
	}
	run("make down")
	if left := containersIn(t, at.dir); len(left) > 0 {
		t.Errorf("make down leaves the containers %v of an emulator that was killed", left)
	}
}

// started is the environment before the tests' tool chain is put into it, and without
// what a make that runs the tests tells another one, which then says where it is.
var started = slices.DeleteFunc(os.Environ(), func(variable string) bool {
	return strings.HasPrefix(variable, "MAKE") || strings.HasPrefix(variable, "MFLAGS=")
})

// copyOfTheTree is the working tree, with what is not committed, in a folder of its own.
func copyOfTheTree(t *testing.T) string {
	t.Helper()
	root, err := toolchain.Root()
	must(t, err, "find the repository")
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	must(t, err, "list the tree")
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		if os.IsNotExist(err) {
			continue // Deleted, and not committed yet.
		}
		must(t, err, "look at a file")
		content, err := os.ReadFile(from)
		must(t, err, "read a file")
		must(t, os.MkdirAll(filepath.Dir(to), 0o750), "make a folder")
		must(t, os.WriteFile(to, content, info.Mode().Perm()), "write a file")
	}
	return dir
}

// freePort is a port on which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err, "find a port")
	defer func() { must(t, listener.Close(), "leave the port") }()
	return listener.Addr().(*net.TCPAddr).Port
}
