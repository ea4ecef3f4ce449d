package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
)

// Compile builds the Pulumi program of a folder, where the language host then finds it
// up to date. Compiled by the language host, Go's notes on what it downloads would
// stand among Pulumi's own lines.
func Compile(ctx context.Context, dir, target string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", target, dir)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w\n%s", dir, err, withoutDownloads(out))
	}
	return nil
}

// download is a line in which go says what it downloads.
var download = regexp.MustCompile(`(?m)^go: downloading .*\n?`)

// withoutDownloads is what go printed, as far as it is of interest to who reads an
// error.
func withoutDownloads(output []byte) []byte {
	return bytes.TrimSpace(download.ReplaceAll(output, nil))
}
