package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ecs-sample-app/internal/testprogram"
)

// checkout is a repository on a machine with an installed Pulumi, which notes how it is
// called, and with Go, but without an emulator.
func checkout(t *testing.T, config string) (l local, out *bytes.Buffer, calls string) {
	t.Helper()
	root, bin := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		"Pulumi.yaml": "name: x\n",
		configFile:    config,
		"go.mod":      "module x\n",
		"main.go":     "package main\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	calls = filepath.Join(root, "calls")
	testprogram.Write(t, filepath.Join(bin, "pulumi"), "#!/bin/sh\necho \"$AWS_ENDPOINT_URL $@\" >> "+calls+"\n")
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+filepath.Dir(goCommand))
	t.Setenv("PULUMI_TOOLCHAIN", "")
	out = &bytes.Buffer{}
	return local{root: root, dir: filepath.Join(root, ".local"), out: out}, out, calls
}

// plainMoto is a moto that somebody started by hand.
func plainMoto(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moto-api/config" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestAMissingEmulatorIsFoundBeforeAnythingIsBuilt(t *testing.T) {
	l, out, calls := checkout(t, "config: {local:emulator: http://127.0.0.1:1}\n")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("PULUMI_TOOLCHAIN", "source")
	err := l.pulumi(t.Context(), []string{"up"})
	if err == nil || !strings.Contains(err.Error(), "no AWS emulator") {
		t.Errorf("got %v: the tool chain would be built for nine minutes first", err)
	}
	if _, err := os.Stat(calls); err == nil || strings.Contains(out.String(), "building") {
		t.Errorf("something was built or run before: %s", out)
	}
}

func TestTheConfigurationCanBeMendedWithoutAnEmulator(t *testing.T) {
	for name, config := range map[string]string{
		"without an address":  "config: {}\n",
		"with a wrong one":    "config: {local:emulator: https://ec2.amazonaws.com}\n",
		"with more endpoints": "config: {local:emulator: http://127.0.0.1:1, aws:endpoints: [{s3: https://s3.amazonaws.com}]}\n",
	} {
		l, _, calls := checkout(t, config)
		for _, arguments := range [][]string{{"config", "set", "a", "b"}, {"config", "rm", "aws:endpoints"}} {
			if err := l.pulumi(t.Context(), arguments); err != nil {
				t.Errorf("%s: %v fails with %v, and the file can't be mended", name, arguments, err)
			}
			content, err := os.ReadFile(calls)
			if err != nil || !strings.HasSuffix(string(content), nowhere+" "+strings.Join(arguments, " ")+"\n") {
				t.Errorf("%s: Pulumi was called with %s, %v", name, content, err)
			}
		}
		if err := l.pulumi(t.Context(), []string{"up"}); err == nil || !strings.Contains(err.Error(), configFile) {
			t.Errorf("%s: up goes on with %v", name, err)
		}
	}
}

func TestTheUserIsToldOfAPlainMotoAndOfTheMinuteThatAnInstalledProviderWaits(t *testing.T) {
	moto := plainMoto(t)
	l, out, calls := checkout(t, "config: {local:emulator: "+moto.URL+"}\n")
	if err := l.pulumi(t.Context(), []string{"up", "--yes"}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{moto.URL + " is a moto that was not started here; it is used as it is", "waits a minute"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the user is not told %q: %s", part, out)
		}
	}
	content, err := os.ReadFile(calls)
	if err != nil || !strings.Contains(string(content), moto.URL+" up --yes\n") {
		t.Errorf("Pulumi was called with %s, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "program")); err != nil {
		t.Errorf("the program is not compiled: the language host would show what Go downloads: %v", err)
	}
}

func TestTheLockOfACommandThatWasKilledIsTakenAwayAndAnothersIsNot(t *testing.T) {
	l, out, _ := checkout(t, "config: {}\n")
	locks := filepath.Join(l.state(), ".pulumi", "locks", "organization", project, stack)
	if err := os.MkdirAll(locks, 0o750); err != nil {
		t.Fatal(err)
	}
	gone := exec.CommandContext(t.Context(), "/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for name, pid := range map[string]int{"killed.json": gone.Process.Pid, "running.json": os.Getpid()} {
		if err := os.WriteFile(filepath.Join(locks, name), fmt.Appendf(nil, `{"pid":%d,"username":"me"}`, pid), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.unlock(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(locks)
	if err != nil || len(left) != 1 || left[0].Name() != "running.json" {
		t.Errorf("the locks that are left are %v, %v", left, err)
	}
	if !strings.Contains(out.String(), "was killed and has left its lock") {
		t.Errorf("nobody is told: %s", out)
	}
}

func TestACommandWhoseEmulatorHasGoneEndsSoonAndSaysSo(t *testing.T) {
	l, out, _ := checkout(t, "config: {}\n")
	moto := plainMoto(t)
	command := exec.CommandContext(t.Context(), "/bin/sleep", "60")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // How it ends is of no interest.
		close(ended)
	}()
	go l.watchEmulator(t.Context(), moto.URL, command.Process)
	time.Sleep(3 * time.Second)
	select {
	case <-ended:
		t.Fatal("the command is ended while the emulator answers")
	default:
	}
	moto.Close()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the command waits for an emulator that has gone")
	}
	if !strings.Contains(out.String(), "has gone") || !strings.Contains(out.String(), "make up") {
		t.Errorf("nobody is told what to do: %s", out)
	}
}

func TestAProgramThatDoesNotCompileIsNotDeployed(t *testing.T) {
	moto := plainMoto(t)
	l, _, calls := checkout(t, "config: {local:emulator: "+moto.URL+"}\n")
	if err := os.WriteFile(filepath.Join(l.root, "main.go"), []byte("package main\n\nfunc main() { missing() }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.pulumi(t.Context(), []string{"preview"}); err == nil || !strings.Contains(err.Error(), "undefined: missing") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(calls); err == nil {
		t.Error("Pulumi was started all the same")
	}
	if err := l.pulumi(t.Context(), []string{"destroy"}); err != nil {
		t.Errorf("what is deployed can't be destroyed any more, and costs money: %v", err)
	}
}
