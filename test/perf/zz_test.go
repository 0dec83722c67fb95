package perf

import (
	"fmt"
	"testing"
	"os"
	"runtime/pprof"
)

func BenchmarkZZ(b *testing.B) {
	older, newer, _ := databases(b)
	for _, versions := range []int{usualVersions, manyVersions} {
	h := heap()
	s := cpu(b)
	f := fill(b, versions)
	fmt.Println("fill", cpu(b)-s)
	d1, d2 := open(b, older), open(b, newer)
	pf, _ := os.Create(fmt.Sprintf("/tmp/cold%d.prof", versions))
	pprof.StartCPUProfile(pf)
	s = cpu(b)
	f.Swap(d1, "a")
	fmt.Println("cold", cpu(b)-s, f.Stats())
	pprof.StopCPUProfile()
	fmt.Println("heap", heap()-h)
	pf, _ = os.Create(fmt.Sprintf("/tmp/delta%d.prof", versions))
	pprof.StartCPUProfile(pf)
	for i := range 10 {
		s := cpu(b)
		d := d1
		if i%2 == 0 { d = d2 }
		delta, _ := f.Swap(d, "b")
		fmt.Println("delta", cpu(b)-s, delta.ReadKeys, delta.ChangedKeys, delta.ChangedSubjects)
	}
	pprof.StopCPUProfile()
	s = cpu(b)
	x := open(b, newer)
	fmt.Println("open", cpu(b)-s)
	x.Close()
	}
}
