package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

func TestPermit(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	type verdict struct{ byDefault, trusted, listed bool }
	var (
		public   = verdict{true, true, true}
		private  = verdict{false, true, true}
		local    = verdict{false, false, true}
		metadata = verdict{false, false, false}
	)
	for text, want := range map[string]verdict{
		"93.184.216.34":          public,
		"2606:2800:220:1::1":     public,
		"10.1.2.3":               private,
		"172.16.0.1":             private,
		"172.32.0.1":             public,
		"192.168.1.1":            private,
		"100.64.0.1":             private,
		"fd12:3456::1":           private,
		"127.0.0.1":              local,
		"127.8.8.8":              local,
		"::1":                    local,
		"169.254.1.1":            local,
		"fe80::1":                local,
		"fe80::1%eth0":           local,
		"224.0.0.1":              local,
		"0.0.0.0":                local,
		"0.1.2.3":                local,
		"::":                     local,
		"255.255.255.255":        local,
		"240.0.0.1":              local,
		"239.1.1.1":              local,
		"192.0.2.1":              local,
		"2001:db8::1":            local,
		"2001:0:1::1":            local,
		"fec0::1":                local,
		"::ffff:127.0.0.1":       local,
		"::127.0.0.1":            local,
		"::ffff:10.0.0.1":        private,
		"64:ff9b::7f00:1":        local,
		"64:ff9b::a00:1":         private,
		"64:ff9b::5db8:d822":     public,
		"2002:7f00:1::1":         local,
		"169.254.169.254":        metadata,
		"::ffff:169.254.169.254": metadata,
		"64:ff9b::a9fe:a9fe":     metadata,
		"2002:a9fe:a9fe::1":      metadata,
		"fd00:ec2::254":          metadata,
		"fd00:ec2::254%eth0":     metadata,
		"fd00:ec2::23":           metadata,
		"fd20:ce::254":           metadata,
		"100.100.100.200":        metadata,
		"168.63.129.16":          metadata,
		"169.254.170.2":          metadata,
		"192.0.0.192":            metadata,
	} {
		addr := netip.MustParseAddr(text)
		permitted := func(g *guard) bool {
			err := g.permit("registry.example.com:443", addr)
			var blocked *blockedError
			if err != nil && !errors.As(err, &blocked) {
				t.Errorf("%s: %v", text, err)
			}
			return err == nil
		}
		trusting := &guard{trusted: map[string]bool{}}
		trusting.trust("Registry.example.com:443")
		got := verdict{permitted(&guard{}), permitted(trusting), permitted(&guard{allowed: everything})}
		if got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestTrustHost(t *testing.T) {
	private := netip.MustParseAddr("10.0.0.1")
	client := newClient(func(o *Options) { o.InsecureHosts = []string{"plain.example.com"} })
	for _, host := range []string{"registry.example.com", "other.example.com:5000", "plain.example.com", "[fd00::1]:5000"} {
		client.TrustHost(host)
	}
	for host, want := range map[string]bool{
		"registry.example.com:443":  true,
		"REGISTRY.example.com:443":  true,
		"registry.example.com:6443": false,
		"registry.example.com:80":   false,
		"other.example.com:5000":    true,
		"other.example.com:443":     false,
		"plain.example.com:80":      true,
		"[fd00::1]:5000":            true,
		"evil.example.com:443":      false,
	} {
		if got := client.guard.permit(host, private) == nil; got != want {
			t.Errorf("%s is trusted: %v, want %v", host, got, want)
		}
	}
}

// trap counts the connections that reach it.
type trap struct {
	net.Listener
	hits atomic.Int32
}

// setTrap listens on a loopback address, or skips the test where there is none such.
func setTrap(t *testing.T, address string) *trap {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skipf("cannot listen on %s: %v", address, err)
	}
	tr := &trap{Listener: listener}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tr.hits.Add(1)
			conn.Close()
		}
	}()
	return tr
}

func (tr *trap) port() string {
	_, port, _ := net.SplitHostPort(tr.Addr().String())
	return port
}

// check fails unless no connection was made. A connection of its own that comes
// through proves that an earlier one would have been seen.
func (tr *trap) check(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", tr.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	conn.Read(make([]byte, 1))
	if got := tr.hits.Load(); got != 1 {
		t.Errorf("%d connections were made", got-1)
	}
}

// Each case lets a client that may connect to 127.0.0.1 alone, where the
// registry is, be led elsewhere. HOST stands for the trap's address and port.
func TestNoConnectionWhereNoneIsAllowed(t *testing.T) {
	const blobs, manifests = "/v2/shop/api/blobs/", "/v2/shop/api/manifests/"
	redirect := func(path, url string) func(*testregistry.Registry, string) {
		return func(r *testregistry.Registry, host string) {
			r.Fail(path, testregistry.Fault{Redirect: strings.ReplaceAll(url, "HOST", host)})
		}
	}
	realm := func(url string) func(*testregistry.Registry, string) {
		return func(r *testregistry.Registry, host string) {
			r.Fail("/v2/", testregistry.Fault{Status: 401, Header: http.Header{
				"Www-Authenticate": {fmt.Sprintf("Bearer realm=%q,service=\"x\"", strings.ReplaceAll(url, "HOST", host))},
			}})
		}
	}
	cases := map[string]struct {
		// trap is the address listened on; as, if set, how it is written.
		trap, as string
		// lead makes the registry mislead the client. nil: the reference names the trap itself.
		lead   func(r *testregistry.Registry, host string)
		names  map[string][]string
		reason string
	}{
		"another loopback address":    {trap: "127.0.0.2"},
		"loopback v6":                 {trap: "::1"},
		"unspecified address":         {trap: "127.0.0.1", as: "0.0.0.0"},
		"unspecified address v6":      {trap: "::1", as: "[::]"},
		"v4 mapped into v6":           {trap: "127.0.0.2", as: "[::ffff:127.0.0.2]"},
		"name that means loopback":    {trap: "127.0.0.2", as: "registry.test", names: map[string][]string{"registry.test": {"127.0.0.2"}}},
		"name with v6 loopback":       {trap: "::1", as: "registry.test", names: map[string][]string{"registry.test": {"::1"}}},
		"name with several addresses": {trap: "127.0.0.2", as: "registry.test", names: map[string][]string{"registry.test": {"127.0.0.2", "169.254.169.254", "10.0.0.1"}}},
		"redirect of a blob":          {trap: "127.0.0.2", lead: redirect(blobs, "https://HOST/blob")},
		"redirect of a blob by name":  {trap: "127.0.0.2", as: "cdn.test", names: map[string][]string{"cdn.test": {"127.0.0.2"}}, lead: redirect(blobs, "https://HOST/blob")},
		"redirect to plain HTTP":      {trap: "127.0.0.2", lead: redirect(blobs, "http://HOST/blob")},
		"redirect of a manifest":      {trap: "127.0.0.2", lead: redirect(manifests, "https://HOST/latest/meta-data")},
		"redirect of the ping":        {trap: "127.0.0.2", lead: redirect("/v2/", "https://HOST/v2/")},
		"token realm":                 {trap: "127.0.0.2", lead: realm("https://HOST/token")},
		"token realm by name":         {trap: "127.0.0.2", as: "auth.test", names: map[string][]string{"auth.test": {"127.0.0.2"}}, lead: realm("https://HOST/token")},
		"token realm in plain HTTP":   {trap: "127.0.0.2", as: "auth.test", names: map[string][]string{"auth.test": {"127.0.0.2"}}, lead: realm("http://HOST/token"), reason: v1alpha1.ReasonRegistryUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tr := setTrap(t, c.trap)
			host := tr.Addr().String()
			if c.as != "" {
				host = c.as + ":" + tr.port()
			}
			r := startRegistry(t, testregistry.Options{})
			ref := simpleImage(t, r, "shop/api", "1")
			if c.lead == nil {
				ref.Repository = host + "/shop/api"
			} else {
				c.lead(r, host)
			}
			client := newClient(func(o *Options) {
				o.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
				o.Resolver = resolver(t, c.names)
			})
			_, err := pull(t.Context(), client, ref, amd64, keys{{Username: "alice", Password: "secret"}})
			if c.reason == "" {
				wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed, "--registry-allowed-addresses=")
			} else {
				wantFailure(t, err, c.reason)
			}
			tr.check(t)
		})
	}
}

// The addresses that no test can listen on: the dialer is asked just before it would connect.
func TestForbiddenAddressesByReference(t *testing.T) {
	client := newClient(func(o *Options) {
		o.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("100.64.0.0/10")}
		o.InsecureHosts = []string{"169.254.169.254"}
		o.Resolver = resolver(t, map[string][]string{"registry.test": {"169.254.169.254", "fd00:ec2::254"}})
	})
	for _, host := range []string{"169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "[::ffff:169.254.169.254]", "registry.test", "169.254.169.254:8080"} {
		client.TrustHost(host)
		_, err := client.Manifest(t.Context(), image.Reference{Repository: host + "/shop/api", Tag: "1"}, amd64, nil)
		wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed, "never allowed")
	}
	plain := newClient()
	for host, word := range map[string]string{"10.9.8.7:5000": "10.9.8.7/32", "[fe80::1]": "fe80::1/128", "[fd12::1]:5000": "fd12::1/128", "192.168.7.7": "private"} {
		_, err := plain.Manifest(t.Context(), image.Reference{Repository: host + "/shop/api", Tag: "1"}, amd64, nil)
		wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed, word, host)
	}
}

// The URLs of a foreign layer are the publisher's, and are not followed at all.
func TestForeignLayerURLsAreNotFollowed(t *testing.T) {
	tr := setTrap(t, "127.0.0.1")
	r := startRegistry(t, testregistry.Options{})
	foreign := layerOf(gzipped, "windows")
	foreign.mediaType, foreign.absent = types.DockerForeignLayer, true
	foreign.urls = []string{"http://" + tr.Addr().String() + "/layer", "https://" + tr.Addr().String() + "/layer"}
	ref, _ := testImage{layers: []testLayer{foreign}}.put(t, r, "shop/api", "1")
	_, err := pull(t.Context(), newClient(), ref, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonImageNotFound)
	tr.check(t)
}

// A name that changes its mind is judged by the address that is connected to.
func TestRebinding(t *testing.T) {
	tr := setTrap(t, "127.0.0.2")
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	port := r.Addr[strings.LastIndexByte(r.Addr, ':'):]
	ref.Repository = "registry.test" + port + "/shop/api"
	names := map[string][]string{"registry.test": {"127.0.0.1"}}
	client := newClient(func(o *Options) {
		o.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		o.InsecureHosts = []string{"registry.test" + port}
		o.Resolver = resolver(t, names)
	})
	m, err := client.Manifest(t.Context(), ref, amd64, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The connection breaks, and the next one finds another address behind the name that was fine a moment ago.
	names["registry.test"] = []string{"127.0.0.2"}
	r.Fail("/v2/", testregistry.Fault{Drop: true})
	_, err = m.Layers[0].Open(t.Context())
	wantFailure(t, err, v1alpha1.ReasonAddressNotAllowed)
	tr.check(t)
}

func TestProxy(t *testing.T) {
	tr := setTrap(t, "127.0.0.1")
	for name, c := range map[string]struct {
		repository string
		proxy      string
		allowed    string
		want       string
		words      []string
	}{
		"its own address":            {repository: "registry.test", proxy: tr.Addr().String(), want: v1alpha1.ReasonAddressNotAllowed, words: []string{tr.Addr().String(), "127.0.0.1/32"}},
		"metadata behind it":         {repository: "169.254.169.254", proxy: tr.Addr().String(), allowed: "127.0.0.1/32", want: v1alpha1.ReasonAddressNotAllowed},
		"private address behind it":  {repository: "10.0.0.1:5000", proxy: tr.Addr().String(), allowed: "127.0.0.1/32", want: v1alpha1.ReasonAddressNotAllowed},
		"metadata's name behind it":  {repository: "metadata.test", proxy: tr.Addr().String(), allowed: "127.0.0.1/32", want: v1alpha1.ReasonAddressNotAllowed},
		"its name, which is private": {repository: "registry.test", proxy: "proxy.test:3128", want: v1alpha1.ReasonAddressNotAllowed, words: []string{"proxy.test:3128"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", "http://"+c.proxy)
			client := newClient(func(o *Options) {
				o.AllowedAddresses = nil
				if c.allowed != "" {
					o.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix(c.allowed)}
				}
				o.Resolver = resolver(t, map[string][]string{
					"registry.test": {"93.184.216.34"}, "metadata.test": {"169.254.169.254"}, "proxy.test": {"10.0.0.9"},
				})
			})
			_, err := client.Manifest(t.Context(), image.Reference{Repository: c.repository + "/shop/api", Tag: "1"}, amd64, nil)
			wantFailure(t, err, c.want, c.words...)
		})
	}
	tr.check(t)

	// And a proxy that is allowed is used, also for a name that only it knows.
	t.Setenv("HTTPS_PROXY", "http://"+tr.Addr().String())
	before := tr.hits.Load()
	client := newClient(func(o *Options) { o.Resolver = resolver(t, nil) })
	_, err := client.Manifest(t.Context(), image.Reference{Repository: "inside.test/shop/api", Tag: "1"}, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable)
	if tr.hits.Load() == before {
		t.Error("the proxy was not used")
	}
}

// resolver answers from names, which may change between two questions.
func resolver(t *testing.T, names map[string][]string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		t.Cleanup(func() { server.Close() })
		go answer(server, names)
		return client, nil
	}}
}

// answer serves DNS over a stream: each message is preceded by its length.
func answer(conn net.Conn, names map[string][]string) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		packed := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, packed); err != nil {
			return
		}
		var message dnsmessage.Message
		if err := message.Unpack(packed); err != nil || len(message.Questions) != 1 {
			return
		}
		reply, err := resolve(message, names)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

func resolve(query dnsmessage.Message, names map[string][]string) ([]byte, error) {
	question := query.Questions[0]
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: query.ID, Response: true, RecursionAvailable: true}, Questions: query.Questions}
	found, ok := names[strings.TrimSuffix(question.Name.String(), ".")]
	if !ok {
		reply.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range found {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
		switch addr := netip.MustParseAddr(text); {
		case addr.Is4() && question.Type == dnsmessage.TypeA:
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && question.Type == dnsmessage.TypeAAAA:
			reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return reply.Pack()
}
