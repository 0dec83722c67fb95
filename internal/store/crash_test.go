package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

var linux = image.Platform{OS: "linux", Architecture: "amd64"}

// life is what a process does with a store, in steps that each may fail. done
// counts those that returned without an error.
func life(dir string, d disk) (done int, err error) {
	s, err := open(dir, Options{Extractor: "a"}, d)
	if err != nil {
		return 0, err
	}
	for i, step := range []func() error{
		func() error { return s.PutLayer(layerOf(1, "bash")) },
		func() error { return s.PutImage(imageOf(2, "old", 1)) },
		func() error { return s.PutResolution(digest(3), linux, digest(2)) },
		func() error { return s.PutImage(imageOf(2, "new", 1)) },
		func() error { return s.PutImage(imageOf(4, "dead")) },
		func() error {
			// With the first one all stays, because all is new.
			for range 2 {
				if _, err := s.Collect(func(d image.Digest) bool { return d == digest(2) }); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if err := step(); err != nil {
			return i + 1, err
		}
	}
	return 7, nil
}

// Wherever a process dies, the next one finds all that was put, and of what was
// being put either nothing, what was there before, or all of it.
func TestCrashAtEveryStep(t *testing.T) {
	for _, m := range []moment{beforeStep, duringStep, afterStep} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			for failAt, done := 1, 0; done < 7; failAt++ {
				dir := t.TempDir()
				var err error
				if done, err = life(dir, &faultyDisk{failAt: failAt, moment: m, crash: true}); (err != nil) != (done < 7) {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint("step ", failAt, " of ", done), func(t *testing.T) { requireWhole(t, dir, done) })
			}
		})
	}
}

// requireWhole takes how many steps of life are known to be done.
func requireWhole(t *testing.T, dir string, done int) {
	t.Helper()
	s, err := open(dir, Options{Extractor: "a"}, quickDisk{})
	if err != nil {
		t.Fatalf("open after the crash: %v", err)
	}
	requireNoTemporary(t, dir)
	layer, err := s.Layer(digest(1))
	requireOneOf(t, "layer", done >= 2, layer, err, layerOf(1, "bash"))
	img, err := s.Image(digest(2))
	switch {
	case done < 4:
		requireOneOf(t, "image", done >= 3, img, err, imageOf(2, "old", 1))
	case done == 4:
		requireOneOf(t, "image", true, img, err, imageOf(2, "old", 1), imageOf(2, "new", 1))
	default:
		requireOneOf(t, "image", true, img, err, imageOf(2, "new", 1))
	}
	manifest, err := s.Resolution(digest(3), linux)
	requireOneOf(t, "resolution", done >= 4, &manifest, err, new(digest(2)))
	img, err = s.Image(digest(4))
	requireOneOf(t, "dead image", done == 6 && err == nil, img, err, imageOf(4, "dead"))
	if done == 7 && err == nil {
		t.Error("the collected image is still there")
	}
}

func requireOneOf[T any](t *testing.T, what string, must bool, got *T, err error, want ...*T) {
	t.Helper()
	if errors.Is(err, ErrCorrupt) || err != nil && !errors.Is(err, ErrNotFound) {
		t.Errorf("%s: %v", what, err)
	}
	if err != nil {
		if must {
			t.Errorf("%s was put and is lost: %v", what, err)
		}
		return
	}
	for _, w := range want {
		if cmp.Equal(w, got) {
			return
		}
	}
	t.Errorf("%s is %+v, which nobody put", what, got)
}

func requireNoTemporary(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if isTemporary(filepath.Base(path)) {
				t.Errorf("%s is left", path)
			}
		}
	}
}

// Wherever an upgrade dies, no later version reads what another one wrote.
func TestCrashWhileWiping(t *testing.T) {
	for _, m := range []moment{beforeStep, duringStep, afterStep} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			for failAt, wiped := 1, false; !wiped; failAt++ {
				dir := t.TempDir()
				old, err := open(dir, Options{Extractor: "a"}, quickDisk{})
				must(t, err)
				must(t, old.PutImage(imageOf(2, "old")))
				must(t, old.PutLayer(layerOf(1, "old")))
				_, err = open(dir, Options{Extractor: "b"}, &faultyDisk{failAt: failAt, moment: m, crash: true})
				if wiped = err == nil; !wiped && !errors.Is(err, errFault) {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint("step ", failAt), func(t *testing.T) { requireEmptyStore(t, dir) })
			}
		})
	}
}

func requireEmptyStore(t *testing.T, dir string) {
	t.Helper()
	s, err := open(dir, Options{Extractor: "b"}, quickDisk{})
	must(t, err)
	for d, err := range s.Images() {
		t.Errorf("image %s, %v is left of another version", d, err)
	}
	if layer, err := s.Layer(digest(1)); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		t.Errorf("layer %+v, %v is left of another version", layer, err)
	}
	must(t, s.PutImage(imageOf(2, "new")))
	requireNoTemporary(t, dir)
}

// A step that fails in a living process is an error, and takes nothing away.
func TestFailedStepIsAnErrorAndLeavesNothing(t *testing.T) {
	for _, m := range []moment{beforeStep, afterStep} {
		for failAt := 1; ; failAt++ {
			dir := t.TempDir()
			s, err := open(dir, Options{}, quickDisk{})
			must(t, err)
			must(t, s.PutImage(imageOf(2, "old")))
			faulty := &faultyDisk{failAt: failAt, moment: m}
			s.disk = faulty
			err = s.PutImage(imageOf(2, "new"))
			if !faulty.failed {
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{"create", "rename", "sync"}, faulty.log); diff != "" {
					t.Errorf("a put is durable by its steps (-want +got):\n%s", diff)
				}
				break
			}
			if !errors.Is(err, errFault) {
				t.Errorf("%s step %d: got error %v", m, failAt, err)
			}
			img, err := s.Image(digest(2))
			requireOneOf(t, "image", true, img, err, imageOf(2, "old"), imageOf(2, "new"))
			requireNoTemporary(t, dir)
		}
	}
}

// A disk that does not let the store remove a damaged entry does not make it good.
func TestDamagedEntryThatCannotBeRemoved(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutImage(imageOf(2, "old")); err != nil {
		t.Fatal(err)
	}
	path := s.path(kindImage, digest(2).Hex())
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.disk = &faultyDisk{failAt: 1, moment: beforeStep}
	if img, err := s.Image(digest(2)); !errors.Is(err, errFault) || img != nil {
		t.Errorf("got %+v, %v", img, err)
	}
	if img, err := s.Image(digest(2)); !errors.Is(err, ErrCorrupt) || img != nil {
		t.Errorf("once it can be removed: got %+v, %v", img, err)
	}
}
