package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

func TestTags(t *testing.T) {
	for name, perPage := range map[string]int{"in one page": 0, "in pages": 3, "in pages of one": 1, "in pages without a rest": 5} {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t, testregistry.Options{TagsPerPage: perPage, Bearer: true})
			var ref image.Reference
			var want []string
			for i := range 10 {
				want = append(want, fmt.Sprintf("1.%d", i))
				ref = simpleImage(t, r, "shop/api", want[i])
			}
			r.Protect("shop/", "alice", "secret")
			client := newClient()
			_, err := client.Tags(t.Context(), ref, nil, nil)
			wantFailure(t, err, v1alpha1.ReasonUnauthorized)
			got, err := client.Tags(t.Context(), ref, keys{{Username: "alice", Password: "secret"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Tags); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			if single := perPage == 0; (got.ETag != "") != single {
				t.Errorf("the ETag is %q", got.ETag)
			}
		})
	}
}

func TestTagsOfNothing(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	_, err := newClient().Tags(t.Context(), image.Reference{Repository: r.Addr + "/shop/api"}, nil, nil)
	wantFailure(t, err, v1alpha1.ReasonImageNotFound, "list tags of "+r.Addr+"/shop/api")
}

func TestTagsAreAskedForConditionally(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	client := newClient()
	first, err := client.Tags(t.Context(), ref, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.ResetStats()
	again, err := client.Tags(t.Context(), ref, nil, first)
	if err != nil || again != first {
		t.Errorf("nothing changed: %+v, %v", again, err)
	}
	if got := r.Stats().Repositories["shop/api"].Tags; got.Gets != 1 || got.Bytes != 0 {
		t.Errorf("it took %+v", got)
	}
	simpleImage(t, r, "shop/api", "2")
	changed, err := client.Tags(t.Context(), ref, nil, first)
	if err != nil || cmp.Diff([]string{"1", "2"}, changed.Tags) != "" {
		t.Errorf("a tag came: %+v, %v", changed, err)
	}
	// Another registry's validators are not sent, and a 304 that nobody asked for is no list.
	foreign := *first
	foreign.host = "other.example.com"
	if got, err := client.Tags(t.Context(), ref, nil, &foreign); err != nil || got == &foreign {
		t.Errorf("of another registry: %+v, %v", got, err)
	}
	r.Fail("/v2/shop/api/tags/", testregistry.Fault{Status: http.StatusNotModified})
	_, err = client.Tags(t.Context(), ref, nil, nil)
	wantFailure(t, err, v1alpha1.ReasonRegistryUnavailable)
}

func TestTagsByDate(t *testing.T) {
	const date = "Fri, 02 Jan 2026 10:00:00 GMT"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", date)
		if r.Header.Get("If-Modified-Since") == date {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(`{"tags":["b","a","a","not a tag","` + strings.Repeat("x", 129) + `",""]}`))
	}))
	defer server.Close()
	ref := image.Reference{Repository: strings.TrimPrefix(server.URL, "http://") + "/shop/api"}
	first, err := newClient().Tags(t.Context(), ref, nil, nil)
	if err != nil || cmp.Diff([]string{"a", "b"}, first.Tags) != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := newClient().Tags(t.Context(), ref, nil, first); err != nil || again != first {
		t.Errorf("%+v, %v", again, err)
	}
}

// Whatever the link says, no other host is asked, and the list ends.
func TestHostilePages(t *testing.T) {
	for name, c := range map[string]struct {
		link   string
		reason string
		word   string
		asked  int32
	}{
		"another host":           {link: "<https://TRAP/v2/shop/api/tags/list?last=a>; rel=\"next\"", word: "leads elsewhere", asked: 1},
		"another host, relative": {link: "<//TRAP/v2/shop/api/tags/list?last=a>; rel=\"next\"", word: "leads elsewhere", asked: 1},
		"a metadata service":     {link: "<http://169.254.169.254/latest/meta-data>; rel=\"next\"", word: "leads elsewhere", asked: 1},
		"another repository":     {link: "</v2/other/tags/list?last=a>; rel=\"next\"", word: "leads elsewhere", asked: 1},
		"a path that climbs":     {link: "<../../../token?last=a>; rel=\"next\"", word: "leads elsewhere", asked: 1},
		"credentials":            {link: "<http://a:b@HOST/v2/shop/api/tags/list?last=a>; rel=\"next\"", word: "leads elsewhere", asked: 1},
		"the same page":          {link: "<?n=1000>; rel=\"next\"", word: "leads to the same one", asked: 1},
		"no URL":                 {link: "<:%zz>; rel=\"next\"", word: "cannot be understood", asked: 1},
		"endless":                {link: "<?n=1000&last=COUNT>; rel=\"next\"", reason: v1alpha1.ReasonLimitExceeded, word: "100 pages", asked: maxTagPages},
		"too many tags":          {link: "<?n=1000&last=COUNT>; rel=\"next\" TAGS", reason: v1alpha1.ReasonLimitExceeded, word: "50000", asked: 5},
	} {
		t.Run(name, func(t *testing.T) {
			tr := setTrap(t, "127.0.0.1")
			var asked atomic.Int32
			link, many := strings.CutSuffix(c.link, " TAGS")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/tags/list") {
					return
				}
				n := asked.Add(1)
				w.Header().Set("Link", strings.NewReplacer("TRAP", tr.Addr().String(), "HOST", r.Host, "COUNT", fmt.Sprint(n)).Replace(link))
				tags := `"a"`
				if many {
					tags += strings.Repeat(`,"a"`, 10_000)
				}
				_, _ = w.Write([]byte(`{"tags":[` + tags + `]}`))
			}))
			defer server.Close()
			reason := c.reason
			if reason == "" {
				reason = v1alpha1.ReasonRegistryUnavailable
			}
			_, err := newClient().Tags(t.Context(), image.Reference{Repository: strings.TrimPrefix(server.URL, "http://") + "/shop/api"}, nil, nil)
			wantFailure(t, err, reason, "list tags of", c.word)
			if got := asked.Load(); got != c.asked {
				t.Errorf("%d pages were asked for, want %d", got, c.asked)
			}
			tr.check(t)
		})
	}
}

func TestTagsThatAreNoList(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref := simpleImage(t, r, "shop/api", "1")
	for name, c := range map[string]struct {
		fault  testregistry.Fault
		reason string
	}{
		"no JSON":   {testregistry.Fault{Replace: []byte("<html>")}, v1alpha1.ReasonRegistryUnavailable},
		"other":     {testregistry.Fault{Replace: []byte(`{"tags":[1]}`)}, v1alpha1.ReasonRegistryUnavailable},
		"too large": {testregistry.Fault{Replace: []byte(`{"tags":["` + strings.Repeat("x", maxDocument) + `"]}`)}, v1alpha1.ReasonLimitExceeded},
		"redirect":  {testregistry.Fault{Redirect: "https://169.254.169.254/"}, v1alpha1.ReasonAddressNotAllowed},
		"refused":   {testregistry.Fault{Status: http.StatusForbidden}, v1alpha1.ReasonUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			r.Heal()
			r.Fail("/v2/shop/api/tags/", c.fault)
			_, err := newClient().Tags(t.Context(), ref, nil, nil)
			wantFailure(t, err, c.reason)
		})
	}
}

func FuzzNextPage(f *testing.F) {
	from := &url.URL{Scheme: "https", Host: "registry.example.com", Path: "/v2/shop/api/tags/list", RawQuery: "n=1000"}
	f.Add(`</v2/shop/api/tags/list?n=1000&last=b>; rel="next"`)
	f.Add(`<//evil.example.com/v2/shop/api/tags/list?last=b>; rel="next"`)
	f.Add(`<a>; rel="prev", <?last=b>; rel=next`)
	f.Fuzz(func(t *testing.T, link string) {
		next, failure := nextPage(from, http.Header{"Link": {link}})
		if next != nil && (failure != nil || next.Scheme != "https" || next.Host != from.Host || next.Path != from.Path || next.User != nil) {
			t.Errorf("%q leads to %s", link, next)
		}
	})
}
