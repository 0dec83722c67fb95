package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// Judge returns the matches of a subject by the records under its key, at most
// one for each id, and what kept it from judging completely. It is a pure function.
type Judge func(match.Subject, []match.Record) (matches []match.Match, problems []string)

// judgement is what Judge says of one subject, the matches in the order of their ids.
type judgement struct {
	matches  []match.Match
	problems []string
}

// judgeKey reads what db has under key, once, and judges the subjects by it.
func judgeKey(judge Judge, db Database, key match.Key, fingerprint uint64, subjects []match.Subject) ([]judgement, error) {
	var records []match.Record
	if fingerprint != 0 {
		var err error
		if records, err = db.Records(key); err != nil {
			return nil, fmt.Errorf("read the advisories of %s in %s: %w", key.Name, key.Bucket, err)
		}
	}
	judged := make([]judgement, len(subjects))
	for i, s := range subjects {
		matches, problems := judge(s, records)
		slices.SortStableFunc(matches, byID)
		judged[i] = judgement{matches: matches, problems: problems}
	}
	return judged, nil
}

func fingerprint(db Database, key match.Key) (uint64, error) {
	sum, err := db.Fingerprint(key)
	if err != nil {
		return 0, fmt.Errorf("read the fingerprint of %s in %s: %w", key.Name, key.Bucket, err)
	}
	return sum, nil
}

func byID(a, b match.Match) int { return strings.Compare(a.ID, b.ID) }

// pool collects the distinct matches of one key's subjects.
type pool struct {
	matches []match.Match
	places  map[string][]uint32
}

func newPool(matches []match.Match) *pool {
	p := &pool{matches: matches, places: make(map[string][]uint32, len(matches))}
	for i, m := range matches {
		p.places[m.ID] = append(p.places[m.ID], uint32(i))
	}
	return p
}

// add returns the places of the matches in the pool.
func (p *pool) add(matches []match.Match) []uint32 {
	if len(matches) == 0 {
		return nil
	}
	places := make([]uint32, len(matches))
	for i, m := range matches {
		places[i] = p.place(m)
	}
	return places
}

func (p *pool) place(m match.Match) uint32 {
	for _, place := range p.places[m.ID] {
		if identical(p.matches[place], m) {
			return place
		}
	}
	place := uint32(len(p.matches))
	p.matches = append(p.matches, m)
	p.places[m.ID] = append(p.places[m.ID], place)
	return place
}
