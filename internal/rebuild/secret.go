package rebuild

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// permitted says whether the trigger's Secret names where the trigger goes. Who writes a policy need not be allowed to
// read the Secrets beside it: what each is for is up to those who made them.
func (r Request) permitted() error {
	if r.Trigger.SecretRef == nil {
		return nil
	}
	text := clean(r.Secret[secretURL])
	if text == "" {
		return delivery.Refused(fmt.Errorf("%w lacks the key %s, which says where it may be sent", errSecret, secretURL))
	}
	allowed, err := delivery.Address(text)
	if err != nil {
		return delivery.Refused(fmt.Errorf("%w: key %s: %w", errSecret, secretURL, err))
	}
	at, err := delivery.Address(r.Trigger.URL)
	if err != nil {
		return delivery.Refused(fmt.Errorf("url: %w", err))
	}
	if !below(at, allowed) {
		return delivery.Refused(fmt.Errorf("%w may not be sent to the trigger's url, which is not its key %s or below it", errSecret, secretURL))
	}
	return nil
}

// below says whether an address is another one, or goes on where that ends.
func below(u, top *url.URL) bool {
	if u.Scheme != top.Scheme || !strings.EqualFold(u.Host, top.Host) || top.RawQuery != "" && u.RawQuery != top.RawQuery {
		return false
	}
	// A server may take it for something above.
	parts := strings.FieldsFunc(u.Path, func(c rune) bool { return c == '/' || c == '\\' })
	if slices.ContainsFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(part, ";")
		return name == "." || name == ".."
	}) {
		return false
	}
	path := strings.TrimSuffix(top.EscapedPath(), "/") + "/"
	return strings.HasPrefix(u.EscapedPath()+"/", path)
}
