package sbom

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"strings"
)

// javaManifest is the main section of an archive's manifest: what follows it is
// about files in the archive.
type javaManifest map[string]string

func (j *javaReader) manifest(f *zip.File) javaManifest {
	raw, err := j.unpacked(f, maxJavaText)
	if err != nil {
		j.fail(err)
		return nil
	}
	return parseJavaManifest(raw)
}

// parseJavaManifest puts lines together that are longer than the format allows: a
// space begins the rest of one.
func parseJavaManifest(raw []byte) javaManifest {
	found := javaManifest{}
	var key string
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() && lines.Text() != "" {
		if rest, ok := strings.CutPrefix(lines.Text(), " "); ok {
			found[key] += rest
			continue
		}
		var value string
		key, value, _ = strings.Cut(lines.Text(), ":")
		found[key] = strings.TrimLeft(value, " ")
	}
	return found
}

// first is the first of the keys' values that is one, and not the name of a
// translation.
func (m javaManifest) first(keys ...string) string {
	for _, key := range keys {
		if value := strings.TrimSpace(m[key]); value != "" && !strings.HasPrefix(value, "%") {
			return value
		}
	}
	return ""
}

// version is the archive's own, of which builds add more words.
func (m javaManifest) version() string {
	version, _, _ := strings.Cut(m.first("Implementation-Version", "Bundle-Version", "Specification-Version"), " ")
	return version
}

// gav takes the keys in Trivy's order, whose words are then looked up.
func (m javaManifest) gav() Jar {
	bundle, _, _ := strings.Cut(m.first("Bundle-SymbolicName"), ";")
	if prefix, _, ok := cutLast(bundle, "."); ok {
		bundle = prefix
	}
	found := Jar{
		Group:    cmp.Or(m.first("Implementation-Vendor-Id"), bundle, m.first("Implementation-Vendor", "Specification-Vendor")),
		Artifact: m.first("Implementation-Title", "Specification-Title", "Bundle-Name"),
		Version:  m.first("Implementation-Version", "Specification-Version", "Bundle-Version"),
	}
	if found.Group == "" || found.Artifact == "" || found.Version == "" {
		return Jar{}
	}
	return found
}
