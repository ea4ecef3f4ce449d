package emulator

import "syscall"

// endWithParent has a process end when this one does, also where this one is killed.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }
