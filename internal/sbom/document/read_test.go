package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

func cyclonedxOf(components string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[` + components + `]}`
}

func spdxOf(packages string) string {
	return `{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"x","documentNamespace":"https://example.com/x",` +
		`"creationInfo":{"creators":["Tool: other"],"created":"2026-01-01T00:00:00Z"},"packages":[` + packages + `]}`
}

func TestRead(t *testing.T) {
	layer := image.Digest("sha256:" + strings.Repeat("a", 64))
	tests := map[string]struct {
		document string
		os       sbom.OS
		packages []sbom.Package
		unread   []string
	}{
		"properties of Trivy": {
			document: cyclonedxOf(`{"type":"operating-system","name":"redhat","version":"9.4"},
				{"type":"library","name":"npm","version":"1:8.19.4-1","purl":"pkg:rpm/redhat/npm@8.19.4-1?arch=x86_64&distro=redhat-9.4&epoch=1","properties":[
				{"name":"aquasecurity:trivy:PkgType","value":"redhat"},{"name":"aquasecurity:trivy:SrcName","value":"nodejs"},
				{"name":"aquasecurity:trivy:SrcVersion","value":"18.14.2"},{"name":"aquasecurity:trivy:SrcRelease","value":"3"},{"name":"aquasecurity:trivy:SrcEpoch","value":"1"},
				{"name":"aquasecurity:trivy:Modularitylabel","value":"nodejs:18:1:a"},{"name":"aquasecurity:trivy:LayerDiffID","value":"` + string(layer) + `"},{"name":"other:SrcName","value":"no"}]}`),
			os: sbom.OS{Family: "redhat", Release: "9.4"},
			packages: []sbom.Package{{Type: sbom.TypeRPM, Name: "npm", Version: "1:8.19.4-1", SourceName: "nodejs", SourceVersion: "1:18.14.2-3",
				Arch: "x86_64", Modularity: "nodejs:18:1:a", Layer: layer}},
		},
		"upstream of a URL": {
			document: cyclonedxOf(`{"type":"library","name":"libc6","purl":"pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc&distro=debian-12"},
				{"type":"library","name":"libssl3","purl":"pkg:deb/debian/libssl3@3.0.1-1%2Bb1?arch=amd64&upstream=openssl%403.0.1-1&distro=debian-12"}`),
			os: sbom.OS{Family: "debian", Release: "12"},
			packages: []sbom.Package{
				{Type: sbom.TypeDpkg, Name: "libc6", Version: "2.36-9", SourceName: "glibc", SourceVersion: "2.36-9", Arch: "amd64"},
				{Type: sbom.TypeDpkg, Name: "libssl3", Version: "3.0.1-1+b1", SourceName: "openssl", SourceVersion: "3.0.1-1", Arch: "amd64"},
			},
		},
		"upstream of an rpm": {
			document: cyclonedxOf(`{"type":"library","name":"bash-doc","purl":"pkg:rpm/rhel/bash-doc@5.1.8-6.el9?arch=noarch&epoch=2&upstream=bash-5.1.8-6.el9.src.rpm&distro=rhel-9.2"}`),
			os:       sbom.OS{Family: "redhat", Release: "9.2"},
			packages: []sbom.Package{{Type: sbom.TypeRPM, Name: "bash-doc", Version: "2:5.1.8-6.el9", SourceName: "bash", SourceVersion: "2:5.1.8-6.el9", Arch: "noarch"}},
		},
		"no source": {
			document: cyclonedxOf(`{"type":"library","name":"musl","purl":"pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=3.20.1"}`),
			os:       sbom.OS{Family: "alpine", Release: "3.20.1"},
			packages: []sbom.Package{{Type: sbom.TypeAPK, Name: "musl", Version: "1.2.5-r0", SourceName: "musl", SourceVersion: "1.2.5-r0", Arch: "x86_64"}},
		},
		"languages": {
			document: cyclonedxOf(`{"type":"library","group":"@babel","name":"core","purl":"pkg:npm/%40babel/core@7.0.0"},
				{"type":"library","group":"org.x","name":"core","purl":"pkg:maven/org.x/core@1.0"},
				{"type":"library","name":"github.com/Masterminds/sprig","purl":"pkg:golang/github.com/masterminds/sprig@2.22.0"},
				{"type":"library","name":"stdlib","purl":"pkg:golang/stdlib@1.22.1"},
				{"type":"library","name":"Flask_Cors","purl":"pkg:pypi/flask-cors@4.0.1"}`),
			packages: []sbom.Package{
				{Type: sbom.TypeGoBinary, Name: "github.com/Masterminds/sprig", Version: "v2.22.0"},
				{Type: sbom.TypeGoBinary, Name: "stdlib", Version: "v1.22.1"},
				{Type: sbom.TypeJar, Name: "org.x:core", Version: "1.0"},
				{Type: sbom.TypeNode, Name: "@babel/core", Version: "7.0.0"},
				{Type: sbom.TypePython, Name: "Flask_Cors", Version: "4.0.1"},
			},
		},
		"a lock file": {
			document: `{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"application","bom-ref":"lock","name":"app/package-lock.json"},
				{"type":"library","bom-ref":"ms","name":"ms","purl":"pkg:npm/ms@2.0.0"}],"dependencies":[{"ref":"lock","dependsOn":["ms"]}]}`,
			packages: []sbom.Package{{Type: sbom.TypeNode, Name: "ms", Version: "2.0.0", Path: "app/package-lock.json"}},
		},
		"nested components": {
			document: cyclonedxOf(`{"type":"framework","name":"a","purl":"pkg:npm/a@1","components":[{"type":"library","name":"b","purl":"pkg:npm/b@1","components":[{"type":"library","name":"c","purl":"pkg:npm/c@1"}]}]}`),
			packages: []sbom.Package{{Type: sbom.TypeNode, Name: "a", Version: "1"}, {Type: sbom.TypeNode, Name: "b", Version: "1"}, {Type: sbom.TypeNode, Name: "c", Version: "1"}},
		},
		"what is no package": {
			document: cyclonedxOf(`{"type":"library","name":"nameless","version":"1"},{"type":"library","name":"a","purl":"pkg:generic/a@1"},
				{"type":"library","name":"bad","purl":"not a URL"},{"type":"file","name":"etc/passwd"}`),
			unread: []string{"nameless@1: it has no package URL", `pkg:generic/a@1: there are no advisories for packages of type "generic"`, "not a URL: its package URL cannot be read"},
		},
		"evidence of Java archives": {
			document: cyclonedxOf(`{"type":"library","name":"a","purl":"pkg:maven/a@1","properties":[{"name":"plimsoll:Jar","value":"{\"h\":\"` + strings.Repeat("0f", 20) + `\",\"n\":true}"}]},
				{"type":"library","name":"b","purl":"pkg:maven/b@1","properties":[{"name":"plimsoll:Jar","value":"{\"h\":\"0g\"}"}]},
				{"type":"library","name":"c","purl":"pkg:npm/c@1","properties":[{"name":"plimsoll:Jar","value":"{}"}]}`),
			packages: []sbom.Package{
				{Type: sbom.TypeJar, Name: "a", Version: "1", Jar: sbom.Jar{SHA1: strings.Repeat("0f", 20), Named: true}},
				{Type: sbom.TypeJar, Name: "b", Version: "1"},
				{Type: sbom.TypeNode, Name: "c", Version: "1"},
			},
			unread: []string{"pkg:maven/b@1: what it offers to find its group by cannot be read"},
		},
		"SPDX": {
			document: spdxOf(`{"name":"registry.example.com/x","SPDXID":"SPDXRef-0","primaryPackagePurpose":"CONTAINER","downloadLocation":"NONE",
				"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:oci/x@sha256%3Aaa"}]},
				{"name":"debian","SPDXID":"SPDXRef-1","versionInfo":"12.5","primaryPackagePurpose":"OPERATING-SYSTEM","downloadLocation":"NONE"},
				{"name":"libc6","SPDXID":"SPDXRef-2","versionInfo":"2.36-9+b1","downloadLocation":"NONE","sourceInfo":"built package from: glibc 2.36-9",
				"attributionTexts":["PkgID: libc6","LayerDiffID: ` + string(layer) + `"],
				"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/libc6@2.36-9%2Bb1?arch=amd64"}]},
				{"name":"nameless","SPDXID":"SPDXRef-3","downloadLocation":"NONE"}`),
			os:       sbom.OS{Family: "debian", Release: "12.5"},
			packages: []sbom.Package{{Type: sbom.TypeDpkg, Name: "libc6", Version: "2.36-9+b1", SourceName: "glibc", SourceVersion: "2.36-9", Arch: "amd64", Layer: layer}},
			unread:   []string{"nameless: it has no package URL"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(tc.document))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.os, got.OS) + cmp.Diff(tc.packages, got.Packages); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(got.Unread) != len(tc.unread) {
				t.Fatalf("unread: %+v", got.Unread)
			}
			for i, u := range got.Unread {
				if text := u.Path + ": " + u.Message; !strings.HasPrefix(text, tc.unread[i]) || u.Reason != ReasonUnknownPackage {
					t.Errorf("unread %q, want %q", text, tc.unread[i])
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for document, want := range map[string]string{
		"":                            "it is not a JSON document",
		"text":                        "it is not a JSON document",
		"<bom/>":                      "it is XML",
		"SPDXVersion: SPDX-2.3\n":     "it is SPDX as tags and values",
		"{}":                          "neither CycloneDX nor SPDX",
		"[]":                          "it is not a JSON document",
		`{"spdxVersion":"SPDX-9"}`:    "parse SPDX: ",
		cyclonedxOf(`{"type":7}`):     "parse CycloneDX: ",
		cyclonedxOf(`{"type":"libra`): "it is not a JSON document",
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`: "it is SPDX 3",
	} {
		if _, err := Read([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", document, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(cyclonedxOf(`{"type":"operating-system","name":"redhat","version":"9"},{"type":"library","name":"npm","purl":"pkg:rpm/redhat/npm@8-1?epoch=1&upstream=a-1-2.src.rpm"}`)))
	f.Add([]byte(spdxOf(`{"name":"a","SPDXID":"SPDXRef-2","downloadLocation":"NONE","sourceInfo":"built package from: b 1"}`)))
	f.Add([]byte(`{"bomFormat":"CycloneDX","components":null,"dependencies":[{"ref":"a"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := Read(raw)
		if (got == nil) == (err == nil) {
			t.Fatalf("got %v, error %v", got, err)
		}
		if got == nil {
			return
		}
		for _, p := range got.Packages {
			if p.Name == "" || p.Type == "" || p.Type.OfSystem() && p.SourceName == "" {
				t.Errorf("package %+v", p)
			}
		}
	})
}
