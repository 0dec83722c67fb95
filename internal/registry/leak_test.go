package registry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

const canary = "CANARY7f3d"

// texts returns what err and every error it wraps would print.
func texts(err error) []string {
	list := []string{fmt.Sprintf("%v %+v", err, err)}
	switch wrapper := any(err).(type) {
	case interface{ Unwrap() error }:
		if inner := wrapper.Unwrap(); inner != nil {
			list = append(list, texts(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			list = append(list, texts(inner)...)
		}
	}
	return list
}

// wantNoCanary fails the test if an error, or what it wraps, tells the canary in any of its codings.
func wantNoCanary(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	basic := base64.StdEncoding.EncodeToString([]byte("alice:" + canary))
	for _, text := range texts(err) {
		for _, secret := range []string{canary, basic} {
			if strings.Contains(text, secret) {
				t.Errorf("%q tells the secret", text)
			}
		}
	}
}

// Every way of failing, with a registry that repeats what it was sent wherever it can.
func TestNoErrorTellsASecret(t *testing.T) {
	credentials := map[string]keys{
		"password":       {{Username: "alice", Password: canary}},
		"identity token": {{Username: "<token>", Token: canary}},
		"registry token": {{RegistryToken: canary}},
		"anonymous":      {},
	}
	echo := func(req *http.Request) string { return req.Header.Get("Authorization") + " " + canary }
	json := func(req *http.Request) string {
		return fmt.Sprintf(`{"errors":[{"code":%q,"message":%q,"detail":%q}]}`, canary, echo(req), canary)
	}
	tokens := func(answer func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/token" {
				answer(w, req)
				return
			}
			if !strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") {
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token?secret=%s",service=%q`, req.Host, canary, canary))
				w.WriteHeader(401)
				return
			}
			w.WriteHeader(403)
			fmt.Fprint(w, json(req))
		}
	}
	manifestOnly := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path != "/v2/" {
				answer(w, req)
			}
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Retry-After", canary)
			w.WriteHeader(code)
			fmt.Fprint(w, json(req))
		}
	}
	redirect := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, strings.ReplaceAll(url, "HOST", req.Host), http.StatusTemporaryRedirect)
		}
	}
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, text)
		}
	}
	cases := map[string]http.HandlerFunc{
		"echoed at the ping":          status(500),
		"echoed in a 403 of the ping": status(403),
		"basic realm": func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm=%q`, canary))
			w.WriteHeader(401)
			fmt.Fprint(w, json(req))
		},
		"unknown scheme": func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", canary)
			w.WriteHeader(401)
		},
		"bearer without a realm": func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer service=%q", canary))
			w.WriteHeader(401)
		},
		"realm that is refused": func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://alice:%s@10.0.0.1/%s"`, canary, canary))
			w.WriteHeader(401)
		},
		"realm that is no URL": func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s:%%zz"`, canary))
			w.WriteHeader(401)
		},
		"token is granted":       tokens(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"token":%q}`, canary) }),
		"token answer has none":  tokens(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"refresh_token":%q}`, canary) }),
		"token answer is broken": tokens(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{%q}`, canary) }),
		"token type is wrong":    tokens(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":31337}`) }),
		"token is refused":       tokens(status(401)),
		"token server is down":   tokens(status(500)),
		"token server redirects": tokens(redirect("http://alice:" + canary + "@10.0.0.1/?" + canary)),
		"manifest 400":           manifestOnly(status(400)),
		"manifest 401":           manifestOnly(status(401)),
		"manifest 404":           manifestOnly(status(404)),
		"manifest 429":           manifestOnly(status(429)),
		"manifest 502":           manifestOnly(status(502)),
		"manifest 503":           manifestOnly(status(503)),
		"not a manifest":         manifestOnly(func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, echo(req)) }),
		"redirect, forbidden":    manifestOnly(redirect("https://alice:" + canary + "@10.0.0.1/" + canary + "?sig=" + canary)),
		"redirect, plain HTTP":   manifestOnly(redirect("http://alice:" + canary + "@example.com/" + canary + "?sig=" + canary)),
		"redirect, in a circle":  manifestOnly(redirect("http://HOST/v2/x?sig=" + canary)),
		"redirect, no such file": manifestOnly(redirect("file:///" + canary)),
		"redirect, no URL":       manifestOnly(redirect("http://%zz" + canary)),
		"redirect, closed port":  manifestOnly(redirect("https://127.0.0.1:1/" + canary)),
		"malformed answer":       manifestOnly(raw("HTTP/1.1 " + canary + "\r\n\r\n")),
		"no HTTP":                manifestOnly(raw(canary)),
		"malformed header":       manifestOnly(raw("HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n")),
		"malformed length":       manifestOnly(raw("HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n")),
		"malformed chunk":        manifestOnly(raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n")),
	}
	for name, handler := range cases {
		server := httptest.NewServer(handler)
		ref := image.Reference{Repository: server.Listener.Addr().String() + "/shop/api", Tag: "1"}
		for kind, k := range credentials {
			t.Run(name+"/"+kind, func(t *testing.T) {
				_, err := newClient().Manifest(t.Context(), ref, amd64, k)
				wantNoCanary(t, err)
				_, err = newClient().Artifact(t.Context(), ref, k)
				wantNoCanary(t, err)
				_, err = newClient().Digest(t.Context(), ref, k)
				if err != nil {
					wantNoCanary(t, err)
				}
			})
		}
		server.Close()
	}
}

// The same for what goes wrong with blobs, and with a mirror that fails first.
func TestNoBlobErrorTellsASecret(t *testing.T) {
	faults := map[string]testregistry.Fault{
		"status":   {Status: 500, Body: canary},
		"limit":    {Status: 429, Header: http.Header{"Retry-After": {canary}}},
		"redirect": {Redirect: "https://alice:" + canary + "@10.0.0.1/" + canary + "?sig=" + canary},
		"corrupt":  {Corrupt: true},
		"replaced": {Replace: []byte(canary)},
		"short":    {Short: true},
		"truncate": {Truncate: true},
		"drop":     {Drop: true},
		"hang":     {Hang: true},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			origin, mirror := startRegistry(t, testregistry.Options{Bearer: true}), startRegistry(t, testregistry.Options{})
			ref := simpleImage(t, origin, "shop/api", "1")
			simpleImage(t, mirror, "shop/api", "1")
			origin.Protect("shop/", "alice", canary)
			mirror.Protect("shop/", "alice", canary)
			for _, r := range []*testregistry.Registry{origin, mirror} {
				r.Fail("/v2/shop/api/blobs/", fault)
			}
			client := newClient(func(o *Options) {
				o.Mirrors = map[string][]string{origin.Addr: {mirror.Addr}}
				o.Timeout = 500 * time.Millisecond
			})
			_, err := pull(t.Context(), client, ref, amd64, keys{{Username: "alice", Password: canary}})
			wantNoCanary(t, err)
			if !strings.Contains(err.Error(), "shop/api") {
				t.Errorf("%q does not name the repository", err)
			}
		})
	}
}

// A proxy's credential is in the environment, and its words are foreign, too.
func TestNoProxyErrorTellsASecret(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			defer conn.Close()
			fmt.Fprintf(conn, "HTTP/1.1 407 %s\r\n\r\n", canary)
		}
	}))
	defer server.Close()
	for name, proxy := range map[string]string{
		"that refuses":   "http://alice:" + canary + "@" + server.Listener.Addr().String(),
		"that is absent": "http://alice:" + canary + "@127.0.0.1:1",
		"that is no URL": "http://alice:" + canary + "@%zz",
		"not allowed":    "http://alice:" + canary + "@10.0.0.1:3128",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", proxy)
			client := newClient(func(o *Options) { o.Resolver = resolver(t, nil) })
			_, err := client.Manifest(t.Context(), image.Reference{Repository: "registry.test/shop/api", Tag: "1"}, amd64, nil)
			wantNoCanary(t, err)
		})
	}
}

// A redirect, to another host or another port of the same, must not take the credential along.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		for _, path := range []string{"/v2/shop/api/blobs/", "/v2/shop/api/manifests/"} {
			var mu sync.Mutex
			var seen []string
			stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, fmt.Sprintf("%v %s", req.Header, req.URL))
				// It even asks for one.
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, req.Host))
				w.WriteHeader(401)
			}))
			r := startRegistry(t, testregistry.Options{Bearer: bearer})
			ref := simpleImage(t, r, "shop/api", "1")
			r.Protect("shop/", "alice", canary)
			r.Fail(path, testregistry.Fault{Redirect: stranger.URL + "/elsewhere"})
			_, err := pull(t.Context(), newClient(), ref, amd64, keys{{Username: "alice", Password: canary}})
			wantNoCanary(t, err)
			stranger.Close()
			if len(seen) == 0 {
				t.Errorf("bearer %v, %s: the redirect was not followed: %v", bearer, path, err)
			}
			for _, request := range seen {
				if strings.Contains(request, "Authorization") || strings.Contains(request, canary) {
					t.Errorf("bearer %v, %s: another host was sent %s", bearer, path, request)
				}
			}
		}
	}
}

func TestTextsFindsWhatIsWrapped(t *testing.T) {
	err := errors.Join(errors.New("a"), fmt.Errorf("b: %w", &Error{Err: errors.New("deep")}))
	if got := strings.Join(texts(err), "|"); strings.Count(got, "deep") < 3 {
		t.Errorf("texts %q", got)
	}
}
