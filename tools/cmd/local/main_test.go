package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ecs-sample-app/internal/testprogram"
	"ecs-sample-app/tools/toolchain"
)

const (
	deployed = `{"version":3,"checkpoint":{"stack":"local","latest":{"resources":[
		{"type":"pulumi:pulumi:Stack"},
		{"type":"pulumi:providers:aws","custom":true},
		{"type":"ecs-sample-app:network:Network"},
		{"type":"aws:ec2/vpc:Vpc","custom":true},
		{"type":"aws:ec2/subnet:Subnet","custom":true}]}}}`
	empty = `{"version":3,"checkpoint":{"stack":"local","latest":{}}}`
)

func TestTheStateOfAnEmulatorThatIsGoneIsSetAside(t *testing.T) {
	l, out := newLocal(t, deployed)
	if err := l.setStateAside(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.checkpoint()); err == nil {
		t.Error("the old state is still in place: Pulumi would update what is not there")
	}
	if _, err := os.Stat(l.state() + ".20260102-030405"); err != nil {
		t.Errorf("the old state is lost: %v", err)
	}
	for _, part := range []string{"2 resources", "new and empty", ".local/state.20260102-030405"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the user is not told %q: %s", part, out)
		}
	}
}

func TestAStateWithoutResourcesStays(t *testing.T) {
	l, out := newLocal(t, empty)
	if err := l.setStateAside(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.checkpoint()); err != nil || out.Len() > 0 {
		t.Errorf("%v, %s", err, out)
	}
}

func TestAStateThatCannotBeReadSaysHowToBeginAnew(t *testing.T) {
	for _, content := range []string{"", "{", `{"version":3}`} {
		l, _ := newLocal(t, content)
		if err := l.setStateAside(time.Now()); err == nil || !strings.Contains(err.Error(), "delete the folder .local") {
			t.Errorf("%q: got %v", content, err)
		}
	}
}

func TestWithoutAStateNothingIsSetAside(t *testing.T) {
	l := local{dir: t.TempDir(), out: t.Output()}
	if err := l.setStateAside(time.Now()); err != nil {
		t.Error(err)
	}
}

func TestTheConfigurationOfTheLocalStackSendsEverythingToOneAddress(t *testing.T) {
	root, err := toolchain.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "Pulumi.local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := endpoint(content); err != nil {
		t.Error(err)
	}
	if n := strings.Count(string(content), "127.0.0.1"); n != 1 {
		t.Errorf("the address is in the file %d times, and a second checkout has to change all of them", n)
	}
	for _, key := range []string{"aws:accessKey: emulator", "aws:secretKey: emulator", `aws:allowedAccountIds: ["123456789012"]`} {
		if !strings.Contains(string(content), key) {
			t.Errorf("%s is missing: run without make, the stack would take the user's own account", key)
		}
	}
}

func TestAnEndpointAnywhereElseIsRefused(t *testing.T) {
	for name, config := range map[string]string{
		"none":               "config:\n  aws:region: us-east-1\n",
		"only a comment":     "config:\n  # local:emulator: http://127.0.0.1:1\n",
		"of another program": "local:emulator: http://127.0.0.1:1\n",
		"a real one":         "config: {local:emulator: https://ec2.us-east-1.amazonaws.com}\n",
		"another machine":    "config: {local:emulator: http://192.0.2.1:14599}\n",
		"a name":             "config: {local:emulator: http://localhost:14599}\n",
		"without a port":     "config: {local:emulator: http://127.0.0.1}\n",
		"with encryption":    "config: {local:emulator: https://127.0.0.1:14599}\n",
		"no such port":       "config: {local:emulator: http://127.0.0.1:99999}\n",
		"any port":           "config: {local:emulator: http://127.0.0.1:0}\n",
		"a path":             "config: {local:emulator: http://127.0.0.1:14599/x}\n",
		"no URL":             "config: {local:emulator: \"http://%\"}\n",
		"a secret":           "config: {local:emulator: {secure: v1:x}}\n",
		"a list":             "config: {local:emulator: [http://127.0.0.1:14599]}\n",
	} {
		if got, err := endpoint([]byte(config)); err == nil || !strings.Contains(err.Error(), "Pulumi.local.yaml: local:emulator") || !strings.Contains(err.Error(), "config set local:emulator "+example) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := endpoint([]byte("config: [")); err == nil || !strings.Contains(err.Error(), "Pulumi.local.yaml can't be read") {
		t.Errorf("got %v for what is no YAML", err)
	}
}

func TestAnEndpointOfTheProviderThatLeadsPastTheEmulatorIsRefused(t *testing.T) {
	const emulator = "config:\n  local:emulator: http://127.0.0.1:14599\n  aws:endpoints: "
	for name, endpoints := range map[string]string{
		"a real one":                 "[{s3: https://s3.amazonaws.com}]",
		"one of many":                "[{ec2: http://127.0.0.1:14599, s3: https://s3.amazonaws.com}]",
		"without a list":             "{s3: https://s3.amazonaws.com}",
		"as set on the command line": `'[{"s3": "https://s3.amazonaws.com"}]'`,
		"on another port":            "[{s3: http://127.0.0.1:14600}]",
		"encrypted":                  "{secure: v1:x}",
		"by an alias":                "[{s3: &a https://s3.amazonaws.com, ec2: *a}]",
	} {
		if got, err := endpoint([]byte(emulator + endpoints)); err == nil || !strings.Contains(err.Error(), "config rm aws:endpoints") {
			t.Errorf("%s: got %q, %v: requests would leave this machine", name, got, err)
		}
	}
	if got, err := endpoint([]byte(emulator + "[{s3: http://127.0.0.1:14599}]")); err != nil || got != "127.0.0.1:14599" {
		t.Errorf("got %q, %v for the emulator's own address", got, err)
	}
}

func TestAURLAnywhereElseIsNoEndpoint(t *testing.T) {
	got, err := endpoint([]byte("config:\n  ecs-sample-app:environment: {API_URL: https://api.example.com/v1}\n  local:emulator: \"http://127.0.0.1:14599\" # here\n"))
	if err != nil || got != "127.0.0.1:14599" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheUsersOwnAccountIsOutOfReach(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("AWS_SESSION_TOKEN", "secret")
	l := local{root: "/repository", dir: "/repository/.local"}
	env := l.environment(&toolchain.Chain{}, "http://127.0.0.1:14599")
	for _, variable := range env {
		if strings.HasPrefix(variable, "AWS_PROFILE") || strings.HasPrefix(variable, "AWS_SESSION_TOKEN") {
			t.Errorf("%s is passed on: a command could reach the user's account", variable)
		}
	}
	for _, want := range []string{"AWS_ENDPOINT_URL=http://127.0.0.1:14599", "PULUMI_BACKEND_URL=file:///repository/.local/state?metadata=skip", "PULUMI_STACK=local"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestTheExitCodeOfPulumiIsPassedOn(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "pulumi")
	testprogram.Write(t, fake, "#!/bin/sh\nexit 7\n")
	l := local{root: dir, dir: dir, out: t.Output()}
	err := l.command(t.Context(), &toolchain.Chain{Pulumi: fake}, os.Environ(), nil)
	var out bytes.Buffer
	if code := exitCode(err, &out); code != 7 || out.Len() > 0 {
		t.Errorf("got %d and %q, want Pulumi's exit code 7, and nothing said twice", code, out.String())
	}
}

func TestTheErrorOfAnyOtherProgramIsShown(t *testing.T) {
	_, failed := exec.CommandContext(t.Context(), "false").Output()
	var out bytes.Buffer
	if code := exitCode(fmt.Errorf("install moto: %w\nno network", failed), &out); code != 1 || !strings.Contains(out.String(), "install moto: exit status 1\nno network") {
		t.Errorf("got %d and %q: make up would end without a word", code, out.String())
	}
	if code := exitCode(nil, &out); code != 0 {
		t.Errorf("a success has the exit code %d", code)
	}
}

func TestWithoutACommandTheUsageIsShown(t *testing.T) {
	for _, arguments := range [][]string{nil, {"deploy"}} {
		if err := run(t.Context(), arguments); err == nil || !strings.Contains(err.Error(), "usage: local COMMAND") {
			t.Errorf("%v: got %v", arguments, err)
		}
	}
}

func TestStoppingNothingIsFine(t *testing.T) {
	var out bytes.Buffer
	l := local{dir: t.TempDir(), out: &out}
	for range 2 {
		if err := l.down(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(out.String(), "no emulator") {
		t.Errorf("the user is told %q", out.String())
	}
}

func newLocal(t *testing.T, checkpoint string) (local, *bytes.Buffer) {
	t.Helper()
	root := t.TempDir()
	var out bytes.Buffer
	l := local{root: root, dir: filepath.Join(root, ".local"), out: &out}
	if err := os.MkdirAll(filepath.Dir(l.checkpoint()), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.checkpoint(), []byte(checkpoint), 0o600); err != nil {
		t.Fatal(err)
	}
	return l, &out
}
