package task

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// allCapabilities is ECS's word for every capability.
const allCapabilities = "ALL"

// Capabilities are those of the Linux kernel that ECS can take from a container
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_KernelCapabilities.html).
var Capabilities = []string{
	allCapabilities, "AUDIT_CONTROL", "AUDIT_WRITE", "BLOCK_SUSPEND", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
	"FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE",
	"MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
	"SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
}

const (
	// firstFreePort is the lowest that every user may listen on: Fargate has no
	// setting for it (https://github.com/aws/containers-roadmap/issues/1721).
	firstFreePort = 1024
	// maxVolumes keeps the list of paths a list that somebody reads.
	maxVolumes = 10
)

// execPaths are what the agent of ECS Exec writes to. AWS does not document them, and
// says that a read-only root filesystem can't be had; users found that it can
// (https://github.com/aws/containers-roadmap/issues/1359).
var execPaths = []string{"/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"}

// kernelPaths are the kernel's own, which no volume may hide.
var kernelPaths = []string{"/proc", "/sys", "/dev"}

var (
	userForm   = regexp.MustCompile(`^([a-z_][a-z0-9_-]{0,31}|\d{1,10})(:([a-z_][a-z0-9_-]{0,31}|\d{1,10}))?$`)
	pathForm   = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+$`)
	noVolume   = regexp.MustCompile(`[^A-Za-z0-9]+`)
	rootOrNone = []string{"", "0", "root"}
)

// RunsAsRoot tells whether a user of a container is root, as that of an image is that
// names none.
func RunsAsRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return slices.Contains(rootOrNone, name)
}

// Drops tells whether a capability is taken away.
func (a Args) Drops(capability string) bool {
	return slices.Contains(a.DropCapabilities, allCapabilities) || slices.Contains(a.DropCapabilities, capability)
}

// volumeName is that of the volume at a path.
func volumeName(at string) string { return "writable" + noVolume.ReplaceAllString(at, "-") }

// validateIsolation wants a container that can do its work with what it is left.
func (a Args) validateIsolation(ps *problem.Problems) {
	const capability = "NET_BIND_SERVICE"
	switch {
	case a.User != "" && !userForm.MatchString(a.User):
		ps.Add("user", a.User, "a user or its number, which a group or its number may follow, such as 1000 or app:app")
	case a.ContainerPort < 1 || a.ContainerPort >= firstFreePort:
	case !RunsAsRoot(a.User):
		ps.Add("containerPort", a.ContainerPort, "%d or above with the user %s: on Fargate only root listens below", firstFreePort, a.User)
	case a.Drops(capability):
		ps.Add("containerPort", a.ContainerPort, "%d or above without the capability %s", firstFreePort, capability)
	}
	for i, name := range a.DropCapabilities {
		at := fmt.Sprintf("dropCapabilities[%d]", i)
		check.OneOf(ps, at, name, Capabilities)
		if slices.Contains(a.DropCapabilities[:i], name) {
			ps.Add(at, name, "a capability that is not named twice")
		}
	}
	a.validatePaths(ps)
	if a.EnableExecuteCommand && !a.WritableRootFilesystem {
		for _, needed := range execPaths {
			if !slices.ContainsFunc(a.WritablePaths, func(have string) bool { return within(needed, have) }) {
				ps.Add("enableExecuteCommand", true, "false with a read-only root filesystem, or %s among writablePaths: the agent of ECS Exec writes there", check.Both(execPaths))
				break
			}
		}
	}
}

func (a Args) validatePaths(ps *problem.Problems) {
	const key = "writablePaths"
	if len(a.WritablePaths) > 0 && a.WritableRootFilesystem {
		ps.Add(key, a.WritablePaths, "nothing as long as readonlyRootFilesystem is false: all paths are writable")
	}
	if len(a.WritablePaths) > maxVolumes {
		ps.Add(key, fmt.Sprintf("%d paths", len(a.WritablePaths)), "at most %d", maxVolumes)
	}
	for i, given := range a.WritablePaths {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case !pathForm.MatchString(given) || path.Clean(given) != given:
			ps.Add(at, given, "an absolute path of letters, digits, dots, underscores and hyphens, such as /tmp")
		case slices.ContainsFunc(kernelPaths, func(own string) bool { return within(given, own) }):
			ps.Add(at, given, "a path outside of %s, which belong to the kernel", check.List(kernelPaths))
		default:
			for _, other := range a.WritablePaths[:i] {
				if within(given, other) || within(other, given) {
					ps.Add(at, given, "a path that is neither %s nor inside of it, nor the other way round", other)
				} else if volumeName(given) == volumeName(other) {
					ps.Add(at, given, "a path that differs from %s by more than its punctuation", other)
				}
			}
		}
	}
}

// within tells whether a path is a folder or inside of it.
func within(inner, folder string) bool {
	return inner == folder || strings.HasPrefix(inner, folder+"/")
}
