package policy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	// ledgerVersion is the first byte of an encoded ledger. What follows in
	// version 1 is gzip of JSON: vulnerability to package to record.
	ledgerVersion = 1
	// MaxLedgerSize is the largest encoded ledger in bytes: a ConfigMap holds
	// 1 MiB, its own name and labels included.
	MaxLedgerSize = 1_000_000
	// maxLedgerJSON bounds what is inflated.
	maxLedgerJSON = 32 << 20
)

// ErrLedgerTooLarge says that a ledger does not fit into a ConfigMap.
var ErrLedgerTooLarge = errors.New("ledger too large")

// Encode returns the ledger in at most MaxLedgerSize bytes; 20,000 entries take
// about a third of that. Equal ledgers have equal encodings.
func (l *Ledger) Encode() ([]byte, error) {
	document := map[string]map[string]*record{}
	for s, r := range l.records {
		if document[s.id] == nil {
			document[s.id] = map[string]*record{}
		}
		document[s.id][s.pkg] = r
	}
	plain, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encode ledger: %w", err)
	}
	out, err := deflate(plain)
	if err != nil {
		return nil, fmt.Errorf("encode ledger: %w", err)
	}
	if len(out) > MaxLedgerSize || len(plain) > maxLedgerJSON {
		return nil, fmt.Errorf("encode ledger of %d entries: %w: %d bytes, limit %d", l.Len(), ErrLedgerTooLarge, len(out), MaxLedgerSize)
	}
	return out, nil
}

func deflate(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte(ledgerVersion)
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// DecodeLedger reads what Encode wrote. It fails on another version and on
// anything that it does not understand, rather than drop it: a caller must
// never write over what it could not read.
func DecodeLedger(encoded []byte) (*Ledger, error) {
	if len(encoded) == 0 {
		return nil, errors.New("decode ledger: no data")
	}
	if encoded[0] != ledgerVersion {
		return nil, fmt.Errorf("decode ledger: version %d is not known to this program", encoded[0])
	}
	plain, err := inflate(encoded[1:])
	if err != nil {
		return nil, fmt.Errorf("decode ledger: %w", err)
	}
	l, err := parseLedger(plain)
	if err != nil {
		return nil, fmt.Errorf("decode ledger: %w", err)
	}
	return l, nil
}

func inflate(compressed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxLedgerJSON+1))
	if err != nil {
		return nil, err
	}
	if len(plain) > maxLedgerJSON {
		return nil, fmt.Errorf("more than %d bytes when inflated", maxLedgerJSON)
	}
	return plain, nil
}

func parseLedger(plain []byte) (*Ledger, error) {
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.DisallowUnknownFields()
	var document map[string]map[string]*record
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the document")
	}
	l := &Ledger{records: map[subject]*record{}}
	for id, packages := range document {
		for pkg, r := range packages {
			if err := r.validate(); err != nil {
				return nil, fmt.Errorf("entry %.100q of package %.100q: %w", id, pkg, err)
			}
			l.records[subject{id: id, pkg: pkg}] = r
		}
	}
	return l, nil
}

func (r *record) validate() error {
	if r == nil || r.Observed <= 0 || len(r.Rises) == 0 {
		return errors.New("no time of observation or no severity")
	}
	if r.FixAvailable < 0 || r.KnownExploited < 0 || r.Gone < 0 {
		return errors.New("time before 1970")
	}
	for severity, at := range r.Rises {
		if !knownSeverity(severity) || at <= 0 {
			return fmt.Errorf("severity %.40q since %d", severity, at)
		}
	}
	return nil
}

func knownSeverity(s v1alpha1.Severity) bool {
	_, known := severityRank[s]
	return known
}
