package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxAnswer bounds, in bytes, what is read of an answer.
	MaxAnswer = 64 << 10
	// DefaultTimeout bounds a request together with its answer.
	DefaultTimeout = 15 * time.Second
	// KeyHeader carries the idempotency key.
	KeyHeader = "Idempotency-Key"
)

// Request to be sent.
type Request struct {
	// Action and object for errors, such as "trigger GitLab pipeline".
	Action string
	// Method is POST where it is empty.
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// Secrets that must not come back in an error, beside the URL itself.
	Secrets []string
	// Timeout of the request together with its answer. 0: DefaultTimeout.
	Timeout time.Duration
}

// Answer of the receiver, with a status of 2xx.
type Answer struct {
	Status  int
	Header  http.Header
	Cookies []*http.Cookie
	Body    []byte
}

// Send sends the request once. Its errors are *Error. A redirect is an error: it would
// take the message, and what authorises it, to somewhere that nobody configured.
func Send(ctx context.Context, client *http.Client, r Request) (*Answer, error) {
	if client == nil {
		return nil, Refused(fmt.Errorf("%s: no HTTP client is configured", r.Action))
	}
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := r.build(ctx)
	if err != nil {
		return nil, err
	}
	once := *client
	once.Jar = nil
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := once.Do(request)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("%s: %w", r.Action, r.transportError(request.URL, err))}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer))
	if response.StatusCode/100 != 2 {
		return nil, r.refusal(request.URL, response, body)
	}
	if err != nil {
		// The status says that it was accepted: to send it again would be worse than to miss the rest.
		body = nil
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Cookies: response.Cookies(), Body: body}, nil
}

// Address checks that text is an http or https URL with a host. Its error does not hold the text.
func Address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the address is not a URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the address is not an http or https URL")
	}
	if u.Hostname() == "" {
		return nil, errors.New("the address has no host")
	}
	return u, nil
}

func (r Request) build(ctx context.Context) (*http.Request, error) {
	u, err := Address(r.URL)
	if err != nil {
		return nil, Refused(fmt.Errorf("%s: %w", r.Action, err))
	}
	method := r.Method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, Refused(fmt.Errorf("%s: the request cannot be made", r.Action))
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("User-Agent", "plimsoll")
	return request, nil
}

// transportError is what went wrong, without net/url's prefix, which is the URL. Go names addresses and
// certificates in what is left.
func (r Request) transportError(u *url.URL, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return errors.New(r.excerpt(u, err.Error()))
}

func (r Request) refusal(u *url.URL, response *http.Response, body []byte) *Error {
	err := fmt.Errorf("%s: the answer was %d %s", r.Action, response.StatusCode, http.StatusText(response.StatusCode))
	if text := r.excerpt(u, string(body)); text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return &Error{
		Status:     response.StatusCode,
		RetryAfter: retryAfter(response.Header),
		Final:      final(response.StatusCode),
		Err:        err,
	}
}
