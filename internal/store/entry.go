package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// An entry is a checksum and behind it text, mostly JSON, in one zstd frame. The checksum is
// also over the store's format, the entry's kind and its name: an entry that
// another version wrote, or that lies under another's name, does not pass.
const (
	checksumSize = sha256.Size
	// compressionSlack bounds by how much compression may grow what does not compress.
	compressionSlack = 64 << 10
)

type codec struct {
	format  string
	max     int
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newCodec(format string, limit int) (*codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make a compressor: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(limit)))
	if err != nil {
		return nil, fmt.Errorf("make a decompressor: %w", err)
	}
	return &codec{format: format, max: limit, encoder: encoder, decoder: decoder}, nil
}

func (c *codec) checksum(kind, name string, body []byte) []byte {
	h := sha256.New()
	for _, part := range []string{c.format, kind, name} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	h.Write(body)
	return h.Sum(nil)
}

func (c *codec) encode(kind, name string, value any) ([]byte, error) {
	if plain, ok := value.([]byte); ok {
		return c.seal(kind, name, plain)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return c.seal(kind, name, text)
}

func (c *codec) seal(kind, name string, text []byte) ([]byte, error) {
	if len(text) > c.max {
		return nil, fmt.Errorf("it takes %d bytes, more than the limit of %d", len(text), c.max)
	}
	body := c.encoder.EncodeAll(text, nil)
	return append(c.checksum(kind, name, body), body...), nil
}

// decode fills value, or fails because the entry is not what encode made.
func (c *codec) decode(kind, name string, entry []byte, value any) error {
	text, err := c.unseal(kind, name, entry)
	if err != nil {
		return err
	}
	if plain, ok := value.(*[]byte); ok {
		*plain = text
		return nil
	}
	return json.Unmarshal(text, value)
}

func (c *codec) unseal(kind, name string, entry []byte) ([]byte, error) {
	if len(entry) < checksumSize {
		return nil, fmt.Errorf("%d bytes are not an entry", len(entry))
	}
	sum, body := entry[:checksumSize], entry[checksumSize:]
	if !bytes.Equal(sum, c.checksum(kind, name, body)) {
		return nil, errors.New("wrong checksum")
	}
	return c.inflate(body)
}

func (c *codec) inflate(body []byte) ([]byte, error) {
	text, err := c.decoder.DecodeAll(body, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if len(text) > c.max {
		return nil, fmt.Errorf("decompress: more than %d bytes", c.max)
	}
	return text, nil
}
