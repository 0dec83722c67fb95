package edit

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

const (
	// maxExpansion bounds a word that has variables, and maxValue what it may become.
	maxExpansion = 1 << 10
	maxValue     = 4 << 10
)

// scope holds the global ARGs of a Dockerfile.
type scope struct {
	lex    *shell.Lex
	escape byte
	values map[string]variable
}

type variable struct {
	text
	// known is false where the value comes from the builder.
	known bool
}

func newScope(escape rune) *scope {
	return &scope{lex: shell.NewLex(escape), escape: byte(escape), values: map[string]variable{}}
}

func (s *scope) set(name string, value text, known bool) { s.values[name] = variable{value, known} }

// Get is for BuildKit's lexer.
func (s *scope) Get(name string) (string, bool) {
	v, ok := s.values[name]
	return v.value, ok
}

// Keys is for BuildKit's lexer.
func (s *scope) Keys() []string { return nil }

// platformVariable says whether the builder sets the variable itself.
func platformVariable(name string) bool {
	for _, prefix := range []string{"TARGET", "BUILD"} {
		switch strings.TrimPrefix(name, prefix) {
		case "PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT", "STAGE":
			return strings.HasPrefix(name, prefix)
		}
	}
	return false
}

// expand replaces the variables of a word. The value is BuildKit's; where our trace of its bytes differs, they count
// as computed. known is false where the value depends on what only the builder knows.
func (s *scope) expand(word text) (value text, known bool, refusal *Refusal) {
	if strings.Contains(word.value, "$") && len(word.value) > maxExpansion {
		return text{}, false, refuse(ReasonLimit, "a word with variables exceeds %d bytes", maxExpansion)
	}
	result, err := s.lex.ProcessWordWithMatches(word.value, s)
	if err != nil {
		return text{}, false, refuse(ReasonInvalid, "expand %.300q: %.300s", word.value, err)
	}
	if len(result.Result) > maxValue {
		return text{}, false, refuse(ReasonLimit, "%.80q expands to more than %d bytes", word.value, maxValue)
	}
	if len(word.value) <= maxExpansion {
		trace := tracer{scope: s, in: word, known: true}
		trace.word(0)
		if !trace.failed && trace.out.value == result.Result {
			return trace.out, trace.known, nil
		}
	}
	return computed(result.Result), len(result.Unmatched) == 0 && s.allKnown(result.Matched), nil
}

func (s *scope) allKnown(names map[string]struct{}) bool {
	for name := range names {
		if !s.values[name].known || platformVariable(name) {
			return false
		}
	}
	return true
}

// tracer expands the common forms of a word byte by byte: quotes, escapes, $V, ${V}, and ${V} with - or +.
type tracer struct {
	*scope
	in     text
	pos    int
	out    text
	known  bool
	failed bool
}

// word reads up to the closing byte, or to the end if that is 0.
func (t *tracer) word(closing byte) {
	quoted := false
	for t.pos < len(t.in.value) && !t.failed {
		c := t.in.value[t.pos]
		switch {
		case c == closing && closing != 0 && !quoted:
			return
		case c == '"':
			quoted = !quoted
			t.pos++
		case c == '\'' && !quoted:
			t.singleQuoted()
		case c == t.escape:
			t.escaped(quoted)
		case c == '$':
			t.dollar()
		default:
			t.take()
		}
	}
}

func (t *tracer) take() {
	t.out.add(t.in.slice(t.pos, t.pos+1))
	t.pos++
}

func (t *tracer) singleQuoted() {
	end := strings.IndexByte(t.in.value[t.pos+1:], '\'')
	if end < 0 {
		t.failed = true
		return
	}
	t.out.add(t.in.slice(t.pos+1, t.pos+1+end))
	t.pos += end + 2
}

func (t *tracer) escaped(quoted bool) {
	if t.pos+1 == len(t.in.value) {
		t.failed = true
		return
	}
	next := t.in.value[t.pos+1]
	if quoted && next != '"' && next != '$' && next != t.escape {
		t.take()
	} else {
		t.pos++
	}
	t.take()
}

func (t *tracer) dollar() {
	t.pos++
	braced := t.pos < len(t.in.value) && t.in.value[t.pos] == '{'
	if braced {
		t.pos++
	}
	name := variableName(t.in.value[t.pos:])
	t.pos += len(name)
	if name == "" {
		t.failed = true
		return
	}
	value, set := t.values[name]
	if platformVariable(name) {
		value.known, set = false, true
	}
	if braced {
		t.modified(value, set)
		return
	}
	t.use(value, set)
}

func (t *tracer) use(value variable, set bool) {
	t.out.add(value.text)
	t.known = t.known && set && value.known
}

// modified reads what follows the name in ${name...}: nothing, or a word for when it is unset (-) or set (+). With a
// colon an empty value counts as unset.
func (t *tracer) modified(value variable, set bool) {
	rest := t.in.value[t.pos:]
	operator := strings.TrimPrefix(rest, ":")
	switch {
	case strings.HasPrefix(rest, "}"):
		t.use(value, set)
		t.pos++
		return
	case operator == "" || operator[0] != '-' && operator[0] != '+':
		t.failed = true
		return
	}
	present := set && (len(operator) == len(rest) || value.value != "")
	t.pos += len(rest) - len(operator) + 1
	known := t.known
	word := t.nested()
	switch {
	case present == (operator[0] == '+'):
		t.out.add(word)
		t.known = t.known && (!set || value.known)
	case present:
		// The word was read, but is not taken: what it does not know does not matter.
		t.out.add(value.text)
		t.known = known && value.known
	}
}

// nested reads the word of an operator, and its closing brace.
func (t *tracer) nested() text {
	outer := t.out
	t.out = text{}
	t.word('}')
	word := t.out
	t.out = outer
	t.failed = t.failed || t.pos >= len(t.in.value)
	t.pos++
	return word
}

func variableName(s string) string {
	end := 0
	for end < len(s) && (s[end] == '_' || s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z' || end > 0 && s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return s[:end]
}
