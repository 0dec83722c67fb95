package rpmdb

import (
	"bytes"
	"errors"
	"iter"
	"path"
	"strconv"
)

// Package is what a header says, as far as it is of use. Its values are as they
// were found: of any length and with any bytes but NUL.
type Package struct {
	Name, Version, Release, Arch string
	// Epoch is 0 where there is none.
	Epoch uint32
	// SourceRPM is the name of the file that the package was built from. Empty
	// for packages of keys.
	SourceRPM string
	Vendor    string
	// Modularity is the label name:stream:version:context, or empty.
	Modularity string

	dirs, bases value
	dirOf       []byte
}

// VersionRelease is [epoch:]version[-release].
func (p *Package) VersionRelease() string { return Join(p.Epoch, p.Version, p.Release) }

// Join makes [epoch:]version[-release].
func Join(epoch uint32, version, release string) string {
	if epoch != 0 {
		version = strconv.FormatUint(uint64(epoch), 10) + ":" + version
	}
	if release != "" {
		version += "-" + release
	}
	return version
}

// Files are the paths of the package's files, as far as the header is sound.
func (p *Package) Files() iter.Seq[string] {
	return func(yield func(string) bool) {
		var dirs []string
		for dir := range p.dirs.strings() {
			dirs = append(dirs, dir)
		}
		n := 0
		for base := range p.bases.strings() {
			if len(p.dirOf) < 4*(n+1) {
				return
			}
			dir := big.Uint32(p.dirOf[4*n:])
			if int64(dir) >= int64(len(dirs)) || !yield(path.Join(dirs[dir], base)) {
				return
			}
			n++
		}
	}
}

const (
	tagName       = 1000
	tagVersion    = 1001
	tagRelease    = 1002
	tagEpoch      = 1003
	tagVendor     = 1011
	tagArch       = 1022
	tagSourceRPM  = 1044
	tagDirIndexes = 1116
	tagBaseNames  = 1117
	tagDirNames   = 1118
	tagModularity = 5096
)

const (
	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
	typeI18N        = 9
)

const (
	headerIntro = 8
	headerEntry = 16
)

var errHeader = errors.New("a header is broken")

// parseHeader reads two counts, of entries and of bytes of data; the entries;
// and the data. Where a tag comes twice, the later entry counts, which was
// added when the package was installed.
func parseHeader(blob []byte) (*Package, error) {
	if len(blob) < headerIntro {
		return nil, errHeader
	}
	entries, size := int64(big.Uint32(blob)), int64(big.Uint32(blob[4:]))
	start := headerIntro + headerEntry*entries
	if start+size > int64(len(blob)) {
		return nil, errHeader
	}
	p := &Package{}
	data := blob[start : start+size]
	for e := blob[headerIntro:start]; len(e) > 0; e = e[headerEntry:] {
		v := value{kind: big.Uint32(e[4:]), count: big.Uint32(e[12:])}
		if offset := int64(big.Uint32(e[8:])); offset <= size {
			v.data = data[offset:]
		}
		p.set(big.Uint32(e), v)
	}
	if p.Name == "" || p.Version == "" {
		return nil, errHeader
	}
	return p, nil
}

func (p *Package) set(tag uint32, v value) {
	if text := p.text(tag); text != nil {
		*text = v.text()
		return
	}
	switch tag {
	case tagEpoch:
		p.Epoch = v.number()
	case tagDirNames:
		p.dirs = v
	case tagBaseNames:
		p.bases = v
	case tagDirIndexes:
		p.dirOf = v.numbers()
	}
}

// text is the field that holds a tag with a text, or nil.
func (p *Package) text(tag uint32) *string {
	switch tag {
	case tagName:
		return &p.Name
	case tagVersion:
		return &p.Version
	case tagRelease:
		return &p.Release
	case tagArch:
		return &p.Arch
	case tagVendor:
		return &p.Vendor
	case tagSourceRPM:
		return &p.SourceRPM
	case tagModularity:
		return &p.Modularity
	}
	return nil
}

// value of a tag: data begins with it and goes on to the header's end.
type value struct {
	kind, count uint32
	data        []byte
}

// text is a string, or the first of several. What rpm prints for an absent one is none.
func (v value) text() string {
	for s := range v.strings() {
		if s == "(none)" {
			return ""
		}
		return s
	}
	return ""
}

func (v value) strings() iter.Seq[string] {
	return func(yield func(string) bool) {
		if v.kind != typeString && v.kind != typeStringArray && v.kind != typeI18N {
			return
		}
		rest := v.data
		for range v.count {
			s, after, ended := bytes.Cut(rest, []byte{0})
			if !ended || !yield(string(s)) {
				return
			}
			rest = after
		}
	}
}

// number is the first of some, or 0.
func (v value) number() uint32 {
	numbers := v.numbers()
	if len(numbers) < 4 {
		return 0
	}
	return big.Uint32(numbers)
}

// numbers are the bytes of 32-bit numbers, as many as there are.
func (v value) numbers() []byte {
	if v.kind != typeInt32 || int64(v.count)*4 > int64(len(v.data)) {
		return nil
	}
	return v.data[:int64(v.count)*4]
}
