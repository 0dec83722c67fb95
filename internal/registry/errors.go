package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

var errRedirects = errors.New("too many redirects")

// failf returns an *Error. Its arguments must be ours: no text of a registry.
func failf(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// while says what was being done when e came about.
func (e *Error) while(doing string) *Error {
	return &Error{Reason: e.Reason, RetryAfter: e.RetryAfter, Err: fmt.Errorf("%s: %w", doing, e.Err)}
}

// explain turns what went wrong while doing something into an *Error, or, where
// the caller gave up, into an error that wraps context.Canceled. Neither keeps
// err itself: HTTP errors hold signed URLs, bodies and tokens. The text is the
// same each time that the same thing goes wrong, because a report repeats it: it
// holds no time of day, no port of this machine, and none of a name's addresses.
func explain(doing string, err error) error {
	var (
		done    *Error
		blocked *blockedError
		held    *holdError
		limit   *limitError
		answer  *transport.Error
		// Before any answer: where the host may be spoken to in plain HTTP as well, that was tried, too.
		certificate *tls.CertificateVerificationError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &done):
		return err
	case errors.As(err, &blocked):
		return failf(v1alpha1.ReasonAddressNotAllowed, "%s: %w", doing, blocked)
	case errors.As(err, &held):
		reason, _ := reasonOfStatus(held.status)
		return &Error{Reason: reason, RetryAfter: held.wait, Err: fmt.Errorf("%s: %w", doing, held)}
	case errors.As(err, &limit):
		return failf(v1alpha1.ReasonLimitExceeded, "%s: %w", doing, limit)
	case errors.As(err, &certificate):
		return failf(v1alpha1.ReasonRegistryUnavailable, "%s: %w", doing, certificateCause(certificate))
	case errors.As(err, &answer):
		return explainAnswer(doing, answer)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	}
	return failf(v1alpha1.ReasonRegistryUnavailable, "%s: %w", doing, presentable(err))
}

// explain is explain, but for a host that asked to be left alone: there the
// request that it refused is another than those that are then held back.
func (e endpoint) explain(doing string, err error) error {
	if errors.As(err, new(*holdError)) {
		doing = "read " + e.repository()
	}
	return explain(doing, err)
}

func explainAnswer(doing string, answer *transport.Error) *Error {
	reason, what := reasonOfStatus(answer.StatusCode)
	var codes []string
	for _, diagnostic := range answer.Errors {
		if knownCodes[diagnostic.Code] && len(codes) < 3 {
			codes = append(codes, string(diagnostic.Code))
		}
	}
	text := fmt.Sprintf("%s: %s (%d %s", doing, what, answer.StatusCode, http.StatusText(answer.StatusCode))
	if len(codes) > 0 {
		text += ", " + strings.Join(codes, ", ")
	}
	return failf(reason, "%s)", text)
}

func reasonOfStatus(status int) (reason, what string) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return v1alpha1.ReasonUnauthorized, "the registry refuses access"
	case http.StatusNotFound:
		return v1alpha1.ReasonImageNotFound, "the registry does not have it"
	case http.StatusTooManyRequests:
		return v1alpha1.ReasonTooManyRequests, "the registry limits requests"
	}
	return v1alpha1.ReasonRegistryUnavailable, "the registry failed"
}

// knownCodes are the error codes of the distribution specification. Any other
// word in an error's body is the registry's own and is not repeated.
var knownCodes = map[transport.ErrorCode]bool{
	transport.BlobUnknownErrorCode:         true,
	transport.DeniedErrorCode:              true,
	transport.ManifestBlobUnknownErrorCode: true,
	transport.ManifestInvalidErrorCode:     true,
	transport.ManifestUnknownErrorCode:     true,
	transport.NameInvalidErrorCode:         true,
	transport.NameUnknownErrorCode:         true,
	transport.TooManyRequestsErrorCode:     true,
	transport.UnauthorizedErrorCode:        true,
	transport.UnavailableErrorCode:         true,
	transport.UnknownErrorCode:             true,
	transport.UnsupportedErrorCode:         true,
}

// presentable returns the innermost cause whose text is known to come from this
// machine, or a plain statement where there is none.
func presentable(err error) error {
	for _, known := range []error{errPlainHTTP, errStalled, errRedirects, context.DeadlineExceeded, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	var (
		lookup  *net.DNSError
		errno   syscall.Errno
		alert   tls.AlertError
		timeout net.Error
	)
	switch {
	case errors.As(err, &lookup):
		return lookupCause(lookup)
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &alert):
		return alert
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("timed out")
	case errors.Is(err, io.EOF):
		return errors.New("the connection was closed")
	case errors.Is(err, http.ErrSchemeMismatch):
		return http.ErrSchemeMismatch
	}
	return errors.New("the answer cannot be understood")
}

// lookupCause leaves out which name server was asked, and from which port.
func lookupCause(e *net.DNSError) error {
	cause := e.Err[strings.LastIndex(e.Err, ": ")+1:]
	switch {
	case e.IsNotFound:
		cause = "no such host"
	case e.IsTimeout:
		cause = "timed out"
	}
	return fmt.Errorf("lookup %s: %s", e.Name, strings.TrimSpace(cause))
}

// certificateCause leaves out the time of day, which x509 tells of a certificate that has expired.
func certificateCause(e *tls.CertificateVerificationError) error {
	var (
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
	)
	switch {
	case errors.As(e, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("tls: failed to verify certificate: one is valid only from %s to %s",
			invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(e, &authority):
		// Without the hint, which may be that the authority has expired.
		return fmt.Errorf("tls: failed to verify certificate: %w", x509.UnknownAuthorityError{Cert: authority.Cert})
	}
	return e
}
