package sbom

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha1" //nolint:gosec // It is the key that Maven's index has.
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
)

// javaSuffixes are those of archives that a Java runtime or server opens, also
// where they lie in one another.
var javaSuffixes = []string{".jar", ".war", ".ear", ".par"}

func isJavaArchive(name string, _ fs.FileMode) bool {
	return slices.Contains(javaSuffixes, path.Ext(name))
}

const (
	// maxJavaDepth is how deep archives may lie in each other, and maxJavaArchives
	// how many one file may hold.
	maxJavaDepth    = 8
	maxJavaArchives = 10_000
	// maxJavaList is the size of an archive's list of its files, in bytes; of a
	// nested one, half of that of the archive around it. Unpacked in memory it is
	// about seven times as large. maxJavaLists is that of all together.
	maxJavaList  = 8 * mib
	maxJavaLists = 256 * mib
	// maxJavaText is how much is read of a file that describes a package.
	maxJavaText = 64 << 10
)

// readJavaArchive reads Maven's descriptions in an archive and in those within
// it. What cannot be read of it does not keep the rest from being read.
func readJavaArchive(e *entry) (File, error) {
	if e.size == 0 {
		return File{}, nil
	}
	content, err := e.random(e.limits.JavaBytes)
	if err != nil {
		return File{}, err
	}
	j := &javaReader{
		entry: e, unpack: e.limits.UnpackedBytes, hash: e.limits.UnpackedBytes, hold: e.limits.NestedBytes, lists: maxJavaLists,
	}
	if err := j.archive("", content, e.size, 0); err != nil {
		j.fail(err)
	}
	return j.file, j.err
}

// javaReader reads one file of a layer.
type javaReader struct {
	*entry
	file File
	// unpack are the bytes that may still be unpacked, hash those that may be summed
	// up, and hold those of nested archives that may be in memory at a time.
	unpack, hash, hold int64
	// lists are the bytes that lists of files may still have.
	lists    int64
	archives int
	// err is the first error.
	err error
}

func (j *javaReader) fail(err error) { j.err = cmp.Or(j.err, err) }

// archive reads an archive; inner is its path within the file.
func (j *javaReader) archive(inner string, content io.ReaderAt, size int64, depth int) error {
	list, err := j.open(content, size, depth)
	if err != nil {
		return j.archiveError(inner, content, err)
	}
	own := jarOfName(path.Base(path.Join(j.path, inner)))
	named, described := own.version != "", false
	var says javaManifest
	for _, f := range list.File {
		switch {
		case path.Base(f.Name) == "pom.properties":
			p, ok := j.properties(f)
			described = described || ok && (!named || p.artifact == own.artifact)
			j.add(p, inner, Jar{})
		case f.Name == "META-INF/MANIFEST.MF":
			says = j.manifest(f)
		case isJavaArchive(f.Name, 0):
			j.fail(j.nested(inner, f, content, depth))
		}
		if j.ctx.Err() != nil {
			return j.ctx.Err()
		}
	}
	if !described {
		own.version = cmp.Or(own.version, says.version())
		evidence := says.gav()
		evidence.Named = named
		if path.Ext(path.Join(j.path, inner)) == indexedSuffix {
			evidence.SHA1 = j.sha1(content, size)
		}
		j.add(own, inner, evidence)
	}
	return nil
}

// indexedSuffix is that of the archives whose sums Trivy's index of Maven has.
const indexedSuffix = ".jar"

// sha1 is that of an archive, or empty where it cannot be had. Nested archives
// may lie one on another: what is summed up is bounded like what is unpacked.
func (j *javaReader) sha1(content io.ReaderAt, size int64) string {
	if j.hash -= size; j.hash < 0 {
		j.fail(&tooLarge{what: "bytes in archives without a description", limit: j.limits.UnpackedBytes})
		return ""
	}
	sum := sha1.New() //nolint:gosec // It is the key that Maven's index has.
	if _, err := io.Copy(sum, io.NewSectionReader(content, 0, size)); err != nil {
		j.fail(fmt.Errorf("sum up the archive: %w", err))
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// archiveError drops the error of a file that only has an archive's name.
func (j *javaReader) archiveError(inner string, content io.ReaderAt, err error) error {
	if large := (*tooLarge)(nil); errors.As(err, &large) {
		return err
	}
	head := make([]byte, 2)
	if _, headErr := content.ReadAt(head, 0); errors.Is(err, zip.ErrFormat) && headErr == nil && string(head) != "PK" {
		return nil
	}
	return fmt.Errorf("open the archive %.200q: %w", path.Join(path.Base(j.path), inner), err)
}

// open reads the list of an archive's files, which may be long beyond measure.
func (j *javaReader) open(content io.ReaderAt, size int64, depth int) (*zip.Reader, error) {
	if j.archives++; j.archives > maxJavaArchives {
		return nil, &tooLarge{what: "nested archives", limit: maxJavaArchives}
	}
	if depth > maxJavaDepth {
		return nil, &tooLarge{what: "archives in each other", limit: maxJavaDepth}
	}
	limit := int64(maxJavaList >> depth)
	bounded := &boundedReader{r: content, left: min(limit, j.lists)}
	list, err := zip.NewReader(bounded, size)
	if bounded.left < 0 {
		return nil, &tooLarge{what: "bytes in an archive's list of files", limit: limit}
	}
	j.lists -= min(limit, j.lists) - bounded.left
	bounded.left = math.MaxInt64
	return list, err
}

type boundedReader struct {
	r    io.ReaderAt
	left int64
}

func (b *boundedReader) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("limit reached")
	}
	return b.r.ReadAt(p, off)
}

// nested reads an archive within an archive: in place where it is not
// compressed, or else from memory.
func (j *javaReader) nested(inner string, f *zip.File, content io.ReaderAt, depth int) error {
	inner = path.Join(inner, path.Clean("/" + f.Name)[1:])
	size := int64(f.UncompressedSize64)
	if size == 0 {
		return nil
	}
	if f.Method == zip.Store {
		offset, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("find the archive %.200q: %w", inner, err)
		}
		return j.archive(inner, io.NewSectionReader(content, offset, size), size, depth+1)
	}
	if size < 0 || size > j.hold {
		return &tooLarge{what: "bytes in nested archives", limit: j.limits.NestedBytes}
	}
	if size > j.unpack {
		return &tooLarge{what: "unpacked bytes", limit: j.limits.UnpackedBytes}
	}
	j.hold -= size
	defer func() { j.hold += size }()
	raw, err := j.unpacked(f, size)
	if err != nil {
		return err
	}
	return j.archive(inner, patient{j.ctx, bytes.NewReader(raw)}, int64(len(raw)), depth+1)
}

// unpacked is the content of f, or what it has in its first limit bytes.
func (j *javaReader) unpacked(f *zip.File, limit int64) ([]byte, error) {
	if j.unpack <= 0 {
		return nil, &tooLarge{what: "unpacked bytes", limit: j.limits.UnpackedBytes}
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("unpack %.200q: %w", f.Name, err)
	}
	defer func() { _ = r.Close() }()
	raw, err := io.ReadAll(io.LimitReader(r, min(limit, j.unpack)))
	j.unpack -= int64(len(raw))
	if err != nil {
		return nil, fmt.Errorf("unpack %.200q: %w", f.Name, err)
	}
	return raw, nil
}

// jar is what a description says of a package.
type jar struct{ group, artifact, version string }

func (j *javaReader) add(p jar, inner string, evidence Jar) {
	known := p.version != "" || evidence.SHA1 != ""
	if p.artifact == "" || !known || !legible(p.group, p.artifact, p.version, inner, evidence.Group, evidence.Artifact, evidence.Version) {
		return
	}
	if len(j.file.Packages) >= j.limits.Packages {
		j.fail(&tooLarge{what: "packages", limit: int64(j.limits.Packages)})
		return
	}
	name := p.artifact
	if p.group != "" {
		name = p.group + ":" + name
	}
	j.file.Packages = append(j.file.Packages, Package{Type: TypeJar, Name: name, Version: p.version, Path: inner, Jar: evidence})
}

// versionedName is that of most archives: an artifact, and a version that
// begins with a digit.
var versionedName = regexp.MustCompile(`^(.+?)-([0-9]\S*)$`)

// jarOfName is what an archive's name says. It never says the group, without
// which no package is judged: a wrong group would be another's package.
func jarOfName(name string) jar {
	name = strings.TrimSuffix(name, path.Ext(name))
	if parts := versionedName.FindStringSubmatch(name); parts != nil {
		return jar{artifact: parts[1], version: parts[2]}
	}
	return jar{artifact: name}
}

// properties reads what Maven writes into the archives that it makes. Several
// in one archive are of the packages that were merged into it.
func (j *javaReader) properties(f *zip.File) (jar, bool) {
	raw, err := j.unpacked(f, maxJavaText)
	if err != nil {
		j.fail(err)
		return jar{}, false
	}
	var p jar
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "groupId":
			p.group = value
		case "artifactId":
			p.artifact = value
		case "version":
			p.version = value
		}
	}
	complete := p.group != "" && p.artifact != "" && p.version != ""
	if !complete || strings.Contains(p.group+p.artifact+p.version, "${") {
		return jar{}, false
	}
	return p, true
}
