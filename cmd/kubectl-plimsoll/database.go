package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// database opens the one to judge by: a directory's where it is, and any other
// in the cache, fetched again where its source has a newer one.
func (e *environment) database(ctx context.Context) (*vulndb.Current, error) {
	sources, err := databaseSources(e.databases)
	if err != nil {
		return nil, err
	}
	if dir := sources[0].Directory; dir != "" && len(sources) == 1 && !vulndb.IsLayout(dir) {
		opened, err := vulndb.OpenDirectory(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("open vulnerability database %s: %w", dir, err)
		}
		return opened, nil
	}
	sum := sha256.Sum256([]byte(strings.Join(e.databases, "\n")))
	dir := filepath.Join(e.cache, "database-"+hex.EncodeToString(sum[:8]))
	lock := flock.New(dir + ".lock")
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("lock the cache of databases: %w", err)
	}
	// What is open stays readable, whatever another scan does afterwards.
	defer lock.Close() //nolint:errcheck // the process's end unlocks, too
	limits := vulndb.DefaultLimits
	limits.Unpacked = e.databaseMaxBytes
	updater, err := vulndb.NewUpdater(dir, scan.Artifacts{Client: e.client, Keychain: registry.UserKeychain()}, limits)
	if err != nil {
		return nil, err
	}
	return e.update(ctx, updater, sources)
}

func (e *environment) update(ctx context.Context, updater *vulndb.Updater, sources []vulndb.Source) (*vulndb.Current, error) {
	kept, err := updater.Reopen()
	if e.skipDatabase {
		if err == nil && kept == nil {
			err = errors.New("the cache has none of these sources")
		}
		if err != nil {
			return nil, fmt.Errorf("open vulnerability database: %w", err)
		}
		return kept, nil
	}
	if err != nil {
		fmt.Fprintln(e.stderr, "kubectl plimsoll: the database in the cache is damaged, and fetched again:", err)
	}
	next, err := updater.Update(ctx, sources, false)
	var failure *vulndb.Error
	if kept != nil && errors.As(err, &failure) && failure.Reason == v1alpha1.ReasonOlderDatabase {
		fmt.Fprintln(e.stderr, "kubectl plimsoll: the newer database in the cache is used:", err)
		return kept, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get vulnerability database: %w", err)
	}
	if err := updater.Confirm(next); err != nil {
		return nil, err
	}
	if kept != nil && kept != next {
		_ = kept.DB.Close() // It was only read.
	}
	return next, nil
}

func databaseSources(list []string) ([]vulndb.Source, error) {
	var sources []vulndb.Source
	for _, text := range list {
		if info, err := os.Stat(text); err == nil && info.IsDir() {
			dir, err := filepath.Abs(text)
			if err != nil {
				return nil, fmt.Errorf("read --db: %w", err)
			}
			sources = append(sources, vulndb.Source{Directory: dir})
			continue
		}
		if strings.HasPrefix(text, "/") || strings.HasPrefix(text, ".") {
			return nil, fmt.Errorf("read --db: there is no directory %s", text)
		}
		sources = append(sources, vulndb.Source{Reference: text})
	}
	return sources, nil
}
