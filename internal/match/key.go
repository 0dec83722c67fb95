package match

import (
	"iter"
	"strings"
)

// Key names what a subject's judgement reads from the database: the package
// Name in the bucket Bucket or, where Bucket ends in "::", in every bucket
// with that prefix, in key order.
//
// Either may have several lines, each a bucket or a name; then every name is
// read in every bucket, in their order. A bucket below RedHatCPE is a table's
// entry, and is read whatever the name is.
type Key struct {
	Bucket string
	Name   string
}

// RedHatCPE is the bucket whose tables "repository" and "nvr" give the CPE
// indices of Red Hat's repositories and images.
const RedHatCPE = "Red Hat CPE"

// Buckets are the lines of Bucket: at least one.
func (k Key) Buckets() iter.Seq[string] { return strings.SplitSeq(k.Bucket, "\n") }

// Names are the lines of Name: at least one.
func (k Key) Names() iter.Seq[string] { return strings.SplitSeq(k.Name, "\n") }

// System is the first of the key's buckets, which is the operating system's for
// a package of one. It is empty for a library.
func (k Key) System() string {
	first, _, _ := strings.Cut(k.Bucket, "\n")
	if strings.HasSuffix(first, "::") {
		return ""
	}
	return first
}

func lines(values ...string) string { return strings.Join(values, "\n") }
