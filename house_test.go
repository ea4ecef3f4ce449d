package main

import (
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// budgets are how many lines of code, without comments, tests and blank lines, each part
// of the house may have. Who inherits it has to be able to read it: the program and its
// core in an hour. A number that rises is a line in a diff, and says why.
var budgets = []struct {
	part  string
	lines int
}{
	{"main.go", 60},
	{"service.go", 90},
	// With the rules between a network and an image.
	{"config", 420},
	// With NAT, endpoints and flow logs, which most of it is for.
	{"components/network", 670},
	{"components/network/existing", 200},
	{"components/loadbalancer", 260},
	{"components/route", 270},
	{"components/cluster", 100},
	// Every form of an image's host, of a secret's ARN and of a key has permissions of its
	// own, and two of Fargate's tables are in it, and what a container may be denied.
	{"components/task", 760},
	// With the guard and autoscaling.
	{"components/service", 670},
	{"components/alarms", 470},
	{"components/domain", 350},
	{"components/accesslogs", 210},
	{"front.go", 80},
	{"components/firewall", 230},
	{"components/image", 350},
	// With what a config names, made up in an empty account.
	{"tools/emulator", 2150},
	{"tools/emulator/scheduler", 1050},
	{"tools/emulator/balancer", 850},
	{"tools/emulator/containers", 780},
}

// reading is what is read to know the program: it has a budget of its own.
const (
	// Of which 300 are for production: networks, TLS, and what a container may be denied.
	reading      = 3220
	readingParts = "main.go service.go config components/network components/loadbalancer components/route components/cluster components/task components/service"
)

func TestEachPartOfTheHouseKeepsItsBudget(t *testing.T) {
	t.Parallel()
	path := 0
	for _, b := range budgets {
		lines := codeOf(t, b.part)
		if lines > b.lines {
			t.Errorf("%s has %d lines of code and a budget of %d: take something out, split it, or raise the number and say why", b.part, lines, b.lines)
		}
		if lines < b.lines*7/10 {
			t.Errorf("%s has %d lines of code: its budget of %d can go down", b.part, lines, b.lines)
		}
		if slices.Contains(strings.Fields(readingParts), b.part) {
			path += lines
		}
	}
	if path > reading {
		t.Errorf("the program and its core have %d lines of code, more than the %d that can be read in an hour", path, reading)
	}
}

// codeOf counts the lines of code of a file, or of a folder's files.
func codeOf(t *testing.T, part string) int {
	t.Helper()
	files := []string{part}
	if filepath.Ext(part) != ".go" {
		files, _ = filepath.Glob(filepath.Join(part, "*.go")) // The pattern is a good one.
	}
	lines := 0
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			lines += linesOf(t, file)
		}
	}
	if lines == 0 {
		t.Fatalf("%s has no code: is it somewhere else now?", part)
	}
	return lines
}

// linesOf counts the lines of a file that have a token on them.
func linesOf(t *testing.T, file string) int {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	f := files.AddFile(file, files.Base(), len(content))
	var s scanner.Scanner
	s.Init(f, content, nil, 0)
	lines := map[int]bool{}
	for {
		position, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue
		}
		first := f.Line(position)
		for i := range strings.Count(literal, "\n") + 1 { // A raw string has several.
			lines[first+i] = true
		}
	}
}

// core are the components that every stack has. The others are optional.
var core = []string{"network", "loadbalancer", "route", "cluster", "task", "service"}

func TestTheCoreKnowsNothingOptional(t *testing.T) {
	t.Parallel()
	const components = "ecs-sample-app/components/"
	for _, name := range core {
		files, err := filepath.Glob(filepath.Join("components", name, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("there is no component %s: %v", name, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range parsed.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if other, ok := strings.CutPrefix(path, components); ok && !slices.Contains(core, other) {
					t.Errorf("%s imports %s, which a stack may do without", file, other)
				}
			}
		}
	}
}
