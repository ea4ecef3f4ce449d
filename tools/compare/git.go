package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// repository is a git repository that is only read. What git has to write, an index
// and the objects of what is not committed, goes to a folder of its own.
type repository struct {
	top     string // its working tree
	prefix  string // the program's folder in it, such as infra/, empty for the top
	objects string // its object store
	scratch string
}

func openRepository(ctx context.Context, root, scratch string) (*repository, error) {
	r := &repository{top: root, scratch: scratch}
	out, err := r.git(ctx, "rev-parse", "--path-format=absolute", "--show-toplevel", "--git-path", "objects", "--show-prefix")
	if err != nil {
		return nil, fmt.Errorf("two commits are compared, and git finds none: %w", err)
	}
	// The last line is empty at the top.
	lines := strings.Split(out+"\n", "\n")
	r.top, r.objects, r.prefix = lines[0], lines[1], lines[2]
	return r, nil
}

// commit finds the commit to compare with: the one at which the tree that is
// checked out has parted from the one that is named. What the other branch has got
// since then would look as if this tree took it away.
func (r *repository) commit(ctx context.Context, name string) (string, error) {
	named, err := r.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("there is no commit %q here: fetch it, as in `git fetch origin main`, or name another one, as in `make diff BASE=HEAD~1`", name)
	}
	parted, err := r.git(ctx, "merge-base", named, "HEAD")
	if err != nil {
		// A clone without its history, as CI makes them, does not know.
		return named, nil //nolint:nilerr // the commit itself is the best there is
	}
	return parted, nil
}

// short is a commit as people write it.
func (r *repository) short(ctx context.Context, commit string) (string, error) {
	return r.git(ctx, "rev-parse", "--short", commit)
}

// changed are the files in which the working tree differs from a commit, also those
// that are new, by their paths below the program's folder.
func (r *repository) changed(ctx context.Context, commit string) ([]string, error) {
	if err := os.MkdirAll(filepath.Join(r.scratch, "objects"), 0o750); err != nil {
		return nil, err
	}
	own := []string{
		"GIT_INDEX_FILE=" + filepath.Join(r.scratch, "head.index"),
		"GIT_OBJECT_DIRECTORY=" + filepath.Join(r.scratch, "objects"),
		"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + r.objects,
	}
	if _, err := r.with(ctx, own, "read-tree", "HEAD"); err != nil {
		return nil, err
	}
	if _, err := r.with(ctx, own, "add", "--all"); err != nil {
		return nil, err
	}
	out, err := r.with(ctx, own, "diff-index", "--cached", "--name-only", "-z", commit)
	if err != nil {
		return nil, err
	}
	var files []string
	for file := range strings.SplitSeq(out, "\x00") {
		if file != "" {
			files = append(files, strings.TrimPrefix(file, r.prefix))
		}
	}
	return files, nil
}

// checkout writes the files of a commit to a folder and returns the program's in it.
func (r *repository) checkout(ctx context.Context, commit, dir string) (string, error) {
	own := []string{"GIT_INDEX_FILE=" + filepath.Join(r.scratch, "base.index")}
	if _, err := r.with(ctx, own, "read-tree", commit); err != nil {
		return "", err
	}
	_, err := r.with(ctx, own, "checkout-index", "--all", "--prefix="+dir+"/")
	return filepath.Join(dir, filepath.FromSlash(r.prefix)), err
}

func (r *repository) git(ctx context.Context, arguments ...string) (string, error) {
	return r.with(ctx, nil, arguments...)
}

// with runs git with variables and returns what it prints.
func (r *repository) with(ctx context.Context, variables []string, arguments ...string) (string, error) {
	var out, problem bytes.Buffer
	command := exec.CommandContext(ctx, "git", arguments...)
	command.Dir, command.Env = r.top, append(os.Environ(), variables...)
	command.Stdout, command.Stderr = &out, &problem
	if err := command.Run(); err != nil {
		return "", errors.Join(fmt.Errorf("git %s: %w", arguments[0], err), errors.New(strings.TrimSpace(problem.String())))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// idle are the folders and files of the repository that the program is not made of
// and does not read. One that it comes to read must go from here, or a change of it
// would pass for none.
var idle = struct{ folders, files []string }{
	folders: []string{".ci", ".github", "bootstrap", "docs", "e2e", "examples", "testdata", "tools"},
	files:   []string{".gitattributes", ".gitignore", ".golangci.yml", "LICENSE", "Makefile"},
}

// matters tells whether a change of a file can change what the program makes with a
// stack's configuration.
func matters(file, stack string) bool {
	top, _, nested := strings.Cut(file, "/")
	switch {
	case strings.HasSuffix(file, "_test.go"):
		return false
	case nested:
		return !slices.Contains(idle.folders, top)
	case strings.HasPrefix(file, "Pulumi.") && file != "Pulumi.yaml":
		return file == stackFile(stack)
	default:
		return !slices.Contains(idle.files, file) && !strings.HasSuffix(file, ".md")
	}
}
