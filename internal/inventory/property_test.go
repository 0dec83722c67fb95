package inventory

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// text of a list whose order the index does not promise.
func text[K ReportKey | ScanKey](keys []K) string {
	lines := make([]string, 0, len(keys))
	for _, k := range keys {
		lines = append(lines, fmt.Sprint(k))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// naive is an index that looks through all pods for every answer.
type naive map[string]Pod

func (n naive) reports(match func(ReportKey) bool) []ReportKey {
	seen := map[ReportKey]bool{}
	for _, pod := range n {
		for _, u := range pod.Uses {
			if k := (ReportKey{pod.Namespace, u.Reference.Repository, u.Digest, pod.Platform}); match(k) {
				seen[k] = true
			}
		}
	}
	return slices.Collect(maps.Keys(seen))
}

// describe is an image as text: its facts, sorted, each once.
func (n naive) describe(k ReportKey) string {
	facts := map[string]bool{}
	for _, pod := range n {
		uses := slices.DeleteFunc(slices.Clone(pod.Uses), func(u Use) bool {
			return ReportKey{pod.Namespace, u.Reference.Repository, u.Digest, pod.Platform} != k
		})
		if len(uses) > 0 {
			v := Variant{Labels: pod.Labels, Security: pod.Security}
			for _, u := range uses {
				v.addUse(u)
			}
			facts[variantText(pod.Owner, v)] = true
		}
		for _, u := range uses {
			facts[fmt.Sprint("ref ", u.Reference)] = true
			facts[fmt.Sprint("bare ", u.Bare)] = true
			facts[fmt.Sprint("container ", pod.Owner, u.Type, u.Name)] = true
			facts[fmt.Sprint("running ", pod.Owner, pod.Running)] = true
			facts[fmt.Sprint("pull ", pod.Namespace, pod.ServiceAccount, strings.Join(pod.PullSecrets, ","))] = true
		}
	}
	// One that runs, or is bare, stands for the others.
	for fact := range facts {
		if without, ok := strings.CutSuffix(fact, " true"); ok {
			delete(facts, without+" false")
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(facts)), "\n")
}

func variantText(owner Owner, v Variant) string {
	slices.Sort(v.Tags)
	slices.Sort(v.Containers)
	_, spec, _, _ := v.Security.Settings()
	return fmt.Sprint("variant ", spec.HostNetwork, owner, v.Labels, slices.Compact(v.Tags), v.Containers)
}

func describe(img Image) string {
	var facts []string
	for _, r := range img.References {
		facts = append(facts, fmt.Sprint("ref ", r))
	}
	for _, w := range img.Workloads {
		facts = append(facts, fmt.Sprint("running ", w.Owner, w.Running))
		for _, c := range w.Containers {
			facts = append(facts, fmt.Sprint("container ", w.Owner, c.Type, c.Name))
		}
		for _, v := range w.Variants {
			facts = append(facts, variantText(w.Owner, v))
		}
	}
	for _, p := range img.Pulls {
		facts = append(facts, fmt.Sprint("pull ", p.Namespace, p.ServiceAccount, p.Secrets))
	}
	slices.Sort(facts)
	return strings.Join(append([]string{fmt.Sprint("bare ", img.Bare)}, facts...), "\n")
}

func TestIndexIsTheNaiveOne(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			x, model := New(), naive{}
			for range 60 {
				namespace, name := fmt.Sprint("ns", r.IntN(3)), fmt.Sprint("pod", r.IntN(6))
				id := namespace + "/" + name
				before := naive{"": model[id]}.reports(anyReport)
				var touched []ReportKey
				if r.IntN(3) == 0 {
					touched = x.Delete(namespace, name)
					delete(model, id)
				} else {
					pod := randomPod(r, namespace, name)
					touched = x.Set(pod)
					model[id] = pod
					before = naive{"": pod}.union(before)
				}
				if want, got := text(before), text(touched); got != want {
					t.Fatalf("touched:\n%s\nwant:\n%s", got, want)
				}
				compare(t, model, x)
			}
		})
	}
}

func anyReport(ReportKey) bool { return true }

func (n naive) union(keys []ReportKey) []ReportKey {
	for _, k := range n.reports(anyReport) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func compare(t *testing.T, model naive, x *Index) {
	t.Helper()
	equal := func(what, want, got string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s:\n%s\nwant:\n%s", what, got, want)
		}
	}
	all := model.reports(anyReport)
	equal("all reports", text(all), text(x.ReportsIn("")))
	equal("reports of ns1", text(model.reports(func(k ReportKey) bool { return k.Namespace == "ns1" })), text(x.ReportsIn("ns1")))
	equal("reports of r/1", text(model.reports(func(k ReportKey) bool { return k.Repository == "r/1" })), text(x.ReportsOfRepository("r/1")))
	scans := map[ScanKey]bool{}
	for _, k := range all {
		scans[k.Scan()] = true
		equal("reports of a scan", text(model.reports(func(other ReportKey) bool { return other.Scan() == k.Scan() })), text(x.Reports(k.Scan())))
		img, _ := x.Image(k)
		equal(fmt.Sprint("image ", k), model.describe(k), describe(img))
	}
	equal("scans", text(slices.Collect(maps.Keys(scans))), text(x.Scans()))
	unresolved, hasPods := 0, false
	for _, pod := range model {
		if pod.Running {
			unresolved += len(pod.Unresolved)
		}
		hasPods = hasPods || (!pod.Pending && pod.Namespace == "ns0" && pod.Owner == randomOwner(0))
	}
	equal("unresolved", fmt.Sprint(unresolved), fmt.Sprint(x.Unresolved()))
	equal("HasPods", fmt.Sprint(hasPods), fmt.Sprint(x.HasPods("ns0", randomOwner(0))))
}

func randomOwner(n int) Owner {
	return Owner{Group: "apps", Kind: "Deployment", Name: fmt.Sprint("w", n)}
}

func randomPod(r *rand.Rand, namespace, name string) Pod {
	pod := Pod{
		Namespace: namespace, Name: name, Owner: randomOwner(r.IntN(3)), Running: r.IntN(3) > 0, Pending: r.IntN(3) == 0,
		Platform: []image.Platform{amd64, arm64}[r.IntN(2)], ServiceAccount: fmt.Sprint("sa", r.IntN(2)),
		Security: NewSecurity(nil, &corev1.PodSpec{HostNetwork: r.IntN(2) == 0}),
		Labels:   map[string]string{"v": fmt.Sprint(r.IntN(2))}, Unresolved: make([]Unresolved, r.IntN(2)),
	}
	for range r.IntN(3) {
		pod.PullSecrets = append(pod.PullSecrets, fmt.Sprint("secret", r.IntN(2)))
	}
	for range r.IntN(4) {
		pod.Uses = append(pod.Uses, Use{
			Name: fmt.Sprint("c", r.IntN(3)), Type: []v1alpha1.ContainerType{v1alpha1.ContainerTypeContainer, v1alpha1.ContainerTypeInit}[r.IntN(2)],
			Reference: ref(fmt.Sprint("r/", r.IntN(2)), fmt.Sprint(r.IntN(3))), Digest: digest(fmt.Sprint(r.IntN(2))), Bare: r.IntN(4) == 0,
		})
	}
	return pod
}
