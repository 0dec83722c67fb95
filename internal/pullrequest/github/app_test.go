package github

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/github/githubtest"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func encoded(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs1() []byte { return encoded("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(appKey())) }

// appServer is a server with the App, whose clock, as the forge's, the test moves.
func appServer(t *testing.T, change func(*App)) (*githubtest.Server, pullrequest.Forge, *time.Time) {
	t.Helper()
	now := clock()
	s := start(t, githubtest.Options{Now: func() time.Time { return now }, AppKey: &appKey().PublicKey})
	f := connect(t, s, func(o *Options) {
		o.Token, o.Now = "", func() time.Time { return now }
		o.App = &App{ID: githubtest.AppID, InstallationID: githubtest.InstallationID, PrivateKey: pkcs1()}
		if change != nil {
			change(o.App)
		}
	})
	return s, f, &now
}

func tokens(s *githubtest.Server) int {
	return len(slices.DeleteFunc(s.Seen(), func(r string) bool { return !strings.HasSuffix(r, "/access_tokens") }))
}

func TestAppTokenIsKept(t *testing.T) {
	s, f, now := appServer(t, nil)
	if p := opened(t, f); p.Author != githubtest.AppLogin {
		t.Errorf("opened by %s", p.Author)
	}
	if got := tokens(s); got != 1 {
		t.Errorf("%d tokens for one minute's work, want 1", got)
	}
	for _, step := range []struct {
		minutes time.Duration
		want    int
	}{{54, 1}, {2, 2}, {54, 2}, {2, 3}} {
		*now = now.Add(step.minutes * time.Minute)
		if _, err := f.Repository(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := tokens(s); got != step.want {
			t.Errorf("%d tokens, want %d", got, step.want)
		}
	}
}

func TestAppTokenIsRenewedOnce(t *testing.T) {
	s, f, _ := appServer(t, nil)
	base, err := f.Head(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	s.Revoke()
	// A request with a body is sent anew, too.
	if err := f.Comment(t.Context(), 1, "x"); err == nil || tokens(s) != 2 {
		t.Errorf("%d tokens, %v", tokens(s), err)
	}
	if _, err := f.Commit(t.Context(), commit(base)); err != nil {
		t.Fatal(err)
	}
	s.Faults.Next(2, fault.Fault{Path: "/repos/", Status: 401, Body: `{"message":"Bad credentials"}`})
	_, err = f.Repository(t.Context())
	wantError(t, err, v1alpha1.ReasonForgeUnauthorized)
	if got := tokens(s); got != 3 || s.Faults.Left() != 0 {
		t.Errorf("%d tokens, %d faults left", got, s.Faults.Left())
	}
}

func TestAppRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*App)
		fault  *fault.Fault
		reason string
	}{
		"another App":          {func(a *App) { a.ID++ }, nil, v1alpha1.ReasonForgeUnauthorized},
		"another installation": {func(a *App) { a.InstallationID++ }, nil, v1alpha1.ReasonForgeUnauthorized},
		"server error":         {nil, &fault.Fault{Status: 500}, v1alpha1.ReasonForgeUnavailable},
		"limit":                {nil, &fault.Fault{Status: 429}, v1alpha1.ReasonForgeRateLimited},
		"no JSON":              {nil, &fault.Fault{Status: 201, Body: "<html>"}, v1alpha1.ReasonForgeUnavailable},
		"no token":             {nil, &fault.Fault{Status: 201, Body: "{}"}, v1alpha1.ReasonForgeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s, f, _ := appServer(t, tt.change)
			if tt.fault != nil {
				s.Faults.Next(1, *tt.fault)
			}
			_, err := f.Repository(t.Context())
			wantError(t, err, tt.reason)
			if strings.Contains(err.Error(), "eyJ") {
				t.Errorf("the error holds a proof: %v", err)
			}
		})
	}
}

func TestAppWithoutTheRepository(t *testing.T) {
	s := start(t, githubtest.Options{AppKey: &appKey().PublicKey})
	f := connect(t, s, func(o *Options) {
		o.Name = "other"
		o.App = &App{ID: githubtest.AppID, InstallationID: githubtest.InstallationID, PrivateKey: pkcs1()}
	})
	_, err := f.Repository(t.Context())
	wantError(t, err, v1alpha1.ReasonRepositoryNotFound)
}

// Neither clock has to be right to the second.
func TestAppClockDrift(t *testing.T) {
	for _, drift := range []time.Duration{-50 * time.Second, 50 * time.Second} {
		s := start(t, githubtest.Options{AppKey: &appKey().PublicKey})
		f := connect(t, s, func(o *Options) {
			o.Now = func() time.Time { return clock().Add(drift) }
			o.App = &App{ID: githubtest.AppID, InstallationID: githubtest.InstallationID, PrivateKey: pkcs1()}
		})
		if _, err := f.Repository(t.Context()); err != nil {
			t.Errorf("%s: %v", drift, err)
		}
	}
}

func TestKeys(t *testing.T) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(appKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"PKCS #1": pkcs1(), "PKCS #8": encoded("PRIVATE KEY", pkcs8)} {
		if key, err := parseKey(text); err != nil || !key.Equal(appKey()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{nil, []byte("s3cret"), encoded("PRIVATE KEY", []byte("s3cret")), encoded("PRIVATE KEY", other)} {
		if _, err := parseKey(text); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error %v", err)
		}
	}
}
