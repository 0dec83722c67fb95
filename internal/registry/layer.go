package registry

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// maxZstdWindow bounds the memory of one zstd stream, in bytes. Image builders use 8 MiB at most.
const maxZstdWindow = 64 << 20

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

func digestOf(raw []byte) image.Digest {
	sum := sha256.Sum256(raw)
	return image.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

func sumOf(h hash.Hash) image.Digest {
	return image.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// verifiedBlob reads a blob. Its last Read fails unless size and digest are
// what they should be; a failure stays. A file of docker save alone has no
// digest: it is known by what it holds uncompressed.
type verifiedBlob struct {
	src   io.ReadCloser
	want  image.Digest
	left  int64
	hash  hash.Hash
	doing string
	err   error
}

func newVerifiedBlob(src io.ReadCloser, want image.Digest, size int64, doing string) *verifiedBlob {
	return &verifiedBlob{src: src, want: want, left: size, hash: sha256.New(), doing: doing}
}

func (b *verifiedBlob) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	if b.want != "" {
		b.hash.Write(p[:n])
	}
	b.left -= int64(n)
	switch {
	case b.left < 0:
		b.err = failf(v1alpha1.ReasonDigestMismatch, "%s: more bytes were sent than the manifest says", b.doing)
	case err != nil:
		b.err = b.finish(err)
	}
	return n, b.err
}

func (b *verifiedBlob) finish(err error) error {
	switch {
	// An answer that ends where it says it does. A connection that breaks before is a passing failure.
	case err == io.EOF && b.left > 0:
		return failf(v1alpha1.ReasonTruncatedLayer, "%s: ended %d bytes early", b.doing, b.left)
	case err != io.EOF:
		return explain(b.doing, err)
	}
	if got := sumOf(b.hash); b.want != "" && got != b.want {
		return failf(v1alpha1.ReasonDigestMismatch, "%s: what was sent has the digest %s", b.doing, got)
	}
	return io.EOF
}

func (b *verifiedBlob) Close() error { return b.src.Close() }

// layerReader uncompresses a blob and verifies the diff ID.
type layerReader struct {
	blob       *verifiedBlob
	compressed *bufio.Reader
	plain      io.Reader
	closePlain func()
	hash       hash.Hash
	diffID     image.Digest
	err        error
}

// newLayerReader judges the compression by the blob's first bytes, as
// containerd does: media types lie. It closes the blob if it fails.
func newLayerReader(blob *verifiedBlob, diffID image.Digest) (*layerReader, error) {
	r := &layerReader{blob: blob, compressed: bufio.NewReaderSize(blob, 64<<10), closePlain: func() {}, hash: sha256.New(), diffID: diffID}
	magic, err := r.compressed.Peek(len(zstdMagic))
	if err == nil || err == io.EOF {
		err = r.uncompress(magic)
	}
	if err != nil {
		err = r.explain(err)
		blob.Close()
		return nil, err
	}
	return r, nil
}

func (r *layerReader) uncompress(magic []byte) error {
	r.plain = r.compressed
	switch {
	case bytes.HasPrefix(magic, gzipMagic):
		zr, err := gzip.NewReader(r.compressed)
		r.plain = zr
		return err
	case bytes.HasPrefix(magic, zstdMagic):
		zr, err := zstd.NewReader(r.compressed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return err
		}
		r.plain, r.closePlain = zr, zr.Close
	}
	return nil
}

func (r *layerReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.plain.Read(p)
	r.hash.Write(p[:n])
	if err != nil {
		r.err = r.explain(err)
	}
	return n, r.err
}

// explain returns io.EOF where all that was read is what it should be. Else it
// reads the rest of the blob first: a stream that cannot be uncompressed is
// mostly one that was changed on its way, and only the digest can tell.
func (r *layerReader) explain(err error) error {
	if _, failed := io.Copy(io.Discard, r.compressed); failed != nil {
		return failed
	}
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return failf(v1alpha1.ReasonLimitExceeded, "%s: its zstd window exceeds %d bytes", r.blob.doing, maxZstdWindow)
	case err != io.EOF:
		return failf(v1alpha1.ReasonTruncatedLayer, "%s: it has its digest and yet cannot be uncompressed: %w", r.blob.doing, err)
	}
	if got := sumOf(r.hash); got != r.diffID {
		return failf(v1alpha1.ReasonDigestMismatch, "%s: uncompressed it has the digest %s, and the configuration says %s", r.blob.doing, got, r.diffID)
	}
	return io.EOF
}

func (r *layerReader) Close() error {
	r.closePlain()
	return r.blob.Close()
}

// opener returns a function that streams the blob from s or, if s is a mirror
// and fails, from any endpoint again.
func (c *Client) opener(s *session, ref image.Reference, keys Keychain, digest image.Digest, size int64) func(context.Context) (*verifiedBlob, error) {
	return func(ctx context.Context) (*verifiedBlob, error) {
		blob, err := s.blob(ctx, digest, size)
		if err == nil || !s.mirror || ctx.Err() != nil {
			return blob, err
		}
		err = c.try(ctx, ref, keys, func(other *session) error {
			blob, err = other.blob(ctx, digest, size)
			return err
		})
		return blob, err
	}
}
