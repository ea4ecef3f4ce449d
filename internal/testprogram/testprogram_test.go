package testprogram

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

func TestAProgramRunsThoughOthersAreStartedWhileItIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 50 {
				program := filepath.Join(dir, strconv.Itoa(worker)+"-"+strconv.Itoa(i))
				Write(t, program, "#!/bin/sh\nexit 0\n")
				if err := exec.CommandContext(t.Context(), program).Run(); err != nil {
					t.Errorf("a test would fail now and then, through no fault of its own: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestOnlyTheUserMayRunTheProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "program")
	Write(t, program, "#!/bin/sh\n")
	info, err := os.Stat(program)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got the mode %v, %v", info.Mode(), err)
	}
}
