package rebuild

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// maxValue bounds an expanded parameter, in bytes.
const maxValue = 8 << 10

// clean is a credential without the line feed that files tend to end in.
func clean(secret []byte) string { return string(bytes.TrimSpace(secret)) }

// placeholder returns what $(name) stands for.
func (r Request) placeholder(name string) (string, bool) {
	value, known := map[string]string{
		"image":      r.Image,
		"digest":     r.Digest,
		"base":       r.Base,
		"baseDigest": r.BaseDigest,
		"key":        r.Key,
		"cluster":    r.Cluster,
	}[name]
	return value, known
}

// parameters of the trigger by name, with their placeholders replaced.
func (r Request) parameters() (map[string]string, error) {
	parameters := make(map[string]string, len(r.Trigger.Parameters)+1)
	for _, p := range r.Trigger.Parameters {
		value, err := r.expand(p.Value)
		if err != nil {
			return nil, delivery.Refused(fmt.Errorf("parameter %s: %w", p.Name, err))
		}
		parameters[p.Name] = value
	}
	return parameters, nil
}

// expand replaces $(name) by what it stands for, and $$ by $. What comes in that way is not expanded again.
func (r Request) expand(text string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if out.Len() > maxValue {
			return "", fmt.Errorf("it is longer than %d bytes", maxValue)
		}
		if !found {
			return out.String(), nil
		}
		switch {
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "("):
			name, after, closed := strings.Cut(rest[1:], ")")
			value, known := r.placeholder(name)
			if !closed || !known {
				return "", fmt.Errorf("$(%s is no placeholder; $$ stands for a $", name)
			}
			out.WriteString(value)
			text = after
		default:
			out.WriteByte('$')
			text = rest
		}
	}
}
