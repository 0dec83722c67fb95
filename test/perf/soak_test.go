package perf

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

// soakImages are in the fleet at any time of the soak.
const soakImages = 200

// soak is a fleet whose database is swapped for ever while images come and go.
type soak struct {
	t       *testing.T
	g       *generator
	fleet   *fleet.Fleet
	updater *vulndb.Updater
	current *vulndb.Current
	images  map[int]image.Digest
	heaps   []float64
}

// TestSoak swaps SOAK_SWAPS times (24 by default) between the two databases,
// each of which says each time that it was built an hour later.
func TestSoak(t *testing.T) {
	swaps, err := strconv.Atoi(cmp.Or(os.Getenv("SOAK_SWAPS"), "24"))
	if err != nil || swaps < 8 {
		t.Fatalf("SOAK_SWAPS=%q: want a number from 8 on", os.Getenv("SOAK_SWAPS"))
	}
	goroutines := runtime.NumGoroutine()
	dirs := soakDatabases(t)
	updater, err := vulndb.NewUpdater(t.TempDir(), nil, vulndb.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	s := &soak{t: t, g: mustGenerate(t, company), fleet: fleet.New(match.Judge), updater: updater, images: map[int]image.Digest{}}
	for n := range soakImages {
		s.add(n)
	}
	for i := range swaps {
		s.swap(dirs[i%2], built.Add(time.Duration(i)*time.Hour))
		s.add(soakImages + i)
		s.remove(i)
	}
	s.requireColdFindings()
	if err := s.current.DB.Close(); err != nil {
		t.Error(err)
	}
	quarter := len(s.heaps) / 4
	first, last := median(s.heaps[:quarter]), median(s.heaps[len(s.heaps)-quarter:])
	t.Logf("%d swaps, %d images each, heap %.1f MiB in the first quarter and %.1f in the last", swaps, s.fleet.Len(), first, last)
	if last > 1.1*first {
		t.Errorf("the heap grew from %.1f to %.1f MiB", first, last)
	}
	if left := runtime.NumGoroutine(); left > goroutines {
		t.Errorf("%d goroutines are left, %d were there before", left, goroutines)
	}
}

// soakDatabases are the small pair, or for a long soak the one that is there.
func soakDatabases(t *testing.T) [2]string {
	if os.Getenv("SOAK_SWAPS") != "" {
		older, newer, _ := databases(t)
		return [2]string{older, newer}
	}
	dir := t.TempDir()
	dirs := [2]string{filepath.Join(dir, "older"), filepath.Join(dir, "newer")}
	for i, spec := range []func() (database.Spec, error){database.Older, database.Newer} {
		made, err := spec()
		if err == nil {
			err = database.Build(dirs[i], made)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}

func (s *soak) add(n int) {
	s.t.Helper()
	img := s.g.image(n)
	s.images[n] = img.ManifestDigest
	if err := s.fleet.Add(img.ManifestDigest, img.Content.Packages, match.Components(&img.Content, built)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *soak) remove(n int) {
	s.fleet.Remove(s.images[n])
	delete(s.images, n)
}

// swap does what the operator does with a newer database.
func (s *soak) swap(dir string, at time.Time) {
	s.t.Helper()
	if err := database.Stamp(dir, at); err != nil {
		s.t.Fatal(err)
	}
	next, err := s.updater.Update(s.t.Context(), []vulndb.Source{{Directory: dir}}, false)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.fleet.Swap(next.DB, string(next.Revision)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.updater.Confirm(next); err != nil {
		s.t.Fatal(err)
	}
	if s.current != nil {
		if next == s.current {
			s.t.Fatal("a database of another time is not taken as another")
		}
		if err := s.current.DB.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	s.current = next
	s.heaps = append(s.heaps, heap())
}

// requireColdFindings compares with a fleet that never had another database.
func (s *soak) requireColdFindings() {
	s.t.Helper()
	cold := &soak{t: s.t, g: s.g, fleet: fleet.New(match.Judge), images: map[int]image.Digest{}}
	for n := range s.images {
		cold.add(n)
	}
	if _, err := cold.fleet.Swap(s.current.DB, string(s.current.Revision)); err != nil {
		s.t.Fatal(err)
	}
	findings := 0
	for n, id := range s.images {
		want, _ := cold.fleet.Judgement(id)
		got, _ := s.fleet.Judgement(id)
		if diff := gocmp.Diff(want, got); diff != "" {
			s.t.Fatalf("image %d (-cold +after all swaps):\n%s", n, diff)
		}
		findings += len(got.Findings)
	}
	if findings == 0 {
		s.t.Error("nothing was found: the soak tests nothing")
	}
}
