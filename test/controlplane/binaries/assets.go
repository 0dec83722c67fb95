package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Version is the Kubernetes version of the control plane that is built here.
const Version = "v1.36.3"

const assetsVariable = "KUBEBUILDER_ASSETS"

// The programs of a control plane, by the names that KUBEBUILDER_ASSETS knows.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kubectl           = "kubectl"
)

var programs = []string{Etcd, APIServer, ControllerManager, Scheduler, Kubectl}

// Assets returns a folder that holds the needed programs, all five when none is named. It
// takes them from KUBEBUILDER_ASSETS, from its cache, from the official downloads, and at last
// builds them from source: about ten minutes on two cores, once. What KUBEBUILDER_ASSETS
// lacks comes from the other places.
func Assets(ctx context.Context, log Logf, need ...string) (string, error) {
	if len(need) == 0 {
		need = programs
	}
	given := os.Getenv(assetsVariable)
	missing := missingIn(given, need)
	if given != "" && len(missing) == 0 {
		return given, nil
	}
	own, err := ownAssets(ctx, log)
	if err != nil {
		return "", fmt.Errorf("find a control plane: %w", err)
	}
	if given == "" || len(missing) == len(need) {
		return own, nil
	}
	log("%s lacks %s: taking that from %s", assetsVariable, strings.Join(missing, ", "), own)
	return combine(ctx, given, own)
}

func missingIn(dir string, names []string) []string {
	var missing []string
	for _, name := range names {
		if dir == "" || !executable(filepath.Join(dir, name)) {
			missing = append(missing, name)
		}
	}
	return missing
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// ownAssets is the cached folder of all programs, filled on first use.
func ownAssets(ctx context.Context, log Logf) (string, error) {
	top, err := root()
	if err != nil {
		return "", err
	}
	module := filepath.Join(top, "test", "controlplane", "kube")
	hash, err := moduleHash(module)
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, "controlplane", Version+"-"+hash)
	return target, once(ctx, target, func(dir string) error {
		err := official.fetch(ctx, log, dir)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		log("no official download (%v): building the control plane from source", err)
		if err := empty(dir); err != nil {
			return err
		}
		return buildControlPlane(ctx, log, module, dir)
	})
}

// buildControlPlane compiles all programs as one file that looks at the name it was started under.
func buildControlPlane(ctx context.Context, log Logf, module, dir string) error {
	if err := build(ctx, log, program{module: module, output: filepath.Join(dir, "kube"), pkg: ".", ldflags: versionFlags(Version)}); err != nil {
		return err
	}
	for _, name := range programs {
		if err := os.Symlink("kube", filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// versionFlags makes the programs report the version that they were built from:
// clients and the scheduler compare it.
func versionFlags(version string) string {
	part := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			"-X "+pkg+".gitVersion="+version,
			"-X "+pkg+".gitMajor="+part[0],
			"-X "+pkg+".gitMinor="+part[1])
	}
	return strings.Join(flags, " ")
}

// combine links what given has, and from own what it lacks, into one folder.
func combine(ctx context.Context, given, own string) (string, error) {
	given, err := filepath.Abs(given)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", assetsVariable, err)
	}
	has := slices.DeleteFunc(slices.Clone(programs), func(name string) bool {
		return slices.Contains(missingIn(given, programs), name)
	})
	sum := sha256.Sum256([]byte(given + "\n" + strings.Join(has, ",")))
	target := filepath.Join(filepath.Dir(own), filepath.Base(own)+"-with-"+hex.EncodeToString(sum[:6]))
	return target, once(ctx, target, func(dir string) error {
		for _, name := range programs {
			from := own
			if slices.Contains(has, name) {
				from = given
			}
			if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("link %s: %w", name, err)
			}
		}
		return nil
	})
}

func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("empty %s: %w", dir, err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("empty %s: %w", dir, err)
		}
	}
	return nil
}
