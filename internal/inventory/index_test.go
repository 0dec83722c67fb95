package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

func use(name string, r image.Reference, d string) Use {
	return Use{Name: name, Type: v1alpha1.ContainerTypeContainer, Reference: r, Digest: digest(d)}
}

func podOf(name string, owner Owner, uses ...Use) Pod {
	return Pod{Namespace: "shop", Name: name, Platform: amd64, Owner: owner, Running: true, Uses: uses}
}

func key(namespace, repository, d string, platform image.Platform) ReportKey {
	return ReportKey{Namespace: namespace, Repository: repository, Digest: digest(d), Platform: platform}
}

func TestSetTouchesBeforeAndAfter(t *testing.T) {
	x := New()
	steps := []struct {
		name string
		do   func() []ReportKey
		want []ReportKey
	}{
		{"a first pod", func() []ReportKey { return x.Set(podOf("p", api, use("c", ref("r/a", "1"), "a"))) }, []ReportKey{key("shop", "r/a", "a", amd64)}},
		{"the same again", func() []ReportKey { return x.Set(podOf("p", api, use("c", ref("r/a", "1"), "a"))) }, nil},
		{"another image", func() []ReportKey { return x.Set(podOf("p", api, use("c", ref("r/b", "1"), "b"))) },
			[]ReportKey{key("shop", "r/a", "a", amd64), key("shop", "r/b", "b", amd64)}},
		{"one image twice", func() []ReportKey {
			return x.Set(podOf("p", api, use("c", ref("r/b", "1"), "b"), use("d", ref("r/b", "2"), "b")))
		}, []ReportKey{key("shop", "r/b", "b", amd64)}},
		{"no image any more", func() []ReportKey { return x.Set(podOf("p", api)) }, []ReportKey{key("shop", "r/b", "b", amd64)}},
		{"its end", func() []ReportKey { return x.Delete("shop", "p") }, nil},
		{"an unknown pod's end", func() []ReportKey { return x.Delete("shop", "p") }, nil},
	}
	for _, step := range steps {
		if want, got := text(step.want), text(step.do()); got != want {
			t.Errorf("%s touches:\n%s\nwant:\n%s", step.name, got, want)
		}
	}
	if len(x.pods)+len(x.reports)+len(x.scans)+len(x.owners) != 0 {
		t.Errorf("an empty index holds %+v", x)
	}
}

func TestImage(t *testing.T) {
	x := New()
	cron := Owner{Group: "batch", Kind: "CronJob", Name: "nightly"}
	second := podOf("api-2", api, use("main", ref("r/a", "2"), "a"), use("aside", ref("r/a", "2"), "a"), use("other", ref("r/b", "1"), "b"))
	second.Labels, second.ServiceAccount, second.PullSecrets = map[string]string{"v": "2"}, "api", []string{"one", "two"}
	first := podOf("api-1", api, use("main", ref("r/a", "1"), "a"))
	first.Labels = map[string]string{"v": "1"}
	third := podOf("api-3", api, use("main", ref("r/a", "1"), "a"))
	third.Labels, third.Running = map[string]string{"v": "1"}, false
	done := podOf("nightly-1", cron, use("job", ref("r/a", "1"), "a"))
	done.Running, done.Uses[0].Bare = false, true
	elsewhere := podOf("api-1", api, use("main", ref("r/a", "9"), "a"))
	elsewhere.Namespace = "other"
	onARM := podOf("api-arm", api, use("main", ref("r/a", "9"), "a"))
	onARM.Platform = arm64
	for _, pod := range []Pod{second, done, third, first, elsewhere, onARM} {
		x.Set(pod)
	}
	want := Image{
		References: []image.Reference{ref("r/a", "1"), ref("r/a", "2")},
		Workloads: []Workload{
			{Owner: cron, Containers: []v1alpha1.WorkloadContainer{{Name: "job", Type: v1alpha1.ContainerTypeContainer}},
				Variants: []Variant{{Tags: []string{"1"}, Containers: []string{"job"}}}},
			{
				Owner: api, Running: true, Variants: []Variant{
					{Labels: map[string]string{"v": "1"}, Tags: []string{"1"}, Containers: []string{"main"}},
					{Labels: map[string]string{"v": "2"}, Tags: []string{"2"}, Containers: []string{"aside", "main"}},
				},
				Containers: []v1alpha1.WorkloadContainer{{Name: "aside", Type: v1alpha1.ContainerTypeContainer}, {Name: "main", Type: v1alpha1.ContainerTypeContainer}},
			},
		},
		Pulls: []Pull{{Namespace: "shop"}, {Namespace: "shop", ServiceAccount: "api", Secrets: "one,two"}},
		Bare:  true,
	}
	got, ok := x.Image(key("shop", "r/a", "a", amd64))
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("%t, (-want +got):\n%s", ok, diff)
	}
	if img, ok := x.Image(key("shop", "r/c", "a", amd64)); ok || !cmp.Equal(img, Image{}) {
		t.Errorf("an image that nothing uses: %+v, %t", img, ok)
	}
	wantReports := []ReportKey{key("other", "r/a", "a", amd64), key("shop", "r/a", "a", amd64)}
	if diff := cmp.Diff(wantReports, x.Reports(ScanKey{Digest: digest("a"), Platform: amd64})); diff != "" {
		t.Errorf("reports of the scan (-want +got):\n%s", diff)
	}
}

func TestUnresolvedCountsOnlyWhatRuns(t *testing.T) {
	x := New()
	lost := podOf("p", api)
	lost.Unresolved = []Unresolved{{Name: "a"}, {Name: "b"}}
	ended := lost
	ended.Name, ended.Running = "q", false
	x.Set(lost)
	x.Set(ended)
	if got := x.Unresolved(); got != 2 {
		t.Errorf("%d unresolved, want 2", got)
	}
	if !x.HasPods("shop", api) || x.HasPods("other", api) || x.HasPods("shop", Owner{Kind: "Pod", Name: "api"}) {
		t.Error("HasPods asks for namespace and owner")
	}
	for _, p := range []Pod{lost, ended} {
		p.Pending = true
		x.Set(p)
	}
	if x.HasPods("shop", api) {
		t.Error("HasPods counts pods whose images are not known yet")
	}
}
