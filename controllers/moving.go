package controllers

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// movingImage is an image that a policy selects, as one namespace runs it.
type movingImage struct {
	Report    inventory.ReportKey
	Tag       string
	Pulls     []inventory.Pull
	Origin    origin
	Base      foundBase
	Workloads []string
	// Beside is how many findings it has beside those of its base.
	Beside int32
	// Places in Git where it is named, the likeliest first, and those where it is that the policy does not name.
	Places  []source.Location
	Refused []source.Location
	// OnlyDeployed says that the place was found to name the image itself and not its base.
	OnlyDeployed bool
	// Hints say why no place is known.
	Hints []string
}

// updateID tells the updates of a policy apart.
type updateID struct {
	// Source repository; empty where it is not known.
	Source string
	// Base is a reference with its tag and without a digest.
	Base image.Reference
}

// moving are the images that move together: those that are built on one base
// from one repository, or one image that the repository's manifests deploy.
type moving struct {
	ID updateID
	// From is the digest that most of them are on, of all Digests.
	From     image.Digest
	Digests  map[image.Digest]int
	Platform image.Platform
	// Deployed says that the image itself moves, and not the base of another.
	Deployed bool
	// Places in the repository to look for the files.
	Places []source.Location
	// Allowed says that the policy names the place's repository.
	Allowed bool
	Images  []movingImage
	Hints   []string
}

// mover is an image that moves, with the version that it moves from.
type mover struct {
	image    movingImage
	id       updateID
	from     image.Digest
	deployed bool
	place    source.Location
	allowed  bool
}

// moverOf says what of an image is to move. Who builds an image moves its base;
// who only deploys it moves the image.
func moverOf(img movingImage) (mover, bool) {
	m := mover{image: img}
	built := slices.IndexFunc(img.Places, func(l source.Location) bool { return l.Kind != source.Manifests })
	switch {
	case img.Base.Found && img.Base.Reference.Tag != "" && built >= 0 && !img.OnlyDeployed:
		m.place, m.allowed = img.Places[built], true
	case len(img.Places) > 0:
		m.deployed, m.place, m.allowed = true, img.Places[0], true
	case len(img.Refused) > 0:
		m.place = img.Refused[0]
		m.deployed = m.place.Kind == source.Manifests
	}
	m.id.Source = m.place.Repository
	if m.deployed {
		m.id.Base = image.Reference{Repository: img.Report.Repository, Tag: img.Tag}
		m.from = img.Report.Digest
		return m, img.Tag != ""
	}
	m.id.Base = img.Base.Reference
	m.from = img.Base.Digest
	return m, img.Base.Found && img.Base.Reference.Tag != ""
}

// groupMoving gathers images that move together, in the order of their identities.
func groupMoving(images []movingImage) []moving {
	groups := map[updateID][]mover{}
	for _, img := range images {
		if m, ok := moverOf(img); ok {
			groups[m.id] = append(groups[m.id], m)
		}
	}
	out := make([]moving, 0, len(groups))
	for id, movers := range groups {
		out = append(out, gather(id, movers))
	}
	slices.SortFunc(out, func(a, b moving) int {
		return cmp.Or(cmp.Compare(a.ID.Source, b.ID.Source), compareStrings(a.ID.Base, b.ID.Base))
	})
	return out
}

func gather(id updateID, movers []mover) moving {
	slices.SortFunc(movers, func(a, b mover) int {
		return cmp.Or(strings.Compare(a.image.Report.Namespace, b.image.Report.Namespace),
			strings.Compare(a.image.Report.Repository, b.image.Report.Repository),
			strings.Compare(string(a.image.Report.Digest), string(b.image.Report.Digest)))
	})
	g := moving{
		ID: id, Platform: movers[0].image.Report.Platform, Deployed: movers[0].deployed,
		Allowed: movers[0].allowed, Digests: map[image.Digest]int{},
	}
	for _, m := range movers {
		g.Images = append(g.Images, m.image)
		g.Hints = append(g.Hints, m.image.Hints...)
		g.Digests[m.from]++
		for _, place := range append(m.image.Places, m.image.Refused...) {
			if place.Repository == id.Source && !slices.Contains(g.Places, place) {
				g.Places = append(g.Places, place)
			}
		}
	}
	g.From = g.most("")
	slices.Sort(g.Hints)
	g.Hints = slices.Compact(g.Hints)
	return g
}

// deployedBefore has images move themselves of which there are updates from before this process: then it was found that their
// place deploys them, and does not build them.
func deployedBefore(images []movingImage, updates []v1alpha1.ImageUpdate) {
	for i := range images {
		img := &images[i]
		if len(img.Places) == 0 || slices.ContainsFunc(img.Places, func(l source.Location) bool { return l.Kind == source.Dockerfile }) {
			continue
		}
		own := image.Reference{Repository: img.Report.Repository, Tag: img.Tag}.String()
		img.OnlyDeployed = img.OnlyDeployed || slices.ContainsFunc(updates, func(u v1alpha1.ImageUpdate) bool {
			return u.Spec.SourceRepository == img.Places[0].Repository && u.Spec.Base == own && u.Status.Phase != v1alpha1.UpdateSuperseded
		})
	}
}

// branch to propose to; empty for the default one.
func (g *moving) branch() string {
	for _, place := range g.Places {
		if place.Branch != "" {
			return place.Branch
		}
	}
	return ""
}

// builtHere says whether a place is known to build the images, and not only named by the policy.
func (g *moving) builtHere() bool {
	return slices.ContainsFunc(g.Places, func(l source.Location) bool { return l.Kind == source.Dockerfile })
}

// most is the digest that most images are on, other than one of which it is
// known that they move to it; empty where there is no other.
func (g *moving) most(target image.Digest) image.Digest {
	var most image.Digest
	for _, digest := range slices.Sorted(maps.Keys(g.Digests)) {
		if digest != target && (most == "" || g.Digests[digest] > g.Digests[most]) {
			most = digest
		}
	}
	return most
}

// needs are the repositories that have to be watched for the groups. proposed are
// the tags that updates move to by now.
func needs(groups []moving, proposed map[updateID]string, majors bool, patterns []string) map[string]watchNeed {
	all := map[string]watchNeed{}
	for _, g := range groups {
		need := all[g.ID.Base.Repository]
		if need.Subjects == nil {
			need.Subjects = map[subject][]string{}
		}
		s := g.subject(majors)
		if _, known := need.Subjects[s]; !known {
			need.Subjects[s] = nil
		}
		if tag := proposed[g.ID]; tag != "" && tag != g.ID.Base.Tag {
			need.Subjects[s] = append(need.Subjects[s], tag)
		}
		for _, img := range g.Images {
			need.Pulls = append(need.Pulls, img.Pulls...)
		}
		all[g.ID.Base.Repository] = need
	}
	for _, pattern := range patterns {
		// The tag follows the last colon, unless that is of the host's port.
		colon := strings.LastIndexByte(pattern, ':')
		if colon < 0 || strings.ContainsRune(pattern[colon:], '/') {
			continue
		}
		need := all[pattern[:colon]]
		need.Patterns = append(need.Patterns, pattern[colon+1:])
		all[pattern[:colon]] = need
	}
	for repository, need := range all {
		slices.Sort(need.Patterns)
		need.Pulls = unique(need.Pulls)
		all[repository] = need
	}
	return all
}

func (g *moving) subject(majors bool) subject {
	return subject{Tag: g.ID.Base.Tag, Platform: g.Platform, Majors: majors}
}

// beside is how many findings the images have, the one with the most of them, that
// are not of their base.
func (g *moving) beside() int {
	most := int32(0)
	for _, img := range g.Images {
		most = max(most, img.Beside)
	}
	return int(most)
}

// workloads of all images, sorted, as namespace/Kind/name.
func (g *moving) workloads() []string {
	var names []string
	for _, img := range g.Images {
		names = append(names, img.Workloads...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
