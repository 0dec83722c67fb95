package database

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Changes that a database has against another. Those of advisories are of
// packages that fleets have: they are fixed in another version.
type Changes struct {
	Advisories int
	// Severities of vulnerabilities, and details that were only worked on.
	Severities, Redated int
}

// Day is what a day changes in the published database.
var Day = Changes{Advisories: 300, Severities: 200, Redated: 1_500}

// Change writes to dir the generated database in from with changes, a day later.
func Change(from, dir string, changes Changes) error {
	if err := change(from, dir, changes); err != nil {
		return fmt.Errorf("change database %s: %w", from, err)
	}
	return nil
}

func change(from, dir string, changes Changes) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(from, "trivy.db"), filepath.Join(dir, "trivy.db")); err != nil {
		return err
	}
	err := edit(dir, func(w *writer) error {
		if err := w.changeAdvisories(changes.Advisories); err != nil {
			return err
		}
		return w.changeDetails(changes)
	})
	if err != nil {
		return err
	}
	return Stamp(dir, time.Date(2026, 8, 2, 6, 0, 0, 0, time.UTC))
}

// stored is a value and the buckets that it is in.
type stored struct {
	path []string
	text []byte
}

// changeAdvisories takes one from each package in turn, of those that are found first.
func (w *writer) changeAdvisories(count int) error {
	var found []stored
	err := w.file.View(func(tx *bbolt.Tx) error {
		for _, bucket := range []string{"debian 12", "alpine 3.21", "npm::GitHub Security Advisory npm", "pip::GitHub Security Advisory pip", "go::GitHub Security Advisory Go"} {
			found = append(found, advisoriesOf(tx, bucket)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) < count {
		return fmt.Errorf("it has %d advisories of fleets, want %d", len(found), count)
	}
	for i := range count {
		// Spread over all, so that few share a package.
		s := found[i*len(found)/count]
		var a generatedAdvisory
		if err := json.Unmarshal(s.text, &a); err != nil {
			return err
		}
		if len(a.VulnerableVersions) > 0 {
			a.VulnerableVersions, a.PatchedVersions = []string{"<1.9.0"}, []string{"1.9.0"}
		} else {
			a.FixedVersion = fmt.Sprint("98:", i)
		}
		if err := w.put(a, s.path...); err != nil {
			return err
		}
	}
	return nil
}

func advisoriesOf(tx *bbolt.Tx, bucket string) []stored {
	var found []stored
	top := tx.Bucket([]byte(bucket))
	_ = top.ForEachBucket(func(name []byte) error {
		if strings.HasPrefix(string(name), "package-") {
			return nil
		}
		return top.Bucket(name).ForEach(func(id, text []byte) error {
			found = append(found, stored{[]string{bucket, string(name), string(id)}, bytes.Clone(text)})
			return nil
		})
	})
	return found
}

func (w *writer) changeDetails(changes Changes) error {
	var found []stored
	err := w.file.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket([]byte("vulnerability")).Cursor()
		at, every := 0, 1+int(tx.Bucket([]byte("vulnerability")).Stats().KeyN)/(1+changes.Severities+changes.Redated)
		for id, text := cursor.First(); id != nil; id, text = cursor.Next() {
			if at++; at%every == 0 {
				found = append(found, stored{[]string{"vulnerability", string(id)}, bytes.Clone(text)})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, s := range found {
		var d generatedDetail
		if err := json.Unmarshal(s.text, &d); err != nil {
			return err
		}
		d.LastModifiedDate = d.LastModifiedDate.Add(time.Hour)
		if i < changes.Severities {
			for vendor, severity := range d.VendorSeverity {
				d.VendorSeverity[vendor] = 1 + severity%4
			}
		}
		if err := w.put(d, s.path...); err != nil {
			return err
		}
	}
	return nil
}
