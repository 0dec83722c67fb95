package database

import (
	"os"
	"path/filepath"
)

// Shared returns the OCI layouts of the large real pair of databases, which lie
// beside the repository in ../shared/data, and false where they are absent.
func Shared() (older, newer string, ok bool) {
	root, ok := repository()
	if !ok {
		return "", "", false
	}
	dir := filepath.Join(filepath.Dir(root), "shared", "data", "trivy-db")
	older, newer = filepath.Join(dir, "oci-old"), filepath.Join(dir, "oci-new")
	for _, layout := range []string{older, newer} {
		if _, err := os.Stat(filepath.Join(layout, "index.json")); err != nil {
			return "", "", false
		}
	}
	return older, newer, true
}

// repository returns the directory of go.mod above the working directory.
func repository() (string, bool) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
	return "", false
}
