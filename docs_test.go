package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"go.yaml.in/yaml/v3"

	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/pages"
)

// otherYAML are the blocks of YAML that are no stack's config, by page and heading.
var otherYAML = map[string]string{"docs/ci.md": "GitLab"}

// TestTheYAMLOfThePagesIsAcceptedInAStack gives the program what people copy into the
// file of a stack. It sets a variable, so it can't run beside others.
func TestTheYAMLOfThePagesIsAcceptedInAStack(t *testing.T) {
	all, err := pages.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	stacks := 0
	for _, page := range all {
		for _, block := range page.Examples {
			if block.Language != "yaml" {
				continue
			}
			var content map[string]any
			if err := yaml.Unmarshal([]byte(block.Text), &content); err != nil {
				t.Errorf("%s: whoever copies this YAML gets an error with every command: %v", block.Where, err)
				continue
			}
			if otherYAML[page.File] == block.Section {
				wantFiles(t, block)
				continue
			}
			stacks++
			wantAccepted(t, block.Where, content)
		}
	}
	const least = 2
	if stacks < least {
		t.Errorf("only %d blocks are a stack's config: the test sees too little", stacks)
	}
}

// wantAccepted wants the program to take a block that is a stack's file, or a part of
// one.
func wantAccepted(t *testing.T, where string, content map[string]any) {
	t.Helper()
	if whole, ok := content["config"].(map[string]any); ok && len(content) == 1 {
		content = whole
	}
	config := map[string]string{}
	for key, value := range content {
		if !strings.HasPrefix(key, infratest.Project+":") && !strings.HasPrefix(key, "aws:") {
			t.Errorf("%s: %s is no key of a stack's config", where, key)
		}
		config[key] = infratest.ConfigText(t, value)
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(pulumi.EnvConfig, string(text)) // In which the program finds keys that nothing reads.
	for _, mode := range []infratest.Mode{infratest.Update, infratest.Preview} {
		record, err := infratest.Run(t, program, infratest.Options{Config: config, Mode: mode, VPCs: vpcs})
		if err != nil {
			t.Errorf("%s: what people copy into a stack's file is refused: %v", where, err)
		} else if len(record.Resources) == 0 {
			t.Errorf("%s: nothing is registered, so nothing was tested", where)
		}
	}
}

// ownFile is a file of the repository that a block names.
var ownFile = regexp.MustCompile(`(?:\.github|tools)/[\w./-]+`)

// wantFiles wants the files that a block names to be there.
func wantFiles(t *testing.T, block pages.Example) {
	t.Helper()
	files := ownFile.FindAllString(block.Text, -1)
	if len(files) == 0 {
		t.Errorf("%s names no file of the repository: the test sees nothing", block.Where)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s names %s, which is not there", block.Where, file)
		}
	}
}

var (
	assigned = regexp.MustCompile(`(?m)^(\w+), err :=`)
	packages = regexp.MustCompile(`\b([a-z]+)\.[A-Z]`)
)

const pulumiPackage = "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// TestTheGoOfThePagesCompiles compiles what people copy into a program of their own.
func TestTheGoOfThePagesCompiles(t *testing.T) {
	t.Parallel()
	all, err := pages.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, page := range all {
		for _, block := range page.Examples {
			if block.Language != "go" {
				continue
			}
			file := filepath.Join(t.TempDir(), "block.go")
			if err := os.WriteFile(file, []byte(inProgram(block)), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay.Replace[filepath.Join("examples", fmt.Sprintf("block%d", len(overlay.Replace)), "block.go")] = file
		}
	}
	text, err := json.Marshal(overlay)
	if err != nil || len(overlay.Replace) == 0 {
		t.Fatalf("no page has a block of Go: the test sees nothing (%v)", err)
	}
	file := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"build", "-overlay", file}
	for path := range overlay.Replace {
		arguments = append(arguments, "./"+filepath.ToSlash(filepath.Dir(path)))
	}
	if out, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput(); err != nil {
		t.Errorf("what people copy from a page does not compile: %v\n%s", err, out)
	}
}

// inProgram makes a block of Go the body of a program's function. Errors of the
// compiler name the page.
func inProgram(block pages.Example) string {
	imports := map[string]bool{pulumiPackage: true}
	for _, match := range packages.FindAllStringSubmatch(block.Text, -1) {
		if match[1] != "pulumi" {
			imports[infratest.Project+"/components/"+match[1]] = true
		}
	}
	var source strings.Builder
	source.WriteString("package block\n\n")
	for _, path := range slices.Sorted(maps.Keys(imports)) {
		fmt.Fprintf(&source, "import %q\n", path)
	}
	fmt.Fprintf(&source, "\nfunc program(ctx *pulumi.Context) error {\n//line %s\n\n%s", block.Where, block.Text)
	for _, match := range assigned.FindAllStringSubmatch(block.Text, -1) {
		fmt.Fprintf(&source, "_ = %s\n", match[1])
	}
	source.WriteString("return err\n}\n")
	return source.String()
}

func TestTheReadmeIsReadInOneGo(t *testing.T) {
	t.Parallel()
	const most = 170
	if lines := strings.Count(readFile(t, "README.md"), "\n"); lines >= most {
		t.Errorf("README.md has %d lines: whoever has never seen this reads fewer than %d, the rest belongs into docs", lines, most)
	}
}

// TestTheLabIsTheSameInBothLanguages lets the lifecycle test that types the commands of
// one page speak for the other.
func TestTheLabIsTheSameInBothLanguages(t *testing.T) {
	t.Parallel()
	all, err := pages.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for _, page := range all {
		for _, example := range page.Examples {
			if example.Language != "" {
				blocks[page.File] = append(blocks[page.File], example.Language+"\n"+example.Text)
			}
		}
	}
	const english, korean = "docs/lab.md", "docs/lab.ko.md"
	if len(blocks[english]) == 0 {
		t.Fatalf("%s has no commands: the test sees nothing", english)
	}
	if !slices.Equal(blocks[english], blocks[korean]) {
		t.Errorf("%s has other commands than %s, and nobody has tried them:\n%s", korean, english,
			firstDifference(strings.Join(blocks[english], "\n"), strings.Join(blocks[korean], "\n")))
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	block   = regexp.MustCompile("(?ms)^```.*?^```$")
	// mark is what GitHub leaves out of a heading's anchor.
	mark = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// TestEveryLinkOfThePagesLeadsSomewhere follows those within the repository.
func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	t.Parallel()
	all, err := pages.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	followed, anchored := 0, 0
	for _, page := range all {
		for _, match := range link.FindAllStringSubmatch(block.ReplaceAllString(page.Text, ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			followed++
			file, anchor, _ := strings.Cut(match[1], "#")
			target := page.File
			if file != "" {
				target = filepath.Join(filepath.Dir(page.File), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page.File, match[1])
				continue
			}
			if anchor == "" {
				continue
			}
			anchored++
			if !slices.Contains(anchors(readFile(t, target)), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", page.File, match[1], target)
			}
		}
	}
	const least = 50
	if followed < least || anchored == 0 {
		t.Errorf("only %d links are followed, %d of them to a heading: the test sees too little", followed, anchored)
	}
}

// anchors are those that GitHub gives the headings of a page.
func anchors(text string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(mark.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return all
}

// TestTheMapOfTheHouseHasEveryPackage holds docs/design.md to the tree: what its next
// owner does not find there, nobody owns.
func TestTheMapOfTheHouseHasEveryPackage(t *testing.T) {
	t.Parallel()
	const design = "docs/design.md"
	named := map[string]bool{}
	for _, row := range infratest.Table(t, design, "## Who owns what") {
		for name := range strings.SplitSeq(row[0], ", ") {
			named[name] = true
			if found, err := os.Stat(name); err != nil || !found.IsDir() {
				t.Errorf("%s sends its readers to %s, which is no folder", design, name)
			}
		}
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(path, ".") && path != "." {
			return cmp.Or(err, fs.SkipDir)
		}
		if folder := filepath.ToSlash(filepath.Dir(path)); filepath.Ext(path) == ".go" && folder != "." && !named[folder] {
			named[folder] = true // Once is enough.
			t.Errorf("%s does not say what %s owns", design, folder)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
