package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Options of a Client. The proxy is taken from the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY); its own address is judged like any other.
type Options struct {
	// AllowedAddresses may be connected to beside public ones. Loopback,
	// link-local and reserved addresses must be named here; private ones must be
	// named here or belong to a trusted host. A cloud's metadata service is never
	// allowed, whatever this list says.
	AllowedAddresses []netip.Prefix
	// NamedHosts (host[:port]) may have any address but a cloud's metadata
	// service: whoever runs the program on a machine of their own named them, as a
	// registry or as the proxy. It is not for what others wrote, such as a pod's image.
	NamedHosts []string
	// InsecureHosts (host or host:port) may be spoken to in plain HTTP, as localhost may.
	InsecureHosts []string
	// Mirrors to try, in order, before the registry host they stand for:
	// host[:port], with a path prefix where the mirror wants one. A mirror's own
	// address is judged like any other.
	Mirrors map[string][]string
	// CAs to trust. nil: the system's.
	CAs *x509.CertPool
	// Resolver of host names. nil: the system's.
	Resolver *net.Resolver
	// MaxInFlightPerHost bounds the requests to one host whose bodies are not yet
	// read or closed. 0: 4. So a caller must not hold more layers open than that.
	MaxInFlightPerHost int
	// Timeout to connect, for the TLS handshake, for an answer to begin, and
	// between two parts of it. 0: 30 s. A whole call is bounded by its context alone.
	Timeout   time.Duration
	UserAgent string
	Now       func() time.Time
	// OnBytes is told of every body byte read from host[:port]. May be nil; called concurrently.
	OnBytes func(host string, n int64)
}

const (
	defaultInFlight = 4
	defaultTimeout  = 30 * time.Second
	// maxCredentials tried per registry, the best ones. More would look like guessing.
	maxCredentials = 16
)

// Client of all registries. Safe for concurrent use.
type Client struct {
	options   Options
	guard     *guard
	insecure  map[string]bool
	transport http.RoundTripper
}

// New returns a client. It opens no connection yet.
//
// net/http tells package log's standard logger of bytes that a server sends
// unasked. Who keeps logs free of registries' words must discard that logger's output.
func New(o Options) *Client {
	o = o.withDefaults()
	guarded := &guardedTransport{
		sender: newSender(o),
		slots:  &slots{max: o.MaxInFlightPerHost, hosts: map[string]*slot{}},
		holds:  &holds{now: o.Now, hosts: map[string]hold{}},
	}
	c := &Client{options: o, guard: guarded.guard, insecure: guarded.insecure}
	// One more try, for blips. What lasts is the caller's to retry, with backoff; and never a 429.
	retried := transport.NewRetry(guarded,
		transport.WithRetryBackoff(transport.Backoff{Duration: 100 * time.Millisecond, Factor: 1, Jitter: 0.5, Steps: 2}),
		transport.WithRetryStatusCodes(http.StatusBadGateway, http.StatusGatewayTimeout))
	c.transport = transport.NewUserAgent(retried, o.UserAgent)
	return c
}

func (o Options) withDefaults() Options {
	if o.MaxInFlightPerHost <= 0 {
		o.MaxInFlightPerHost = defaultInFlight
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.OnBytes == nil {
		o.OnBytes = func(string, int64) {}
	}
	return o
}

// TrustHost allows private addresses (not loopback or link-local ones) for a
// registry host[:port]. Call it only for a host that a kubelet has demonstrably pulled from.
func (c *Client) TrustHost(host string) {
	c.guard.trust(hostPort(&url.URL{Scheme: "https", Host: host}))
	if c.insecure[host] {
		c.guard.trust(hostPort(&url.URL{Scheme: "http", Host: host}))
	}
}

// endpoint is one place where a repository may be had.
type endpoint struct {
	host, path string
	mirror     bool
}

func (e endpoint) repository() string { return e.host + "/" + e.path }

// endpoints of a repository: its host's mirrors, then the host itself.
func (c *Client) endpoints(ref image.Reference) []endpoint {
	var list []endpoint
	for _, mirror := range c.options.Mirrors[ref.Host()] {
		host, prefix, _ := strings.Cut(strings.Trim(mirror, "/"), "/")
		path := ref.Path()
		if prefix != "" {
			path = prefix + "/" + path
		}
		list = append(list, endpoint{host: host, path: path, mirror: true})
	}
	return append(list, endpoint{host: ref.Host(), path: ref.Path()})
}

// try calls do with one session after another, for each endpoint of the
// reference and each credential, until one succeeds or fails for good. A
// refused credential is followed by the next one, a failed mirror by the next
// endpoint. The reason of the error is that of the registry itself, which comes last.
func (c *Client) try(ctx context.Context, ref image.Reference, keys Keychain, do func(*session) error) error {
	var mirrors []error
	for _, place := range c.endpoints(ref) {
		err := c.tryEndpoint(ctx, place, keys, do)
		var failure *Error
		switch {
		case err == nil || ctx.Err() != nil || !errors.As(err, &failure):
			return err
		case place.mirror:
			mirrors = append(mirrors, fmt.Errorf("mirror %s: %w", place.host, err))
		case len(mirrors) == 0:
			return err
		default:
			return &Error{Reason: failure.Reason, RetryAfter: failure.RetryAfter, Err: fmt.Errorf("%w; before that: %w", err, errors.Join(mirrors...))}
		}
	}
	return nil
}

func (c *Client) tryEndpoint(ctx context.Context, place endpoint, keys Keychain, do func(*session) error) error {
	credentials, keyErr := credentialsFor(ctx, keys, place.repository())
	var err error
	for _, credential := range append(credentials, Credential{}) {
		if err = c.attempt(ctx, place, credential, do); reasonOf(err) != v1alpha1.ReasonUnauthorized {
			return err
		}
	}
	err = fmt.Errorf("%w, with %d credentials and anonymously", err, len(credentials))
	if keyErr != nil {
		err = fmt.Errorf("%w; find credentials for %s: %w", err, place.repository(), keyErr)
	}
	return &Error{Reason: v1alpha1.ReasonUnauthorized, Err: err}
}

func credentialsFor(ctx context.Context, keys Keychain, repository string) ([]Credential, error) {
	if keys == nil {
		return nil, nil
	}
	found, err := keys.Credentials(ctx, repository)
	seen := map[Credential]bool{{}: true}
	var list []Credential
	for _, credential := range found {
		if !seen[credential] && len(list) < maxCredentials {
			seen[credential] = true
			list = append(list, credential)
		}
	}
	return list, err
}

func (c *Client) attempt(ctx context.Context, place endpoint, credential Credential, do func(*session) error) error {
	s, err := c.connect(ctx, place, credential)
	if err != nil {
		return err
	}
	return do(s)
}

// reasonOf returns the reason of an *Error, else "".
func reasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
