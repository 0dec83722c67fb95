package sbom

import (
	"errors"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Limits bound what reading one layer may cost. A field that is 0 takes its
// default. Time is bounded by the context that Read is given.
type Limits struct {
	// Bytes of the uncompressed tar, and likewise of what is read from its
	// files, which a sparse file makes larger than the tar. Default 8 GiB.
	Bytes int64
	// Entries of the tar. Default 1,000,000.
	Entries int
	// PathBytes is the length of a path. Default 4096, which is Linux's own limit.
	PathBytes int
	// PathDepth is the number of a path's parts. Default 256.
	PathDepth int
	// Packages of a layer. Default 100,000.
	Packages int
	// ResultBytes is the approximate size of the Layer in memory. Default 64 MiB.
	ResultBytes int64

	// DatabaseBytes is the size of a package database or file list; a larger one
	// is unread. Default 32 MiB.
	DatabaseBytes int64
	// RPMBytes is the size of an rpm database, most of which is its indexes, or of
	// its write-ahead log; a larger one is unread. Default 256 MiB.
	RPMBytes int64
	// ManifestBytes is the size of a file that describes one package, or the
	// system; a larger one is unread. Default 4 MiB.
	ManifestBytes int64
	// ArchiveBytes is the size of an archive that holds a package; a larger one
	// is unread. Default 16 MiB.
	ArchiveBytes int64
	// JavaBytes is the size of a Java archive; a larger one is unread. Default 512 MiB.
	JavaBytes int64
	// UnpackedBytes bounds what is unpacked from one Java archive, and NestedBytes
	// the size of the compressed archives in it that are in memory at a time; what
	// goes past is unread. Default 1 GiB and 64 MiB.
	UnpackedBytes, NestedBytes int64
	// ExecutableBytes is the size of an executable; a larger one is unread. Default 1 GiB.
	ExecutableBytes int64
	// MemoryBytes is the size up to which an executable or archive is held in
	// memory; a larger one goes to a temporary file. Default 16 MiB.
	MemoryBytes int64
}

const mib = 1 << 20

func (l Limits) withDefaults() Limits {
	setDefault(&l.Bytes, 8<<30)
	setDefault(&l.Entries, 1_000_000)
	setDefault(&l.PathBytes, 4096)
	setDefault(&l.PathDepth, 256)
	setDefault(&l.Packages, 100_000)
	setDefault(&l.ResultBytes, 64*mib)
	setDefault(&l.DatabaseBytes, 32*mib)
	setDefault(&l.RPMBytes, 256*mib)
	setDefault(&l.ManifestBytes, 4*mib)
	setDefault(&l.ArchiveBytes, 16*mib)
	setDefault(&l.JavaBytes, 512*mib)
	setDefault(&l.UnpackedBytes, 1<<30)
	setDefault(&l.NestedBytes, 64*mib)
	setDefault(&l.ExecutableBytes, 1<<30)
	setDefault(&l.MemoryBytes, 16*mib)
	return l
}

func setDefault[N int | int64](field *N, value N) {
	if *field == 0 {
		*field = value
	}
}

// exceeded is the error of a layer that goes past a limit.
func exceeded[N int | int64](what string, limit N) *Error {
	return &Error{Reason: v1alpha1.ReasonLimitExceeded, Err: fmt.Errorf("layer has more than %d %s", limit, what)}
}

// tooLarge is the error of a single file that goes past a limit: it stays
// unread, and the rest of the layer is read.
type tooLarge struct {
	what  string
	limit int64
}

func (e *tooLarge) Error() string { return fmt.Sprintf("has more than %d %s", e.limit, e.what) }

// unreadReason is the reason that a file is unread because of err.
func unreadReason(err error) string {
	var large *tooLarge
	if errors.As(err, &large) {
		return v1alpha1.ReasonLimitExceeded
	}
	return v1alpha1.ReasonCorruptPackageDatabase
}
