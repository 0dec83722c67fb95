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
