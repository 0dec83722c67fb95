package image

import (
	"strings"
	"testing"
)

// What parses prints in a form that parses to the same.

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{
		"nginx", "nginx:1.27", "acme/api", "r.example.com:5000/shop/api:1@" + string(digestA), "r.example.com/api@" + string(digestA),
		"index.docker.io/library/nginx", "[::1]:5000/a", "localhost/a", "docker.io/a", "a@sha512:" + hexA + hexA, hexA, "A/b", "a:", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseReference(s)
		if err != nil {
			if ref != (Reference{}) {
				t.Errorf("%+v with an error", ref)
			}
			return
		}
		if ref.Tag == "" && ref.Digest == "" {
			t.Errorf("%q names neither a tag nor a digest", s)
		}
		if ref.Host() == "" || ref.Path() == "" || ref.Host()+"/"+ref.Path() != ref.Repository {
			t.Errorf("%q: host %q and path %q of %q", s, ref.Host(), ref.Path(), ref.Repository)
		}
		again, err := ParseReference(ref.String())
		if err != nil || again != ref {
			t.Errorf("%q is %+v, and printed it is %+v: %v", s, ref, again, err)
		}
	})
}

func FuzzParseDigest(f *testing.F) {
	for _, seed := range []string{string(digestA), hexA, "sha256:", "sha256:" + strings.Repeat("F", 64), "sha256:" + strings.Repeat("é", 32), ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDigest(s)
		if err != nil {
			if d != "" {
				t.Errorf("%q with an error", d)
			}
			return
		}
		if d.String() != s || len(d.Hex()) != 64 || strings.Trim(d.Hex(), "0123456789abcdef") != "" {
			t.Errorf("%q parses to %q", s, d)
		}
	})
}

func FuzzParsePlatform(f *testing.F) {
	for _, seed := range []string{"linux/amd64", "linux/arm64/v8", "windows/amd64", "linux", "//", "a/b/c/d", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePlatform(s)
		if err != nil {
			if p != (Platform{}) {
				t.Errorf("%+v with an error", p)
			}
			return
		}
		if p.String() != s {
			t.Errorf("%q prints as %q", s, p)
		}
	})
}
