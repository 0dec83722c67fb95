package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

// fail turns what went wrong while doing something into a *pullrequest.Error. A 404 says that the repository is not there, or,
// where it is, becomes an ErrNotFound.
func (c *Client) fail(ctx context.Context, doing string, response *gitea.Response, err error) error {
	if status(response) != http.StatusNotFound {
		return c.explain(doing, response, err)
	}
	if _, err := c.describe(ctx); err != nil {
		return err
	}
	return c.refused(doing, pullrequest.ErrNotFound)
}

// explain says what an answer means. Without one, err is of the network; with a good one, of a body that is not what it should be.
func (c *Client) explain(doing string, response *gitea.Response, err error) *pullrequest.Error {
	doing += " in " + c.name
	code := status(response)
	if code < http.StatusMultipleChoices {
		return exchange.Unreachable(doing, err)
	}
	e := exchange.Answer{Status: code, Header: response.Header, Words: words(err)}.Explain(doing, c.now(), c.token)
	e.Conflict = code == http.StatusConflict || code == http.StatusUnprocessableEntity
	return e
}

// status of an answer; 0 where there is none.
func status(response *gitea.Response) int {
	if response == nil || response.Response == nil {
		return 0
	}
	return response.StatusCode
}

// words of Gitea in an error of the SDK, which has other text for answers that are not of Gitea, but of something before it.
func words(err error) string {
	if err == nil || strings.HasPrefix(err.Error(), "unknown API error") {
		return ""
	}
	return err.Error()
}

// refused is an error that no answer has, or that has been understood already.
func (c *Client) refused(doing string, err error) *pullrequest.Error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeRefused, Err: fmt.Errorf("%s in %s: %w", doing, c.name, err)}
}

// failWrite is fail for a write to a branch. Gitea answers with 403 where the branch is protected, and where the account
// may not write at all, or its token may not: the repository's own words decide.
func (c *Client) failWrite(ctx context.Context, doing string, response *gitea.Response, err error) error {
	code := status(response)
	if code == http.StatusNotFound { // the branch is gone since it was looked at
		err = c.fail(ctx, doing, response, err)
		if failure := new(pullrequest.Error); errors.As(err, &failure) {
			failure.Conflict = errors.Is(err, pullrequest.ErrNotFound)
		}
		return err
	}
	failure := c.explain(doing, response, err)
	switch code {
	case http.StatusInternalServerError:
		// Somebody has pushed in the same moment, which Gitea takes for a fault of its own.
		if strings.Contains(words(err), "cannot lock ref") {
			failure.Reason, failure.Conflict = v1alpha1.ReasonForgeRefused, true
		}
	case http.StatusForbidden:
		repository, unknown := c.describe(ctx)
		mayPush := unknown == nil && repository.Permissions != nil && repository.Permissions.Push
		if mayPush && !strings.Contains(words(err), "scope") {
			failure.Reason = v1alpha1.ReasonBranchProtected
		}
	}
	return failure
}
