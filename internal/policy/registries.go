package policy

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// checkRegistries judges where the image comes from. Nothing but its name matters.
func checkRegistries(t *trial, rule v1alpha1.Rule) outcome {
	r := rule.Registries
	if r == nil || len(r.Allowed)+len(r.Denied) == 0 {
		return failed("the rule sets neither registries.allowed nor registries.denied")
	}
	denied, err := firstMatch(r.Denied, t.facts.Repository)
	if err != nil {
		return failed(fmt.Sprintf("registries.denied: %v", err))
	}
	allowed, err := matchesImage(r.Allowed, t.facts.Repository)
	switch {
	case err != nil:
		return failed(fmt.Sprintf("registries.allowed: %v", err))
	case denied != "":
		return violated(fmt.Sprintf("%s is denied by %q", t.facts.Repository, denied))
	case !allowed:
		return violated(fmt.Sprintf("%s matches none of the allowed patterns", t.facts.Repository))
	default:
		return passed()
	}
}
