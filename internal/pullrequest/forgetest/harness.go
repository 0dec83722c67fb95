package forgetest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
)

// Harness is a forge with a private repository of its own, whose branch main has
// one commit with README.md, and the hands of a person there.
type Harness struct {
	// Forge acts as the bot.
	Forge pullrequest.Forge
	// Bot and Person are the names of accounts. Both may push, review and be assigned.
	Bot, Person string
	// BotEmail is the author of the bot's commits, lower case, and PersonEmail that of the person's.
	BotEmail, PersonEmail string
	// Sizes says that the forge tells the sizes of files that it lists.
	Sizes bool

	// Push makes a person's commit on a branch, which is made from main where it is not there, and returns the commit.
	Push func(t *testing.T, branch string, files map[string]string) string
	// PushMany makes n commits of a person on a new branch at once, and returns them, the oldest first. nil: Push is quick enough.
	PushMany func(t *testing.T, branch string, n int) []string
	// Merge and Close do so with a pull request as a person.
	Merge, Close func(t *testing.T, number int64)
	// Protect keeps the bot from pushing to a branch and from deleting it.
	Protect func(t *testing.T, branch string)
	// Publish makes the repository public, and Archive archives it.
	Publish, Archive func(t *testing.T)
	// Details reads what the Forge interface does not tell of a pull request.
	Details func(t *testing.T, number int64) Details

	// WithToken returns the same repository for another token.
	WithToken func(t *testing.T, token string) pullrequest.Forge
	// Missing returns a repository that is not there.
	Missing func(t *testing.T) pullrequest.Forge
	// Fail lets the server fail the next n requests of any of these forges.
	Fail func(n int, f fault.Fault)
}

// Details of a pull request.
type Details struct {
	Draft                                  bool
	Labels, Reviewers, Assignees, Comments []string
}

// ExpiredToken looks like a token, and is none.
const ExpiredToken = "0123456789abcdef0123456789abcdef01234567"

// Run runs the suite. Each test gets a harness of its own.
func Run(t *testing.T, start func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"Repository":        testRepository,
		"Archived":          testArchived,
		"Head":              testHead,
		"Files":             testFiles,
		"Read":              testRead,
		"CommitNewBranch":   testCommitNewBranch,
		"CommitFollowUp":    testCommitFollowUp,
		"CommitStale":       testCommitStale,
		"CommitReset":       testCommitReset,
		"Commits":           testCommits,
		"ManyCommits":       testManyCommits,
		"Open":              testOpen,
		"OpenTwice":         testOpenTwice,
		"OpenDecorated":     testOpenDecorated,
		"OpenWithoutBranch": testOpenWithoutBranch,
		"Draft":             testDraft,
		"EditAndComment":    testEditAndComment,
		"Close":             testClose,
		"Merge":             testMerge,
		"AllStates":         testAllStates,
		"Conflicted":        testConflicted,
		"DeleteBranch":      testDeleteBranch,
		"ExpiredToken":      testExpiredToken,
		"Protected":         testProtected,
		"MissingRepository": testMissingRepository,
		"ServerError":       testServerError,
		"SlowServer":        testSlowServer,
		"RateLimit":         testRateLimit,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, start(t))
		})
	}
}

// errorOf returns err as what every failure of a forge has to be, and checks its text.
func errorOf(t *testing.T, err error) *pullrequest.Error {
	t.Helper()
	var e *pullrequest.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want an *Error", err)
	}
	if text := err.Error(); len(text) > 600 || strings.ContainsAny(text, "\n\r") || strings.Contains(text, ExpiredToken) {
		t.Errorf("the error's text is not fit for a status: %q", text)
	}
	return e
}

func wantError(t *testing.T, err error, reason string) {
	t.Helper()
	if e := errorOf(t, err); e.Reason != reason {
		t.Fatalf("reason %s, want %s: %v", e.Reason, reason, err)
	}
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	wantError(t, err, v1alpha1.ReasonForgeRefused)
	if !errorOf(t, err).Conflict {
		t.Fatalf("no conflict: %v", err)
	}
}

func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, pullrequest.ErrNotFound) {
		t.Fatalf("error %v, want one that wraps ErrNotFound", err)
	}
}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// eventually waits until a forge has done what it does in the background.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s did not come about", what)
}

func serverError() fault.Fault {
	return fault.Fault{Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>Bad gateway</html>"}
}
