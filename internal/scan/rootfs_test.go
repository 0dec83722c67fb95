package scan

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

func putFiles(t *testing.T, dir string, files ...recipe.File) {
	t.Helper()
	for _, f := range files {
		name := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDirectory(t *testing.T) {
	inside, outside := t.TempDir(), t.TempDir()
	putFiles(t, inside, recipe.DebianRelease("12", "12.12")...)
	putFiles(t, inside, recipe.Dpkg(recipe.Deb{Name: "openssl", Version: "3.0.15-1", Arch: "amd64"})...)
	putFiles(t, inside, recipe.File{Path: "usr/share/large", Body: []byte(strings.Repeat("x", 1<<20))})
	putFiles(t, outside, recipe.Node("app", recipe.Module{Name: "lodash", Version: "4.17.20"})...)
	for name, target := range map[string]string{"app": filepath.Join(outside, "app"), "loop": ".", "gone": "/no/such"} {
		if err := os.Symlink(target, filepath.Join(inside, name)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Directory(t.Context(), inside, sbom.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got.OS.Family != "debian" || got.OS.Release != "12.12" || len(got.Packages) != 1 || got.Packages[0].Name != "openssl" || len(got.Unread) > 0 {
		t.Errorf("system %+v, packages %+v, unread %+v", got.OS, got.Packages, got.Unread)
	}
}

// A directory that is a link to elsewhere must not be read, and if it is that of a database, must be missed.
func TestDirectoryWithADatabaseElsewhere(t *testing.T) {
	inside, outside := t.TempDir(), t.TempDir()
	putFiles(t, inside, recipe.DebianRelease("12", "12.12")...)
	putFiles(t, outside, recipe.Dpkg(recipe.Deb{Name: "openssl", Version: "3.0.15-1", Arch: "amd64"})...)
	if err := os.MkdirAll(filepath.Join(inside, "var/lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "var/lib/dpkg"), filepath.Join(inside, "var/lib/dpkg")); err != nil {
		t.Fatal(err)
	}
	got, err := Directory(t.Context(), inside, sbom.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Packages) > 0 || StateOf(got).Judgeable() {
		t.Errorf("packages %+v, state %+v", got.Packages, StateOf(got))
	}
}

func TestDirectoryErrors(t *testing.T) {
	if _, err := Directory(t.Context(), "/no/such", sbom.Limits{}); err == nil {
		t.Error("no error for what is not there")
	}
	dir := t.TempDir()
	putFiles(t, dir, recipe.DebianRelease("12", "12.12")...)
	var limit *sbom.Error
	if _, err := Directory(t.Context(), dir, sbom.Limits{Entries: 1}); !errors.As(err, &limit) {
		t.Errorf("past a limit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Directory(ctx, dir, sbom.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A walk's skipped paths: what may not be read is unread if it matters, and
// nothing if it does not. Root may read everything, so that the walk is called itself.
func TestSkippedFiles(t *testing.T) {
	w := &rootWalk{}
	for name, err := range map[string]error{
		"var/lib/dpkg/status": os.ErrPermission, "app/node_modules/a/package.json": os.ErrPermission,
		"etc/shadow": os.ErrPermission, "lib/apk/db/installed": os.ErrNotExist,
	} {
		if got := w.skip(name, err); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if err := w.skip("a", errDisk); !errors.Is(err, errDisk) {
		t.Errorf("a failure of the machine: %v", err)
	}
	got := map[string]bool{}
	for _, u := range w.unread {
		got[u.Path] = u.Database
	}
	if diff := cmp.Diff(map[string]bool{"var/lib/dpkg/status": true, "app/node_modules/a/package.json": false}, got); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
}

// Nobody knows what is in a directory that may not be read, whatever its name.
func TestSkippedDirectories(t *testing.T) {
	w := &rootWalk{}
	for _, name := range []string{".", "root", "var", "var/lib", "var/lib/dpkg", "usr/lib/sysimage", "lib/apk", "usr/lib/python3", "variable"} {
		if err := w.skipDirectory(name, os.ErrPermission); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.skipDirectory("a", os.ErrNotExist); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	if err := w.skipDirectory("a", errDisk); !errors.Is(err, errDisk) {
		t.Errorf("a failure of the machine: %v", err)
	}
	got := map[string]bool{}
	for _, u := range w.unread {
		got[u.Path] = u.Database
	}
	want := map[string]bool{
		".": true, "root": false, "var": true, "var/lib": true, "var/lib/dpkg": true, "usr/lib/sysimage": true, "lib/apk": true,
		"usr/lib/python3": false, "variable": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
}

func TestDirectoryThatMayNotBeRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	putFiles(t, dir, recipe.DebianRelease("12", "12.12")...)
	putFiles(t, dir, recipe.Node("app", recipe.Module{Name: "lodash", Version: "4.17.20"})...)
	if err := os.Chmod(filepath.Join(dir, "app"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "app"), 0o700) })
	got, err := Directory(t.Context(), dir, sbom.Limits{})
	if err != nil || len(got.Unread) != 1 || got.Unread[0].Path != "app" {
		t.Errorf("error %v, unread %+v", err, got.Unread)
	}
}
