package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const hmacKey = "a key to sign by\n"

func request(kind v1alpha1.RebuildType, address string, parameters ...string) Request {
	r := Request{
		Trigger: v1alpha1.RebuildTrigger{Name: "build", Type: kind, URL: address, SecretRef: &v1alpha1.LocalKeyReference{Name: "ci"}},
		Secret:  map[string][]byte{"token": []byte(token + "\n"), "user": []byte(user), "apiToken": []byte(token), "hmacKey": []byte(hmacKey), "url": []byte(address)},
		Image:   "registry.example.com/shop/api:1.2", Digest: "sha256:aaaa", Base: "docker.io/library/debian:12", BaseDigest: "sha256:bbbb",
		Key: "k-1", Cluster: "prod eu",
	}
	for i := 0; i < len(parameters); i += 2 {
		r.Trigger.Parameters = append(r.Trigger.Parameters, v1alpha1.RebuildParameter{Name: parameters[i], Value: parameters[i+1]})
	}
	return r
}

func withRef(r Request, ref string) Request { r.Trigger.Ref = ref; return r }

func TestSend(t *testing.T) {
	a := &accepted{}
	start := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	hub, lab := start(gitHub(t, a, "/api/v3")), start(gitLab(a))
	queue := func(r *http.Request) string { return "http://" + r.Host + "/ci/queue/item/9/" }
	elsewhere := func(*http.Request) string { return "https://elsewhere.example.com/queue/item/9/" }
	guarded, open, lying := start(jenkins(a, true, queue)), start(jenkins(a, false, queue)), start(jenkins(a, true, elsewhere))
	signed, plain := start(listener(t, a, hmacKey)), start(listener(t, a, ""))
	facts := map[string]string{
		"image": "registry.example.com/shop/api:1.2", "digest": "sha256:aaaa", "base": "docker.io/library/debian:12", "baseDigest": "sha256:bbbb",
		"idempotencyKey": "k-1",
	}
	base := []string{"BASE", "$(base)@$(baseDigest)"}
	with := func(facts map[string]string, parameters string) map[string]string {
		facts = maps.Clone(facts)
		facts["parameters"] = parameters
		return facts
	}
	var pairs, want []string
	for i := range 32 {
		name := fmt.Sprintf("P%02d", i)
		pairs, want = append(pairs, name, "v"), append(want, fmt.Sprintf("%q:%q", name, "v"))
	}
	inPairs := "{" + strings.Join(want, ",") + "}"
	wantBase := func(more ...string) map[string]string {
		want := map[string]string{"BASE": "docker.io/library/debian:12@sha256:bbbb"}
		for _, name := range more {
			want[name] = "k-1"
		}
		return want
	}
	for name, tc := range map[string]struct {
		request Request
		ref     string
		want    map[string]string
		url     string
	}{
		"GitHub dispatch, by page":           {request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/api"), "plimsoll-rebuild", facts, hub + "/shop/api/actions"},
		"GitHub dispatch, by clone":          {request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/api.git"), "plimsoll-rebuild", facts, hub + "/shop/api/actions"},
		"GitHub dispatch, by API":            {request(v1alpha1.RebuildGitHubDispatch, hub+"/api/v3/repos/shop/api/dispatches", base...), "plimsoll-rebuild", with(facts, `{"BASE":"docker.io/library/debian:12@sha256:bbbb"}`), hub + "/shop/api/actions"},
		"GitHub dispatch, much to say":       {request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/api", pairs...), "plimsoll-rebuild", with(facts, inPairs), hub + "/shop/api/actions"},
		"GitHub workflow, by page":           {request(v1alpha1.RebuildGitHubWorkflow, hub+"/shop/api/actions/workflows/build.yml", base...), "main", wantBase(), hub + "/shop/api/actions/workflows/build.yml"},
		"GitHub workflow, by API, of a ref":  {withRef(request(v1alpha1.RebuildGitHubWorkflow, hub+"/api/v3/repos/shop/api/actions/workflows/build.yml/dispatches"), "release"), "release", map[string]string{}, hub + "/shop/api/actions/workflows/build.yml"},
		"GitLab, by page":                    {request(v1alpha1.RebuildGitLab, lab+"/group/sub/api/", base...), "main", wantBase("PLIMSOLL_KEY"), "https://gitlab.example.com/group/sub/api/-/pipelines/7"},
		"GitLab, by id":                      {withRef(request(v1alpha1.RebuildGitLab, lab+"/api/v4/projects/42/trigger/pipeline"), "release"), "release", map[string]string{"PLIMSOLL_KEY": "k-1"}, "https://gitlab.example.com/group/sub/api/-/pipelines/7"},
		"GitLab, by escaped path":            {request(v1alpha1.RebuildGitLab, lab+"/api/v4/projects/group%2Fsub%2Fapi"), "main", map[string]string{"PLIMSOLL_KEY": "k-1"}, "https://gitlab.example.com/group/sub/api/-/pipelines/7"},
		"Jenkins with crumbs":                {request(v1alpha1.RebuildJenkins, guarded+"/ci/job/team/job/api/", base...), "", wantBase("PLIMSOLL_KEY"), guarded + "/ci/queue/item/9/"},
		"Jenkins without crumbs":             {request(v1alpha1.RebuildJenkins, open+"/ci/job/team/job/api/build", base...), "", wantBase("PLIMSOLL_KEY"), open + "/ci/queue/item/9/"},
		"Jenkins, whose item is elsewhere":   {request(v1alpha1.RebuildJenkins, lying+"/ci/job/team/job/api/buildWithParameters", base...), "", wantBase("PLIMSOLL_KEY"), lying + "/ci/job/team/job/api"},
		"Tekton, signed":                     {request(v1alpha1.RebuildTekton, signed, base...), "plimsoll/prod%20eu registry.example.com/shop/api:1.2", wantBase(), ""},
		"webhook, signed":                    {request(v1alpha1.RebuildWebhook, signed), "plimsoll/prod%20eu registry.example.com/shop/api:1.2", nil, ""},
		"webhook that checks no signature":   {request(v1alpha1.RebuildWebhook, plain), "plimsoll/prod%20eu registry.example.com/shop/api:1.2", nil, ""},
		"a price, and a value that is a try": {request(v1alpha1.RebuildTekton, plain, "BASE", "$$(image) for 5$ $(cluster)"), "plimsoll/prod%20eu registry.example.com/shop/api:1.2", map[string]string{"BASE": "$(image) for 5$ prod eu"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a.keys, a.ref, a.parameters = nil, "", nil
			for range 2 {
				result, err := Send(t.Context(), http.DefaultClient, tc.request)
				if err != nil {
					t.Fatal(err)
				}
				if result.URL != tc.url {
					t.Errorf("URL %q, want %q", result.URL, tc.url)
				}
			}
			if diff := cmp.Diff(tc.want, a.parameters) + cmp.Diff([]string{"k-1", "k-1"}, a.keys) + cmp.Diff(tc.ref, a.ref); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSendIsRefused(t *testing.T) {
	a := &accepted{}
	start := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	hub, lab := start(gitHub(t, a, "/api/v3")), start(gitLab(a))
	guarded := start(jenkins(a, true, func(*http.Request) string { return "" }))
	signed := start(listener(t, a, hmacKey))
	wrong := func(r Request) Request {
		r.Secret = map[string][]byte{
			"token": []byte("wrong-wrong"), "user": []byte(user), "apiToken": []byte("wrong-wrong"), "hmacKey": []byte("wrong"), "url": []byte(r.Trigger.URL),
		}
		return r
	}
	without := func(r Request) Request { r.Secret = map[string][]byte{"url": []byte(r.Trigger.URL)}; return r }
	const failed, invalid = v1alpha1.ReasonTriggerFailed, v1alpha1.ReasonTriggerSecretInvalid
	for name, tc := range map[string]struct {
		request      Request
		reason, text string
	}{
		"GitHub, wrong token":         {wrong(request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/api")), invalid, "Bad credentials"},
		"GitHub, no token":            {without(request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/api")), invalid, "lacks the key token"},
		"GitHub, no such repository":  {request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/other"), failed, "404 Not Found"},
		"GitHub, an unknown input":    {request(v1alpha1.RebuildGitHubWorkflow, hub+"/shop/api/actions/workflows/build.yml", "OTHER", "1"), failed, "Unexpected inputs"},
		"GitHub, a workflow's event":  {request(v1alpha1.RebuildGitHubDispatch, hub+"/shop/api/actions/workflows/build.yml"), failed, "type GitHubWorkflow"},
		"GitHub, no workflow":         {request(v1alpha1.RebuildGitHubWorkflow, hub+"/shop/api"), failed, "names no workflow"},
		"GitHub, something else":      {request(v1alpha1.RebuildGitHubWorkflow, hub+"/api/v3/orgs/shop"), failed, "neither a repository"},
		"GitLab, wrong token":         {wrong(request(v1alpha1.RebuildGitLab, lab+"/group/sub/api")), failed, "404 Not Found"},
		"GitLab, no such ref":         {withRef(request(v1alpha1.RebuildGitLab, lab+"/group/sub/api"), "gone"), failed, "Reference not found"},
		"GitLab, no project":          {request(v1alpha1.RebuildGitLab, lab+"/group"), failed, "not a project's page"},
		"GitLab, a path not escaped":  {request(v1alpha1.RebuildGitLab, lab+"/api/v4/projects/group/sub/api"), failed, "has to be escaped"},
		"GitLab, not a variable":      {request(v1alpha1.RebuildGitLab, lab+"/group/sub/api", "a-b", "1"), failed, "parameter a-b"},
		"Jenkins, wrong token":        {wrong(request(v1alpha1.RebuildJenkins, guarded+"/ci/job/team/job/api")), invalid, "401 Unauthorized"},
		"Jenkins, no user":            {without(request(v1alpha1.RebuildJenkins, guarded+"/ci/job/team/job/api")), invalid, "lacks the key user"},
		"Jenkins, no such job":        {request(v1alpha1.RebuildJenkins, guarded+"/ci/job/other"), failed, "404 Not Found"},
		"Jenkins, no job":             {request(v1alpha1.RebuildJenkins, guarded+"/ci"), failed, "is not a job"},
		"Tekton, signed by another":   {wrong(request(v1alpha1.RebuildTekton, signed)), invalid, "signature does not match"},
		"not a placeholder":           {request(v1alpha1.RebuildTekton, signed, "X", "$(secret)"), failed, "$(secret is no placeholder"},
		"a placeholder without end":   {request(v1alpha1.RebuildTekton, signed, "X", "$(image"), failed, "no placeholder"},
		"an unknown type":             {request("Fax", signed), failed, "not known"},
		"no URL":                      {request(v1alpha1.RebuildTekton, "nowhere"), failed, "not an http"},
		"GitHub, a path that goes up": {request(v1alpha1.RebuildGitHubDispatch, hub+"/../api"), invalid, "may not be sent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Send(t.Context(), http.DefaultClient, tc.request)
			var known *Error
			if !errors.As(err, &known) || known.Reason != tc.reason || !known.Final || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("got %+v", err)
			}
			checkSecrets(t, err)
		})
	}
	if len(a.keys) != 0 {
		t.Errorf("%d triggers were accepted", len(a.keys))
	}
}

func checkSecrets(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{token, "wrong-wrong", strings.TrimSpace(hmacKey)} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds a credential: %v", err)
		}
	}
	if n := len([]rune(err.Error())); n > 400 {
		t.Errorf("%d characters: %v", n, err)
	}
}

var everyKind = map[v1alpha1.RebuildType]string{
	v1alpha1.RebuildGitHubDispatch: "/shop/api",
	v1alpha1.RebuildGitHubWorkflow: "/shop/api/actions/workflows/build.yml",
	v1alpha1.RebuildGitLab:         "/group/api",
	v1alpha1.RebuildJenkins:        "/job/api",
	v1alpha1.RebuildTekton:         "/",
	v1alpha1.RebuildWebhook:        "/hook",
}

// TestFaults: whatever a pipeline's server does, no kind takes it for success, asks twice, or tells a secret.
func TestFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		status    int
		header    http.Header
		wantFinal bool
		retry     time.Duration
		reason    string
	}{
		"401":           {status: 401, wantFinal: true, reason: v1alpha1.ReasonTriggerSecretInvalid},
		"403":           {status: 403, wantFinal: true, reason: v1alpha1.ReasonTriggerSecretInvalid},
		"409":           {status: 409, wantFinal: true, reason: v1alpha1.ReasonTriggerFailed},
		"422":           {status: 422, wantFinal: true, reason: v1alpha1.ReasonTriggerFailed},
		"429":           {status: 429, header: http.Header{"Retry-After": {"30"}}, retry: 30 * time.Second, reason: v1alpha1.ReasonTriggerFailed},
		"500":           {status: 500, reason: v1alpha1.ReasonTriggerFailed},
		"503":           {status: 503, header: http.Header{"Retry-After": {"5"}}, retry: 5 * time.Second, reason: v1alpha1.ReasonTriggerFailed},
		"sent away":     {status: 302, header: http.Header{"Location": {"/login"}}, wantFinal: true, reason: v1alpha1.ReasonTriggerFailed},
		"sent for good": {status: 308, header: http.Header{"Location": {"/elsewhere"}}, wantFinal: true, reason: v1alpha1.ReasonTriggerFailed},
	} {
		for kind, path := range everyKind {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				requests := 0
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests++
					for k := range tc.header {
						w.Header().Set(k, tc.header.Get(k))
					}
					w.WriteHeader(tc.status)
					// A server that shows what it was sent.
					w.Write([]byte(r.Header.Get("Authorization") + " " + token + strings.Repeat(" and more", 1000)))
				}))
				defer server.Close()
				_, err := Send(t.Context(), server.Client(), request(kind, server.URL+path))
				var known *Error
				if !errors.As(err, &known) {
					t.Fatalf("error %v", err)
				}
				if known.Final != tc.wantFinal || known.RetryAfter != tc.retry || known.Reason != tc.reason || requests != 1 {
					t.Errorf("%d requests, got %+v", requests, known)
				}
				checkSecrets(t, err)
			})
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer hanging.Close()
	defer close(hang)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for kind, path := range everyKind {
		for name, address := range map[string]string{"hanging": hanging.URL, "gone": "http://" + gone.Addr().String()} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
				defer cancel()
				_, err := Send(ctx, http.DefaultClient, request(kind, address+path))
				var known *Error
				if !errors.As(err, &known) || known.Final || known.Reason != v1alpha1.ReasonTriggerFailed {
					t.Fatalf("got %+v", err)
				}
				checkSecrets(t, err)
			})
		}
	}
}

func TestGitHubAddresses(t *testing.T) {
	for text, want := range map[string]gitHubPlace{
		"https://github.com/o/r":                                          {"https://api.github.com/repos/o/r", "https://github.com/o/r/actions"},
		"https://api.github.com/repos/o/r":                                {"https://api.github.com/repos/o/r", "https://github.com/o/r/actions"},
		"https://shop.ghe.com/o/r.git":                                    {"https://api.shop.ghe.com/repos/o/r", "https://shop.ghe.com/o/r/actions"},
		"https://api.shop.ghe.com/repos/o/r/actions/workflows/7":          {"https://api.shop.ghe.com/repos/o/r/actions/workflows/7", "https://shop.ghe.com/o/r/actions/workflows/7"},
		"https://git.example.com/o/r/actions/workflows/b.yml":             {"https://git.example.com/api/v3/repos/o/r/actions/workflows/b.yml", "https://git.example.com/o/r/actions/workflows/b.yml"},
		"https://api.example.com/o/r":                                     {"https://api.example.com/api/v3/repos/o/r", "https://api.example.com/o/r/actions"},
		"https://git.example.com:8443/api/v3/repos/o/r/dispatches":        {"https://git.example.com:8443/api/v3/repos/o/r", "https://git.example.com:8443/o/r/actions"},
		"https://github.com/o/r/actions/workflows/what%3Fref=x%23y.yml":   {"https://api.github.com/repos/o/r/actions/workflows/what%3Fref=x%23y.yml", "https://github.com/o/r/actions/workflows/what%3Fref=x%23y.yml"},
		"https://user:secret@github.com/o/r":                              {"https://api.github.com/repos/o/r", "https://github.com/o/r/actions"},
		"https://github.com/o":                                            {},
		"https://github.com/o/r/issues":                                   {},
		"https://api.github.com/users/o":                                  {},
		"https://github.com/o/..":                                         {},
		"https://github.com/o/r/actions/workflows/..":                     {},
		"https://git.example.com/api/v3/repos/o/r/actions/workflows/a/b/": {},
	} {
		got, _, err := parseGitHub(text)
		if (err != nil) != (want == gitHubPlace{}) || err == nil && got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"https://github.com/o/r", "https://gitlab.com/api/v4/projects/a%2Fb", "https://j/ci/view/x/job/a/build", "http://[::1]:8080/job/job/build"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if place, _, err := parseGitHub(text); err == nil && !strings.Contains(place.api, "/repos/") {
			t.Errorf("%q: %+v", text, place)
		}
		if address, err := gitLabTrigger(text); err == nil && !strings.HasSuffix(address, "/trigger/pipeline") {
			t.Errorf("%q: %s", text, address)
		}
		if job, err := parseJenkins(text); err == nil && !strings.HasPrefix(job.job, job.root+"/") {
			t.Errorf("%q: %+v", text, job)
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add("$(image) $$ $(", "value $(base)")
	f.Fuzz(func(t *testing.T, text, value string) {
		r := Request{Image: value}
		got, err := r.expand(text)
		if err == nil && !strings.Contains(text, "$") && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
