package recipe

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Module is a package of a language: its name and version.
type Module struct{ Name, Version string }

// Node writes the modules as npm installs them below dir.
func Node(dir string, modules ...Module) []File {
	var files []File
	for _, m := range modules {
		body, err := json.MarshalIndent(map[string]string{
			"name": m.Name, "version": m.Version, "main": "index.js", "license": "MIT",
		}, "", "  ")
		if err != nil {
			panic(fmt.Sprintf("encode package.json of %s: %v", m.Name, err))
		}
		home := path.Join(dir, "node_modules", m.Name)
		files = append(files,
			File{Path: home + "/package.json", Body: append(body, '\n')},
			Text(home+"/index.js", "module.exports = {};\n"))
	}
	return files
}

// Python writes the modules as pip installs wheels into a site-packages folder.
func Python(site string, modules ...Module) []File {
	var files []File
	for _, m := range modules {
		files = append(files, wheel(site, m)...)
	}
	return files
}

func wheel(site string, m Module) []File {
	// A folder's name has no hyphen but the one before the version.
	name := strings.ReplaceAll(m.Name, "-", "_")
	info := name + "-" + m.Version + ".dist-info"
	files := []File{
		Text(strings.ToLower(name)+"/__init__.py", fmt.Sprintf("__version__ = %q\n", m.Version)),
		Text(info+"/METADATA", fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: %s\n\n%s\n", m.Name, m.Version, m.Name, m.Name)),
		Text(info+"/WHEEL", "Wheel-Version: 1.0\nGenerator: bdist_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
		Text(info+"/INSTALLER", "pip\n"),
		Text(info+"/top_level.txt", strings.ToLower(name)+"\n"),
	}
	var record strings.Builder
	for i, f := range files {
		sum := sha256.Sum256(f.Body)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.Path, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.Body))
		files[i].Path = path.Join(site, f.Path)
	}
	fmt.Fprintf(&record, "%s/RECORD,,\n", info)
	return append(files, Text(path.Join(site, info, "RECORD"), record.String()))
}
