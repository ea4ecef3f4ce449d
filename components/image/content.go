package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// content is a hash of all that an image is built from: the folder without what its
// .dockerignore leaves out, the Dockerfile, the arguments and the processor. Docker
// takes the same files
// (https://docs.docker.com/build/concepts/context/#dockerignore-files).
func (a Args) content() (string, error) {
	ignored, err := a.ignored()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s %q\n", platforms[a.Architecture], a.Dockerfile) // A hash takes everything.
	for _, name := range slices.Sorted(maps.Keys(a.BuildArgs)) {
		_, _ = fmt.Fprintf(hash, "%q=%q\n", name, a.BuildArgs[name])
	}
	err = filepath.WalkDir(a.BuildContext, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(a.BuildContext, path)
		if err != nil || entry.IsDir() {
			return err
		}
		if skip, err := ignored.MatchesOrParentMatches(name); err != nil || skip && name != a.Dockerfile {
			return err
		}
		return add(hash, name, path, entry)
	})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", a.BuildContext, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// add adds a file to a hash, by its name, its mode and its bytes, or where it leads.
func add(hash io.Writer, name, path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(hash, "%q %s %d\n", filepath.ToSlash(name), info.Mode(), info.Size())
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		_, _ = fmt.Fprintf(hash, "%q\n", target)
		return err
	case !info.Mode().IsRegular():
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	_, err = io.Copy(hash, file)
	return err
}

// ignored are the files that do not belong to the folder. A Dockerfile's own list comes
// before the folder's.
func (a Args) ignored() (*patternmatcher.PatternMatcher, error) {
	file, err := os.Open(filepath.Join(a.BuildContext, a.Dockerfile+".dockerignore"))
	if os.IsNotExist(err) {
		file, err = os.Open(filepath.Join(a.BuildContext, ".dockerignore"))
	}
	if os.IsNotExist(err) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read from
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read .dockerignore: %w", err)
	}
	return patternmatcher.New(patterns)
}

// declared are the build arguments that a Dockerfile has an ARG for. Docker warns of
// the others, and an image that does not use a value does not change with it.
func declared(dockerfile string, given map[string]string) map[string]string {
	found := map[string]string{}
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		return found // Check says what is wrong with it.
	}
	for _, line := range arguments.FindAllSubmatch(text, -1) {
		for word := range strings.FieldsSeq(string(line[1])) {
			name, _, _ := strings.Cut(word, "=")
			if value, ok := given[name]; ok {
				found[name] = value
			}
		}
	}
	return found
}

// arguments are the ARGs on a line of a Dockerfile, NAME or NAME=DEFAULT
// (https://docs.docker.com/reference/dockerfile/#arg).
var arguments = regexp.MustCompile(`(?im)^[ \t]*ARG[ \t]+(.+)$`)
