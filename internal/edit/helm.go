package edit

import "strings"

// helm takes the shapes that charts commonly give their values.
func helm(c cursor) {
	c.separate(c.get("registry"), c.get("repository"), c.get("tag"), c.either("digest", "sha"))
	c.separate(c.get("imageRegistry"), c.get("imageRepository"), c.get("imageTag"), c.get("imageDigest"))
	for _, f := range c.fields() {
		switch {
		case f.key == "image" || strings.HasSuffix(f.key, "Image"):
			helmImage(c, f)
		case f.key == "images":
			for _, image := range f.children() {
				image.whole("")
			}
		}
	}
	for _, child := range c.children() {
		helm(child)
	}
}

func helmImage(c cursor, f field) {
	if len(f.fields()) > 0 {
		if f.get("repository").value() == "" {
			c.separate(f.get("registry"), f.get("name"), f.get("tag"), f.either("digest", "sha"))
		}
		return
	}
	tag, digest := c.get(f.key+"Tag"), c.get(f.key+"Digest")
	if tag.value() == "" && f.key == "image" {
		tag = c.get("tag")
	}
	if tag.value() == "" && digest.value() == "" {
		f.whole("")
		return
	}
	c.separate(cursor{}, f.cursor, tag, digest)
}

// either is the value of the first key that has one.
func (c cursor) either(first, second string) cursor {
	if value := c.get(first); value.value() != "" {
		return value
	}
	return c.get(second)
}

// helmParameters takes values that are set one by one, by their paths. Of one that is set twice the last counts, so
// that it takes none of these.
func helmParameters(c cursor) {
	values := map[string]cursor{}
	times := map[string]int{}
	for _, parameter := range c.items() {
		name := parameter.get("name").value()
		values[name] = parameter.get("value")
		times[name]++
	}
	once := func(name string) cursor {
		if times[name] > 1 {
			return cursor{}
		}
		return values[name]
	}
	for _, parameter := range c.items() {
		name := parameter.get("name").value()
		if prefix, ok := strings.CutSuffix(name, "repository"); ok {
			c.separate(once(prefix+"registry"), once(name), once(prefix+"tag"), once(prefix+"digest"))
		} else if name == "image" || strings.HasSuffix(name, ".image") {
			once(name).whole("")
		}
	}
}
