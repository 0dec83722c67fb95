package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
)

const maxMessage = 512 // bytes of the forge's own words in an error

// failure gives an error of the SDK its reason. Without a response it is one of the network, or of a body that is not what it should be.
func (c *Client) failure(action string, response *gitea.Response, err error) *pullrequest.Error {
	result := &pullrequest.Error{Reason: v1alpha1.ReasonForgeUnavailable, Err: fmt.Errorf("%s at %s/%s: %w", action, c.owner, c.repository, c.clean(err))}
	if response == nil || response.Response == nil {
		return result
	}
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		result.Reason = v1alpha1.ReasonForgeUnauthorized
	case status == http.StatusTooManyRequests:
		result.Reason = v1alpha1.ReasonForgeRateLimited
	case status == http.StatusConflict, status == http.StatusUnprocessableEntity:
		result.Reason, result.Conflict = v1alpha1.ReasonForgeRefused, true
	case status >= 400 && status < 500:
		result.Reason = v1alpha1.ReasonForgeRefused
	}
	result.RetryAfter = retryAfter(response.Header)
	return result
}

// clean keeps what wraps the cause where that is one of ours or of the context, and else only bounded text without the token: a
// forge can put what it likes into its messages.
func (c *Client) clean(err error) error {
	text := strings.ReplaceAll(err.Error(), c.token, "***")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "..."
	}
	return &cleaned{text: text, cause: err}
}

// cleaned has the text of an error without what nobody may see, and can still be told by its cause.
type cleaned struct {
	text  string
	cause error
}

func (e *cleaned) Error() string        { return e.text }
func (e *cleaned) Is(target error) bool { return errors.Is(e.cause, target) }

// retryAfter is a number of seconds, or a time by the forge's own clock.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), 24*time.Hour)
}

// statusOf is the error of an answer whose body the SDK did not look at.
func statusOf(response *gitea.Response) error {
	return fmt.Errorf("the forge answered %s", response.Status)
}

// missing makes an ErrNotFound of a 404.
func missing(response *gitea.Response, failure *pullrequest.Error) error {
	if response != nil && response.StatusCode == http.StatusNotFound {
		failure.Err = fmt.Errorf("%w: %w", pullrequest.ErrNotFound, failure.Err)
	}
	return failure
}

// repositoryMissing gives a 404 the reason that the repository is not there, or hidden.
func repositoryMissing(response *gitea.Response, failure *pullrequest.Error) error {
	if response != nil && response.StatusCode == http.StatusNotFound {
		failure.Reason = v1alpha1.ReasonRepositoryNotFound
	}
	return failure
}

// writeFailure is failure for a write to a branch. Gitea answers with 403 where the branch is protected, and where the account
// may not write at all, or its token may not: the repository's own words decide.
func (c *Client) writeFailure(ctx context.Context, action string, response *gitea.Response, err error) *pullrequest.Error {
	failure := c.failure(action, response, err)
	if response == nil || response.Response == nil {
		return failure
	}
	switch response.StatusCode {
	case http.StatusNotFound: // the branch is gone since it was looked at
		failure.Conflict = true
	case http.StatusInternalServerError:
		// Somebody has pushed in the same moment, which Gitea takes for a fault of its own.
		if strings.Contains(failure.Error(), "cannot lock ref") {
			failure.Reason, failure.Conflict = v1alpha1.ReasonForgeRefused, true
		}
	case http.StatusForbidden:
		repository, err := c.describe(ctx)
		mayPush := err == nil && repository.Permissions != nil && repository.Permissions.Push
		if mayPush && !strings.Contains(failure.Error(), "scope") {
			failure.Reason = v1alpha1.ReasonBranchProtected
		}
	}
	return failure
}
