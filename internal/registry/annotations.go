package registry

import "github.com/plimsoll-dev/plimsoll/internal/image"

// What an image says of its base, in the terms of the OCI image specification.
const (
	AnnotationBaseName   = "org.opencontainers.image.base.name"
	AnnotationBaseDigest = "org.opencontainers.image.base.digest"
)

// maxReference is the longest reference that is kept, in bytes.
const maxReference = 1024

// baseAnnotations keeps of annotations what they say of the base. Those of a
// later map replace those of an earlier one.
func baseAnnotations(all ...map[string]string) map[string]string {
	var kept map[string]string
	for _, annotations := range all {
		for key, fits := range map[string]func(string) bool{AnnotationBaseName: isReference, AnnotationBaseDigest: isDigest} {
			if value := annotations[key]; fits(value) {
				if kept == nil {
					kept = map[string]string{}
				}
				kept[key] = value
			}
		}
	}
	return kept
}

func isReference(s string) bool {
	if len(s) > maxReference {
		return false
	}
	_, err := image.ParseReference(s)
	return err == nil
}

func isDigest(s string) bool {
	_, err := image.ParseDigest(s)
	return err == nil
}
