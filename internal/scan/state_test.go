package scan

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func TestStateOf(t *testing.T) {
	var (
		debian   = sbom.OS{Family: "debian", Release: "12"}
		fedora   = sbom.OS{Family: "fedora", Release: "41"}
		packages = []sbom.Package{{Type: sbom.TypeDpkg, Name: "curl", Version: "8.0"}}
		database = sbom.Unread{Path: "var/lib/dpkg/status", Database: true, Reason: v1alpha1.ReasonCorruptPackageDatabase}
		large    = sbom.Unread{Path: "var/lib/dpkg/status", Database: true, Reason: v1alpha1.ReasonLimitExceeded}
		manifest = sbom.Unread{Path: "app/package.json", Reason: v1alpha1.ReasonCorruptPackageDatabase}
	)
	for name, test := range map[string]struct {
		content sbom.Image
		want    string
	}{
		"empty":                               {sbom.Image{}, v1alpha1.ReasonScanned},
		"read":                                {sbom.Image{OS: debian, Packages: packages}, v1alpha1.ReasonScanned},
		"no system, with packages":            {sbom.Image{Packages: packages}, v1alpha1.ReasonUnsupportedOS},
		"unsupported system, packages unread": {sbom.Image{OS: fedora}, v1alpha1.ReasonUnsupportedOS},
		"supported system without packages":   {sbom.Image{OS: debian}, v1alpha1.ReasonScanned},
		"unsupported system, with packages":   {sbom.Image{OS: fedora, Packages: packages}, v1alpha1.ReasonUnsupportedOS},
		"unread part":                         {sbom.Image{OS: debian, Unread: []sbom.Unread{manifest}}, v1alpha1.ReasonPartiallyScanned},
		"unread part, unsupported system":     {sbom.Image{OS: fedora, Packages: packages, Unread: []sbom.Unread{manifest}}, v1alpha1.ReasonUnsupportedOS},
		"unread database":                     {sbom.Image{OS: debian, Packages: packages, Unread: []sbom.Unread{manifest, database}}, v1alpha1.ReasonCorruptPackageDatabase},
		"unread database, too large":          {sbom.Image{OS: debian, Unread: []sbom.Unread{large, manifest}}, v1alpha1.ReasonLimitExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			if got := StateOf(&test.content).Reason; got != test.want {
				t.Errorf("reason is %s, want %s", got, test.want)
			}
		})
	}
}
