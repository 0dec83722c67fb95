package github

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	gogithub "github.com/google/go-github/v88/github"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

// Options of New.
type Options struct {
	// HTTPClient sends all requests. It is to bound time and response bodies.
	HTTPClient *http.Client
	// URL is https://github.com, or the base URL of an Enterprise server.
	URL string
	// Owner and Name of the repository.
	Owner, Name string
	// Token of an account. Without it, and without App, requests are anonymous.
	Token string
	// App takes the place of Token.
	App *App
	Now func() time.Time
}

// App is an installation of a GitHub App.
type App struct {
	ID, InstallationID int64
	// PrivateKey of the App in PEM, PKCS #1 or PKCS #8.
	PrivateKey []byte
}

// forge is one repository.
type forge struct {
	client      *gogithub.Client
	credentials *credentials
	graphql     string
	owner, name string
	// repository is how errors name it.
	repository string
	now        func() time.Time
}

var _ pullrequest.Forge = (*forge)(nil)

// New returns the repository. It asks nothing of the forge yet.
func New(o Options) (pullrequest.Forge, error) {
	rest, graphql, host, err := endpoints(o.URL)
	if err != nil {
		return nil, err
	}
	if err := validateName(o.Owner, o.Name); err != nil {
		return nil, err
	}
	client := exchange.Client(o.HTTPClient)
	c := &credentials{token: o.Token, now: o.Now}
	if o.App != nil {
		if c.app, err = newInstallation(*o.App, o.Name, rest, client, o.Now); err != nil {
			return nil, err
		}
	}
	client.Transport = &transport{base: client.Transport, credentials: c}
	f := &forge{
		credentials: c, graphql: graphql, owner: o.Owner, name: o.Name,
		repository: host + "/" + o.Owner + "/" + o.Name, now: o.Now,
	}
	// Limits are the caller's to keep: the library would judge them by a clock of its own.
	f.client, err = gogithub.NewClient(gogithub.WithHTTPClient(client), gogithub.WithURLs(&rest, nil),
		gogithub.WithUserAgent("plimsoll"), gogithub.WithDisableRateLimitCheck())
	if err != nil {
		return nil, errors.New("the client of GitHub cannot be made")
	}
	return f, nil
}

// endpoints of a server's two APIs, and its host.
func endpoints(base string) (rest, graphql, host string, err error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return "", "", "", errors.New("the URL of GitHub is not one of a server without credentials")
	}
	u.RawQuery, u.Fragment = "", ""
	switch strings.ToLower(u.Host) {
	case "github.com", "www.github.com", "api.github.com":
		return "https://api.github.com/", "https://api.github.com/graphql", "github.com", nil
	}
	// Enterprise Cloud with data residency has one host for the API of each tenant.
	if tenant, ok := strings.CutSuffix(strings.ToLower(u.Host), ".ghe.com"); ok {
		api := "https://api." + strings.TrimPrefix(tenant, "api.") + ".ghe.com/"
		return api, api + "graphql", u.Host, nil
	}
	server := strings.TrimSuffix(u.String(), "/api/v3")
	return server + "/api/v3/", server + "/api/graphql", u.Host, nil
}

// validateName refuses what would change the path of a request.
func validateName(parts ...string) error {
	for _, part := range parts {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r)
		}) {
			return fmt.Errorf("%q is no name of an owner or a repository at GitHub", part)
		}
	}
	return nil
}
