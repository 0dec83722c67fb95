package perf

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// row of the table. A budget of 0 is none.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Budget float64 `json:"budget,omitempty"`
	Unit   string  `json:"unit"`
	Within string  `json:"within"`
}

var table []row

// record adds a row, or replaces the one of a round before.
func record(name string, value, budget float64, unit string) {
	r := row{Name: name, Value: value, Budget: budget, Unit: unit, Within: "-"}
	if budget > 0 {
		r.Within = map[bool]string{true: "yes", false: "no"}[value <= budget]
	}
	for i := range table {
		if table[i].Name == name {
			table[i] = r
			return
		}
	}
	table = append(table, r)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "perf:", err)
		code = 1
	}
	os.Exit(code)
}

func write() error {
	if len(table) == 0 {
		return nil
	}
	fmt.Print("\n", markdown(table), "\n")
	raw, err := json.MarshalIndent(table, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join("..", "..", "dist", "bench.json")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, append(raw, '\n'), 0o644)
}

func markdown(rows []row) string {
	var b strings.Builder
	b.WriteString("| what | value | budget | unit | within |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		budget := "-"
		if r.Budget > 0 {
			budget = fmt.Sprintf("%g", r.Budget)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Name, strconv.FormatFloat(r.Value, 'f', 2, 64), budget, r.Unit, r.Within)
	}
	return b.String()
}

// cpu returns the seconds that the process's threads have run so far.
func cpu(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

const mebibyte = 1 << 20

// heap returns the MiB of live objects.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	return objects()
}

func objects() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / mebibyte
}

// peak returns the most MiB that do adds to the heap, garbage included, looked
// at once a millisecond.
func peak(do func()) float64 {
	before, highest := heap(), 0.0
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for {
			highest = max(highest, objects()-before)
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	}()
	do()
	close(done)
	<-watched
	return highest
}

func TestMarkdown(t *testing.T) {
	got := markdown([]row{{Name: "a", Value: 1.23456, Budget: 2, Unit: "s", Within: "yes"}, {Name: "b", Value: 7, Unit: "MiB", Within: "-"}})
	want := "| what | value | budget | unit | within |\n|---|---|---|---|---|\n| a | 1.23 | 2 | s | yes |\n| b | 7.00 | - | MiB | - |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
