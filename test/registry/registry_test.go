package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

func start(t *testing.T, o Options) *Registry {
	t.Helper()
	r, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(512, 2)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func push(t *testing.T, r *Registry, ref string, m Manifest) image.Reference {
	t.Helper()
	pushed, err := r.Push(ref, m)
	if err != nil {
		t.Fatal(err)
	}
	return pushed
}

// get returns the status and the body; reading the body may fail.
func get(t *testing.T, url string, change ...func(*http.Request)) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(req)
	}
	// No redirects, and no connection that a fault could have left behind.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func TestPushedImageIsServedAndCounted(t *testing.T) {
	for name, options := range map[string]Options{
		"in memory": {},
		"on disk":   {Dir: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, options)
			img := randomImage(t)
			want, _ := img.RawManifest()
			ref := push(t, r, "shop/api:1.0", img)
			if got := ref.String(); !strings.HasPrefix(got, r.Addr+"/shop/api:1.0@sha256:") {
				t.Errorf("Push returned %s", got)
			}
			if r.Stats().Requests() != 0 {
				t.Errorf("the push was counted: %+v", r.Stats())
			}
			for _, identifier := range []string{"1.0", string(ref.Digest)} {
				_, got, err := get(t, "http://"+r.Addr+"/v2/shop/api/manifests/"+identifier)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("manifest %s: %q, %v", identifier, got, err)
				}
			}
			layers, _ := img.Layers()
			digest, _ := layers[0].Digest()
			size, _ := layers[0].Size()
			if _, got, err := get(t, "http://"+r.Addr+"/v2/shop/api/blobs/"+digest.String()); err != nil || int64(len(got)) != size {
				t.Errorf("layer has %d bytes, %v; want %d", len(got), err, size)
			}
			wantStats := Stats{Repositories: map[string]RepositoryStats{"shop/api": {
				Manifests: Count{Gets: 2, Bytes: 2 * int64(len(want))},
				Blobs:     Count{Gets: 1, Bytes: size},
			}}}
			if diff := cmp.Diff(wantStats, r.Stats()); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatsOverHTTP(t *testing.T) {
	r := start(t, Options{})
	push(t, r, "shop/api:1.0", randomImage(t))
	get(t, "http://"+r.Addr+"/v2/")
	head := func(req *http.Request) { req.Method = http.MethodHead }
	get(t, "http://"+r.Addr+"/v2/shop/api/manifests/1.0", head)
	_, body, err := get(t, "http://"+r.Addr+"/_stats")
	if err != nil {
		t.Fatal(err)
	}
	var got Stats
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := Stats{Pings: 1, Repositories: map[string]RepositoryStats{"shop/api": {Manifests: Count{Heads: 1}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	reset := func(req *http.Request) { req.Method = http.MethodDelete }
	if resp, _, err := get(t, "http://"+r.Addr+"/_stats", reset); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %v, %v", resp, err)
	}
	if diff := cmp.Diff(newStats(), r.Stats()); diff != "" {
		t.Errorf("stats after the reset (-want +got):\n%s", diff)
	}
}

func TestPushIndexAndLayout(t *testing.T) {
	index, err := random.Index(128, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, err := layout.Write(dir, index)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, Options{})
	ref := push(t, r, "shop/multi:1", index)
	children, _ := index.IndexManifest()
	for _, want := range append(children.Manifests, v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: ref.Digest.Hex()}}) {
		resp, _, err := get(t, "http://"+r.Addr+"/v2/shop/multi/manifests/"+want.Digest.String())
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("manifest %s: %v, %v", want.Digest, resp, err)
		}
	}

	// From another process: over HTTP.
	first, err := To(r.Addr).PushLayout(t.Context(), "shop/first:1", string(path))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(first.Digest), children.Manifests[0].Digest.String(); got != want {
		t.Errorf("PushLayout pushed %s, want the first manifest %s", got, want)
	}
	if _, err := To(r.Addr).PushLayout(t.Context(), "shop/first:1", filepath.Join(dir, "absent")); err == nil {
		t.Error("PushLayout of an absent directory succeeded")
	}
}

func TestPushTrivyDatabase(t *testing.T) {
	dir := "../../../shared/data/trivy-db/oci-new"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no vulnerability database at ../shared/data beside the repository")
	}
	r := start(t, Options{})
	ref, err := r.Pusher().PushLayout(t.Context(), "aquasecurity/trivy-db:2", dir)
	if err != nil {
		t.Fatal(err)
	}
	_, got, err := get(t, "http://"+r.Addr+"/v2/aquasecurity/trivy-db/manifests/2")
	if err != nil || !bytes.Contains(got, []byte("application/vnd.aquasec.trivy.db.layer.v1.tar+gzip")) {
		t.Errorf("manifest of %s: %s, %v", ref, got, err)
	}
}

func TestFaults(t *testing.T) {
	r := start(t, Options{})
	img := randomImage(t)
	push(t, r, "shop/api:1", img)
	healthy, _ := img.RawManifest()
	half := len(healthy) / 2
	cases := map[string]struct {
		fault      Fault
		wantStatus int
		wantHeader [2]string
		wantBody   func([]byte) bool
		wantErr    bool
	}{
		"status":   {fault: Fault{Status: 503, Body: "down"}, wantStatus: 503, wantBody: func(b []byte) bool { return string(b) == "down" }},
		"header":   {fault: Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, wantStatus: 429, wantHeader: [2]string{"Retry-After", "7"}},
		"redirect": {fault: Fault{Redirect: "http://example.com/x"}, wantStatus: 307, wantHeader: [2]string{"Location", "http://example.com/x"}},
		"replace":  {fault: Fault{Replace: []byte("else")}, wantStatus: 200, wantBody: func(b []byte) bool { return string(b) == "else" }},
		"corrupt": {fault: Fault{Corrupt: true}, wantStatus: 200, wantBody: func(b []byte) bool {
			return len(b) == len(healthy) && b[half] != healthy[half] && bytes.Equal(b[:half], healthy[:half])
		}},
		"short":    {fault: Fault{Short: true}, wantStatus: 200, wantBody: func(b []byte) bool { return bytes.Equal(b, healthy[:half]) }},
		"truncate": {fault: Fault{Truncate: true}, wantErr: true},
		"drop":     {fault: Fault{Drop: true}, wantErr: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r.Heal()
			r.Fail("/v2/", Fault{Status: 418})
			r.Fail("/v2/shop/api/", c.fault)
			resp, body, err := get(t, "http://"+r.Addr+"/v2/shop/api/manifests/1")
			if (err != nil) != c.wantErr {
				t.Fatalf("error %v, want one: %v", err, c.wantErr)
			}
			if c.wantErr {
				return
			}
			if resp.StatusCode != c.wantStatus || c.wantHeader[0] != "" && resp.Header.Get(c.wantHeader[0]) != c.wantHeader[1] {
				t.Errorf("answer %d %v", resp.StatusCode, resp.Header)
			}
			if c.wantBody != nil && !c.wantBody(body) {
				t.Errorf("body %q", body)
			}
		})
	}
	r.Heal()
	if _, body, err := get(t, "http://"+r.Addr+"/v2/shop/api/manifests/1"); err != nil || !bytes.Equal(body, healthy) {
		t.Errorf("healed: %q, %v", body, err)
	}
}

func TestHangEnds(t *testing.T) {
	cases := map[string]struct {
		end     func(r *Registry, cancel, release func())
		wantErr bool
	}{
		"when the client goes":  {end: func(_ *Registry, cancel, _ func()) { cancel() }, wantErr: true},
		"when it is closed":     {end: func(r *Registry, _, _ func()) { r.Close() }, wantErr: true},
		"healthily, when it is": {end: func(_ *Registry, _, release func()) { release() }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := start(t, Options{})
			push(t, r, "shop/api:1", randomImage(t))
			reached, until := make(chan struct{}), make(chan struct{})
			r.Fail("/v2/", Fault{Until: until, Reached: func() { close(reached) }})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan error)
			go func() {
				_, _, err := get(t, "http://"+r.Addr+"/v2/shop/api/manifests/1", func(req *http.Request) { *req = *req.WithContext(ctx) })
				done <- err
			}()
			select {
			case err := <-done:
				t.Fatalf("it did not hang: %v", err)
			case <-reached:
			}
			c.end(r, cancel, func() { close(until) })
			if err := <-done; (err != nil) != c.wantErr {
				t.Errorf("error %v, want one: %v", err, c.wantErr)
			}
		})
	}
}

func TestProtect(t *testing.T) {
	basic := func(name, password string) func(*http.Request) {
		return func(req *http.Request) { req.SetBasicAuth(name, password) }
	}
	// token exchanges what change sets for a bearer token, if the registry gives one.
	token := func(t *testing.T, r *Registry, change ...func(*http.Request)) func(*http.Request) {
		_, body, err := get(t, "http://"+r.Addr+"/token?scope=repository:shop/api:pull", change...)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Token string }
		_ = json.Unmarshal(body, &answer)
		return func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+answer.Token) }
	}
	for _, bearer := range []bool{false, true} {
		r := start(t, Options{Bearer: bearer})
		for _, repository := range []string{"shop/api", "open/tool"} {
			push(t, r, repository+":1", randomImage(t))
		}
		r.Protect("shop/", "alice", "secret")
		r.Protect("other/", "bob", "secret")
		credential := func(name, password string) func(*http.Request) {
			if bearer {
				return token(t, r, basic(name, password))
			}
			return basic(name, password)
		}
		cases := map[string]struct {
			path   string
			change func(*http.Request)
			want   int
		}{
			"right":           {path: "shop/api/manifests/1", change: credential("alice", "secret"), want: 200},
			"wrong password":  {path: "shop/api/manifests/1", change: credential("alice", "guess"), want: 401},
			"another's":       {path: "shop/api/manifests/1", change: credential("bob", "secret"), want: 401},
			"none":            {path: "shop/api/manifests/1", want: 401},
			"none, for ping":  {path: "", want: 401},
			"none, but open":  {path: "open/tool/manifests/1", want: 200},
			"right, and open": {path: "open/tool/manifests/1", change: credential("alice", "secret"), want: 200},
		}
		for name, c := range cases {
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			resp, _, err := get(t, "http://"+r.Addr+"/v2/"+c.path, change)
			if err != nil || resp.StatusCode != c.want {
				t.Errorf("bearer %v, %s: %v, %v; want %d", bearer, name, resp, err, c.want)
				continue
			}
			if challenge := resp.Header.Get("WWW-Authenticate"); c.want == 401 && strings.HasPrefix(challenge, "Bearer ") != bearer {
				t.Errorf("bearer %v, %s: challenge %q", bearer, name, challenge)
			}
		}
		if bearer && r.Stats().Tokens != 4 {
			t.Errorf("%d requests for tokens were counted, want 4", r.Stats().Tokens)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Serve(ctx, "127.0.0.1:0", t.TempDir()); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := Serve(ctx, "256.0.0.1:0", ""); err == nil {
		t.Error("Serve on an impossible address succeeded")
	}
}
