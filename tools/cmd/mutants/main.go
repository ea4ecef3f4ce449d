// Command mutants breaks the program, in one place at a time, and wants a test to notice.
// `make mutants` runs it. The file mutants.txt has the places; nothing in the tree changes,
// because Go takes each broken file by an overlay.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"ecs-sample-app/tools/toolchain"
)

//go:embed mutants.txt
var list string

// atOnce is how many tests run side by side.
const atOnce = 2

func main() {
	only := flag.String("only", "", "the beginning of the files to break")
	flag.Parse()
	if err := run(context.Background(), *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// mutant is a file with one thing changed, and the test that has to fail.
type mutant struct {
	line                   int
	file, old, replacement string
	pkg, test              string
}

func (m mutant) String() string { return fmt.Sprintf("mutants.txt:%d: %s, %s", m.line, m.file, m.test) }

// parse reads the list.
func parse(list string) ([]mutant, error) {
	var all []mutant
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t")
	for i, line := range strings.Split(list, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "\t")
		const columns = 4
		if len(parts) != columns {
			return nil, fmt.Errorf("mutants.txt:%d has %d parts, not %d: file, old text, new text, test", i+1, len(parts), columns)
		}
		m := mutant{i + 1, parts[0], unescape.Replace(parts[1]), unescape.Replace(parts[2]), "./" + filepath.Dir(parts[0]), parts[3]}
		if test, ofProgram := strings.CutPrefix(m.test, "root:"); ofProgram {
			m.pkg, m.test = ".", test
		}
		all = append(all, m)
	}
	return all, nil
}

// broken is the file with the change.
func (m mutant) broken(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%v: %q occurs %d times, not once", m, m.old, n)
	}
	return strings.Replace(string(text), m.old, m.replacement, 1), nil
}

// run breaks one thing after the other, and returns what nothing noticed.
func run(ctx context.Context, only string) error {
	root, err := toolchain.Root()
	if err != nil {
		return err
	}
	all, err := parse(list)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var failures []error
	killed := 0
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, m := range all {
		if !strings.HasPrefix(m.file, only) {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			err := m.try(ctx, root)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
				fmt.Println(err)
				return
			}
			killed++
		})
	}
	group.Wait()
	fmt.Printf("%d of %d mutants are noticed\n", killed, killed+len(failures))
	if killed+len(failures) == 0 {
		return fmt.Errorf("no mutant is in a file that begins with %q", only)
	}
	return errors.Join(failures...)
}

// try runs the mutant's test, which has to fail, and not because nothing compiles.
func (m mutant) try(ctx context.Context, root string) error {
	text, err := m.broken(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutant-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder for temporary files
	file, overlay := filepath.Join(dir, filepath.Base(m.file)), filepath.Join(dir, "overlay.json")
	document, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): file}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(overlay, document, 0o600)); err != nil {
		return err
	}
	test := exec.CommandContext(ctx, "go", "test", "-count=1", "-overlay", overlay, "-run", "^"+m.test+"$", m.pkg)
	test.Dir = root
	out, err := test.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return fmt.Errorf("%v: SURVIVES, with %q in the place of %q", m, m.replacement, m.old)
	case !errors.As(err, &exit):
		return err
	case !strings.Contains(string(out), "--- FAIL: "+m.test):
		return fmt.Errorf("%v: the test does not fail, it is not even run:\n%s", m, out)
	}
	return nil
}
