package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	pidSuffix   = ".pid"
	logSuffix   = ".log"
	stopTimeout = 10 * time.Second
	pollPeriod  = 25 * time.Millisecond
)

// errPortTaken is the one failure of a component that is worth another try: between choosing a
// free port and listening on it, anybody can take it.
var errPortTaken = errors.New("address already in use")

// process is a child whose output goes to a file and that is waited for from the start.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the child has ended and was reaped
}

// startProcess runs a program with its log and its pid in dir. A detached child outlives this
// process; any other is killed with it, where the kernel can do that.
func startProcess(dir, name, program string, args, env []string, detached bool) (*process, error) {
	logFile := filepath.Join(dir, name+logSuffix)
	output, err := os.Create(logFile)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer output.Close()

	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = attributes(detached)

	p := &process{name: name, log: logFile, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		// The kernel sends the parent-death signal when the thread ends that started the child, so
		// that thread has to live as long as the child: it does nothing but wait for it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log; that it ended is what done tells
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	pid := []byte(strconv.Itoa(cmd.Process.Pid))
	if err := os.WriteFile(filepath.Join(dir, name+pidSuffix), pid, 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("record %s: %w", name, err), p.kill())
	}
	return p, nil
}

// kill ends the child at once: nothing that a throw-away cluster holds is worth a graceful minute.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("kill %s: still there after %s", p.name, stopTimeout)
	}
}

// awaitReady polls until ready succeeds, the child ends, or the context does.
func (p *process) awaitReady(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(pollPeriod)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.failure()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)\n%s", p.name, ctx.Err(), err, p.logTail())
		case <-tick.C:
		}
	}
}

// failure explains why a child ended that should have stayed.
func (p *process) failure() error {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Errorf("%s ended: %w", p.name, err)
	}
	if bytes.Contains(content, []byte(errPortTaken.Error())) {
		return fmt.Errorf("%s ended: %w", p.name, errPortTaken)
	}
	return fmt.Errorf("%s ended: %s\n%s", p.name, p.cmd.ProcessState, p.logTail())
}

func (p *process) logTail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// StopDir ends the processes of a cluster that was started in dir, by this process or by one
// that is gone. It is no error when none of them runs.
func StopDir(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("stop cluster: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+pidSuffix))
	if err != nil {
		return fmt.Errorf("stop cluster in %s: %w", dir, err)
	}
	var errs []error
	for _, file := range files {
		errs = append(errs, stopRecorded(dir, file))
	}
	return errors.Join(errs...)
}

// Running tells whether any process of a cluster that was started in dir still runs.
func Running(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+pidSuffix))
	if err != nil {
		return false
	}
	for _, file := range files {
		if pid, err := readPID(file); err == nil && ours(pid, dir) {
			return true
		}
	}
	return false
}

func readPID(file string) (int, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s holds no process id", file)
	}
	return pid, nil
}

func stopRecorded(dir, file string) error {
	name := strings.TrimSuffix(filepath.Base(file), pidSuffix)
	pid, err := readPID(file)
	if err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	if err := killOurs(pid, dir); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	return nil
}

// ours tells whether a process names a file below dir in its command line, as all our children do: after a
// reboot the number may belong to anybody.
func ours(pid int, dir string) bool {
	return strings.Contains(commandLine(pid), dir+string(filepath.Separator))
}

func killOurs(pid int, dir string) error {
	deadline := time.Now().Add(stopTimeout)
	for ours(pid, dir) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("kill process %d: still there after %s", pid, stopTimeout)
		}
		time.Sleep(pollPeriod)
	}
	return nil
}
