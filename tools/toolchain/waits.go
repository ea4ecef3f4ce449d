package toolchain

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// LongestWait is the variable that bounds each wait of the slim AWS provider, as a
// Go duration such as 100ms. Before it looks at a new load balancer the provider
// waits 30 seconds, and as long again after it has set the attributes; AWS needs
// that time and an emulator needs none. Without the variable, the waits are those
// of the released provider, and so they are where a stack is in a real account.
const LongestWait = "ECS_SAMPLE_APP_LONGEST_WAIT"

// waiting are the types whose literals say how long the provider waits, and their
// fields that do: before it looks for the first time, and between two looks.
var waiting = struct{ types, fields []string }{
	types:  []string{"StateChangeConf", "WaitOpts"},
	fields: []string{"Delay", "MinTimeout", "PollInterval"},
}

// slow are the files whose waits take most of the time of an up: 60 and 10 seconds
// of 75. If one of them has no wait that is found, the code has changed its form.
var slow = []string{
	upstreamService + "/elbv2/load_balancer.go",
	upstreamService + "/ecs/cluster.go",
}

// boundName is the function that bounds a wait. Every package with a wait gets its
// own, so that no import has to be added.
const boundName = "boundedWait"

// bound is the file with that function.
const bound = `package %s

import (
	"os"
	"time"
)

// ` + boundName + ` is a wait, or the longest one that the environment allows.
func ` + boundName + `(wait time.Duration) time.Duration {
	longest, err := time.ParseDuration(os.Getenv("` + LongestWait + `"))
	if err != nil || longest <= 0 {
		return wait
	}
	return min(wait, longest)
}
`

// boundWaits lets every wait in the packages of the walk be bounded.
func (w *walk) boundWaits() error {
	for _, dir := range slices.Sorted(maps.Keys(w.packages)) {
		if err := w.boundWaitsOf(dir); err != nil {
			return err
		}
	}
	for _, file := range slow {
		if _, ok := w.replaced[file]; !ok && w.packages[path.Dir(file)] {
			return fmt.Errorf("%s has no %s with a %s; see where it waits now, and mend tools/toolchain/waits.go", file, waiting.types[0], strings.Join(waiting.fields, ", "))
		}
	}
	return nil
}

// boundWaitsOf does so for one package.
func (w *walk) boundWaitsOf(dir string) error {
	files, err := sources(filepath.Join(w.src, dir))
	if err != nil {
		return err
	}
	name := ""
	for _, file := range files {
		file = path.Join(dir, file)
		if _, replaced := w.replaced[file]; replaced || !strings.HasSuffix(file, ".go") {
			continue // The generated registries wait for nothing.
		}
		content, pkg, err := bounded(filepath.Join(w.src, file))
		if err != nil {
			return err
		}
		if content != nil {
			w.replaced[file], name = content, pkg
		}
	}
	if name != "" {
		w.added[path.Join(dir, "bounded_wait.go")] = fmt.Appendf(nil, bound, name)
	}
	return nil
}

// bounded returns a file's text with its waits bounded, and the name of its package.
// It returns no text for a file without waits.
func bounded(file string) (content []byte, pkg string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, "", err
	}
	insert := map[int]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok || !slices.Contains(waiting.types, typeName(literal.Type)) {
			return true
		}
		for _, element := range literal.Elts {
			field, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if key, ok := field.Key.(*ast.Ident); ok && slices.Contains(waiting.fields, key.Name) {
				insert[set.Position(field.Value.Pos()).Offset] = boundName + "("
				insert[set.Position(field.Value.End()).Offset] = ")"
			}
		}
		return true
	})
	if len(insert) == 0 {
		return nil, "", nil
	}
	var out []byte
	last := 0
	for _, offset := range slices.Sorted(maps.Keys(insert)) {
		out = append(append(out, text[last:offset]...), insert[offset]...)
		last = offset
	}
	return append(out, text[last:]...), parsed.Name.Name, nil
}

// typeName returns StateChangeConf for retry.StateChangeConf.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	default:
		return ""
	}
}
