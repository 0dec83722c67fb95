package sbom

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

func contentSets(sets ...string) item {
	return file("root/buildinfo/content_manifests/ubi9-container-9.4-1.json", fmt.Sprintf(`{"metadata": {"icm_version": 1}, "content_sets": ["%s"]}`, strings.Join(sets, `", "`)))
}

const dockerfile = `FROM sha256:1
ENV container oci
LABEL com.redhat.component="ubi8-container" \
      name="ubi8" version="8.3" \
      architecture="x86_64"
LABEL "release"="227"
`

func TestReadRedHatBuild(t *testing.T) {
	for name, test := range map[string]struct {
		item item
		want Build
	}{
		"content sets":       {contentSets("a-rpms", "b-rpms__9_DOT_2"), Build{ContentSets: []string{"a-rpms", "b-rpms__9_DOT_2"}}},
		"newer content sets": {file("usr/share/buildinfo/content-sets.json", `{"content_sets":["a"]}`), Build{ContentSets: []string{"a"}}},
		"Dockerfile":         {file("root/buildinfo/Dockerfile-ubi8-8.3-227", dockerfile), Build{NVR: "ubi8-container-8.3-227", Arch: "x86_64"}},
		"old label":          {file("root/buildinfo/Dockerfile-rhel7-7.2-1", "label BZComponent=rhel-server-docker Architecture=\"x86_64\"\n"), Build{NVR: "rhel-server-docker-7.2-1", Arch: "x86_64"}},
		"label by a space":   {file("root/buildinfo/Dockerfile-a-1-2", "LABEL com.redhat.component a-container\n"), Build{NVR: "a-container-1-2"}},
		"labels":             {file("root/buildinfo/labels.json", `{"com.redhat.component":"ubi9-container","version":"9.4","release":"12","architecture":"aarch64","n":1}`), Build{NVR: "ubi9-container-9.4-12", Arch: "aarch64"}},
		"labels elsewhere":   {file("usr/share/buildinfo/labels.json", `{"com.redhat.component":"c","version":"1","release":"2"}`), Build{NVR: "c-1-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := readLayer(t, 0, test.item).Files[test.item.Name]
			if diff := cmp.Diff(File{Build: &test.want}, got); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
	for name, item := range map[string]item{
		"no component":     file("root/buildinfo/Dockerfile-a-1-2", "LABEL version=1\n"),
		"no version":       file("root/buildinfo/Dockerfile-a", dockerfile),
		"variable":         file("root/buildinfo/Dockerfile-a-1-2", "LABEL com.redhat.component=$NAME\n"),
		"no content sets":  file("root/buildinfo/content_manifests/a.json", `{"content_sets":[]}`),
		"labels of no use": file("root/buildinfo/labels.json", `{"com.redhat.component":"c"}`),
		"another place":    file("opt/content_manifests/a.json", `{"content_sets":["a"]}`),
		"a deeper place":   file("root/buildinfo/Dockerfile-a/b-1-2", dockerfile),
	} {
		if got, ok := readLayer(t, 0, item).Files[item.Name]; ok {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	for name, item := range map[string]item{
		"broken manifest":  file("root/buildinfo/content_manifests/a.json", `{`),
		"broken labels":    file("root/buildinfo/labels.json", `[]`),
		"too many":         contentSets(strings.Split(strings.Repeat("a,", 1001), ",")...),
		"too long":         contentSets(strings.Repeat("a", 300)),
		"illegible":        contentSets(`a\u0001`),
		"illegible labels": file("root/buildinfo/labels.json", `{"com.redhat.component":"c\u0000","version":"1","release":"2"}`),
	} {
		if got := readLayer(t, 0, item).Files[item.Name]; got.Reason == "" || got.Build != nil {
			t.Errorf("%s: got %+v, want it unread", name, got)
		}
	}
}

func TestSquashBuilds(t *testing.T) {
	baseos := contentSets("baseos")
	named := file("root/buildinfo/Dockerfile-ubi8-8.3-227", dockerfile)
	other := contentSets("other")
	want := func(builds ...Build) map[image.Digest]Build {
		all := map[image.Digest]Build{}
		for n, b := range builds {
			if !b.empty() {
				all[diffID(n)] = b
			}
		}
		return all
	}
	base := Build{ContentSets: []string{"baseos"}}
	baseNVR := Build{ContentSets: []string{"baseos"}, NVR: "ubi8-container-8.3-227", Arch: "x86_64"}
	for name, test := range map[string]struct {
		layers [][]item
		want   map[image.Digest]Build
	}{
		"none":                         {[][]item{{file("a", "")}}, nil},
		"one":                          {[][]item{{baseos, named}}, want(baseNVR)},
		"lowest from the one above":    {[][]item{{file("a", "")}, {baseos}}, want(base, base)},
		"above from below":             {[][]item{{file("a", "")}, {baseos, named}, {file("b", "")}, {file("c", "")}}, want(baseNVR, baseNVR, baseNVR, baseNVR)},
		"one layer below":              {[][]item{{baseos}, {file("b", "")}}, want(base, base)},
		"its own":                      {[][]item{{baseos}, {other}, {file("b", "")}}, want(base, Build{ContentSets: []string{"other"}}, Build{ContentSets: []string{"other"}})},
		"not from the second above":    {[][]item{{file("a", "")}, {file("b", "")}, {baseos}}, want(Build{}, Build{}, base)},
		"removed files describe still": {[][]item{{baseos}, {whiteout(".wh.root")}}, want(base, base)},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, squash(t, test.layers...).Builds); diff != "" {
				t.Errorf("builds (-want +got):\n%s", diff)
			}
		})
	}
}
