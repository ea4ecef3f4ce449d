// Command pulumi-language-go starts the language host for Go as it is started by a
// CLI of its own time.
//
// The newest language host that is a Go module, 3.66, takes the runtime options of
// Pulumi.yaml as flags. Later CLIs send them in a message that it does not know, and
// it would link the program anew in every command, which takes 5 of 6.5 seconds.
// This program finds buildTarget and passes it on as a flag; the host itself lies
// beside it, as pulumi-language-go-host.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"syscall"
)

const hostName = "pulumi-language-go-host"

// buildTarget is the option in the Pulumi.yaml of the project, in whose folder the
// engine starts a language host.
var buildTarget = regexp.MustCompile(`(?m)^\s+buildTarget:\s*["']?([^\s"'#]+)`)

func main() {
	host, err := exec.LookPath(hostName)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-go: the folder of the tool chain is not on PATH:", err)
		os.Exit(1)
	}
	err = syscall.Exec(host, append(append([]string{host}, options("Pulumi.yaml")...), os.Args[1:]...), os.Environ()) //nolint:gosec // the language host, with the options of the project and the engine's arguments
	fmt.Fprintln(os.Stderr, "pulumi-language-go: start the language host:", err)
	os.Exit(1)
}

// options are the flags for the runtime options of a project. Without a project, as
// in `pulumi new`, there are none.
func options(project string) []string {
	text, err := os.ReadFile(project)
	if err != nil {
		return nil
	}
	match := buildTarget.FindSubmatch(text)
	if match == nil {
		return nil
	}
	return []string{"-buildTarget=" + string(match[1])}
}
