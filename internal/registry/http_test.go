package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// serviceClient may connect to 127.0.0.1 alone.
func serviceClient(change ...func(*Options)) *http.Client {
	o := Options{AllowedAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: 10 * time.Second}
	for _, f := range change {
		f(&o)
	}
	return &http.Client{Transport: NewTransport(o)}
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// Each case leads a client to a trap that it may not connect to. HOST stands for the trap's address and port.
func TestTransportMakesNoConnectionWhereNoneIsAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		trap, as string
		// redirect says that an allowed service sends the client there.
		redirect bool
		scheme   string
		names    map[string][]string
		words    string
	}{
		"another loopback address":    {trap: "127.0.0.2"},
		"loopback v6":                 {trap: "::1"},
		"unspecified address":         {trap: "127.0.0.1", as: "0.0.0.0"},
		"v4 mapped into v6":           {trap: "127.0.0.2", as: "[::ffff:127.0.0.2]"},
		"plain HTTP to loopback":      {trap: "127.0.0.2", scheme: "http"},
		"name that means loopback":    {trap: "127.0.0.2", as: "forge.test", names: map[string][]string{"forge.test": {"127.0.0.2"}}},
		"name with several addresses": {trap: "127.0.0.2", as: "forge.test", names: map[string][]string{"forge.test": {"127.0.0.2", "169.254.169.254", "10.0.0.1"}}},
		"name of a metadata service":  {trap: "127.0.0.2", as: "forge.test", names: map[string][]string{"forge.test": {"169.254.169.254"}}, words: "never allowed"},
		"redirect":                    {trap: "127.0.0.2", redirect: true},
		"redirect by name":            {trap: "127.0.0.2", as: "hook.test", redirect: true, names: map[string][]string{"hook.test": {"127.0.0.2"}}},
		"redirect to plain HTTP":      {trap: "127.0.0.2", redirect: true, scheme: "http"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := setTrap(t, c.trap)
			host := tr.Addr().String()
			if c.as != "" {
				host = c.as + ":" + tr.port()
			}
			scheme := c.scheme
			if scheme == "" {
				scheme = "https"
			}
			url := scheme + "://" + host + "/hook"
			if c.redirect {
				server := httptest.NewServer(http.RedirectHandler(url, http.StatusTemporaryRedirect))
				defer server.Close()
				url = server.URL
			}
			_, _, err := get(t, serviceClient(func(o *Options) { o.Resolver = resolver(t, c.names) }), url)
			wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed, host, c.words)
			tr.check(t)
		})
	}
}

func TestTransportRefusesMetadataAlways(t *testing.T) {
	client := serviceClient(func(o *Options) {
		o.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
		o.NamedHosts = []string{"169.254.169.254"}
		o.InsecureHosts = []string{"169.254.169.254"}
	})
	for _, url := range []string{"http://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/", "https://100.100.100.200/"} {
		_, _, err := get(t, client, url)
		wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed, "never allowed")
	}
}

func TestTransportRefusesPlainHTTP(t *testing.T) {
	tr := setTrap(t, "127.0.0.1")
	names := map[string][]string{"forge.test": {"127.0.0.1"}}
	client := serviceClient(func(o *Options) { o.Resolver = resolver(t, names) })
	_, _, err := get(t, client, "http://forge.test:"+tr.port())
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable, "plain HTTP")
	tr.check(t)

	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	host := "forge.test" + server.URL[strings.LastIndexByte(server.URL, ':'):]
	client = serviceClient(func(o *Options) { o.Resolver, o.InsecureHosts = resolver(t, names), []string{host} })
	if resp, _, err := get(t, client, "http://"+host); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a host that is named as insecure: %v", err)
	}
}

func TestTransportJudgesWhatAProxyWouldConnectTo(t *testing.T) {
	tr := setTrap(t, "127.0.0.1")
	t.Setenv("HTTPS_PROXY", "http://"+tr.Addr().String())
	client := serviceClient(func(o *Options) { o.Resolver = resolver(t, map[string][]string{"metadata.test": {"169.254.169.254"}}) })
	for _, url := range []string{"https://169.254.169.254/", "https://metadata.test/", "https://10.0.0.1/"} {
		_, _, err := get(t, client, url)
		wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed)
	}
	tr.check(t)
}

// A service's own answers reach the caller as they are, errors included, over TLS.
func TestTransportPassesAnswersOn(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(strings.Repeat("x", maxErrorBody+1) + r.Header.Get("Authorization")))
	}))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	client := serviceClient(func(o *Options) { o.CAs = pool })
	for range 2 {
		resp, body, err := get(t, client, server.URL)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "60" || len(body) != maxErrorBody+1 {
			t.Errorf("%v: %d bytes, %v", resp, len(body), err)
		}
	}
}

func TestTransportBoundsBodies(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	_, body, err := get(t, serviceClient(), server.URL)
	wantFailure(t, err, v1alpha1.ReasonLimitExceeded, "read the answer of")
	if len(body) > 2*maxServiceBody {
		t.Errorf("%d bytes were read", len(body))
	}
}

func TestTransportGivesUp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	client := serviceClient(func(o *Options) { o.Timeout = 50 * time.Millisecond })
	for _, path := range []string{"/none", "/half"} {
		_, _, err := get(t, client, server.URL+path)
		wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := serviceClient().Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || reasonOf(err) != "" {
		t.Errorf("a request that its caller gave up: %v", err)
	}
}
