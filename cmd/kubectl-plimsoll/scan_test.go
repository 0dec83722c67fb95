package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

// unpacked writes the test image's files to a directory.
func unpacked(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	files := append(recipe.DebianRelease("12", "12.12"), recipe.Dpkg(recipe.Deb{Name: "openssl", Version: "3.0.15-1", Arch: "amd64"})...)
	for _, f := range append(files, recipe.Node("app", recipe.Module{Name: "lodash", Version: "4.17.20"})...) {
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, f.Body)
	}
	return dir
}

func TestEverySourceGivesTheSameFindings(t *testing.T) {
	db := buildDatabase(t)
	img := testImage(t, recipe.AMD64)
	index, err := recipe.Index(img, testImage(t, recipe.ARM64))
	if err != nil {
		t.Fatal(err)
	}
	r, err := testregistry.Start(testregistry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	pushed, err := r.Push("shop/api:1", index)
	if err != nil {
		t.Fatal(err)
	}
	saved := savedTar(t, map[string]v1.Image{"registry.example.com/shop/api:1": img})
	single := layoutDir(t, img)
	bom := filepath.Join(t.TempDir(), "bom.json")
	if r := scanned(t, "--archive", saved, "--db", db, "--format", "cyclonedx", "-o", bom); r.code != 0 {
		t.Fatal(r.stderr)
	}
	spdx := filepath.Join(t.TempDir(), "spdx.json")
	if r := scanned(t, "--archive", saved, "--db", db, "--format", "spdx", "-o", spdx); r.code != 0 {
		t.Fatal(r.stderr)
	}
	for name, args := range map[string][]string{
		"registry":             {pushed.Repository + ":1", "--platform", "linux/amd64"},
		"docker save":          {"--archive", saved},
		"docker save, gzip":    {"--archive", zipped(t, saved)},
		"layout, directory":    {"--archive", single},
		"layout, tar":          {"--archive", tarOf(t, single)},
		"layout of an index":   {"--archive", layoutDir(t, index), "--platform", "linux/arm64"},
		"layout of two images": {"--archive", layoutDir(t, img, testImage(t, recipe.ARM64)), "--platform", "linux/arm64"},
		"directory":            {"--rootfs", unpacked(t)},
		"CycloneDX":            {"--sbom", bom},
		"SPDX":                 {"--sbom", spdx},
	} {
		t.Run(name, func(t *testing.T) {
			d := scanned(t, append(args, "--db", db, "--format", "json")...).document(t, 0)
			if diff := cmp.Diff(wantFindings, summary(d)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if d.Artifact.OS == nil || d.Artifact.OS.Family != "debian" || d.Artifact.OS.Release != "12.12" || len(d.Unread) > 0 {
				t.Errorf("artifact %+v, unread %v", d.Artifact, d.Unread)
			}
		})
	}
}

func TestADatabaseFromARegistryIsFetchedOnce(t *testing.T) {
	packed := filepath.Join(t.TempDir(), "layout")
	if _, err := database.Layout(buildDatabase(t), packed); err != nil {
		t.Fatal(err)
	}
	r, err := testregistry.Start(testregistry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if _, err := r.Pusher().PushLayout(t.Context(), "trivy-db:2", packed); err != nil {
		t.Fatal(err)
	}
	args := []string{"--rootfs", unpacked(t), "--db", r.Addr + "/trivy-db:2", "--cache-dir", t.TempDir(), "--format", "json"}
	first := scanned(t, args...)
	if diff := cmp.Diff(wantFindings, summary(first.document(t, 0))); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	r.ResetStats()
	if again := scanned(t, args...); again != first {
		t.Errorf("the second scan says %+v", again)
	}
	if n := r.Stats().Repositories["trivy-db"].Blobs.Gets; n != 0 {
		t.Errorf("%d blobs fetched of a database that is in the cache", n)
	}
	r.ResetStats()
	if kept := scanned(t, append(args, "--skip-db-update")...); kept != first || r.Stats().Requests() != 0 {
		t.Errorf("%d requests; the scan says %+v", r.Stats().Requests(), kept)
	}
	if none := scanned(t, append(args, "--skip-db-update", "--cache-dir", t.TempDir())...); none.code != exitError || !strings.Contains(none.stderr, "the cache has none") {
		t.Errorf("without a cache: %+v", none)
	}
}

func TestKnownLayersAreNotReadAgain(t *testing.T) {
	r, err := testregistry.Start(testregistry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	ref, err := r.Push("shop/api:1", testImage(t, recipe.AMD64))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{ref.String(), "--db", buildDatabase(t), "--cache-dir", t.TempDir(), "--format", "json"}
	first := scanned(t, args...)
	r.ResetStats()
	if again := scanned(t, args...); again != first {
		t.Errorf("the second scan says %+v, the first %+v", again, first)
	}
	if n := r.Stats().Repositories["shop/api"].Blobs.Gets; n != 1 {
		t.Errorf("%d blobs fetched, want the configuration alone", n)
	}
	r.ResetStats()
	if scanned(t, append(args, "--no-cache")...); r.Stats().Repositories["shop/api"].Blobs.Gets != 3 {
		t.Errorf("without a cache %d blobs fetched, want the configuration and both layers", r.Stats().Repositories["shop/api"].Blobs.Gets)
	}
}

func TestFilters(t *testing.T) {
	db, dir := buildDatabase(t), unpacked(t)
	for name, tc := range map[string]struct {
		args []string
		want int
		code int
	}{
		"all":                   {nil, 3, 0},
		"all, exit code":        {[]string{"--exit-code", "7"}, 3, 7},
		"severities":            {[]string{"--severity", "critical,HIGH"}, 2, 0},
		"fixed":                 {[]string{"--ignore-unfixed"}, 2, 0},
		"unfixed low, filtered": {[]string{"--ignore-unfixed", "--severity", "low", "--exit-code", "7"}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := scanned(t, append(tc.args, "--rootfs", dir, "--db", db, "--format", "json")...).document(t, tc.code)
			if len(d.Findings) != tc.want || int(d.Summary.Total) != tc.want {
				t.Errorf("%d findings, summary %+v, want %d", len(d.Findings), d.Summary, tc.want)
			}
		})
	}
}

func TestMistypedCommand(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := execute(t.Context(), []string{"scna"}, &stdout, &stderr); code != exitError || !strings.Contains(stderr.String(), "\n scan\n") {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

func TestUnreadableInput(t *testing.T) {
	db := buildDatabase(t)
	img := testImage(t, recipe.AMD64)
	saved := savedTar(t, map[string]v1.Image{"registry.example.com/shop/api:1": img})
	half := filepath.Join(t.TempDir(), "half.tar")
	write(t, half, read(t, saved)[:len(read(t, saved))/2])
	halfZipped := zipped(t, saved)
	write(t, halfZipped, read(t, halfZipped)[:200])
	two := savedTar(t, map[string]v1.Image{"registry.example.com/shop/api:1": img, "registry.example.com/shop/web:2": testImage(t, recipe.ARM64)})
	damagedDB := buildDatabase(t)
	write(t, filepath.Join(damagedDB, "trivy.db"), read(t, filepath.Join(damagedDB, "trivy.db"))[:5000])
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no input":              {[]string{"--db", db}, "name one image, or one of --archive, --sbom and --rootfs"},
		"two inputs":            {[]string{"--rootfs", ".", "alpine", "--db", db}, "name one image, or one of --archive, --sbom and --rootfs"},
		"two images":            {[]string{"a", "b", "--db", db}, "accepts at most 1 arg"},
		"unknown flag":          {[]string{"--no-such-flag"}, "unknown flag: --no-such-flag"},
		"bad reference":         {[]string{"registry.example.com/UPPER", "--db", db}, "parse image reference"},
		"bad platform":          {[]string{"alpine", "--db", db, "--platform", "linux"}, "read --platform: "},
		"bad severity":          {[]string{"alpine", "--db", db, "--severity", "bad"}, `read --severity: "bad" is none of`},
		"bad format":            {[]string{"alpine", "--db", db, "--format", "xml"}, `read --format: "xml" is none of`},
		"bad exit code":         {[]string{"alpine", "--db", db, "--exit-code", "256"}, "read --exit-code: "},
		"bad timeout":           {[]string{"alpine", "--db", db, "--timeout", "0"}, "read --timeout: "},
		"bad size":              {[]string{"alpine", "--db", db, "--db-max-bytes", "0"}, "read --db-max-bytes: "},
		"bad name for policies": {[]string{"--rootfs", t.TempDir(), "--db", db, "--as", "UPPER"}, "read --as: "},
		"unreachable registry":  {[]string{"127.0.0.1:1/shop/api:1", "--db", db}, "connect to the registry of 127.0.0.1:1/shop/api: "},
		"no such archive":       {[]string{"--archive", "/no/such.tar", "--db", db}, "read archive /no/such.tar: no such file or directory"},
		"text called tar":       {[]string{"--archive", file(t, "text.tar", strings.Repeat("this is text\n", 100)), "--db", db}, "it is not a tar archive"},
		"empty tar":             {[]string{"--archive", file(t, "empty.tar", ""), "--db", db}, "it holds no image"},
		"truncated tar":         {[]string{"--archive", half, "--db", db}, "it is a damaged tar archive: unexpected EOF"},
		"truncated gzip":        {[]string{"--archive", halfZipped, "--db", db}, "it cannot be uncompressed: unexpected EOF"},
		"two saved images":      {[]string{"--archive", two, "--db", db}, "it holds 2 images, and one is to be chosen"},
		"directory, no image":   {[]string{"--archive", t.TempDir(), "--db", db}, "it holds no image"},
		"no such directory":     {[]string{"--rootfs", "/no/such", "--db", db}, "no such file or directory"},
		"no such SBOM":          {[]string{"--sbom", "/no/such.json", "--db", db}, "no such file or directory"},
		"text as SBOM":          {[]string{"--sbom", file(t, "bom.json", "text"), "--db", db}, "it is not a JSON document"},
		"XML as SBOM":           {[]string{"--sbom", file(t, "bom.xml", "<bom/>"), "--db", db}, "it is XML"},
		"JSON that is no SBOM":  {[]string{"--sbom", file(t, "bom.json", `{"a":1}`), "--db", db}, "it is JSON, but neither CycloneDX nor SPDX"},
		"no database":           {[]string{"--rootfs", t.TempDir(), "--db", "/no/such/db"}, "read --db: there is no directory /no/such/db"},
		"no database there":     {[]string{"--rootfs", t.TempDir(), "--db", t.TempDir()}, "read database metadata: "},
		"damaged database":      {[]string{"--rootfs", t.TempDir(), "--db", damagedDB}, "open vulnerability database " + damagedDB},
		"unreachable database":  {[]string{"--rootfs", t.TempDir(), "--db", "127.0.0.1:1/db:2"}, "get vulnerability database: "},
		"output":                {[]string{"--rootfs", t.TempDir(), "--db", db, "-o", "/no/such/dir/file"}, "write the output: "},
		"bad CIDR":              {[]string{"alpine", "--db", db, "--registry-allowed-addresses", "10.0.0.0"}, "read --registry-allowed-addresses: "},
		"bad insecure registry": {[]string{"alpine", "--db", db, "--insecure-registries", "http://a"}, "is not host[:port]"},
		"no such CA":            {[]string{"alpine", "--db", db, "--registry-ca-file", "/no/such"}, "read --registry-ca-file: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := scanned(t, tc.args...)
			if r.code != exitError || !strings.Contains(r.stderr, tc.want) || r.stdout != "" {
				t.Errorf("exit code %d, %q on stdout, want 2, nothing, and %q in: %s", r.code, r.stdout, tc.want, r.stderr)
			}
		})
	}
}

// A wrong digest: a blob of a layout that is not what its name says.
func TestWrongDigest(t *testing.T) {
	dir := layoutDir(t, testImage(t, recipe.AMD64))
	layers := testLayers(t)
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(dir, "blobs", "sha256", digest.Hex)
	other, err := layers[1].Digest()
	if err != nil {
		t.Fatal(err)
	}
	write(t, blob, read(t, filepath.Join(dir, "blobs", "sha256", other.Hex)))
	r := scanned(t, "--archive", dir, "--db", buildDatabase(t))
	if r.code != exitError || !strings.Contains(r.stderr, "bytes") {
		t.Errorf("%+v", r)
	}
	// The same size, and one byte that differs.
	raw := read(t, filepath.Join(layoutDir(t, testImage(t, recipe.AMD64)), "blobs", "sha256", digest.Hex))
	raw[len(raw)-5] ^= 1
	write(t, blob, raw)
	r = scanned(t, "--archive", dir, "--db", buildDatabase(t))
	if r.code != exitError || !strings.Contains(r.stderr, "has the digest") {
		t.Errorf("%+v", r)
	}
}

// What cannot be judged has not passed.
func TestCannotBeJudged(t *testing.T) {
	db := buildDatabase(t)
	for name, tc := range map[string]struct {
		files []recipe.File
		want  string
	}{
		"unsupported system": {recipe.OSRelease("fedora", "41", "Fedora"), "UnsupportedOS"},
		"unknown release": {append(recipe.DebianRelease("13", "13.1"), recipe.Dpkg(recipe.Deb{Name: "openssl", Version: "3", Arch: "amd64"})...),
			"ReleaseNotInDatabase"},
		"unread database": {append(recipe.DebianRelease("12", "12.12"), recipe.Text("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: \x00\n garbage")),
			"CorruptPackageDatabase"},
	} {
		t.Run(name, func(t *testing.T) {
			layer, err := recipe.Layer(tc.files...)
			if err != nil {
				t.Fatal(err)
			}
			img, err := mutate.AppendLayers(testImage(t, recipe.AMD64), layer)
			if err != nil {
				t.Fatal(err)
			}
			r := scanned(t, "--archive", layoutDir(t, img), "--db", db, "--format", "json")
			d := r.document(t, exitError)
			if d.Scan.Reason != tc.want || d.Scan.Judged || !strings.Contains(r.stderr, tc.want) {
				t.Errorf("scan %+v, stderr %s", d.Scan, r.stderr)
			}
		})
	}
}
