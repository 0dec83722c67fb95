package e2e

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Without a database nothing is claimed of any image, and least that it is good.
func TestNoDatabase(t *testing.T) {
	for name, suspend := range map[string]bool{"source absent": false, "suspended": true} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.awaitHealthy(t)
			keepSources(t)
			closed := v1alpha1.DatabaseSource{Reference: closedAddress(t) + "/trivy-db:2"}
			if err := world.Operator().Stop(); err != nil {
				t.Fatal(err)
			}
			changeDatabase(t, func(spec *v1alpha1.VulnerabilityDatabaseSpec) {
				spec.Sources, spec.Suspend = []v1alpha1.DatabaseSource{closed}, suspend
			})
			restartOperator(t, "--store="+t.TempDir())

			for _, image := range []struct {
				name string
				make func() string
			}{
				{"one that was judged before", func() string { return s.healthy.Repository }},
				{"one that is new", func() string {
					ref := push(t, "nodatabase/"+path.Base(s.namespace)+":1", fresh(t))
					create(t, pod(s.namespace, "new", ref))
					return ref.Repository
				}},
			} {
				repository := image.make()
				checkUnscanned(t, awaitReport(t, s.namespace, repository, func(r *v1alpha1.ImageReport) string {
					if missing := hasCondition(v1alpha1.ConditionScanned, metav1.ConditionFalse, v1alpha1.ReasonDatabaseMissing)(r); missing != "" {
						return image.name + ": " + missing
					}
					return hasVerdict(v1alpha1.VerdictUnknown)(r)
				}))
			}
			reason := v1alpha1.ReasonSourceUnavailable
			if suspend {
				reason = v1alpha1.ReasonSuspended
			}
			got := awaitDatabase(t, databaseCondition(v1alpha1.ConditionReady, metav1.ConditionUnknown, reason))
			if c := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionFresh); c == nil || c.Status != metav1.ConditionFalse {
				t.Errorf("condition Fresh is %+v", c)
			}
			if got.Status.Revision != "" || got.Status.BuiltTime != nil {
				t.Errorf("the status tells of a database that is not there: %+v", got.Status)
			}
			awaitDatabase(t, func(vdb *v1alpha1.VulnerabilityDatabase) string {
				if c := vdb.Status.Coverage; c == nil || c.Covered != 0 || c.Uncovered < 2 {
					return fmt.Sprintf("coverage is %+v, want none covered", c)
				}
				return ""
			})
			// The database comes, and with it all verdicts.
			changeDatabase(t, func(spec *v1alpha1.VulnerabilityDatabaseSpec) {
				spec.Sources, spec.Suspend = goodSources(), false
			})
			s.awaitHealthy(t)
		})
	}
}

// An older database is taken where the operator is told so.
func TestRollback(t *testing.T) {
	keepSources(t)
	used := inUse(t).Status.Revision
	layout := filepath.Join(t.TempDir(), "oci")
	olderDatabase(t, layout)
	ref, err := world.registry.Pusher().PushLayout(t.Context(), "rollback/trivy-db:2", layout)
	if err != nil {
		t.Fatal(err)
	}
	setSources(t, v1alpha1.DatabaseSource{Reference: ref.Repository + ":2"})
	refusal := awaitDatabase(t, databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonOlderDatabase))
	if refusal.Status.Revision != used {
		t.Errorf("revision is %s, want %s", refusal.Status.Revision, used)
	}
	restartOperator(t, "--allow-database-rollback")
	awaitDatabase(t, func(vdb *v1alpha1.VulnerabilityDatabase) string {
		if vdb.Status.Revision != string(ref.Digest) {
			return fmt.Sprintf("revision is %s, want %s", vdb.Status.Revision, ref.Digest)
		}
		return databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate)(vdb)
	})
}

func TestLargeDatabase(t *testing.T) {
	keepSources(t)
	used := inUse(t).Status.Revision
	restartOperator(t, "--database-max-bytes=1000")
	setSources(t, v1alpha1.DatabaseSource{Directory: sameAge(t)})
	got := awaitDatabase(t, databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonArtifactTooLarge))
	if got.Status.Revision != used {
		t.Errorf("revision is %s, want %s", got.Status.Revision, used)
	}
}

// Sources are tried in their order, and may be directories.
func TestDatabaseSources(t *testing.T) {
	built := filepath.Join(filepath.Dir(world.older), "db")
	good := goodSources()[0]
	for name, test := range map[string]struct {
		sources []v1alpha1.DatabaseSource
		want    string
	}{
		"second, as the first is down": {sources: []v1alpha1.DatabaseSource{{Reference: closedAddress(t) + "/trivy-db:2"}, good}, want: good.Reference},
		"plain directory":              {sources: []v1alpha1.DatabaseSource{{Directory: built}, good}, want: built},
		"layout":                       {sources: []v1alpha1.DatabaseSource{{Directory: world.older}}, want: world.older},
		"registry, as there is no such directory": {
			sources: []v1alpha1.DatabaseSource{{Directory: "/absent"}, good}, want: good.Reference,
		},
	} {
		t.Run(name, func(t *testing.T) {
			keepSources(t)
			// Both of a database's places have its digest, so that another must be in use before.
			setSources(t, v1alpha1.DatabaseSource{Directory: sameAge(t)})
			awaitDatabase(t, databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate))
			setSources(t, test.sources...)
			awaitDatabase(t, func(vdb *v1alpha1.VulnerabilityDatabase) string {
				if vdb.Status.Source != test.want {
					return fmt.Sprintf("source is %s, want %s", vdb.Status.Source, test.want)
				}
				return databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate)(vdb)
			})
		})
	}
}

// While it is suspended no source is asked, not even on request.
func TestSuspendedDatabase(t *testing.T) {
	keepSources(t)
	used := inUse(t).Status.Revision
	changeDatabase(t, func(spec *v1alpha1.VulnerabilityDatabaseSpec) {
		spec.Suspend = true
		spec.Sources = []v1alpha1.DatabaseSource{{Directory: sameAge(t)}}
	})
	awaitDatabase(t, databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSuspended))
	requestCheck(t)
	// A report that is written after the request shows that the operator was not just slow.
	s := newScene(t)
	s.awaitHealthy(t)
	if got := vulnerabilityDatabase(t.Context(), t).Status; got.Revision != used {
		t.Errorf("revision is %s, want %s", got.Revision, used)
	}
	changeDatabase(t, func(spec *v1alpha1.VulnerabilityDatabaseSpec) { spec.Suspend = false })
	awaitDatabase(t, func(vdb *v1alpha1.VulnerabilityDatabase) string {
		return missingUnless(vdb.Status.Revision != used, "the revision has not changed")
	})
}

// Only one is used, and the others say so.
func TestSecondDatabase(t *testing.T) {
	second := &v1alpha1.VulnerabilityDatabase{
		ObjectMeta: metav1.ObjectMeta{Name: "another"},
		Spec:       v1alpha1.VulnerabilityDatabaseSpec{Sources: goodSources()},
	}
	create(t, second)
	await(t, "the refusal of a second database", func(ctx context.Context) (string, error) {
		if err := world.Client.Get(ctx, client.ObjectKeyFromObject(second), second); err != nil {
			return "", err
		}
		return databaseCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec)(second), nil
	})
	if c := meta.FindStatusCondition(second.Status.Conditions, v1alpha1.ConditionReady); !strings.Contains(c.Message, "default") {
		t.Errorf("the message does not say which one is used: %q", c.Message)
	}
}

// inUse is the object once the first database is in use.
func inUse(t *testing.T) *v1alpha1.VulnerabilityDatabase {
	t.Helper()
	return awaitDatabase(t, func(vdb *v1alpha1.VulnerabilityDatabase) string {
		return missingUnless(vdb.Status.Revision != "", "no revision is in use")
	})
}

func goodSources() []v1alpha1.DatabaseSource {
	return []v1alpha1.DatabaseSource{{Reference: world.registry.Addr + "/" + databaseReference}}
}

// keepSources puts back, after the test, the source and the database that all tests share.
func keepSources(t *testing.T) {
	t.Helper()
	used := inUse(t).Status.Revision
	t.Cleanup(func() {
		ctx := context.Background()
		changeDatabaseWith(ctx, t, func(spec *v1alpha1.VulnerabilityDatabaseSpec) { spec.Sources, spec.Suspend = goodSources(), false })
		for deadline := time.Now().Add(patience); ; {
			vdb := vulnerabilityDatabase(ctx, t)
			missing := databaseCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpToDate)(vdb)
			if missing == "" && vdb.Status.Revision == used {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the database that was in use, %s, is not again: %+v", used, vdb.Status)
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

func setSources(t *testing.T, sources ...v1alpha1.DatabaseSource) {
	t.Helper()
	changeDatabase(t, func(spec *v1alpha1.VulnerabilityDatabaseSpec) { spec.Sources = sources })
}

func changeDatabase(t *testing.T, change func(*v1alpha1.VulnerabilityDatabaseSpec)) {
	t.Helper()
	changeDatabaseWith(t.Context(), t, change)
}

func changeDatabaseWith(ctx context.Context, t *testing.T, change func(*v1alpha1.VulnerabilityDatabaseSpec)) {
	t.Helper()
	vdb := vulnerabilityDatabase(ctx, t)
	patch := client.MergeFrom(vdb.DeepCopy())
	change(&vdb.Spec)
	if err := world.Client.Patch(ctx, vdb, patch); err != nil {
		t.Fatal(err)
	}
}

// awaitDatabase waits until the operator has followed the object's present spec, and the check has nothing to miss.
func awaitDatabase(t *testing.T, check func(*v1alpha1.VulnerabilityDatabase) string) *v1alpha1.VulnerabilityDatabase {
	t.Helper()
	var vdb *v1alpha1.VulnerabilityDatabase
	await(t, "the database", func(ctx context.Context) (string, error) {
		vdb = vulnerabilityDatabase(ctx, t)
		if vdb.Status.ObservedGeneration != vdb.Generation {
			return fmt.Sprintf("generation %d is not observed", vdb.Generation), nil
		}
		return check(vdb), nil
	})
	return vdb
}

func databaseCondition(kind string, status metav1.ConditionStatus, reason string) func(*v1alpha1.VulnerabilityDatabase) string {
	return func(vdb *v1alpha1.VulnerabilityDatabase) string {
		c := meta.FindStatusCondition(vdb.Status.Conditions, kind)
		if c == nil || c.Status != status || c.Reason != reason || c.ObservedGeneration != vdb.Generation {
			return fmt.Sprintf("condition %s is %+v, want %s with reason %s", kind, c, status, reason)
		}
		return ""
	}
}
