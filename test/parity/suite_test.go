package parity

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/types"
	"sigs.k8s.io/yaml"
)

// suite is one of the files of testdata.
type suite struct {
	// OS and Records of the cases that have none of their own.
	OS      *system `json:"os"`
	Records records `json:"records"`
	Cases   []scene `json:"cases"`
}

// scene is a case: facts, and what they come to.
type scene struct {
	Name string `json:"name"`
	// At is the day of the judgement.
	At string `json:"at"`
	// OS and Packages are what was read of an image; or Layers are the files that
	// it has, lowest layer first, and are read.
	OS       *system             `json:"os"`
	Packages []pkg               `json:"packages"`
	Builds   map[string]build    `json:"builds"`
	Layers   []map[string]string `json:"layers"`
	// Records by bucket, package and id; Details and Sources by id and bucket.
	Records records                        `json:"records"`
	Details map[string]types.Vulnerability `json:"details"`
	Sources map[string]types.DataSource    `json:"sources"`

	Want []finding `json:"want"`
	// Problems each hold one of these texts, in their order.
	Problems []string `json:"problems"`
	// Unsupported says that the system's packages cannot be judged.
	Unsupported bool `json:"unsupported"`
	// SupportEnds is the last day of the system's support, where that is the
	// case's matter: "never" stands for none.
	SupportEnds string `json:"supportEnds"`
}

type records map[string]map[string]map[string]json.RawMessage

// system is an operating system.
type system struct {
	Family            string `json:"family"`
	Release           string `json:"release"`
	ESM               bool   `json:"esm"`
	RapidFort         bool   `json:"rapidFort"`
	RepositoryFamily  string `json:"repositoryFamily"`
	RepositoryRelease string `json:"repositoryRelease"`
}

// pkg is a package. Its type is that of the family's packages where it has none.
type pkg struct {
	Type          string `json:"type"`
	Name          string `json:"name"`
	Version       string `json:"version"`
	Source        string `json:"source"`
	SourceVersion string `json:"sourceVersion"`
	Arch          string `json:"arch"`
	Modularity    string `json:"modularity"`
	Path          string `json:"path"`
	Layer         string `json:"layer"`
	ThirdParty    bool   `json:"thirdParty"`
}

// build is what Red Hat says of a layer.
type build struct {
	ContentSets []string `json:"contentSets"`
	NVR         string   `json:"nvr"`
	Arch        string   `json:"arch"`
}

// finding is one that Trivy reports. An absent status is "fixed" with a fixed
// version and "affected" without, and an absent severity is "UNKNOWN".
type finding struct {
	ID             string   `json:"id"`
	Package        string   `json:"package"`
	Path           string   `json:"path"`
	Installed      string   `json:"installed"`
	Fixed          string   `json:"fixed"`
	Status         string   `json:"status"`
	Severity       string   `json:"severity"`
	SeveritySource string   `json:"severitySource"`
	VendorIDs      []string `json:"vendorIDs"`
	// Source of the advisory, and its page; the page of a CVE's id needs no word.
	Source string `json:"source"`
	URL    string `json:"url"`
}

func (f finding) full() finding {
	if f.Severity == "" {
		f.Severity = "UNKNOWN"
	}
	if f.Status == "" && f.Fixed != "" {
		f.Status = "fixed"
	} else if f.Status == "" {
		f.Status = "affected"
	}
	if strings.HasPrefix(f.ID, "CVE-") {
		f.URL = "https://avd.aquasec.com/nvd/" + strings.ToLower(f.ID)
	}
	return f
}

// loadSuites reads all files of testdata, by their names.
func loadSuites(t *testing.T) map[string]suite {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	suites := map[string]suite{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s suite
		if err := yaml.UnmarshalStrict(text, &s); err != nil {
			t.Fatalf("parse %s: %v", file, err)
		}
		for i := range s.Cases {
			s.Cases[i].inherit(s)
		}
		suites[strings.TrimSuffix(filepath.Base(file), ".yaml")] = s
	}
	return suites
}

func (c *scene) inherit(s suite) {
	if c.OS == nil {
		c.OS = s.OS
	}
	if c.Records == nil {
		c.Records = s.Records
	}
	if c.At == "" {
		c.At = "2026-08-01"
	}
}

func (c *scene) day(t *testing.T) time.Time {
	t.Helper()
	day, err := time.Parse(time.DateOnly, c.At)
	if err != nil {
		t.Fatal(err)
	}
	return day
}
