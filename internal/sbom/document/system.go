package document

import (
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// Build is what Red Hat says of one layer, as a property of the operating system.
type Build struct {
	Layer image.Digest `json:"layer"`
	sbom.Build
}

// setOS takes an operating system and what was noted of it.
func (c *contents) setOS(name, version string, properties []property) {
	os := sbom.OS{Family: familyOf(name), Release: version}
	for _, p := range properties {
		switch p.name {
		case PropertyESM:
			os.ESM = p.value == "true"
		case PropertyRapidFort:
			os.RapidFort = p.value == "true"
		case PropertyRepositoryFamily:
			os.RepositoryFamily = p.value
		case PropertyRepositoryRelease:
			os.RepositoryRelease = p.value
		case PropertyBuild:
			c.addBuild(p.value)
		}
	}
	c.image.OS = os
}

// addBuild passes over what is not a build: the layer then has the defaults of its release.
func (c *contents) addBuild(text string) {
	var b Build
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		c.image.Unread = append(c.image.Unread, sbom.Unread{Path: PrefixPlimsoll + PropertyBuild, Reason: ReasonUnknownPackage, Message: "it is not a build"})
		return
	}
	if c.image.Builds == nil {
		c.image.Builds = map[image.Digest]sbom.Build{}
	}
	c.image.Builds[b.Layer] = b.Build
}

// addUnread takes over what was unread already when the document was written.
func (c *contents) addUnread(properties []property) {
	for _, p := range properties {
		if p.name != PropertyUnread {
			continue
		}
		var u sbom.Unread
		if err := json.Unmarshal([]byte(p.value), &u); err != nil || u.Reason == "" {
			u = sbom.Unread{Path: PrefixPlimsoll + PropertyUnread, Reason: ReasonUnknownPackage, Message: "it does not say what was unread"}
		}
		c.image.Unread = append(c.image.Unread, u)
	}
}

// property of a part, without the prefix of whose it is.
type property struct{ name, value string }

// propertyOf cuts the prefix; ok is false for those of other tools.
func propertyOf(name, value string) (property, bool) {
	for _, prefix := range []string{PrefixTrivy, PrefixPlimsoll} {
		if own, ok := strings.CutPrefix(name, prefix); ok {
			return property{own, value}, true
		}
	}
	return property{}, false
}

func byName(list []property) map[string]string {
	m := make(map[string]string, len(list))
	for _, p := range list {
		m[p.name] = p.value
	}
	return m
}
