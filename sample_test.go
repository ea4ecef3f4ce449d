package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ecs-sample-app/internal/testprogram"
)

// runSample runs the container's command with a stand-in for the web server,
// which notes its arguments, and returns the page and these.
func runSample(t *testing.T, version string, port int) (page, arguments string) {
	t.Helper()
	s := sample{version: version, port: port, server: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.server, "htdocs"), 0o755); err != nil {
		t.Fatal(err)
	}
	arguments = run(t, s)
	return readFile(t, filepath.Join(s.server, "htdocs", "index.html")), arguments
}

// run runs the sample's command with a stand-in for the web server, and returns its
// arguments.
func run(t *testing.T, s sample) string {
	t.Helper()
	bin := t.TempDir()
	noted := filepath.Join(bin, "arguments")
	testprogram.Write(t, filepath.Join(bin, "httpd-foreground"), "#!/bin/sh\necho \"$@\" > "+noted+"\n")
	entryPoint, written := s.command()
	command := exec.CommandContext(t.Context(), entryPoint[0], append(entryPoint[1:], written...)...)
	command.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("the container's command fails: %v\n%s", err, out)
	}
	return readFile(t, noted)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheCommandWritesThePageAndBecomesTheServer(t *testing.T) {
	t.Parallel()
	page, arguments := runSample(t, "2.4.66", samplePort)
	if want := strings.ReplaceAll(samplePage, "{{.Version}}", "2.4.66"); page != want {
		t.Errorf("the page in the browser is not the one in app/index.html:\n%s", page)
	}
	for _, text := range []string{"Amazon ECS Sample App", "Congratulations!", "now running on a container in Amazon ECS", "2.4.66"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if strings.Contains(arguments, "Listen") {
		t.Errorf("the server is told %q on the port that it listens on anyway, and would fail to listen twice", arguments)
	}
	for _, setting := range []string{"-c Header set Cache-Control no-cache", "-c KeepAliveTimeout 65"} {
		if !strings.Contains(arguments, setting) {
			t.Errorf("the server is not told %q: a browser shows the old version for hours, or requests are lost", setting)
		}
	}
}

func TestAnotherPortIsPassedToTheServer(t *testing.T) {
	t.Parallel()
	if _, arguments := runSample(t, "2.4.66", 8080); !strings.Contains(arguments, "-c Listen 8080") {
		t.Errorf("the server is told %q, so nothing answers on port 8080", arguments)
	}
}

func TestAConfinedServerHasEverythingInMemory(t *testing.T) {
	t.Parallel()
	s := sample{version: "2.4.66", port: 8080, server: t.TempDir(), memory: t.TempDir(), confined: true}
	if err := os.Mkdir(filepath.Join(s.server, "conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := "# Listen: on which port\nListen 80\nDocumentRoot \"" + s.server + "/htdocs\"\n<Directory \"" + s.server + "/htdocs\">\n"
	if err := os.WriteFile(filepath.Join(s.server, "conf", "httpd.conf"), []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	arguments := run(t, s)
	if page := readFile(t, filepath.Join(s.memory, "htdocs", "index.html")); !strings.Contains(page, "2.4.66") {
		t.Errorf("the page in memory is not of the version:\n%s", page)
	}
	conf := readFile(t, filepath.Join(s.memory, "httpd.conf"))
	if want := strings.ReplaceAll(strings.ReplaceAll(own, s.server, s.memory), "\nListen 80", "\nListen 8080"); conf != want {
		t.Errorf("the server's configuration is\n%s\nand not\n%s", conf, want)
	}
	for _, want := range []string{"-f " + s.memory + "/httpd.conf", "PidFile " + s.memory + "/httpd.pid", "KeepAliveTimeout 65"} {
		if !strings.Contains(arguments, want) {
			t.Errorf("the server is told %q and not %q: it would write where it may not", arguments, want)
		}
	}
	if left, err := os.ReadDir(s.server); err != nil || len(left) != 1 {
		t.Errorf("the command writes to a filesystem that is read-only: %v %v", left, err)
	}
	if strings.Contains(arguments, "Listen") {
		t.Errorf("the server is told to listen twice: %q", arguments)
	}
}

func TestAVersionCannotBreakOutOfThePage(t *testing.T) {
	t.Parallel()
	const hostile = `<script>alert("$(id)")</script>`
	page, _ := runSample(t, hostile, samplePort)
	if strings.Contains(page, "<script>") || strings.Contains(page, "uid=") {
		t.Errorf("a version is taken for HTML or for a command:\n%s", page)
	}
}
