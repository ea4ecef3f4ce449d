// Package configdoc writes what people read of a config, the schema in Pulumi.yaml
// and tables in Markdown, from the fields that hold the settings: their types, their
// defaults and their doc comments. Tests call it, so that each is said in one place.
package configdoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"

	"ecs-sample-app/internal/stackconfig"
)

// Section is a part of a config that has a table of its own.
type Section struct {
	// Title is the heading above the table, which has none without it.
	Title string
	// Settings are the rows.
	Settings []stackconfig.Setting
	// Defaults is a struct with the settings, in which nothing was set.
	Defaults any
}

// row is what is said of a setting.
type row struct {
	key, kind, standard, text, link string
	// said is the default as the comment says it.
	said  string
	inner []row
}

// shown is the default as the table has it.
func (r row) shown() string {
	switch {
	case strings.Contains(r.text, required):
		return "required"
	case r.standard == `""` || r.standard == "" || r.standard == "0":
		// The component has the default, and only its comment says so.
		return r.said
	}
	return "`" + strings.Trim(r.standard, `"`) + "`"
}

// required is how a comment says that a setting has no default.
const required = "It has to be set."

// Schema is the config schema of Pulumi.yaml: defaults and descriptions.
func Schema(sections ...Section) (string, error) {
	var out strings.Builder
	out.WriteString("config:\n")
	for _, section := range sections {
		rows, err := rows("", section.Settings, section.Defaults)
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			fmt.Fprintf(&out, "  %s:\n", r.key)
			fmt.Fprintf(&out, "    default: %s\n    description: %s\n", r.standard, text(r.text))
		}
	}
	return out.String(), nil
}

// Defaults are the values of a config that sets nothing, as JSON, by key.
func Defaults(sections ...Section) (map[string]string, error) {
	all := map[string]string{}
	for _, section := range sections {
		rows, err := rows("", section.Settings, section.Defaults)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			all[r.key] = r.standard
		}
	}
	return all, nil
}

// Tables are the tables of Markdown, one for each section and one for each setting
// that is an object with keys of its own.
func Tables(sections ...Section) (string, error) {
	var out strings.Builder
	for _, section := range sections {
		rows, err := rows("", section.Settings, section.Defaults)
		if err != nil {
			return "", err
		}
		table(&out, section.Title, rows)
	}
	return out.String(), nil
}

func table(out *strings.Builder, title string, rows []row) {
	if title != "" {
		fmt.Fprintf(out, "\n## %s\n", title)
	}
	out.WriteString("\n| key | default | meaning |\n|---|---|---|\n")
	for _, r := range rows {
		meaning := strings.ReplaceAll(r.text, "|", "\\|")
		if r.link != "" {
			label := "More"
			if strings.Contains(r.link, ".aws.amazon.com/") {
				label = "AWS"
			}
			meaning += fmt.Sprintf(" [%s](%s)", label, r.link)
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", r.key, r.shown(), meaning)
	}
	for _, r := range rows {
		if len(r.inner) > 0 {
			table(out, "", r.inner)
		}
	}
}

// rows are the settings of a struct. prefix is the path of the object that has them.
func rows(prefix string, settings []stackconfig.Setting, defaults any) ([]row, error) {
	all := make([]row, len(settings))
	for i, s := range settings {
		r := row{key: prefix + s.Key}
		if err := r.describe(s, settings); err != nil {
			return nil, err
		}
		t := s.Field.Type
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		r.kind, r.standard = kindOf(t), text(s.Value(defaults))
		element, at := t, r.key+"."
		if t.Kind() == reflect.Slice {
			element, at = t.Elem(), r.key+"[]."
		}
		switch {
		case element.Kind() == reflect.Struct:
			inner := reflect.Zero(element).Interface()
			if s.Field.Type.Kind() == reflect.Struct {
				inner = s.Value(defaults)
			}
			var err error
			if r.inner, err = rows(at, stackconfig.Settings(element), inner); err != nil {
				return nil, err
			}
			r.standard = map[string]string{"array": "[]", "object": "{}"}[r.kind]
		case r.standard == "null":
			r.standard = map[string]string{"array": "[]", "object": "{}"}[r.kind]
		}
		all[i] = r
	}
	return all, nil
}

// kindOf is the type's name in the schema.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "integer"
	case reflect.Bool:
		return "boolean"
	case reflect.Slice:
		return "array"
	case reflect.Map, reflect.Struct:
		return "object"
	default:
		return "string"
	}
}

// text is a value as JSON, which is also YAML.
func text(value any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // A default is made of texts, numbers and lists of them.
	}
	return strings.TrimSpace(out.String())
}

var (
	sentence  = regexp.MustCompile(`(?s).+?[.!?](?:\s+|$)`)
	docLink   = regexp.MustCompile(`\[(\w+)\]`)
	inWords   = regexp.MustCompile(`\b[A-Z][a-z]+(?:[A-Z]\w*)+\b`)
	leadVerbs = regexp.MustCompile(`^(is|are) `)
)

// describe takes from the doc comment of a setting's field what people read: without
// the field's name, without what the column of the defaults says, and with keys in
// the place of other fields' names. A line with an address is the page to read on.
func (r *row) describe(s stackconfig.Setting, others []stackconfig.Setting) error {
	whole, err := docOf(s)
	if err != nil {
		return err
	}
	var lines []string
	for line := range strings.Lines(whole) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "https://") {
			r.link = line
		} else {
			lines = append(lines, line)
		}
	}
	var kept []string
	for _, part := range sentence.FindAllString(strings.Join(lines, " "), -1) {
		part = strings.TrimSpace(part)
		if standard, ok := strings.CutPrefix(part, "Default "); ok {
			r.said = strings.TrimSuffix(standard, ".")
		} else if !strings.HasPrefix(part, "Default: ") && !strings.HasPrefix(part, "Required") {
			kept = append(kept, part)
		}
	}
	words, ok := strings.CutPrefix(strings.Join(kept, " "), s.Field.Name+" ")
	if !ok || words == "" {
		return fmt.Errorf("the comment of %s.%s must begin with its name: it is what people read of %s", s.Owner, s.Field.Name, s.Key)
	}
	words = leadVerbs.ReplaceAllString(words, "")
	keys := map[string]string{}
	for _, other := range others {
		keys[other.Field.Name] = other.Key
	}
	words = docLink.ReplaceAllStringFunc(strings.ToUpper(words[:1])+words[1:], func(link string) string {
		key, ok := keys[strings.Trim(link, "[]")]
		if !ok {
			err = fmt.Errorf("the comment of %s.%s names %s, which is no setting beside it", s.Owner, s.Field.Name, link)
		}
		return "`" + key + "`"
	})
	r.text = inWords.ReplaceAllStringFunc(words, func(name string) string {
		if key, ok := keys[name]; ok {
			return "`" + key + "`"
		}
		return name
	})
	return err
}

// docOf reads the doc comment of a setting's field in the package that has it.
func docOf(s stackconfig.Setting) (string, error) {
	root, module, err := findModule()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, strings.TrimPrefix(s.Owner.PkgPath(), module))
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
		if err != nil {
			return "", err
		}
		found := ""
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != s.Owner.Name() {
				return true
			}
			if fields, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range fields.Fields.List {
					if len(field.Names) == 1 && field.Names[0].Name == s.Field.Name {
						found = field.Doc.Text()
					}
				}
			}
			return false
		})
		if found != "" {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s.%s has no comment: it is what people read of %s", s.Owner, s.Field.Name, s.Key)
}

// findModule finds this module's folder, above the one that the test runs in, and its path.
func findModule() (root, module string, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, modfile.ModulePath(content), nil
		}
		if dir == filepath.Dir(dir) {
			return "", "", errors.New("this is not inside a Go module")
		}
		dir = filepath.Dir(dir)
	}
}
