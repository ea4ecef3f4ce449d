package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// address matches the URLs of the endpoints. The file is YAML of a simple kind, for
// which no parser is needed.
var address = regexp.MustCompile(`https?://[^\s"']+`)

// endpoint returns the host and port that the stack's configuration sends every
// request to. More than one, or one on another machine, is an error: the emulator
// listens at one, and nothing of the local stack may leave this machine.
func endpoint(config string) (string, error) {
	var found []string
	for line := range strings.Lines(config) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			found = append(found, address.FindAllString(line, -1)...)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) != 1 {
		return "", fmt.Errorf("Pulumi.local.yaml: aws:endpoints gives %d addresses %v; give every service the one of the emulator, such as http://127.0.0.1:14599", len(found), found) //nolint:staticcheck // begins with the name of a file
	}
	parsed, err := url.Parse(found[0])
	if err != nil {
		return "", fmt.Errorf("Pulumi.local.yaml: aws:endpoints: %w", err) //nolint:staticcheck // begins with the name of a file
	}
	ip := net.ParseIP(parsed.Hostname())
	if parsed.Scheme != "http" || ip == nil || !ip.IsLoopback() || parsed.Port() == "" || parsed.Port() == "0" {
		return "", fmt.Errorf("Pulumi.local.yaml: aws:endpoints is %s; the emulator listens on this machine only, so give it an address such as http://127.0.0.1:14599", found[0]) //nolint:staticcheck // begins with the name of a file
	}
	return parsed.Host, nil
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
