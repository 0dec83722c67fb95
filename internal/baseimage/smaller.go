package baseimage

import (
	"cmp"
	"slices"
	"strings"
)

// maxSmaller is how many smaller tags are worth a look.
const maxSmaller = 3

// sizes of a variant's families, by the words that name them. What is not
// listed is a full system.
var sizes = map[string]int{
	"distroless": sizeBare, "static": sizeBare, "scratch": sizeBare, "chiseled": sizeBare,
	"alpine": sizeAlpine, "musl": sizeAlpine, "wolfi": sizeAlpine, "busybox": sizeAlpine,
	"slim": lessSlim, "minimal": lessSlim, "micro": lessSlim, "tiny": lessSlim, "lite": lessSlim,
}

const (
	// A slim variant is smaller than its family's full one, and larger than any of the next.
	lessSlim   = -1
	sizeBare   = 0
	sizeAlpine = 2
	sizeFull   = 4
)

// Smaller returns tags of the same version, but of a smaller family, such as
// slim, Alpine's or a distroless one: at most 3, one for each family, the
// smallest step down first. They are advice: software that was built for one
// family need not run on another.
func Smaller(repository, tag string, tags []string) []string {
	current, ok := ParseTag(repository, tag)
	if !ok {
		return nil
	}
	from := flavourOf(current)
	var found []offer
	for _, name := range tags {
		t, ok := ParseTag(repository, name)
		if !ok || !sameVersion(current, t) {
			continue
		}
		m := flavourOf(t)
		if m.size < from.size && slices.Equal(m.words, from.words) {
			found = append(found, offer{tag: name, size: m.size, distance: m.distance(from)})
		}
	}
	slices.SortFunc(found, compareOffers)
	found = slices.CompactFunc(found, func(a, b offer) bool { return a.size == b.size })
	var names []string
	for _, o := range found[:min(len(found), maxSmaller)] {
		names = append(names, o.tag)
	}
	return names
}

func sameVersion(a, b Tag) bool {
	return a.prefix == b.prefix && a.shape == b.shape && compareVersions(a, b) == 0 && a.Prerelease() == b.Prerelease()
}

// offer of a smaller tag.
type offer struct {
	tag  string
	size int
	// distance to the current tag's releases of systems.
	distance int
}

// compareOffers puts the largest family first, and within one the tag that
// follows the current one most closely: a release that is not named moves with the tag.
func compareOffers(a, b offer) int {
	return cmp.Or(
		cmp.Compare(b.size, a.size),
		cmp.Compare(a.distance, b.distance),
		cmp.Compare(len(a.tag), len(b.tag)),
		cmp.Compare(a.tag, b.tag),
	)
}

// flavour of a tag is what its variant says of the system beneath.
type flavour struct {
	size int
	// systems are the words that name a release, words all others that name no family.
	systems, words []string
}

func flavourOf(t Tag) flavour {
	m := flavour{size: sizeFull}
	slim := 0
	for _, token := range t.variant {
		s, isSystem := systemOf(token)
		size, named := sizes[cmp.Or(s.family, strings.TrimRight(token, "0123456789"))]
		switch {
		case named && size == lessSlim:
			slim = lessSlim
		case named:
			m.size = min(m.size, size)
		case !isSystem:
			m.words = append(m.words, token)
		}
		if isSystem {
			m.systems = append(m.systems, token)
		}
	}
	m.size += slim
	return m
}

// distance counts the releases that one names and the other does not. One that
// is added pins what was free, which counts double.
func (m flavour) distance(from flavour) int {
	n := 0
	for _, system := range m.systems {
		if !slices.Contains(from.systems, system) {
			n += 2
		}
	}
	for _, system := range from.systems {
		if !slices.Contains(m.systems, system) {
			n++
		}
	}
	return n
}
