package pullrequest

import (
	"regexp"
	"slices"
	"strings"
)

// Change is one base that a pull request moves. Neither text has spaces.
type Change struct {
	// Base is the reference with its tag that moves, and Candidate the one with digest that it moves to.
	Base, Candidate string
}

// key stands for a change. It begins with the key of its base.
func (c Change) key() string { return baseKey(c.Base) + key(c.Candidate)[:baseLength] }

const baseLength = 8 // digits of a key that stand for a base

func baseKey(base string) string { return key(base)[:baseLength] }

// moves says whether one of the changes is of a base.
func moves(changes []Change, base string) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return baseKey(c.Base) == base })
}

func changeKeys(changes []Change) []string {
	keys := make([]string, len(changes))
	for i, c := range changes {
		keys[i] = c.key()
	}
	return keys
}

// supersededBy returns the first maxSuperseded different keys of changes that others of the same bases have replaced.
func supersededBy(changes []Change, keys []string) []string {
	current := changeKeys(changes)
	var result []string
	for _, k := range keys {
		known := slices.Contains(current, k) || slices.Contains(result, k)
		if !known && len(result) < maxSuperseded && len(k) > baseLength && moves(changes, k[:baseLength]) {
			result = append(result, k)
		}
	}
	return result
}

// words of a file, and what is between them. An edit changes words, and leaves their number as it is.
var words = regexp.MustCompile(`[^\s"'\x60{}\[\](),;=|]+|[\s"'\x60{}\[\](),;=|]+`)

// join puts what mine changes of base into theirs, word by word. It is not ok where they have other words, or have changed
// the same one, unless that is for mine to change again.
func join(base, theirs, mine []byte, again bool) (joined []byte, ok bool) {
	b, t, m := words.FindAllString(string(base), -1), words.FindAllString(string(theirs), -1), words.FindAllString(string(mine), -1)
	if len(b) != len(t) || len(b) != len(m) {
		return nil, false
	}
	for i := range b {
		switch {
		case m[i] == b[i]:
		case t[i] == b[i] || t[i] == m[i] || again:
			t[i] = m[i]
		default:
			return nil, false
		}
	}
	return []byte(strings.Join(t, "")), true
}
