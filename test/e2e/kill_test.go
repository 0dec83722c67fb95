package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

const (
	kills = 50
	// longest that the operator lives in one round, from when it is ready.
	longestLife = 1200 * time.Millisecond
)

// crashes is what a series of kills has led to so far.
type crashes struct {
	t     *testing.T
	ns    string
	built time.Time
	// revision that was published last, and how many findings an image of these tests has by it.
	revision string
	findings int32
	refs     []image.Reference
	// stored are the repositories whose image was in the store when the operator was killed last.
	stored map[string]bool
}

// TestKillsLoseNothing kills the operator while it pulls and reads images, writes its store and reports, and
// takes up databases. Nothing that it had stored is read again or damaged, and no report is called current that is not.
func TestKillsLoseNothing(t *testing.T) {
	defer publishFacts(t, factsOf(t, database.Older))
	c := &crashes{t: t, ns: namespace(t, nil), built: databaseBuilt(t), stored: map[string]bool{}}
	random := rand.New(rand.NewPCG(5, 6))
	for round := range kills {
		c.run(round)
		c.publish(round%2 == 0)
		<-time.After(time.Duration(random.Int64N(int64(longestLife))))
		if err := world.Operator().Kill(); err != nil {
			t.Fatal(err)
		}
		c.checkReports()
		c.checkPulls()
		c.checkStore()
		world.registry.ResetStats()
		if err := world.StartOperator(t.Context(), operatorFlags...); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "all images to be reported by the last database", func(ctx context.Context) (string, error) {
		vdb := &v1alpha1.VulnerabilityDatabase{}
		if err := world.Client.Get(ctx, client.ObjectKey{Name: "default"}, vdb); err != nil {
			return "", err
		}
		if vdb.Status.Revision != c.revision {
			return fmt.Sprintf("the revision is %s, want %s: %+v", vdb.Status.Revision, c.revision, vdb.Status), nil
		}
		return c.missing(ctx), nil
	})
	c.checkReports()
	c.checkPulls()
}

// run starts a pod of an image that is new.
func (c *crashes) run(round int) {
	c.t.Helper()
	name := fmt.Sprint("round-", round)
	ref := push(c.t, "crash/"+name+":1", compose(c.t, debian(c.t, package1("crash"))))
	create(c.t, pod(c.ns, name, ref))
	c.refs = append(c.refs, ref)
}

// publish makes another database the newest, by which each image has one finding or two.
func (c *crashes) publish(two bool) {
	c.t.Helper()
	facts := append(factsOf(c.t, database.Older), fact("crash", "CVE-2026-51001", "HIGH"))
	c.findings = 1
	if two {
		facts = append(slices.Clip(facts), fact("crash", "CVE-2026-51002", "CRITICAL"))
		c.findings = 2
	}
	c.built = c.built.Add(time.Minute)
	dir := c.t.TempDir()
	if err := database.Build(filepath.Join(dir, "db"), database.Spec{Built: c.built, Facts: facts}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := database.Layout(filepath.Join(dir, "db"), filepath.Join(dir, "oci")); err != nil {
		c.t.Fatal(err)
	}
	ref, err := world.registry.Pusher().PushLayout(c.t.Context(), databaseReference, filepath.Join(dir, "oci"))
	if err != nil {
		c.t.Fatal(err)
	}
	c.revision = string(ref.Digest)
	requestCheck(c.t)
}

// checkReports holds every report to the database that all reports are said to follow.
func (c *crashes) checkReports() {
	c.t.Helper()
	if vulnerabilityDatabase(c.t.Context(), c.t).Status.Revision != c.revision {
		return
	}
	for _, r := range reports(c.t.Context(), c.t, c.ns) {
		if r.Status.Summary != nil && r.Status.Summary.Total != c.findings {
			c.t.Errorf("all reports are said to follow %s, and %s has %d findings, want %d", c.revision, r.Spec.Repository, r.Status.Summary.Total, c.findings)
		}
	}
}

// checkPulls finds what was read again although it was stored.
func (c *crashes) checkPulls() {
	c.t.Helper()
	for repository, stats := range world.registry.Stats().Repositories {
		if c.stored[repository] {
			c.t.Errorf("%s was in the store, and was asked for: %+v", repository, stats)
		}
	}
}

// checkStore reads all that the operator left in its store.
func (c *crashes) checkStore() {
	c.t.Helper()
	left, err := store.Open(filepath.Join(world.Cluster.Dir(), "store", "images"), store.Options{Extractor: sbom.ExtractorVersion})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, ref := range c.refs {
		manifest, err := left.Resolution(ref.Digest, recipe.AMD64)
		if err == nil {
			_, err = left.Image(manifest)
		}
		if errors.Is(err, store.ErrCorrupt) || err != nil && !errors.Is(err, store.ErrNotFound) {
			c.t.Errorf("the store has %s damaged: %v", ref, err)
		}
		repository := strings.TrimPrefix(ref.Repository, world.registry.Addr+"/")
		if c.stored[repository] && err != nil {
			c.t.Errorf("the store has lost %s: %v", ref, err)
		}
		c.stored[repository] = err == nil
	}
}

// missing names an image whose report does not follow the last database.
func (c *crashes) missing(ctx context.Context) string {
	found := map[string]bool{}
	for _, r := range reports(ctx, c.t, c.ns) {
		found[r.Spec.Repository] = r.Status.Summary != nil && r.Status.Summary.Total == c.findings
	}
	for _, ref := range c.refs {
		if !found[ref.Repository] {
			return ref.Repository + " is not reported"
		}
	}
	return ""
}
