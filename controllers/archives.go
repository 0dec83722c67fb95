package controllers

import (
	"context"
	"fmt"
	"sync"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/javadb"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// archives are the stored images under the names that the Java database in use
// gives to archives which do not say theirs. The store keeps what was extracted,
// so that another database needs no pull. It is safe for concurrent use.
type archives struct {
	stored imageStore

	// using is held for reading while an image is named, and until what was named is held.
	using sync.RWMutex
	// db is nil where there is none.
	db *javadb.DB
}

var _ imageStore = (*archives)(nil)

// Image implements imageStore.
func (a *archives) Image(manifest image.Digest) (*store.Image, error) {
	img, err := a.stored.Image(manifest)
	if err != nil {
		return nil, err
	}
	a.using.RLock()
	defer a.using.RUnlock()
	return named(context.Background(), a.db, img)
}

// hold returns the image under its names. No other database comes into use before
// release: what is held until then is what that one finds to be renamed.
func (a *archives) hold(ctx context.Context, img *store.Image) (held *store.Image, release func(), err error) {
	a.using.RLock()
	held, err = named(ctx, a.db, img)
	if err != nil {
		a.using.RUnlock()
		return nil, nil, err
	}
	return held, a.using.RUnlock, nil
}

// differs says whether another database gives the image other names than the one in use.
func (a *archives) differs(ctx context.Context, next *javadb.DB, manifest image.Digest) (bool, error) {
	img, err := a.stored.Image(manifest)
	if err != nil || javadb.Unnamed(img.Content.Packages) == 0 {
		return false, err
	}
	renamed, err := named(ctx, next, img)
	if err != nil {
		return false, &vulndb.Error{Reason: v1alpha1.ReasonInvalidArtifact, Err: err}
	}
	before, release, err := a.hold(ctx, img)
	if err != nil {
		// The next one can, which makes a difference.
		return true, nil
	}
	defer release()
	for i, p := range before.Content.Packages {
		if p.Name != renamed.Content.Packages[i].Name || p.Version != renamed.Content.Packages[i].Version {
			return true, nil
		}
	}
	return false, nil
}

// use puts a database into use. Nothing reads the former one any more, so that it is closed.
func (a *archives) use(next *javadb.DB) error {
	a.using.Lock()
	former := a.db
	a.db = next
	a.using.Unlock()
	if former == nil {
		return nil
	}
	return former.Close()
}

// current is the database in use, or nil.
func (a *archives) current() *javadb.DB {
	a.using.RLock()
	defer a.using.RUnlock()
	return a.db
}

func named(ctx context.Context, db *javadb.DB, img *store.Image) (*store.Image, error) {
	if db == nil {
		return img, nil
	}
	packages, err := db.Resolve(ctx, img.Content.Packages)
	if err != nil {
		return nil, fmt.Errorf("name the Java archives of image %s: %w", img.ManifestDigest, err)
	}
	renamed := *img
	renamed.Content.Packages = packages
	return &renamed, nil
}
