package pullrequest

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

const maxURL = 2048 // bytes

// Location of a repository.
type Location struct {
	// Base is where the forge is, without a slash at its end.
	Base string
	// Owner is an account or, where groups nest, a path of them.
	Owner string
	Name  string
}

// Path is owner and name.
func (l Location) Path() string { return l.Owner + "/" + l.Name }

// ParseRepository takes the URL of a repository apart: for cloning by HTTP or SSH (git@host:owner/name.git too),
// or that of a page below it, as labels of images have it. A base reached by SSH is taken to be at https.
// Credentials, ".git", query and fragment are dropped, and the host is made lower case. The forge is taken to be at
// the root of its host: see ParseRepositoryAt for others.
func ParseRepository(repository string) (Location, error) {
	u, err := parse(repository)
	if err != nil {
		return Location{}, err
	}
	return locate(u.Scheme+"://"+u.Host, u.Path)
}

// ParseRepositoryAt is ParseRepository for the forge at base, which may lie below the root of its host. A
// repository of another host or path is an error, so that base's credential is for base alone.
func ParseRepositoryAt(base, repository string) (Location, error) {
	b, err := parse(base)
	if err != nil {
		return Location{}, err
	}
	u, err := parse(repository)
	if err != nil {
		return Location{}, err
	}
	rest, below := strings.CutPrefix(u.Path, strings.TrimSuffix(b.Path, "/")+"/")
	if u.Host != b.Host || !below {
		return Location{}, fmt.Errorf("the repository %s is not at the forge %s", u.Host+u.Path, b.Host+b.Path)
	}
	return locate(strings.TrimSuffix(b.Scheme+"://"+b.Host+b.Path, "/"), rest)
}

// Normalise makes URLs of the same repository equal, however it is reached: https://host/path. It is
// for comparing, not for connecting.
func Normalise(repository string) (string, error) {
	l, err := ParseRepository(repository)
	if err != nil {
		return "", err
	}
	_, host, _ := strings.Cut(l.Base, "://")
	return "https://" + host + "/" + l.Path(), nil
}

// scp is git's short form of an SSH URL.
var scp = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):([^/:].*)$`)

// parse returns a URL of scheme http or https, with host and path alone. No error tells the URL: it may hold a credential.
func parse(repository string) (*url.URL, error) {
	if len(repository) > maxURL {
		return nil, fmt.Errorf("the repository's URL is longer than %d bytes", maxURL)
	}
	repository = strings.TrimPrefix(repository, "git+")
	if !strings.Contains(repository, "://") {
		if m := scp.FindStringSubmatch(repository); m != nil {
			repository = "ssh://" + m[1] + "/" + m[2]
		}
	}
	u, err := url.Parse(repository)
	if err != nil {
		return nil, errors.New("the repository's URL cannot be parsed")
	}
	scheme, host, err := server(u)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(host+u.Path, unsafe) {
		return nil, errors.New("the repository's URL has a character that no host and path has")
	}
	return &url.URL{Scheme: scheme, Host: host, Path: path.Clean("/" + u.Path)}, nil
}

// server is the scheme of the API, and the host with a port that is not the usual one.
func server(u *url.URL) (scheme, host string, err error) {
	scheme, host, port := u.Scheme, strings.ToLower(u.Hostname()), u.Port()
	switch scheme {
	case "ssh", "git":
		scheme, port = "https", "" // such a port says nothing of where the API is
	case "http", "https":
		if port == map[string]string{"http": "80", "https": "443"}[scheme] {
			port = ""
		}
	default:
		return "", "", errors.New("the repository's URL is none of http, https, ssh, git, and user@host:path")
	}
	if host == "" {
		return "", "", errors.New("the repository's URL has no host")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return scheme, host, nil
}

// unsafe is true for what would change the meaning of a path or a header.
func unsafe(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`\?#%<>"`, r) }

// Names that no repository or group has after its owner, as forges use them for their pages.
var pages = []string{"-", "tree", "blob", "raw", "commits"}

func locate(base, below string) (Location, error) {
	parts := strings.Split(strings.Trim(below, "/"), "/")
	if len(parts) > 2 {
		if page := slices.IndexFunc(parts[2:], func(part string) bool { return slices.Contains(pages, part) }); page >= 0 {
			parts = parts[:2+page]
		}
	}
	last := len(parts) - 1
	parts[last] = strings.TrimSuffix(parts[last], ".git")
	if len(parts) < 2 || slices.Contains(parts, "") {
		return Location{}, errors.New("the repository's URL names no owner and repository")
	}
	return Location{Base: base, Owner: strings.Join(parts[:last], "/"), Name: parts[last]}, nil
}
