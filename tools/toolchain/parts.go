package toolchain

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// These make the provider what it is, as its own sources do.
var (
	//go:embed slim.go
	slimSource string
	//go:embed waits.go
	waitsSource string
	//go:embed parts.go
	partsSource string
)

// part is one program of the tool chain.
type part struct {
	name    string // of the program
	module  string // folder of the module that pins its version
	target  string // package to build
	place   string // path inside the chain
	usually string // time a build takes on two cores, for the user

	// variables are set in the program, as -X takes them.
	variables map[string]string

	// slimmed parts are built from a copy of the Terraform AWS provider with only
	// the services that the module's services.txt lists.
	slimmed bool
}

// Modules whose versions the programs report. The engine asks the CLI for its
// version, and pairs a program only with a provider that is not older than its SDK.
const (
	cliModule    = "github.com/pulumi/pulumi/pkg/v3"
	awsSDKModule = "github.com/pulumi/pulumi-aws/sdk/v6"
)

// parts returns the parts of the chain in the order in which they are built, each
// finding what the one before left in Go's build cache.
func parts(root string) ([]part, error) {
	modules := filepath.Join(root, "tools", "toolchain")
	cli, err := required(filepath.Join(modules, "pulumi", "go.mod"), cliModule)
	if err != nil {
		return nil, err
	}
	sdk, err := required(filepath.Join(root, "go.mod"), awsSDKModule)
	if err != nil {
		return nil, err
	}
	return []part{{
		name:      "pulumi",
		module:    filepath.Join(modules, "pulumi"),
		target:    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		place:     filepath.Join("bin", "pulumi"),
		usually:   "5 minutes",
		variables: map[string]string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": cli},
	}, {
		name:      "pulumi-language-go-host",
		module:    filepath.Join(modules, "pulumi-language-go"),
		target:    "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go",
		place:     filepath.Join("bin", "pulumi-language-go-host"),
		usually:   "half a minute",
		variables: map[string]string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": cli},
	}, {
		name:    "pulumi-language-go",
		module:  filepath.Join(modules, "pulumi-language-go"),
		target:  ".",
		place:   filepath.Join("bin", "pulumi-language-go"),
		usually: "a second",
	}, {
		name:      "pulumi-resource-aws",
		module:    filepath.Join(modules, "pulumi-resource-aws"),
		target:    ".",
		place:     filepath.Join("home", "plugins", "resource-aws-"+sdk, "pulumi-resource-aws"),
		usually:   "4 minutes",
		variables: map[string]string{"main.version": strings.TrimPrefix(sdk, "v")},
		slimmed:   true,
	}}, nil
}

// key is a hash of all that goes into the part: when it changes, so may the program.
func (p part) key(environment string) (string, error) {
	inputs := []string{environment, p.name, strings.Join(p.flags(), " ")}
	if p.slimmed {
		inputs = append(inputs, slimSource, waitsSource, partsSource)
	}
	entries, err := os.ReadDir(p.module)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if entry.IsDir() || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(p.module, entry.Name()))
		if err != nil {
			return "", err
		}
		inputs = append(inputs, entry.Name(), string(content))
	}
	return digest(inputs...), nil
}

// flags are those of go build. Without symbols the programs are a third smaller;
// without paths they, and what Go caches of them, are the same wherever built.
func (p part) flags() []string {
	var linker strings.Builder
	linker.WriteString("-ldflags=-s -w")
	for _, name := range slices.Sorted(maps.Keys(p.variables)) {
		linker.WriteString(" -X " + name + "=" + p.variables[name])
	}
	return []string{"-trimpath", "-buildvcs=false", linker.String()}
}

// build builds the part's program into a folder.
func (p part) build(ctx context.Context, into string) error {
	flags := append([]string{"-o", filepath.Join(into, p.name)}, p.flags()...)
	if !p.slimmed {
		return p.goBuild(ctx, flags)
	}
	return p.withSlimCopy(ctx, filepath.Dir(into), func(modfile string) error {
		return p.goBuild(ctx, append(flags, modfile))
	})
}

func (p part) goBuild(ctx context.Context, flags []string) error {
	_, err := goCommand(ctx, p.module, append(append([]string{"build"}, flags...), p.target)...)
	return err
}

// run runs the go command on the part's slim copy and shows what it prints.
func (p part) run(ctx context.Context, out io.Writer, command string, arguments ...string) error {
	return p.withSlimCopy(ctx, "", func(modfile string) error {
		printed, err := goCommand(ctx, p.module, append([]string{command, modfile, "-trimpath"}, arguments...)...)
		return errors.Join(err, write(out, printed))
	})
}

// withSlimCopy makes a slim copy in a folder, by default that for temporary files,
// for as long as use takes, which gets the flag that tells go of it.
func (p part) withSlimCopy(ctx context.Context, dir string, use func(modfile string) error) error {
	copied, err := os.MkdirTemp(dir, "unfinished-slim-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(copied) //nolint:errcheck // only a leftover
	modfile, err := p.slimmedModule(ctx, copied)
	if err != nil {
		return err
	}
	return use("-modfile=" + modfile)
}

func write(out io.Writer, content []byte) error {
	_, err := out.Write(content)
	return err
}

// slimmedModule writes the slim copy to a folder and returns the path of a go.mod
// that takes the copy in the place of the Terraform AWS provider's module.
func (p part) slimmedModule(ctx context.Context, dir string) (string, error) {
	services, err := listed(filepath.Join(p.module, "services.txt"))
	if err != nil {
		return "", err
	}
	out, err := goCommand(ctx, p.module, "mod", "download", "-json", upstreamModule)
	if err != nil {
		return "", err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return "", fmt.Errorf("read what go mod download says: %w", err)
	}
	slimmed, modfile := filepath.Join(dir, "terraform-provider-aws"), filepath.Join(dir, "go.mod")
	if err := slim(downloaded.Dir, slimmed, services); err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(p.module, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	_, err = goCommand(ctx, p.module, "mod", "edit", "-replace="+upstreamModule+"="+slimmed, modfile)
	return modfile, err
}

// listed reads a file with one word a line, and comments after a #.
func listed(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var words []string
	for line := range strings.Lines(string(content)) {
		word, _, _ := strings.Cut(line, "#")
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words, nil
}

// required returns the version of a module in a go.mod.
func required(file, module string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "require "))
		if len(words) > 1 && words[0] == module && strings.HasPrefix(words[1], "v") {
			return words[1], nil
		}
	}
	return "", fmt.Errorf("%s does not require %s; the tool chain takes its version from there", file, module)
}

// goEnvironment describes the Go that builds, and for what it builds.
func goEnvironment(ctx context.Context, dir string) (string, error) {
	out, err := goCommand(ctx, dir, "env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED")
	return string(out), err
}

// goCommand runs the go command in a folder, with the user's settings for it, and
// returns what it prints.
func goCommand(ctx context.Context, dir string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off") // The modules are built as they are pinned.
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("go is not on PATH; install it (https://go.dev/doc/install) or install the Pulumi CLI instead: %w", err)
		}
		return out.Bytes(), fmt.Errorf("go %s in %s: %w\n%s", arguments[0], dir, err, lastLines(withoutDownloads(problems.Bytes()), 30))
	}
	return out.Bytes(), nil
}

// digest is a short hash of some texts.
func digest(texts ...string) string {
	hash := sha256.New()
	for _, text := range texts {
		_, _ = fmt.Fprintf(hash, "%d %s\n", len(text), text) // A hash takes everything.
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
