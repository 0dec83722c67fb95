package scan

import (
	"context"
	"errors"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/report"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Error is a failure of the scan itself, not of the registry or the image.
type Error struct {
	// Reason is one of the API's reasons.
	Reason string
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// stored gives an error of the store its reason.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Reason: v1alpha1.ReasonStoreFailed, Err: err}
}

// Reason returns the API's reason for a scan's error, and how long a registry
// asks to wait before the next try, if it does.
func Reason(err error) (reason string, retryAfter time.Duration) {
	var (
		fromRegistry *registry.Error
		fromImage    *sbom.Error
		own          *Error
	)
	switch {
	case errors.As(err, &fromRegistry):
		return fromRegistry.Reason, fromRegistry.RetryAfter
	case errors.As(err, &fromImage):
		return fromImage.Reason, 0
	case errors.As(err, &own):
		return own.Reason, 0
	case errors.Is(err, context.DeadlineExceeded):
		return v1alpha1.ReasonLimitExceeded, 0
	}
	return v1alpha1.ReasonStoreFailed, 0
}

// Final says whether no retry can mend the error, as long as the workload and
// the registry's content stay as they are.
func Final(err error) bool {
	reason, _ := Reason(err)
	return report.Final(reason)
}
