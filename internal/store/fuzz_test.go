package store

import (
	"bytes"
	"testing"
)

const fuzzLimit = 1 << 16

func newTestCodec(t testing.TB) *codec {
	t.Helper()
	c, err := newCodec("test", fuzzLimit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whatever bytes lie in an entry's place: they are the entry, or they are refused.
func FuzzDecode(f *testing.F) {
	c := newTestCodec(f)
	good, err := c.encode(kindImage, digest(1).Hex(), imageOf(1, "bash"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:checksumSize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, entry []byte) {
		var img Image
		if err := c.decode(kindImage, digest(1).Hex(), entry, &img); err == nil && !bytes.Equal(entry, good) {
			t.Errorf("accepted %q as %+v", entry, img)
		}
	})
}

// Behind a good checksum, too, nothing takes more memory than the limit allows.
func FuzzInflate(f *testing.F) {
	c := newTestCodec(f)
	for _, text := range [][]byte{nil, []byte("{}"), make([]byte, fuzzLimit), make([]byte, fuzzLimit+1), make([]byte, 64*fuzzLimit)} {
		f.Add(c.encoder.EncodeAll(text, nil))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := c.inflate(body)
		if len(text) > fuzzLimit {
			t.Errorf("inflated to %d bytes", len(text))
		}
		again, errAgain := c.inflate(c.encoder.EncodeAll(text, nil))
		if err == nil && (errAgain != nil || !bytes.Equal(text, again)) {
			t.Errorf("%q compressed again becomes %q, %v", text, again, errAgain)
		}
	})
}
