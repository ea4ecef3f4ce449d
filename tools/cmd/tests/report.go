package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64 // seconds
	Output  string
}

// test is one test of a package. Without a name it is the package.
type test struct{ pkg, name string }

// took is how long a test took.
type took struct {
	test
	seconds float64
}

// report prints events as go test would have printed them: a line for each package,
// and what the tests said that failed.
type report struct {
	mu      sync.Mutex
	out     io.Writer
	said    map[test][]string // by tests that go on, or have failed
	times   []took
	failed  []test
	skipped []string // with the reason
}

func newReport(out io.Writer) *report { return &report{out: out, said: map[test][]string{}} }

// read takes the events of a suite, to their end.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes one line. What is no event comes from go itself and is shown.
func (r *report) line(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		r.print(string(line))
		return
	}
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.print(e.Output)
	case "output":
		if t.name != "" {
			r.said[t] = append(r.said[t], e.Output)
			return
		}
		if e.Output != "PASS\n" { // Nor does go test show this, unless asked to.
			r.print(e.Output)
		}
		if strings.Contains(e.Output, "[no tests to run]") {
			r.failed = append(r.failed, test{e.Package, "-run names no test"})
		}
	case "pass", "skip", "fail":
		r.ended(t, e)
	}
}

// ended notes the end of a test or a package.
func (r *report) ended(t test, e event) {
	if e.Action == "fail" {
		r.show(t)
		if t.name == "" {
			// A test that a timeout or a crash ended has no end of its own.
			for other := range r.said {
				if other.pkg == t.pkg {
					r.show(other)
					r.failed = append(r.failed, other)
				}
			}
		}
		r.failed = append(r.failed, t)
	}
	if e.Action == "skip" && t.name != "" {
		r.skipped = append(r.skipped, fmt.Sprintf("  %s  %s:%s", t.pkg, t.name, r.reason(t)))
	}
	delete(r.said, t)
	if t.name != "" && !strings.Contains(t.name, "/") {
		r.times = append(r.times, took{t, e.Elapsed})
	}
}

// reason is what a test said before it was skipped.
func (r *report) reason(t test) string {
	var reason strings.Builder
	for _, text := range r.said[t] {
		if !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(strings.TrimSpace(text), "--- ") {
			reason.WriteString(" " + strings.TrimSpace(text))
		}
	}
	return reason.String()
}

// show prints what a test said, without go test's own marks for tests that run.
func (r *report) show(t test) {
	for _, text := range r.said[t] {
		if !strings.HasPrefix(text, "=== ") {
			r.print(text)
		}
	}
	delete(r.said, t)
}

func (r *report) print(text string) {
	_, _ = io.WriteString(r.out, text) // Nothing to do where the terminal is gone.
}

// close prints the slowest tests, those that were skipped and those that failed, and
// tells whether none did.
func (r *report) close(slowest int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.times, func(a, b took) int {
		switch {
		case a.seconds > b.seconds:
			return -1
		case a.seconds < b.seconds:
			return 1
		default:
			return 0
		}
	})
	if n := min(slowest, len(r.times)); n > 0 {
		r.print(fmt.Sprintf("\nThe %d slowest tests:\n", n))
		for _, t := range r.times[:n] {
			r.print(fmt.Sprintf("  %7.1fs  %s  %s\n", t.seconds, t.pkg, t.name))
		}
	}
	if n := len(r.skipped); n > 0 {
		slices.Sort(r.skipped)
		r.print(fmt.Sprintf("\nSkipped, %d:\n%s\n", n, strings.Join(r.skipped, "\n")))
	}
	names := map[string]bool{}
	for _, t := range r.failed {
		if line := fmt.Sprintf("  %s  %s", t.pkg, t.name); t.name != "" && !names[line] {
			if len(names) == 0 {
				r.print("\nFailed:\n")
			}
			names[line] = true
			r.print(line + "\n")
		}
	}
	return len(r.failed) == 0
}
