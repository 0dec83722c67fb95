//go:build !linux

package controlplane

import (
	"os/exec"
	"strconv"
	"syscall"
)

// attributes cannot bind a child's life to its parent's outside Linux: there only Stop ends it.
func attributes(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: detached, Setpgid: !detached}
}

func commandLine(pid int) string {
	output, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(output)
}
