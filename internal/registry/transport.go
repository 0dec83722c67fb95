package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	// maxDocument bounds, in bytes, every response body that is not a blob of known size.
	maxDocument = 8 << 20
	// maxErrorBody is how much of an error's body is kept, in bytes: enough for its codes.
	maxErrorBody   = 32 << 10
	maxHeaderBytes = 256 << 10
)

var (
	errPlainHTTP = errors.New("plain HTTP is allowed only for the hosts of --insecure-registries")
	errStalled   = errors.New("the other side stopped sending")
)

// limitError is a response larger than it may be.
type limitError struct{ max int64 }

func (e *limitError) Error() string { return fmt.Sprintf("the response exceeds %d bytes", e.max) }

type bodyLimitKey struct{}

// withBodyLimit bounds the response bodies of requests made with the context, in bytes.
func withBodyLimit(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, bodyLimitKey{}, limit)
}

// guardedTransport sends one request: if its host may be asked at all, when it
// is its turn, with its response bounded, timed and counted. All requests of a
// client pass through it, also those for tokens and those a redirect causes.
type guardedTransport struct {
	sender
	slots *slots
	holds *holds
}

// sender opens connections as far as the guard allows, and bounds, times and
// counts what comes back.
type sender struct {
	base     *http.Transport
	guard    *guard
	insecure map[string]bool
	timeout  time.Duration
	onBytes  func(host string, n int64)
}

func newSender(o Options) sender {
	g := newGuard(o)
	return sender{base: newBase(o, g), guard: g, insecure: setOf(o.InsecureHosts), timeout: o.Timeout, onBytes: o.OnBytes}
}

func setOf(hosts []string) map[string]bool {
	set := make(map[string]bool, len(hosts))
	for _, host := range hosts {
		set[host] = true
	}
	return set
}

func (t *guardedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	if err := t.holds.check(host); err != nil {
		return nil, err
	}
	if err := t.permit(req); err != nil {
		return nil, err
	}
	release, err := t.slots.acquire(req.Context(), host)
	if err != nil {
		return nil, err
	}
	// Asked again: the host may have begun to refuse while this request waited for its turn.
	if err := t.holds.check(host); err != nil {
		release()
		return nil, err
	}
	resp, err := t.send(req, release)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	// Kept at once, so that whoever handles the error cannot hold up the host's slot.
	kept, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(kept))
	if err := t.holds.note(host, resp); err != nil {
		return nil, err
	}
	if err := t.guard.permitRealm(resp.Header); err != nil {
		return nil, err
	}
	return resp, nil
}

// send calls release once the response's body is read or closed, or if there is none.
func (t *sender) send(req *http.Request, release func()) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := t.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		release()
		return nil, err
	}
	resp.Body = t.newBody(ctx, cancel, req.URL.Host, resp.Body, release)
	return resp, nil
}

// permit refuses what needs no connection to be refused.
func (t *sender) permit(req *http.Request) error {
	if req.URL.Scheme == "http" && !t.insecure[req.URL.Host] && !isLocalhost(req.URL.Hostname()) {
		return errPlainHTTP
	}
	proxy, err := t.base.Proxy(req)
	if err != nil {
		return errors.New("the proxy's URL cannot be parsed")
	}
	if proxy == nil {
		return nil
	}
	return t.guard.permitProxied(req.Context(), req.URL)
}

func isLocalhost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (t *sender) newBody(ctx context.Context, cancel context.CancelCauseFunc, host string, src io.ReadCloser, release func()) *body {
	limit := int64(maxDocument)
	if n, ok := ctx.Value(bodyLimitKey{}).(int64); ok {
		limit = n
	}
	b := &body{src: src, ctx: ctx, limit: limit, left: limit, timeout: t.timeout}
	b.count = func(n int64) { t.onBytes(host, n) }
	b.end = sync.OnceFunc(func() { cancel(nil); release() })
	b.stall = time.AfterFunc(t.timeout, func() { cancel(errStalled) })
	b.stall.Stop()
	return b
}

// body is a response body that is counted, ends at its limit, gives up when the
// other side falls silent, and gives its host's slot back at the end.
type body struct {
	src         io.ReadCloser
	ctx         context.Context
	limit, left int64
	timeout     time.Duration
	stall       *time.Timer
	count       func(int64)
	end         func()
}

func (b *body) Read(p []byte) (int, error) {
	// Only waiting for the registry counts, not what the reader does in between.
	b.stall.Reset(b.timeout)
	n, err := b.src.Read(p)
	b.stall.Stop()
	if n > 0 {
		b.count(int64(n))
	}
	if b.left -= int64(n); b.left < 0 {
		err = &limitError{max: b.limit}
	}
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errStalled) {
		err = errStalled
	}
	if err != nil {
		b.end()
	}
	return n, err
}

func (b *body) Close() error {
	defer b.end()
	return b.src.Close()
}

// newBase returns the transport beneath: TLS, proxy, and the guard in the dialer.
func newBase(o Options, g *guard) *http.Transport {
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	return &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:            g.dialContext(o.Timeout),
		TLSClientConfig:        &tls.Config{RootCAs: o.CAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    o.MaxInFlightPerHost,
		ForceAttemptHTTP2:      true,
		// A digest is over the bytes as sent.
		DisableCompression: true,
	}
}
