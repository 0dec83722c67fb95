package sbom

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadPackageJSON(t *testing.T) {
	tests := map[string]struct {
		content string
		want    []Package
	}{
		"plain":            {npm("left-pad", "1.3.0"), []Package{{Type: TypeNode, Name: "left-pad", Version: "1.3.0"}}},
		"scoped":           {npm("@babel/core", "7.0.0-rc.1"), []Package{{Type: TypeNode, Name: "@babel/core", Version: "7.0.0-rc.1"}}},
		"byte order mark":  {"\ufeff" + npm("a", "1.0.0"), []Package{{Type: TypeNode, Name: "a", Version: "1.0.0"}}},
		"odd other fields": {`{"name":"a","version":"1","author":[1],"dependencies":[],"maintainers":"me"}`, []Package{{Type: TypeNode, Name: "a", Version: "1"}}},
		"no version":       {`{"name": "a"}`, nil},
		"no name":          {`{"version": "1"}`, nil},
		"not a package":    {`{"name": {"en": "a"}, "version": 1}`, nil},
		"type only":        {`{"type": "module"}`, nil},
		"illegible":        {`{"name": "a\u0000", "version": "1"}`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			const path = "usr/lib/node_modules/a/package.json"
			got := readLayer(t, 0, file(path, test.content)).Files[path]
			if diff := cmp.Diff(File{Packages: test.want}, got); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadPython(t *testing.T) {
	var egg bytes.Buffer
	w := zip.NewWriter(&egg)
	for name, content := range map[string]string{"a/__init__.py": "", eggMetadata: fixture(t, "METADATA")} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	metadata := fixture(t, "METADATA")
	want := []Package{{Type: TypePython, Name: "ruamel.yaml.clib", Version: "0.2.8"}}
	for path, test := range map[string]struct {
		content string
		want    []Package
	}{
		"site-packages/a-1.dist-info/METADATA":           {metadata, want},
		"site-packages/a-1.egg-info/PKG-INFO":            {metadata, want},
		"site-packages/a-1.egg-info":                     {metadata, want},
		"site-packages/a-1.egg/EGG-INFO/PKG-INFO":        {metadata, want},
		"site-packages/a-1.egg":                          {egg.String(), want},
		"site-packages/broken.dist-info/METADATA":        {"Name: passlib\nVersion: 1.7.4\nnot a field\n", []Package{{Type: TypePython, Name: "passlib", Version: "1.7.4"}}},
		"ensurepip/_bundled/pip-23.2.1-py3-none-any.whl": {egg.String(), nil},
		"site-packages/a-1.dist-info/RECORD":             {metadata, nil},
		"project/requirements.txt":                       {"requests==2.0\n", nil},
		"project/poetry.lock":                            {"", nil},
	} {
		got := readLayer(t, 0, file(path, test.content)).Files[path]
		if diff := cmp.Diff(File{Packages: test.want}, got); diff != "" {
			t.Errorf("%s: file (-want +got):\n%s", path, diff)
		}
	}
}

// A bomb in an egg is not unpacked past the limit.
func TestReadEggBomb(t *testing.T) {
	var egg bytes.Buffer
	w := zip.NewWriter(&egg)
	f, err := w.Create(eggMetadata)
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("Requires-Dist: a\n"), 1<<12)
	for range 1 << 11 {
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Write([]byte("Name: a\nVersion: 1\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := readLayer(t, 0, file("a.egg", egg.String())).Files["a.egg"]
	if len(got.Packages) > 0 || got.Reason == "" {
		t.Errorf("got %+v, want it unread", got)
	}
}
