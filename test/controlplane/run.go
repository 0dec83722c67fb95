package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Program is a further process that lives beside a cluster and ends with it.
type Program struct{ process *process }

// Run starts a program beside the cluster, detached if the cluster is. One of
// its arguments must name a file below the cluster's folder: by that StopDir
// knows it. ready is asked until it succeeds.
func (c *Cluster) Run(ctx context.Context, name, program string, args, env []string, ready func(context.Context) error) (*Program, error) {
	started, err := Spawn(ctx, c.dir, name, program, args, env, c.options.Detached, ready)
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, started.process)
	return started, nil
}

// Spawn starts a program that belongs to no cluster, with its log and its pid in dir. A detached one outlives this process
// and ends by StopDir; any other is killed with this process, where the kernel can do that. One of its arguments
// must name a file below dir. ready is asked until it succeeds.
func Spawn(ctx context.Context, dir, name, program string, args, env []string, detached bool, ready func(context.Context) error) (*Program, error) {
	p, err := startProcess(dir, name, program, args, env, detached)
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, ready); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	return &Program{process: p}, nil
}

// Dir is the folder with the cluster's state and its processes' logs.
func (c *Cluster) Dir() string { return c.dir }

// Kill ends the program at once, as a crash would.
func (p *Program) Kill() error { return p.process.kill() }

// Stop asks the program to end, and kills it if it does not in time.
func (p *Program) Stop() error {
	if err := p.process.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.process.name, err)
	}
	select {
	case <-p.process.done:
		return nil
	case <-time.After(stopTimeout):
		return p.process.kill()
	}
}

// Log is what the program has printed since its last start.
func (p *Program) Log() (string, error) {
	content, err := os.ReadFile(p.process.log)
	return string(content), err
}

// PID of the process.
func (p *Program) PID() int { return p.process.cmd.Process.Pid }
