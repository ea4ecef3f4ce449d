// Package testprogram writes programs that a test runs, such as a stand-in for pulumi.
package testprogram

import (
	"os"
	"syscall"
	"testing"
)

// Write writes an executable file. os.WriteFile alone is not enough where tests run in
// parallel: a program that another test starts at that moment inherits the open file,
// and running the file fails with "text file busy" (https://go.dev/issue/22315). So
// nothing is started as long as the file is open.
func Write(t testing.TB, path, content string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil { //nolint:gosec // a program must be executable
		t.Fatal(err)
	}
}
