package store

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	// writerDir names the store that a process of this test writes to.
	writerDir = "PLIMSOLL_TEST_STORE_WRITER"
	slots     = 8
	// short images live until the next Collect.
	short = 100
)

// TestWriter is the process that TestKilledWriter kills. It writes for ever, and
// says after each round of writes which it was.
func TestWriter(t *testing.T) {
	dir := os.Getenv(writerDir)
	if dir == "" {
		t.Skip("runs as a process of TestKilledWriter")
	}
	s := openTest(t, dir, Options{Extractor: "a"})
	// The last round may have been cut short.
	for k := max(1, lastOf(t, s)); ; k++ {
		slot, name := k%slots, fmt.Sprint("v", k)
		must(t, s.PutLayer(layerOf(slot, name)))
		must(t, s.PutImage(imageOf(slot, name, slot)))
		must(t, s.PutSummary(digest(slot), "rules", []byte(name)))
		must(t, s.PutResolution(digest(short+slot), linux, digest(slot)))
		must(t, s.PutImage(imageOf(short+k, name)))
		_, err := s.Collect(func(d image.Digest) bool { return d < digest(short) })
		must(t, err)
		fmt.Printf("wrote %d\n", k)
	}
}

// lastOf is the last round of which an image is stored.
func lastOf(t *testing.T, s *Store) int {
	last := 0
	for slot := range slots {
		if img, err := s.Image(digest(slot)); err == nil {
			last = max(last, roundOf(t, img.Content.Packages[0].Name))
		}
	}
	return last
}

func roundOf(t *testing.T, name string) int {
	t.Helper()
	k, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	if err != nil {
		t.Fatalf("nobody put %q", name)
	}
	return k
}

// However often a process is killed while it writes and collects, the next one
// finds no entry damaged, and all that was put.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 3))
	wrote := 0
	for range 50 {
		if got := killWriter(t, dir, 1+random.IntN(12)); got > 0 {
			wrote = got
		}
		s := openTest(t, dir, Options{Extractor: "a"})
		requireNoTemporary(t, dir)
		for slot := range slots {
			requireSlot(t, s, slot, wrote-(wrote-slot+slots)%slots)
		}
		for d, err := range s.Images() {
			must(t, err)
			if _, err := s.Image(d); err != nil {
				t.Fatalf("image %s: %v", d, err)
			}
		}
	}
}

// killWriter kills a writer some moment after it has said for the n-th time
// what it wrote, and returns the last that it said.
func killWriter(t *testing.T, dir string, n int) int {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriter$")
	command.Env = append(os.Environ(), writerDir+"="+dir)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	lines := bufio.NewScanner(output)
	last := 0
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "wrote ")
		if !ok {
			t.Fatalf("the writer says %q", lines.Text())
		}
		last, err = strconv.Atoi(text)
		must(t, err)
		if n--; n == 0 {
			must(t, command.Process.Kill())
		}
	}
	if err := command.Wait(); n > 0 || err == nil {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return last
}

// requireSlot takes the last round that is known to be written of a slot, which is none below 1.
func requireSlot(t *testing.T, s *Store, slot, wrote int) {
	t.Helper()
	img, err := s.Image(digest(slot))
	if wrote < 1 && errors.Is(err, ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		return
	}
	must(t, err)
	if k := roundOf(t, img.Content.Packages[0].Name); k < wrote || k%slots != slot {
		t.Fatalf("image %d is of round %d, and %d was written", slot, k, wrote)
	}
	layer, err := s.Layer(digest(slot))
	must(t, err)
	if k := roundOf(t, layer.Files["var/lib/dpkg/status"].Packages[0].Name); k < wrote || k%slots != slot {
		t.Fatalf("layer %d is of round %d, and %d was written", slot, k, wrote)
	}
	summary, err := s.Summary(digest(slot), "rules")
	if wrote < 1 && errors.Is(err, ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		return
	}
	must(t, err)
	if k := roundOf(t, string(summary)); k < wrote || k%slots != slot {
		t.Fatalf("summary %d is of round %d, and %d was written", slot, k, wrote)
	}
	manifest, err := s.Resolution(digest(short+slot), linux)
	if wrote >= 1 && (err != nil || manifest != digest(slot)) {
		t.Fatalf("resolution: %s, %v", manifest, err)
	}
}
