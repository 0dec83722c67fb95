package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

func TestPullByTagAndDigest(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	gz, zs, plain := layerOf(gzipped, "one"), layerOf(zstandard, "two"), layerOf(stored, "three")
	pushed, raw := testImage{layers: []testLayer{gz, zs, plain}}.put(t, r, "shop/api", "1.0")
	for name, ref := range map[string]image.Reference{
		"tag":    {Repository: pushed.Repository, Tag: "1.0"},
		"digest": {Repository: pushed.Repository, Digest: pushed.Digest},
		"both":   pushed,
	} {
		t.Run(name, func(t *testing.T) {
			m, err := newClient().Manifest(t.Context(), ref, amd64, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Digest != digestOf(raw) || m.ConfigDigest != digestOf(m.Config) || len(m.Layers) != 3 {
				t.Fatalf("manifest %+v", m)
			}
			for i, want := range []testLayer{gz, zs, plain} {
				got := m.Layers[i]
				if got.Digest != digestOf(want.blob) || got.DiffID != want.diffID || got.Size != int64(len(want.blob)) {
					t.Errorf("layer %d: %+v", i, got)
				}
				content, err := readAll(t.Context(), got.Open)
				if err != nil || digestOf(content) != want.diffID {
					t.Errorf("layer %d: %d bytes, %v", i, len(content), err)
				}
			}
		})
	}
}

// Each case breaks a healthy image in one way, and pulls all of it.
func TestReasons(t *testing.T) {
	const manifests, blobs = "/v2/shop/api/manifests/", "/v2/shop/api/blobs/"
	cases := map[string]struct {
		path  string
		fault testregistry.Fault
		want  string
		words []string
		retry time.Duration
	}{
		"manifest not found":        {path: manifests, fault: testregistry.Fault{Status: 404, Body: `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`}, want: v1alpha1.ReasonImageNotFound, words: []string{"shop/api:1", "404", "MANIFEST_UNKNOWN"}},
		"name unknown":              {path: manifests, fault: testregistry.Fault{Status: 404, Body: `{"errors":[{"code":"NAME_UNKNOWN"}]}`}, want: v1alpha1.ReasonImageNotFound},
		"not found without a code":  {path: manifests, fault: testregistry.Fault{Status: 404, Body: "<html>"}, want: v1alpha1.ReasonImageNotFound},
		"blob not found":            {path: blobs, fault: testregistry.Fault{Status: 404}, want: v1alpha1.ReasonImageNotFound},
		"unauthorized":              {path: manifests, fault: testregistry.Fault{Status: 401}, want: v1alpha1.ReasonUnauthorized, words: []string{"shop/api", "anonymously"}},
		"denied":                    {path: manifests, fault: testregistry.Fault{Status: 403, Body: `{"errors":[{"code":"DENIED"}]}`}, want: v1alpha1.ReasonUnauthorized, words: []string{"403", "DENIED"}},
		"denied blob":               {path: blobs, fault: testregistry.Fault{Status: 403}, want: v1alpha1.ReasonUnauthorized},
		"denied ping":               {path: "/v2/", fault: testregistry.Fault{Status: 403}, want: v1alpha1.ReasonUnauthorized},
		"too many requests":         {path: manifests, fault: testregistry.Fault{Status: 429, Header: http.Header{"Retry-After": {"120"}}}, want: v1alpha1.ReasonTooManyRequests, retry: 120 * time.Second},
		"too many requests at ping": {path: "/v2/", fault: testregistry.Fault{Status: 429}, want: v1alpha1.ReasonTooManyRequests, retry: time.Minute},
		"too many requests, blob":   {path: blobs, fault: testregistry.Fault{Status: 429, Header: http.Header{"Retry-After": {"5"}}}, want: v1alpha1.ReasonTooManyRequests, retry: 5 * time.Second},
		"busy for a while":          {path: manifests, fault: testregistry.Fault{Status: 503, Header: http.Header{"Retry-After": {"30"}}}, want: v1alpha1.ReasonRegistryUnavailable, retry: 30 * time.Second},
		"internal error":            {path: manifests, fault: testregistry.Fault{Status: 500}, want: v1alpha1.ReasonRegistryUnavailable},
		"bad gateway, tried twice":  {path: manifests, fault: testregistry.Fault{Status: 502}, want: v1alpha1.ReasonRegistryUnavailable},
		"bad gateway for a blob":    {path: blobs, fault: testregistry.Fault{Status: 502}, want: v1alpha1.ReasonRegistryUnavailable},
		"huge error":                {path: manifests, fault: testregistry.Fault{Status: 500, Body: strings.Repeat("x", 1<<20)}, want: v1alpha1.ReasonRegistryUnavailable},
		"teapot":                    {path: manifests, fault: testregistry.Fault{Status: 418}, want: v1alpha1.ReasonRegistryUnavailable, words: []string{"418"}},
		"connection closed":         {path: manifests, fault: testregistry.Fault{Drop: true}, want: v1alpha1.ReasonRegistryUnavailable},
		"silence":                   {path: manifests, fault: testregistry.Fault{Hang: true}, want: v1alpha1.ReasonRegistryUnavailable, words: []string{"deadline exceeded"}},
		"silence for a blob":        {path: blobs, fault: testregistry.Fault{Hang: true}, want: v1alpha1.ReasonRegistryUnavailable},
		"silence amid a manifest":   {path: manifests, fault: testregistry.Fault{Stall: true}, want: v1alpha1.ReasonRegistryUnavailable, words: []string{"stopped sending"}},
		"silence amid a blob":       {path: blobs, fault: testregistry.Fault{Stall: true}, want: v1alpha1.ReasonRegistryUnavailable, words: []string{"stopped sending"}},
		"corrupt manifest":          {path: manifests, fault: testregistry.Fault{Corrupt: true}, want: v1alpha1.ReasonDigestMismatch},
		"another manifest":          {path: manifests, fault: testregistry.Fault{Replace: []byte("{}")}, want: v1alpha1.ReasonDigestMismatch},
		"truncated manifest":        {path: manifests, fault: testregistry.Fault{Truncate: true}, want: v1alpha1.ReasonRegistryUnavailable},
		"huge manifest":             {path: manifests, fault: testregistry.Fault{Replace: make([]byte, maxManifest+1)}, want: v1alpha1.ReasonLimitExceeded},
		"corrupt blob":              {path: blobs, fault: testregistry.Fault{Corrupt: true}, want: v1alpha1.ReasonDigestMismatch},
		"longer blob":               {path: blobs, fault: testregistry.Fault{Replace: make([]byte, 1<<20)}, want: v1alpha1.ReasonDigestMismatch},
		"short blob":                {path: blobs, fault: testregistry.Fault{Short: true}, want: v1alpha1.ReasonTruncatedLayer},
		"truncated blob":            {path: blobs, fault: testregistry.Fault{Truncate: true}, want: v1alpha1.ReasonRegistryUnavailable},
		"redirect in a circle":      {path: blobs, fault: testregistry.Fault{Redirect: blobs}, want: v1alpha1.ReasonRegistryUnavailable, words: []string{"redirects"}},
		"redirect to plain HTTP":    {path: blobs, fault: testregistry.Fault{Redirect: "http://93.184.216.34/"}, want: v1alpha1.ReasonRegistryUnavailable, words: []string{"plain HTTP"}},
		"redirect to a file":        {path: blobs, fault: testregistry.Fault{Redirect: "file:///etc/passwd"}, want: v1alpha1.ReasonRegistryUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRegistry(t, testregistry.Options{})
			ref := simpleImage(t, r, "shop/api", "1")
			r.Fail(c.path, c.fault)
			now := time.Now()
			client := newClient(func(o *Options) {
				o.Now = func() time.Time { return now }
				if c.fault.Hang || c.fault.Stall {
					o.Timeout = 200 * time.Millisecond
				}
			})
			_, err := pull(t.Context(), client, ref, amd64, nil)
			wantFailure(t, err, c.want, c.words...)
			var e *Error
			if errors.As(err, &e); e.RetryAfter != c.retry {
				t.Errorf("RetryAfter %s, want %s", e.RetryAfter, c.retry)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestRetriesAreFew(t *testing.T) {
	for status, want := range map[int]int{404: 1, 401: 1, 403: 1, 429: 1, 500: 1, 503: 1, 502: 2, 504: 2} {
		r := startRegistry(t, testregistry.Options{})
		ref := simpleImage(t, r, "shop/api", "1")
		r.Fail("/v2/shop/api/", testregistry.Fault{Status: status})
		if _, err := newClient().Manifest(t.Context(), ref, amd64, nil); err == nil {
			t.Fatalf("%d: no error", status)
		}
		if got := r.Stats().Repositories["shop/api"].Manifests.Gets; got != want {
			t.Errorf("%d was asked for %d times, want %d", status, got, want)
		}
	}
}

func TestRefusedConnectionAndName(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	r.Close()
	_, err := newClient().Manifest(t.Context(), ref, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable, "connection refused")

	ref.Repository = "registry.invalid/shop/api"
	client := newClient(func(o *Options) { o.Resolver = resolver(t, nil) })
	_, err = client.Manifest(t.Context(), ref, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable, "no such host")
}

func TestContext(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	layers, err := newClient().Manifest(t.Context(), ref, amd64, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func(context.Context) error{
		"manifest": func(ctx context.Context) error { return errorOf(newClient().Manifest(ctx, ref, amd64, nil)) },
		"layer":    func(ctx context.Context) error { return errorOf(layers.Layers[0].Open(ctx)) },
	} {
		canceled, cancel := context.WithCancel(t.Context())
		r.Heal()
		r.Fail("/v2/", testregistry.Fault{Hang: true, Reached: cancel})
		err := ask(canceled)
		if !errors.Is(err, context.Canceled) || reasonOf(err) != "" {
			t.Errorf("%s, canceled: reason %q, %v", name, reasonOf(err), err)
		}
	}
	late, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = errorOf(newClient().Manifest(late, ref, amd64, nil))
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("too late: %v", err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestTLS(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ref.Repository = strings.TrimPrefix(server.URL, "https://") + "/shop/api"

	_, err := pull(t.Context(), newClient(), ref, amd64, nil)
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable, "certificate")

	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	if _, err := pull(t.Context(), newClient(func(o *Options) { o.CAs = pool }), ref, amd64, nil); err != nil {
		t.Errorf("with the CA: %v", err)
	}
}

// A name that is not localhost gets plain HTTP only where it is named.
func TestInsecureHosts(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	host := "registry.test" + r.Addr[strings.LastIndexByte(r.Addr, ':'):]
	ref.Repository = host + "/shop/api"
	for name, c := range map[string]struct {
		insecure []string
		want     string
	}{
		"named":         {insecure: []string{host}},
		"not named":     {want: v1alpha1.ReasonRegistryUnavailable},
		"another named": {insecure: []string{"registry.test"}, want: v1alpha1.ReasonRegistryUnavailable},
	} {
		client := newClient(func(o *Options) {
			o.InsecureHosts = c.insecure
			o.Resolver = resolver(t, map[string][]string{"registry.test": {"127.0.0.1"}})
		})
		if _, err := pull(t.Context(), client, ref, amd64, nil); reasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	right, wrong := Credential{Username: "alice", Password: "right"}, Credential{Username: "alice", Password: "wrong"}
	cases := map[string]struct {
		repository string
		keys       Keychain
		want       string
		words      []string
	}{
		"right":                   {repository: "shop/api", keys: keys{right}},
		"right after wrong":       {repository: "shop/api", keys: keys{wrong, wrong, right}},
		"right, and a broken one": {repository: "shop/api", keys: brokenKeys{right}},
		"wrong":                   {repository: "shop/api", keys: keys{wrong}, want: v1alpha1.ReasonUnauthorized, words: []string{"shop/api", "1 credentials and anonymously"}},
		"wrong, and broken":       {repository: "shop/api", keys: brokenKeys{wrong}, want: v1alpha1.ReasonUnauthorized, words: []string{"secret shop/pull is missing"}},
		"none":                    {repository: "shop/api", keys: keys{}, want: v1alpha1.ReasonUnauthorized},
		"no keychain":             {repository: "shop/api", want: v1alpha1.ReasonUnauthorized},
		"public, with wrong":      {repository: "open/tool", keys: keys{wrong}},
		"public":                  {repository: "open/tool"},
	}
	for _, bearer := range []bool{false, true} {
		r := startRegistry(t, testregistry.Options{Bearer: bearer})
		r.Protect("shop/", right.Username, right.Password)
		for name, c := range cases {
			ref := simpleImage(t, r, c.repository, "1")
			_, err := pull(t.Context(), newClient(), ref, amd64, c.keys)
			if reasonOf(err) != c.want || c.want == "" && err != nil {
				t.Errorf("bearer %v, %s: %v", bearer, name, err)
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("bearer %v, %s: %q does not say %q", bearer, name, err, word)
				}
			}
		}
	}
}

// brokenKeys gives credentials and an error, too.
type brokenKeys []Credential

func (k brokenKeys) Credentials(context.Context, string) ([]Credential, error) {
	return k, errors.New("secret shop/pull is missing")
}

func TestTooManyCredentialsAreNotAllTried(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	r.Protect("shop/", "alice", "right")
	ref := simpleImage(t, r, "shop/api", "1")
	var many keys
	for i := range 3 * maxCredentials {
		many = append(many, Credential{Username: "alice", Password: strings.Repeat("x", i+1)})
	}
	_, err := newClient().Manifest(t.Context(), ref, amd64, many)
	wantFailure(t, err, v1alpha1.ReasonUnauthorized)
	if got := r.Stats().Repositories["shop/api"].Manifests.Gets; got != maxCredentials+1 {
		t.Errorf("%d requests, want %d", got, maxCredentials+1)
	}
}

func TestMirrors(t *testing.T) {
	origin, mirror := startRegistry(t, testregistry.Options{}), startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, origin, "shop/api", "1")
	simpleImage(t, mirror, "cache/shop/api", "1")
	client := func() *Client {
		return newClient(func(o *Options) { o.Mirrors = map[string][]string{origin.Addr: {mirror.Addr + "/cache"}} })
	}
	cases := map[string]struct {
		mirrorFault, originFault testregistry.Fault
		path                     string
		want                     string
		words                    []string
		wantOrigin               bool
	}{
		"mirror serves":           {path: "/nothing"},
		"mirror has no manifest":  {path: "/v2/cache/shop/api/manifests/", mirrorFault: testregistry.Fault{Status: 404}, wantOrigin: true},
		"mirror has no blobs":     {path: "/v2/cache/shop/api/blobs/", mirrorFault: testregistry.Fault{Status: 404}, wantOrigin: true},
		"mirror is down":          {path: "/v2/", mirrorFault: testregistry.Fault{Drop: true}, wantOrigin: true},
		"mirror refuses":          {path: "/v2/", mirrorFault: testregistry.Fault{Status: 403}, wantOrigin: true},
		"mirror sends another":    {path: "/v2/cache/shop/api/manifests/", mirrorFault: testregistry.Fault{Replace: []byte("{}")}, wantOrigin: true},
		"both fail, each its way": {path: "/v2/", mirrorFault: testregistry.Fault{Status: 403}, originFault: testregistry.Fault{Status: 404}, want: v1alpha1.ReasonImageNotFound, words: []string{"mirror " + mirror.Addr, "403", "404"}, wantOrigin: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			origin.Heal()
			mirror.Heal()
			origin.ResetStats()
			mirror.Fail(c.path, c.mirrorFault)
			if c.path == "/nothing" {
				mirror.Heal()
			}
			if c.originFault.Status != 0 {
				origin.Fail("/v2/shop/", c.originFault)
			}
			_, err := pull(t.Context(), client(), ref, amd64, nil)
			if c.want != "" {
				wantFailure(t, err, c.want, c.words...)
			} else if err != nil {
				t.Fatal(err)
			}
			if asked := origin.Stats().Requests() > 0; asked != c.wantOrigin {
				t.Errorf("the registry itself was asked: %v, want %v", asked, c.wantOrigin)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	client := newClient(func(o *Options) {
		o.Mirrors = map[string][]string{"docker.io": {"one.example.com", "two.example.com:5000/hub/"}}
	})
	var got []string
	for _, e := range client.endpoints(image.Reference{Repository: "docker.io/library/nginx"}) {
		got = append(got, e.repository())
	}
	want := "one.example.com/library/nginx two.example.com:5000/hub/library/nginx docker.io/library/nginx"
	if strings.Join(got, " ") != want {
		t.Errorf("endpoints %v, want %s", got, want)
	}
}

// What a registry says of 429 holds for all later requests to the host, without one being sent.
func TestHostIsLeftAloneAfter429(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	api, web := simpleImage(t, r, "shop/api", "1"), simpleImage(t, r, "shop/web", "1")
	r.Fail("/v2/shop/api/", testregistry.Fault{Status: 429, Header: http.Header{"Retry-After": {"90"}}})
	now := time.Now()
	client := newClient(func(o *Options) { o.Now = func() time.Time { return now } })
	first := errorOf(client.Manifest(t.Context(), api, amd64, nil))
	wantFailure(t, first, v1alpha1.ReasonTooManyRequests)
	r.Heal()
	r.ResetStats()

	now = now.Add(30 * time.Second)
	err := errorOf(client.Manifest(t.Context(), web, amd64, nil))
	wantFailure(t, err, v1alpha1.ReasonTooManyRequests, r.Addr)
	if again := errorOf(client.Manifest(t.Context(), api, amd64, nil)); again.Error() != first.Error() {
		t.Errorf("the error is now %q, and was %q", again, first)
	}
	var e *Error
	if errors.As(err, &e); e.RetryAfter != time.Minute {
		t.Errorf("RetryAfter %s, want 1m", e.RetryAfter)
	}
	if stats := r.Stats(); stats.Requests()+stats.Pings != 0 {
		t.Errorf("the host was asked all the same: %+v", stats)
	}
	now = now.Add(time.Minute)
	if _, err := pull(t.Context(), client, api, amd64, nil); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestInFlightIsBounded(t *testing.T) {
	const pulls, bound = 8, 2
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	reached, release := make(chan struct{}, 100), make(chan struct{})
	r.Fail("/v2/shop/api/", testregistry.Fault{Until: release, Reached: func() { reached <- struct{}{} }})
	client := newClient(func(o *Options) { o.MaxInFlightPerHost = bound })
	var group sync.WaitGroup
	for range pulls {
		group.Go(func() {
			if _, err := pull(t.Context(), client, ref, amd64, nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range bound {
		<-reached
	}
	// All the others have had every chance to overtake by the time one more ping would have been answered.
	waiting, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := client.Manifest(waiting, ref, amd64, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a further pull: %v", err)
	}
	if more := len(reached); more != 0 {
		t.Errorf("%d requests in flight, want %d", bound+more, bound)
	}
	close(release)
	group.Wait()
}

// An open layer keeps its slot until it is closed.
func TestOpenLayerIsInFlight(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	// Larger than what the connection buffers, so that its end is not read ahead.
	ref, _ := testImage{layers: []testLayer{layerOf(stored, strings.Repeat(noise(1000), 64))}}.put(t, r, "shop/api", "1")
	client := newClient(func(o *Options) { o.MaxInFlightPerHost = 1 })
	m, err := client.Manifest(t.Context(), ref, amd64, nil)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := m.Layers[0].Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Manifest(short, ref, amd64, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside an open layer: %v", err)
	}
	layer.Close()
	if _, err := client.Manifest(t.Context(), ref, amd64, nil); err != nil {
		t.Errorf("after it was closed: %v", err)
	}
}

func TestEveryByteIsCounted(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	var mu sync.Mutex
	counted := map[string]int64{}
	client := newClient(func(o *Options) {
		o.OnBytes = func(host string, n int64) {
			mu.Lock()
			defer mu.Unlock()
			counted[host] += n
		}
	})
	if _, err := pull(t.Context(), client, ref, amd64, nil); err != nil {
		t.Fatal(err)
	}
	if want := r.Stats().Bytes(); want == 0 || counted[r.Addr] != want || len(counted) != 1 {
		t.Errorf("counted %v, served %d from %s", counted, want, r.Addr)
	}
}

func TestIndex(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	child := func(repository string, p image.Platform) v1.Descriptor {
		_, raw := testImage{platform: p, layers: []testLayer{layerOf(gzipped, p.String())}}.put(t, r, repository, "")
		d := descriptorOf(types.OCIManifestSchema1, raw)
		d.Platform = &v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
		return d
	}
	arm64 := image.Platform{OS: "linux", Architecture: "arm64"}
	index := func(entries ...v1.Descriptor) document {
		return document{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: entries}
	}
	nested := func(depth int, entry v1.Descriptor) v1.Descriptor {
		for range depth {
			_, raw := putManifest(t, r, "shop/multi", "", index(entry))
			entry = descriptorOf(types.OCIImageIndex, raw)
		}
		return entry
	}
	plain := func(d v1.Descriptor) v1.Descriptor { d.Platform = nil; return d }
	amdImage, armImage := child("shop/multi", amd64), child("shop/multi", arm64)
	attestation := plain(child("shop/multi", amd64))
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	lying := amdImage
	lying.Size++
	foreign := plain(amdImage)
	foreign.ArtifactType = "application/vnd.example.sbom"
	repeated := armImage
	repeated.ArtifactType = string(types.OCIConfigJSON)
	long := amdImage
	long.Digest = v1.Hash{Algorithm: "sha512", Hex: strings.Repeat("ab", 64)}
	cases := map[string]struct {
		index    document
		platform image.Platform
		want     v1.Descriptor
		reason   string
		words    []string
	}{
		"first":                    {index: index(amdImage, armImage), platform: amd64, want: amdImage},
		"second":                   {index: index(amdImage, armImage), platform: arm64, want: armImage},
		"none":                     {index: index(amdImage, attestation), platform: arm64, reason: v1alpha1.ReasonPlatformNotFound, words: []string{"linux/arm64", "linux/amd64"}},
		"attestation first":        {index: index(attestation, amdImage), platform: amd64, want: amdImage},
		"no platform named":        {index: index(plain(amdImage)), platform: amd64, want: amdImage},
		"no platform, and another": {index: index(plain(amdImage)), platform: arm64, reason: v1alpha1.ReasonPlatformNotFound, words: []string{"linux/amd64"}},
		"configuration's type":     {index: index(amdImage, repeated), platform: arm64, want: repeated},
		"an artifact":              {index: index(foreign), platform: amd64, reason: v1alpha1.ReasonPlatformNotFound},
		"nested":                   {index: index(nested(1, amdImage)), platform: amd64, want: amdImage},
		"nested to the limit":      {index: index(nested(maxIndexDepth-1, amdImage)), platform: amd64, want: amdImage},
		"nested too deep":          {index: index(nested(maxIndexDepth, amdImage)), platform: amd64, reason: v1alpha1.ReasonLimitExceeded},
		"lying about the size":     {index: index(lying), platform: amd64, reason: v1alpha1.ReasonDigestMismatch},
		"another digest algorithm": {index: index(long), platform: amd64, reason: v1alpha1.ReasonNotAnImage},
		"empty":                    {index: index(), platform: amd64, reason: v1alpha1.ReasonNotAnImage},
		"too many":                 {index: index(make([]v1.Descriptor, maxIndexItems+1)...), platform: amd64, reason: v1alpha1.ReasonLimitExceeded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for i, d := range c.index.Manifests {
				if d.Digest.Hex == "" {
					c.index.Manifests[i] = amdImage
				}
			}
			ref, _ := putManifest(t, r, "shop/multi", "", c.index)
			m, err := pull(t.Context(), newClient(), ref, c.platform, nil)
			if c.reason != "" {
				wantFailure(t, err, c.reason, c.words...)
				return
			}
			if err != nil || string(m.Digest) != c.want.Digest.String() {
				t.Errorf("got %+v, %v; want %s", m, err, c.want.Digest)
			}
		})
	}
}
