package toolchain

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestAnErrorOfGoIsShownWithoutWhatItDownloads(t *testing.T) {
	out := "go: downloading example.com/a v1.0.0\n# ecs-sample-app\n./main.go:3:1: syntax error\ngo: downloading example.com/b v1.0.0"
	if got := string(withoutDownloads([]byte(out))); got != "# ecs-sample-app\n./main.go:3:1: syntax error" {
		t.Errorf("shown is %q", got)
	}
}

func TestAProgramThatDoesNotCompileSaysWhere(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module x\n", 0o600)
	writeFile(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() { missing() }\n", 0o600)
	err := Compile(t.Context(), dir, filepath.Join(dir, "program"))
	if err == nil || !strings.Contains(err.Error(), "main.go:3:15: undefined: missing") {
		t.Errorf("got %v", err)
	}
}
