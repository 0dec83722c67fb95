package registry

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// A report repeats an error's text, and is written again where that changes.
func TestTheSameFailureHasTheSameText(t *testing.T) {
	dial := func(local int, cause error) error {
		return &url.Error{Op: "Get", URL: "https://registry.example.com/v2/", Err: &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: local},
			Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(local)), Port: 443}, Err: cause,
		}}
	}
	dns := func(local int, e net.DNSError) error {
		e.Name, e.Server = "registry.example.com", fmt.Sprintf("10.96.0.%d:53", local)
		if strings.Contains(e.Err, "%d") {
			e.Err = fmt.Sprintf(e.Err, local)
		}
		return dial(local, &e)
	}
	expired := func(local int) error { return expiredAt(t, time.Duration(local)*time.Hour) }
	cases := map[string]struct {
		failure func(local int) error
		want    string
	}{
		"no such host": {func(local int) error {
			return dns(local, net.DNSError{Err: "no such host", IsNotFound: true})
		}, "lookup registry.example.com: no such host"},
		"name server is silent": {func(local int) error {
			return dns(local, net.DNSError{Err: "read udp 127.0.0.1:%d->10.96.0.10:53: i/o timeout", IsTimeout: true})
		}, "lookup registry.example.com: timed out"},
		"no name server": {func(local int) error {
			return dns(local, net.DNSError{Err: "read udp 127.0.0.1:%d->10.96.0.10:53: read: connection refused"})
		}, "lookup registry.example.com: connection refused"},
		"name server fails": {func(local int) error {
			return dns(local, net.DNSError{Err: "server misbehaving", IsTemporary: true})
		}, "lookup registry.example.com: server misbehaving"},
		"reset": {func(local int) error { return dial(local, os.NewSyscallError("read", syscall.ECONNRESET)) }, "connection reset by peer"},
		"slow":  {func(local int) error { return dial(local, os.ErrDeadlineExceeded) }, "timed out"},
		"expired certificate": {func(local int) error {
			return &tls.CertificateVerificationError{Err: expired(local)}
		}, "tls: failed to verify certificate: one is valid only from 2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z"},
		"limited": {func(local int) error {
			return &holdError{host: "registry.example.com", status: 429, wait: time.Duration(local) * time.Second}
		}, "registry.example.com answered 429 Too Many Requests, and is left alone until the time that it asked for"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for local := 1; local <= 2; local++ {
				if got := strings.TrimPrefix(explain("pull", c.failure(local)).Error(), "pull: "); got != c.want {
					t.Errorf("failure %d: %q, want %q", local, got, c.want)
				}
			}
		})
	}
}

// expiredAt returns what x509 says of an expired certificate, some time after the end of 2025.
func expiredAt(t *testing.T, after time.Duration) error {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: start, NotAfter: start.Add(24 * time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	_, err = certificate.Verify(x509.VerifyOptions{Roots: x509.NewCertPool(), CurrentTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(after)})
	if err == nil || !strings.Contains(err.Error(), "2026-01-01T") {
		t.Fatalf("x509 does not tell the time any more: %v", err)
	}
	return err
}

// An authority's certificate may have expired, and then x509 tells the time in a hint.
func TestUnknownAuthorityHasNoHint(t *testing.T) {
	certificate := &x509.Certificate{Subject: pkix.Name{CommonName: "registry.example.com"}}
	err := explain("pull", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: certificate}})
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable, "certificate signed by unknown authority")
}

// Against a port where no name server listens, and each question has a port of its own.
func TestLookupsThatFailAlike(t *testing.T) {
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.LocalAddr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	var locals []string
	client := newClient(func(o *Options) {
		o.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "udp", closed)
			if err == nil {
				locals = append(locals, conn.LocalAddr().String())
			}
			return conn, err
		}}
	})
	ref := image.Reference{Repository: "registry.example.com/shop/api", Tag: "1"}
	first := errorOf(client.Manifest(t.Context(), ref, amd64, nil))
	wantFailure(t, first, v1alpha1.ReasonRegistryUnavailable, "lookup registry.example.com: ")
	second := errorOf(client.Manifest(t.Context(), ref, amd64, nil))
	if first.Error() != second.Error() {
		t.Errorf("first %q, then %q", first, second)
	}
	if errors.As(first, new(*net.DNSError)) {
		t.Error("the error still wraps the resolver's")
	}
	for _, local := range locals {
		if strings.Contains(first.Error(), local) {
			t.Errorf("%q names the port of %s", first, local)
		}
	}
}
