package exchange

import (
	"errors"
	"net/http"
)

const maxRedirects = 5

var (
	errOtherHost = errors.New("a redirect leads to another host")
	errRedirects = errors.New("too many redirects")
)

// Client returns base, or http.DefaultClient, but for redirects to another host, which fail.
func Client(base *http.Client) *http.Client {
	if base == nil {
		base = http.DefaultClient
	}
	client := *base
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
			return errOtherHost
		}
		if len(via) > maxRedirects {
			return errRedirects
		}
		if base.CheckRedirect != nil {
			return base.CheckRedirect(req, via)
		}
		return nil
	}
	return &client
}
