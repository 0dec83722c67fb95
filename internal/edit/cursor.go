package edit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cursor is a node with the aliases that led to it. Its zero value is a missing node, of which everything is missing.
type cursor struct {
	file    *yamlFile
	node    *yaml.Node
	through []*yaml.Node
	depth   int
	// repeated says that others are set for the same purpose, so that it may not be the one that counts.
	repeated bool
}

type field struct {
	key string
	cursor
}

// to steps to a node below, through an alias if it is one.
func (c cursor) to(node *yaml.Node) cursor {
	if c.file.left--; c.file.left < 0 || c.depth > maxDepth {
		c.file.limit = refuse(ReasonLimit, "more than %d nodes or %d levels", maxNodes, maxDepth)
		return cursor{}
	}
	next := cursor{file: c.file, node: node, through: c.through, depth: c.depth + 1}
	if node.Kind == yaml.AliasNode {
		next.through = append(slices.Clip(c.through), node)
		next.node = node.Alias
	}
	return next
}

func (c cursor) items() []cursor {
	if c.node == nil || c.node.Kind != yaml.SequenceNode {
		return nil
	}
	var items []cursor
	for _, item := range c.node.Content {
		items = append(items, c.to(item))
	}
	return items
}

// fields of a mapping, with those that merge keys bring in and it does not set itself.
func (c cursor) fields() []field {
	if c.node == nil || c.node.Kind != yaml.MappingNode {
		return nil
	}
	var own []field
	var merged []field
	for i := 0; i+1 < len(c.node.Content); i += 2 {
		key, value := c.node.Content[i], c.to(c.node.Content[i+1])
		if key.Tag == "!!merge" {
			merged = append(merged, value.merge()...)
			continue
		}
		own = append(own, field{key.Value, value})
	}
	for _, m := range merged {
		if !slices.ContainsFunc(own, func(f field) bool { return f.key == m.key }) {
			own = append(own, m)
		}
	}
	return own
}

// merge returns what a merge key brings in: of a list, the first mapping that has a key counts.
func (c cursor) merge() []field {
	if c.node == nil || c.node.Kind != yaml.SequenceNode {
		return c.fields()
	}
	var all []field
	for _, item := range c.items() {
		all = append(all, item.fields()...)
	}
	return all
}

func (c cursor) get(keys ...string) cursor {
	for _, key := range keys {
		fields := c.fields()
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
		if i < 0 {
			return cursor{}
		}
		c = fields[i].cursor
	}
	return c
}

func (c cursor) line() int {
	if c.node == nil {
		return 0
	}
	return c.node.Line
}

// value is the scalar's, or empty for null and everything else.
func (c cursor) value() string {
	if c.node == nil || c.node.Kind != yaml.ScalarNode || c.node.Tag == "!!null" {
		return ""
	}
	return c.node.Value
}

// text traces the scalar's value to the file.
func (c cursor) text() text {
	value := c.value()
	if value == "" {
		return text{}
	}
	r, ok := c.file.located[c.node]
	if !ok {
		return computed(value)
	}
	t := literal(c.file.content, r.Start, r.End)
	if c.node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.TaggedStyle) == 0 {
		t.plain = &r
	}
	return t
}

// reason is why the scalar cannot be edited, or empty.
func (c cursor) reason() Reason {
	if c.value() == "" {
		return ""
	}
	if _, ok := c.file.located[c.node]; !ok {
		if c.node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return ReasonMultiline
		}
		return ReasonComputed
	}
	// The number 1.30 is 1.3 to who reads it.
	var typed any
	if c.node.Tag != "!!str" && (c.node.Decode(&typed) != nil || fmt.Sprint(typed) != c.node.Value) {
		return ReasonComputed
	}
	return ""
}

var digits = regexp.MustCompile(`^[0-9a-f]{64}$`)

// whole adds a scalar that is a reference as it stands, after a prefix such as docker://.
func (c cursor) whole(prefix string) {
	value := c.value()
	if value == "" || !strings.HasPrefix(value, prefix) {
		return
	}
	reference := c.text()
	reference = reference.slice(len(prefix), len(value))
	reference.plain = nil
	name, tag, digest := splitReference(reference)
	c.file.place(false, name, tag, digest, c)
}

// separate adds a reference whose parts are scalars of their own, where the tag or the digest is one.
func (c cursor) separate(registry, repository, tag, digest cursor) {
	if tag.value() != "" || digest.value() != "" {
		c.joined(registry, repository, tag, digest)
	}
}

// joined adds a reference whose parts may be scalars of their own. The repository may hold a tag and a digest, the tag
// may hold a digest, and a digest may be its digits alone.
func (c cursor) joined(registry, repository, tag, digest cursor) {
	base, ownTag, ownDigest := splitReference(repository.text())
	tagText, digestText := tag.text(), digest.digest()
	ownTag.plain, ownDigest.plain = nil, nil
	if i := strings.IndexByte(tagText.value, '@'); i >= 0 && digestText.value == "" {
		tagText.plain = nil
		tagText, digestText = tagText.slice(0, i), tagText.slice(i+1, len(tagText.value))
	}
	repository.repeated = repository.repeated || ownTag.value != "" && tagText.value != "" || ownDigest.value != "" && digestText.value != ""
	tagText, digestText = tagText.or(ownTag), digestText.or(ownDigest)
	if base.value == "" || tagText.value == "" && digestText.value == "" {
		return
	}
	name := registry.text()
	if name.value != "" {
		name.add(computed("/"))
	}
	name.add(base)
	c.file.place(tag.value() != "", name, tagText, digestText, registry, tag, digest, repository)
}

// digest is the text of a digest, which may be written without its algorithm.
func (c cursor) digest() text {
	written := c.text()
	if !digits.MatchString(written.value) {
		return written
	}
	whole := computed("sha256:")
	whole.add(written)
	return whole
}

func (y *yamlFile) place(separate bool, name, tag, digest text, parts ...cursor) {
	p := y.newPlace(y.kind, name, tag, digest, parts[len(parts)-1].line())
	p.separate = separate
	for _, part := range parts {
		if reason := part.reason(); reason == ReasonMultiline && p.Reason == ReasonComputed {
			p.Reason = reason
		} else if reason != "" {
			p.block(reason)
		}
		for _, alias := range part.through {
			y.uses[y.aliases[alias]].through[len(y.places)] = true
		}
	}
	if slices.ContainsFunc(parts, func(part cursor) bool { return part.repeated }) {
		p.unknown(ReasonAmbiguous)
	}
	y.add(p)
}
