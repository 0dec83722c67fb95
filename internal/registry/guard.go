package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// guard decides to which addresses a connection may be opened. It is asked by
// the dialer, with the address itself: after name resolution, and so for every
// redirect, token realm and mirror alike.
type guard struct {
	allowed  []netip.Prefix
	resolver *net.Resolver
	// named are the host:port pairs that the user asked for.
	named map[string]bool

	mu sync.RWMutex
	// trusted are the host:port pairs that may have a private address.
	trusted map[string]bool
}

func newGuard(o Options) *guard {
	g := &guard{allowed: o.AllowedAddresses, resolver: o.Resolver, trusted: map[string]bool{}, named: map[string]bool{}}
	for _, host := range o.NamedHosts {
		for _, scheme := range []string{"https", "http"} {
			g.named[strings.ToLower(hostPort(&url.URL{Scheme: scheme, Host: host}))] = true
		}
	}
	return g
}

// blockedError is a refused connection.
type blockedError struct {
	host string
	addr netip.Addr
	kind addressKind
}

func (e *blockedError) Error() string {
	if e.kind == kindMetadata {
		return fmt.Sprintf("%s has the address %s of a cloud's metadata service, which is never allowed", e.host, e.addr)
	}
	return fmt.Sprintf("%s has the %s address %s, which is not allowed; --registry-allowed-addresses=%s would allow it",
		e.host, e.kind, e.addr, netip.PrefixFrom(e.addr, e.addr.BitLen()))
}

type addressKind string

const (
	kindPublic   addressKind = "public"
	kindPrivate  addressKind = "private"
	kindLocal    addressKind = "loopback or link-local"
	kindReserved addressKind = "reserved"
	kindMetadata addressKind = "metadata"
)

// metadataAddresses hand out a cloud's credentials to whoever asks.
var metadataAddresses = addresses(
	"169.254.169.254", "fd00:ec2::254", "fd20:ce::254", // AWS, Azure, GCP and most others
	"169.254.170.2", "169.254.170.23", "fd00:ec2::23", // ECS tasks, EKS pods
	"100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.42.42", "169.254.0.23", // Alibaba, Azure, Oracle, Scaleway, Tencent
)

var (
	privateRanges = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
	// reservedRanges are neither private nor reachable on the internet.
	reservedRanges = prefixes("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "fec0::/10")
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

func addresses(texts ...string) map[netip.Addr]bool {
	set := make(map[netip.Addr]bool, len(texts))
	for _, text := range texts {
		set[netip.MustParseAddr(text)] = true
	}
	return set
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	for _, prefix := range list {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// effective returns the address that a connection to addr would reach: an IPv4
// address may be written inside an IPv6 one.
func effective(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

func classify(addr netip.Addr) addressKind {
	switch {
	case metadataAddresses[addr]:
		return kindMetadata
	case addr.IsLoopback(), addr.IsLinkLocalUnicast(), addr.IsLinkLocalMulticast(), addr.IsInterfaceLocalMulticast():
		return kindLocal
	case contains(privateRanges, addr):
		return kindPrivate
	case !addr.IsGlobalUnicast(), contains(reservedRanges, addr):
		return kindReserved
	}
	return kindPublic
}

// permit returns a *blockedError unless a connection to addr, found for host
// (host:port), may be opened.
func (g *guard) permit(host string, addr netip.Addr) error {
	addr = effective(addr)
	kind := classify(addr)
	if kind != kindMetadata {
		if kind == kindPublic || contains(g.allowed, addr) || g.named[strings.ToLower(host)] || kind == kindPrivate && g.trusts(host) {
			return nil
		}
	}
	return &blockedError{host: host, addr: addr, kind: kind}
}

func (g *guard) trust(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trusted[strings.ToLower(host)] = true
}

func (g *guard) trusts(host string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.trusted[strings.ToLower(host)]
}

// dialContext connects to address (host:port), judging each address of the host just before it is connected to.
func (g *guard) dialContext(timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := net.Dialer{
			Timeout:  timeout,
			Resolver: g.resolver,
			Control: func(_, resolved string, _ syscall.RawConn) error {
				target, err := netip.ParseAddrPort(resolved)
				if err != nil {
					return fmt.Errorf("parse address of %s: %w", address, err)
				}
				return g.permit(address, target.Addr())
			},
		}
		return dialer.DialContext(ctx, network, address)
	}
}

// permitProxied judges a host that a proxy will connect to in our stead. A name
// that only the proxy can resolve is left to the proxy.
func (g *guard) permitProxied(ctx context.Context, u *url.URL) error {
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return g.permit(hostPort(u), addr)
	}
	addrs, err := g.resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil
	}
	for _, addr := range addrs {
		if err := g.permit(hostPort(u), addr); err != nil {
			return err
		}
	}
	return nil
}

var realmParameter = regexp.MustCompile(`(?i)\brealm="?([^",\s]+)`)

// permitRealm judges a token realm that is a bare address. The dialer would
// refuse it as well, but go-containerregistry refuses private ones before it
// dials, with an error that has no type.
func (g *guard) permitRealm(header http.Header) error {
	for _, challenge := range header.Values("WWW-Authenticate") {
		match := realmParameter.FindStringSubmatch(challenge)
		if match == nil {
			continue
		}
		u, err := url.Parse(match[1])
		if err != nil {
			continue
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
			if err := g.permit(hostPort(u), addr); err != nil {
				return err
			}
		}
	}
	return nil
}

// hostPort returns u's host:port as the dialer is given it.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}
