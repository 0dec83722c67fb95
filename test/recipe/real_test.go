package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func skipUnavailable(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestMmdebstrap(t *testing.T) {
	if testing.Short() {
		t.Skip("installs a Debian from the network")
	}
	l, err := Mmdebstrap(t.Context(), "bookworm", "openssl")
	skipUnavailable(t, err)
	_, bodies := entries(t, l)
	status := bodies["./var/lib/dpkg/status"]
	if !strings.Contains(status, "Package: openssl\n") || !strings.Contains(status, "Source: glibc\n") {
		t.Errorf("status of %d bytes lacks openssl or glibc", len(status))
	}
	if !strings.HasPrefix(bodies["./etc/debian_version"], "12") {
		t.Errorf("release is %q", bodies["./etc/debian_version"])
	}
}

func TestNpmInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("installs modules from the network")
	}
	files, err := NpmInstall(t.Context(), "app", Module{"request", "2.67.0"})
	skipUnavailable(t, err)
	bodies := written(files)
	var installed Module
	if err := json.Unmarshal([]byte(bodies["app/node_modules/request/package.json"]), &installed); err != nil {
		t.Fatal(err)
	}
	if installed.Version != "2.67.0" {
		t.Errorf("version is %s", installed.Version)
	}
	if _, ok := bodies["app/node_modules/tunnel-agent/package.json"]; !ok {
		t.Error("what request depends on is absent")
	}
}

func TestRealToolsAreUnavailable(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Mmdebstrap(context.Background(), "bookworm"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error without mmdebstrap is %v", err)
	}
	if _, err := NpmInstall(context.Background(), "app"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error without npm is %v", err)
	}
}
