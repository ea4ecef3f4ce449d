package toolchain

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Paths inside the Terraform AWS provider's module. The two files are generated
// registries of every service: nothing else ties the provider to all of them,
// which is why cutting these two is enough.
const (
	upstreamModule  = "github.com/hashicorp/terraform-provider-aws"
	upstreamEntry   = "xpprovider"
	upstreamService = "internal/service"
	servicesFile    = "internal/provider/service_packages_gen.go"
	clientsFile     = "internal/conns/awsclient_gen.go"
)

// slim copies the part of the Terraform AWS provider's module in src that the
// given services need to dst. The whole provider takes 20 minutes and 7 GB to
// build; the part that this program uses takes a fraction of both.
//
// It walks the imports from the provider's exported package, after the list of
// services has been cut, and copies only the packages it comes by. In the copy
// the AWS client keeps only the accessors that one of these packages calls, and
// each wait can be bounded.
func slim(src, dst string, services []string) error {
	for _, service := range services {
		if _, err := os.Stat(filepath.Join(src, upstreamService, service)); err != nil {
			return fmt.Errorf("service %q is not a package of the Terraform AWS provider; mend the list in tools/toolchain/pulumi-resource-aws/services.txt: %w", service, err)
		}
	}
	registry, err := cutServices(filepath.Join(src, servicesFile), services)
	if err != nil {
		return fmt.Errorf("cut the list of services: %w", err)
	}
	w := walk{src: src, replaced: map[string][]byte{servicesFile: registry}, added: map[string][]byte{}, packages: map[string]bool{}, called: map[string]bool{}}
	if err := w.visit(upstreamEntry); err != nil {
		return fmt.Errorf("follow the imports of the Terraform AWS provider: %w", err)
	}
	clients, err := cutClients(filepath.Join(src, clientsFile), w.called)
	if err != nil {
		return fmt.Errorf("cut the list of clients: %w", err)
	}
	w.replaced[clientsFile] = clients
	if err := w.boundWaits(); err != nil {
		return fmt.Errorf("bound the waits of the Terraform AWS provider: %w", err)
	}
	return w.copyTo(dst)
}

// walk is a walk over the packages of one module.
type walk struct {
	src      string            // the module's folder
	replaced map[string][]byte // files that stand in for the module's own, by path
	added    map[string][]byte // files that the module does not have, by path
	packages map[string]bool   // folders of the packages seen so far
	called   map[string]bool   // names of the methods seen in calls
}

// visit notes the package in dir and all that it imports from the same module.
func (w *walk) visit(dir string) error {
	if w.packages[dir] {
		return nil
	}
	w.packages[dir] = true
	files, err := sources(filepath.Join(w.src, dir))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := path.Join(dir, file)
		if !strings.HasSuffix(file, ".go") || name == clientsFile {
			continue // The clients are what the walk is to find out.
		}
		var content any
		if replaced, ok := w.replaced[name]; ok {
			content = replaced
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(w.src, name), content, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				w.called[selector.Sel.Name] = true
			}
			return true
		})
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if inside, ok := strings.CutPrefix(imported, upstreamModule+"/"); ok {
				if err := w.visit(inside); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// copyTo writes the packages of the walk, what was added to them, and the module's
// go.mod to dst.
func (w *walk) copyTo(dst string) error {
	for dir := range w.packages {
		if err := os.MkdirAll(filepath.Join(dst, dir), 0o750); err != nil {
			return err
		}
		files, err := sources(filepath.Join(w.src, dir))
		if err != nil {
			return err
		}
		for _, file := range files {
			name := path.Join(dir, file)
			if err := w.copyFile(name, filepath.Join(dst, name)); err != nil {
				return err
			}
		}
	}
	for name, content := range w.added {
		if err := os.WriteFile(filepath.Join(dst, name), content, 0o600); err != nil {
			return err
		}
	}
	return w.copyFile("go.mod", filepath.Join(dst, "go.mod"))
}

// copyFile writes one file of the module, or what stands in for it. Files in the
// module cache are read-only, so the mode is not kept.
func (w *walk) copyFile(name, dst string) error {
	content, ok := w.replaced[name]
	if !ok {
		var err error
		if content, err = os.ReadFile(filepath.Join(w.src, name)); err != nil {
			return err
		}
	}
	return os.WriteFile(dst, content, 0o600)
}

// sources lists the files in dir that can be part of a build, which embedded data is.
func sources(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasSuffix(entry.Name(), "_test.go") {
			files = append(files, entry.Name())
		}
	}
	return files, nil
}

// cutServices returns the registry of services with only those asked for.
func cutServices(file string, services []string) ([]byte, error) {
	kept := 0
	content, err := rewrite(file, func(parsed *ast.File) {
		ast.Inspect(parsed, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			list.Elts = slices.DeleteFunc(list.Elts, func(element ast.Expr) bool {
				return !slices.Contains(services, calledPackage(element))
			})
			kept += len(list.Elts)
			return false
		})
	})
	if err == nil && kept != len(services) {
		return nil, fmt.Errorf("%s lists %d of the %d services %s; has the generated code changed its form?", file, kept, len(services), strings.Join(services, ", "))
	}
	return content, err
}

// calledPackage returns ecs for ecs.ServicePackage(ctx).
func calledPackage(e ast.Expr) string {
	if call, ok := e.(*ast.CallExpr); ok {
		if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok {
				return name.Name
			}
		}
	}
	return ""
}

// cutClients returns the AWS client's accessors with only those called.
func cutClients(file string, called map[string]bool) ([]byte, error) {
	return rewrite(file, func(parsed *ast.File) {
		parsed.Decls = slices.DeleteFunc(parsed.Decls, func(d ast.Decl) bool {
			method, ok := d.(*ast.FuncDecl)
			return ok && !called[method.Name.Name]
		})
	})
}

// rewrite returns a Go file after a change, without the imports the change left unused.
func rewrite(file string, change func(*ast.File)) ([]byte, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	change(parsed)
	used := map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok {
				used[name.Name] = true
			}
		}
		return true
	})
	for _, decl := range parsed.Decls {
		if imports, ok := decl.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
			imports.Specs = slices.DeleteFunc(imports.Specs, func(spec ast.Spec) bool {
				return !used[importedName(spec.(*ast.ImportSpec))]
			})
		}
	}
	var out bytes.Buffer
	if err := format.Node(&out, set, parsed); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// importedName returns the name under which a file knows an import.
func importedName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	return path.Base(imported)
}
