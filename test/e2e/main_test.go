package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

const (
	databaseReference = "security/trivy-db:2"
	// patience with anything that takes the operator well below a second on an idle machine.
	patience = 90 * time.Second
	// retention of reports in these tests.
	retention = 4 * time.Second
)

// operatorFlags are small limits, so that tests need no large inputs and no long waits.
var operatorFlags = []string{
	"--report-retention=" + retention.String(),
	"--report-rate=200",
	"--scan-max-layer-bytes=1073741824",
	"--database-max-age=87600h",
	"--base-interval=1s",
	"--forge-interval=1s",
}

// world is what all tests share.
var world struct {
	*playground.Playground
	registry     *registry.Registry
	older, newer string
}

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (code int, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "plimsoll-e2e-*")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := makeDatabases(dir); err != nil {
		return 1, err
	}
	if world.registry, err = registry.Start(registry.Options{}); err != nil {
		return 1, err
	}
	defer world.registry.Close()
	if world.Playground, err = playground.Start(ctx, playground.Options{
		Dir:   filepath.Join(dir, "cluster"),
		Nodes: []controlplane.Node{{Name: "amd64", Architecture: "amd64"}, {Name: "arm64", Architecture: "arm64"}},
	}); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, world.Stop()) }()
	if _, err := world.registry.Pusher().PushLayout(ctx, databaseReference, world.older); err != nil {
		return 1, err
	}
	if err := world.Client.Create(ctx, &v1alpha1.VulnerabilityDatabase{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.VulnerabilityDatabaseSpec{
			Sources: []v1alpha1.DatabaseSource{{Reference: world.registry.Addr + "/" + databaseReference}},
		},
	}); err != nil {
		return 1, err
	}
	if err := world.StartOperator(ctx, operatorFlags...); err != nil {
		return 1, err
	}
	return m.Run(), refused()
}

func makeDatabases(dir string) error {
	for _, d := range []struct {
		name   string
		facts  func() (database.Spec, error)
		layout *string
	}{{"older", database.Older, &world.older}, {"newer", database.Newer, &world.newer}} {
		spec, err := d.facts()
		if err != nil {
			return err
		}
		built := filepath.Join(dir, d.name, "db")
		if err := database.Build(built, spec); err != nil {
			return err
		}
		*d.layout = filepath.Join(dir, d.name, "oci")
		if _, err := database.Layout(built, *d.layout); err != nil {
			return err
		}
	}
	return nil
}

// await polls until the condition holds. The condition returns what is still
// missing, which is what a failed test prints.
func await(t *testing.T, what string, condition func(context.Context) (missing string, err error)) {
	t.Helper()
	var missing string
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		now, err := condition(ctx)
		if err != nil {
			return false, err
		}
		missing = now
		return missing == "", nil
	})
	if err != nil {
		log, _ := world.Operator().Log()
		t.Fatalf("wait for %s: %v: %s\nthe operator's last words:\n%s", what, err, missing, tail(log, 4000))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// publishDatabase makes a layout the newest database, asks for a check, and
// waits until all reports follow it.
func publishDatabase(t *testing.T, layout string) {
	t.Helper()
	ref, err := world.registry.Pusher().PushLayout(t.Context(), databaseReference, layout)
	if err != nil {
		t.Fatal(err)
	}
	requestCheck(t)
	await(t, "the database "+layout, func(ctx context.Context) (string, error) {
		vdb := vulnerabilityDatabase(ctx, t)
		if vdb.Status.Revision != string(ref.Digest) {
			return fmt.Sprintf("revision is %s, want %s", vdb.Status.Revision, ref.Digest), nil
		}
		return "", nil
	})
}

// requestCheck asks the operator not to wait for the database's interval.
func requestCheck(t *testing.T) {
	t.Helper()
	vdb := vulnerabilityDatabase(t.Context(), t)
	patch := client.MergeFrom(vdb.DeepCopy())
	at := time.Now().Add(time.Second)
	if before, err := time.Parse(time.RFC3339, vdb.Annotations[v1alpha1.AnnotationRequestedAt]); err == nil && !at.After(before.Add(time.Second)) {
		at = before.Add(time.Second)
	}
	metav1.SetMetaDataAnnotation(&vdb.ObjectMeta, v1alpha1.AnnotationRequestedAt, at.UTC().Format(time.RFC3339))
	if err := world.Client.Patch(t.Context(), vdb, patch); err != nil {
		t.Fatal(err)
	}
}

func vulnerabilityDatabase(ctx context.Context, t *testing.T) *v1alpha1.VulnerabilityDatabase {
	t.Helper()
	vdb := &v1alpha1.VulnerabilityDatabase{}
	if err := world.Client.Get(ctx, client.ObjectKey{Name: "default"}, vdb); err != nil {
		t.Fatal(err)
	}
	return vdb
}
