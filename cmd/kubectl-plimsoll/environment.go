package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/net/http/httpproxy"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/report/export"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// environment is what a scan works with.
type environment struct {
	options
	stderr   io.Writer
	client   *registry.Client
	scanner  *scan.Scanner
	progress *progress
	// cache is where databases are kept.
	cache string
	// closers run at the end, the last first.
	closers []func()
}

func newEnvironment(o options, stderr io.Writer) (*environment, error) {
	e := &environment{options: o, stderr: stderr, progress: newProgress(stderr, o.quiet)}
	client, err := e.newClient()
	if err != nil {
		return nil, err
	}
	e.client = client
	images, err := e.openCache()
	if err != nil {
		e.close()
		return nil, err
	}
	e.scanner = &scan.Scanner{Registry: client, Store: images, Timeout: o.timeout, OnLayer: e.progress.layer}
	return e, nil
}

func (e *environment) close() {
	e.progress.done()
	for _, closer := range slices.Backward(e.closers) {
		closer()
	}
}

// openCache returns the store of images, for which it makes the cache. Where
// another scan uses it, this one does without, rather than wait.
func (e *environment) openCache() (*store.Store, error) {
	if e.noCache {
		return e.temporary()
	}
	e.cache = e.cacheDir
	if e.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the cache directory: %w; name one with --cache-dir, or use --no-cache", err)
		}
		e.cache = filepath.Join(dir, "plimsoll")
	}
	if err := os.MkdirAll(e.cache, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	lock := flock.New(filepath.Join(e.cache, "images.lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	if !locked {
		fmt.Fprintln(e.stderr, "kubectl plimsoll: another scan uses the cache of images: this one does without")
		cache := e.cache
		images, err := e.temporary()
		e.cache = cache
		return images, err
	}
	e.closers = append(e.closers, func() { _ = lock.Close() })
	return openStore(e.cache)
}

// temporary makes a cache that is gone afterwards.
func (e *environment) temporary() (*store.Store, error) {
	dir, err := os.MkdirTemp("", "plimsoll-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	e.cache = dir
	e.closers = append(e.closers, func() { os.RemoveAll(dir) })
	return openStore(dir)
}

func openStore(dir string) (*store.Store, error) {
	return store.Open(filepath.Join(dir, "images"), store.Options{Extractor: sbom.ExtractorVersion})
}

func (e *environment) newClient() (*registry.Client, error) {
	addresses, err := prefixes(e.allowedAddresses)
	if err != nil {
		return nil, err
	}
	authorities, err := registry.Authorities(e.caFile)
	if err != nil {
		return nil, fmt.Errorf("read --registry-ca-file: %w", err)
	}
	for _, host := range e.insecureRegistries {
		if strings.Contains(host, "/") {
			return nil, fmt.Errorf("read --insecure-registries: %q is not host[:port]", host)
		}
	}
	return registry.New(registry.Options{
		AllowedAddresses: addresses,
		NamedHosts:       append(proxies(), e.namedHosts()...),
		InsecureHosts:    e.insecureRegistries,
		CAs:              authorities,
		UserAgent:        "kubectl-plimsoll/" + version,
		Now:              time.Now,
		OnBytes:          func(_ string, n int64) { e.progress.add(n) },
	}), nil
}

// namedHosts are the registries that the command line names: they may be
// anywhere, and what they redirect to may not.
func (e *environment) namedHosts() []string {
	var hosts []string
	for _, text := range append([]string{e.reference, e.javaDatabase}, e.databases...) {
		if ref, err := image.ParseReference(text); err == nil {
			hosts = append(hosts, ref.Host())
		}
	}
	return hosts
}

// proxies that the environment names.
func proxies() []string {
	config := httpproxy.FromEnvironment()
	var hosts []string
	for _, text := range []string{config.HTTPProxy, config.HTTPSProxy} {
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("read --registry-allowed-addresses: %w", err)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// shows says whether a finding is to be shown.
func (e *environment) shows(severity v1alpha1.Severity, fixable bool) bool {
	return (len(e.severities) == 0 || slices.Contains(e.severities, severity)) && (fixable || !e.ignoreUnfixed)
}

// write writes the document in the format that was asked for.
func (e *environment) write(d *export.Document, stdout io.Writer) error {
	if e.output == "" {
		if err := formats[e.format](d, stdout, colours(stdout)); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
		return nil
	}
	file, err := os.Create(e.output)
	if err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	err = formats[e.format](d, file, false)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the output to %s: %w", e.output, err)
	}
	return nil
}
