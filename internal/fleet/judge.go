package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// Judge returns the matches of a subject by the records under its key, at most
// one for each id, and what kept it from judging completely. It is a pure
// function. Of a library without records it says nothing. Where the database
// divides a key, and there is no problem, what it says of a vulnerability
// depends on the frame and on the advisories of that vulnerability alone.
type Judge func(match.Subject, []match.Record) (matches []match.Match, problems []string)

// run judges a subject, the matches in the order of their ids.
func (judge Judge) run(s match.Subject, records []match.Record) ([]match.Match, []string) {
	// Most libraries have no advisory, and parsing their versions would be most of the cost.
	if len(records) == 0 && s.Key.System() == "" {
		return nil, nil
	}
	matches, problems := judge(s, records)
	slices.SortStableFunc(matches, byID)
	return matches, problems
}

func byID(a, b match.Match) int { return strings.Compare(a.ID, b.ID) }

func fingerprint(db Database, key match.Key) (uint64, error) {
	sum, err := db.Fingerprint(key)
	if err != nil {
		return 0, fmt.Errorf("read the fingerprint of %s in %s: %w", key.Name, key.Bucket, err)
	}
	return sum, nil
}

// records reads what db has under the key; a fingerprint of 0 says that this is nothing.
func records(db Database, key match.Key, fingerprint uint64) ([]match.Record, error) {
	if fingerprint == 0 {
		return nil, nil
	}
	found, err := db.Records(key)
	if err != nil {
		return nil, unreadable(key, err)
	}
	return found, nil
}

func unreadable(key match.Key, err error) error {
	return fmt.Errorf("read the advisories of %s in %s: %w", key.Name, key.Bucket, err)
}
