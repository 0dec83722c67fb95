package binaries

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// publisher is a stand-in for the two sites that publish the programs. Its files can be damaged before use.
type publisher struct {
	files map[string][]byte
}

func newPublisher(t *testing.T, version string) (*publisher, source) {
	t.Helper()
	p := &publisher{files: map[string][]byte{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := p.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)

	envtest := archiveOf(t, Etcd, APIServer, Kubectl)
	name := "envtest-" + version + "-linux-amd64.tar.gz"
	p.files["/"+name] = envtest
	p.files["/index.yaml"] = fmt.Appendf(nil, "releases:\n  %s:\n    %s:\n      hash: %x\n      selfLink: %s/%s\n", version, name, sha512.Sum512(envtest), server.URL, name)
	for _, program := range []string{ControllerManager, Scheduler} {
		content := []byte("program " + program)
		path := "/" + version + "/bin/linux/amd64/" + program
		p.files[path] = content
		p.files[path+".sha256"] = fmt.Appendf(nil, "%x", sha256.Sum256(content))
	}
	return p, source{client: server.Client(), index: server.URL + "/index.yaml", releases: server.URL, os: "linux", arch: "amd64"}
}

func archiveOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	files := tar.NewWriter(compressed)
	for _, name := range names {
		content := "program " + name
		// The leading folder is the official one; the dots must not lead anywhere.
		header := &tar.Header{Name: "../controller-tools/envtest/" + name, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if err := files.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestFetch(t *testing.T) {
	tests := map[string]struct {
		version string
		damage  func(p *publisher)
		wantErr string
	}{
		"exact version": {version: Version},
		"another patch": {version: minor + "0"},
		"checksum in the form of sha256sum": {version: Version, damage: func(p *publisher) {
			path := "/" + Version + "/bin/linux/amd64/" + Scheduler + ".sha256"
			p.files[path] = append(p.files[path], "  kube-scheduler\n"...)
		}},
		"damaged archive": {
			version: Version,
			damage:  func(p *publisher) { p.files["/envtest-"+Version+"-linux-amd64.tar.gz"][20] ^= 1 },
			wantErr: "checksum is",
		},
		"damaged program": {
			version: Version,
			damage:  func(p *publisher) { p.files["/"+Version+"/bin/linux/amd64/"+Scheduler][0] ^= 1 },
			wantErr: "checksum is",
		},
		"no checksum": {
			version: Version,
			damage:  func(p *publisher) { delete(p.files, "/"+Version+"/bin/linux/amd64/"+Scheduler+".sha256") },
			wantErr: "download checksum",
		},
		"empty checksum": {
			version: Version,
			damage:  func(p *publisher) { p.files["/"+Version+"/bin/linux/amd64/"+Scheduler+".sha256"] = nil },
			wantErr: "checksum is",
		},
		"no controller manager for the platform": {
			version: Version,
			damage: func(p *publisher) {
				path := "/" + Version + "/bin/linux/amd64/" + ControllerManager
				delete(p.files, path)
			},
			wantErr: "404",
		},
		"another minor version": {version: "v1.35.9", wantErr: "has no Kubernetes " + minor},
		"a release candidate":   {version: minor + "9-rc.1", wantErr: "has no Kubernetes " + minor},
		"no index":              {version: Version, damage: func(p *publisher) { delete(p.files, "/index.yaml") }, wantErr: "index"},
		"index is not YAML":     {version: Version, damage: func(p *publisher) { p.files["/index.yaml"] = []byte("\t") }, wantErr: "parse"},
		"endless index": {
			version: Version,
			damage:  func(p *publisher) { p.files["/index.yaml"] = make([]byte, indexLimit+1) },
			wantErr: "longer than",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, from := newPublisher(t, test.version)
			if test.damage != nil {
				test.damage(p)
			}
			dir := t.TempDir()
			err := from.fetch(t.Context(), t.Logf, dir)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("fetch() = %v, want %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			expectPrograms(t, dir)
		})
	}
}

// expectPrograms checks that dir holds exactly the five programs of a publisher.
func expectPrograms(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = string(content)
	}
	want := map[string]string{}
	for _, name := range programs {
		want[name] = "program " + name
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

func TestFindPrefersTheExactVersion(t *testing.T) {
	p, from := newPublisher(t, Version)
	newer := minor + "99"
	archive := "envtest-" + newer + "-linux-amd64.tar.gz"
	p.files["/index.yaml"] = fmt.Appendf(p.files["/index.yaml"], "  %s:\n    %s: {hash: none, selfLink: none}\n", newer, archive)
	got, found, err := from.find(t.Context())
	if err != nil || got != Version || found.Hash == "none" {
		t.Errorf("find() = %s, %+v, %v, want %s although there is %s", got, found, err, Version, newer)
	}
}

func TestDownloadLeavesNoUnverifiedFile(t *testing.T) {
	p, from := newPublisher(t, Version)
	path := "/" + Version + "/bin/linux/amd64/" + Scheduler
	p.files[path] = append(p.files[path], '!')
	file := filepath.Join(t.TempDir(), "program")
	err := from.download(t.Context(), from.releases+path, file, sha256.New(), hex.EncodeToString(make([]byte, 32)))
	if err == nil {
		t.Fatal("download() accepted a wrong checksum")
	}
	if exists(file) {
		t.Error("the unverified file is still there")
	}
}

func TestFetchStopsWithItsContext(t *testing.T) {
	_, from := newPublisher(t, Version)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := from.fetch(ctx, t.Logf, t.TempDir()); err == nil {
		t.Error("fetch() succeeded after its context ended")
	}
}
