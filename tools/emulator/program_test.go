package emulator

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ecs-sample-app/internal/testprogram"
)

func TestTheVersionOfMotoIsPinnedInOnePlace(t *testing.T) {
	if !regexp.MustCompile(`^moto\[server\]==5\.\d+\.\d+$`).MatchString(requirement()) {
		t.Errorf("what is installed is %q: another moto tomorrow would fail tests that pass today", requirement())
	}
}

func TestAMissingEmulatorSaysHowToInstallIt(t *testing.T) {
	elsewhere(t)
	t.Setenv("PATH", t.TempDir())
	err := Prepare(t.Context(), "127.0.0.1:4599", t.Output())
	wantError(t, err, "nothing answers on 127.0.0.1:4599", "pip install '"+requirement()+"'", "uvx --from", "docker run --rm -p 127.0.0.1:4599:5000", "motoserver/moto")
	_, err = Start(t.Context(), Options{})
	wantError(t, err, "no AWS emulator", "pip install")
	if strings.Contains(err.Error(), "docker run") {
		t.Errorf("on a port that is taken at random nobody can start moto beforehand:\n%v", err)
	}
}

func TestUvxIsUsedWhereMotoIsMissing(t *testing.T) {
	elsewhere(t)
	t.Setenv("PATH", fakeProgram(t, "uvx", "#!/bin/sh\nexit 0\n"))
	if err := Prepare(t.Context(), "", t.Output()); err != nil {
		t.Errorf("uvx does not pass for a way to run moto: %v", err)
	}
	got, err := command()
	if err != nil {
		t.Fatal(err)
	}
	if joined := strings.Join(got[1:], " "); joined != "--from "+requirement()+" moto_server -H 127.0.0.1 -p 0" {
		t.Errorf("uvx would be called with %s", joined)
	}
}

// python stands in for python3 with venv and pip: it notes each call, and pip fails
// where there is a file pip-fails.
const python = `#!/bin/sh
echo "$@" >> "$CALLS"
case "$2" in
venv) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python3" ;;
pip)
	if [ -e "$CALLS-pip-fails" ]; then echo 'ERROR: No matching distribution found for moto' >&2; exit 1; fi
	bin=${0%/*}
	echo '#!/bin/sh' > "$bin/moto_server"
	/bin/chmod 700 "$bin/moto_server" ;;
esac
`

func TestWhereThereIsOnlyPythonMotoIsInstalledOnceAndPinned(t *testing.T) {
	root := elsewhere(t)
	calls := pythonOnly(t)
	var log bytes.Buffer
	for range 2 {
		if err := Prepare(t.Context(), "", &log); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), requirement()) || !strings.Contains(log.String(), ".local/moto") {
		t.Errorf("the user is told %q, and should read one line with what is installed where", log.String())
	}
	content, err := os.ReadFile(calls)
	if err != nil || strings.Count(string(content), "pip install") != 1 {
		t.Errorf("the second up installs again: %s, %v", content, err)
	}
	got, err := command()
	if err != nil || got[0] != filepath.Join(root, ".local", "moto", "bin", "moto_server") {
		t.Errorf("the emulator would be started with %v, %v", got, err)
	}

	// A checkout that pins another version finds what an older commit installed.
	writeText(t, filepath.Join(root, ".local", "moto", installed), "moto[server]==4.0.0\n")
	if _, err := command(); err == nil {
		t.Error("the moto of an older commit is used")
	}
	if err := Prepare(t.Context(), "", &log); err != nil {
		t.Errorf("the moto of an older commit can't be replaced: %v", err)
	}
}

func TestAFailureOfPipIsShownWithItsReasonAndTheOtherWays(t *testing.T) {
	root := elsewhere(t)
	calls := pythonOnly(t)
	writeText(t, calls+"-pip-fails", "")
	err := Prepare(t.Context(), "127.0.0.1:4599", t.Output())
	wantError(t, err, "-m pip", "No matching distribution found for moto", "install uv", "docker run")
	if _, err := os.Stat(filepath.Join(root, ".local", "moto")); err == nil {
		t.Error("half an installation is left, and would be in the way")
	}
	if _, err := command(); err == nil {
		t.Error("half an installation is used")
	}
}

// elsewhere goes to an empty checkout, and returns its folder.
func elsewhere(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	writeText(t, filepath.Join(root, "Pulumi.yaml"), "name: x\n")
	t.Chdir(root)
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// pythonOnly is a machine with Python and nothing else. It returns the file in which
// the calls of it are noted.
func pythonOnly(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	testprogram.Write(t, filepath.Join(bin, "python3"), python)
	calls := filepath.Join(t.TempDir(), "calls")
	t.Setenv("PATH", bin)
	t.Setenv("CALLS", calls)
	return calls
}

func writeText(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
