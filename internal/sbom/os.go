package sbom

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// systemFile reads a part of the answer to which operating system it is.
type systemFile struct {
	path string
	read func(io.Reader) (OS, error)
}

// systemFiles, those that name the system in order of their authority: the
// first that names a known one is believed. The derived distributions keep the
// files of the one they derive from. Symbolic links among them need no
// following, for every target that matters is itself on the list.
var systemFiles = []systemFile{
	{"etc/os-release", readOSRelease},
	{"usr/lib/os-release", readOSRelease},
	{"etc/lsb-release", readLSBRelease},
	{"etc/oracle-release", readRedHatRelease},
	{"etc/rocky-release", readRedHatRelease},
	{"etc/almalinux-release", readRedHatRelease},
	{"etc/centos-release", readRedHatRelease},
	{"etc/fedora-release", readRedHatRelease},
	{"etc/redhat-release", readRedHatRelease},
	{"etc/system-release", readRedHatRelease},
	{"usr/lib/system-release", readRedHatRelease},
	{alpineRelease, readAlpineRelease},
	{debianVersion, readDebianVersion},
	{"etc/apk/repositories", readAPKRepositories},
	{"var/lib/ubuntu-advantage/status.json", readUbuntuStatus},
	{"usr/share/rapidfort/curated.json", readRapidFort},
}

const (
	alpineRelease = "etc/alpine-release"
	debianVersion = "etc/debian_version"
)

func isSystemFile(name string, _ fs.FileMode) bool {
	for _, f := range systemFiles {
		if f.path == name {
			return true
		}
	}
	return false
}

func readSystemFile(e *entry) (File, error) {
	text, err := e.text(e.limits.ManifestBytes)
	if err != nil {
		return File{}, err
	}
	for _, f := range systemFiles {
		if f.path != e.path {
			continue
		}
		os, err := f.read(text)
		if !legible(os.Family, os.Release, os.RepositoryFamily, os.RepositoryRelease) {
			return File{}, errors.New("the system's name or release is not legible")
		}
		return File{OS: os}, err
	}
	return File{}, nil
}

// detectOS puts the parts together that are visible in the image.
func detectOS(parts view) OS {
	var os OS
	for _, f := range systemFiles {
		part := parts.at(f.path).OS
		if os.Family == "" {
			os.Family, os.Release = part.Family, part.Release
		}
		if part.RepositoryFamily != "" {
			os.RepositoryFamily, os.RepositoryRelease = part.RepositoryFamily, part.RepositoryRelease
		}
		os.ESM = os.ESM || part.ESM
		os.RapidFort = os.RapidFort || part.RapidFort
	}
	// Their own files are more precise than os-release.
	for name, family := range map[string]string{alpineRelease: "alpine", debianVersion: "debian"} {
		if release := parts.at(name).OS.Release; os.Family == family && release != "" {
			os.Release = release
		}
	}
	if os.Family == "" {
		os.Family, os.Release = os.RepositoryFamily, os.RepositoryRelease
	}
	os.ESM = os.ESM && os.Family == "ubuntu"
	return os
}

// familyOf an ID in os-release.
var familyOf = map[string]string{
	"alpine": "alpine", "debian": "debian", "ubuntu": "ubuntu", "wolfi": "wolfi", "chainguard": "chainguard",
	"minimos": "minimos", "echo": "echo", "rhel": "redhat", "centos": "centos", "rocky": "rocky", "almalinux": "alma",
	"ol": "oracle", "fedora": "fedora", "amzn": "amazon", "bottlerocket": "bottlerocket", "photon": "photon",
	"azurelinux": "azurelinux", "mariner": "cbl-mariner", "coreos": "coreos", "sles": "sles", "sle-micro": "slem",
	"sl-micro": "slem", "sle-micro-rancher": "slem", "opensuse": "opensuse-leap", "opensuse-leap": "opensuse-leap",
	"opensuse-tumbleweed": "opensuse-tumbleweed",
}

func readOSRelease(r io.Reader) (OS, error) {
	vars, err := assignments(r)
	os := OS{Family: familyOf[vars["ID"]], Release: vars["VERSION_ID"]}
	if os.Family == "" || os.Release == "" {
		return OS{}, err
	}
	if os.Family == "centos" && strings.Contains(vars["NAME"], "Stream") {
		os.Family = "centos-stream"
	}
	return os, err
}

func readLSBRelease(r io.Reader) (OS, error) {
	vars, err := assignments(r)
	if vars["DISTRIB_ID"] != "Ubuntu" || vars["DISTRIB_RELEASE"] == "" {
		return OS{}, err
	}
	return OS{Family: "ubuntu", Release: vars["DISTRIB_RELEASE"]}, err
}

// assignments of a file that a shell could read. The first of a name counts.
func assignments(r io.Reader) (map[string]string, error) {
	vars := map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		switch name {
		case "ID", "VERSION_ID", "NAME", "DISTRIB_ID", "DISTRIB_RELEASE":
			if _, given := vars[name]; ok && !given {
				vars[name] = strings.Trim(value, `"'`)
			}
		}
	}
	return vars, lines.Err()
}

var (
	redHatRelease  = regexp.MustCompile(`^(.+?) (?:Linux )?(?:Server |AMI |Client )?release (\S+)(.*)$`)
	redHatFamilies = []struct{ prefix, family string }{
		{"CentOS Stream", "centos-stream"}, {"CentOS", "centos"}, {"Red Hat", "redhat"}, {"Rocky", "rocky"},
		{"AlmaLinux", "alma"}, {"Oracle", "oracle"}, {"Fedora", "fedora"}, {"Amazon", "amazon"},
	}
)

// readRedHatRelease reads a line such as "CentOS Linux release 7.9.2009 (Core)".
func readRedHatRelease(r io.Reader) (OS, error) {
	line, err := firstLine(r)
	match := redHatRelease.FindStringSubmatch(line)
	if match == nil {
		return OS{}, err
	}
	for _, f := range redHatFamilies {
		if strings.HasPrefix(match[1], f.prefix) {
			return OS{Family: f.family, Release: match[2]}, err
		}
	}
	return OS{}, err
}

func readAlpineRelease(r io.Reader) (OS, error) {
	release, err := firstLine(r)
	if release == "" {
		return OS{}, err
	}
	return OS{Family: "alpine", Release: release}, err
}

func readDebianVersion(r io.Reader) (OS, error) {
	release, err := firstLine(r)
	if release == "" {
		return OS{}, err
	}
	return OS{Family: "debian", Release: release}, err
}

func firstLine(r io.Reader) (string, error) {
	lines := bufio.NewScanner(r)
	lines.Scan()
	return strings.TrimSpace(lines.Text()), lines.Err()
}

// apkRepository is a URL such as https://dl-cdn.alpinelinux.org/alpine/v3.20/main.
var apkRepository = regexp.MustCompile(`^(?:@\S+\s+)?(?:https?|ftp)://[^/\s]+/(?:[^\s]*/)?([A-Za-z]+)/v?([0-9][0-9A-Za-z_.-]*|edge)/`)

// readAPKRepositories takes the highest release of those that the repositories
// are of; edge is above all. Two families in one file name neither.
func readAPKRepositories(r io.Reader) (OS, error) {
	var family, release string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		match := apkRepository.FindStringSubmatch(strings.TrimSpace(lines.Text()))
		if match == nil {
			continue
		}
		if family != "" && family != match[1] {
			return OS{}, lines.Err()
		}
		family = match[1]
		if newerRelease(match[2], release) {
			release = match[2]
		}
	}
	if family != "alpine" || release == "" {
		return OS{}, lines.Err()
	}
	return OS{RepositoryFamily: family, RepositoryRelease: twoParts(release)}, lines.Err()
}

// newerRelease compares releases such as 3.20; what has no numbers is older than all.
func newerRelease(a, b string) bool {
	if a == "edge" || b == "edge" {
		return b != "edge"
	}
	aMajor, aMinor := releaseNumbers(a)
	bMajor, bMinor := releaseNumbers(b)
	return aMajor > bMajor || aMajor == bMajor && aMinor > bMinor
}

func releaseNumbers(release string) (major, minor int) {
	first, rest, _ := strings.Cut(release, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}

func twoParts(release string) string {
	parts := strings.SplitN(release, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// readUbuntuStatus looks for the service that brings security updates past a release's end.
func readUbuntuStatus(r io.Reader) (OS, error) {
	var status struct {
		Services []struct{ Name, Status string }
	}
	if err := json.NewDecoder(r).Decode(&status); err != nil {
		return OS{}, err
	}
	for _, s := range status.Services {
		if s.Name == "esm-infra" && s.Status == "enabled" {
			return OS{ESM: true}, nil
		}
	}
	return OS{}, nil
}

// readRapidFort takes the file for the mark, whatever it says.
func readRapidFort(io.Reader) (OS, error) { return OS{RapidFort: true}, nil }
