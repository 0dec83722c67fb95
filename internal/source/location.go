package source

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Kind of files that name an image at a location. Empty is any.
type Kind string

const (
	// Dockerfile says that the image is built there: the files name its base.
	Dockerfile Kind = "Dockerfile"
	// Manifests deploy the image: the files name it itself.
	Manifests Kind = "Manifests"
)

// byPolicy says of a location that the policy maps the image to it.
const byPolicy = "policy"

// Location in Git where an image is named.
type Location struct {
	// Repository as NormaliseRepository returns it.
	Repository string
	// Branch to propose to. Empty: the repository's default branch.
	Branch string
	// Revision is the commit that was built or deployed. Empty: not known.
	Revision string
	// Path of a directory or file within the repository, with slashes. Empty: all of it.
	Path string
	Kind Kind
	// By says for people how the location was found, as "Argo CD Application argocd/shop".
	By string
}

// within returns p relative to the repository's root, or an error where it leads out of it.
func within(p string) (string, error) {
	cleaned := path.Clean("/" + strings.ReplaceAll(p, "\\", "/"))
	if relative := path.Clean(strings.TrimPrefix(p, "/")); relative == ".." || strings.HasPrefix(relative, "../") {
		return "", fmt.Errorf("path %.300q leads out of the repository", p)
	}
	return strings.TrimPrefix(cleaned, "/"), nil
}

var (
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	// versionPattern is a whole version, which as a revision is a tag: branches for releases end before the last number.
	versionPattern = regexp.MustCompile(`^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)
)

// branchOf says which branch a revision that somebody follows means, empty for the default one. It is an error where
// the revision does not move with a branch, so that nothing that is merged would reach it.
func branchOf(revision string) (string, error) {
	branch, named := strings.CutPrefix(revision, "refs/heads/")
	switch {
	case strings.ContainsAny(branch, "*^~<>=|?[: \\\t\r\n") || strings.HasPrefix(branch, "-") || strings.Contains(branch, ".."):
		return "", fmt.Errorf("revision %.100q is no branch", revision)
	case named:
		return branch, nil
	case branch == "" || branch == "HEAD":
		return "", nil
	case commitPattern.MatchString(branch):
		return "", fmt.Errorf("it deploys commit %s and follows no branch", branch)
	case strings.HasPrefix(branch, "refs/"), versionPattern.MatchString(branch):
		return "", fmt.Errorf("it deploys the tag %.100q and follows no branch", branch)
	}
	return branch, nil
}
