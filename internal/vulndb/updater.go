package vulndb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	currentFile = "current.json"
	// incoming holds a database that is not verified yet.
	incoming = "incoming"
)

// Current is the database in use.
type Current struct {
	// Revision is the digest of the artifact or, from a plain directory, of the files.
	Revision image.Digest
	// Source that the revision came from.
	Source string
	DB     *DB
}

// Updater keeps the newest good database in a directory of its own. Its methods
// must not be called at the same time.
type Updater struct {
	dir      string
	registry Registry
	limits   Limits
	// current is in use: it was confirmed, by this process or by one before.
	current *Current
	// offered was returned by Update and is not confirmed.
	offered *Current
	refused map[Source]refusal
}

// lasting are the reasons that the same digest gives each time. An invalid
// artifact may also have been damaged on its way.
var lasting = map[string]bool{
	v1alpha1.ReasonOlderDatabase:     true,
	v1alpha1.ReasonUnsupportedSchema: true,
	v1alpha1.ReasonArtifactTooLarge:  true,
}

// refusal is why a source's revision was not taken. It holds for as long as the
// source has that revision, so that no one downloads it at every check.
type refusal struct {
	revision      image.Digest
	allowRollback bool
	err           error
}

// NewUpdater returns an updater that owns dir, and makes it if need be. The
// registry is for sources with a reference, and may be nil where there are none.
func NewUpdater(dir string, registry Registry, limits Limits) (*Updater, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of databases: %w", err)
	}
	return &Updater{dir: dir, registry: registry, limits: limits, refused: map[Source]refusal{}}, nil
}

// Reopen opens the database that was confirmed last, perhaps by a process before.
// It returns nil where there was none, and an error where that is damaged; Update
// then fetches one as if there was none. It contacts no source.
func (u *Updater) Reopen() (*Current, error) {
	if u.current != nil {
		return u.current, nil
	}
	raw, err := readBounded(filepath.Join(u.dir, currentFile))
	if errors.Is(err, fs.ErrNotExist) {
		u.clean()
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reopen database: %w", err)
	}
	var last pointer
	if err := json.Unmarshal(raw, &last); err != nil {
		return nil, invalidf("reopen database: %w", err)
	}
	revision, err := image.ParseDigest(last.Revision)
	if err != nil {
		return nil, invalidf("reopen database: %w", err)
	}
	opened, err := Open(u.place(revision))
	if err != nil {
		return nil, fmt.Errorf("reopen database: %w", err)
	}
	u.current = &Current{Revision: revision, Source: last.Source, DB: opened}
	u.clean()
	return u.current, nil
}

// Update returns the newest database of the first source that has a good one.
// Where that is the one in use, or the one that Update returned before, it
// returns the same pointer, and downloads nothing. Otherwise it is not in use
// before Confirm: until then Reopen opens the former one, also after a restart.
// The caller closes the former one once nothing reads it any more. One that was
// never confirmed is closed when Update returns another.
//
// Where no source has a good one, Update returns an error of type *Error that
// names them all, and the database in use, if there is one, stays in use. An
// error of another type is a failure of the directory. A database older than
// the one in use is refused, unless allowRollback says otherwise. What a source
// has that was refused is not fetched again before the source has another.
func (u *Updater) Update(ctx context.Context, sources []Source, allowRollback bool) (*Current, error) {
	var failures []error
	for _, source := range sources {
		next, err := u.try(ctx, source, allowRollback)
		if err == nil {
			return next, nil
		}
		if !errors.As(err, new(*Error)) {
			return nil, err
		}
		failures = append(failures, fmt.Errorf("%s: %w", source, err))
	}
	if len(failures) == 0 {
		return nil, failf(v1alpha1.ReasonSourceUnavailable, "update database: there are no sources")
	}
	return nil, joinFailures(failures)
}

func (u *Updater) try(ctx context.Context, source Source, allowRollback bool) (*Current, error) {
	from, err := open(source, trivyDB, u.registry)
	if err != nil {
		return nil, err
	}
	revision, err := from.revision(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := image.ParseDigest(string(revision)); err != nil {
		return nil, invalidf("resolve artifact: %w", err)
	}
	if known, err := u.known(source, revision, allowRollback); known != nil || err != nil {
		return known, err
	}
	next, err := u.fetch(ctx, from, revision, allowRollback)
	if err != nil {
		if lasting[reasonOf(err)] {
			u.refused[source] = refusal{revision: revision, allowRollback: allowRollback, err: err}
		}
		return nil, err
	}
	delete(u.refused, source)
	next.Source = source.String()
	u.offered = next
	return next, nil
}

// known returns what has become of the revision already: it is in use or
// offered, or was refused, which is the error. Else it returns nil.
func (u *Updater) known(source Source, revision image.Digest, allowRollback bool) (*Current, error) {
	if u.current != nil && u.current.Revision == revision {
		return u.current, u.withdraw()
	}
	if u.offered != nil && u.offered.Revision == revision {
		return u.offered, nil
	}
	if last := u.refused[source]; last.revision == revision && last.allowRollback == allowRollback {
		return nil, last.err
	}
	return nil, nil
}

// fetch puts the revision in its place, opened.
func (u *Updater) fetch(ctx context.Context, from origin, revision image.Digest, allowRollback bool) (*Current, error) {
	staging := filepath.Join(u.dir, incoming)
	if err := freshDir(staging); err != nil {
		return nil, err
	}
	defer os.RemoveAll(staging) // Where it fails, the next update removes it.
	if err := from.fetch(ctx, revision, staging, u.limits); err != nil {
		return nil, err
	}
	opened, err := Open(staging)
	if err != nil {
		return nil, err
	}
	next := &Current{Revision: revision, DB: opened}
	if err := u.accept(next, staging, allowRollback); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return next, nil
}

// accept puts the staged database in the place of another that is offered.
func (u *Updater) accept(next *Current, staging string, allowRollback bool) error {
	if u.current != nil && !allowRollback {
		if have, offered := u.current.DB.Metadata().Built, next.DB.Metadata().Built; offered.Before(have) {
			return failf(v1alpha1.ReasonOlderDatabase, "database of %s is older than the one in use, of %s",
				offered.Format(time.RFC3339), have.Format(time.RFC3339))
		}
	}
	if err := u.withdraw(); err != nil {
		return err
	}
	place := u.place(next.Revision)
	// What is there already could not be opened, or was left by a crash.
	if err := os.RemoveAll(place); err != nil {
		return fmt.Errorf("place database: %w", err)
	}
	if err := os.Rename(staging, place); err != nil {
		return fmt.Errorf("place database: %w", err)
	}
	return nil
}

// withdraw gives up the database that is offered, if there is one.
func (u *Updater) withdraw() error {
	if u.offered == nil {
		return nil
	}
	former := u.offered
	u.offered = nil
	if err := errors.Join(former.DB.Close(), os.RemoveAll(u.place(former.Revision))); err != nil {
		return fmt.Errorf("withdraw database %s: %w", former.Revision, err)
	}
	return nil
}

// Confirm makes what Update returned the database in use: the caller could read
// all of it that it needed. The former one is removed, and stays readable until
// it is closed. Where Confirm fails, c is in use all the same, and a process that
// starts later begins with the former one. To confirm the one in use does nothing.
func (u *Updater) Confirm(c *Current) error {
	if c == u.current {
		return nil
	}
	if c != u.offered {
		return fmt.Errorf("confirm database %s: it is not the one that is offered", c.Revision)
	}
	u.current, u.offered = c, nil
	// They were older than the former one.
	maps.DeleteFunc(u.refused, func(_ Source, r refusal) bool { return reasonOf(r.err) == v1alpha1.ReasonOlderDatabase })
	if err := u.point(pointer{Revision: c.Revision.String(), Source: c.Source}); err != nil {
		return err
	}
	u.clean()
	return nil
}

// pointer is the content of current.json.
type pointer struct {
	Revision string `json:"revision"`
	Source   string `json:"source"`
}

// point makes p the database that Reopen opens, in one step.
func (u *Updater) point(p pointer) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("place database: %w", err)
	}
	name := filepath.Join(u.dir, currentFile)
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		return fmt.Errorf("place database: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("place database: %w", err)
	}
	return nil
}

// clean removes all that is not the database in use. A former one that is still
// open stays readable. What cannot be removed now is removed the next time.
func (u *Updater) clean() {
	entries, err := os.ReadDir(u.dir)
	if err != nil {
		return
	}
	keep := map[string]bool{currentFile: true}
	if u.current != nil {
		keep[filepath.Base(u.place(u.current.Revision))] = true
	}
	for _, entry := range entries {
		if name := entry.Name(); !keep[name] {
			_ = os.RemoveAll(filepath.Join(u.dir, name))
		}
	}
}

func (u *Updater) place(revision image.Digest) string { return filepath.Join(u.dir, revision.Hex()) }

// freshDir makes an empty directory.
func freshDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	return nil
}
