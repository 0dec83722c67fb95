package gitea

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const (
	maxBody    = 64 << 20 // bytes of one answer: a page of pull requests with long bodies
	maxContent = 1 << 20  // bytes of one file, as pullrequest.Forge has it
	pageSize   = 50       // what Gitea gives at most, unless it is configured otherwise
)

// Client is one repository at a Gitea or Forgejo.
type Client struct {
	http              *http.Client
	base, token       string
	owner, repository string

	mu sync.Mutex
	me *gitea.User // who the token belongs to, once asked
}

var (
	_ pullrequest.Forge      = (*Client)(nil)
	_ pullrequest.Identified = (*Client)(nil)
)

// New returns a client for a repository of the forge at baseURL. It connects to nothing yet. httpClient says how to connect and
// for how long; nil is the default one.
func New(httpClient *http.Client, baseURL, token, owner, repository string) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the forge's URL is not one of http or https without credentials")
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("the forge's token is empty or holds a character that no token has")
	}
	if owner == "" || repository == "" {
		return nil, errors.New("a repository needs an owner and a name")
	}
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	limited := *httpClient
	limited.Transport = &limit{next: httpClient.Transport, host: u.Host}
	return &Client{http: &limited, base: strings.TrimSuffix(baseURL, "/"), token: token, owner: owner, repository: repository}, nil
}

// api is the SDK's client for one call: it ties a client to its context. It does not ask for the server's version first.
func (c *Client) api(ctx context.Context) *gitea.Client {
	api, err := gitea.NewClient(c.base, gitea.SetHTTPClient(c.http), gitea.SetContext(ctx), gitea.SetToken(c.token),
		gitea.SetGiteaVersion(""), gitea.SetUserAgent("plimsoll"))
	if err != nil {
		panic(err) // only an option can fail, and none of these does
	}
	return api
}

// limit bounds what an answer may hold, and stays at one host: the SDK reads bodies as a whole.
type limit struct {
	next http.RoundTripper
	host string
}

func (l *limit) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host != l.host {
		return nil, fmt.Errorf("the forge redirects to another host, %s", request.URL.Host)
	}
	next := l.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(request)
	if err == nil {
		response.Body = &limitedBody{ReadCloser: response.Body, left: maxBody}
	}
	return response, err
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the forge's answer is longer than %d bytes", maxBody)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// account returns who the token belongs to.
func (c *Client) account(ctx context.Context) (*gitea.User, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.me != nil {
		return c.me, nil
	}
	me, response, err := c.api(ctx).GetMyUserInfo()
	if err != nil {
		return nil, c.failure("ask who the token belongs to", response, err)
	}
	c.me = me
	return me, nil
}

// Emails returns the address of our commits.
func (c *Client) Emails(ctx context.Context) ([]string, error) {
	me, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	return []string{strings.ToLower(me.Email)}, nil
}

// Repository describes the repository.
func (c *Client) Repository(ctx context.Context) (pullrequest.Repository, error) {
	r, err := c.describe(ctx)
	if err != nil {
		return pullrequest.Repository{}, err
	}
	return pullrequest.Repository{
		DefaultBranch: r.DefaultBranch,
		Public:        !r.Private && !r.Internal,
		Archived:      r.Archived,
	}, nil
}

func (c *Client) describe(ctx context.Context) (*gitea.Repository, error) {
	r, response, err := c.api(ctx).GetRepo(c.owner, c.repository)
	if err != nil {
		return nil, repositoryMissing(response, c.failure("look up the repository", response, err))
	}
	return r, nil
}

// Head returns the commit that a branch points to, or an ErrNotFound.
func (c *Client) Head(ctx context.Context, branch string) (string, error) {
	b, response, err := c.api(ctx).GetRepoBranch(c.owner, c.repository, branch)
	if err != nil {
		return "", missing(response, c.failure("look up branch "+branch, response, err))
	}
	if b.Commit == nil {
		return "", fmt.Errorf("branch %s of %s/%s: %w", branch, c.owner, c.repository, pullrequest.ErrNotFound)
	}
	return b.Commit.ID, nil
}

// DeleteBranch removes a branch. One that is not there is no error.
func (c *Client) DeleteBranch(ctx context.Context, branch string) error {
	deleted, response, err := c.api(ctx).DeleteRepoBranch(c.owner, c.repository, branch)
	if err == nil && !deleted {
		err = statusOf(response)
	}
	if err == nil || response != nil && response.StatusCode == http.StatusNotFound {
		return nil
	}
	return c.writeFailure(ctx, "delete branch "+branch, response, err)
}
