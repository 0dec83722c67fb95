package pullrequest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRepository(t *testing.T) {
	tests := map[string]struct {
		url       string
		want      Location
		wantEqual string // what Normalise makes of it
	}{
		"for cloning":            {"https://github.com/acme/shop.git", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"a page":                 {"https://github.com/acme/shop/", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"nested groups":          {"https://gitlab.com/acme/web/shop", Location{"https://gitlab.com", "acme/web", "shop"}, "https://gitlab.com/acme/web/shop"},
		"page of nested groups":  {"https://gitlab.com/acme/web/shop/-/tree/main/a", Location{"https://gitlab.com", "acme/web", "shop"}, "https://gitlab.com/acme/web/shop"},
		"page of a folder":       {"https://github.com/acme/shop/tree/main/a", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"a repository tree":      {"https://github.com/acme/tree", Location{"https://github.com", "acme", "tree"}, "https://github.com/acme/tree"},
		"credentials":            {"https://bot:secret@github.com/acme/shop", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"query and fragment":     {"https://github.com/acme/shop.git?a=b#abc:dir", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"upper case":             {"HTTPS://GitHub.com/Acme/Shop", Location{"https://github.com", "Acme", "Shop"}, "https://github.com/Acme/Shop"},
		"a port":                 {"http://127.0.0.1:3000/acme/shop", Location{"http://127.0.0.1:3000", "acme", "shop"}, "https://127.0.0.1:3000/acme/shop"},
		"the usual port":         {"https://github.com:443/acme/shop", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"IPv6":                   {"https://[::1]:3000/acme/shop", Location{"https://[::1]:3000", "acme", "shop"}, "https://[::1]:3000/acme/shop"},
		"SSH":                    {"ssh://git@github.com:2222/acme/shop.git", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"short SSH":              {"git@github.com:acme/shop.git", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"short SSH, no account":  {"github.com:acme/web/shop.git", Location{"https://github.com", "acme/web", "shop"}, "https://github.com/acme/web/shop"},
		"as in provenance":       {"git+https://github.com/acme/shop.git", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
		"dots that lead nowhere": {"https://github.com/acme/../acme/./shop", Location{"https://github.com", "acme", "shop"}, "https://github.com/acme/shop"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRepository(test.url)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ParseRepository() (-want +got):\n%s", diff)
			}
			if equal, err := Normalise(test.url); err != nil || equal != test.wantEqual {
				t.Errorf("Normalise() = %q, %v, want %q", equal, err, test.wantEqual)
			}
		})
	}
}

func TestParseRepositoryRefuses(t *testing.T) {
	for name, url := range map[string]string{
		"nothing":          "",
		"no repository":    "https://bot:secret@github.com/acme",
		"no host":          "https:///acme/shop",
		"a file":           "file:///secret/acme/shop",
		"a path":           "/secret/acme/shop",
		"a new line":       "https://github.com/secret%0aacme/shop",
		"a space":          "https://github.com/sec%20ret/shop",
		"an escaped slash": "https://github.com/secret%252f/shop",
		"only .git":        "https://github.com/secret/.git",
		"not a URL":        "https://secret\x7f/acme/shop",
		"too long":         "https://github.com/secret/" + strings.Repeat("a", maxURL),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRepository(url)
			if err == nil {
				t.Fatalf("ParseRepository(%q) = %+v", url, got)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the URL: %v", err)
			}
		})
	}
}

func TestParseRepositoryAt(t *testing.T) {
	tests := map[string]struct {
		base, url string
		want      Location
		wantErr   bool
	}{
		"at the root":      {"https://git.example.com", "https://git.example.com/acme/shop", Location{"https://git.example.com", "acme", "shop"}, false},
		"below the root":   {"https://example.com/git/", "https://example.com/git/acme/shop.git", Location{"https://example.com/git", "acme", "shop"}, false},
		"by SSH":           {"https://git.example.com/", "git@git.example.com:acme/shop.git", Location{"https://git.example.com", "acme", "shop"}, false},
		"another host":     {"https://git.example.com", "https://evil.example.com/acme/shop", Location{}, true},
		"a longer host":    {"https://git.example.com", "https://git.example.com.evil.com/acme/shop", Location{}, true},
		"another port":     {"https://git.example.com", "https://git.example.com:8443/acme/shop", Location{}, true},
		"another path":     {"https://example.com/git", "https://example.com/gitx/acme/shop", Location{}, true},
		"out of the path":  {"https://example.com/git", "https://example.com/git/../acme/shop", Location{}, true},
		"host as an user":  {"https://git.example.com", "https://git.example.com@evil.com/acme/shop", Location{}, true},
		"no URL":           {"https://git.example.com", "shop", Location{}, true},
		"base is no URL":   {"git", "https://git.example.com/acme/shop", Location{}, true},
		"only the account": {"https://example.com/git", "https://example.com/git/acme", Location{}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRepositoryAt(test.base, test.url)
			if (err != nil) != test.wantErr {
				t.Fatalf("ParseRepositoryAt() = %v, want an error: %t", err, test.wantErr)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ParseRepositoryAt() (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseRepository(f *testing.F) {
	for _, seed := range []string{"https://github.com/acme/shop.git", "git@github.com:acme/shop", "ssh://git@h:1/a/b/c", "https://[::1]:3/a/b/-/tree"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		got, err := Normalise(url)
		if err != nil {
			return
		}
		again, err := Normalise(got)
		if err != nil || again != got {
			t.Errorf("Normalise(%q) = %q, whose own is %q, %v", url, got, again, err)
		}
		if strings.ContainsAny(got, "@?#\n\r ") && strings.Contains(strings.SplitN(got, "/", 4)[2], "@") {
			t.Errorf("Normalise(%q) = %q holds more than host and path", url, got)
		}
	})
}
