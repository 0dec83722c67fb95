package store

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

func buildsOf(tag string) []Base {
	return []Base{
		{Tag: tag, Digest: digest(1), Manifest: digest(2), Platform: linux, DiffIDs: []image.Digest{digest(3), digest(4)}, Created: time.Unix(1700000000, 0).UTC()},
		{Tag: "latest", Digest: digest(5), Manifest: digest(5), Platform: linux, DiffIDs: []image.Digest{digest(3)}},
	}
}

func TestBases(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	must(t, s.PutBases("docker.io/library/debian", buildsOf("12")))
	must(t, s.PutBases("docker.io/library/alpine", buildsOf("3.19")))
	must(t, s.PutBases("docker.io/library/alpine", buildsOf("3.20")))
	must(t, s.PutBases("../../etc", nil))
	for _, s := range []*Store{s, openTest(t, dir, Options{})} {
		for repository, want := range map[string][]Base{"docker.io/library/debian": buildsOf("12"), "docker.io/library/alpine": buildsOf("3.20"), "../../etc": nil} {
			got, err := s.Bases(repository)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", repository, err, diff)
			}
		}
		if _, err := s.Bases("docker.io/library/busybox"); !errors.Is(err, ErrNotFound) {
			t.Errorf("of a repository that was not put: %v", err)
		}
	}
}

func TestDamagedBasesAreRemoved(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	must(t, s.PutBases("a", buildsOf("1")))
	must(t, s.PutBases("b", buildsOf("1")))
	entry, err := os.ReadFile(s.path(kindBases, basesName("b")))
	must(t, err)
	must(t, os.WriteFile(s.path(kindBases, basesName("a")), entry, 0o600))
	if got, err := s.Bases("a"); !errors.Is(err, ErrCorrupt) {
		t.Errorf("those of another repository: %v, %v", got, err)
	}
}

// Bases are there as long as somebody puts them or asks for them between two Collects.
func TestCollectBases(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	none := func(image.Digest) bool { return false }
	for _, repository := range []string{"put", "asked", "left"} {
		must(t, s.PutBases(repository, buildsOf("1")))
	}
	if removed, err := s.Collect(none); err != nil || removed != 0 {
		t.Fatalf("what was just put: %d removed, %v", removed, err)
	}
	must(t, s.PutBases("put", buildsOf("2")))
	_, err := s.Bases("asked")
	must(t, err)
	if removed, err := s.Collect(none); err != nil || removed != 1 {
		t.Errorf("%d removed, %v, want those that were left", removed, err)
	}
	for repository, want := range map[string]bool{"put": true, "asked": true, "left": false} {
		if _, err := s.Bases(repository); (err == nil) != want {
			t.Errorf("%s: %v", repository, err)
		}
	}
}
