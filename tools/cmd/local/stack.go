package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"ecs-sample-app/tools/emulator"
)

// configFile is the configuration of the local stack.
const configFile = "Pulumi." + stack + ".yaml"

// project is the name in Pulumi.yaml, which begins the keys of its settings.
const project = "ecs-sample-app"

// example is an address that the emulator can have.
const example = "http://127.0.0.1:14599"

// configured is the part of the configuration that says where requests go.
type configured struct {
	Config struct {
		Emulator  yaml.Node `yaml:"local:emulator"`
		Region    string    `yaml:"aws:region"`
		Endpoints yaml.Node `yaml:"aws:endpoints"`
	} `yaml:"config"`
}

// endpoint returns the host and port of the emulator, which the stack's configuration
// has under emulator.AddressKey. One on another machine is an error, and so is anything
// else under aws:endpoints, which the AWS provider would take first: nothing of the
// local stack may leave this machine.
func endpoint(config []byte) (string, error) {
	var read configured
	if err := yaml.Unmarshal(config, &read); err != nil {
		return "", fmt.Errorf("%s can't be read: %w", configFile, err)
	}
	given := read.Config.Emulator.Value
	parsed, err := url.Parse(given)
	if err != nil {
		return "", refused(given)
	}
	ip := net.ParseIP(parsed.Hostname())
	port, err := strconv.ParseUint(parsed.Port(), 10, 16)
	if err != nil || port == 0 || parsed.Scheme != "http" || ip == nil || !ip.IsLoopback() || parsed.Path != "" {
		return "", refused(given)
	}
	for _, other := range scalars(&read.Config.Endpoints) {
		if other != given {
			return "", fmt.Errorf("%s: aws:endpoints has %q, and everything in the local stack goes to %s, the emulator: take the key out with `make pulumi ARGS=\"config rm aws:endpoints\"`", configFile, other, given)
		}
	}
	return parsed.Host, nil
}

// region is that of the stack.
func region(config []byte) string {
	var read configured
	if err := yaml.Unmarshal(config, &read); err != nil {
		return "" // Pulumi says what is wrong.
	}
	return read.Config.Region
}

// settings are the region of a configuration, and its settings of the project, without
// their prefix.
func settings(config []byte) (region string, found map[string]any, err error) {
	var read struct{ Config map[string]any }
	if err := yaml.Unmarshal(config, &read); err != nil {
		return "", nil, err
	}
	region, _ = read.Config["aws:region"].(string)
	found = map[string]any{}
	for key, value := range read.Config {
		name, ours := strings.CutPrefix(key, project+":")
		if !ours {
			continue
		}
		// Set on the command line, a list is the text of one.
		if text, ok := value.(string); ok && strings.HasPrefix(text, "[") {
			var list []any
			if yaml.Unmarshal([]byte(text), &list) == nil {
				value = list
			}
		}
		found[name] = value
	}
	return region, found, nil
}

func refused(given string) error {
	return fmt.Errorf("%s: %s is %q; the emulator listens on this machine only, so give it an address such as %s with `make pulumi ARGS=\"config set %[2]s %[4]s\"`", configFile, emulator.AddressKey, given, example)
}

// scalars are the values in a node, without the keys. Set on the command line, a list
// is in the file as the text of one.
func scalars(node *yaml.Node) []string {
	var found []string
	switch node.Kind {
	case yaml.ScalarNode:
		var inner yaml.Node
		if err := yaml.Unmarshal([]byte(node.Value), &inner); err == nil && len(inner.Content) == 1 && inner.Content[0].Kind != yaml.ScalarNode {
			return scalars(inner.Content[0])
		}
		return []string{node.Value}
	case yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			found = append(found, scalars(node.Content[i])...)
		}
	case yaml.AliasNode:
		return scalars(node.Alias)
	default:
		for _, child := range node.Content {
			found = append(found, scalars(child)...)
		}
	}
	return found
}

// resources counts the resources in a stack's state, without the stack itself and
// its providers, which exist nowhere else.
func resources(checkpoint []byte) (int, error) {
	var content struct {
		Checkpoint *struct {
			Latest struct {
				Resources []struct {
					Type   string `json:"type"`
					Custom bool   `json:"custom"`
				} `json:"resources"`
			} `json:"latest"`
		} `json:"checkpoint"`
	}
	if err := json.Unmarshal(checkpoint, &content); err != nil {
		return 0, err
	}
	if content.Checkpoint == nil {
		return 0, errors.New("it is not the state of a stack")
	}
	n := 0
	for _, r := range content.Checkpoint.Latest.Resources {
		if r.Custom && !strings.HasPrefix(r.Type, "pulumi:") {
			n++
		}
	}
	return n, nil
}
