package sbom

import (
	"bufio"
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/sbom/rpmdb"
)

// rpmDirs are where rpm, in its various releases and distributions, keeps its database.
var rpmDirs = []string{"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"}

const (
	rpmSQLite = "rpmdb.sqlite"
	rpmWAL    = rpmSQLite + "-wal"
	// rpmManifest lists the packages of images that were built without a database
	// (Azure Linux distroless).
	rpmManifest = "var/lib/rpmmanifest/container-manifest-2"
)

func inRPMDir(name string) bool { return slices.Contains(rpmDirs, path.Dir(name)) }

func isRPMDatabase(name string, _ fs.FileMode) bool {
	switch path.Base(name) {
	case "Packages", "Packages.db", rpmSQLite, rpmWAL:
		return inRPMDir(name)
	}
	return false
}

func isRPMManifest(name string, _ fs.FileMode) bool { return name == rpmManifest }

// readRPMDatabase reads a database. A write-ahead log comes in a file of its
// own, behind the database in the tar, and is read together with it.
func readRPMDatabase(e *entry) (File, error) {
	switch path.Base(e.path) {
	case rpmSQLite:
		content, err := e.hold(e.limits.RPMBytes)
		if err != nil {
			return File{}, err
		}
		return readRPMPackages(e, content, rpmdb.Content{})
	case rpmWAL:
		return readRPMLog(e)
	}
	content, err := e.random(e.limits.RPMBytes)
	if err != nil {
		return File{}, err
	}
	return readRPMPackages(e, rpmdb.Content{ReaderAt: content, Size: e.size}, rpmdb.Content{})
}

func readRPMLog(e *entry) (File, error) {
	content, err := e.random(e.limits.RPMBytes)
	if err != nil {
		return File{}, err
	}
	log := rpmdb.Content{ReaderAt: content, Size: e.size}
	changes, err := rpmdb.Changes(log)
	if err != nil || !changes {
		return File{}, err
	}
	database := path.Dir(e.path) + "/" + rpmSQLite
	if e.held.path != database {
		return File{}, errors.New("a write-ahead log without its database before it")
	}
	e.of = database
	return readRPMPackages(e, e.held.Content, log)
}

func readRPMPackages(e *entry, db, wal rpmdb.Content) (File, error) {
	var file File
	var illegible error
	err := rpmdb.Read(db, wal, func(p *rpmdb.Package) error {
		if p.Name == "gpg-pubkey" {
			return nil
		}
		if len(file.Packages) == e.limits.Packages {
			return &tooLarge{what: "packages", limit: int64(e.limits.Packages)}
		}
		pkg := rpmPackage(p)
		if !legible(pkg.Name, pkg.Version, pkg.Arch, pkg.SourceName, pkg.SourceVersion, pkg.Modularity) {
			illegible = errIllegible
			return nil
		}
		file.Packages = append(file.Packages, pkg)
		if pkg.ThirdParty {
			return nil
		}
		return file.own(p, e.limits.ResultBytes)
	})
	file.Owned.sort()
	return file, cmp.Or(err, illegible)
}

// own adds the package's files. They cost 8 bytes each.
func (f *File) own(p *rpmdb.Package, limit int64) error {
	for name := range p.Files() {
		if 8*int64(len(f.Owned)) > limit {
			return &tooLarge{what: "bytes of results", limit: limit}
		}
		f.Owned.add(path.Clean("/" + name)[1:])
	}
	return nil
}

func rpmPackage(p *rpmdb.Package) Package {
	pkg := Package{
		Type:       TypeRPM,
		Name:       p.Name,
		Version:    p.VersionRelease(),
		Arch:       p.Arch,
		Modularity: p.Modularity,
		ThirdParty: rpmThirdParty(p.Vendor, p.Release),
	}
	return pkg.builtFrom(p.SourceRPM, p.Epoch)
}

// builtFrom sets the source by the name of its file, such as
// bash-5.1.8-9.el9.src.rpm. The name has no epoch: the package's is taken.
func (p Package) builtFrom(file string, epoch uint32) Package {
	p.SourceName, p.SourceVersion = p.Name, p.Version
	nvr := strings.TrimSuffix(strings.TrimSuffix(file, ".rpm"), ".src")
	nvr = strings.TrimSuffix(nvr, ".nosrc")
	nv, release, ok := cutLast(nvr, "-")
	name, version, ok2 := cutLast(nv, "-")
	if ok && ok2 && name != "" && version != "" {
		p.SourceName, p.SourceVersion = name, rpmdb.Join(epoch, version, release)
	}
	return p
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// rpmVendors begin the Vendor of packages that a distribution made.
var rpmVendors = []string{
	"Amazon Linux", "Amazon.com", "CentOS", "Fedora Project", "Oracle America", "Red Hat", "AlmaLinux", "CloudLinux",
	"VMware", "SUSE", "openSUSE", "Microsoft Corporation", "Rocky",
}

// rpmThirdParty says whether a package is not the distribution's. Some of
// Amazon's packages name no vendor.
func rpmThirdParty(vendor, release string) bool {
	if vendor == "" {
		return !strings.Contains(release, "amzn")
	}
	return !slices.ContainsFunc(rpmVendors, func(v string) bool { return strings.HasPrefix(vendor, v) })
}

// readRPMManifest reads lines of name, version-release, two times, vendor, a
// constant, size, architecture, epoch and source, parted by tabs.
func readRPMManifest(e *entry) (File, error) {
	text, err := e.text(e.limits.DatabaseBytes)
	if err != nil {
		return File{}, err
	}
	var file File
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 10 || fields[0] == "" || fields[1] == "" {
			return file, errNoField
		}
		if len(file.Packages) == e.limits.Packages {
			return file, &tooLarge{what: "packages", limit: int64(e.limits.Packages)}
		}
		pkg := manifestPackage(fields)
		if !legible(pkg.Name, pkg.Version, pkg.Arch, pkg.SourceName, pkg.SourceVersion) {
			return file, errIllegible
		}
		file.Packages = append(file.Packages, pkg)
	}
	return file, lines.Err()
}

func manifestPackage(fields []string) Package {
	// A package without an epoch has "(none)", which is no number.
	epoch, _ := strconv.ParseUint(fields[8], 10, 32)
	version, release, _ := cutLast(fields[1], "-")
	pkg := Package{
		Type:       TypeRPM,
		Name:       fields[0],
		Version:    rpmdb.Join(uint32(epoch), version, release),
		Arch:       fields[7],
		ThirdParty: rpmThirdParty(fields[4], release),
	}
	return pkg.builtFrom(fields[9], uint32(epoch))
}
