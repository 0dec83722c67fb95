package document

import (
	"crypto/sha1" //nolint:gosec // Maven's index knows archives by it.
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// jar takes over what a Java archive offers to find its group by. The package
// stays one without a group where that is damaged.
func (p part) jar(out *sbom.Package) error {
	text := p.properties[PropertyJar]
	if text == "" || out.Type != sbom.TypeJar {
		return nil
	}
	var evidence sbom.Jar
	err := json.Unmarshal([]byte(text), &evidence)
	sum, badSum := hex.DecodeString(evidence.SHA1)
	if err != nil || badSum != nil || len(sum) != sha1.Size {
		return errors.New("what it offers to find its group by cannot be read")
	}
	out.Jar = evidence
	return nil
}
