// Command demo shows Plimsoll on this machine: "up" starts a cluster with
// images in it, lets the operator report them, changes the vulnerability
// database and shows what followed, and has a pull request made for a newer base
// image; "down" stops all of it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/test/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The client of the cluster would complain, half a minute later, that nobody said where to log.
	log.SetLogger(logr.Discard())
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	dir, err := folder()
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "up":
		return up(ctx, dir)
	case len(args) == 1 && args[0] == "down":
		return stop(dir)
	case len(args) == 3 && args[0] == "registry":
		return registry.Serve(ctx, args[1], args[2])
	}
	return fmt.Errorf("usage: demo up|down")
}

// folder of the demo's state, outside the checkout.
func folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	return filepath.Join(cache, "plimsoll", "demo"), nil
}
