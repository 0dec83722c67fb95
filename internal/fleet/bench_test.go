package fleet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// The fleet of the budgets: 10,000 images of 250 packages.
const (
	benchImages   = 10_000
	benchBases    = 40
	benchReleases = 12
	basePackages  = 90
	appPackages   = 160
	systemNames   = 1_500
	libraryNames  = 40_000
)

// generated is a fleet whose images share bases and, less, libraries: few
// names are in most images, most names in few.
type generated struct {
	images  []contents
	records map[match.Key][]match.Record
}

func generate() generated {
	r := random{rand.New(rand.NewPCG(1, 2))}
	g := generated{records: map[match.Key][]match.Record{}}
	bases := make([][]int, benchBases)
	for i := range bases {
		bases[i] = r.Perm(systemNames)[:basePackages]
	}
	for range benchImages {
		packages := make([]sbom.Package, 0, basePackages+appPackages)
		release := r.IntN(benchReleases)
		for _, name := range bases[r.IntN(benchBases)] {
			packages = append(packages, dpkg(fmt.Sprint("lib", name), fmt.Sprintf("1.%d-1", (release+name)%benchReleases)))
		}
		for i := range appPackages {
			name := int(libraryNames * math.Pow(r.Float64(), 3))
			packages = append(packages, node(fmt.Sprint("mod", name), fmt.Sprintf("%d.%d.0", r.IntN(3), r.IntN(4)), fmt.Sprint("app/", i)))
		}
		g.images = append(g.images, debianImage(packages...))
	}
	for name := range systemNames {
		g.records[debianKey(fmt.Sprint("lib", name))] = r.systemRecords()
	}
	for name := range libraryNames {
		if r.IntN(8) == 0 {
			g.records[npmKey(fmt.Sprint("mod", name))] = r.libraryRecords()
		}
	}
	return g
}

// systemRecords are mostly few; one package in a hundred is like the kernel.
func (r random) systemRecords() []match.Record {
	count := r.IntN(30)
	if r.IntN(100) == 0 {
		count = 2_000
	}
	advisories := make([]match.Advisory, count)
	for i := range advisories {
		advisories[i] = fixed(fmt.Sprintf("CVE-2024-%05d", i), fmt.Sprintf("1.%d-1", r.IntN(benchReleases)), match.Severity(r.IntN(5)))
	}
	return debianRecords(advisories...)
}

func (r random) libraryRecords() []match.Record {
	advisories := make([]match.Advisory, 1+r.IntN(4))
	for i := range advisories {
		advisories[i] = r.npmAdvisory(fmt.Sprintf("CVE-2025-%05d", i))
	}
	return npmRecords(advisories...)
}

func (g generated) fleet(b *testing.B) *Fleet {
	f := New(match.Judge)
	for n, c := range g.images {
		if err := f.Add(digest(n), c.packages, c.components); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20)
}

func BenchmarkAdd(b *testing.B) {
	g := generate()
	for b.Loop() {
		g.fleet(b)
	}
}

func BenchmarkCold(b *testing.B) {
	g := generate()
	db := newDatabase(g.records)
	before := heap()
	var f *Fleet
	for b.Loop() {
		b.StopTimer()
		f = g.fleet(b)
		b.StartTimer()
		if _, err := f.Swap(db, "r1"); err != nil {
			b.Fatal(err)
		}
	}
	s := f.Stats()
	b.ReportMetric(heap()-before, "MiB-index")
	b.ReportMetric(float64(s.Bytes)/(1<<20), "MiB-estimated")
	b.ReportMetric(float64(s.Instances), "instances")
	b.ReportMetric(float64(s.Subjects), "subjects")
	b.ReportMetric(float64(s.Matches), "matches")
	runtime.KeepAlive(g)
	runtime.KeepAlive(f)
}

// BenchmarkSwap swaps forth and back between databases of which 1 % of the
// system's keys and of the libraries' differ, as after a day.
func BenchmarkSwap(b *testing.B) {
	g := generate()
	r := random{rand.New(rand.NewPCG(3, 4))}
	next := r.flap(g.records)
	for key := range next {
		switch {
		case r.IntN(100) > 0:
			next[key] = g.records[key]
		case key.Bucket == "npm::":
			next[key] = r.libraryRecords()
		default:
			next[key] = r.systemRecords()
		}
	}
	databases := []*database{newDatabase(g.records), newDatabase(next)}
	f := g.fleet(b)
	if _, err := f.Swap(databases[0], "r0"); err != nil {
		b.Fatal(err)
	}
	var delta Delta
	for i := 1; b.Loop(); i++ {
		var err error
		if delta, err = f.Swap(databases[i%2], fmt.Sprint("r", i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(delta.ReadKeys), "keys-read")
	b.ReportMetric(float64(len(delta.Images)), "images-changed")
}
