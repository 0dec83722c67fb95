package source

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// maxURL bytes of a repository's URL, as the API has it.
const maxURL = 1024

// scpLike is user@host:path, the short form of an SSH URL.
var scpLike = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([^/:].*|/[^/].*)$`)

// NormaliseRepository returns the one form in which repositories are compared: https://host[:port]/path without .git, the
// host in lower case. Forms for SSH become https without their port. Plain http stays, for forges without TLS.
// Credentials, query and fragment are dropped, and are in no error.
func NormaliseRepository(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if len(raw) > maxURL {
		return "", fmt.Errorf("normalise repository: the URL exceeds %d bytes", maxURL)
	}
	if match := scpLike.FindStringSubmatch(raw); match != nil && !strings.Contains(raw, "://") {
		raw = "ssh://" + match[1] + "/" + strings.TrimPrefix(match[2], "/")
	}
	u, err := url.Parse(strings.TrimPrefix(raw, "git+"))
	if err != nil {
		// The error of net/url quotes the URL, which may hold a password.
		return "", errors.New("normalise repository: not a URL")
	}
	scheme, host, err := address(u)
	if err != nil {
		return "", err
	}
	repository, err := repositoryPath(u.Path)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: scheme, Host: host, Path: repository}).String(), nil
}

// address of a repository's web pages, and of its API.
func address(u *url.URL) (scheme, host string, err error) {
	name, port := strings.ToLower(u.Hostname()), u.Port()
	switch u.Scheme = strings.ToLower(u.Scheme); u.Scheme {
	case "http", "https":
		scheme = u.Scheme
		if u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
			port = ""
		}
	case "ssh", "git":
		scheme, port = "https", ""
	default:
		return "", "", fmt.Errorf("normalise repository: scheme %.20q is none of https, http, ssh and git", u.Scheme)
	}
	if name == "" || strings.ContainsAny(name, "/\\@ %") {
		return "", "", errors.New("normalise repository: the URL has no host")
	}
	switch {
	case port != "":
		host = net.JoinHostPort(name, port)
	case strings.Contains(name, ":"):
		host = "[" + name + "]"
	default:
		host = name
	}
	return scheme, host, nil
}

func repositoryPath(raw string) (string, error) {
	if strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar }) {
		return "", errors.New("normalise repository: the path has spaces or control characters")
	}
	for segment := range strings.SplitSeq(raw, "/") {
		if segment == "." || segment == ".." {
			return "", errors.New("normalise repository: the path has relative segments")
		}
	}
	cleaned := strings.TrimSuffix(path.Clean("/"+raw), ".git")
	if cleaned == "/" || cleaned == "" || strings.HasSuffix(cleaned, "/") {
		return "", errors.New("normalise repository: the URL has no path")
	}
	return cleaned, nil
}

// sameRepository compares normalised URLs. Forges know no two repositories that differ in case alone.
func sameRepository(a, b string) bool { return strings.EqualFold(a, b) }

// sameAddress ignores scheme and port, which an SSH form does not tell of the forge.
func sameAddress(a, b string) bool {
	x, errA := url.Parse(a)
	y, errB := url.Parse(b)
	return errA == nil && errB == nil && x.Hostname() == y.Hostname() && strings.EqualFold(x.Path, y.Path)
}

// webPath divides the address of a forge's page about a directory or file at a branch, tag or commit.
var webPath = regexp.MustCompile(`^(/.+?)/(?:-/)?(?:tree|blob|src/branch|src/commit|src/tag)/([^/]+)(?:/(.*))?$`)

// splitAddress divides what labels name as an image's source: a repository's URL, that of one of its pages, or
// BuildKit's form with #revision:path.
func splitAddress(raw string) (repository, revision, within string) {
	repository, fragment, _ := strings.Cut(raw, "#")
	revision, within, _ = strings.Cut(fragment, ":")
	u, err := url.Parse(repository)
	if err != nil {
		return repository, revision, within
	}
	if match := webPath.FindStringSubmatch(u.Path); match != nil && u.Host != "" {
		u.Path, u.RawPath = match[1], ""
		return u.String(), match[2], match[3]
	}
	return repository, revision, within
}
