package sbom

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func mustRead(t testing.TB, limits Limits, items ...item) *Layer {
	t.Helper()
	layer, err := Read(t.Context(), diffID(0), bytes.NewReader(makeTar(t, items...)), limits)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return layer
}

func TestReadLimits(t *testing.T) {
	a := file("a/package.json", npm("a", "1.0.0"))
	b := file("b/package.json", npm("b", "1.0.0"))
	tests := map[string]struct {
		limits Limits
		items  []item
		want   string
	}{
		"bytes":        {Limits{Bytes: 2000}, []item{a, b}, "layer has more than 2000 bytes"},
		"entries":      {Limits{Entries: 1}, []item{a, b}, "layer has more than 1 entries"},
		"path length":  {Limits{PathBytes: 20}, []item{file(strings.Repeat("x", 21), "")}, "layer has more than 20 bytes in a path"},
		"path depth":   {Limits{PathDepth: 3}, []item{file("a/b/c/d", "")}, "layer has more than 3 parts in a path"},
		"link length":  {Limits{PathBytes: 20}, []item{hardlink("package.json", strings.Repeat("x", 21), 0o644)}, "layer has more than 20 bytes in a path"},
		"packages":     {Limits{Packages: 1}, []item{a, b}, "layer has more than 1 packages"},
		"results":      {Limits{ResultBytes: 400}, []item{a, b}, "layer has more than 400 bytes of results"},
		"many results": {Limits{ResultBytes: 20}, []item{file("x", ""), dir("y"), whiteout(".wh.z")}, "layer has more than 20 bytes of results"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Read(t.Context(), diffID(0), bytes.NewReader(makeTar(t, test.items...)), test.limits)
			wantReason(t, name, err, v1alpha1.ReasonLimitExceeded)
			if err != nil && !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("error %q, want it to end in %q", err, test.want)
			}
		})
	}
}

// A limit that is met exactly is not exceeded.
func TestReadWithinLimits(t *testing.T) {
	raw := makeTar(t, file("a/b/package.json", npm("a", "1.0.0")))
	limits := Limits{Bytes: int64(len(raw)), Entries: 1, PathBytes: 16, PathDepth: 3, Packages: 1}
	layer, err := Read(t.Context(), diffID(0), bytes.NewReader(raw), limits)
	if err != nil || len(layer.Files) != 1 {
		t.Errorf("layer %v, error %v", layer, err)
	}
}

func TestReadUnreadFile(t *testing.T) {
	const limit = "has more than 10 bytes"
	long := strings.Repeat("x", 100)
	tests := map[string]struct {
		limits   Limits
		item     item
		reason   string
		message  string
		packages int
	}{
		"large database":        {Limits{DatabaseBytes: 10}, file(dpkgStatus, deb("a", "1")), v1alpha1.ReasonLimitExceeded, "dpkg: " + limit, 0},
		"large apk database":    {Limits{DatabaseBytes: 10}, file("lib/apk/db/installed", "P:a\nV:1\nA:x\n"), v1alpha1.ReasonLimitExceeded, "apk: " + limit, 0},
		"large file list":       {Limits{DatabaseBytes: 10}, file("var/lib/dpkg/info/a.md5sums", long), v1alpha1.ReasonLimitExceeded, "dpkg file list: " + limit, 0},
		"large manifest":        {Limits{ManifestBytes: 10}, file("package.json", npm("a", "1")), v1alpha1.ReasonLimitExceeded, "node package: " + limit, 0},
		"large metadata":        {Limits{ManifestBytes: 10}, file("a.dist-info/METADATA", long), v1alpha1.ReasonLimitExceeded, "python package: " + limit, 0},
		"large egg":             {Limits{ArchiveBytes: 10}, file("a.egg", long), v1alpha1.ReasonLimitExceeded, "python package: " + limit, 0},
		"large system file":     {Limits{ManifestBytes: 10}, file("etc/os-release", long), v1alpha1.ReasonLimitExceeded, "operating system: " + limit, 0},
		"large program":         {Limits{ExecutableBytes: 10}, program("bin/a", "\x7fELF"+long), v1alpha1.ReasonLimitExceeded, "executable: " + limit, 0},
		"large script":          {Limits{ExecutableBytes: 10}, program("bin/a", "#!/bin/sh"+long), "", "", 0},
		"broken program":        {Limits{}, program("bin/a", "\x7fELF"+long), "", "", 0},
		"short program":         {Limits{}, program("bin/a", "M"), "", "", 0},
		"empty program":         {Limits{}, program("bin/a", ""), "", "", 0},
		"too many packages":     {Limits{Packages: 2}, file(dpkgStatus, deb("a", "1")+deb("b", "1")+deb("c", "1")), v1alpha1.ReasonLimitExceeded, "dpkg: has more than 2 packages", -1},
		"broken database":       {Limits{}, file(dpkgStatus, deb("a", "1")+"\x00\x01\x02\n\n"+deb("b", "1")), v1alpha1.ReasonCorruptPackageDatabase, `dpkg: a line is not a field: "\x00\x01\x02"`, 1},
		"broken source":         {Limits{}, file(dpkgStatus, deb("a", "1")+deb("b", "1", "Source: c (1")), v1alpha1.ReasonCorruptPackageDatabase, `dpkg: parseSourceNameVersion("c (1"): invalid DPKG Source field: "c (1"`, 1},
		"illegible package":     {Limits{}, file(dpkgStatus, deb("a", "1")+deb("b\xff", "1")), v1alpha1.ReasonCorruptPackageDatabase, "dpkg: a package's name or version is not legible", 1},
		"long name":             {Limits{}, file(dpkgStatus, deb(strings.Repeat("a", 5000), "1")), v1alpha1.ReasonCorruptPackageDatabase, "dpkg: field Package is longer than 4096 bytes", 0},
		"broken distroless":     {Limits{}, file("var/lib/dpkg/status.d/a", "garbage"), v1alpha1.ReasonCorruptPackageDatabase, `dpkg: a line is not a field: "garbage"`, 0},
		"broken apk database":   {Limits{}, file("lib/apk/db/installed", "P:a\nV:1\n\ngarbage\n"), v1alpha1.ReasonCorruptPackageDatabase, `apk: a line is not a field: "garbage"`, 1},
		"illegible apk package": {Limits{}, file("lib/apk/db/installed", "P:a\x01\nV:1\n\nP:b\nV:1\n"), v1alpha1.ReasonCorruptPackageDatabase, "apk: a package's name or version is not legible", 1},
		"broken package":        {Limits{}, file("node_modules/@s/a/package.json", "{"), v1alpha1.ReasonCorruptPackageDatabase, "node package: unexpected end of JSON input", 0},
		"broken test fixture":   {Limits{}, file("node_modules/resolve/test/package.json", "{"), "", "", 0},
		"metadata without name": {Limits{}, file("a.dist-info/METADATA", "Version: 1\n\n"), v1alpha1.ReasonCorruptPackageDatabase, `python package: Name or Version is empty (name: "", version: "1")`, 0},
		"broken egg":            {Limits{}, file("a.egg", "PK"), v1alpha1.ReasonCorruptPackageDatabase, "python package: open the archive: zip: not a valid zip file", 0},
		"broken ESM status":     {Limits{}, file("var/lib/ubuntu-advantage/status.json", "["), v1alpha1.ReasonCorruptPackageDatabase, "operating system: unexpected EOF", 0},
		"illegible release":     {Limits{}, file("etc/alpine-release", "3.\x0120"), v1alpha1.ReasonCorruptPackageDatabase, "operating system: the system's name or release is not legible", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// A file behind it is read whatever happens.
			if test.packages < 0 {
				_, err := Read(t.Context(), diffID(0), bytes.NewReader(makeTar(t, test.item)), test.limits)
				wantReason(t, name, err, test.reason)
				return
			}
			layer := mustRead(t, test.limits, test.item, file("etc/debian_version", "12"))
			got := layer.Files[test.item.Name]
			if got.Reason != test.reason || got.Message != test.message || len(got.Packages) != test.packages {
				t.Errorf("got %+v, want reason %q, message %q, %d packages", got, test.reason, test.message, test.packages)
			}
			if layer.Files["etc/debian_version"].OS.Family != "debian" {
				t.Error("the file behind it is not read")
			}
		})
	}
}

func TestReadDamagedTar(t *testing.T) {
	whole := makeTar(t, file("package.json", npm("a", "1.0.0")), file("x", strings.Repeat("x", 5000)))
	for name, raw := range map[string][]byte{
		"in a header":  whole[:200],
		"in a file":    whole[:520],
		"in a padding": whole[:3000],
		"no tar":       bytes.Repeat([]byte("no tar at all. "), 100),
	} {
		_, err := Read(t.Context(), diffID(0), bytes.NewReader(raw), Limits{})
		wantReason(t, name, err, v1alpha1.ReasonTruncatedLayer)
	}
	for name, raw := range map[string][]byte{"empty": nil, "without an end": whole[:3*512+10*512]} {
		if _, err := Read(t.Context(), diffID(0), bytes.NewReader(raw), Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The stream's error comes out as it is, wherever in the stream it is: the
// caller knows what a failure of the registry's means.
func TestReadStreamError(t *testing.T) {
	failure := errors.New("registry hung up")
	whole := makeTar(t, file(dpkgStatus, deb("a", "1")), program("bin/a", "\x7fELF"), file("package.json", npm("a", "1.0.0")))
	for length := 0; length <= len(whole); length += 100 {
		stream := io.MultiReader(bytes.NewReader(whole[:length]), iotest.ErrReader(failure))
		_, err := Read(t.Context(), diffID(0), stream, Limits{})
		var own *Error
		if !errors.Is(err, failure) || errors.As(err, &own) {
			t.Fatalf("stream fails after %d bytes: error %v", length, err)
		}
	}
}

// cancelling cancels once its reader has got to a byte, and counts what is read.
type cancelling struct {
	r      io.Reader
	after  int
	read   int
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	n, err := c.r.Read(p[:min(len(p), 512)])
	if c.read += n; c.read >= c.after {
		c.cancel()
	}
	return n, err
}

func TestReadCancelled(t *testing.T) {
	var status strings.Builder
	for i := range 20_000 {
		status.WriteString(deb(fmt.Sprintf("package-%d", i), "1.0"))
	}
	whole := makeTar(t, file(dpkgStatus, status.String()), program("bin/a", "\x7fELF"+strings.Repeat("x", 1<<20)))
	cause := &Error{Reason: v1alpha1.ReasonLimitExceeded, Err: errors.New("layer takes more than a minute")}
	for name, after := range map[string]int{"at once": 1, "in a database": 100_000, "in a program": len(whole) - 500_000, "at the end": len(whole)} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stream := &cancelling{r: bytes.NewReader(whole), after: after, cancel: func() { cancel(cause) }}
			_, err := Read(ctx, diffID(0), stream, Limits{})
			wantReason(t, name, err, v1alpha1.ReasonLimitExceeded)
			if !errors.Is(err, cause.Err) {
				t.Errorf("error %v, want its cause", err)
			}
			if past := stream.read - after; past > 1<<20 {
				t.Errorf("read %d bytes after the end of its context", past)
			}
		})
	}
}

// A context that ends inside a parser, when all is read from the stream.
func TestReadCancelledInParser(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var s sieve
	s.kept.WriteString(deb("a", "1"))
	if _, err := extractText(ctx, dpkgExtractor, dpkgStatus, s.kept.Bytes()); !errors.Is(err, context.Canceled) {
		t.Errorf("dpkg: error %v", err)
	}
	e := &entry{ctx: ctx, size: 4, body: strings.NewReader("\x7fELF"), limits: Limits{}.withDefaults(), memory: &bytes.Buffer{}}
	content, err := e.random(10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := content.ReadAt(make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("random access: error %v", err)
	}
}

func TestReadSpoolFailure(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	_, err := Read(t.Context(), diffID(0), bytes.NewReader(makeTar(t, program("a", "\x7fELF"+strings.Repeat("x", 100)))), Limits{MemoryBytes: 10})
	var own *Error
	if !errors.Is(err, os.ErrNotExist) || errors.As(err, &own) {
		t.Errorf("error %v, want this machine's", err)
	}
}

func TestReadSurvivesPanic(t *testing.T) {
	x := extractor{name: "test", read: func(*entry) (File, error) { panic("index out of range") }}
	got, err := x.run(&entry{})
	if err == nil || err.Error() != "parser failed: index out of range" || !got.empty() {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReadPaths(t *testing.T) {
	const body = "3.20.1\n"
	for name, want := range map[string]string{
		"etc/alpine-release":               alpineRelease,
		"./etc/alpine-release":             alpineRelease,
		"/etc/alpine-release":              alpineRelease,
		"../../../etc/alpine-release":      alpineRelease,
		"etc/../../etc/./alpine-release":   alpineRelease,
		"x/etc/alpine-release":             "",
		"etc/alpine-release/../../x/../..": "",
	} {
		layer := mustRead(t, Limits{}, file(name, body))
		var got string
		for path := range layer.Files {
			got = path
		}
		if got != want {
			t.Errorf("%s is read as %q, want %q", name, got, want)
		}
	}
}

// zeros is an endless file of a tar: a header, and then nothing but zeros.
func zeros(t *testing.T, header tar.Header) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	if err := tar.NewWriter(&buf).WriteHeader(&header); err != nil {
		t.Fatal(err)
	}
	return io.MultiReader(&buf, zeroReader{})
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReadBombs(t *testing.T) {
	bomb := func(name string, mode int64) io.Reader {
		return zeros(t, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: 2 << 30})
	}
	pax := func() io.Reader {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		records := map[string]string{}
		for i := range 100 {
			records[fmt.Sprintf("TEST.%d", i)] = strings.Repeat("x", 9000)
		}
		for i := range 20 {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint(i), PAXRecords: records}); err != nil {
				t.Fatal(err)
			}
		}
		return &buf
	}
	tests := map[string]struct {
		stream io.Reader
		limits Limits
		reason string
	}{
		"a file":               {bomb("zeros", 0o644), Limits{Bytes: 1 << 30}, v1alpha1.ReasonLimitExceeded},
		"a program":            {bomb("zeros", 0o755), Limits{Bytes: 1 << 30}, v1alpha1.ReasonLimitExceeded},
		"a database":           {bomb(dpkgStatus, 0o644), Limits{Bytes: 1 << 30}, v1alpha1.ReasonLimitExceeded},
		"behind the end":       {zeroReader{}, Limits{Bytes: 1 << 30}, v1alpha1.ReasonLimitExceeded},
		"header records":       {pax(), Limits{Bytes: 4 * mib}, v1alpha1.ReasonLimitExceeded},
		"two hundred thousand": {&manyFiles{n: 200_000}, Limits{}, ""},
		"a million and one":    {&manyFiles{n: 1_000_001}, Limits{}, v1alpha1.ReasonLimitExceeded},
		"a size of 8 exabytes": {zeros(t, tar.Header{Typeflag: tar.TypeReg, Name: dpkgStatus, Size: 1<<63 - 1, Format: tar.FormatGNU}), Limits{Bytes: 100 * mib}, v1alpha1.ReasonLimitExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			layer, err := Read(t.Context(), diffID(0), test.stream, test.limits)
			if test.reason != "" {
				wantReason(t, name, err, test.reason)
			} else if err != nil {
				t.Error(err)
			}
			if grown := allocated() - before; grown > 32*mib {
				t.Errorf("holds %d MiB when done", grown/mib)
			}
			runtime.KeepAlive(layer)
		})
	}
}

func allocated() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// manyFiles is a tar of n empty files, made while it is read.
type manyFiles struct {
	n, done int
	block   []byte
	rest    []byte
}

func (m *manyFiles) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		if m.done == m.n {
			return 0, io.EOF
		}
		m.done++
		m.rest = m.header()
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// header is always the same but for the name and the sum of its bytes.
func (m *manyFiles) header() []byte {
	if m.block == nil {
		m.block = make([]byte, 512)
		copy(m.block[100:], "0000755\x000000000\x000000000\x0000000000000\x0000000000000\x00")
		copy(m.block[156:], "0")
		copy(m.block[257:], "ustar\x0000")
	}
	copy(m.block, fmt.Sprintf("%08d", m.done))
	sum := 8 * int(' ')
	for i, b := range m.block[:265] {
		if i < 148 || i >= 156 {
			sum += int(b)
		}
	}
	copy(m.block[148:], fmt.Sprintf("%06o\x00 ", sum))
	return m.block
}

// A sparse file has more content than the tar has bytes: what is read of it counts.
func TestReadSparse(t *testing.T) {
	raw := makeSparse("etc/alpine-release", 1<<40)
	layer, err := Read(t.Context(), diffID(0), bytes.NewReader(raw), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := layer.Files["etc/alpine-release"].Reason; got != v1alpha1.ReasonLimitExceeded {
		t.Errorf("file of a terabyte is unread because of %q", got)
	}
	var many []byte
	for i := range 100 {
		many = append(many, makeSparse(fmt.Sprintf("%d/package.json", i), mib)...)
	}
	_, err = Read(t.Context(), diffID(0), bytes.NewReader(many), Limits{Bytes: 50 * mib})
	wantReason(t, "many sparse files", err, v1alpha1.ReasonLimitExceeded)
}

// makeSparse is the old GNU form: one hole of the given size.
func makeSparse(name string, size int64) []byte {
	block := make([]byte, 512)
	copy(block, name)
	copy(block[100:], "0000644\x000000000\x000000000\x00")
	copy(block[124:], "00000000000\x0000000000000\x00")
	block[156] = 'S'
	copy(block[257:], "ustar  \x00")
	// One fragment of data, of no bytes, at the end; and the real size.
	copy(block[386:], base256(size))
	copy(block[398:], base256(0))
	copy(block[483:], base256(size))
	sum := 8 * int(' ')
	for i, b := range block {
		if i < 148 || i >= 156 {
			sum += int(b)
		}
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

func base256(n int64) []byte {
	raw := make([]byte, 12)
	for i := 11; i > 0; i-- {
		raw[i] = byte(n)
		n >>= 8
	}
	raw[0] = 0x80
	return raw
}
