package fleet

import (
	"context"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// keysPerTask balances the work: few keys have most of the advisories.
const keysPerTask = 128

// Swap judges the fleet by db instead of the database before it, and returns
// what that changes. It reads only the keys that the fleet has, on all cores.
// revision names db to whom reads the judgements.
//
// Readers see the old judgements of all images until they see the new ones of
// all. An error leaves everything as it was. Once Swap has returned nil the
// database before it is used no more; add and remove wait for that.
func (f *Fleet) Swap(db Database, revision string) (Delta, error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	results, err := f.rejudge(db)
	if err != nil {
		return Delta{}, err
	}
	delta := f.delta(results)
	f.reading.Lock()
	defer f.reading.Unlock()
	for i := range results {
		f.index.install(&results[i])
	}
	f.db, f.revision = db, revision
	return delta, nil
}

// rejudge returns the keys whose records in db are not those that the
// judgements rest on.
func (f *Fleet) rejudge(db Database) ([]rejudged, error) {
	tasks := slices.Collect(slices.Chunk(f.index.sortedKeys(), keysPerTask))
	results := make([][]rejudged, len(tasks))
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, task := range tasks {
		group.Go(func() error {
			var err error
			results[i], err = f.rejudgeKeys(ctx, db, task)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

// sortedKeys are the ids of all keys: neighbours in a bucket are neighbours in
// the file.
func (x *index) sortedKeys() []uint32 {
	if x.order == nil {
		x.order = slices.SortedFunc(maps.Values(x.keys.ids), func(a, b uint32) int {
			return compareKeys(x.keys.at(a).key, x.keys.at(b).key)
		})
	}
	return x.order
}

// rejudgeKeys stops early where ctx ends: another task has failed.
func (f *Fleet) rejudgeKeys(ctx context.Context, db Database, keys []uint32) ([]rejudged, error) {
	var results []rejudged
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row := f.index.keys.at(key)
		sum, err := fingerprint(db, row.key)
		if err != nil {
			return nil, err
		}
		if f.db != nil && sum == row.fingerprint {
			continue
		}
		result, err := f.rejudgeKey(db, key, sum)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func (x *index) install(r *rejudged) {
	row := x.keys.at(r.key)
	row.fingerprint = r.fingerprint
	if r.same {
		return
	}
	row.memo = r.memo
	for i, m := range row.members {
		x.subjects.at(m.subject).verdict = r.verdicts[i]
	}
}
