package binaries

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const progressInterval = 20 * time.Second

// Tool returns the path of a developer tool, a module of its own in hack/tools/<name>, built when the cache lacks
// this version of it. Progress lines of a build go to standard error.
func Tool(ctx context.Context, name string) (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	module := filepath.Join(top, "hack", "tools", name)
	if !exists(filepath.Join(module, "go.mod")) {
		return "", fmt.Errorf("build tool %q: there is no hack/tools/%s", name, name)
	}
	hash, err := moduleHash(module)
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, "tools", name+"-"+hash)
	err = once(ctx, target, func(dir string) error {
		return build(ctx, stderrf, program{module: module, output: filepath.Join(dir, name), pkg: "tool", ldflags: "-s -w"})
	})
	if err != nil {
		return "", fmt.Errorf("build tool %q: %w", name, err)
	}
	return filepath.Join(target, name), nil
}

func stderrf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// program is one main package of a nested module.
type program struct {
	module, output string // folder of the module, and the file to make
	pkg            string // a folder, or "tool" for the one that the module's go.mod declares
	ldflags        string
	tags           string
	cgo            bool
}

// build compiles a program. The environment's GOFLAGS and workspace do not apply: they belong to the product's module.
func build(ctx context.Context, log Logf, p program) error {
	name := filepath.Base(p.output)
	log("building %s (once; minutes when the Go build cache is cold)", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-v", "-trimpath", "-buildvcs=false", "-tags", p.tags, "-ldflags", p.ldflags, "-o", p.output, p.pkg)
	cmd.Dir = p.module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS=", "GOARCH=")
	if p.cgo {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var compiled lineCounter
	cmd.Stderr = &compiled

	start := time.Now()
	done := make(chan struct{})
	go report(done, log, name, start, &compiled.lines)
	err := cmd.Run()
	close(done)
	if err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", p.module, err, lastLines(compiled.text.Bytes(), 20))
	}
	log("built %s in %s", name, time.Since(start).Round(time.Second))
	return nil
}

func report(done <-chan struct{}, log Logf, name string, start time.Time, packages *atomic.Int64) {
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			log("still building %s: %d packages compiled, %s", name, packages.Load(), time.Since(start).Round(time.Second))
		}
	}
}

// lineCounter keeps what go build -v prints, a line for each compiled package, and
// lets another goroutine see how far it came.
type lineCounter struct {
	text  bytes.Buffer
	lines atomic.Int64
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.lines.Add(int64(bytes.Count(p, []byte("\n"))))
	return c.text.Write(p)
}

var _ io.Writer = (*lineCounter)(nil)

func lastLines(text []byte, n int) string {
	var lines []string
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
