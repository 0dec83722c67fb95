package delivery

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Error is a request that was not accepted. Its text holds no secret, no
// address, and at most MaxExcerpt characters of the answer.
type Error struct {
	// Status of the answer; 0: there was none.
	Status int
	// RetryAfter is how long the receiver asks to wait, at most MaxRetryAfter. 0: it does not say.
	RetryAfter time.Duration
	// Final says that the same request will not be accepted later either.
	Final bool
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Refused is an error that no later try can mend.
func Refused(err error) *Error { return &Error{Final: true, Err: err} }

// AsError returns the Error that err is or wraps; any other one is taken for passing.
func AsError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Err: err}
}

// MaxRetryAfter is the longest wait that a receiver may ask for.
const MaxRetryAfter = 6 * time.Hour

// final says whether a status is the receiver's last word. Too many requests, and what says of
// itself that it passes, are not; nor are the server's own errors.
func final(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status < http.StatusInternalServerError
}

// retryAfter reads seconds or an HTTP date; 0 where the header is neither, or in the past.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), MaxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	// By the receiver's clock, as far as it tells it: ours may differ.
	sent, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(sent)), MaxRetryAfter)
}
