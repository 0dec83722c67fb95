package match

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Components returns what is to be judged of an image, each subject once, in
// the order of the packages that it first stands for. now decides which of
// Ubuntu's advisories concern a release with expanded maintenance.
//
// Packages that cannot be judged are left out: those of an unsupported
// operating system, those that the system's vendor did not make, and language
// packages without a version.
func Components(img *sbom.Image, now time.Time) []Component {
	x := newIndex(img, now)
	var components []Component
	known := map[Subject]int{}
	for i, p := range img.Packages {
		subject, ok := x.subject(p)
		if !ok {
			continue
		}
		at, ok := known[subject]
		if !ok {
			at = len(components)
			known[subject] = at
			components = append(components, Component{Subject: subject})
		}
		components[at].Packages = append(components[at].Packages, i)
	}
	return components
}

// index is what naming an image's subjects needs of it.
type index struct {
	contents
	now      time.Time
	supplier string
	// buckets of the families that the image's packages follow.
	buckets map[string]string
}

func newIndex(img *sbom.Image, now time.Time) *index {
	x := &index{contents: contents{os: assume(img.OS), builds: img.Builds}, now: now, buckets: map[string]string{}}
	x.supplier = supplierOf(x.os, img.Packages)
	if x.supplier == "seal" {
		// Trivy judges the other packages without the repositories.
		x.os.RepositoryFamily, x.os.RepositoryRelease = "", ""
	}
	return x
}

func (x *index) subject(p sbom.Package) (Subject, bool) {
	if p.Type.OfSystem() {
		return x.systemSubject(p)
	}
	ecosystem, ok := ecosystemOf[p.Type]
	if !ok || p.Version == "" {
		return Subject{}, false
	}
	name := ecosystems[ecosystem].normalise(p.Name)
	return Subject{Key: Key{Bucket: libraryBucket(ecosystem, name, p.Version), Name: name}, Family: ecosystem, Version: p.Version}, true
}

func (x *index) systemSubject(p sbom.Package) (Subject, bool) {
	s := Subject{Family: familyOf(p, x.os, x.supplier), Version: p.SourceVersion}
	family, ok := systems[s.Family]
	if !ok || p.Name == "gpg-pubkey" || p.ThirdParty && !family.thirdParty && x.supplier != "seal" {
		return Subject{}, false
	}
	in := x.contents
	if in.bucket = x.bucket(s.Family); in.bucket == "" {
		return Subject{}, false
	}
	if s.Version == "" || family.binaryVersion {
		s.Version = p.Version
	}
	if family.byArch {
		s.Arch = p.Arch
	}
	lookup := sourceLookup
	if family.lookup != nil {
		lookup = family.lookup
	}
	s.Key, ok = lookup(p, in)
	return s, ok
}

func (x *index) bucket(family string) string {
	bucket, ok := x.buckets[family]
	if !ok {
		bucket = systems[family].bucket(x.os, x.now)
		x.buckets[family] = bucket
	}
	return bucket
}

// InstalledVersion is the version of a package that a report shows: its own,
// and that of its source for Echo's packages.
func InstalledVersion(os sbom.OS, p sbom.Package) string {
	if assume(os).Family == "echo" && p.Type.OfSystem() && p.SourceVersion != "" {
		return p.SourceVersion
	}
	return p.Version
}
