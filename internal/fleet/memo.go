package fleet

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// memo holds what is said of a key's subjects, each thing once: versions of a
// package share most matches, and many have all in common.
type memo struct {
	pool []match.Match
	// verdicts other than that nothing is found, which is number 0.
	verdicts []verdict
}

// verdict on a subject.
type verdict struct {
	// places in the pool, in the order of the matches' ids.
	places   []uint32
	problems []string
}

// at returns the verdict of a number.
func (m *memo) at(number uint32) verdict {
	if number == 0 {
		return verdict{}
	}
	return m.verdicts[number-1]
}

// matches of a verdict in the order of their ids.
func (m *memo) matches(number uint32) []match.Match {
	places := m.at(number).places
	matches := make([]match.Match, len(places))
	for i, place := range places {
		matches[i] = m.pool[place]
	}
	return matches
}

func (m *memo) problems(number uint32) []string { return m.at(number).problems }

// outgrown says whether a memo for that many subjects holds many verdicts that
// none of them has any more.
func (m *memo) outgrown(subjects int) bool { return len(m.verdicts) > 2*subjects+8 }

// clipped releases what growing left over.
func (m *memo) clipped() memo {
	return memo{pool: slices.Clip(m.pool), verdicts: slices.Clip(m.verdicts)}
}

// writer adds verdicts to a memo.
type writer struct {
	*memo
	// places by id, once a match is looked for.
	places map[string][]uint32
}

func (m *memo) writer() *writer { return &writer{memo: m} }

// add returns the number of a verdict; matches are in the order of their ids.
func (w *writer) add(matches []match.Match, problems []string) uint32 {
	if len(matches) == 0 && len(problems) == 0 {
		return 0
	}
	v := verdict{problems: problems}
	if len(matches) > 0 {
		v.places = make([]uint32, len(matches))
	}
	for i, m := range matches {
		v.places[i] = w.place(m)
	}
	at := slices.IndexFunc(w.verdicts, v.equal)
	if at < 0 {
		at = len(w.verdicts)
		w.verdicts = append(w.verdicts, v)
	}
	return uint32(at) + 1
}

func (v verdict) equal(other verdict) bool {
	return slices.Equal(v.places, other.places) && slices.Equal(v.problems, other.problems)
}

func (w *writer) place(m match.Match) uint32 {
	if w.places == nil {
		w.places = make(map[string][]uint32, len(w.pool))
		for i, known := range w.pool {
			w.places[known.ID] = append(w.places[known.ID], uint32(i))
		}
	}
	for _, place := range w.places[m.ID] {
		if identical(w.pool[place], m) {
			return place
		}
	}
	place := uint32(len(w.pool))
	w.pool = append(w.pool, m)
	w.places[m.ID] = append(w.places[m.ID], place)
	return place
}
