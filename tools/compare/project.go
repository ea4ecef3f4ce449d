package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const projectFile = "Pulumi.yaml"

// stackFile is the name of the file with a stack's configuration.
func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

// programKeys are the keys of a project's file that say where its program is.
var programKeys = []string{"runtime", "main"}

// encryptionKeys are the keys of a stack's file that say how its secrets are encrypted.
var encryptionKeys = []string{"encryptionsalt", "encryptedkey", "secretsprovider"}

// parse reads a YAML file that is a mapping, of which nothing has to be there.
func parse(name string, content []byte) (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, fmt.Errorf("%s can't be read: %w", name, err)
	}
	if len(document.Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	if document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s can't be read: it has no keys", name)
	}
	return document.Content[0], nil
}

// without takes keys out of a mapping.
func without(mapping *yaml.Node, keys []string) {
	var kept []*yaml.Node
	for i := 0; i < len(mapping.Content); i += 2 {
		if !slices.Contains(keys, mapping.Content[i].Value) {
			kept = append(kept, mapping.Content[i:i+2]...)
		}
	}
	mapping.Content = kept
}

// hasSecret tells whether a value is encrypted, or one in it is.
func hasSecret(node *yaml.Node) bool {
	if node.Kind == yaml.MappingNode && len(node.Content) == 2 && node.Content[0].Value == "secure" {
		return true
	}
	return slices.ContainsFunc(node.Content, hasSecret)
}

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
	if project, err = relocated(project, program, target); err != nil {
		return err
	}
	if config, err = readable(stackFile(stack), config); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, projectFile), project, 0o600),
		os.WriteFile(filepath.Join(dir, stackFile(stack)), config, 0o600),
	)
}

// encrypted tells whether something in a stack's file is.
func encrypted(config []byte) bool {
	keys, err := parse("", config)
	return err == nil && hasSecret(keys)
}

// readable is a stack's file that needs no passphrase, and no key on AWS, unless
// something in it is encrypted.
func readable(name string, config []byte) ([]byte, error) {
	keys, err := parse(name, config)
	if err != nil || hasSecret(keys) {
		return config, err
	}
	without(keys, encryptionKeys)
	return yaml.Marshal(keys)
}

// relocated is a project's file with the program elsewhere, and with the compiled
// program where it was built before: the language host finds it up to date.
func relocated(project []byte, program, target string) ([]byte, error) {
	keys, err := parse(projectFile, project)
	if err != nil {
		return nil, err
	}
	without(keys, programKeys)
	var added yaml.Node
	err = added.Encode(map[string]any{
		"main":    program,
		"runtime": map[string]any{"name": "go", "options": map[string]string{"buildTarget": target}},
	})
	keys.Content = append(keys.Content, added.Content...)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(keys)
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

// lookedUp ends the key of the setting that looks the version up in an account. Without
// it both sides have the version of the stack's file.
const lookedUp = ":imageTagParameter"

// elsewhere are the keys of the settings that lead to an account.
func (s settings) elsewhere() []string {
	var keys []string
	for key := range s {
		if strings.HasPrefix(key, "aws:") && !slices.Contains(ownAccount, key) || strings.HasSuffix(key, lookedUp) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// wishes are the region, and what the settings of a project have that only a real account
// may have, without the project's name.
func (s settings) wishes(project string) (region string, config map[string]any) {
	config = map[string]any{}
	for key, setting := range s {
		name, ours := strings.CutPrefix(key, project+":")
		switch {
		case !ours || setting.Secret:
		case setting.ObjectValue != nil:
			config[name] = setting.ObjectValue
		default:
			config[name] = setting.Value
		}
	}
	return s["aws:region"].Value, config
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
