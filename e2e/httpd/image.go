// Package httpd gets the image that the sample runs, for tests with containers.
package httpd

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// script makes the image from Debian's packages, where no registry can be reached.
//
//go:embed image.sh
var script string

// pullTimeout bounds a pull: where there is no way to a registry, some networks never
// answer.
const pullTimeout = 5 * time.Minute

// Ensure makes sure that an engine, docker or podman, has the image under all of these
// names.
func Ensure(ctx context.Context, engine string, names ...string) error {
	var missing []string
	for _, name := range names {
		if exec.CommandContext(ctx, engine, "image", "inspect", name).Run() != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	made := build(ctx, engine, missing)
	if made == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	for _, name := range missing {
		if out, err := exec.CommandContext(ctx, engine, "pull", "--quiet", name).CombinedOutput(); err != nil {
			return errors.Join(made, fmt.Errorf("pull %s: %w: %s", name, err, strings.TrimSpace(string(out))))
		}
	}
	return nil
}

// build makes the image, under all of these names.
func build(ctx context.Context, engine string, names []string) error {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return errors.New("the image can be made as root on Debian only")
	}
	out, err := exec.CommandContext(ctx, "bash", append([]string{"-c", script, "image.sh", engine}, names...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make the image: %w: %s", err, out)
	}
	return nil
}
