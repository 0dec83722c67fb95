package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

// maxOperatorMemory is what the operator may have used at its peak, in KiB,
// whatever it was given to read.
const maxOperatorMemory = 700 << 10

// An image that cannot be read, or not all that matters of it, is not scanned,
// says why, and is never found good.
func TestHostileImages(t *testing.T) {
	for name, test := range map[string]struct {
		recipe string
		image  func(*testing.T) v1.Image
		reason string
		words  string
	}{
		"chart":                {recipe: "chart", reason: v1alpha1.ReasonNotAnImage, words: "application/vnd.cncf.helm.config.v1+json"},
		"unknown system":       {recipe: "unknown-os", reason: v1alpha1.ReasonUnsupportedOS, words: "fedora"},
		"no system":            {recipe: "no-os", reason: v1alpha1.ReasonUnsupportedOS},
		"truncated layer":      {image: truncated, reason: v1alpha1.ReasonTruncatedLayer, words: "layer 1 of 1"},
		"corrupt dpkg":         {recipe: "corrupt-dpkg", reason: v1alpha1.ReasonCorruptPackageDatabase, words: "var/lib/dpkg/status"},
		"corrupt apk":          {recipe: "corrupt-apk", reason: v1alpha1.ReasonCorruptPackageDatabase, words: "lib/apk/db/installed"},
		"link loops":           {recipe: "link-loops", reason: v1alpha1.ReasonCorruptPackageDatabase, words: "symbolic link"},
		"bomb of zeros":        {recipe: "zero-bomb", reason: v1alpha1.ReasonLimitExceeded, words: "1073741824 bytes"},
		"bomb of records":      {recipe: "record-bomb", reason: v1alpha1.ReasonLimitExceeded, words: "1073741824 bytes"},
		"large dpkg database":  {image: bombOf("var/lib/dpkg/status"), reason: v1alpha1.ReasonLimitExceeded, words: "var/lib/dpkg/status"},
		"large apk database":   {image: bombOf("lib/apk/db/installed"), reason: v1alpha1.ReasonLimitExceeded, words: "lib/apk/db/installed"},
		"dangling apk link":    {image: layered(recipe.AlpineRelease("3.21.0", "v3.21"), []recipe.File{recipe.Symlink("lib/apk/db/installed", "/absent")}), reason: v1alpha1.ReasonCorruptPackageDatabase, words: "absent"},
		"database beside":      {image: layered(append(recipe.DebianRelease("12", "12.12"), recipe.Symlink("var/lib/dpkg", "/srv/dpkg"), recipe.Text("srv/dpkg/status", ""))), reason: v1alpha1.ReasonCorruptPackageDatabase, words: "/srv/dpkg"},
		"loop for a system":    {image: layered(append(recipe.Dpkg(recipe.Deb{Name: "tar", Version: "1.34", Arch: "amd64"}), recipe.Symlink("etc/os-release", "../usr/lib/os-release"), recipe.Symlink("usr/lib/os-release", "../../etc/os-release"))), reason: v1alpha1.ReasonUnsupportedOS},
		"other layers claimed": {image: otherLayers, reason: v1alpha1.ReasonDigestMismatch, words: "the configuration says"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			repository := "bad/" + strings.ReplaceAll(name, " ", "-")
			var ref image.Reference
			if test.recipe != "" {
				ref = push(t, repository+":1", bake(t, test.recipe))
			} else {
				ref = push(t, repository+":1", test.image(t))
			}
			create(t, pod(s.namespace, "bad", ref))
			got := s.awaitFailure(t, ref.Repository, test.reason)
			if message := condition(got, v1alpha1.ConditionScanned).Message; !strings.Contains(message, test.words) {
				t.Errorf("the message is %q, want %q in it", message, test.words)
			}
			s.awaitHealthy(t)
			checkMemory(t)
		})
	}
}

// What makes an image unreadable is in it: every pod that runs it must not have it read again.
func TestBombIsReadOnce(t *testing.T) {
	s := newScene(t)
	bomb, err := recipe.Bomb("srv/"+rand.Text(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	ref := push(t, "bad/"+path.Base(s.namespace)+":1", assemble(t, bomb))
	for i := range 3 {
		create(t, pod(s.namespace, fmt.Sprintf("bad-%d", i), ref))
		awaitReport(t, s.namespace, ref.Repository, func(r *v1alpha1.ImageReport) string {
			if r.Status.Workloads == nil || int(r.Status.Workloads.Total) != i+1 {
				return fmt.Sprintf("workloads are %+v, want %d", r.Status.Workloads, i+1)
			}
			return ""
		})
		s.awaitFailure(t, ref.Repository, v1alpha1.ReasonLimitExceeded)
	}
	s.awaitHealthy(t)
	// The configuration and the layer.
	if blobs := world.registry.Stats().Repositories[ref.Path()].Blobs; blobs.Gets != 2 {
		t.Errorf("blobs were fetched %d times, want 2", blobs.Gets)
	}
}

// Odd images that can be read, are.
func TestOddImages(t *testing.T) {
	for name, test := range map[string]struct {
		image    func(*testing.T) recipe.Artifact
		packages int32
	}{
		"empty":           {image: baked("empty")},
		"no layers":       {image: func(t *testing.T) recipe.Artifact { return layered()(t) }},
		"many entries":    {image: baked("many-entries")},
		"traversal":       {image: baked("traversal"), packages: 1}, // It replaces the database of the image, as it does where it runs.
		"not a database":  {image: func(t *testing.T) recipe.Artifact { return layered(loops())(t) }},
		"unread manifest": {image: func(t *testing.T) recipe.Artifact { return layered(brokenManifest())(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			ref := push(t, "odd/"+strings.ReplaceAll(name, " ", "-")+":1", test.image(t))
			create(t, pod(s.namespace, "odd", ref))
			got := awaitReport(t, s.namespace, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
			if c := condition(got, v1alpha1.ConditionScanned); c.Status != metav1.ConditionTrue {
				t.Errorf("condition is %+v", c)
			}
			if got.Status.Summary == nil || got.Status.Summary.Total != 0 {
				t.Errorf("summary is %+v, want no findings", got.Status.Summary)
			}
			if *got.Status.PackageCount != test.packages {
				t.Errorf("%d packages, want %d", *got.Status.PackageCount, test.packages)
			}
			checkMemory(t)
		})
	}
}

func baked(name string) func(*testing.T) recipe.Artifact {
	return func(t *testing.T) recipe.Artifact { return bake(t, name) }
}

// layered makes an image of the layers, and of one more that no other image has.
func layered(layers ...[]recipe.File) func(*testing.T) v1.Image {
	return func(t *testing.T) v1.Image {
		t.Helper()
		packed := []v1.Layer{packLayer(t, recipe.Text("etc/made-for", rand.Text()))}
		for _, files := range layers {
			packed = append(packed, packLayer(t, files...))
		}
		return assemble(t, packed...)
	}
}

func packLayer(t *testing.T, files ...recipe.File) v1.Layer {
	t.Helper()
	layer, err := recipe.Layer(files...)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func assemble(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := recipe.Image(recipe.AMD64, v1.Config{}, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// fresh is a Debian without packages, which no test before has had scanned.
func fresh(t *testing.T) v1.Image { return layered(recipe.DebianRelease("12", "12.12"))(t) }

// bombOf is an image within the limit of a layer, whose one file goes past that of its kind.
func bombOf(name string) func(*testing.T) v1.Image {
	return func(t *testing.T) v1.Image {
		t.Helper()
		bomb, err := recipe.Bomb(name, 256<<20)
		if err != nil {
			t.Fatal(err)
		}
		return assemble(t, packLayer(t, recipe.DebianRelease("12", "12.12")...), bomb)
	}
}

// truncated is an image whose one blob has its digest, and ends in the middle.
func truncated(t *testing.T) v1.Image {
	t.Helper()
	layer, err := recipe.Truncated(recipe.Text("etc/made-for", rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	return assemble(t, layer)
}

// otherLayers is an image whose layer, verified by its digest, does not hold
// what the configuration says.
func otherLayers(t *testing.T) v1.Image {
	t.Helper()
	return assemble(t, liar{Layer: packLayer(t, recipe.Text("etc/made-for", rand.Text())), other: packLayer(t, recipe.Text("etc/made-for", rand.Text()))})
}

// liar claims the diff ID of another layer.
type liar struct {
	v1.Layer
	other v1.Layer
}

func (l liar) DiffID() (v1.Hash, error) { return l.other.DiffID() }

func loops() []recipe.File {
	return []recipe.File{recipe.Symlink("srv/a", "b"), recipe.Symlink("srv/b", "a"), recipe.Symlink("srv/up", "../../../../srv/up/up"), recipe.Hardlink("srv/hard", "srv/hard")}
}

func brokenManifest() []recipe.File {
	return []recipe.File{recipe.Text("app/node_modules/half/package.json", `{"name":`)}
}

// scene is a namespace with a policy that everything scanned passes.
type scene struct {
	namespace string
	healthy   image.Reference
	before    map[string]int
}

// newScene deploys a healthy image, too, which nothing may keep from being scanned.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{namespace: namespace(t, nil), before: scanCounts(t)}
	create(t, &v1alpha1.ImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "lenient"},
		Spec: v1alpha1.ImagePolicySpec{Rules: []v1alpha1.Rule{{
			Name: "any", Type: v1alpha1.RuleVulnerabilities,
			Vulnerabilities: &v1alpha1.VulnerabilitiesRule{MaxCount: new(int32(1_000_000))},
		}}},
	})
	s.healthy = push(t, "healthy/"+path.Base(s.namespace)+":1", fresh(t))
	create(t, pod(s.namespace, "healthy", s.healthy))
	return s
}

func (s *scene) awaitHealthy(t *testing.T) {
	t.Helper()
	awaitReport(t, s.namespace, s.healthy.Repository, hasVerdict(v1alpha1.VerdictPass))
}

// awaitFailure waits until the report says that the image is not scanned for
// the reason, and checks that all else agrees with that.
func (s *scene) awaitFailure(t *testing.T, repository, reason string) *v1alpha1.ImageReport {
	t.Helper()
	got := awaitReport(t, s.namespace, repository, hasCondition(v1alpha1.ConditionScanned, metav1.ConditionFalse, reason))
	checkUnscanned(t, got)
	await(t, "the verdict on "+repository, func(ctx context.Context) (string, error) {
		return hasVerdict(v1alpha1.VerdictUnknown)(report(ctx, t, s.namespace, repository)), nil
	})
	if stalls[reason] {
		awaitReport(t, s.namespace, repository, hasCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, reason))
	} else {
		awaitReport(t, s.namespace, repository, hasCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonRetrying))
	}
	if n := scanCounts(t)[reason]; n <= s.before[reason] {
		t.Errorf("plimsoll_scans_total{reason=%q} is %d, and was %d before", reason, n, s.before[reason])
	}
	await(t, "the coverage's reason "+reason, func(ctx context.Context) (string, error) {
		coverage := vulnerabilityDatabase(ctx, t).Status.Coverage
		for _, c := range coverage.Reasons {
			if c.Reason == reason && c.Images > 0 {
				return "", nil
			}
		}
		return fmt.Sprintf("the coverage is %+v", coverage), nil
	})
	return got
}

// stalls are the reasons that no retry can mend, as the API documents them.
var stalls = map[string]bool{
	v1alpha1.ReasonImageNotFound: true, v1alpha1.ReasonDigestMismatch: true, v1alpha1.ReasonDigestNotPullable: true,
	v1alpha1.ReasonAddressNotAllowed: true, v1alpha1.ReasonPlatformNotFound: true, v1alpha1.ReasonNotAnImage: true,
	v1alpha1.ReasonTruncatedLayer: true, v1alpha1.ReasonLimitExceeded: true, v1alpha1.ReasonCorruptPackageDatabase: true,
	v1alpha1.ReasonUnsupportedOS: true,
}

// checkUnscanned says whether a report claims anything of an image that it does not know.
func checkUnscanned(t *testing.T, r *v1alpha1.ImageReport) {
	t.Helper()
	if r.Status.Summary != nil || r.Status.PackageCount != nil || r.Status.Vulnerabilities != nil || r.Status.Actionable != "" {
		t.Errorf("the report of an image that is not scanned has findings: %+v", r.Status)
	}
	if c := condition(r, v1alpha1.ConditionCompliant); c.Status == metav1.ConditionTrue {
		t.Errorf("the image is compliant: %+v", c)
	}
}

func condition(r *v1alpha1.ImageReport, kind string) metav1.Condition {
	for _, c := range r.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// scanCounts are the operator's scans by what came of them.
func scanCounts(t *testing.T) map[string]int { return counters(t, "plimsoll_scans_total") }

// counters returns the values of a metric by its label reason.
func counters(t *testing.T, name string) map[string]int {
	t.Helper()
	text, err := world.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(text) {
		labels, ok := strings.CutPrefix(line, name+`{reason="`)
		if !ok {
			continue
		}
		reason, value, _ := strings.Cut(labels, `"} `)
		if counts[reason], err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

func checkMemory(t *testing.T) {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", world.Operator().PID()))
	if os.IsNotExist(err) {
		t.Log("this system has no /proc: the operator's memory is not checked")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var peak int
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &peak); n == 1 {
			t.Logf("the operator used %d MiB at its peak", peak>>10)
			if peak > maxOperatorMemory {
				t.Errorf("the operator used %d KiB, more than %d", peak, maxOperatorMemory)
			}
			return
		}
	}
	t.Error("the process has no VmHWM")
}

// ownRegistry is one that a test may break without any other noticing.
func ownRegistry(t *testing.T, o registry.Options) *registry.Registry {
	t.Helper()
	r, err := registry.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}
