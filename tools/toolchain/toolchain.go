// Package toolchain provides the Pulumi CLI, the language host for Go and the AWS
// provider: those that are installed, or else the same built from Go modules, for
// machines that reach a Go module proxy and nothing else.
package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// forced is the value of PULUMI_TOOLCHAIN that builds the tool chain even where
	// the Pulumi CLI is installed.
	forced = "source"

	// kept is how many builds of a part stay in the cache. Two branches of a
	// checkout may need one each; a build takes 20 to 110 MB.
	kept = 3
)

// Chain is a tool chain that is ready for use.
type Chain struct {
	// Pulumi is the path of the CLI.
	Pulumi string

	// Built tells one that was built from Go modules from one that was installed.
	Built bool

	home string // PULUMI_HOME of one that was built, with the provider in it
}

// Env returns the variables that a program needs to run the CLI, as NAME=value, to
// be appended to its environment. An installed CLI needs none.
func (c *Chain) Env() []string {
	if !c.Built {
		return nil
	}
	return []string{
		"PATH=" + filepath.Dir(c.Pulumi) + string(os.PathListSeparator) + os.Getenv("PATH"),
		// Here the engine finds the provider. A provider on PATH would do as well,
		// but for a warning about it in the output of every command.
		"PULUMI_HOME=" + c.home,
		// The machine reaches neither the plugins nor the news of a newer release.
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"PULUMI_SKIP_UPDATE_CHECK=true",
	}
}

// Notice is what a user should know before a stack is deployed to an emulator. It
// is empty for a chain that was built.
func (c *Chain) Notice() string {
	if c.Built {
		return ""
	}
	return "the installed AWS provider waits a minute for a new load balancer; the one that PULUMI_TOOLCHAIN=" + forced + " builds does not"
}

// Ensure returns the installed tool chain, or else the one that was built before,
// or else builds it, which takes about ten minutes, and tells log about it.
func Ensure(ctx context.Context, log io.Writer) (*Chain, error) {
	if os.Getenv("PULUMI_TOOLCHAIN") != forced {
		if pulumi, err := exec.LookPath("pulumi"); err == nil {
			return &Chain{Pulumi: pulumi}, nil
		}
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("the tool chain is kept in the user's cache folder, and there is none; set HOME or XDG_CACHE_HOME: %w", err)
	}
	store := store{dir: filepath.Join(cache, "ecs-sample-app", "toolchain"), log: log}
	unlock, err := store.lock()
	if err != nil {
		return nil, fmt.Errorf("lock the tool chain's cache: %w", err)
	}
	defer unlock()
	return store.chain(ctx, root)
}

// Provider runs the go command in the folder of the AWS provider, on the slim copy
// that the tool chain builds it from. Without the copy, vet and the tests there
// would compile all of AWS first.
func Provider(ctx context.Context, out io.Writer, command string, arguments ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	parts, err := parts(root)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.slimmed {
			return p.run(ctx, out, command, arguments...)
		}
	}
	return errors.New("no part of the tool chain is slimmed")
}

// Root returns the repository's folder, from the working directory upward.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no Pulumi.yaml in %s or above: run this inside the repository", start)
		}
	}
}

// store is the folder with what was built.
type store struct {
	dir string
	log io.Writer
}

// lock waits until no other program builds, and keeps others from it until unlock.
func (s store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	descriptor := int(file.Fd())
	if err := syscall.Flock(descriptor, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		s.say("another program builds the tool chain; waiting for it")
		if err := syscall.Flock(descriptor, syscall.LOCK_EX); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return func() { _ = file.Close() }, nil // Closing it gives up the lock.
}

// chain returns the chain made of the parts, building those that are missing.
func (s store) chain(ctx context.Context, root string) (*Chain, error) {
	parts, err := parts(root)
	if err != nil {
		return nil, err
	}
	environment, err := goEnvironment(ctx, root)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(parts))
	for i, p := range parts {
		if keys[i], err = p.key(environment); err != nil {
			return nil, fmt.Errorf("find out what %s is built from: %w", p.name, err)
		}
	}
	whole := filepath.Join(s.dir, "chain", digest(keys...))
	chain := &Chain{Pulumi: filepath.Join(whole, "bin", "pulumi"), Built: true, home: filepath.Join(whole, "home")}
	if exists(whole) {
		return chain, touch(whole)
	}
	err = s.fill(whole, func(temporary string) error {
		for i, p := range parts {
			built, err := s.part(ctx, p, keys[i])
			if err != nil {
				return err
			}
			if err := link(built, filepath.Join(temporary, p.place)); err != nil {
				return fmt.Errorf("put %s in its place: %w", p.name, err)
			}
		}
		return nil
	})
	return chain, err
}

// part returns the path of a part's program, building it if there is none.
func (s store) part(ctx context.Context, p part, key string) (string, error) {
	entry := filepath.Join(s.dir, p.name, key)
	program := filepath.Join(entry, p.name)
	if exists(entry) {
		return program, touch(entry)
	}
	s.say("building %s from Go modules, which usually takes %s", p.name, p.usually)
	start := time.Now()
	stop := s.heartbeat(start)
	err := s.fill(entry, func(temporary string) error { return p.build(ctx, temporary) })
	stop()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p.name, err)
	}
	s.say("built %s in %s", p.name, time.Since(start).Round(time.Second))
	return program, nil
}

// fill makes an entry of the cache, whole or not at all, and removes those of its
// kind that were not used for the longest time.
func (s store) fill(entry string, write func(temporary string) error) error {
	kind := filepath.Dir(entry)
	if err := os.MkdirAll(kind, 0o750); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(s.dir, "unfinished-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) //nolint:errcheck // it is gone after the rename; what is left is found by name
	if err := write(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, entry); err != nil {
		return err
	}
	return prune(kind)
}

// prune removes all but the entries used last.
func prune(kind string) error {
	entries, err := os.ReadDir(kind)
	if err != nil {
		return err
	}
	used := map[string]time.Time{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		used[entry.Name()] = info.ModTime()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return used[b.Name()].Compare(used[a.Name()]) })
	for _, entry := range entries[min(kept, len(entries)):] {
		if err := os.RemoveAll(filepath.Join(kind, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// say writes a line for the user.
func (s store) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(s.log, "toolchain: "+format+"\n", arguments...) // A log that cannot be written to stops nothing.
}

// heartbeat writes a line every minute, so that a long build is seen to go on.
func (s store) heartbeat(start time.Time) (stop func()) {
	ticker, done := time.NewTicker(time.Minute), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				s.say("  … %s", time.Since(start).Round(time.Second))
			case <-done:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }
}

// link puts a file in a second place, without a second copy where that is possible.
func link(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	if err := os.Link(from, to); err == nil {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o700) //nolint:gosec // a program must be executable
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// touch notes that an entry was used.
func touch(path string) error {
	now := time.Now()
	return os.Chtimes(path, now, now)
}

// lastLines returns the end of a command's output, for a message.
func lastLines(output []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
