package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// Request of a rebuild.
type Request struct {
	Trigger v1alpha1.RebuildTrigger
	// Secret is the data of the trigger's Secret; nil without one. It is sent nowhere but where its key url names.
	Secret map[string][]byte
	// Image to be rebuilt, as a reference, and its digest.
	Image, Digest string
	// Base that it should pick up, as a reference, and its digest.
	Base, BaseDigest string
	// Key is the same for the same rebuild, whoever asks for it and however often.
	Key string
	// Cluster is the name by which the asking cluster is known.
	Cluster string
}

// Result of a trigger that was accepted.
type Result struct {
	// URL where people see the run, or where they find it. It may be empty.
	URL string
}

// Error is a trigger that was not accepted. Its text holds no credential.
type Error struct {
	// Reason is one of the API's reasons of Rebuilt: TriggerFailed or TriggerSecretInvalid.
	Reason string
	// RetryAfter is how long the pipeline asks to wait. 0: it does not say.
	RetryAfter time.Duration
	// Final says that the same trigger will not be accepted later either.
	Final bool
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Send asks the pipeline once. Its errors are *Error. Where no answer came, the pipeline may have accepted: the
// next try has the same key.
func Send(ctx context.Context, client *http.Client, r Request) (Result, error) {
	send, known := senders[r.Trigger.Type]
	if !known {
		return Result{}, newError(delivery.Refused(fmt.Errorf("rebuilds of type %q are not known", r.Trigger.Type)))
	}
	if _, err := delivery.Address(r.Trigger.URL); err != nil {
		return Result{}, newError(delivery.Refused(fmt.Errorf("url: %w", err)))
	}
	if err := r.permitted(); err != nil {
		return Result{}, newError(err)
	}
	result, err := send(ctx, client, r)
	if err != nil {
		return Result{}, newError(err)
	}
	if len(result.URL) > maxURL {
		result.URL = ""
	}
	return result, nil
}

// maxURL is the API's limit on a URL.
const maxURL = 1024

var senders = map[v1alpha1.RebuildType]func(context.Context, *http.Client, Request) (Result, error){
	v1alpha1.RebuildGitHubDispatch: sendGitHubDispatch,
	v1alpha1.RebuildGitHubWorkflow: sendGitHubWorkflow,
	v1alpha1.RebuildGitLab:         sendGitLab,
	v1alpha1.RebuildJenkins:        sendJenkins,
	v1alpha1.RebuildTekton:         sendEvent,
	v1alpha1.RebuildWebhook:        sendEvent,
}

// errSecret is a Secret that lacks what the pipeline needs, or that is not for it.
var errSecret = errors.New("the trigger's Secret")

func newError(err error) *Error {
	known := delivery.AsError(err)
	reason := v1alpha1.ReasonTriggerFailed
	refused := known.Status == http.StatusUnauthorized || known.Status == http.StatusForbidden
	if refused || errors.Is(err, errSecret) {
		reason = v1alpha1.ReasonTriggerSecretInvalid
	}
	return &Error{Reason: reason, RetryAfter: known.RetryAfter, Final: known.Final, Err: err}
}

// Keys of a trigger's Secret.
const (
	secretToken    = "token"
	secretUser     = "user"
	secretAPIToken = "apiToken"
	secretHMACKey  = "hmacKey"
	secretURL      = "url"
)

// token is the value of the key that secretRef names, else of the given one; empty where there is none.
func (r Request) token(key string) string {
	if ref := r.Trigger.SecretRef; ref != nil {
		key = cmp.Or(ref.Key, key)
	}
	return clean(r.Secret[key])
}

func (r Request) requiredToken(key string) (string, error) {
	token := r.token(key)
	if token == "" {
		return "", delivery.Refused(fmt.Errorf("%w lacks the key %s", errSecret, key))
	}
	return token, nil
}

// header with the idempotency key.
func (r Request) header(contentType string) http.Header {
	header := http.Header{}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	header.Set(delivery.KeyHeader, r.Key)
	return header
}
