package scale

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/playground"
)

const (
	// etcdLimit is by how many MiB the reports of 10,000 pods may make etcd grow, after compaction.
	etcdLimit = 50
	mib       = 1 << 20
)

// TestScale has a cluster full of pods watched for the first time, and then judged by the next database.
func TestScale(t *testing.T) {
	w := newWorld(t)
	images := w.push()
	reports := len(images) * spread
	w.createDatabase()
	w.publish(w.older)
	w.deploy(images)
	table := &table{}
	table.add("pods / digests / reports", fmt.Sprintf("%d / %d / %d", *pods, len(images), reports))

	w.firstReports(table, images, reports)
	w.swap(table, reports)
	t.Log("\n" + table.String())
	if err := table.write(filepath.Join(playground.Root(), "dist", "scale.md")); err != nil {
		t.Error(err)
	}
}

// firstReports starts the operator on a cluster where all pods run already.
func (w *world) firstReports(table *table, images []image.Reference, reports int) {
	w.t.Helper()
	before := w.etcdBytes()
	w.registry.ResetStats()
	start := time.Now()
	if err := w.StartOperator(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.await("all reports", func(ctx context.Context) (string, error) { return w.judged(ctx, reports) })
	table.add("time to all reports", time.Since(start).Round(time.Second).String())
	w.wantPulls(images)
	m := w.memory()
	table.memory(m, "all reports written")
	writes := int(w.metric("plimsoll_report_writes_total"))
	table.add("report writes", fmt.Sprintf("%d for %d reports", writes, reports))
	if m.anonymous > memoryLimit {
		w.t.Errorf("the operator holds %d MiB, want at most %d", m.anonymous, memoryLimit)
	}
	grown := (w.etcdBytes() - before) / mib
	table.add("growth of etcd after compaction", fmt.Sprintf("%d MiB (budget %d)", grown, etcdLimit))
	if grown > etcdLimit {
		w.t.Errorf("etcd grew by %d MiB, want at most %d", grown, etcdLimit)
	}
}

// judged says what is missing until each report follows a database and the VulnerabilityDatabase says so.
func (w *world) judged(ctx context.Context, reports int) (string, error) {
	object, err := w.database(ctx)
	if err != nil {
		return "", err
	}
	if c := object.Status.Coverage; c == nil || c.Images == 0 || c.Uncovered > 0 || object.Status.Revision == "" {
		return fmt.Sprintf("coverage is %+v, revision %q", c, object.Status.Revision), nil
	}
	var list v1alpha1.ImageReportList
	if err := w.Client.List(ctx, &list); err != nil {
		return "", err
	}
	scanned := 0
	for i := range list.Items {
		if list.Items[i].Status.Summary != nil {
			scanned++
		}
	}
	return unless(scanned == reports && len(list.Items) == reports, "%d reports, %d scanned, want %d", len(list.Items), scanned, reports), nil
}

// wantPulls checks that each image was read once, and the layers that images share once among them all.
func (w *world) wantPulls(images []image.Reference) {
	w.t.Helper()
	blobs := 0
	for repository, stats := range w.registry.Stats().Repositories {
		if strings.HasPrefix(databaseReference, repository+":") {
			continue
		}
		if stats.Manifests.Gets != 1 {
			w.t.Errorf("the manifest of %s was read %d times", repository, stats.Manifests.Gets)
		}
		blobs += stats.Blobs.Gets
	}
	// A configuration and a layer of each image's own.
	if want := 2*len(images) + len(w.bases()); blobs != want {
		w.t.Errorf("%d blobs were read, want %d", blobs, want)
	}
}

func (w *world) etcdBytes() int64 {
	w.t.Helper()
	size, err := w.Cluster.EtcdBytes(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return size
}

// swap publishes the next database, and checks that it costs no pull and no write but those of reports that it changes.
func (w *world) swap(table *table, reports int) {
	w.t.Helper()
	before := w.versions()
	writes := w.metric("plimsoll_report_writes_total")
	w.registry.ResetStats()
	start := time.Now()
	revision := w.publish(w.newer)
	w.requestCheck()
	var object *v1alpha1.VulnerabilityDatabase
	w.await("the next database", func(ctx context.Context) (string, error) {
		var err error
		object, err = w.database(ctx)
		return unless(err == nil && object.Status.Revision == revision, "revision is %s", object.Status.Revision), err
	})
	table.add("time from publication to the last report", time.Since(start).Round(time.Second).String())
	changed := 0
	for name, version := range w.versions() {
		if before[name] != version {
			changed++
		}
	}
	writes = w.metric("plimsoll_report_writes_total") - writes
	table.add("reports changed / written", fmt.Sprintf("%d / %g of %d", changed, writes, reports))
	table.add("judging of the fleet", fmt.Sprintf("%d ms", object.Status.LastSwap.Milliseconds))
	table.memory(w.memory(), "another database")
	if int(writes) != changed || changed == 0 {
		w.t.Errorf("%g writes for %d changed reports", writes, changed)
	}
	for repository, stats := range w.registry.Stats().Repositories {
		if !strings.HasPrefix(databaseReference, repository+":") {
			w.t.Errorf("%s was asked for: %+v", repository, stats)
		}
	}
}

// versions of all reports.
func (w *world) versions() map[string]string {
	w.t.Helper()
	var list v1alpha1.ImageReportList
	if err := w.Client.List(w.t.Context(), &list); err != nil {
		w.t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range list.Items {
		versions[r.Namespace+"/"+r.Name] = r.ResourceVersion
	}
	return versions
}

// table is what was measured.
type table struct{ rows [][2]string }

func (t *table) add(what, value string) { t.rows = append(t.rows, [2]string{what, value}) }

func (t *table) memory(m memory, after string) {
	t.add("operator's anonymous memory after "+after, fmt.Sprintf("%d MiB (budget %d)", m.anonymous, memoryLimit))
	t.add("its peak with mapped files, and those now", fmt.Sprintf("%d MiB, %d MiB", m.peak, m.mapped))
}

func (t *table) String() string {
	var b strings.Builder
	b.WriteString("| what | value |\n|---|---|\n")
	for _, row := range t.rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}

func (t *table) write(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(t.String()), 0o644)
}
