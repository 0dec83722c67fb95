package sbom

import (
	"cmp"
	"io/fs"
	"path"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem/os/apk"
	apkmeta "github.com/google/osv-scalibr/extractor/filesystem/os/apk/metadata"
)

func isAPKDatabase(name string, _ fs.FileMode) bool {
	return name == "lib/apk/db/installed" || name == "usr/lib/apk/db/installed" || name == "var/lib/apk/db/installed"
}

var (
	apkFields    = []string{"P", "V", "A", "o"}
	apkExtractor = newExtractor(apk.New(&cpb.PluginConfig{}))
)

// readAPKDatabase reads the packages and, in the same pass, their files: F
// names a directory, the R that follow it files in it.
func readAPKDatabase(e *entry) (File, error) {
	text, err := e.text(e.limits.DatabaseBytes)
	if err != nil {
		return File{}, err
	}
	var file File
	var dir string
	s := sieve{wanted: apkFields, limit: e.limits.Packages}
	scanErr := scanFields(text, func(key, value string) error {
		switch key {
		case "F":
			dir = value
		case "R":
			file.Owned.add(path.Clean("/" + dir + "/" + value)[1:])
		}
		return s.field(key, value)
	})
	file.Owned.sort()
	found, err := extractText(e.ctx, apkExtractor, e.path, s.kept.Bytes())
	for _, p := range found {
		meta, ok := p.Metadata.(*apkmeta.Metadata)
		if !ok || !legible(p.Name, p.Version, meta.OriginName, meta.Architecture) {
			err = cmp.Or(err, errIllegible)
			continue
		}
		file.Packages = append(file.Packages, Package{
			Type:          TypeAPK,
			Name:          p.Name,
			Version:       p.Version,
			SourceName:    cmp.Or(meta.OriginName, p.Name),
			SourceVersion: p.Version,
			Arch:          meta.Architecture,
		})
	}
	return file, cmp.Or(scanErr, err)
}
