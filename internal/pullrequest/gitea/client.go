package gitea

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

const (
	maxContent = 1 << 20 // bytes of one file, as pullrequest.Forge has it
	pageSize   = 50      // what Gitea gives at most, unless it is configured otherwise
)

// Options of New.
type Options struct {
	// HTTPClient sends all requests. It is to bound time and response bodies.
	HTTPClient *http.Client
	// URL is the server's base URL, which may have a path.
	URL         string
	Owner, Name string
	Token       string
	Now         func() time.Time
}

// Client is one repository at a Gitea or Forgejo.
type Client struct {
	http              *http.Client
	base, token       string
	owner, repository string
	// name is how errors name the repository.
	name string
	now  func() time.Time

	mu sync.Mutex
	me *gitea.User // who the token belongs to, once asked
}

var (
	_ pullrequest.Forge      = (*Client)(nil)
	_ pullrequest.Identified = (*Client)(nil)
)

// errIncomplete is an answer of status 200 that lacks what was asked for.
var errIncomplete = errors.New("the answer is incomplete")

// New returns a client for the repository. It asks nothing of the forge yet.
func New(o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(o.URL, "/"))
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("the forge's URL is not one of http or https without credentials")
	}
	if o.Token == "" || strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("the forge's token is empty or holds a character that no token has")
	}
	if o.Owner == "" || o.Name == "" {
		return nil, errors.New("a repository needs an owner and a name")
	}
	return &Client{
		http: exchange.Client(o.HTTPClient), base: u.String(), token: o.Token, owner: o.Owner, repository: o.Name,
		name: u.Host + u.Path + "/" + o.Owner + "/" + o.Name, now: o.Now,
	}, nil
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

// account returns who the token belongs to.
func (c *Client) account(ctx context.Context) (*gitea.User, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.me != nil {
		return c.me, nil
	}
	me, response, err := c.api(ctx).GetMyUserInfo()
	if err != nil {
		return nil, c.explain("ask who the token belongs to", response, err)
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
	const doing = "look up the repository"
	r, response, err := c.api(ctx).GetRepo(c.owner, c.repository)
	switch {
	case status(response) == http.StatusNotFound:
		failure := c.refused(doing, errors.New("the forge has no such repository, or hides it from these credentials"))
		failure.Reason = v1alpha1.ReasonRepositoryNotFound
		return nil, failure
	case err != nil:
		return nil, c.explain(doing, response, err)
	case r.ID == 0:
		return nil, exchange.Unreachable(doing+" in "+c.name, errIncomplete)
	}
	return r, nil
}

// Head returns the commit that a branch points to, or an ErrNotFound.
func (c *Client) Head(ctx context.Context, branch string) (string, error) {
	b, response, err := c.api(ctx).GetRepoBranch(c.owner, c.repository, branch)
	if err != nil {
		return "", c.fail(ctx, "look up branch "+branch, response, err)
	}
	if b.Commit == nil {
		return "", exchange.Unreachable("look up branch "+branch+" in "+c.name, errIncomplete)
	}
	return b.Commit.ID, nil
}

// DeleteBranch removes a branch. One that is not there is no error.
func (c *Client) DeleteBranch(ctx context.Context, branch string) error {
	deleted, response, err := c.api(ctx).DeleteRepoBranch(c.owner, c.repository, branch)
	if err == nil && deleted {
		return nil
	}
	if err = c.failWrite(ctx, "delete branch "+branch, response, err); errors.Is(err, pullrequest.ErrNotFound) {
		return nil
	}
	return err
}
