package registry

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// dockerConfig returns a .dockerconfigjson whose users are the registries' names.
func dockerConfig(registries ...string) []byte {
	auths := map[string]any{}
	for _, registry := range registries {
		auths[registry] = map[string]string{"username": registry, "password": "secret"}
	}
	return mustJSON(map[string]any{"auths": auths})
}

func users(credentials []Credential) string {
	var names []string
	for _, c := range credentials {
		names = append(names, c.Username)
	}
	return strings.Join(names, " ")
}

// As the kubelet matches them: https://kubernetes.io/docs/concepts/containers/images/#config-json
func TestMatching(t *testing.T) {
	cases := map[string]struct {
		registries []string
		repository string
		want       string
	}{
		"host":                      {registries: []string{"registry.example.com"}, repository: "registry.example.com/shop/api", want: "registry.example.com"},
		"another host":              {registries: []string{"registry.example.com"}, repository: "registry.example.org/shop/api"},
		"host and port":             {registries: []string{"registry.example.com:5000"}, repository: "registry.example.com:5000/shop/api", want: "registry.example.com:5000"},
		"another port":              {registries: []string{"registry.example.com:5000"}, repository: "registry.example.com:5001/shop/api"},
		"no port for a port":        {registries: []string{"registry.example.com"}, repository: "registry.example.com:5000/shop/api"},
		"port for none":             {registries: []string{"registry.example.com:5000"}, repository: "registry.example.com/shop/api"},
		"scheme":                    {registries: []string{"https://registry.example.com"}, repository: "registry.example.com/shop/api", want: "https://registry.example.com"},
		"old scheme":                {registries: []string{"http://registry.example.com/v1/"}, repository: "registry.example.com/shop/api", want: "http://registry.example.com/v1/"},
		"version 2":                 {registries: []string{"https://registry.example.com/v2/"}, repository: "registry.example.com/shop/api", want: "https://registry.example.com/v2/"},
		"version and path":          {registries: []string{"https://registry.example.com/v2/shop"}, repository: "registry.example.com/shop/api", want: "https://registry.example.com/v2/shop"},
		"slash":                     {registries: []string{"registry.example.com/"}, repository: "registry.example.com/shop/api", want: "registry.example.com/"},
		"upper case":                {registries: []string{"Registry.Example.com"}, repository: "registry.example.com/shop/api", want: "Registry.Example.com"},
		"path":                      {registries: []string{"registry.example.com/shop"}, repository: "registry.example.com/shop/api", want: "registry.example.com/shop"},
		"path with a slash":         {registries: []string{"registry.example.com/shop/"}, repository: "registry.example.com/shopping/api"},
		"another path":              {registries: []string{"registry.example.com/shop"}, repository: "registry.example.com/web/api"},
		"whole path":                {registries: []string{"registry.example.com/shop/api"}, repository: "registry.example.com/shop/api", want: "registry.example.com/shop/api"},
		"the most specific first":   {registries: []string{"registry.example.com", "registry.example.com/shop/api", "*.example.com", "registry.example.com/shop"}, repository: "registry.example.com/shop/api", want: "registry.example.com/shop/api registry.example.com/shop registry.example.com *.example.com"},
		"glob":                      {registries: []string{"*.example.com"}, repository: "registry.example.com/shop/api", want: "*.example.com"},
		"glob inside a label":       {registries: []string{"reg*.example.com"}, repository: "registry.example.com/shop/api", want: "reg*.example.com"},
		"glob for several labels":   {registries: []string{"*.com"}, repository: "registry.example.com/shop/api"},
		"glob for no label":         {registries: []string{"*.example.com"}, repository: "example.com/shop/api"},
		"two globs":                 {registries: []string{"*.*.example.com"}, repository: "a.b.example.com/shop/api", want: "*.*.example.com"},
		"glob and port":             {registries: []string{"*.example.com:5000"}, repository: "a.example.com:5000/shop/api", want: "*.example.com:5000"},
		"glob and path":             {registries: []string{"*.example.com/shop"}, repository: "a.example.com/shop/api", want: "*.example.com/shop"},
		"glob in the path is plain": {registries: []string{"a.example.com/*"}, repository: "a.example.com/shop/api"},
		"no suffix":                 {registries: []string{"example.com"}, repository: "evil-example.com/shop/api"},
		"no superdomain":            {registries: []string{"registry.example.com"}, repository: "registry.example.com.evil.org/shop/api"},
		"docker login":              {registries: []string{"https://index.docker.io/v1/"}, repository: "docker.io/library/nginx", want: "https://index.docker.io/v1/"},
		"docker.io":                 {registries: []string{"docker.io"}, repository: "docker.io/library/nginx", want: "docker.io"},
		"docker.io, path":           {registries: []string{"docker.io/shop", "docker.io/web"}, repository: "docker.io/shop/api", want: "docker.io/shop"},
		"both of docker.io":         {registries: []string{"https://index.docker.io/v1/", "docker.io"}, repository: "docker.io/library/nginx", want: "docker.io"},
		"docker.io for another":     {registries: []string{"https://index.docker.io/v1/"}, repository: "quay.io/library/nginx"},
		"IPv4 address":              {registries: []string{"10.0.0.1:5000"}, repository: "10.0.0.1:5000/shop/api", want: "10.0.0.1:5000"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			keychain, err := DockerConfigKeychain(dockerConfig(c.registries...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := keychain.Credentials(t.Context(), c.repository)
			if err != nil || users(got) != c.want {
				t.Errorf("%q, %v; want %q", users(got), err, c.want)
			}
		})
	}
}

func TestSecretsInOrder(t *testing.T) {
	secret := func(user string) []byte {
		return mustJSON(map[string]any{"auths": map[string]any{"registry.example.com": map[string]string{"auth": auth(user, "x")}}})
	}
	keychain, err := DockerConfigKeychain(secret("first"), dockerConfig("registry.example.com/shop"), secret("second"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := keychain.Credentials(t.Context(), "registry.example.com/shop/api")
	if want := "registry.example.com/shop first second"; users(got) != want {
		t.Errorf("%q, want %q", users(got), want)
	}
}

func TestParseDockerConfig(t *testing.T) {
	alice := Credential{Username: "alice", Password: "pa:ss"}
	entry := func(c Credential) []dockerEntry { return []dockerEntry{{key: "a.example.com", credential: c}} }
	wrap := func(value string) string { return fmt.Sprintf(`{"auths":{"a.example.com":%s}}`, value) }
	cases := map[string]struct {
		secret string
		want   []dockerEntry
		words  []string
	}{
		"auth":                {secret: wrap(`{"auth":"` + auth("alice", "pa:ss") + `"}`), want: entry(alice)},
		"auth, not padded":    {secret: wrap(`{"auth":"` + strings.TrimRight(auth("alice", "pa:ss"), "=") + `"}`), want: entry(alice)},
		"auth with a newline": {secret: wrap(`{"auth":"` + auth("alice", "pa:ss") + `\n"}`), want: entry(alice)},
		"auth with NULs":      {secret: wrap(`{"auth":"` + auth("alice", "pa:ss\x00\x00") + `"}`), want: entry(alice)},
		"plain":               {secret: wrap(`{"username":"alice","password":"pa:ss"}`), want: entry(alice)},
		"auth over plain":     {secret: wrap(`{"username":"bob","password":"x","auth":"` + auth("alice", "pa:ss") + `"}`), want: entry(alice)},
		"identity token":      {secret: wrap(`{"auth":"` + auth("<token>", "") + `","identitytoken":"t"}`), want: entry(Credential{Username: "<token>", Token: "t"})},
		"registry token":      {secret: wrap(`{"registrytoken":"t"}`), want: entry(Credential{RegistryToken: "t"})},
		"dockercfg":           {secret: `{"a.example.com":{"username":"alice","password":"pa:ss","email":"a@example.com"}}`, want: entry(alice)},
		"other keys":          {secret: `{"auths":{"a.example.com":{"auth":"` + auth("alice", "pa:ss") + `"}},"credsStore":"desktop","HttpHeaders":{}}`, want: entry(alice)},
		"no auths":            {secret: `{"auths":{}}`},
		"one of two":          {secret: `{"auths":{"a.example.com":{"auth":"` + auth("alice", "pa:ss") + `"},"b.example.com":{"auth":"?"}}}`, want: entry(alice), words: []string{"b.example.com", "base64"}},
		"not JSON":            {secret: `hunter2`, words: []string{"not a Docker configuration"}},
		"nothing":             {secret: ``, words: []string{"not a Docker configuration"}},
		"auths of a list":     {secret: `{"auths":[]}`, words: []string{"auths"}},
		"a number":            {secret: wrap(`{"password":31337}`), words: []string{"strings"}},
		"no colon":            {secret: wrap(`{"auth":"` + base64.StdEncoding.EncodeToString([]byte("hunter2")) + `"}`), words: []string{"user name"}},
		"empty entry":         {secret: wrap(`{}`), words: []string{"a.example.com", "no credential"}},
		"nameless":            {secret: `{"auths":{"":{"username":"alice","password":"p"}}}`, words: []string{"entry 1"}},
		"bad name":            {secret: `{"auths":{"hunter2:hunter2@a b":{"username":"alice","password":"p"}}}`, words: []string{"entry 1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			keychain, err := DockerConfigKeychain([]byte(c.secret))
			if diff := cmp.Diff(append(dockerKeychain{}, c.want...), keychain, cmp.AllowUnexported(dockerEntry{})); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			if (err != nil) != (len(c.words) > 0) {
				t.Fatalf("error %v", err)
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			for _, secret := range []string{"hunter2", "31337", "pa:ss", auth("alice", "pa:ss")} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("error %q tells the secret", err)
				}
			}
		})
	}
}

func FuzzDockerConfig(f *testing.F) {
	f.Add(dockerConfig("registry.example.com", "*.example.com/shop", "https://index.docker.io/v1/"), "registry.example.com/shop/api")
	f.Add([]byte(`{"a.example.com":{"username":"alice","password":"p"}}`), "a.example.com/x")
	f.Add([]byte(`{"auths":{"[a-z":{"auth":"YTpi"}}}`), "docker.io/library/nginx")
	f.Add([]byte(`{"auths":null}`), "")
	f.Fuzz(func(t *testing.T, secret []byte, repository string) {
		keychain, err := DockerConfigKeychain(secret)
		if keychain == nil {
			t.Fatalf("no keychain: %v", err)
		}
		credentials, err := keychain.Credentials(t.Context(), repository)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range credentials {
			if c == (Credential{}) {
				t.Error("an anonymous credential")
			}
		}
	})
}
