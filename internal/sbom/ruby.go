package sbom

import (
	"bufio"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// isGemSpecification wants those of installed gems; what a gem itself brings of
// that suffix says how it was built.
func isGemSpecification(name string, _ fs.FileMode) bool {
	return path.Ext(name) == ".gemspec" && strings.Contains("/"+path.Dir(name)+"/", "/specifications/")
}

var (
	gemName    = regexp.MustCompile(`^\s*\w+\.name\s*=\s*["']([^"']+)["']`)
	gemVersion = regexp.MustCompile(`^\s*\w+\.version\s*=\s*(?:Gem::Version\.new\s*\(?\s*)?["']([^"']+)["']`)
)

// readGemSpecification reads the Ruby that RubyGems writes at installation, in
// which name and version are plain strings.
func readGemSpecification(e *entry) (File, error) {
	text, err := e.text(e.limits.ManifestBytes)
	if err != nil {
		return File{}, err
	}
	gem := Package{Type: TypeGem}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLine)
	for lines.Scan() && (gem.Name == "" || gem.Version == "") {
		if match := gemName.FindStringSubmatch(lines.Text()); match != nil {
			gem.Name = match[1]
		} else if match := gemVersion.FindStringSubmatch(lines.Text()); match != nil {
			gem.Version = match[1]
		}
	}
	switch {
	case lines.Err() != nil:
		return File{}, lines.Err()
	case gem.Name == "" || gem.Version == "":
		return File{}, errNoField
	case !legible(gem.Name, gem.Version):
		return File{}, errIllegible
	}
	return File{Packages: []Package{gem}}, nil
}
