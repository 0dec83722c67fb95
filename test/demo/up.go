package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

const (
	registryAddress    = "127.0.0.1:5005"
	databaseRepository = "security/trivy-db"
	patience           = 3 * time.Minute
)

// demo is what one run of "up" knows.
type demo struct {
	*playground.Playground
	pusher *registry.Pusher
	forge  *forge.Forge
	older  string
	newer  string
	images []running
}

func up(ctx context.Context, dir string) (err error) {
	if controlplane.Running(dir) || controlplane.Running(forgeFolder(dir)) {
		return errors.New("the demo runs already; make demo-down stops it")
	}
	// What an earlier demo has stored must not spare this one the work.
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the state of an earlier demo: %w", err)
	}
	say("Starting a Kubernetes control plane with two fake nodes (the very first time it is built, which takes minutes)")
	p, err := playground.Start(ctx, playground.Options{
		Dir: dir, Detached: true,
		Nodes: []controlplane.Node{{Name: "node-amd64", Architecture: "amd64"}, {Name: "node-arm64", Architecture: "arm64"}},
	})
	if err != nil {
		return err
	}
	d := &demo{Playground: p, pusher: registry.To(registryAddress)}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop(dir))
		}
	}()
	for _, step := range []func(context.Context) error{
		d.startForge, d.startRegistry, d.prepareDatabases, d.pushImages, d.deploy, d.startOperator, d.showFirst, d.changeDatabase, d.remedy,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	say("It all keeps running. Look around:\n\n  export KUBECONFIG=%s\n  %s get imagereports -A -o wide\n  %s describe imageupdates -A\n\nand stop it with: make demo-down",
		p.Kubeconfig, p.Cluster.Kubectl, p.Cluster.Kubectl)
	return nil
}

func say(format string, args ...any) { fmt.Printf("\n==> "+format+"\n", args...) }

func (d *demo) startRegistry(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	// What go run has built is gone when it ends; the registry stays.
	program := filepath.Join(d.Cluster.Dir(), "bin", "demo")
	content, err := os.ReadFile(self)
	if err != nil {
		return fmt.Errorf("read this program: %w", err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		return fmt.Errorf("copy this program: %w", err)
	}
	blobs := filepath.Join(d.Cluster.Dir(), "registry")
	_, err = d.Cluster.Run(ctx, "registry", program, []string{"registry", registryAddress, blobs}, nil, func(ctx context.Context) error {
		_, err := served(ctx)
		return err
	})
	return err
}

// served returns what the registry has served so far.
func served(ctx context.Context) (registry.Stats, error) {
	var stats registry.Stats
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+registryAddress+"/_stats", nil)
	if err != nil {
		return stats, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return stats, fmt.Errorf("ask the registry what it served: %w", err)
	}
	defer response.Body.Close()
	return stats, json.NewDecoder(response.Body).Decode(&stats)
}

// imageBytes are those that were served of images, not of databases.
func imageBytes(stats registry.Stats) int64 {
	database := stats.Repositories[databaseRepository]
	return stats.Bytes() - database.Manifests.Bytes - database.Blobs.Bytes
}

// prepareDatabases takes the large real pair if it is there, else builds the small one.
func (d *demo) prepareDatabases(ctx context.Context) error {
	var ok bool
	if d.older, d.newer, ok = database.Shared(); !ok {
		say("Building two small vulnerability databases from committed facts")
		var err error
		if d.older, err = d.buildDatabase("older", database.Older); err != nil {
			return err
		}
		if d.newer, err = d.buildDatabase("newer", database.Newer); err != nil {
			return err
		}
	}
	_, err := d.pusher.PushLayout(ctx, databaseRepository+":2", d.older)
	return err
}

func (d *demo) buildDatabase(name string, facts func() (database.Spec, error)) (string, error) {
	spec, err := facts()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(d.Cluster.Dir(), "databases", name)
	if err := database.Build(filepath.Join(dir, "db"), spec); err != nil {
		return "", err
	}
	layout := filepath.Join(dir, "oci")
	_, err = database.Layout(filepath.Join(dir, "db"), layout)
	return layout, err
}

func (d *demo) startOperator(ctx context.Context) error {
	say("Starting the operator, with the rights of its ServiceAccount alone")
	return d.StartOperator(ctx, "--cluster-name=demo", "--base-interval=2s", "--forge-interval=2s")
}

func (d *demo) showFirst(ctx context.Context) error {
	say("Waiting until every running image has a report")
	if err := d.await(ctx, func(vdb *v1alpha1.VulnerabilityDatabase) bool { return vdb.Status.Revision != "" }); err != nil {
		return err
	}
	return d.show(ctx)
}

// await waits until the database satisfies the condition and every image is covered and reported.
func (d *demo) await(ctx context.Context, done func(*v1alpha1.VulnerabilityDatabase) bool) error {
	var last v1alpha1.VulnerabilityDatabaseStatus
	err := wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		var vdb v1alpha1.VulnerabilityDatabase
		if err := d.Client.Get(ctx, client.ObjectKey{Name: "default"}, &vdb); err != nil {
			return false, err
		}
		last = vdb.Status
		reports, err := d.reports(ctx)
		if err != nil {
			return false, err
		}
		settled := 0
		for _, report := range reports {
			scanned := meta.FindStatusCondition(report.Status.Conditions, v1alpha1.ConditionScanned)
			if scanned != nil && scanned.Reason != v1alpha1.ReasonPending && scanned.Reason != v1alpha1.ReasonDatabaseMissing {
				settled++
			}
		}
		return settled >= len(d.images) && done(&vdb), nil
	})
	if err != nil {
		status, _ := json.MarshalIndent(last, "", "  ")
		return fmt.Errorf("wait for the reports: %w; the VulnerabilityDatabase says %s", err, status)
	}
	return nil
}

func (d *demo) reports(ctx context.Context) (map[string]v1alpha1.ImageReport, error) {
	var list v1alpha1.ImageReportList
	if err := d.Client.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list the reports: %w", err)
	}
	reports := map[string]v1alpha1.ImageReport{}
	for _, report := range list.Items {
		reports[report.Namespace+"/"+report.Name] = report
	}
	return reports, nil
}

func (d *demo) show(ctx context.Context) error {
	out, err := d.Kubectl(ctx, "get", "vdb,imagereports", "-A")
	fmt.Printf("\n$ kubectl get vdb,imagereports -A\n%s", out)
	return err
}

// changeDatabase publishes the newer database, and shows what follows.
func (d *demo) changeDatabase(ctx context.Context) error {
	before, err := d.reports(ctx)
	if err != nil {
		return err
	}
	pulled, err := served(ctx)
	if err != nil {
		return err
	}
	say("Publishing the newer vulnerability database under the same tag")
	ref, err := d.pusher.PushLayout(ctx, databaseRepository+":2", d.newer)
	if err != nil {
		return err
	}
	if err := d.requestCheck(ctx); err != nil {
		return err
	}
	err = d.await(ctx, func(vdb *v1alpha1.VulnerabilityDatabase) bool { return vdb.Status.Revision == string(ref.Digest) })
	if err != nil {
		return err
	}
	if err := d.show(ctx); err != nil {
		return err
	}
	after, err := d.reports(ctx)
	if err != nil {
		return err
	}
	now, err := served(ctx)
	if err != nil {
		return err
	}
	changed := printChanges(before, after)
	bytes := imageBytes(now) - imageBytes(pulled)
	say("%d of %d reports changed, and were updated in place. Bytes of images pulled meanwhile: %d", changed, len(after), bytes)
	if changed == 0 || bytes != 0 {
		return errors.New("the newer database should change some reports, and nothing should be pulled for that")
	}
	return nil
}

// requestCheck asks the operator not to wait for the interval.
func (d *demo) requestCheck(ctx context.Context) error {
	var vdb v1alpha1.VulnerabilityDatabase
	if err := d.Client.Get(ctx, client.ObjectKey{Name: "default"}, &vdb); err != nil {
		return err
	}
	patch := client.MergeFrom(vdb.DeepCopy())
	metav1.SetMetaDataAnnotation(&vdb.ObjectMeta, v1alpha1.AnnotationRequestedAt, time.Now().Add(time.Second).UTC().Format(time.RFC3339))
	if err := d.Client.Patch(ctx, &vdb, patch); err != nil {
		return fmt.Errorf("ask for a check of the database's sources: %w", err)
	}
	return nil
}
