package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const projectFile = "Pulumi.yaml"

// stackFile is the name of the file with a stack's configuration.
func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

var (
	// runtime are the blocks of a project's file that say where its program is.
	runtime = regexp.MustCompile(`(?m)^(?:runtime|main):.*\n(?:[ \t#].*\n|\n)*`)

	// secure is an encrypted value in a stack's file.
	secure = regexp.MustCompile(`(?m)^\s*(?:- )?secure:`)

	// encryption are the lines of a stack's file that say how its secrets are encrypted.
	encryption = regexp.MustCompile(`(?m)^(?:encryptionsalt|encryptedkey|secretsprovider):.*\n?`)
)

// writeProject makes a project for the program of a folder, with its configuration,
// in a folder of its own: Pulumi writes into the files of a project.
func writeProject(dir, program, target, stack string) error {
	project, err := os.ReadFile(filepath.Join(program, projectFile))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("it has no %s, and so no program", projectFile)
	}
	if err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(program, stackFile(stack)))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("it has no %s; name a stack that it has, as in `make diff STACK=local`", stackFile(stack))
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if !secure.Match(config) {
		// What encrypts nothing would still want its passphrase, or its key on AWS.
		config = encryption.ReplaceAll(config, nil)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, projectFile), relocated(project, program, target), 0o600),
		os.WriteFile(filepath.Join(dir, stackFile(stack)), config, 0o600),
	)
}

// relocated is a project's file with the program elsewhere, and with the compiled
// program where it was built before: the language host finds it up to date.
func relocated(project []byte, program, target string) []byte {
	rest := runtime.ReplaceAll(append(project, '\n'), nil)
	return fmt.Appendf(rest, "\nmain: %q\nruntime:\n  name: go\n  options:\n    buildTarget: %q\n", program, target)
}

// settings is a stack's configuration, as `pulumi config --json` prints it.
type settings map[string]struct {
	Value       string `json:"value"`
	ObjectValue any    `json:"objectValue"`
	Secret      bool   `json:"secret"`
}

func parseSettings(printed []byte) (settings, error) {
	var s settings
	if err := json.Unmarshal(printed, &s); err != nil {
		return nil, fmt.Errorf("read the stack's configuration: %w", err)
	}
	return s, nil
}

// ownAccount are the settings of the AWS provider that a stack keeps. The others say
// how to reach an account, and which: here that is the emulator's.
var ownAccount = []string{"aws:region", "aws:defaultTags", "aws:ignoreTags"}

// elsewhere are the keys of the settings that lead to an account.
func (s settings) elsewhere() []string {
	var keys []string
	for key := range s {
		if strings.HasPrefix(key, "aws:") && !slices.Contains(ownAccount, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// secrets are all values that the settings keep secret.
func (s settings) secrets() []string {
	var found []string
	for _, setting := range s {
		switch {
		case !setting.Secret:
		case setting.ObjectValue != nil:
			found = append(found, leaves(setting.ObjectValue)...)
		default:
			found = append(found, setting.Value)
		}
	}
	return found
}

// leaves are the strings in a value.
func leaves(value any) []string {
	var found []string
	switch v := value.(type) {
	case string:
		found = append(found, v)
	case []any:
		for _, element := range v {
			found = append(found, leaves(element)...)
		}
	case map[string]any:
		for _, element := range v {
			found = append(found, leaves(element)...)
		}
	}
	return found
}
