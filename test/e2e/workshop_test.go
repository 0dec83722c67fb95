package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// theForge is one Gitea for all tests.
var theForge = sync.OnceValues(func() (*forge.Forge, error) {
	return forge.Start(context.Background(), forge.Options{})
})

// workshop is where an image is built: a namespace that runs it, a repository with
// its Dockerfile, and a base with several versions in the registry.
type workshop struct {
	*forge.Forge
	ns string
	// repository at the forge, owner and name aside.
	repository string
	// base is the base's repository in the registry, without its host.
	base string
	app  string
	// versions of the base by tag.
	versions map[string]v1.Image
}

// The versions of OpenSSL that Debian 12 had, each with fewer findings than the one before.
const (
	opensslOld   = "3.0.15-1~deb12u1"
	opensslNewer = "3.0.18-1~deb12u2"
	opensslNew   = "3.0.19-1~deb12u2"
)

func openssl(version string) recipe.Deb {
	return recipe.Deb{
		Name: "openssl", Version: version, Arch: "amd64", Section: "utils",
		Maintainer: "Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>", Description: "Secure Sockets Layer toolkit",
	}
}

// newWorkshop has a base 12.1 and a repository whose Dockerfile names it.
func newWorkshop(t *testing.T, files map[string]string) *workshop {
	t.Helper()
	started, err := theForge()
	if err != nil {
		t.Fatal(err)
	}
	ns := namespace(t, nil)
	w := &workshop{Forge: started, ns: ns, repository: ns, base: ns + "/base", app: ns + "/app", versions: map[string]v1.Image{}}
	w.release(t, "12.1", opensslOld)
	for path, content := range files {
		files[path] = strings.ReplaceAll(content, "BASE", w.baseRepository())
		files[path] = strings.ReplaceAll(files[path], "APP", w.appRepository())
	}
	if err := w.CreateRepository(t.Context(), forge.Repository{Name: w.repository, Private: true, Files: files}); err != nil {
		t.Fatal(err)
	}
	w.secret(t)
	return w
}

func (w *workshop) baseRepository() string { return world.registry.Addr + "/" + w.base }
func (w *workshop) appRepository() string  { return world.registry.Addr + "/" + w.app }

// secret of the forge, in the operator's namespace.
func (w *workshop) secret(t *testing.T) {
	t.Helper()
	w.secretNamed(t, w.ns)
}

func (w *workshop) secretNamed(t *testing.T, name string) {
	t.Helper()
	create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: name},
		StringData: map[string]string{"type": "Gitea", "url": w.URL, "token": w.BotToken},
	})
}

// release pushes a version of the base with that version of OpenSSL.
func (w *workshop) release(t *testing.T, tag, version string) image.Reference {
	t.Helper()
	return w.ship(t, tag, compose(t, debian(t, openssl(version))))
}

// ship pushes a version of the base.
func (w *workshop) ship(t *testing.T, tag string, img v1.Image) image.Reference {
	t.Helper()
	w.versions[tag] = img
	return push(t, w.base+":"+tag, img)
}

// build makes an image on a version of the base, as a build of the Dockerfile would, and pushes it.
func (w *workshop) build(t *testing.T, tag, on string, how func(v1.Image) v1.Image) image.Reference {
	t.Helper()
	return push(t, w.app+":"+tag, how(w.assemble(t, tag, on)))
}

// assemble an image on a version of the base, with a package of its own.
func (w *workshop) assemble(t *testing.T, tag, on string) v1.Image {
	t.Helper()
	base := w.versions[on]
	layers, err := base.Layers()
	if err != nil {
		t.Fatal(err)
	}
	own, err := recipe.Layer(append(recipe.Node("app", recipe.Module{Name: "lodash", Version: "4.17.4"}), recipe.Text("etc/build", tag))...)
	if err != nil {
		t.Fatal(err)
	}
	img, err := recipe.Image(recipe.AMD64, v1.Config{Cmd: []string{"node"}}, append(layers, own)...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// annotated says which base an image has, as buildah does.
func (w *workshop) annotated(t *testing.T, on string) func(v1.Image) v1.Image {
	return func(img v1.Image) v1.Image {
		digest, err := w.versions[on].Digest()
		if err != nil {
			t.Fatal(err)
		}
		return mutate.Annotations(img, map[string]string{
			"org.opencontainers.image.base.name":   w.baseRepository() + ":" + on,
			"org.opencontainers.image.base.digest": digest.String(),
		}).(v1.Image)
	}
}

func plain(img v1.Image) v1.Image { return img }

// policy proposes updates of what the namespace runs.
func (w *workshop) policy(change func(*v1alpha1.Remediation)) *v1alpha1.ClusterImagePolicy {
	p := clusterPolicy(w.ns, named(w.ns))
	p.Spec.Remediation = &v1alpha1.Remediation{
		Updates: v1alpha1.UpdatesPropose, ForgeRef: &v1alpha1.LocalKeyReference{Name: w.ns}, MinReleaseAgeDays: new(int32),
		Repositories: []v1alpha1.SourceRepository{{URL: w.RepositoryURL(w.repository), Images: []string{w.appRepository()}}},
	}
	if change != nil {
		change(p.Spec.Remediation)
	}
	return p
}

// awaitUpdate waits until the one update of the workshop's policy is as wanted.
func (w *workshop) awaitUpdate(t *testing.T, check func(*v1alpha1.ImageUpdate) string) *v1alpha1.ImageUpdate {
	t.Helper()
	return w.awaitUpdateOf(t, "", check)
}

// awaitUpdateOf waits for the update of one base, or of the only one.
func (w *workshop) awaitUpdateOf(t *testing.T, base string, check func(*v1alpha1.ImageUpdate) string) *v1alpha1.ImageUpdate {
	t.Helper()
	return w.awaitUpdateIn(t, playground.Namespace, base, check)
}

// awaitUpdateIn waits for the update of one base, or of the only one, in the namespace of its policy.
func (w *workshop) awaitUpdateIn(t *testing.T, namespace, base string, check func(*v1alpha1.ImageUpdate) string) *v1alpha1.ImageUpdate {
	t.Helper()
	var found *v1alpha1.ImageUpdate
	await(t, "the update of "+w.ns, func(ctx context.Context) (string, error) {
		var list v1alpha1.ImageUpdateList
		if err := world.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return "", err
		}
		found = nil
		for i := range list.Items {
			if list.Items[i].Spec.PolicyName == w.ns && (base == "" || list.Items[i].Spec.Base == base) {
				found = &list.Items[i]
			}
		}
		if found == nil {
			return "there is no update", nil
		}
		return check(found), nil
	})
	return found
}

// inPhase is a check of an update's phase and where it goes.
func inPhase(phase v1alpha1.UpdatePhase, to string) func(*v1alpha1.ImageUpdate) string {
	return func(u *v1alpha1.ImageUpdate) string {
		if u.Status.Phase != phase || to != "" && (u.Status.To == nil || u.Status.To.Tag != to) {
			return fmt.Sprintf("it is %s to %v, want %s to %s: %+v", u.Status.Phase, u.Status.To, phase, to, u.Status)
		}
		return ""
	}
}

// proposed is a check of the condition Proposed.
func proposed(status metav1.ConditionStatus, reason string) func(*v1alpha1.ImageUpdate) string {
	return func(u *v1alpha1.ImageUpdate) string {
		c := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ConditionProposed)
		if c == nil || c.Status != status || c.Reason != reason {
			return fmt.Sprintf("condition Proposed is %+v, want %s with reason %s", c, status, reason)
		}
		return ""
	}
}

// pullRequests of the workshop's repository.
func (w *workshop) pullRequests(t *testing.T) []*gitea.PullRequest {
	t.Helper()
	list, err := w.PullRequests(t.Context(), w.repository)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// onlyPullRequest is the one that there is.
func (w *workshop) onlyPullRequest(t *testing.T) *gitea.PullRequest {
	t.Helper()
	list := w.pullRequests(t)
	if len(list) != 1 {
		t.Fatalf("there are %d pull requests, want 1", len(list))
	}
	return list[0]
}

// file at a branch of the workshop's repository.
func (w *workshop) file(t *testing.T, branch, path string) string {
	t.Helper()
	content, err := w.ReadFile(t.Context(), w.repository, branch, path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
