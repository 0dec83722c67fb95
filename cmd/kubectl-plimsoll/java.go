package main

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/internal/javadb"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// nameJars looks up what the archives are that do not say it, and returns a
// problem where some stay without a name: no advisory speaks of them then.
func (e *environment) nameJars(ctx context.Context, content *sbom.Image) ([]string, error) {
	unnamed := javadb.Unnamed(content.Packages)
	switch {
	case unnamed == 0:
		return nil, nil
	case e.javaDatabase == "":
		return []string{fmt.Sprintf("%d Java archives do not say their group: only a database given with --java-db can", unnamed)}, nil
	}
	db, err := e.openJavaDatabase(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	if content.Packages, err = db.Resolve(ctx, content.Packages); err != nil {
		return nil, err
	}
	if unnamed = javadb.Unnamed(content.Packages); unnamed > 0 {
		return []string{fmt.Sprintf("%d Java archives do not say their group, and are not in the Java database", unnamed)}, nil
	}
	return nil, nil
}

func (e *environment) openJavaDatabase(ctx context.Context) (*javadb.DB, error) {
	sources, err := databaseSources("java-db", []string{e.javaDatabase})
	if err != nil {
		return nil, err
	}
	if dir := sources[0].Directory; dir != "" && !vulndb.IsLayout(dir) {
		return javadb.Open(dir)
	}
	dir, unlock, err := e.databaseCache("java", e.javaDatabase)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !e.skipDatabase {
		if _, err := javadb.Update(ctx, e.artifacts(), sources, dir, javadb.DefaultLimits); err != nil {
			return nil, err
		}
	}
	return javadb.Open(dir)
}
