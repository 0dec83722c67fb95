package sbom

import (
	"bufio"
	"cmp"
	"errors"
	"io/fs"
	"path"
	"strings"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	scalibr "github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem/os/dpkg"
	dpkgmeta "github.com/google/osv-scalibr/extractor/filesystem/os/dpkg/metadata"
)

const (
	dpkgStatus = "var/lib/dpkg/status"
	// dpkgStatusDir holds a file per package, in images built without dpkg (distroless).
	dpkgStatusDir = "var/lib/dpkg/status.d"
	dpkgInfoDir   = "var/lib/dpkg/info"
	md5sums       = ".md5sums"
)

func isDpkgStatus(name string, _ fs.FileMode) bool {
	return name == dpkgStatus || path.Dir(name) == dpkgStatusDir && path.Ext(name) != md5sums
}

func isDpkgFileList(name string, _ fs.FileMode) bool {
	dir := path.Dir(name)
	return (dir == dpkgInfoDir || dir == dpkgStatusDir) && path.Ext(name) == md5sums
}

var (
	dpkgFields = []string{"Package", "Version", "Status", "Source", "Architecture", "Maintainer"}
	// What is installed is decided here: scalibr drops packages whose triggers are pending.
	dpkgExtractor = newExtractor(dpkg.New(&cpb.PluginConfig{
		PluginSpecific: []*cpb.PluginSpecificConfig{{
			Config: &cpb.PluginSpecificConfig_Dpkg{Dpkg: &cpb.DpkgConfig{IncludeNotInstalled: true}},
		}},
	}))
)

func readDpkgStatus(e *entry) (File, error) {
	text, err := e.text(e.limits.DatabaseBytes)
	if err != nil {
		return File{}, err
	}
	s := sieve{wanted: dpkgFields, limit: e.limits.Packages}
	scanErr := scanFields(text, s.field)
	found, err := extractText(e.ctx, dpkgExtractor, e.path, s.kept.Bytes())
	var file File
	for _, p := range found {
		meta, ok := p.Metadata.(*dpkgmeta.Metadata)
		switch {
		case !ok || !dpkgInstalled(meta.Status):
		case !legible(p.Name, p.Version, meta.SourceName, meta.SourceVersion, meta.Architecture):
			err = cmp.Or(err, errIllegible)
		default:
			file.Packages = append(file.Packages, dpkgPackage(p, meta))
		}
	}
	return file, cmp.Or(scanErr, err)
}

var errIllegible = errors.New("a package's name or version is not legible")

func dpkgPackage(p *scalibr.Package, meta *dpkgmeta.Metadata) Package {
	return Package{
		Type:          TypeDpkg,
		Name:          p.Name,
		Version:       p.Version,
		SourceName:    cmp.Or(strings.TrimSpace(meta.SourceName), p.Name),
		SourceVersion: cmp.Or(strings.TrimSpace(meta.SourceVersion), p.Version),
		Arch:          meta.Architecture,
		ThirdParty:    dpkgThirdParty(meta.Maintainer),
	}
}

// dpkgInstalled judges the three words of a Status field: what is wanted, a
// flag, what is. A package that is being configured has its files in place. A
// file of status.d has no such field.
func dpkgInstalled(status string) bool {
	words := strings.Fields(status)
	if len(words) == 0 {
		return true
	}
	switch words[len(words)-1] {
	case "not-installed", "config-files":
		return false
	}
	return words[0] != "deinstall" && words[0] != "purge"
}

// dpkgVendors are parts of the Maintainer fields of packages that come from a
// vendor's own repository and not from Debian's or Ubuntu's.
var dpkgVendors = []string{
	"@docker.com", "@nvidia.com", "@hashicorp.com", "@microsoft.com", "@mongodb.com", "@mariadb.org", "@mariadb.com",
	"lists.mariadb.org", "couchdb.apache.org", "@elastic.co", "@influxdb.com", "@influxdata.com", "@neo4j.com",
	"@percona.com", "@oss.oracle.com", "nginx-packaging@", "@nodesource.com", "@couchbase.com", "@clickhouse.com",
	"@datadoghq.com", "@gitlab.com", "@grafana.com", "@google.com", "rabbitmq", "@azul.com", "temurin-dev@", "corretto-team@",
	"@confluent.io", "@varnish-software.com", "@crate.io", "@arangodb.com", "@kubernetes.io", "@tailscale.com", "@cloudflare.com",
}

// dpkgThirdParty says whether a Maintainer field is that of a vendor which is
// not the distribution. There is no field that says so; the list is of those
// that are common in images.
func dpkgThirdParty(maintainer string) bool {
	maintainer = strings.ToLower(strings.TrimSpace(maintainer))
	if maintainer == "github" || maintainer == "hashicorp" {
		return true
	}
	for _, vendor := range dpkgVendors {
		if strings.Contains(maintainer, vendor) {
			return true
		}
	}
	return false
}

// readDpkgFileList reads lines of a checksum, two spaces and a path.
func readDpkgFileList(e *entry) (File, error) {
	text, err := e.text(e.limits.DatabaseBytes)
	if err != nil {
		return File{}, err
	}
	var file File
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		_, name, ok := strings.Cut(lines.Text(), " ")
		if !ok {
			continue
		}
		file.Owned.add(path.Clean("/" + strings.TrimLeft(name, " *"))[1:])
	}
	file.Owned.sort()
	return file, lines.Err()
}

// dpkgOwner is the name of the package that a file list is of, less its architecture.
func dpkgOwner(list string) string {
	name, _, _ := strings.Cut(strings.TrimSuffix(path.Base(list), md5sums), ":")
	return name
}

// dpkgSibling is the file of status.d that says which package a file list beside it is of.
func dpkgSibling(list string) string { return strings.TrimSuffix(list, md5sums) }
