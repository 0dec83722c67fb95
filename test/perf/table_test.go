package perf

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// row of the table. A budget of 0 is none.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Budget float64 `json:"budget,omitempty"`
	Unit   string  `json:"unit"`
	Within string  `json:"within"`
	// Command that measures it.
	Command string `json:"command"`
}

// curve shows how costs grow.
type curve struct {
	Title   string
	Columns []string
	Rows    [][]float64
}

var (
	table  []row
	curves []curve
)

// elsewhere are the design's other budgets.
const elsewhere = "Measured by `make scale`: the operator's memory, etcd's growth and the time to the last report at 10,000 pods. " +
	"Counted by tests: bytes fetched of a layer already seen, which are none. Not there yet: an admission decision's time.\n"

// record adds a row, or replaces the one of a round before.
func record(b *testing.B, name string, value, budget float64, unit string) {
	benchmark, _, _ := strings.Cut(strings.TrimPrefix(b.Name(), "Benchmark"), "/")
	r := row{Name: name, Value: value, Budget: budget, Unit: unit, Within: "-", Command: "make bench RUN='" + benchmark + "$'"}
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

// draw adds a curve, or replaces the one of a round before.
func draw(c curve) {
	curves = append(slices.DeleteFunc(curves, func(other curve) bool { return other.Title == c.Title }), c)
}

// median of an odd number of values.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
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
	if len(table)+len(curves) == 0 {
		return nil
	}
	text := markdown(machine(), table, curves)
	fmt.Print("\n", text, "\n")
	raw, err := json.MarshalIndent(table, "", "  ")
	if err != nil {
		return err
	}
	dist := filepath.Join("..", "..", "dist")
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dist, "bench.md"), []byte(text), 0o644),
		os.WriteFile(filepath.Join(dist, "bench.json"), append(raw, '\n'), 0o644),
	)
}

// machine that the values are of.
func machine() string {
	model := "unknown"
	info, _ := os.ReadFile("/proc/cpuinfo") // Elsewhere than on Linux there is none.
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%s, %d cores used, %s, %s/%s", model, runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// markdown puts first what has a budget.
func markdown(machine string, rows []row, curves []curve) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Budgets\n\nOn %s. CPU seconds are of all cores, and medians of five where they are of judging.\n\n", machine)
	b.WriteString("| what | value | budget | unit | within | command |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if r.Budget > 0 {
			fmt.Fprintf(&b, "| %s | %.2f | %g | %s | %s | `%s` |\n", r.Name, r.Value, r.Budget, r.Unit, r.Within, r.Command)
		}
	}
	b.WriteString("\n" + elsewhere + "\n# Beside them\n\n| what | value | unit | command |\n|---|---|---|---|\n")
	for _, r := range rows {
		if r.Budget == 0 {
			fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", r.Name, number(r.Value), r.Unit, r.Command)
		}
	}
	for _, c := range curves {
		b.WriteString(c.markdown())
	}
	return b.String()
}

func (c curve) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n# %s\n\n| %s |\n|%s\n", c.Title, strings.Join(c.Columns, " | "), strings.Repeat("---|", len(c.Columns)))
	for _, values := range c.Rows {
		for _, v := range values {
			b.WriteString("| " + number(v) + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// number leaves counts whole.
func number(v float64) string {
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
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
	rows := []row{
		{Name: "a", Value: 1.23456, Budget: 2, Unit: "s", Within: "yes", Command: "make a"},
		{Name: "b", Value: 7, Unit: "MiB", Within: "-", Command: "make b"},
	}
	got := markdown("a machine", rows, []curve{{Title: "More", Columns: []string{"n", "s"}, Rows: [][]float64{{1, 0.5}, {10, 0.25}}}})
	want := `# Budgets

On a machine. CPU seconds are of all cores, and medians of five where they are of judging.

| what | value | budget | unit | within | command |
|---|---|---|---|---|---|
| a | 1.23 | 2 | s | yes | ` + "`make a`" + ` |

` + elsewhere + `
# Beside them

| what | value | unit | command |
|---|---|---|---|
| b | 7 | MiB | ` + "`make b`" + ` |

# More

| n | s |
|---|---|
| 1 | 0.500 |
| 10 | 0.250 |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
