package emulator

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ecs-sample-app/tools/toolchain"
)

// requirements has the version of moto that the program is tested with. A moto_server
// on PATH is taken as it is.
//
//go:embed requirements.txt
var requirements string

// requirement is moto as pip and uvx name it.
func requirement() string {
	for line := range strings.Lines(requirements) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return "moto[server]"
}

// venv is the virtual environment that moto is installed into where the machine has
// Python and nothing else: .local/moto of the checkout.
func venv() (string, error) {
	root, err := toolchain.Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, ".local", "moto"), nil
}

// installed is the file in a virtual environment that says what is in it. It is
// written last, so that half an installation is not used.
const installed = "requirements.txt"

// Prepare makes sure that an emulator can be started, or that one answers at the
// address, which may be empty. It is quick and comes first: without it the tool chain
// would be built for minutes before somebody hears that moto is missing. Where there
// is only Python, it installs moto and tells log about it.
func Prepare(ctx context.Context, address string, log io.Writer) error {
	if address != "" && answers(ctx, address) {
		return nil
	}
	if _, err := command(); err == nil {
		return nil
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return missing(address)
	}
	dir, err := venv()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "neither moto_server nor uvx is on PATH: installing %s with pip into .local/moto, once\n", requirement()) // A log that cannot be written to stops nothing.
	if err := install(ctx, python, dir); err != nil {
		return fmt.Errorf("install moto with %s: %w\n%w", python, errors.Join(err, os.RemoveAll(dir)), missing(address))
	}
	return nil
}

// install makes a virtual environment with moto.
func install(ctx context.Context, python, dir string) error {
	// What an older commit left would keep its packages.
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	list := filepath.Join(filepath.Dir(dir), "moto-"+installed)
	if err := os.MkdirAll(filepath.Dir(list), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(list, []byte(requirements), 0o600); err != nil {
		return err
	}
	defer os.Remove(list) //nolint:errcheck // only a leftover
	for _, step := range [][]string{
		{python, "-m", "venv", dir},
		{filepath.Join(dir, "bin", "python3"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", list},
	} {
		if out, err := exec.CommandContext(ctx, step[0], step[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(step[1:3], " "), err, indented(out))
		}
	}
	return os.WriteFile(filepath.Join(dir, installed), []byte(requirements), 0o600)
}

// command returns what starts moto on a free port of this machine.
func command() ([]string, error) {
	arguments := []string{"-H", "127.0.0.1", "-p", "0"}
	if moto, err := exec.LookPath("moto_server"); err == nil {
		return append([]string{moto}, arguments...), nil
	}
	if uvx, err := exec.LookPath("uvx"); err == nil {
		return append([]string{uvx, "--from", requirement(), "moto_server"}, arguments...), nil
	}
	dir, err := venv()
	if err != nil {
		return nil, missing("")
	}
	content, err := os.ReadFile(filepath.Join(dir, installed))
	if err != nil || string(content) != requirements {
		return nil, missing("")
	}
	return append([]string{filepath.Join(dir, "bin", "moto_server")}, arguments...), nil
}

// missing says how to get an emulator, which could answer at an address.
func missing(address string) error {
	_, port, found := strings.Cut(address, ":")
	where, docker := "", ""
	if found && port != "0" {
		where = ", and nothing answers on " + address
		docker = fmt.Sprintf(`
  docker run --rm -p 127.0.0.1:%s:5000 -e MOTO_ECS_SERVICE_RUNNING=1 motoserver/moto
                                   in another terminal; what answers on the port is used as it is,
                                   and each preview shows the properties of the service that moto forgets`, port)
	}
	return fmt.Errorf(`no AWS emulator: neither moto_server nor uvx is on PATH%s. Do one of these:
  pip install '%[2]s'
                                   the emulator, from then on found on PATH
  install uv (docs.astral.sh/uv)   uvx then runs: uvx --from '%[2]s' moto_server
  install Python 3 with venv       moto is then installed into .local/moto%[3]s`, where, requirement(), docker)
}

// indented is the end of what a command printed, for a message.
func indented(output []byte) string {
	lines := strings.Split(string(bytes.TrimSpace(output)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}
