package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Options of a Registry. The zero value is an open registry in memory on a free port of 127.0.0.1.
type Options struct {
	// Addr to listen on, host:port. Empty: 127.0.0.1:0.
	Addr string
	// Dir keeps the blobs; manifests are in memory all the same. Empty: blobs, too.
	Dir string
	// Bearer makes protected repositories ask for a token from the registry's own /token, instead of basic authentication.
	Bearer bool
	// TagsPerPage bounds a page of a repository's tags, whatever a request asks for. 0: what it asks for.
	TagsPerPage int
}

// Registry is a running registry. Safe for concurrent use.
type Registry struct {
	// Addr is the registry's host:port.
	Addr string

	server   *http.Server
	listener net.Listener
	// store is the registry proper, behind authentication, faults and counters.
	store  http.Handler
	bearer bool
	// perPage is Options.TagsPerPage.
	perPage int

	mu     sync.Mutex
	stats  Stats
	faults []prefixedFault
	users  []user
	tokens map[string]string
}

// Start runs a registry until Close.
func Start(o Options) (*Registry, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("start registry on %s: %w", o.Addr, err)
	}
	blobs := registry.NewInMemoryBlobHandler()
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o755); err != nil {
			listener.Close()
			return nil, fmt.Errorf("start registry on %s: %w", o.Addr, err)
		}
		blobs = registry.NewDiskBlobHandler(o.Dir)
	}
	quiet := log.New(io.Discard, "", 0)
	r := &Registry{
		Addr:     listener.Addr().String(),
		listener: listener,
		store:    registry.New(registry.Logger(quiet), registry.WithBlobHandler(blobs), registry.WithReferrersSupport(true)),
		bearer:   o.Bearer,
		perPage:  o.TagsPerPage,
		stats:    newStats(),
		tokens:   map[string]string{},
	}
	r.server = &http.Server{Handler: r, ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

// Close stops the registry and breaks open connections.
func (r *Registry) Close() error {
	err := r.server.Close()
	// The server may not have begun to serve, and so not know its listener yet.
	if closing := r.listener.Close(); !errors.Is(closing, net.ErrClosed) {
		err = errors.Join(err, closing)
	}
	return err
}

// Serve runs an open registry on addr, with its blobs in dir, until ctx is done.
func Serve(ctx context.Context, addr, dir string) error {
	r, err := Start(Options{Addr: addr, Dir: dir})
	if err != nil {
		return err
	}
	<-ctx.Done()
	if err := r.Close(); err != nil {
		return fmt.Errorf("stop registry on %s: %w", addr, err)
	}
	return nil
}
