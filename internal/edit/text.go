package edit

import (
	"slices"
	"strings"
)

// text is a value together with the offset in the file that each of its bytes comes from. An offset is -1 where the
// byte was computed and cannot be edited.
type text struct {
	value string
	at    []int
	// plain is the byte range of an unquoted YAML scalar whose new value may need quotes.
	plain *Range
}

// literal is content[start:end] itself.
func literal(content []byte, start, end int) text {
	t := text{value: string(content[start:end]), at: make([]int, end-start)}
	for i := range t.at {
		t.at[i] = start + i
	}
	return t
}

func computed(value string) text {
	return text{value: value, at: slices.Repeat([]int{-1}, len(value))}
}

// or returns another text where this one is empty.
func (t text) or(other text) text {
	if t.value == "" {
		return other
	}
	return t
}

func (t text) slice(start, end int) text {
	return text{value: t.value[start:end], at: t.at[start:end], plain: t.plain}
}

func (t *text) add(other text) {
	t.value += other.value
	t.at = append(t.at, other.at...)
}

// segments divides t where its bytes are not neighbours in the file.
func (t text) segments() []text {
	var found []text
	start := 0
	for i := 1; i <= len(t.at); i++ {
		if i < len(t.at) && neighbours(t.at[i-1], t.at[i]) {
			continue
		}
		found = append(found, t.slice(start, i))
		start = i
	}
	return found
}

func neighbours(a, b int) bool {
	if a < 0 || b < 0 {
		return a == b
	}
	return b == a+1
}

// ranges lists the parts of the file that t comes from.
func (t text) ranges() []Range {
	var found []Range
	for _, s := range t.segments() {
		if s.at[0] >= 0 {
			found = append(found, Range{s.at[0], s.at[0] + len(s.at)})
		}
	}
	return found
}

// splitReference divides a whole reference into name, tag and digest.
func splitReference(t text) (name, tag, digest text) {
	end := len(t.value)
	if i := strings.IndexByte(t.value, '@'); i >= 0 {
		digest = t.slice(i+1, end)
		end = i
	}
	colon := strings.LastIndexByte(t.value[:end], ':')
	if colon > strings.LastIndexByte(t.value[:end], '/') {
		return t.slice(0, colon), t.slice(colon+1, end), digest
	}
	return t.slice(0, end), text{}, digest
}
