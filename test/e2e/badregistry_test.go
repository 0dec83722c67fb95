package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/playground"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
	"github.com/plimsoll-dev/plimsoll/test/registry"
)

const (
	pullUser = "puller"
	// canary is a password that must appear nowhere.
	canary = "correct-horse-battery-canary"
)

// A registry that fails leaves a reason, and what passes is retried without any
// event once the registry is well.
func TestFailingRegistry(t *testing.T) {
	manifests, blobs := "manifests", "blobs"
	for name, test := range map[string]struct {
		on     string
		fault  registry.Fault
		reason string
		words  string
	}{
		"server error":       {on: manifests, fault: registry.Fault{Status: http.StatusInternalServerError}, reason: v1alpha1.ReasonRegistryUnavailable, words: "500"},
		"bad gateway":        {on: blobs, fault: registry.Fault{Status: http.StatusBadGateway}, reason: v1alpha1.ReasonRegistryUnavailable, words: "502"},
		"forbidden":          {on: manifests, fault: registry.Fault{Status: http.StatusForbidden}, reason: v1alpha1.ReasonUnauthorized, words: "403"},
		"dropped connection": {on: manifests, fault: registry.Fault{Drop: true}, reason: v1alpha1.ReasonRegistryUnavailable},
		"broken connection":  {on: blobs, fault: registry.Fault{Truncate: true}, reason: v1alpha1.ReasonRegistryUnavailable},
		"corrupt manifest":   {on: manifests, fault: registry.Fault{Corrupt: true}, reason: v1alpha1.ReasonDigestMismatch},
		"other manifest":     {on: manifests, fault: registry.Fault{Replace: []byte("{}")}, reason: v1alpha1.ReasonDigestMismatch},
		"corrupt blob":       {on: blobs, fault: registry.Fault{Corrupt: true}, reason: v1alpha1.ReasonDigestMismatch},
		"short blob":         {on: blobs, fault: registry.Fault{Short: true}, reason: v1alpha1.ReasonTruncatedLayer, words: "early"},
		"absent blob":        {on: blobs, fault: registry.Fault{Status: http.StatusNotFound}, reason: v1alpha1.ReasonImageNotFound, words: "404"},
		"metadata address":   {on: manifests, fault: registry.Fault{Redirect: "https://169.254.169.254/latest/meta-data"}, reason: v1alpha1.ReasonAddressNotAllowed, words: "never allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			ref := push(t, "failing/"+path.Base(s.namespace)+":1", fresh(t))
			world.registry.Fail("/v2/"+ref.Path()+"/"+test.on+"/", test.fault)
			t.Cleanup(world.registry.Heal)
			create(t, pod(s.namespace, "bad", ref))
			got := s.awaitFailure(t, ref.Repository, test.reason)
			if message := condition(got, v1alpha1.ConditionScanned).Message; !strings.Contains(message, test.words) {
				t.Errorf("the message is %q, want %q in it", message, test.words)
			}
			s.awaitHealthy(t)
			world.registry.Heal()
			if stalls[test.reason] {
				// Only a change is a reason to try again soon, such as another tag.
				ref.Tag = "2"
				create(t, pod(s.namespace, "again", ref))
			}
			awaitReport(t, s.namespace, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
		})
	}
}

func TestImageNotFound(t *testing.T) {
	s := newScene(t)
	ref := push(t, "absent/"+path.Base(s.namespace)+":1", fresh(t))
	ref.Repository += "-elsewhere"
	create(t, pod(s.namespace, "bad", ref))
	s.awaitFailure(t, ref.Repository, v1alpha1.ReasonImageNotFound)
	s.awaitHealthy(t)
}

func TestPlatformNotFound(t *testing.T) {
	s := newScene(t)
	arm, err := recipe.Image(recipe.ARM64, v1.Config{}, packLayer(t, recipe.DebianRelease("12", "12.12")...))
	if err != nil {
		t.Fatal(err)
	}
	index, err := recipe.Index(arm)
	if err != nil {
		t.Fatal(err)
	}
	ref := push(t, "platform/"+path.Base(s.namespace)+":1", index)
	create(t, pod(s.namespace, "bad", ref))
	got := s.awaitFailure(t, ref.Repository, v1alpha1.ReasonPlatformNotFound)
	if message := condition(got, v1alpha1.ConditionScanned).Message; !strings.Contains(message, "linux/arm64") {
		t.Errorf("the message is %q, and does not say what there is", message)
	}
	s.awaitHealthy(t)
}

func TestRegistryDown(t *testing.T) {
	s := newScene(t)
	addr, img := closedAddress(t), fresh(t)
	ref := push(t, "down:"+path.Base(s.namespace), img)
	ref.Repository = addr + "/down"
	create(t, pod(s.namespace, "bad", ref))
	s.awaitFailure(t, ref.Repository, v1alpha1.ReasonRegistryUnavailable)
	s.awaitHealthy(t)

	back := ownRegistry(t, registry.Options{Addr: addr})
	if _, err := back.Push("down:1", img); err != nil {
		t.Fatal(err)
	}
	awaitReport(t, s.namespace, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
}

func TestTooManyRequests(t *testing.T) {
	const wait = 4 * time.Second
	s := newScene(t)
	limited := ownRegistry(t, registry.Options{})
	ref, err := limited.Push("limited:1", fresh(t))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan time.Time, 100)
	limited.Fail("/v2/", registry.Fault{
		Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"4"}},
		Reached: func() { asked <- time.Now() },
	})
	create(t, pod(s.namespace, "bad", ref))
	s.awaitFailure(t, ref.Repository, v1alpha1.ReasonTooManyRequests)
	s.awaitHealthy(t)
	// Another pod must not have the registry asked before its time either.
	create(t, pod(s.namespace, "another", ref))

	first := <-asked
	select {
	case second := <-asked:
		if early := wait - second.Sub(first); early > 100*time.Millisecond {
			t.Errorf("the registry was asked again %s too early", early)
		}
	case <-time.After(patience):
		t.Fatal("the registry was not asked again")
	}
	limited.Heal()
	awaitReport(t, s.namespace, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
}

// Addresses that no kubelet has shown to be a registry's are not connected to.
func TestAddressNotAllowed(t *testing.T) {
	for name, test := range map[string]struct {
		host string
		// bare: the node built the image, or loaded it, so that its imageID proves no pull.
		bare  bool
		words string
	}{
		"metadata":          {host: "169.254.169.254", words: "metadata"},
		"link-local":        {host: "169.254.1.1", words: "--registry-allowed-addresses=169.254.1.1/32"},
		"private, unproven": {host: "10.0.0.1", bare: true, words: "--registry-allowed-addresses=10.0.0.1/32"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			digest := image.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s.namespace))))
			ref := image.Reference{Repository: test.host + "/" + path.Base(s.namespace), Tag: "1", Digest: digest}
			bad := pod(s.namespace, "bad", ref)
			if test.bare {
				bad.Annotations[controlplane.ImageIDAnnotation] = string(digest)
			}
			create(t, bad)
			got := s.awaitFailure(t, ref.Repository, v1alpha1.ReasonAddressNotAllowed)
			if message := condition(got, v1alpha1.ConditionScanned).Message; !strings.Contains(message, test.words) {
				t.Errorf("the message is %q, want %q in it", message, test.words)
			}
			s.awaitHealthy(t)
		})
	}
}

// Without credentials the report says so; a Secret in the operator's namespace
// opens the repository, without any other event.
func TestCredentials(t *testing.T) {
	for name, bearer := range map[string]bool{"basic": false, "token": true} {
		t.Run(name, func(t *testing.T) {
			s, locked, ref := lockedScene(t, bearer)
			create(t, pod(s.namespace, "locked", ref))
			s.awaitFailure(t, ref.Repository, v1alpha1.ReasonUnauthorized)
			s.awaitHealthy(t)
			create(t, pullSecret(playground.Namespace, "wrong-"+path.Base(s.namespace), locked.Addr, "mistaken"))
			create(t, pullSecret(playground.Namespace, path.Base(s.namespace), locked.Addr, canary))
			awaitReport(t, s.namespace, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
			checkNoCanary(t)
		})
	}
}

// A pod's own pull secrets serve only where the operator may read them.
func TestPullSecretsOfAPod(t *testing.T) {
	s, locked, ref := lockedScene(t, true)
	create(t, pullSecret(s.namespace, "regcred", locked.Addr, canary))
	private := pod(s.namespace, "locked", ref)
	private.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "regcred"}}
	create(t, private)
	s.awaitFailure(t, ref.Repository, v1alpha1.ReasonUnauthorized)

	// The flag alone gives no right.
	restartOperator(t, "--pull-secrets="+s.namespace)
	s.before = nil
	await(t, "another try", func(context.Context) (string, error) {
		return missingUnless(scanCounts(t)[v1alpha1.ReasonUnauthorized] > 0, "no scan was refused"), nil
	})
	s.awaitFailure(t, ref.Repository, v1alpha1.ReasonUnauthorized)

	if _, err := world.Kubectl(t.Context(), "apply", "-n", s.namespace, "-k", filepath.Join(playground.Root(), "config", "pull-secrets")); err != nil {
		t.Fatal(err)
	}
	awaitReport(t, s.namespace, ref.Repository, hasVerdict(v1alpha1.VerdictPass))
	s.awaitHealthy(t)
	checkNoCanary(t)
}

// lockedScene has a registry that lets in only who knows the canary.
func lockedScene(t *testing.T, bearer bool) (*scene, *registry.Registry, image.Reference) {
	t.Helper()
	s := newScene(t)
	locked := ownRegistry(t, registry.Options{Bearer: bearer})
	ref, err := locked.Push("locked/"+path.Base(s.namespace)+":1", fresh(t))
	if err != nil {
		t.Fatal(err)
	}
	locked.Protect("locked/", pullUser, canary)
	return s, locked, ref
}

func pullSecret(namespace, name, host, password string) *corev1.Secret {
	auth := base64.StdEncoding.EncodeToString([]byte(pullUser + ":" + password))
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, host, auth)},
	}
}

func missingUnless(ok bool, missing string) string {
	if ok {
		return ""
	}
	return missing
}

// closedAddress is one of this machine on which nothing listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
