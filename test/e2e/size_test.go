package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// maxStored is what the API promises of an ImageReport as it is stored, in bytes of JSON.
const maxStored = 32 << 10

// ranks of severities, worst first.
var ranks = []v1alpha1.Severity{
	v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow, v1alpha1.SeverityUnknown,
}

func TestReportOfManyFindingsIsSmallAndExact(t *testing.T) {
	const findings = 5000
	ns := namespace(t, nil)
	ref := push(t, "size/many:1", bake(t, "many-findings"))
	create(t, imagePolicy(ns, "none", atMost(0)))
	create(t, imagePolicy(ns, "weekly", within(v1alpha1.SeverityMedium, 7)))
	for _, name := range []string{"one", "two", "three"} {
		create(t, pod(ns, name, ref))
	}
	r := awaitReport(t, ns, ref.Repository, both(scanned, hasVerdict(v1alpha1.VerdictFail), usedBy(
		"Pod/one Running Container:main", "Pod/three Running Container:main", "Pod/two Running Container:main")))

	if got := *r.Status.Summary; got.Total != findings || got.Medium != findings || got.Fixable != findings {
		t.Errorf("summary is %+v, want %d findings, all Medium and with a fix", got, findings)
	}
	list := r.Status.Vulnerabilities
	if len(list.Items) == 0 || len(list.Items)+int(list.Omitted) != findings {
		t.Errorf("%d findings are listed and %d omitted, want %d in all", len(list.Items), list.Omitted, findings)
	}
	if size := len(stored(t, r)); size >= maxStored {
		t.Errorf("the stored object has %d bytes, the limit is %d", size, maxStored)
	}
}

func TestWorstFindingsAreListedFirst(t *testing.T) {
	ns := namespace(t, nil)
	ref := push(t, "size/checkout:1", bake(t, "checkout"))
	create(t, pod(ns, "checkout", ref))
	r := awaitReport(t, ns, ref.Repository, scanned)
	listed := make([]int, len(r.Status.Vulnerabilities.Items))
	for i, v := range r.Status.Vulnerabilities.Items {
		listed[i] = slices.Index(ranks, v.Severity)
	}
	if !slices.IsSorted(listed) || listed[0] == listed[len(listed)-1] {
		t.Errorf("severities are listed as %v, want the worst first, and several", listed)
	}
	if size := len(stored(t, r)); size >= maxStored {
		t.Errorf("the stored object has %d bytes, the limit is %d", size, maxStored)
	}
}

// stored is the object as the API server keeps it, with what it adds itself.
func stored(t *testing.T, r *v1alpha1.ImageReport) []byte {
	t.Helper()
	raw, err := world.Kubectl(t.Context(), "get", "--raw", "/apis/"+v1alpha1.GroupVersion.String()+"/namespaces/"+r.Namespace+"/imagereports/"+r.Name)
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Metadata struct {
			UID           types.UID
			ManagedFields []any
		}
	}
	if err := json.Unmarshal([]byte(raw), &object); err != nil {
		t.Fatal(err)
	}
	if object.Metadata.UID != r.UID || len(object.Metadata.ManagedFields) == 0 {
		t.Fatalf("the API server's object has UID %s and %d managed fields", object.Metadata.UID, len(object.Metadata.ManagedFields))
	}
	t.Logf("%s has %d bytes", r.Spec.Repository, len(raw))
	return []byte(raw)
}
