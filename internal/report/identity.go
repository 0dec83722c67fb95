package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	// labelManagedBy is Kubernetes' own label for who writes an object.
	labelManagedBy = "app.kubernetes.io/managed-by"
	managedBy      = "plimsoll"

	// nameHashLen and repositoryHashLen count hexadecimal digits.
	nameHashLen       = 10
	repositoryHashLen = 20
	maxObjectName     = 63
)

// Name of the report of an image within its namespace: the last segment of the
// repository's path and a hash of the whole identity, at most 63 characters of
// a DNS label.
func Name(repository, digest, platform string) string {
	hash := hexHash(repository + "\n" + digest + "\n" + platform)[:nameHashLen]
	segment := strings.Map(dnsLabel, strings.ToLower(path.Base(repository)))
	segment = strings.Trim(segment[:min(len(segment), maxObjectName-nameHashLen-1)], "-")
	if segment == "" {
		segment = "image"
	}
	return segment + "-" + hash
}

func dnsLabel(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

// Labels of a report. A report without a verdict is Unknown.
func Labels(repository string, verdict v1alpha1.Verdict) map[string]string {
	if verdict == "" {
		verdict = v1alpha1.VerdictUnknown
	}
	return map[string]string{
		labelManagedBy:               managedBy,
		v1alpha1.LabelRepositoryHash: RepositoryHash(repository),
		v1alpha1.LabelVerdict:        string(verdict),
	}
}

// RepositoryHash stands for a repository in labels and names, 20 characters long.
func RepositoryHash(repository string) string { return hexHash(repository)[:repositoryHashLen] }

// ContentHash of a status: equal for two that differ only in when they were
// written. It leaves out itself, the conditions' last transitions and the last
// change, which there is none of unless something else differs.
func ContentHash(status v1alpha1.ImageReportStatus) string {
	status.ContentHash = ""
	status.Conditions = slices.Clone(status.Conditions)
	for i := range status.Conditions {
		status.Conditions[i].LastTransitionTime = metav1.Time{}
	}
	status.LastChange = nil
	encoded, err := json.Marshal(status)
	if err != nil {
		return "" // equal to no hash: it is written, and the API server says why not
	}
	return hexHash(string(encoded))
}

func hexHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
