// Package problem is what Validate returns: everything that is wrong with a component's
// arguments or with a config, so that a person reads every problem at once instead of
// mending them one by one.
//
//	var all problem.Problems
//	if errors.As(err, &all) {
//		for _, p := range all {
//			fmt.Println(p.Path, p.Given, p.Want)
//		}
//	}
package problem

import (
	"fmt"
	"reflect"
	"strings"
)

// Problem is one value that cannot be used.
type Problem struct {
	// Path names the value: an argument of a component, or a config key.
	Path string
	// Given is the value as it was given.
	Given string
	// Want says what is allowed instead.
	Want string
}

// String gives the problem in one line: path, value given, values allowed.
func (p Problem) String() string {
	return fmt.Sprintf("%s: got %s, want %s", p.Path, p.Given, p.Want)
}

// Problems is the error that Validate methods return: everything that is wrong.
type Problems []Problem //nolint:errname // it is a list that validation fills, and an error only at its end

// Error lists the problems, a line each.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is nil where there is no problem. A nil Problems in an error interface
// would not be.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// Add notes that the value at path is not what is wanted. Strings are quoted,
// so that an empty one and one with blanks can be seen.
func (ps *Problems) Add(path string, given any, want string, args ...any) {
	if reflect.ValueOf(given).Kind() == reflect.String {
		given = fmt.Sprintf("%q", given)
	}
	*ps = append(*ps, Problem{Path: path, Given: fmt.Sprint(given), Want: fmt.Sprintf(want, args...)})
}

// Missing notes that a value that must be given is not there.
func (ps *Problems) Missing(path, want string) {
	*ps = append(*ps, Problem{Path: path, Given: "nothing", Want: want})
}
