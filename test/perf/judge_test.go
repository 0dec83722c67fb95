package perf

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

// rounds are what a median is of.
const rounds = 5

// costs of judging a fleet, each in rounds.
type costs struct {
	cold, delta, index []float64
	stats              fleet.Stats
	news               fleet.Delta
}

// measure judges a fleet by one database and then by the next one, which it
// opens: that is a part of what a delta costs.
func measure(b *testing.B, s shape, images int, older, newer string) costs {
	b.Helper()
	var c costs
	db := open(b, older)
	for range rounds {
		before := heap()
		f := fill(b, s, images)
		c.cold = append(c.cold, timed(b, func() { swap(b, f, db) }))
		c.index = append(c.index, heap()-before)
		c.delta = append(c.delta, timed(b, func() {
			next := open(b, newer)
			c.news = swap(b, f, next)
			b.Cleanup(func() { shut(b, next) })
		}))
		c.stats = f.Stats()
	}
	shut(b, db)
	return c
}

func shut(b *testing.B, db *vulndb.DB) {
	if err := db.Close(); err != nil {
		b.Error(err)
	}
}

func swap(b *testing.B, f *fleet.Fleet, db *vulndb.DB) fleet.Delta {
	b.Helper()
	delta, err := f.Swap(db, "revision")
	if err != nil {
		b.Fatal(err)
	}
	return delta
}

func fill(b testing.TB, s shape, images int) *fleet.Fleet {
	b.Helper()
	g := mustGenerate(b, s)
	f := fleet.New(match.Judge)
	for n := range images {
		img := g.image(n)
		if err := f.Add(img.ManifestDigest, img.Content.Packages, match.Components(&img.Content, built)); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func mustGenerate(b testing.TB, s shape) *generator {
	b.Helper()
	g, err := newGenerator(s)
	if err != nil {
		b.Fatal(err)
	}
	return g
}

func open(b testing.TB, dir string) *vulndb.DB {
	b.Helper()
	db, err := vulndb.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkFleet judges fleets of three shapes by the pair of databases that is there.
func BenchmarkFleet(b *testing.B) {
	older, newer, pair := databases(b)
	for _, s := range []shape{company, strangers, scattered} {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				judge(b, s, pair, older, newer, 0.3, 3)
			}
		})
	}
}

// BenchmarkLargeDatabase judges the fleet by two databases of the published
// one's size; BENCH_LARGE=0 leaves it out.
func BenchmarkLargeDatabase(b *testing.B) {
	if os.Getenv("BENCH_LARGE") == "0" {
		b.Skip("BENCH_LARGE=0")
	}
	older, newer, err := database.Large()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		judge(b, company, "1 GB pair", older, newer, 3, 0)
	}
}

func judge(b *testing.B, s shape, pair, older, newer string, deltaBudget, coldBudget float64) {
	b.Helper()
	c := measure(b, s, fleetImages, older, newer)
	name := fmt.Sprintf("%s, %s: ", s.name, pair)
	record(b, name+"delta rescan, opening included", median(c.delta), deltaBudget, "CPU s")
	record(b, name+"cold rematch", median(c.cold), coldBudget, "CPU s")
	record(b, name+"index", median(c.index), 100, "MiB")
	record(b, name+"images", float64(c.stats.Images), 0, "images")
	record(b, name+"package instances", float64(c.stats.Instances), 0, "packages")
	record(b, name+"distinct subjects", float64(c.stats.Subjects), 0, "subjects")
	record(b, name+"keys whose bytes changed", float64(c.news.ReadKeys), 0, "keys")
	record(b, name+"keys that changed", float64(c.news.ChangedKeys), 0, "keys")
	record(b, name+"images that changed", float64(len(c.news.Images)), 0, "images")
}

// BenchmarkImages shows what more images cost. BENCH_CURVE_MAX bounds their number.
func BenchmarkImages(b *testing.B) {
	limit, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_CURVE_MAX"), "100000"))
	if err != nil {
		b.Fatalf("BENCH_CURVE_MAX: %v", err)
	}
	older, newer, pair := databases(b)
	for b.Loop() {
		c := curve{Title: "More images, " + pair, Columns: []string{"images", "subjects", "index MiB", "cold CPU s", "delta CPU s"}}
		for images := 100; images <= min(limit, 100_000); images *= 10 {
			m := measure(b, company, images, older, newer)
			c.Rows = append(c.Rows, []float64{float64(images), float64(m.stats.Subjects), median(m.index), median(m.cold), median(m.delta)})
		}
		draw(c)
	}
}

// BenchmarkChanges shows what more changed advisories cost the fleet.
func BenchmarkChanges(b *testing.B) {
	dir := b.TempDir()
	older := filepath.Join(dir, "older")
	if err := database.Generate(older, 30_000); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c := curve{Title: "More changed advisories, 10,000 images", Columns: []string{"advisories", "keys", "images", "delta CPU s", "ms a key"}}
		db := open(b, older)
		f := fill(b, company, fleetImages)
		swap(b, f, db)
		for count := 0; count <= 10_000; count = max(1, 10*count) {
			newer := filepath.Join(dir, fmt.Sprint("newer-", count))
			if err := database.Change(older, newer, database.Changes{Advisories: count}); err != nil {
				b.Fatal(err)
			}
			news, cost := changed(b, f, db, newer)
			c.Rows = append(c.Rows, []float64{
				float64(count), float64(news.ChangedKeys), float64(len(news.Images)), cost, 1000 * (cost - first(c, cost)) / max(1, float64(news.ChangedKeys)),
			})
		}
		shut(b, db)
		draw(c)
	}
}

// first is what a delta costs of which nothing changes.
func first(c curve, otherwise float64) float64 {
	if len(c.Rows) == 0 {
		return otherwise
	}
	return c.Rows[0][3]
}

// changed swaps to a database and back.
func changed(b *testing.B, f *fleet.Fleet, db *vulndb.DB, newer string) (news fleet.Delta, cost float64) {
	var all []float64
	for range rounds {
		var next *vulndb.DB
		all = append(all, timed(b, func() {
			next = open(b, newer)
			news = swap(b, f, next)
		}))
		swap(b, f, db)
		shut(b, next)
	}
	return news, median(all)
}

// databases returns two of them: the large real pair where it is present, else the small one.
func databases(b testing.TB) (older, newer, pair string) {
	b.Helper()
	dir := b.TempDir()
	older, newer = filepath.Join(dir, "older"), filepath.Join(dir, "newer")
	if from, to, ok := database.Shared(); ok {
		if err := errors.Join(database.Unpack(from, older), database.Unpack(to, newer)); err != nil {
			b.Fatal(err)
		}
		return older, newer, "test pair"
	}
	for dir, spec := range map[string]func() (database.Spec, error){older: database.Older, newer: database.Newer} {
		s, err := spec()
		if err != nil {
			b.Fatal(err)
		}
		if err := database.Build(dir, s); err != nil {
			b.Fatal(err)
		}
	}
	return older, newer, "small pair"
}
