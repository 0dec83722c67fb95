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
	sources, err := databaseSources("db", e.databases)
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
	dir, unlock, err := e.databaseCache("database", e.databases...)
	if err != nil {
		return nil, err
	}
	defer unlock()
	limits := vulndb.DefaultLimits
	limits.Unpacked = e.databaseMaxBytes
	updater, err := vulndb.NewUpdater(dir, e.artifacts(), limits)
	if err != nil {
		return nil, err
	}
	return e.update(ctx, updater, sources)
}

// databaseCache locks a directory for the databases of some sources. What is
// open stays readable, whatever another scan does afterwards.
func (e *environment) databaseCache(kind string, sources ...string) (dir string, unlock func(), err error) {
	sum := sha256.Sum256([]byte(strings.Join(sources, "\n")))
	dir = filepath.Join(e.cache, kind+"-"+hex.EncodeToString(sum[:8]))
	lock := flock.New(dir + ".lock")
	if err := lock.Lock(); err != nil {
		return "", nil, fmt.Errorf("lock the cache of databases: %w", err)
	}
	return dir, func() { _ = lock.Close() }, nil
}

func (e *environment) artifacts() vulndb.Registry {
	return scan.Artifacts{Client: e.client, Keychain: registry.UserKeychain()}
}

func (e *environment) update(ctx context.Context, updater *vulndb.Updater, sources []vulndb.Source) (*vulndb.Current, error) {
	kept, err := updater.Reopen()
	if e.skipDatabase {
		return onlyKept(kept, err)
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

// onlyKept is the database of the cache, which is not asked for a newer one.
func onlyKept(kept *vulndb.Current, err error) (*vulndb.Current, error) {
	if err == nil && kept == nil {
		err = errors.New("the cache has none of these sources")
	}
	if err != nil {
		return nil, fmt.Errorf("open vulnerability database: %w", err)
	}
	return kept, nil
}

func databaseSources(flag string, list []string) ([]vulndb.Source, error) {
	var sources []vulndb.Source
	for _, text := range list {
		if info, err := os.Stat(text); err == nil && info.IsDir() {
			dir, err := filepath.Abs(text)
			if err != nil {
				return nil, fmt.Errorf("read --%s: %w", flag, err)
			}
			sources = append(sources, vulndb.Source{Directory: dir})
			continue
		}
		if strings.HasPrefix(text, "/") || strings.HasPrefix(text, ".") {
			return nil, fmt.Errorf("read --%s: there is no directory %s", flag, text)
		}
		sources = append(sources, vulndb.Source{Reference: text})
	}
	return sources, nil
}
