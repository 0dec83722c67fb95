package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"code.gitea.io/sdk/gitea"
	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/forge"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// baseSource is a way in which a base is found.
type baseSource struct {
	source v1alpha1.BaseImageSource
	// build makes the image of the Dockerfile, on 12.1.
	build  func(*testing.T, *workshop) image.Reference
	policy func(*workshop, *v1alpha1.Remediation)
}

var baseSources = map[string]baseSource{
	"annotation": {
		source: v1alpha1.BaseAnnotation,
		build: func(t *testing.T, w *workshop) image.Reference {
			return w.build(t, "1.0.0", "12.1", w.annotated(t, "12.1"))
		},
	},
	"provenance": {
		source: v1alpha1.BaseProvenance,
		build: func(t *testing.T, w *workshop) image.Reference {
			compiler := push(t, w.ns+"/compiler:1.26", compose(t, debian(t, vulnerable("compiler"))))
			return push(t, w.app+":1.0.0", w.attested(t, w.assemble(t, "1.0.0", "12.1"),
				material(w.baseRepository(), "12.1", digestOf(t, w.versions["12.1"])), material(compiler.Repository, compiler.Tag, compiler.Digest)))
		},
	},
	"layers": {
		source: v1alpha1.BaseLayers,
		build: func(t *testing.T, w *workshop) image.Reference {
			return w.build(t, "1.0.0", "12.1", plain)
		},
		policy: func(w *workshop, r *v1alpha1.Remediation) { r.Bases = []string{w.baseRepository() + ":12.*"} },
	},
	"dockerfile": {
		source: v1alpha1.BaseDockerfile,
		build: func(t *testing.T, w *workshop) image.Reference {
			return w.build(t, "1.0.0", "12.1", labelled(t, map[string]string{
				"org.opencontainers.image.source": w.RepositoryURL(w.repository), "org.opencontainers.image.revision": w.commit(t, "main"),
			}))
		},
		// Where it is built, the image itself has to say.
		policy: func(_ *workshop, r *v1alpha1.Remediation) { r.Repositories[0].Images = nil },
	},
}

// begin runs the image, and proposes updates of it.
func (s baseSource) begin(t *testing.T, w *workshop) image.Reference {
	t.Helper()
	app := s.build(t, w)
	create(t, pod(w.ns, "app", app))
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		if s.policy != nil {
			s.policy(w, r)
		}
	}))
	return app
}

// Each of the four ways in which a base is found leads to the same pull request.
func TestRemediationBaseSources(t *testing.T) {
	t.Parallel()
	for name, source := range baseSources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile, "docs/Notes.md": "It runs on BASE:12.1.\n"})
			w.release(t, "12.2", opensslNew)
			source.begin(t, w)
			report := awaitReport(t, w.ns, w.appRepository(), both(baseFrom(source.source, w.baseRepository()+":12.1"), updateState(v1alpha1.UpdateProposed)))
			if got, want := report.Status.Base.Digest, string(digestOf(t, w.versions["12.1"])); got != want {
				t.Errorf("the base's digest is %s, want %s", got, want)
			}
			checkLayers(t, report)
			update := w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
			if diff := cmp.Diff([]v1alpha1.FilePosition{{Path: "Dockerfile", Line: 2}}, update.Status.Files); diff != "" {
				t.Errorf("files of the update (-want +got):\n%s", diff)
			}
			w.checkChanges(t, w.onlyPullRequest(t), map[string][]string{
				"Dockerfile": {"-FROM " + w.baseRepository() + ":12.1 AS run", "+FROM " + w.baseRepository() + ":12.2 AS run"},
			})
		})
	}
}

// A Dockerfile that cannot be read yet is read later, though nothing else happens.
func TestRemediationDockerfileReadLater(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNew)
	source := baseSources["dockerfile"]
	create(t, pod(w.ns, "app", source.build(t, w)))
	create(t, w.policy(func(r *v1alpha1.Remediation) {
		source.policy(w, r)
		r.ForgeRef.Name = w.ns + "-later"
	}))
	awaitReport(t, w.ns, w.appRepository(), hasVerdict(v1alpha1.VerdictPass))
	await(t, "the operator to miss the Secret", func(context.Context) (string, error) {
		log, err := world.Operator().Log()
		if !strings.Contains(log, w.ns+"-later") {
			return "its log does not name it", err
		}
		return "", err
	})
	w.secretNamed(t, w.ns+"-later")
	awaitReport(t, w.ns, w.appRepository(), baseFrom(source.source, w.baseRepository()+":12.1"))
	w.awaitUpdate(t, inPhase(v1alpha1.UpdateProposed, "12.2"))
}

// An operator that starts anew finds its pull request, and all that it has written, as they are to be.
func TestRemediationRestart(t *testing.T) {
	for name, source := range baseSources {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
			alone(t, w.ns)
			w.release(t, "12.2", opensslNew)
			source.begin(t, w)
			awaitReport(t, w.ns, w.appRepository(), both(baseFrom(source.source, w.baseRepository()+":12.1"), updateState(v1alpha1.UpdateProposed)))
			// An operator that looks at registry and forge every second is never done.
			seldom := []string{"--base-interval=1h", "--forge-interval=1h"}
			restartOperator(t, seldom...)
			settle(t)
			before, pr := w.written(t), w.onlyPullRequest(t)
			swapOperator(t.Context(), t, seldom...)
			await(t, "the operator to look for updates", func(ctx context.Context) (string, error) {
				if sum(ctx, t, "controller_runtime_reconcile_total")["imageupdate"] == 0 {
					return "it did not yet", nil
				}
				return "", nil
			})
			settle(t)
			if diff := cmp.Diff(before, w.written(t)); diff != "" {
				t.Errorf("what was written before and after (-before +after):\n%s", diff)
			}
			if n := sum(t.Context(), t, "plimsoll_report_writes_total")[""]; n > 0 {
				t.Errorf("reports were written %g times", n)
			}
			if after := w.onlyPullRequest(t); after.Head.Sha != pr.Head.Sha || !after.Updated.Equal(*pr.Updated) {
				t.Errorf("the pull request was changed: %s on %s, and now %s on %s", pr.Head.Sha, pr.Updated, after.Head.Sha, after.Updated)
			}
		})
	}
}

// written are the versions of all objects that the operator writes, and what the report and the update say.
func (w *workshop) written(t *testing.T) map[string]string {
	t.Helper()
	out := versions(t)
	var updates v1alpha1.ImageUpdateList
	if err := world.Client.List(t.Context(), &updates); err != nil {
		t.Fatal(err)
	}
	for _, u := range updates.Items {
		out["update "+u.Namespace+"/"+u.Name] = u.ResourceVersion + " " + inJSON(t, u.Status)
	}
	r := report(t.Context(), t, w.ns, w.appRepository())
	out["base"], out["update"] = inJSON(t, r.Status.Base), inJSON(t, r.Status.Update)
	return out
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkLayers compares what the report says of each finding's layer with its package, and with what it counts of the base.
func checkLayers(t *testing.T, r *v1alpha1.ImageReport) {
	t.Helper()
	count := map[v1alpha1.LayerOrigin]int32{}
	for _, v := range r.Status.Vulnerabilities.Items {
		want := v1alpha1.LayerBase
		if v.Package == "lodash" {
			want = v1alpha1.LayerApp
		}
		if v.Layer != want {
			t.Errorf("%s of %s is of layer %q, want %s", v.ID, v.Package, v.Layer, want)
		}
		count[v.Layer]++
	}
	if r.Status.Vulnerabilities.Omitted != 0 || count[v1alpha1.LayerApp] == 0 || count[v1alpha1.LayerBase] == 0 {
		t.Fatalf("findings by their layer are %v, and %d are omitted", count, r.Status.Vulnerabilities.Omitted)
	}
	if got := r.Status.Base.Summary.Total; got != count[v1alpha1.LayerBase] {
		t.Errorf("the base has %d findings, and %d are listed", got, count[v1alpha1.LayerBase])
	}
}

// What an image has from its base says nothing of the image itself.
func TestRemediationInheritedLabels(t *testing.T) {
	t.Parallel()
	t.Run("the repository", func(t *testing.T) {
		t.Parallel()
		w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
		inherited := map[string]string{"org.opencontainers.image.source": w.RepositoryURL(w.repository), "org.opencontainers.image.revision": w.commit(t, "main")}
		w.ship(t, "12.1", labelled(t, inherited)(w.versions["12.1"]))
		w.release(t, "12.2", opensslNew)
		create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", func(img v1.Image) v1.Image {
			return w.annotated(t, "12.1")(labelled(t, inherited)(img))
		})))
		create(t, w.policy(func(r *v1alpha1.Remediation) { r.Repositories[0].Images = nil }))
		awaitReport(t, w.ns, w.appRepository(), baseFrom(v1alpha1.BaseAnnotation, w.baseRepository()+":12.1"))
		w.awaitUpdate(t, proposed(metav1.ConditionFalse, v1alpha1.ReasonSourceUnknown))
		w.noPullRequest(t)
	})
	t.Run("the base", func(t *testing.T) {
		t.Parallel()
		w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
		beneath := w.versions["12.1"]
		ref := push(t, w.ns+"/beneath:7.1", beneath)
		inherited := map[string]string{"org.opencontainers.image.base.name": ref.Repository + ":7.1", "org.opencontainers.image.base.digest": string(ref.Digest)}
		w.ship(t, "12.1", labelled(t, inherited)(onTop(t, beneath, recipe.Text("etc/middle", w.ns))))
		w.release(t, "12.2", opensslNew)
		create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", labelled(t, inherited))))
		create(t, w.policy(func(r *v1alpha1.Remediation) { r.Bases = []string{w.baseRepository() + ":12.*"} }))
		awaitReport(t, w.ns, w.appRepository(), both(baseFrom(v1alpha1.BaseLayers, w.baseRepository()+":12.1"), updateState(v1alpha1.UpdateProposed)))
	})
}

// An image that names a base which it does not have has none.
func TestRemediationFalseAnnotation(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, map[string]string{"Dockerfile": dockerfile})
	w.release(t, "12.2", opensslNewer)
	w.release(t, "12.3", opensslNew)
	create(t, pod(w.ns, "app", w.build(t, "1.0.0", "12.1", w.annotated(t, "12.2"))))
	p := w.policy(nil)
	p.Spec.Rules = []v1alpha1.Rule{allowedBases("**")}
	create(t, p)
	report := awaitReport(t, w.ns, w.appRepository(), violates("its base image is not known, and so is not an allowed one", "Pod/app"))
	if report.Status.Base != nil {
		t.Errorf("base is %+v, want none", report.Status.Base)
	}
	for _, v := range report.Status.Vulnerabilities.Items {
		if v.Layer != "" {
			t.Errorf("%s of %s is of layer %s although no base is known", v.ID, v.Package, v.Layer)
		}
	}
	w.noPullRequest(t)
}

func allowedBases(patterns ...string) v1alpha1.Rule {
	return v1alpha1.Rule{Name: "r", Action: v1alpha1.EnforcementAudit, Type: v1alpha1.RuleBaseImage, BaseImage: &v1alpha1.BaseImageRule{Allowed: patterns}}
}

func digestOf(t *testing.T, img v1.Image) image.Digest {
	t.Helper()
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return image.Digest(digest.String())
}

// labelled puts labels on an image.
func labelled(t *testing.T, labels map[string]string) func(v1.Image) v1.Image {
	return func(img v1.Image) v1.Image {
		file, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config := file.Config
		config.Labels = labels
		img, err = mutate.Config(img, config)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
}

// onTop adds a layer to an image.
func onTop(t *testing.T, img v1.Image, files ...recipe.File) v1.Image {
	t.Helper()
	layer, err := recipe.Layer(files...)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		t.Fatal(err)
	}
	return img
}

// material is an image as a provenance lists it.
func material(repository, tag string, digest image.Digest) map[string]any {
	return map[string]any{
		"uri":    fmt.Sprintf("pkg:docker/%s@%s?platform=linux%%2Famd64", repository, tag),
		"digest": map[string]string{"sha256": digest.Hex()},
	}
}

// attested is an index of an image and what BuildKit attests of it.
func (w *workshop) attested(t *testing.T, img v1.Image, materials ...map[string]any) v1.ImageIndex {
	t.Helper()
	const predicate = "https://slsa.dev/provenance/v1"
	statement, err := json.Marshal(map[string]any{
		"_type": "https://in-toto.io/Statement/v0.1", "predicateType": predicate,
		"subject":   []map[string]any{{"name": w.appRepository(), "digest": map[string]string{"sha256": digestOf(t, img).Hex()}}},
		"predicate": map[string]any{"buildDefinition": map[string]any{"resolvedDependencies": materials}},
	})
	if err != nil {
		t.Fatal(err)
	}
	attestation, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer(statement, "application/vnd.in-toto+json"), Annotations: map[string]string{"in-toto.io/predicate-type": predicate},
	})
	if err != nil {
		t.Fatal(err)
	}
	index, err := recipe.Index(img)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(digestOf(t, img)),
		},
	}})
}

// commit at the head of a branch of the workshop's repository.
func (w *workshop) commit(t *testing.T, branch string) string {
	t.Helper()
	b, _, err := w.Client(t.Context()).GetRepoBranch(forge.Person, w.repository, branch)
	if err != nil {
		t.Fatal(err)
	}
	return b.Commit.ID
}

// checkChanges compares the lines that a pull request takes away and adds, by file.
func (w *workshop) checkChanges(t *testing.T, pr *gitea.PullRequest, want map[string][]string) {
	t.Helper()
	diff, _, err := w.Client(t.Context()).GetPullRequestDiff(forge.Person, w.repository, pr.Index, gitea.PullRequestDiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	file := ""
	for line := range strings.Lines(string(diff)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "--- "):
		case strings.HasPrefix(line, "+++ "):
			file = strings.TrimPrefix(line, "+++ b/")
		case strings.HasPrefix(line, "-"), strings.HasPrefix(line, "+"):
			got[file] = append(got[file], line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed lines of pull request %d (-want +got):\n%s", pr.Index, diff)
	}
}

func (w *workshop) noPullRequest(t *testing.T) {
	t.Helper()
	for _, pr := range w.pullRequests(t) {
		t.Errorf("there is pull request %d: %s", pr.Index, pr.Title)
	}
}
