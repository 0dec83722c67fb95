package source

import (
	"strings"
	"testing"
)

func TestNormaliseRepository(t *testing.T) {
	tests := map[string]struct{ in, want, wantErr string }{
		"as it is":             {in: "https://github.com/acme/shop", want: "https://github.com/acme/shop"},
		"suffix and slash":     {in: "https://github.com/acme/shop.git/", want: "https://github.com/acme/shop"},
		"case of the host":     {in: "HTTPS://GitHub.com/Acme/Shop", want: "https://github.com/Acme/Shop"},
		"default port":         {in: "https://git.example.com:443/a/b", want: "https://git.example.com/a/b"},
		"port":                 {in: "https://git.example.com:8443/a/b.git", want: "https://git.example.com:8443/a/b"},
		"plain HTTP":           {in: "http://gitea.svc:3000/a/b.git", want: "http://gitea.svc:3000/a/b"},
		"plain HTTP's port":    {in: "http://gitea.svc:80/a/b", want: "http://gitea.svc/a/b"},
		"credentials":          {in: "https://user:hunter2@github.com/a/b", want: "https://github.com/a/b"},
		"query and fragment":   {in: "https://github.com/a/b?token=hunter2#main", want: "https://github.com/a/b"},
		"SSH":                  {in: "ssh://git@git.example.com:2222/a/b.git", want: "https://git.example.com/a/b"},
		"SSH in short":         {in: "git@github.com:acme/shop.git", want: "https://github.com/acme/shop"},
		"SSH in short, rooted": {in: "git@git.example.com:/srv/shop.git", want: "https://git.example.com/srv/shop"},
		"SSH without a user":   {in: "github.com:acme/shop.git", want: "https://github.com/acme/shop"},
		"Git's own":            {in: "git://git.example.com:9418/a/b", want: "https://git.example.com/a/b"},
		"pip's form":           {in: "git+https://github.com/a/b", want: "https://github.com/a/b"},
		"groups":               {in: "https://gitlab.com/a/b/c/d.git", want: "https://gitlab.com/a/b/c/d"},
		"IPv6":                 {in: "http://[::1]:3000/a/b", want: "http://[::1]:3000/a/b"},
		"IPv6 without a port":  {in: "https://[2001:DB8::1]/a/b", want: "https://[2001:db8::1]/a/b"},
		"doubled slashes":      {in: "https://github.com//a//b", want: "https://github.com/a/b"},
		"spaces around":        {in: " https://github.com/a/b\n", want: "https://github.com/a/b"},
		"empty":                {in: "", wantErr: "scheme"},
		"a path":               {in: "/srv/git/a", wantErr: "scheme"},
		"a file":               {in: "file:///srv/git/a", wantErr: "scheme"},
		"OCI":                  {in: "oci://ghcr.io/a/b", wantErr: "scheme"},
		"no host":              {in: "https:///a/b", wantErr: "no host"},
		"no path":              {in: "https://github.com/", wantErr: "no path"},
		"only a suffix":        {in: "https://github.com/.git", wantErr: "no path"},
		"relative segments":    {in: "https://github.com/a/../b", wantErr: "relative"},
		"escaped segments":     {in: "https://github.com/a/%2e%2e/b", wantErr: "relative"},
		"a line":               {in: "https://github.com/a%0ab", wantErr: "control"},
		"no URL":               {in: "https://user:hunter2@[::1/a", wantErr: "not a URL"},
		"too long":             {in: "https://github.com/" + strings.Repeat("a", maxURL), wantErr: "exceeds"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := NormaliseRepository(tc.in)
			if got != tc.want || (err != nil) != (tc.wantErr != "") {
				t.Fatalf("got %q, %v, want %q, %q", got, err, tc.want, tc.wantErr)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.wantErr) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("error %q, want %q", err, tc.wantErr)
			}
		})
	}
}

func TestSplitAddress(t *testing.T) {
	tests := map[string][3]string{
		"https://github.com/a/b":                                {"https://github.com/a/b", "", ""},
		"https://github.com/a/b/tree/main/images/api":           {"https://github.com/a/b", "main", "images/api"},
		"https://github.com/a/b/blob/v1/Dockerfile":             {"https://github.com/a/b", "v1", "Dockerfile"},
		"https://gitlab.com/a/b/c/-/tree/main":                  {"https://gitlab.com/a/b/c", "main", ""},
		"https://gitea.example.com/a/b/src/branch/dev/x":        {"https://gitea.example.com/a/b", "dev", "x"},
		"https://github.com/docker-library/postgres.git#abc:16": {"https://github.com/docker-library/postgres.git", "abc", "16"},
		"git@github.com:a/b.git":                                {"git@github.com:a/b.git", "", ""},
		"https://github.com/a/tree":                             {"https://github.com/a/tree", "", ""},
	}
	for in, want := range tests {
		repository, revision, within := splitAddress(in)
		if got := [3]string{repository, revision, within}; got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func FuzzNormaliseRepository(f *testing.F) {
	for _, seed := range []string{"https://u:p@h:1/a.git", "git@h:a/b.git", "ssh://git@[::1]:22/a", "http://h/a%2fb", "h:a", "https://h/a#b?c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := NormaliseRepository(in)
		if err != nil {
			return
		}
		if !strings.HasPrefix(got, "https://") && !strings.HasPrefix(got, "http://") || strings.ContainsAny(got, "@?# ") && !strings.Contains(in, "@") {
			t.Fatalf("%q became %q", in, got)
		}
		again, err := NormaliseRepository(got)
		if err != nil && len(got) <= maxURL || err == nil && again != got {
			t.Fatalf("%q became %q, and that %q: %v", in, got, again, err)
		}
	})
}
