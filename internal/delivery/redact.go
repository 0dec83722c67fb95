package delivery

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const (
	// MaxExcerpt is how many characters of a foreign text an error holds.
	MaxExcerpt = 200
	redacted   = "[redacted]"
	// minSecret is the shortest part of an address that is taken for a secret: shorter ones are words.
	minSecret = 6
)

// excerpt is foreign text, fit for an error: one line of printable characters,
// without the request's secrets or any part of its address.
func (r Request) excerpt(u *url.URL, text string) string {
	return Excerpt(text, append(addressParts(u), r.Secrets...)...)
}

// Excerpt returns at most MaxExcerpt printable characters of a text, in one line and without secrets.
func Excerpt(text string, secrets ...string) string {
	// The longest first, so that no part of one is left.
	secrets = slices.Clone(secrets)
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		text = strings.ReplaceAll(text, secret, redacted)
		text = strings.ReplaceAll(text, url.QueryEscape(secret), redacted)
		text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(secret)), redacted)
	}
	return Clip(text, MaxExcerpt)
}

// Clip makes a text one line of at most limit printable characters.
func Clip(text string, limit int) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, ""))
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return string(runes)
}

// addressParts are the texts in which a URL could show. An IP address as host is none of them: it is what an
// administrator has to know where the guard refused it.
func addressParts(u *url.URL) []string {
	parts := []string{u.String(), u.RequestURI(), u.Path, u.RawQuery, u.User.String()}
	if password, ok := u.User.Password(); ok {
		parts = append(parts, password)
	}
	parts = append(parts, strings.Split(u.Path, "/")...)
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return len(part) < minSecret })
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		parts = append(parts, u.Host, u.Hostname())
	}
	return parts
}
