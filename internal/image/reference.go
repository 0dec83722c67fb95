package image

import (
	"fmt"

	"github.com/distribution/reference"
)

// Reference names an image. Repository is in full form, as docker.io/library/nginx.
type Reference struct {
	Repository string
	Tag        string
	Digest     Digest
}

// ParseReference parses what a pod's image field may hold. Like the kubelet it
// takes docker.io for an absent registry, and the tag latest where there is
// neither a tag nor a digest.
func ParseReference(s string) (Reference, error) {
	named, err := reference.ParseDockerRef(s)
	if err != nil {
		return Reference{}, fmt.Errorf("parse image reference %.300q: %w", s, err)
	}
	full, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return Reference{}, fmt.Errorf("parse image reference %.300q: %w", s, err)
	}
	r := Reference{Repository: named.Name()}
	// ParseDockerRef drops the tag of a reference that has both.
	if tagged, ok := full.(reference.Tagged); ok {
		r.Tag = tagged.Tag()
	} else if tagged, ok := named.(reference.Tagged); ok {
		r.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		if r.Digest, err = ParseDigest(digested.Digest().String()); err != nil {
			return Reference{}, fmt.Errorf("parse image reference %.300q: %w", s, err)
		}
	}
	return r, nil
}

// Host returns the registry's host, with its port if it has one.
func (r Reference) Host() string {
	for i, c := range r.Repository {
		if c == '/' {
			return r.Repository[:i]
		}
	}
	return r.Repository
}

// Path returns the repository's path within its registry.
func (r Reference) Path() string {
	host := r.Host()
	if len(host) == len(r.Repository) {
		return ""
	}
	return r.Repository[len(host)+1:]
}

// WithDigest returns the reference that names exactly d in the same repository.
func (r Reference) WithDigest(d Digest) Reference {
	return Reference{Repository: r.Repository, Digest: d}
}

func (r Reference) String() string {
	s := r.Repository
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + string(r.Digest)
	}
	return s
}
