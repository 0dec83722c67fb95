package javadb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Resolve returns the packages with true names and versions for the jars that have
// evidence of them, and without that evidence. Others stay as they are, also those
// that the database does not know. The packages that it is given do not change; without any to resolve it
// returns them themselves.
func (d *DB) Resolve(ctx context.Context, packages []sbom.Package) ([]sbom.Package, error) {
	if !slices.ContainsFunc(packages, unresolved) {
		return packages, nil
	}
	packages = slices.Clone(packages)
	for i := range packages {
		if !unresolved(packages[i]) {
			continue
		}
		found, err := d.find(ctx, packages[i])
		if err != nil {
			return nil, fmt.Errorf("look up the archive %.200q: %w", packages[i].Path, err)
		}
		if legible(found.group, found.artifact, found.version) {
			packages[i].Name, packages[i].Version = found.group+":"+found.artifact, found.version
			packages[i].Jar = sbom.Jar{}
		}
	}
	return packages, nil
}

// Unnamed counts the archives of which only a database knows what they are.
func Unnamed(packages []sbom.Package) int {
	n := 0
	for _, p := range packages {
		if unresolved(p) {
			n++
		}
	}
	return n
}

func unresolved(p sbom.Package) bool { return p.Type == sbom.TypeJar && p.Jar.SHA1 != "" }

type coordinates struct{ group, artifact, version string }

// find looks for the names of the manifest, for the archive itself, and for the
// group whose artifact of that name has most versions, in this order.
func (d *DB) find(ctx context.Context, p sbom.Package) (coordinates, error) {
	if p.Jar.Group != "" {
		known, err := d.knows(ctx, p.Jar.Group, p.Jar.Artifact)
		if known || err != nil {
			return coordinates{p.Jar.Group, p.Jar.Artifact, p.Jar.Version}, err
		}
	}
	found, err := d.archive(ctx, p.Jar.SHA1)
	if found.group != "" || err != nil || !p.Jar.Named {
		return found, err
	}
	group, err := d.group(ctx, p.Name, p.Version)
	return coordinates{group, p.Name, p.Version}, err
}

func (d *DB) knows(ctx context.Context, group, artifact string) (bool, error) {
	var one int
	return d.row(ctx, []any{&one}, `SELECT 1 FROM artifacts a JOIN indices i ON i.artifact_id = a.id
		WHERE a.artifact_id = ? AND a.group_id = ? LIMIT 1`, artifact, group)
}

func (d *DB) archive(ctx context.Context, sum string) (coordinates, error) {
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return coordinates{}, fmt.Errorf("read its SHA-1: %w", err)
	}
	var c coordinates
	_, err = d.row(ctx, []any{&c.group, &c.artifact, &c.version}, `SELECT a.group_id, a.artifact_id, i.version
		FROM indices i JOIN artifacts a ON a.id = i.artifact_id WHERE i.sha1 = ? LIMIT 1`, raw)
	return c, err
}

// group of equally many versions is the first by name.
func (d *DB) group(ctx context.Context, artifact, version string) (string, error) {
	var group string
	_, err := d.row(ctx, []any{&group}, `SELECT a.group_id FROM artifacts a JOIN indices i ON i.artifact_id = a.id
		WHERE a.artifact_id = ?1 AND EXISTS (
			SELECT 1 FROM indices o WHERE o.artifact_id = a.id AND o.version = ?2 AND o.archive_type = 'jar')
		GROUP BY a.group_id ORDER BY count(*) DESC, a.group_id LIMIT 1`, artifact, version)
	return group, err
}

// row scans the only row of a query's answer, if there is one.
func (d *DB) row(ctx context.Context, into []any, query string, args ...any) (bool, error) {
	err := d.conn.QueryRowContext(ctx, query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
