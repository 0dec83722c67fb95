package gitlab

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	gogitlab "gitlab.com/gitlab-org/api/client-go"
	"golang.org/x/time/rate"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

// maxPage is how many entries GitLab puts on a page at most.
const maxPage = 100

// Options of New.
type Options struct {
	// HTTPClient sends all requests. It is to bound time and response bodies.
	HTTPClient *http.Client
	// URL is https://gitlab.com, or the base URL of another server, which may have a path.
	URL string
	// Owner is the project's group, with those above it: group/subgroup. Name is the project's own.
	Owner, Name string
	// Token is a personal, group or project access token.
	Token string
	Now   func() time.Time
}

// forge is one project.
type forge struct {
	client *gogitlab.Client
	token  string
	// project is its path, and repository how errors name it.
	project, repository string
	now                 func() time.Time
}

var _ pullrequest.Forge = (*forge)(nil)

// New returns the project. It asks nothing of the forge yet.
func New(o Options) (pullrequest.Forge, error) {
	u, err := url.Parse(strings.TrimSuffix(o.URL, "/"))
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("the URL of GitLab is not one of a server without credentials")
	}
	u.RawQuery, u.Fragment = "", ""
	project := o.Owner + "/" + o.Name
	for part := range strings.SplitSeq(project, "/") {
		if part == "" || part == "." || part == ".." {
			return nil, fmt.Errorf("%q is no path of a project at GitLab", project)
		}
	}
	// Limits are the caller's to keep: the library would sleep, or slow down by a clock of its own.
	client, err := gogitlab.NewClient(o.Token, gogitlab.WithBaseURL(u.String()), gogitlab.WithHTTPClient(exchange.Client(o.HTTPClient)),
		gogitlab.WithoutRetries(), gogitlab.WithCustomLimiter(rate.NewLimiter(rate.Inf, 0)), gogitlab.WithUserAgent("plimsoll"),
		gogitlab.WithURLWarningLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, errors.New("the client of GitLab cannot be made")
	}
	return &forge{client: client, token: o.Token, project: project, repository: u.Host + u.Path + "/" + project, now: o.Now}, nil
}
