package source

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

func TestFromLabels(t *testing.T) {
	tests := map[string]struct {
		labels, base map[string]string
		want         Location
		wantErr      bool
	}{
		"none": {labels: map[string]string{"a": "b"}},
		"source and revision": {
			labels: map[string]string{LabelSource: "git@github.com:acme/shop.git", LabelRevision: commit},
			want:   Location{Repository: "https://github.com/acme/shop", Revision: commit, Kind: Dockerfile, By: "image labels"},
		},
		"a directory's page": {
			labels: map[string]string{LabelSource: "https://github.com/acme/shop/tree/dev/images/api/"},
			want:   Location{Repository: "https://github.com/acme/shop", Branch: "dev", Path: "images/api", Kind: Dockerfile, By: "image labels"},
		},
		"a page at a tag": {
			labels: map[string]string{LabelSource: "https://github.com/acme/shop/tree/v1.2.3/api"},
			want:   Location{Repository: "https://github.com/acme/shop", Path: "api", Kind: Dockerfile, By: "image labels"},
		},
		"BuildKit's form": {
			labels: map[string]string{LabelSource: "https://github.com/acme/shop.git#" + commit + ":api"},
			want:   Location{Repository: "https://github.com/acme/shop", Revision: commit, Path: "api", Kind: Dockerfile, By: "image labels"},
		},
		"inherited from the base": {
			labels: map[string]string{LabelSource: "https://github.com/debian/base", LabelRevision: commit},
			base:   map[string]string{LabelSource: "https://github.com/debian/base", LabelRevision: commit},
		},
		"the revision inherited from the base": {
			labels: map[string]string{LabelSource: "https://github.com/acme/shop", LabelRevision: commit},
			base:   map[string]string{LabelSource: "https://github.com/debian/base", LabelRevision: commit},
			want:   Location{Repository: "https://github.com/acme/shop", Kind: Dockerfile, By: "image labels"},
		},
		"no repository":   {labels: map[string]string{LabelSource: "shop"}, wantErr: true},
		"out of the tree": {labels: map[string]string{LabelSource: "https://github.com/a/b.git#main:../x"}, wantErr: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok, err := FromLabels(tc.labels, tc.base)
			if (err != nil) != tc.wantErr || ok != (tc.want != Location{}) {
				t.Fatalf("got %v, %t, %v", got, ok, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("location (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSelect(t *testing.T) {
	const image = "registry.example.com/shop/api"
	argo := Location{Repository: "https://github.com/acme/deploy", Branch: "prod", Path: "shop", Kind: Manifests, By: "Argo CD"}
	labels := Location{Repository: "https://github.com/acme/shop", Kind: Dockerfile, By: "image labels"}
	tests := map[string]struct {
		repositories []v1alpha1.SourceRepository
		found        []Location
		want         Selection
		wantErr      bool
	}{
		"no repositories allow nothing": {
			found: []Location{argo, labels},
			want:  Selection{Refused: []Location{argo, labels}},
		},
		"what was found, as far as it is allowed": {
			repositories: []v1alpha1.SourceRepository{{URL: "https://github.com/ACME/shop.git"}},
			found:        []Location{argo, labels},
			want: Selection{
				Allowed: []Location{{Repository: "https://github.com/ACME/shop", Kind: Dockerfile, By: "image labels"}},
				Refused: []Location{argo},
			},
		},
		"the policy's branch": {
			repositories: []v1alpha1.SourceRepository{{URL: "https://github.com/acme/deploy", Branch: "main"}},
			found:        []Location{argo},
			want:         Selection{Allowed: []Location{{Repository: "https://github.com/acme/deploy", Branch: "main", Path: "shop", Kind: Manifests, By: "Argo CD"}}},
		},
		"a mapping wins": {
			repositories: []v1alpha1.SourceRepository{
				{URL: "https://github.com/acme/mono", Images: []string{"registry.example.com/shop/*"}},
				{URL: "https://github.com/acme/shop", Images: []string{"registry.example.com/blog/*"}},
			},
			found: []Location{argo, labels},
			want:  Selection{Allowed: []Location{{Repository: "https://github.com/acme/mono", By: "policy"}}},
		},
		"a mapping looks first at what was found": {
			repositories: []v1alpha1.SourceRepository{{URL: "https://github.com/acme/deploy", Images: []string{"**"}}},
			found:        []Location{argo, labels},
			want:         Selection{Allowed: []Location{argo, {Repository: "https://github.com/acme/deploy", By: "policy"}}},
		},
		"SSH to a forge with a port": {
			repositories: []v1alpha1.SourceRepository{{URL: "http://git.example.com:3000/a/b"}},
			found:        []Location{{Repository: "https://git.example.com/a/b"}},
			want:         Selection{Allowed: []Location{{Repository: "http://git.example.com:3000/a/b"}}},
		},
		"SSH to one of two forges": {
			repositories: []v1alpha1.SourceRepository{{URL: "http://git.example.com:3000/a/b"}, {URL: "https://git.example.com:8443/a/b"}},
			found:        []Location{{Repository: "https://git.example.com/a/b"}},
			want:         Selection{Refused: []Location{{Repository: "https://git.example.com/a/b"}}},
		},
		"a repository that only begins alike": {
			repositories: []v1alpha1.SourceRepository{{URL: "https://github.com/acme/shop"}},
			found:        []Location{{Repository: "https://github.com/acme/shop-evil"}, {Repository: "https://github.com.evil.example/acme/shop"}},
			want:         Selection{Refused: []Location{{Repository: "https://github.com/acme/shop-evil"}, {Repository: "https://github.com.evil.example/acme/shop"}}},
		},
		"a bad pattern": {
			repositories: []v1alpha1.SourceRepository{{URL: "https://github.com/acme/shop", Images: []string{"[a"}}},
			wantErr:      true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Select(tc.repositories, image, tc.found)
			if (err != nil) != tc.wantErr {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("selection (-want +got):\n%s", diff)
			}
		})
	}
}
