package report

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

var dns1123Label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func TestName(t *testing.T) {
	tests := map[string]struct{ repository, want string }{
		"last segment":      {"registry.example.com/shop/api", "api-bb9c8d8ca2"},
		"no path":           {"localhost:5000", "localhost-5000-"},
		"other characters":  {"docker.io/library/My_App.Web", "my-app-web-"},
		"long":              {"docker.io/" + strings.Repeat("a", 200), strings.Repeat("a", 52) + "-"},
		"cut at a dash":     {"docker.io/" + strings.Repeat("a", 50) + "_____b", strings.Repeat("a", 50) + "-"},
		"nothing that fits": {"docker.io/___", "image-"},
		"empty":             {"", "image-"},
		"not ASCII":         {"docker.io/caf\u00e9s", "caf-s-"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := Name(tc.repository, digest, "linux/amd64")
			if !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %s, want %s...", got, tc.want)
			}
			if len(got) > 63 || !dns1123Label.MatchString(got) {
				t.Errorf("%s is no DNS label of at most 63 characters", got)
			}
		})
	}
}

func TestNameTellsIdentitiesApart(t *testing.T) {
	seen := map[string]bool{}
	for _, repository := range []string{"a/x", "b/x"} {
		for _, d := range []string{digest, strings.Replace(digest, "9", "8", 1)} {
			for _, platform := range []string{"linux/amd64", "linux/arm64"} {
				seen[Name(repository, d, platform)] = true
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d names for 8 identities", len(seen))
	}
}

func TestLabels(t *testing.T) {
	const repository = "registry.example.com/shop/api"
	hash := RepositoryHash(repository)
	if len(hash) != 20 || hash == RepositoryHash("registry.example.com/shop/web") {
		t.Errorf("hash %s", hash)
	}
	tests := map[string]struct {
		verdict v1alpha1.Verdict
		want    string
	}{
		"a verdict":  {v1alpha1.VerdictFail, "Fail"},
		"no verdict": {"", "Unknown"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{
				"app.kubernetes.io/managed-by": "plimsoll", "plimsoll.dev/repository-hash": hash, "plimsoll.dev/verdict": tc.want,
			}
			if diff := cmp.Diff(want, Labels(repository, tc.verdict)); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}

func TestContentHash(t *testing.T) {
	base := func() v1alpha1.ImageReportStatus { return Build(scannedInput()) }
	hash := ContentHash(base())
	tests := map[string]struct {
		edit func(*v1alpha1.ImageReportStatus)
		same bool
	}{
		"itself":               {func(s *v1alpha1.ImageReportStatus) { s.ContentHash = "x" }, true},
		"a transition":         {func(s *v1alpha1.ImageReportStatus) { s.Conditions[0].LastTransitionTime = metav1.Time{} }, true},
		"the change's time":    {func(s *v1alpha1.ImageReportStatus) { s.LastChange.Time = metav1.NewTime(now.Add(time.Hour)) }, true},
		"the change's numbers": {func(s *v1alpha1.ImageReportStatus) { s.LastChange.Added++ }, true},
		"a condition":          {func(s *v1alpha1.ImageReportStatus) { s.Conditions[0].Reason = "x" }, false},
		"a count":              {func(s *v1alpha1.ImageReportStatus) { s.Summary.Low++ }, false},
		"a finding":            {func(s *v1alpha1.ImageReportStatus) { s.Vulnerabilities.Items[0].ID = "x" }, false},
		"a verdict":            {func(s *v1alpha1.ImageReportStatus) { s.Verdict = "x" }, false},
		"the generation":       {func(s *v1alpha1.ImageReportStatus) { s.ObservedGeneration++ }, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			status := base()
			tc.edit(&status)
			edited := status.DeepCopy()
			if got := ContentHash(status); (got == hash) != tc.same {
				t.Errorf("equal hashes: %t, want %t", got == hash, tc.same)
			}
			if diff := cmp.Diff(edited, &status); diff != "" {
				t.Errorf("hashing changed the status:\n%s", diff)
			}
		})
	}
}
