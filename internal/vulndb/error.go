package vulndb

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Error is a failure to get or read a database.
type Error struct {
	// Reason is one of the API's: SourceUnavailable, InvalidArtifact,
	// UnsupportedSchema, OlderDatabase or ArtifactTooLarge.
	Reason string
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func failf(reason, format string, args ...any) error {
	return &Error{Reason: reason, Err: fmt.Errorf(format, args...)}
}

func invalidf(format string, args ...any) error {
	return failf(v1alpha1.ReasonInvalidArtifact, format, args...)
}

// reasonOf returns the reason of an *Error, else "".
func reasonOf(err error) string {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// joinFailures returns one error for all sources. Its reason is that of the
// first source that answered, because that is what a person can act on.
func joinFailures(failures []error) error {
	reason := v1alpha1.ReasonSourceUnavailable
	for _, failure := range failures {
		if own := reasonOf(failure); own != v1alpha1.ReasonSourceUnavailable {
			reason = own
			break
		}
	}
	return &Error{Reason: reason, Err: errors.Join(failures...)}
}

// unavailable is a source that did not answer, unless the error says better.
func unavailable(action string, err error) error {
	return failf(cmp.Or(reasonOf(err), v1alpha1.ReasonSourceUnavailable), "%s: %w", action, err)
}
