package fleet

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Summary is what the fleet needs of an image: its distinct subjects, and which
// packages they are of. It is less to read than the image, as BenchmarkRestart
// shows. It may be stored as JSON, and is worth as much as the version of match
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

// columns hold a summary by member, which is small and quick to read: strings
// are joined, and numbers are varints. A value that most subjects share is a
// place in a list of such values.
type columns struct {
	Buckets  []string `json:"buckets"`
	Families []string `json:"families"`
	Arches   []string `json:"arches"`

	Names    string  `json:"names"`
	Versions string  `json:"versions"`
	Bucket   numbers `json:"bucket"`
	Family   numbers `json:"family"`
	Arch     numbers `json:"arch"`

	// Packages and Subject are the instances, in the order of packages.
	Packages numbers `json:"packages"`
	Subject  numbers `json:"subject"`
}

// separator of joined strings. What has it within is no name of anything, and
// an image with such a package has no summary.
const separator = "\t"

// numbers are varints, one after another.
type numbers []byte

func (n *numbers) add(value uint32) { *n = binary.AppendUvarint(*n, uint64(value)) }

// read returns the numbers, each of which must be below limit.
func (n numbers) read(limit int) ([]uint32, error) {
	values := make([]uint32, 0, len(n))
	for len(n) > 0 {
		value, size := binary.Uvarint(n)
		if size <= 0 || value >= uint64(limit) {
			return nil, fmt.Errorf("it has number %d, want one below %d", value, limit)
		}
		values = append(values, uint32(value))
		n = n[size:]
	}
	return values, nil
}

// MarshalJSON implements json.Marshaler.
func (s Summary) MarshalJSON() ([]byte, error) {
	var c columns
	names, versions := make([]string, len(s.subjects)), make([]string, len(s.subjects))
	for i, subject := range s.subjects {
		names[i], versions[i] = subject.Key.Name, subject.Version
		if strings.Contains(names[i]+versions[i], separator) {
			return nil, fmt.Errorf("write summary of an image: a tab is in package %q %q", names[i], versions[i])
		}
		c.Bucket.add(place(&c.Buckets, subject.Key.Bucket))
		c.Family.add(place(&c.Families, subject.Family))
		c.Arch.add(place(&c.Arches, subject.Arch))
	}
	c.Names, c.Versions = strings.Join(names, separator), strings.Join(versions, separator)
	for _, in := range s.instances {
		c.Packages.add(in.pkg)
		c.Subject.add(in.subject)
	}
	return json.Marshal(c)
}

func place(values *[]string, value string) uint32 {
	at := slices.Index(*values, value)
	if at < 0 {
		at = len(*values)
		*values = append(*values, value)
	}
	return uint32(at)
}

// UnmarshalJSON implements json.Unmarshaler. It takes nothing that MarshalJSON
// does not make.
func (s *Summary) UnmarshalJSON(text []byte) error {
	var c columns
	err := json.Unmarshal(text, &c)
	if err == nil {
		*s, err = c.summary()
	}
	if err != nil {
		return fmt.Errorf("read summary of an image: %w", err)
	}
	return nil
}

func (c *columns) summary() (Summary, error) {
	bucket, err := c.Bucket.read(len(c.Buckets))
	family, err2 := c.Family.read(len(c.Families))
	arch, err3 := c.Arch.read(len(c.Arches))
	packages, err4 := c.Packages.read(math.MaxUint32)
	subject, err5 := c.Subject.read(len(bucket))
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		return Summary{}, err
	}
	var names, versions []string
	if n := len(bucket); n > 0 {
		names, versions = strings.Split(c.Names, separator), strings.Split(c.Versions, separator)
		if len(names) != n || len(versions) != n || len(family) != n || len(arch) != n {
			return Summary{}, errors.New("its columns differ in length")
		}
	}
	if len(packages) != len(subject) {
		return Summary{}, errors.New("its columns differ in length")
	}
	s := Summary{subjects: make([]match.Subject, len(names)), instances: make([]instance, len(packages))}
	for i := range s.subjects {
		s.subjects[i] = match.Subject{
			Key:    match.Key{Bucket: c.Buckets[bucket[i]], Name: names[i]},
			Family: c.Families[family[i]], Version: versions[i], Arch: c.Arches[arch[i]],
		}
	}
	for i := range s.instances {
		s.instances[i] = instance{pkg: packages[i], subject: subject[i]}
	}
	return s, s.check()
}

// check that the fleet would hold nothing which it cannot give up.
func (s Summary) check() error {
	has := make([]bool, len(s.subjects))
	for _, in := range s.instances {
		has[in.subject] = true
	}
	if slices.Contains(has, false) {
		return errors.New("a subject is of no package")
	}
	if !slices.IsSortedFunc(s.instances, byPackage) {
		return errors.New("its packages are not in order")
	}
	return nil
}
