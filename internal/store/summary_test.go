package store

import (
	"errors"
	"os"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

func TestSummary(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	must(t, s.PutImage(imageOf(1, "bash")))
	must(t, s.PutSummary(digest(1), "v1", []byte("one\nand more")))
	must(t, s.PutSummary(digest(2), "v1", []byte("of no image")))
	cases := map[string]struct {
		manifest image.Digest
		rules    string
		want     string
	}{
		"stored":           {digest(1), "v1", "one\nand more"},
		"by other rules":   {digest(1), "v2", ""},
		"image not stored": {digest(2), "v1", ""},
		"nothing stored":   {digest(3), "v1", ""},
		"not a digest":     {"../x", "v1", ""},
		"rules cut short":  {digest(1), "v", ""},
		"rules that go on": {digest(1), "v1\none", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, s := range []*Store{s, openTest(t, dir, Options{})} {
				got, err := s.Summary(tc.manifest, tc.rules)
				if string(got) != tc.want || (err == nil) != (tc.want != "") {
					t.Errorf("got %q, %v", got, err)
				}
				if err != nil && name != "not a digest" && !errors.Is(err, ErrNotFound) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	if err := s.PutSummary(digest(1), "v1\nv2", nil); err == nil {
		t.Error("rules of two lines are taken")
	}
	must(t, s.PutSummary(digest(1), "v2", []byte("two")))
	if got, err := s.Summary(digest(1), "v2"); err != nil || string(got) != "two" {
		t.Errorf("once other rules have made it: %q, %v", got, err)
	}
}

func TestDamagedSummaryIsRemoved(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	must(t, s.PutImage(imageOf(1, "bash")))
	must(t, s.PutSummary(digest(1), "v1", []byte("one")))
	must(t, os.WriteFile(s.path(kindSummary, digest(1).Hex()), []byte("damaged"), 0o600))
	if got, err := s.Summary(digest(1), "v1"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.Image(digest(1)); err != nil {
		t.Errorf("its image: %v", err)
	}
}

// A summary leaves with its image, and keeps it while it is read.
func TestCollectSummaries(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	for n := range 3 {
		must(t, s.PutImage(imageOf(n, "bash")))
		must(t, s.PutSummary(digest(n), "v1", []byte("summary")))
	}
	live := func(d image.Digest) bool { return d == digest(0) }
	if removed, err := s.Collect(live); err != nil || removed != 0 {
		t.Fatalf("what was just put: %d removed, %v", removed, err)
	}
	if _, err := s.Summary(digest(1), "v1"); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.Collect(live); err != nil || removed != 2 {
		t.Errorf("%d removed, %v, want one image and its summary", removed, err)
	}
	for n, want := range []bool{true, true, false} {
		_, err := s.Image(digest(n))
		_, also := s.Summary(digest(n), "v1")
		if (err == nil) != want || (also == nil) != want {
			t.Errorf("image %d: %v, its summary: %v", n, err, also)
		}
	}
}
