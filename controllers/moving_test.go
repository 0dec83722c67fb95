package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

const shop = "https://git.example.com/shop/api"

// moves is an image of a namespace that runs on a base.
func moves(namespace, hex string, base baseimage.Known, change func(*movingImage)) movingImage {
	img := movingImage{
		Report: reportOf(namespace, hex), Tag: "1.0.0", Workloads: []string{namespace + "/Deployment/api"},
		Base: foundBase{Found: true, Base: baseimage.Base{Known: base, Source: v1alpha1.BaseAnnotation, Confirmed: true}},
	}
	if change != nil {
		change(&img)
	}
	return img
}

func debian(tag, hex string) baseimage.Known {
	return baseimage.Known{Reference: image.Reference{Repository: "docker.io/library/debian", Tag: tag}, Digest: digest(hex)}
}

func at(kind source.Kind) func(*movingImage) {
	return func(img *movingImage) { img.Places = []source.Location{{Repository: shop, Kind: kind}} }
}

func TestWhoBuildsMovesTheBase(t *testing.T) {
	own := updateID{Source: shop, Base: image.Reference{Repository: "docker.io/library/debian", Tag: "12.1"}}
	self := updateID{Source: shop, Base: image.Reference{Repository: "r.example.com/api", Tag: "1.0.0"}}
	for name, tc := range map[string]struct {
		change   func(*movingImage)
		want     updateID
		from     string
		deployed bool
		allowed  bool
		none     bool
	}{
		"built there":             {change: at(source.Dockerfile), want: own, from: "b", allowed: true},
		"named by the policy":     {change: at(""), want: own, from: "b", allowed: true},
		"deployed from there":     {change: at(source.Manifests), want: self, from: "a", deployed: true, allowed: true},
		"found to be deployed":    {change: func(i *movingImage) { at("")(i); i.OnlyDeployed = true }, want: self, from: "a", deployed: true, allowed: true},
		"nobody knows where":      {want: updateID{Base: own.Base}, from: "b"},
		"elsewhere, and not ours": {change: func(i *movingImage) { i.Refused = []source.Location{{Repository: shop, Kind: source.Dockerfile}} }, want: own, from: "b"},
		"without a base":          {change: func(i *movingImage) { i.Base = foundBase{} }, none: true},
		"on a base without a tag": {change: func(i *movingImage) { i.Base.Reference.Tag = "" }, none: true},
		"deployed by a digest":    {change: func(i *movingImage) { at(source.Manifests)(i); i.Tag = "" }, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := moverOf(moves("shop", "a", debian("12.1", "b"), tc.change))
			if ok == tc.none {
				t.Fatalf("it moves: %t", ok)
			}
			if tc.none {
				return
			}
			if got.id != tc.want || got.from != digest(tc.from) || got.deployed != tc.deployed || got.allowed != tc.allowed {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// After a start, an image that has an update of its own still moves itself.
func TestDeployedBefore(t *testing.T) {
	update := func(source, base string, phase v1alpha1.UpdatePhase) v1alpha1.ImageUpdate {
		u := v1alpha1.ImageUpdate{Spec: v1alpha1.ImageUpdateSpec{SourceRepository: source, Base: base}}
		u.Status.Phase = phase
		return u
	}
	const self = "r.example.com/api:1.0.0"
	for name, tc := range map[string]struct {
		change func(*movingImage)
		update v1alpha1.ImageUpdate
		want   bool
	}{
		"its own":                     {at(""), update(shop, self, v1alpha1.UpdateProposed), true},
		"its own, closed by a person": {at(""), update(shop, self, v1alpha1.UpdateIgnored), true},
		"that of its base":            {at(""), update(shop, "docker.io/library/debian:12.1", v1alpha1.UpdateProposed), false},
		"one elsewhere":               {at(""), update("https://forge.example/other", self, v1alpha1.UpdateProposed), false},
		"one that has ended":          {at(""), update(shop, self, v1alpha1.UpdateSuperseded), false},
		"built there by now":          {at(source.Dockerfile), update(shop, self, v1alpha1.UpdateProposed), false},
		"no place":                    {nil, update("", self, v1alpha1.UpdateProposed), false},
	} {
		t.Run(name, func(t *testing.T) {
			images := []movingImage{moves("shop", "a", debian("12.1", "b"), tc.change)}
			if deployedBefore(images, []v1alpha1.ImageUpdate{tc.update}); images[0].OnlyDeployed != tc.want {
				t.Errorf("only deployed: %t", images[0].OnlyDeployed)
			}
		})
	}
}

func TestGroupMoving(t *testing.T) {
	groups := groupMoving([]movingImage{
		moves("b", "1", debian("12.1", "b"), at(source.Dockerfile)),
		moves("a", "2", debian("12.1", "c"), at(source.Dockerfile)),
		moves("a", "3", debian("12.1", "c"), at(source.Dockerfile)),
		moves("a", "4", debian("11", "d"), at(source.Dockerfile)),
	})
	if len(groups) != 2 || groups[0].ID.Base.Tag != "11" {
		t.Fatalf("groups %+v", groups)
	}
	g := groups[1]
	if g.From != digest("c") || len(g.Images) != 3 || !g.Allowed || !g.builtHere() {
		t.Errorf("group %+v", g)
	}
	if diff := cmp.Diff([]string{"a/Deployment/api", "b/Deployment/api"}, g.workloads()); diff != "" {
		t.Errorf("workloads (-want +got):\n%s", diff)
	}
	if got := g.most(digest("c")); got != digest("b") {
		t.Errorf("beside the target most are on %s", got)
	}
}

func TestNeeds(t *testing.T) {
	groups := groupMoving([]movingImage{moves("a", "1", debian("12.1", "b"), func(i *movingImage) {
		i.Pulls = []inventory.Pull{{Namespace: "a"}}
	})})
	got := needs(groups, map[updateID]string{groups[0].ID: "12.2"}, true, []string{"docker.io/library/debian:12*", "r.example.com:5000/base:v*", "r.example.com:5000/none"})
	want := map[string]watchNeed{
		"docker.io/library/debian": {
			Subjects: map[subject][]string{{Tag: "12.1", Platform: amd64, Majors: true}: {"12.2"}},
			Patterns: []string{"12*"}, Pulls: []inventory.Pull{{Namespace: "a"}},
		},
		"r.example.com:5000/base": {Patterns: []string{"v*"}},
	}
	if diff := cmp.Diff(want, got, cmp.Transformer("empty", func(p []inventory.Pull) []inventory.Pull {
		if len(p) == 0 {
			return nil
		}
		return p
	})); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}

func TestWatchesJoinWhatPoliciesNeed(t *testing.T) {
	w := newWatches()
	a := policyKey{Kind: kindImagePolicy}
	b := policyKey{Kind: kindClusterImagePolicy}
	s := subject{Tag: "12.1", Platform: amd64}
	need := map[string]watchNeed{"debian": {Subjects: map[subject][]string{s: nil}}}
	if got := w.set(a, need); len(got) != 1 {
		t.Errorf("a new need changes %v", got)
	}
	if got := w.set(a, need); len(got) != 0 {
		t.Errorf("the same need changes %v", got)
	}
	w.set(b, map[string]watchNeed{"debian": {Patterns: []string{"12*"}}})
	if got := w.need("debian"); len(got.Subjects) != 1 || len(got.Patterns) != 1 {
		t.Errorf("together they need %+v", got)
	}
	if got := w.set(a, nil); len(got) != 1 || len(w.need("debian").Subjects) != 0 {
		t.Errorf("one that is gone changes %v, and leaves %+v", got, w.need("debian"))
	}
	found := map[subject]offers{s: {Candidates: []offer{{Digest: digest("a")}}}}
	if _, looked := w.of("debian", s); looked || !w.offer("debian", found) || w.offer("debian", found) {
		t.Error("the same offers are news once, and none are known before")
	}
}

func TestWishes(t *testing.T) {
	w := newWishes()
	base := scanKey("b")
	first, second := wisher{Image: scanKey("1")}, wisher{Watch: "debian"}
	wanted := map[inventory.ScanKey]wish{base: {Reference: image.Reference{Repository: "debian"}}}
	if got := w.set(first, wanted); len(got) != 1 {
		t.Errorf("the first to wish it changes %v", got)
	}
	if got := w.set(second, wanted); len(got) != 0 {
		t.Errorf("the second changes %v", got)
	}
	if got := w.set(first, nil); len(got) != 0 || len(w.get(base)) != 1 || w.ownersOf(base)[0] != second {
		t.Errorf("one that is gone changes %v, leaves %v", got, w.ownersOf(base))
	}
	if got := w.set(second, nil); len(got) != 1 || len(w.get(base)) != 0 {
		t.Errorf("the last changes %v", got)
	}
}
