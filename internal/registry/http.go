package registry

import (
	"errors"
	"io"
	"net/http"
)

// NewTransport returns a transport for HTTP services that are no registries,
// such as forges and webhooks. It connects to what a Client of the same options
// would connect to: the addresses are judged after name resolution and again for
// each redirect, plain HTTP is for localhost and InsecureHosts alone, and a
// response's body has at most 32 MiB: the list of a large repository's files. Of the options it ignores Mirrors, Now and,
// but for idle connections, MaxInFlightPerHost. It neither retries nor waits:
// a 429 is a response like any other.
//
// Errors, also those of reading a body, are *Error, with reason
// AddressNotAllowed for an address that may not be connected to, or wrap
// context.Canceled. They say nothing of the request but its host. An http.Client
// puts the request's URL in front of them, which may be a secret.
func NewTransport(o Options) http.RoundTripper {
	o = o.withDefaults()
	return &serviceTransport{sender: newSender(o)}
}

const maxServiceBody = 32 << 20

type serviceTransport struct{ sender }

func (t *serviceTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	doing := "ask " + req.URL.Host
	if err := t.permit(req); err != nil {
		closeBody(req)
		return nil, explain(doing, err)
	}
	resp, err := t.send(req.WithContext(withBodyLimit(req.Context(), maxServiceBody)), func() {})
	if err != nil {
		return nil, explain(doing, err)
	}
	resp.Body = &serviceBody{ReadCloser: resp.Body, doing: "read the answer of " + req.URL.Host}
	return resp, nil
}

// closeBody of a request that is not sent, as net/http asks of a RoundTripper.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // Nothing was read from it.
	}
}

// serviceBody explains its errors.
type serviceBody struct {
	io.ReadCloser
	doing string
}

func (b *serviceBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = explain(b.doing, err)
	}
	return n, err
}
