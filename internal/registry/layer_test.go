package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	testregistry "github.com/plimsoll-dev/plimsoll/test/registry"
)

// openLayer reads a layer of which the manifest says digest and size, and the configuration diffID.
func openLayer(sent, described []byte, diffID []byte) ([]byte, error) {
	blob := newVerifiedBlob(io.NopCloser(iotest.HalfReader(bytes.NewReader(sent))), digestOf(described), int64(len(described)), "read layer")
	r, err := newLayerReader(blob, digestOf(diffID))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestLayer(t *testing.T) {
	plain := archive(noise(3000))
	gz, zs := gzipped(plain), zstandard(plain)
	flipped := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(b)/2] ^= 0xff
		return b
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	wide := wideWindow(t)
	cases := map[string]struct {
		// sent over the wire; described by the manifest, nil: the same; diff is the content whose digest the configuration has, nil: plain.
		sent, described, diff []byte
		want                  string
		words                 []string
	}{
		"gzip":                      {sent: gz},
		"zstd":                      {sent: zs},
		"none":                      {sent: plain},
		"gzip in two members":       {sent: join(gzipped(plain[:1000]), gzipped(plain[1000:]))},
		"zstd in two frames":        {sent: join(zstandard(plain[:1000]), zstandard(plain[1000:]))},
		"empty":                     {sent: []byte{}, diff: []byte{}},
		"two bytes":                 {sent: []byte("ab"), diff: []byte("ab")},
		"gzip, flipped":             {sent: flipped(gz), described: gz, want: v1alpha1.ReasonDigestMismatch},
		"zstd, flipped":             {sent: flipped(zs), described: zs, want: v1alpha1.ReasonDigestMismatch},
		"plain, flipped":            {sent: flipped(plain), described: plain, want: v1alpha1.ReasonDigestMismatch},
		"gzip, half":                {sent: half(gz), described: gz, want: v1alpha1.ReasonTruncatedLayer, words: []string{"early"}},
		"zstd, half":                {sent: half(zs), described: zs, want: v1alpha1.ReasonTruncatedLayer},
		"plain, half":               {sent: half(plain), described: plain, want: v1alpha1.ReasonTruncatedLayer},
		"nothing":                   {sent: nil, described: gz, want: v1alpha1.ReasonTruncatedLayer},
		"more than described":       {sent: join(gz, []byte("x")), described: gz, want: v1alpha1.ReasonDigestMismatch},
		"another diff ID":           {sent: gz, diff: []byte("else"), want: v1alpha1.ReasonDigestMismatch, words: []string{"configuration"}},
		"another diff ID, zstd":     {sent: zs, diff: []byte("else"), want: v1alpha1.ReasonDigestMismatch},
		"another diff ID, plain":    {sent: plain, diff: []byte("else"), want: v1alpha1.ReasonDigestMismatch},
		"broken gzip, right digest": {sent: half(gz), want: v1alpha1.ReasonTruncatedLayer, words: []string{"cannot be uncompressed"}},
		"broken zstd, right digest": {sent: half(zs), want: v1alpha1.ReasonTruncatedLayer},
		"only the magic of gzip":    {sent: []byte{0x1f, 0x8b, 0xff, 0xff}, want: v1alpha1.ReasonTruncatedLayer},
		"gzip and rubbish":          {sent: join(gz, []byte("rubbish behind it")), want: v1alpha1.ReasonTruncatedLayer},
		"a window too wide":         {sent: wide, want: v1alpha1.ReasonLimitExceeded, words: []string{"window"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			described, diff := c.described, c.diff
			if described == nil {
				described = c.sent
			}
			if diff == nil {
				diff = plain
			}
			got, err := openLayer(c.sent, described, diff)
			if c.want != "" {
				wantFailure(t, err, c.want, append(c.words, "read layer")...)
				return
			}
			if err != nil || !bytes.Equal(got, diff) {
				t.Errorf("%d bytes, %v; want %d", len(got), err, len(diff))
			}
		})
	}
}

// wideWindow is a zstd frame that asks for 512 MiB of memory.
func wideWindow(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(zstd.MaxWindowSize), zstd.WithSingleSegment(false), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(noise(10)))
	w.Flush()
	w.Close()
	return b.Bytes()
}

// What failed once keeps failing: a reader that goes on must not take the rest for verified.
func TestFailureStays(t *testing.T) {
	plain := archive("content")
	blob := newVerifiedBlob(io.NopCloser(bytes.NewReader(plain)), digestOf([]byte("else")), int64(len(plain)), "read layer")
	r, err := newLayerReader(blob, digestOf(plain))
	if err != nil {
		t.Fatal(err)
	}
	_, first := io.Copy(io.Discard, r)
	wantFailure(t, first, v1alpha1.ReasonDigestMismatch)
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, first) {
		t.Errorf("read on: %d bytes, %v", n, err)
	}
}

// A body that breaks off by the caller's will is no failure of the registry.
func TestCancelWhileReading(t *testing.T) {
	r := startRegistry(t, testregistry.Options{})
	ref, _ := testImage{layers: []testLayer{layerOf(stored, strings.Repeat(noise(1000), 64))}}.put(t, r, "shop/api", "1")
	m, err := newClient().Manifest(t.Context(), ref, amd64, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	layer, err := m.Layers[0].Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	if _, err := io.ReadFull(layer, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, layer)
	if !errors.Is(err, context.Canceled) || reasonOf(err) != "" {
		t.Errorf("reason %q, %v", reasonOf(err), err)
	}
}

func FuzzLayer(f *testing.F) {
	plain := archive("content")
	for _, seed := range [][]byte{plain, gzipped(plain), zstandard(plain), nil, {0x1f, 0x8b}, zstdMagic} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		// Right in itself, so that only the uncompressing can go wrong; and the diff ID is another's.
		got, err := openLayer(sent, sent, []byte("no fuzzer finds this"))
		if err == nil {
			t.Errorf("%d bytes have the digest of others", len(got))
		}
		if reasonOf(err) == "" {
			t.Errorf("no reason: %v", err)
		}
	})
}
