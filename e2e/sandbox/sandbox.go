// Package sandbox holds one stack each: an emulated AWS account, a folder for the
// state, and the repository's own project, run by the real CLI and the real provider.
package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/fake"
	"ecs-sample-app/tools/emulator"
	"ecs-sample-app/tools/toolchain"
)

const (
	// StackName is the stack in every sandbox.
	StackName = "e2e"
	// Project is the project's name in Pulumi.yaml, which config keys begin with.
	Project = "ecs-sample-app"
	// program is where Pulumi.yaml has the compiled program kept.
	program = ".local/program"
)

// Prepare gets ready what all sandboxes share: the emulator, the tool chain, and the
// program, compiled once, where the language host finds it up to date. Linking it takes five
// seconds of two cores, which every command would take anew.
func Prepare(ctx context.Context) error {
	if err := emulator.Prepare(ctx, "", os.Stderr); err != nil {
		return err
	}
	chain, err := toolchain.Ensure(ctx, os.Stderr)
	if err != nil {
		return fmt.Errorf("get the tool chain: %w", err)
	}
	for _, variable := range chain.Env() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	root, err := toolchain.Root()
	if err != nil {
		return err
	}
	return toolchain.Compile(ctx, root, filepath.Join(root, program))
}

// Sandbox is one stack in an account of its own.
type Sandbox struct {
	Account *account.Account
	Stack   auto.Stack
	// Before is what the account held before the stack, such as the default VPC.
	Before account.Inventory
	// Faults, Gate and Rollouts stand before the emulator, in this order. Rollouts are
	// also the stage on which its tasks play.
	Faults   fake.Faults
	Gate     fake.Gate
	Rollouts fake.Rollouts

	dir        string
	containers bool
	variables  map[string]string
	emulator   *emulator.Emulator
}

// New makes a sandbox for the repository's own program in an empty folder.
func New(ctx context.Context, dir string) (*Sandbox, error) {
	root, err := toolchain.Root()
	if err != nil {
		return nil, err
	}
	return newFor(ctx, dir, root, false)
}

// NewWithContainers makes a sandbox like New, in which tasks are containers.
func NewWithContainers(ctx context.Context, dir string) (*Sandbox, error) {
	root, err := toolchain.Root()
	if err != nil {
		return nil, err
	}
	return newFor(ctx, dir, root, true)
}

// NewFor makes a sandbox for the program of a folder, with a copy of the Pulumi.yaml
// there, so that a stack's config is written beside the copy and not into the checkout.
func NewFor(ctx context.Context, dir, programDir string) (*Sandbox, error) {
	return newFor(ctx, dir, programDir, false)
}

// InAccount makes a stack of the repository's own program in a real account, with the
// credentials and the region that the environment has. It keeps the state in the folder,
// which must outlive the sandbox if its stack does.
func InAccount(ctx context.Context, dir string, in *account.Account) (*Sandbox, error) {
	root, err := toolchain.Root()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{dir: dir, Account: in}
	return s, s.create(ctx, root, func(state string) map[string]string {
		return map[string]string{
			"PULUMI_BACKEND_URL":       "file://" + state,
			"PULUMI_CONFIG_PASSPHRASE": "",
			"PULUMI_SKIP_UPDATE_CHECK": "true",
			"PULUMI_OPTION_COLOR":      "never",
		}
	})
}

func newFor(ctx context.Context, dir, programDir string, containers bool) (_ *Sandbox, err error) {
	s := &Sandbox{dir: dir, containers: containers}
	options := emulator.Options{Log: filepath.Join(dir, "emulator.log"), Wrap: s.wrap, Checkout: dir, Containers: containers}
	if !containers {
		options.Stage = &s.Rollouts
	}
	s.emulator, err = emulator.Start(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("start an emulator: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.Account = account.At(s.emulator.URL)
	if s.Before, err = s.Account.Inventory(ctx); err != nil {
		return nil, fmt.Errorf("look into the new account: %w", err)
	}
	return s, s.create(ctx, programDir, func(state string) map[string]string { return variables(s.emulator.URL, state) })
}

// create makes the stack, of the program in a folder, with its state in another.
func (s *Sandbox) create(ctx context.Context, programDir string, environment func(state string) map[string]string) error {
	work, state := filepath.Join(s.dir, "project"), filepath.Join(s.dir, "state")
	for _, folder := range []string{work, state} {
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return err
		}
	}
	if err := s.Become(programDir); err != nil {
		return err
	}
	s.variables = environment(state)
	var err error
	if s.Stack, err = auto.UpsertStackLocalSource(ctx, StackName, work, auto.EnvVars(s.variables)); err != nil {
		return fmt.Errorf("create the stack: %w", err)
	}
	return nil
}

// Become makes the stack that of the program in another folder, as a checkout of
// another commit does.
func (s *Sandbox) Become(programDir string) error {
	project, err := os.ReadFile(filepath.Join(programDir, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	project = fmt.Appendf(project, "\nmain: %q\n", programDir)
	return os.WriteFile(filepath.Join(s.dir, "project", "Pulumi.yaml"), project, 0o600)
}

// wrap is what stands before the emulator.
func (s *Sandbox) wrap(next http.Handler) http.Handler {
	if s.containers {
		return s.Faults.Wrap(s.Gate.Wrap(next))
	}
	return s.Faults.Wrap(s.Gate.Wrap(s.Rollouts.Wrap(next)))
}

// variables leave no way out of the sandbox: a test that reached a developer's own
// account would create and destroy there.
func variables(url, state string) map[string]string {
	return map[string]string{
		// A kill in the middle of writing the files with metadata beside the state, which
		// nobody needs, makes Pulumi say "failed to load checkpoint: EOF" from then on.
		"PULUMI_BACKEND_URL":                          "file://" + state + "?metadata=skip",
		"PULUMI_CONFIG_PASSPHRASE":                    "sandbox",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": os.Getenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"),
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		"PULUMI_OPTION_COLOR":                         "never",
		"AWS_ENDPOINT_URL":                            url,
		"AWS_REGION":                                  account.Region,
		"AWS_ACCESS_KEY_ID":                           "test",
		"AWS_SECRET_ACCESS_KEY":                       "test",
		"AWS_SESSION_TOKEN":                           "",
		"AWS_PROFILE":                                 "",
		"AWS_CONFIG_FILE":                             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE":                 os.DevNull,
		"AWS_EC2_METADATA_DISABLED":                   "true",
		toolchain.LongestWait:                         emulator.LongestWait,
	}
}

// Close ends the emulator. The account is gone with it.
func (s *Sandbox) Close() error {
	if s.emulator == nil {
		return nil
	}
	return s.emulator.Stop()
}

// Left is what the account holds beside what it held before the stack.
func (s *Sandbox) Left(ctx context.Context) (account.Inventory, error) {
	now, err := s.Account.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	return now.Without(s.Before), nil
}

// Set sets keys of the stack's config, by their names in Pulumi.yaml, lists and objects
// as JSON.
func (s *Sandbox) Set(ctx context.Context, config map[string]string) error {
	type entry struct {
		Value       string `json:"value"`
		ObjectValue any    `json:"objectValue,omitempty"`
	}
	all := map[string]entry{}
	for key, value := range config {
		given := entry{Value: value}
		if strings.ContainsAny(value[:min(1, len(value))], "[{") {
			if err := json.Unmarshal([]byte(value), &given.ObjectValue); err != nil {
				return fmt.Errorf("set %s: %w", key, err)
			}
		}
		all[Project+":"+key] = given
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := s.Assume(ctx, config); err != nil {
		return err
	}
	if err := s.Stack.SetAllConfigJson(ctx, string(text), nil); err != nil {
		return fmt.Errorf("set the stack's config: %w", err)
	}
	return nil
}

// Assume makes up in the emulator what a config names. Set does so too.
func (s *Sandbox) Assume(ctx context.Context, config map[string]string) error {
	if s.emulator == nil {
		return nil // A real account has what it has.
	}
	wanted := map[string]any{}
	for key, value := range config {
		var list []any
		if json.Unmarshal([]byte(value), &list) == nil {
			wanted[key] = list
		} else {
			wanted[key] = value
		}
	}
	_, err := emulator.Assume(ctx, s.emulator.URL, account.Region, wanted)
	return err
}

// Unset takes keys of the stack's config back to their defaults, by their names in
// Pulumi.yaml; without any, all of them.
func (s *Sandbox) Unset(ctx context.Context, keys ...string) error {
	for i, key := range keys {
		keys[i] = Project + ":" + key
	}
	if len(keys) == 0 {
		all, err := s.Stack.GetAllConfig(ctx)
		if err != nil {
			return fmt.Errorf("read the stack's config: %w", err)
		}
		keys = slices.Collect(maps.Keys(all))
	}
	if err := s.Stack.RemoveAllConfig(ctx, keys); err != nil {
		return fmt.Errorf("take back the stack's config: %w", err)
	}
	return nil
}

// Redirect sets a variable of the environment of all commands from now on.
func (s *Sandbox) Redirect(variable, value string) {
	s.variables[variable] = value
	s.Stack.Workspace().SetEnvVar(variable, value)
}

// Command is a command of the CLI on the stack, for what the Automation API does not
// offer: to be interrupted, killed or measured.
func (s *Sandbox) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "pulumi", append(arguments, "--stack", StackName, "--non-interactive")...)
	command.Dir = s.Stack.Workspace().WorkDir()
	command.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(s.variables)) {
		command.Env = append(command.Env, name+"="+s.variables[name])
	}
	return command
}

// Folder is the sandbox's, to which its containers belong.
func (s *Sandbox) Folder() string { return s.dir }
