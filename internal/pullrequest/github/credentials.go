package github

import (
	"context"
	"net/http"
	"time"
)

// credentials of one repository: a fixed token, an App's, or none.
type credentials struct {
	token string
	app   *installation
	now   func() time.Time
}

// current returns the token to send, and whether it is one that was in use before.
func (c *credentials) current(ctx context.Context) (token string, used bool, err error) {
	if c.app == nil {
		return c.token, false, nil
	}
	return c.app.current(ctx)
}

// secrets lists what no text may hold.
func (c *credentials) secrets() []string {
	if c.app == nil {
		return []string{c.token}
	}
	return c.app.secrets()
}

// transport adds the credentials to each request. A token of an App that is
// refused although it was good before (somebody revoked it) is renewed once.
type transport struct {
	base        http.RoundTripper
	credentials *credentials
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	token, used, err := t.credentials.current(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !used || (req.Body != nil && req.GetBody == nil) {
		return resp, err
	}
	resp.Body.Close()
	t.credentials.app.forget(token)
	if token, _, err = t.credentials.current(req.Context()); err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.send(again, token)
}

func (t *transport) send(req *http.Request, token string) (*http.Response, error) {
	base := t.base
	if base == nil {
		base = http.DefaultTransport
	}
	if token != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return base.RoundTrip(req)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
