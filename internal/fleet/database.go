package fleet

import "github.com/plimsoll-dev/plimsoll/internal/match"

// Database is what the fleet reads. Calls may come from several goroutines.
type Database interface {
	// Fingerprint returns a hash of all bytes that a judgement under the key
	// reads: advisories, the severity part of their details, data sources.
	// Equal fingerprints mean equal records. Absent records hash to 0.
	Fingerprint(match.Key) (uint64, error)
	// Records returns the records under the key, in bucket order.
	Records(match.Key) ([]match.Record, error)
}

// Divisible is what a Database may be beside. Where both databases of a swap
// are, a key that changed costs as much as its changed vulnerabilities, and not
// as all that it has.
type Divisible interface {
	// Parts returns a hash for each vulnerability under the key of all bytes that
	// a judgement reads of it, and one of the frame that they share: the buckets
	// that have any, and their data sources. There are no parts where what is
	// said of one vulnerability depends on the records of another.
	Parts(match.Key) (frame uint64, parts map[string]uint64, err error)
	// RecordsOf returns what Records does, without the advisories of other
	// vulnerabilities; a record may be left with none.
	RecordsOf(key match.Key, ids map[string]bool) ([]match.Record, error)
}
