package image

import (
	"strings"
	"testing"
)

var (
	hexA    = strings.Repeat("a", 64)
	digestA = Digest("sha256:" + hexA)
)

func TestParseDigest(t *testing.T) {
	tests := map[string]struct {
		in      string
		wantErr string
	}{
		"good":                {in: "sha256:" + hexA},
		"empty":               {in: "", wantErr: `parse digest "": want sha256: and 64 lower-case hexadecimal digits`},
		"bare digits":         {in: hexA, wantErr: "want sha256:"},
		"another algorithm":   {in: "sha512:" + hexA + hexA, wantErr: "want sha256:"},
		"a digit short":       {in: "sha256:" + hexA[1:], wantErr: "want sha256:"},
		"a digit long":        {in: "sha256:" + hexA + "a", wantErr: "want sha256:"},
		"upper case":          {in: "sha256:" + strings.ToUpper(hexA), wantErr: "want sha256:"},
		"not hexadecimal":     {in: "sha256:" + strings.Repeat("g", 64), wantErr: "invalid byte"},
		"upper-case prefix":   {in: "SHA256:" + hexA, wantErr: "want sha256:"},
		"a space":             {in: " sha256:" + hexA, wantErr: "want sha256:"},
		"quoted, and clipped": {in: strings.Repeat("x\n", 1000), wantErr: `x\n": want`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseDigest(tc.in)
			wantError(t, err, tc.wantErr)
			if tc.wantErr == "" && (got.String() != tc.in || got.Hex() != hexA) {
				t.Errorf("got %s with the digits %s", got, got.Hex())
			}
			if err != nil && (got != "" || len(err.Error()) > 400) {
				t.Errorf("got %q and an error of %d bytes", got, len(err.Error()))
			}
		})
	}
}

func TestParsePlatform(t *testing.T) {
	tests := map[string]struct {
		in      string
		want    Platform
		wantErr string
	}{
		"without a variant": {in: "linux/amd64", want: Platform{OS: "linux", Architecture: "amd64"}},
		"with a variant":    {in: "linux/arm64/v8", want: Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}},
		"empty":             {in: "", wantErr: "want os/architecture"},
		"one part":          {in: "linux", wantErr: "want os/architecture"},
		"four parts":        {in: "linux/arm/v7/x", wantErr: "want os/architecture"},
		"no architecture":   {in: "linux/", wantErr: "empty part"},
		"no system":         {in: "/amd64", wantErr: "empty part"},
		"empty variant":     {in: "linux/arm64/", wantErr: "empty part"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParsePlatform(tc.in)
			wantError(t, err, tc.wantErr)
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if err == nil && got.String() != tc.in {
				t.Errorf("prints as %s", got)
			}
		})
	}
}

func TestParseReference(t *testing.T) {
	tests := map[string]struct {
		in                 string
		want               Reference
		wantHost, wantPath string
		wantString         string
		wantErr            string
	}{
		"a short name": {
			in:       "nginx",
			want:     Reference{Repository: "docker.io/library/nginx", Tag: "latest"},
			wantHost: "docker.io", wantPath: "library/nginx", wantString: "docker.io/library/nginx:latest",
		},
		"a user's": {
			in:       "acme/api:1.2",
			want:     Reference{Repository: "docker.io/acme/api", Tag: "1.2"},
			wantHost: "docker.io", wantPath: "acme/api", wantString: "docker.io/acme/api:1.2",
		},
		"Docker's old host": {
			in:       "index.docker.io/library/nginx:1",
			want:     Reference{Repository: "docker.io/library/nginx", Tag: "1"},
			wantHost: "docker.io", wantPath: "library/nginx", wantString: "docker.io/library/nginx:1",
		},
		"a port is not a tag": {
			in:       "registry.example.com:5000/shop/api",
			want:     Reference{Repository: "registry.example.com:5000/shop/api", Tag: "latest"},
			wantHost: "registry.example.com:5000", wantPath: "shop/api", wantString: "registry.example.com:5000/shop/api:latest",
		},
		"localhost": {
			in:       "localhost/api:x",
			want:     Reference{Repository: "localhost/api", Tag: "x"},
			wantHost: "localhost", wantPath: "api", wantString: "localhost/api:x",
		},
		"an IPv6 address": {
			in:       "[::1]:5000/api:x",
			want:     Reference{Repository: "[::1]:5000/api", Tag: "x"},
			wantHost: "[::1]:5000", wantPath: "api", wantString: "[::1]:5000/api:x",
		},
		"a digest alone has no tag": {
			in:       "r.example.com/api@" + string(digestA),
			want:     Reference{Repository: "r.example.com/api", Digest: digestA},
			wantHost: "r.example.com", wantPath: "api", wantString: "r.example.com/api@" + string(digestA),
		},
		"a tag and a digest are both kept": {
			in:       "r.example.com/api:1.8.2@" + string(digestA),
			want:     Reference{Repository: "r.example.com/api", Tag: "1.8.2", Digest: digestA},
			wantHost: "r.example.com", wantPath: "api", wantString: "r.example.com/api:1.8.2@" + string(digestA),
		},
		"empty":                 {in: "", wantErr: "parse image reference"},
		"upper case":            {in: "r.example.com/API", wantErr: "lowercase"},
		"a bare id":             {in: hexA, wantErr: "parse image reference"},
		"a scheme":              {in: "https://r.example.com/api", wantErr: "parse image reference"},
		"a space":               {in: "nginx:1 ", wantErr: "parse image reference"},
		"an empty tag":          {in: "nginx:", wantErr: "parse image reference"},
		"a short digest":        {in: "nginx@sha256:abc", wantErr: "parse image reference"},
		"another algorithm":     {in: "nginx@sha512:" + hexA + hexA, wantErr: "parse image reference"},
		"a credential":          {in: "user:secret@r.example.com/api", wantErr: "parse image reference"},
		"a path of dots":        {in: "r.example.com/../api", wantErr: "parse image reference"},
		"longer than a name is": {in: "r.example.com/" + strings.Repeat("a", 256), wantErr: "must not be more than 255 characters"},
		"of many parts":         {in: strings.Repeat("a/", 5000), wantErr: "parse image reference"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseReference(tc.in)
			wantError(t, err, tc.wantErr)
			if err != nil {
				if len(err.Error()) > 2000 {
					t.Errorf("error of %d bytes", len(err.Error()))
				}
				return
			}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if got.Host() != tc.wantHost || got.Path() != tc.wantPath || got.String() != tc.wantString {
				t.Errorf("host %q, path %q, prints as %q", got.Host(), got.Path(), got)
			}
		})
	}
}

func TestWithDigest(t *testing.T) {
	ref := Reference{Repository: "r.example.com/api", Tag: "1"}
	if got, want := ref.WithDigest(digestA), (Reference{Repository: "r.example.com/api", Digest: digestA}); got != want {
		t.Errorf("got %s, want %s: the digest alone says which image it is", got, want)
	}
}

func TestPartsOfNoRepository(t *testing.T) {
	if r := (Reference{}); r.Host() != "" || r.Path() != "" || r.String() != "" {
		t.Errorf("host %q, path %q, prints as %q", r.Host(), r.Path(), r)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Fatalf("no error, want %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Fatalf("error %q, want %q", err, want)
	}
}
