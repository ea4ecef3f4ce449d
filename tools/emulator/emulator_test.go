package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ecs-sample-app/internal/testprogram"
)

// TestMain is a detached emulator where Start started it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		if err := Serve(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// inUse tells whether something listens on an address.
func inUse(t *testing.T, address string) bool {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return true
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return false
}

func TestAPortThatSomethingElseHoldsIsNamedWithWhatToDo(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	address := strings.TrimPrefix(other.URL, "http://")

	_, err := Start(t.Context(), Options{Address: address})
	wantError(t, err, address, "not moto", "stop that program", "Pulumi.local.yaml", AddressKey)
}

func TestAnEmulatorThatAnswersIsUsedAndLeftRunning(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moto-api/config" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"batch": {"use_docker": true}}`))
	}))
	defer other.Close()
	t.Setenv("PATH", "") // Nothing could be started.

	e, err := Start(t.Context(), Options{Address: strings.TrimPrefix(other.URL, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	if e.Started || e.URL != other.URL {
		t.Errorf("got %+v, want the emulator that answers at %s, as not started here: its stacks would be taken for lost", e, other.URL)
	}
	if !e.Foreign {
		t.Error("a plain moto passes for the emulator with its proxy, and nobody is told why each preview shows changes")
	}
	if err := e.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAnEmulatorThatEndsAtOnceShowsTheEndOfItsLog(t *testing.T) {
	t.Setenv("PATH", fakeProgram(t, "moto_server", "#!/bin/sh\necho no module named flask >&2\nexit 3\n")+":"+os.Getenv("PATH"))
	_, err := Start(t.Context(), Options{Log: filepath.Join(t.TempDir(), "moto.log")})
	wantError(t, err, "ended before it answered", "no module named flask")
}

func TestAnAddressWithoutPortIsRefused(t *testing.T) {
	_, err := Start(t.Context(), Options{Address: "localhost"})
	wantError(t, err, "a host and a port", `"localhost"`)
}

func TestAStaleFileEndsNothing(t *testing.T) {
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	file := filepath.Join(t.TempDir(), "moto.pid")
	if err := writePID(file, stranger.Process.Pid); err != nil {
		t.Fatal(err)
	}

	stopped, err := StopDetached(t.Context(), file)
	if err != nil || stopped {
		t.Errorf("stopped %v, %v: a process that is not the emulator would be ended", stopped, err)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the stranger's process is gone: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale file is still there: %v", err)
	}
}

func TestAFileThatHoldsNoProcessIsReported(t *testing.T) {
	for _, content := range []string{"", "moto", "0", "-1", "1"} {
		file := filepath.Join(t.TempDir(), "moto.pid")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := StopDetached(t.Context(), file)
		wantError(t, err, file, "by hand")
	}
}

func TestMotoStartsAndStops(t *testing.T) {
	needMoto(t)
	e, err := Start(t.Context(), Options{Log: filepath.Join(t.TempDir(), "moto.log")})
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(e.URL, "http://")
	again, err := Start(t.Context(), Options{Address: address})
	if err != nil || again.Started || again.Foreign {
		t.Errorf("a second start on the same address gave %+v, %v; want the first emulator", again, err)
	}
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	if inUse(t, address) {
		t.Error("the emulator still listens after it was stopped")
	}
	if err := e.Stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestADetachedMotoOutlivesItsContextAndIsStoppedByItsFile(t *testing.T) {
	needMoto(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "moto.pid")
	ctx, cancel := context.WithCancel(t.Context())
	e, err := Start(ctx, Options{Log: filepath.Join(dir, "moto.log"), PIDFile: file, Checkout: "/checkouts/mine"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	address := strings.TrimPrefix(e.URL, "http://")
	if mine, err := Start(t.Context(), Options{Address: address, Checkout: "/checkouts/mine"}); err != nil || mine.Foreign {
		t.Errorf("got %+v, %v for the checkout's own emulator", mine, err)
	}
	_, err = Start(t.Context(), Options{Address: address, Checkout: "/checkouts/other"})
	wantError(t, err, "another checkout, /checkouts/mine", address, "make -C '/checkouts/mine' down", "config set "+AddressKey)
	if !answers(t.Context(), address) {
		t.Error("the emulator is gone with the context that started it")
	}
	if stopped, err := StopDetached(t.Context(), file); err != nil || !stopped {
		t.Errorf("stopped %v, %v", stopped, err)
	}
	if inUse(t, address) {
		t.Error("the emulator still listens after it was stopped")
	}
	if stopped, err := StopDetached(t.Context(), file); err != nil || stopped {
		t.Errorf("a second stop: %v, %v", stopped, err)
	}
}

func needMoto(t *testing.T) {
	t.Helper()
	if _, err := command(); err != nil {
		t.Skip("moto_server is not installed: pip install -r tools/emulator/requirements.txt")
	}
}

// fakeProgram writes a program and returns the folder it is in.
func fakeProgram(t *testing.T, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	testprogram.Write(t, filepath.Join(dir, name), content)
	return dir
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %q:\n%v", part, err)
		}
	}
}
