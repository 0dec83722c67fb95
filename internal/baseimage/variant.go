package baseimage

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// codeNames of distributions' releases, oldest first.
var codeNames = map[string][]string{
	"debian": {"wheezy", "jessie", "stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke"},
	"ubuntu": {
		"precise", "trusty", "utopic", "vivid", "wily", "xenial", "yakkety", "zesty", "artful", "bionic", "cosmic", "disco", "eoan",
		"focal", "groovy", "hirsute", "impish", "jammy", "kinetic", "lunar", "mantic", "noble", "oracular", "plucky", "questing", "resolute",
	},
}

// longTerm are the releases of Ubuntu that are supported for years; no image
// that stands on one of these moves to another.
var longTerm = map[string]bool{
	"precise": true, "trusty": true, "xenial": true, "bionic": true, "focal": true, "jammy": true, "noble": true, "resolute": true,
}

// numbered are the systems that variants name with a number: alpine3.20, ubi9.
var numbered = map[string]bool{
	"alpine": true, "ubi": true, "al": true, "ol": true, "oraclelinux": true, "rockylinux": true, "centos": true, "fedora": true, "debian": true, "ubuntu": true,
	"windowsservercore": true, "nanoserver": true, "ltsc": true, "photon": true, "mariner": true, "azurelinux": true,
}

var numberedPattern = regexp.MustCompile(`^([a-z]+)-?(\d+)(?:\.(\d+))?$`)

// system is one token of a variant: a distribution's release.
type system struct {
	// family is another one where releases have names: these do not compare with numbers.
	family  string
	release []int
	// interim says that the release is supported for months only.
	interim bool
}

// splitVariant cuts at hyphens, but keeps together a system and its number.
func splitVariant(variant string) []string {
	var tokens []string
	for token := range strings.SplitSeq(variant, "-") {
		last := len(tokens) - 1
		if last >= 0 && numbered[tokens[last]] && startsWithDigit(token) {
			tokens[last] += "-" + token
			continue
		}
		tokens = append(tokens, token)
	}
	return tokens
}

func systemOf(token string) (system, bool) {
	for family, names := range codeNames {
		if at := slices.Index(names, token); at >= 0 {
			return system{family: family + " by name", release: []int{at}, interim: family == "ubuntu" && !longTerm[token]}, true
		}
	}
	found := numberedPattern.FindStringSubmatch(token)
	if found == nil || !numbered[found[1]] {
		return system{}, false
	}
	s := system{family: found[1]}
	for _, digits := range found[2:] {
		if digits == "" {
			break
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return system{}, false
		}
		s.release = append(s.release, n)
	}
	s.interim = s.family == "ubuntu" && (s.release[0]%2 != 0 || len(s.release) > 1 && s.release[1] != 4)
	return s, true
}

// variantStep says whether the variant b is that of a, or the same on one newer
// release of the same distribution.
func variantStep(a, b []string) (step, ok bool) {
	if len(a) != len(b) {
		return false, false
	}
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		if step || !newerSystem(a[i], b[i]) {
			return false, false
		}
		step = true
	}
	return step, true
}

func newerSystem(a, b string) bool {
	from, known := systemOf(a)
	to, alsoKnown := systemOf(b)
	if !known || !alsoKnown || unreleased[b] || from.family != to.family || len(from.release) != len(to.release) {
		return false
	}
	return slices.Compare(to.release, from.release) > 0 && (from.interim || !to.interim)
}

// compareVariants orders those that one variant may step to, newest first.
func compareVariants(a, b []string) int {
	for i := range min(len(a), len(b)) {
		from, _ := systemOf(a[i])
		to, _ := systemOf(b[i])
		if c := slices.Compare(to.release, from.release); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
