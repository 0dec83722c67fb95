package policy

import (
	"slices"

	"github.com/package-url/packageurl-go"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// except finds the findings that the policy's exceptions take out, and returns
// how many distinct ones they are.
func (t *trial) except() int32 {
	t.excepted = make([]bool, len(t.facts.Findings))
	byID := t.exceptionsByID()
	if len(byID) == 0 {
		return 0
	}
	distinct := map[Key]struct{}{}
	for i, f := range t.facts.Findings {
		if t.isExcepted(f, byID) {
			t.excepted[i] = true
			distinct[f.Key()] = struct{}{}
		}
	}
	return int32(len(distinct))
}

// exceptionsByID returns the exceptions in force for the image, by vulnerability.
func (t *trial) exceptionsByID() map[string][]v1alpha1.Exception {
	byID := map[string][]v1alpha1.Exception{}
	for _, e := range t.policy.Spec.Exceptions {
		if !takesOut(e.Status) || t.expired(e) {
			continue
		}
		// Validate reports a bad pattern; here it must not widen the exception.
		if matched, err := matchesImage(e.Images, t.facts.Repository); err != nil || !matched {
			continue
		}
		for _, id := range e.Vulnerabilities {
			byID[id] = append(byID[id], e)
		}
	}
	return byID
}

// isExcepted also notes when the exceptions that match end, since the judgement may change then.
func (t *trial) isExcepted(f Finding, byID map[string][]v1alpha1.Exception) bool {
	excepted := false
	try := func(id string) {
		for _, e := range byID[id] {
			if !matchesPackage(e.Packages, f.PURLs) {
				continue
			}
			excepted = true
			if e.ExpirationTime != nil {
				t.changesAt(e.ExpirationTime.Time)
			}
		}
	}
	try(f.ID)
	for _, id := range f.VendorIDs {
		try(id)
	}
	return excepted
}

func (t *trial) expired(e v1alpha1.Exception) bool {
	return e.ExpirationTime != nil && !t.now.Before(e.ExpirationTime.Time)
}

// takesOut says whether an OpenVEX status takes findings out: the other two
// say that they are real, or may be.
func takesOut(s v1alpha1.ExceptionStatus) bool {
	return s == v1alpha1.ExceptionNotAffected || s == v1alpha1.ExceptionFixed
}

// matchesPackage says whether one of the exception's purls is one of the
// package's, whatever the versions and qualifiers. No purl names all packages;
// one that does not parse names none.
func matchesPackage(purls, pkg []string) bool {
	if len(purls) == 0 {
		return true
	}
	return slices.ContainsFunc(purls, func(purl string) bool {
		want, err := parsePURL(purl)
		return err == nil && slices.ContainsFunc(pkg, func(s string) bool {
			got, err := parsePURL(s)
			return err == nil && got == want
		})
	})
}

// packageName is what a purl is matched by.
type packageName struct{ ecosystem, namespace, name string }

func parsePURL(s string) (packageName, error) {
	p, err := packageurl.FromString(s)
	if err != nil {
		return packageName{}, err
	}
	return packageName{ecosystem: p.Type, namespace: p.Namespace, name: p.Name}, nil
}
