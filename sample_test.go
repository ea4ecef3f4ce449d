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
	htdocs, bin := t.TempDir(), t.TempDir()
	server := "#!/bin/sh\necho \"$@\" > " + filepath.Join(htdocs, "arguments") + "\n"
	testprogram.Write(t, filepath.Join(bin, "httpd-foreground"), server)
	entryPoint, written := sampleCommand(version, htdocs, port)
	command := exec.CommandContext(t.Context(), entryPoint[0], append(entryPoint[1:], written...)...)
	command.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("the container's command fails: %v\n%s", err, out)
	}
	return readFile(t, filepath.Join(htdocs, "index.html")), readFile(t, filepath.Join(htdocs, "arguments"))
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

func TestAVersionCannotBreakOutOfThePage(t *testing.T) {
	t.Parallel()
	const hostile = `<script>alert("$(id)")</script>`
	page, _ := runSample(t, hostile, samplePort)
	if strings.Contains(page, "<script>") || strings.Contains(page, "uid=") {
		t.Errorf("a version is taken for HTML or for a command:\n%s", page)
	}
}
