package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Summary is what the fleet needs of an image: its distinct subjects, and which
// packages they are of. It takes a tenth of the time to read that the image
// takes. It may be stored as JSON, and is worth as much as the version of match
// that made its components.
type Summary struct {
	subjects  []match.Subject
	instances []instance
}

// Summarise returns the summary of an image's components, which are those of packages.
func Summarise(packages []sbom.Package, components []match.Component) Summary {
	s := Summary{subjects: make([]match.Subject, 0, len(components))}
	instances := make([]instance, 0, len(packages))
	for _, c := range components {
		// A subject that no package stands for could never be reported.
		if len(c.Packages) == 0 {
			continue
		}
		at := uint32(len(s.subjects))
		s.subjects = append(s.subjects, c.Subject)
		for _, pkg := range c.Packages {
			instances = append(instances, instance{pkg: uint32(pkg), subject: at})
		}
	}
	s.instances = uniteTwins(instances, packages)
	return s
}

// Lasting says whether an image's components will be the same on any day from
// now on. Those of a release that gets other advisories once its support has
// ended are not, and their summary must not be stored.
func Lasting(img *sbom.Image, now time.Time) bool {
	distant := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	return reflect.DeepEqual(match.Components(img, now), match.Components(img, distant))
}

// SystemBucket is the database's bucket of the image's operating system; ""
// where no package is one of a system.
func (s Summary) SystemBucket() string {
	for _, subject := range s.subjects {
		if bucket := subject.Key.System(); bucket != "" {
			return bucket
		}
	}
	return ""
}

// columns hold a summary by member, which is small and quick to read. A value
// that most subjects share is a place in a list of such values.
type columns struct {
	Buckets  []string `json:"buckets"`
	Families []string `json:"families"`
	Arches   []string `json:"arches"`

	Names    []string `json:"names"`
	Versions []string `json:"versions"`
	Bucket   []int    `json:"bucket"`
	Family   []int    `json:"family"`
	Arch     []int    `json:"arch"`

	// Packages and Subject are the instances, in the order of packages.
	Packages []uint32 `json:"packages"`
	Subject  []uint32 `json:"subject"`
}

// MarshalJSON implements json.Marshaler.
func (s Summary) MarshalJSON() ([]byte, error) {
	var c columns
	for _, subject := range s.subjects {
		c.Names, c.Versions = append(c.Names, subject.Key.Name), append(c.Versions, subject.Version)
		c.Bucket = append(c.Bucket, place(&c.Buckets, subject.Key.Bucket))
		c.Family = append(c.Family, place(&c.Families, subject.Family))
		c.Arch = append(c.Arch, place(&c.Arches, subject.Arch))
	}
	for _, in := range s.instances {
		c.Packages, c.Subject = append(c.Packages, in.pkg), append(c.Subject, in.subject)
	}
	return json.Marshal(c)
}

func place(values *[]string, value string) int {
	at := slices.Index(*values, value)
	if at < 0 {
		at = len(*values)
		*values = append(*values, value)
	}
	return at
}

// UnmarshalJSON implements json.Unmarshaler. It takes nothing that MarshalJSON
// does not make.
func (s *Summary) UnmarshalJSON(text []byte) error {
	var c columns
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read summary of an image: %w", err)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("read summary of an image: %w", err)
	}
	*s = Summary{subjects: make([]match.Subject, len(c.Names)), instances: make([]instance, len(c.Packages))}
	for i := range s.subjects {
		s.subjects[i] = match.Subject{
			Key:    match.Key{Bucket: c.Buckets[c.Bucket[i]], Name: c.Names[i]},
			Family: c.Families[c.Family[i]], Version: c.Versions[i], Arch: c.Arches[c.Arch[i]],
		}
	}
	for i := range s.instances {
		s.instances[i] = instance{pkg: c.Packages[i], subject: c.Subject[i]}
	}
	if !slices.IsSortedFunc(s.instances, byPackage) {
		return errors.New("read summary of an image: its packages are not in order")
	}
	return nil
}

func (c *columns) check() error {
	n := len(c.Names)
	if len(c.Versions) != n || len(c.Bucket) != n || len(c.Family) != n || len(c.Arch) != n || len(c.Packages) != len(c.Subject) {
		return errors.New("its columns differ in length")
	}
	for _, column := range []struct {
		places []int
		values int
	}{{c.Bucket, len(c.Buckets)}, {c.Family, len(c.Families)}, {c.Arch, len(c.Arches)}} {
		for _, at := range column.places {
			if at < 0 || at >= column.values {
				return fmt.Errorf("it names value %d of %d", at, column.values)
			}
		}
	}
	has := make([]bool, n)
	for _, at := range c.Subject {
		if int(at) >= n {
			return fmt.Errorf("it names subject %d of %d", at, n)
		}
		has[at] = true
	}
	if slices.Contains(has, false) {
		return errors.New("a subject is of no package")
	}
	return nil
}
