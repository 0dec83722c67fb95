package baseimage

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// listing of a tag in a repository's history, in Unix seconds.
type listing struct {
	tag         Tag
	first, last int64
}

const later = 180 * 24 * 60 * 60

// TestReplay offers, half a year after a pin was maintained for the last time, what the ladder has. A candidate
// "fixes" if it is maintained then.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("../../../shared/data/tags/*.hist")
	if err != nil || len(files) == 0 {
		t.Skip("no tag histories in ../shared/data/tags beside the repository")
	}
	var all share
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".hist")
		own := replay(t, history(t, name, file))
		t.Logf("%-16s %s", name, own)
		all.pins += own.pins
		all.reached += own.reached
		all.byVariant += own.byVariant
	}
	t.Logf("%-16s %s", "all", all)
	if all.reached*100 < all.pins*59 {
		t.Errorf("%s, want at least 59 %%", all)
	}
}

type share struct{ pins, reached, byVariant int }

func (s share) String() string {
	return fmt.Sprintf("%d of %d pins reach a maintained tag (%.1f %%), %d by a variant step alone",
		s.reached, s.pins, 100*float64(s.reached)/float64(max(1, s.pins)), s.byVariant)
}

func history(t *testing.T, repository, file string) []listing {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []listing
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var l listing
		var name string
		if _, err := fmt.Sscan(lines.Text(), &name, &l.first, &l.last); err != nil {
			t.Fatalf("%s: %q: %v", file, lines.Text(), err)
		}
		var ok bool
		if l.tag, ok = ParseTag(repository, name); !ok {
			t.Fatalf("%s is no tag", name)
		}
		out = append(out, l)
	}
	return out
}

// replay takes as pins the released tags of at least two numbers that went
// unmaintained half a year or more before the history ends.
func replay(t *testing.T, tags []listing) share {
	t.Helper()
	var end int64
	for _, l := range tags {
		end = max(end, l.last)
	}
	// What differs in these is never offered: the histories are long.
	alike := map[string][]listing{}
	for _, l := range tags {
		alike[l.tag.prefix+" "+l.tag.shape] = append(alike[l.tag.prefix+" "+l.tag.shape], l)
	}
	var s share
	for _, pin := range tags {
		if pin.last+later > end || len(pin.tag.numbers) < 2 || pin.tag.Prerelease() {
			continue
		}
		s.pins++
		candidate, ok := offered(t, pin, alike[pin.tag.prefix+" "+pin.tag.shape])
		if ok {
			s.reached++
		}
		if ok && candidate.Step.Variant {
			s.byVariant++
		}
	}
	return s
}

func offered(t *testing.T, pin listing, tags []listing) (Candidate, bool) {
	t.Helper()
	now := pin.last + later
	var maintained []Tag
	for _, l := range tags {
		if l.first <= now && l.last >= now {
			maintained = append(maintained, l.tag)
		}
	}
	candidates := Candidates(pin.tag, maintained, false)
	for _, c := range candidates {
		if c.Tag.Prerelease() || !slices.Equal(family(pin.tag), family(c.Tag)) {
			t.Errorf("%s is offered %s", pin.tag, c.Tag)
		}
	}
	if len(candidates) == 0 {
		return Candidate{}, false
	}
	return candidates[0], true
}

var releaseNumber = regexp.MustCompile(`-?[0-9.]+$`)

// family is a variant without its distribution's release.
func family(tag Tag) []string {
	var words []string
	for _, token := range tag.variant {
		if s, ok := systemOf(token); ok {
			token = s.family
		}
		words = append(words, releaseNumber.ReplaceAllString(token, ""))
	}
	return words
}
