package source

import (
	"context"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxReferred bounds how many paths kustomizations may lead to.
const maxReferred = 64

// kustomizationFile is what of a kustomization says where the rest is.
type kustomizationFile struct {
	Resources  []string `yaml:"resources"`
	Bases      []string `yaml:"bases"`
	Components []string `yaml:"components"`
}

// referred lists the files and directories outside the paths to which their kustomizations lead, one after the other.
func (r *reader) referred(ctx context.Context, listed []File, paths []string) ([]string, error) {
	all := slices.Clone(paths)
	for i := 0; i < len(all) && len(all) < maxReferred; i++ {
		for _, f := range listed {
			if path.Dir(f.Path) != path.Clean(all[i]) || !isKustomization(path.Base(f.Path)) {
				continue
			}
			content, err := r.file(ctx, f.Path)
			if err != nil {
				return nil, err
			}
			for _, target := range localTargets(all[i], content) {
				if !slices.Contains(all, target) {
					all = append(all, target)
				}
			}
		}
	}
	return all[len(paths):], nil
}

func isKustomization(base string) bool {
	return base == "kustomization.yaml" || base == "kustomization.yml" || base == "Kustomization"
}

// localTargets are the paths within the repository that a kustomization in the directory names.
func localTargets(directory string, content []byte) []string {
	var k kustomizationFile
	if err := yaml.Unmarshal(content, &k); err != nil {
		return nil // Another tool will tell.
	}
	var targets []string
	for _, name := range slices.Concat(k.Resources, k.Bases, k.Components) {
		target, err := within(path.Join(directory, name))
		if err == nil && target != "" && !strings.Contains(name, "://") && !strings.ContainsAny(name, "?@") {
			targets = append(targets, target)
		}
	}
	return targets
}
