// Command kubectl-plimsoll is the kubectl plugin, and the same program a gate
// for pipelines: it scans one image without any cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/plimsoll-dev/plimsoll/internal/report/export"
)

// version is set when the program is linked, see the Makefile.
var version = "unknown"

// Exit codes beside 0 and what --exit-code says.
const (
	exitFailed = 1
	exitError  = 2
)

func main() {
	// net/http prints there what a server sends unasked.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := newCommand()
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	err := command.ExecuteContext(ctx)
	var result exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &result):
		return int(result)
	}
	fmt.Fprintln(stderr, "kubectl plimsoll:", export.Lines(err.Error()))
	return exitError
}

// exitCode is the result of a scan that came to its end.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
