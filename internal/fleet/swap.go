package fleet

import (
	"context"
	"runtime"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// keysPerTask balances the work: few keys have most of the advisories.
const keysPerTask = 128

// rejudged is what a new database says of one key. Its slices are in the order
// of the key's subjects; matches are places in pool.
type rejudged struct {
	key         uint32
	fingerprint uint64
	pool        []match.Match
	matches     [][]uint32
	problems    [][]string
	differences []difference
}

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
	keys := make([]uint32, 0, len(f.index.keys.ids))
	for _, id := range f.index.keys.ids {
		keys = append(keys, id)
	}
	// Neighbours in a bucket are neighbours in the file.
	slices.SortFunc(keys, func(a, b uint32) int {
		return compareKeys(f.index.keys.rows[a].key, f.index.keys.rows[b].key)
	})
	tasks := slices.Collect(slices.Chunk(keys, keysPerTask))
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

// rejudgeKeys stops early where ctx ends: another task has failed.
func (f *Fleet) rejudgeKeys(ctx context.Context, db Database, keys []uint32) ([]rejudged, error) {
	var results []rejudged
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row := &f.index.keys.rows[key]
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

func (f *Fleet) rejudgeKey(db Database, key uint32, sum uint64) (rejudged, error) {
	row := &f.index.keys.rows[key]
	subjects := make([]match.Subject, len(row.subjects))
	for i, s := range row.subjects {
		subjects[i] = f.index.full(s)
	}
	judged, err := judgeKey(f.judge, db, row.key, sum, subjects)
	if err != nil {
		return rejudged{}, err
	}
	result := rejudged{
		key: key, fingerprint: sum,
		matches:     make([][]uint32, len(judged)),
		problems:    make([][]string, len(judged)),
		differences: make([]difference, len(judged)),
	}
	pool := newPool(nil)
	for i, j := range judged {
		before := row.subjects[i]
		result.matches[i], result.problems[i] = pool.add(j.matches), j.problems
		result.differences[i] = compare(f.index.matches(before), j.matches)
		// Their texts may quote a list that only changed its order.
		result.differences[i].problems = len(f.index.problems[before]) != len(j.problems)
	}
	result.pool = slices.Clip(pool.matches)
	return result, nil
}

func (x *index) install(r *rejudged) {
	row := &x.keys.rows[r.key]
	row.fingerprint, row.pool = r.fingerprint, r.pool
	for i, s := range row.subjects {
		x.keep(s, r.matches[i], r.problems[i])
	}
}

// delta needs the index as it was before the results are installed.
func (f *Fleet) delta(results []rejudged) Delta {
	d := Delta{First: f.db == nil, ReadKeys: len(results)}
	differences := make([]difference, len(f.index.subjects.rows))
	var affected []*roaring.Bitmap
	for _, r := range results {
		row := &f.index.keys.rows[r.key]
		changed := 0
		for i, s := range row.subjects {
			if r.differences[i].any() {
				changed++
				differences[s] = r.differences[i]
			}
		}
		if changed > 0 {
			affected = append(affected, row.images)
			d.ChangedKeys++
			d.ChangedSubjects += changed
		}
	}
	if d.First {
		affected = []*roaring.Bitmap{f.index.everyImage()}
	}
	for number := range roaring.Values(roaring.FastOr(affected...)) {
		c, changed := f.index.images.rows[number].change(differences)
		if changed || d.First {
			d.Images = append(d.Images, c)
		}
	}
	slices.SortFunc(d.Images, worstFirst)
	return d
}

func (x *index) everyImage() *roaring.Bitmap {
	all := roaring.New()
	for _, number := range x.images.ids {
		all.Add(number)
	}
	return all
}

// change adds up the differences of the image's subjects, by whose ids they are
// indexed. It returns false where there is none.
func (row *imageRow) change(differences []difference) (Change, bool) {
	c, changed := Change{ID: row.id}, false
	for _, in := range row.instances {
		d := &differences[in.subject]
		c.Added += d.added
		c.Resolved += d.resolved
		c.Changed += d.changed
		c.Worst = max(c.Worst, d.worst)
		changed = changed || d.any()
	}
	return c, changed
}
