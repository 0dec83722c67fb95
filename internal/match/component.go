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
	os := assume(img.OS)
	bucket := ""
	if family, ok := systems[os.Family]; ok {
		bucket = family.bucket(os, now)
	}
	var components []Component
	known := map[Subject]int{}
	for i, p := range img.Packages {
		subject, ok := subjectOf(p, os.Family, bucket)
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

func subjectOf(p sbom.Package, family, bucket string) (Subject, bool) {
	if p.Type.OfSystem() {
		if bucket == "" || p.ThirdParty || p.Name == "gpg-pubkey" {
			return Subject{}, false
		}
		return systemSubject(p, family, bucket), true
	}
	ecosystem, ok := ecosystemOf[p.Type]
	if !ok || p.Version == "" {
		return Subject{}, false
	}
	name := ecosystems[ecosystem].normalise(p.Name)
	return Subject{Key: Key{Bucket: ecosystem + "::", Name: name}, Family: ecosystem, Version: p.Version}, true
}

// systemSubject looks a package up by its source. A package that names no
// source is its own.
func systemSubject(p sbom.Package, family, bucket string) Subject {
	s := Subject{Key: Key{Bucket: bucket, Name: p.SourceName}, Family: family, Version: p.SourceVersion}
	if s.Key.Name == "" {
		s.Key.Name = p.Name
	}
	if s.Version == "" || systems[family].binaryVersion {
		s.Version = p.Version
	}
	return s
}
