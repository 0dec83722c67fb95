package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"code.gitea.io/sdk/gitea"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// What is built in the demo's repository, and on what.
const (
	builtName = "checkout"
	baseName  = "base/debian"
	oldBase   = "12.12"
	newBase   = "12.13"
	// fixedOpenSSL has fewer findings than the one of oldBase by either of the newer databases.
	fixedOpenSSL = "3.0.19-1~deb12u2"
)

// dockerfile of the image; the version of its base is an argument, as in many.
const dockerfile = `# syntax=docker/dockerfile:1
ARG DEBIAN=` + oldBase + `

FROM ` + registryAddress + "/" + baseName + `:${DEBIAN}
RUN apt-get update && apt-get install -y --no-install-recommends curl
COPY checkout /usr/bin/checkout
ENTRYPOINT ["/usr/bin/checkout"]
`

// forgeFolder is where Gitea lives, apart from the cluster: it has a folder of its own to itself.
func forgeFolder(dir string) string { return filepath.Join(dir, "gitea") }

// stop ends all that a demo has started.
func stop(dir string) error {
	return errors.Join(controlplane.StopDir(forgeFolder(dir)), controlplane.StopDir(dir))
}

func (d *demo) startForge(ctx context.Context) (err error) {
	say("Starting Gitea (the very first time it is built, which needs a C compiler and takes minutes)")
	d.forge, err = forge.Start(ctx, forge.Options{Dir: forgeFolder(d.Cluster.Dir()), Detached: true})
	return err
}

// onBase says on an image which base it was built on, as buildah does.
func onBase(artifact recipe.Artifact, base image.Reference) recipe.Artifact {
	return mutate.Annotations(artifact.(v1.Image), map[string]string{
		"org.opencontainers.image.base.name":   base.Repository + ":" + base.Tag,
		"org.opencontainers.image.base.digest": string(base.Digest),
	}).(v1.Image)
}

// remedy publishes a newer base, allows pull requests, and shows the one that comes.
func (d *demo) remedy(ctx context.Context) error {
	say("Publishing a newer base image of %s, %s:%s with OpenSSL %s, and allowing pull requests to %s",
		builtName, baseName, newBase, fixedOpenSSL, d.forge.RepositoryURL(builtName))
	if err := d.pushNewBase(ctx); err != nil {
		return err
	}
	if err := d.forge.CreateRepository(ctx, forge.Repository{Name: builtName, Private: true, Files: map[string]string{"Dockerfile": dockerfile}}); err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: playground.Namespace, Name: "forge"},
		StringData: map[string]string{"type": "Gitea", "url": d.forge.URL, "token": d.forge.BotToken},
	}
	for _, object := range []client.Object{secret, d.remediation()} {
		if err := d.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	update, err := d.awaitProposal(ctx)
	if err != nil {
		return err
	}
	out, err := d.Kubectl(ctx, "get", "imageupdates", "-A")
	fmt.Printf("\n$ kubectl get imageupdates -A\n%s", out)
	if err != nil {
		return err
	}
	return d.showPullRequest(ctx, update.Status.PullRequest.Number)
}

// pushNewBase pushes the base that runs, but for its OpenSSL.
func (d *demo) pushNewBase(ctx context.Context) error {
	debs := recipe.Debs("debian-12", "base", "amd64")
	for i := range debs {
		if debs[i].Name == "openssl" || debs[i].Source == "openssl" {
			debs[i].Version = fixedOpenSSL
		}
	}
	layer, err := recipe.Layer(append(recipe.DebianRelease("12", newBase), recipe.Dpkg(debs...)...)...)
	if err != nil {
		return err
	}
	img, err := recipe.Image(recipe.AMD64, v1.Config{Cmd: []string{"/bin/sh"}}, layer)
	if err != nil {
		return err
	}
	_, err = d.pusher.Push(ctx, baseName+":"+newBase, img)
	return err
}

// remediation is the policy that allows pull requests to one repository, and to no other.
func (d *demo) remediation() *v1alpha1.ClusterImagePolicy {
	built := registryAddress + "/shop/" + builtName
	p := &v1alpha1.ClusterImagePolicy{ObjectMeta: metav1.ObjectMeta{Name: "keep-current"}}
	p.Spec.Selector = v1alpha1.PolicySelector{Images: []string{built}}
	p.Spec.Rules = []v1alpha1.Rule{{Name: "in-time", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
		Fix: v1alpha1.FixAvailable, Deadlines: []v1alpha1.Deadline{{Severity: v1alpha1.SeverityCritical, Days: 7}, {Severity: v1alpha1.SeverityHigh, Days: 30}}}}}
	p.Spec.Remediation = &v1alpha1.Remediation{
		Updates:           v1alpha1.UpdatesPropose,
		ForgeRef:          &v1alpha1.LocalKeyReference{Name: "forge"},
		Repositories:      []v1alpha1.SourceRepository{{URL: d.forge.RepositoryURL(builtName), Images: []string{built}}},
		MinReleaseAgeDays: ptr.To[int32](0),
	}
	return p
}

func (d *demo) awaitProposal(ctx context.Context) (*v1alpha1.ImageUpdate, error) {
	var list v1alpha1.ImageUpdateList
	var found *v1alpha1.ImageUpdate
	err := wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if err := d.Client.List(ctx, &list); err != nil {
			return false, err
		}
		for i := range list.Items {
			if u := &list.Items[i]; u.Status.Phase == v1alpha1.UpdateProposed && u.Status.PullRequest != nil {
				found = u
			}
		}
		return found != nil, nil
	})
	if err != nil {
		var told []string
		for _, u := range list.Items {
			told = append(told, fmt.Sprintf("%s is %s: %+v", u.Spec.Base, u.Status.Phase, u.Status.Conditions))
		}
		return nil, fmt.Errorf("wait for the pull request: %w; the ImageUpdates say: %s", err, strings.Join(told, "; "))
	}
	return found, nil
}

func (d *demo) showPullRequest(ctx context.Context, number int64) error {
	c := d.forge.Client(ctx)
	pr, _, err := c.GetPullRequest(forge.Person, builtName, number)
	if err != nil {
		return fmt.Errorf("get pull request %d: %w", number, err)
	}
	diff, _, err := c.GetPullRequestDiff(forge.Person, builtName, number, gitea.PullRequestDiffOptions{})
	if err != nil {
		return fmt.Errorf("get the diff of pull request %d: %w", number, err)
	}
	say("%s\n    %s", pr.HTMLURL, pr.Title)
	fmt.Printf("\n%s\n\n%s\n", indent(string(diff)), indent(plainText(pr.Body)))
	say(`Look at it at %[1]s/user/login as %[2]s with the password %[3]s
    (the pages are plain: this Gitea is built without its stylesheets and scripts). Merge it with

  curl -u %[2]s:%[3]s -H 'Content-Type: application/json' -d '{"Do": "merge"}' %[1]s/api/v1/repos/%[2]s/%[4]s/pulls/%[5]d/merge

    Seconds later the ImageUpdate is Merged. It is RolledOut once no pod runs an image on the old base any more.
    Close the pull request instead, and this version is not proposed again.`,
		d.forge.URL, forge.Person, d.forge.Password, builtName, number)
	return nil
}
