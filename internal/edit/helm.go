package edit

import "strings"

// helm takes the shapes that charts commonly give their values.
func helm(c cursor) {
	fields := c.fields()
	siblings(fields)
	for _, f := range fields {
		switch {
		case f.key == "image" || strings.HasSuffix(f.key, "Image"):
			helmNamed(f)
		case f.key == "images":
			helmImages(f)
		}
		helm(f.cursor)
	}
	for _, item := range c.items() {
		helm(item)
	}
}

// helmNamed takes the name in a mapping that is called an image.
func helmNamed(f field) {
	v := valuesOf(f.fields())
	if v.one(imageNames...).value() == "" {
		v.reference("", "name")
	}
}

// helmImages takes a list or mapping of whole references, which may leave their registry to a field beside them.
func helmImages(f field) {
	registry := valuesOf(f.fields()).one("registry", "imageRegistry")
	for _, image := range f.children() {
		image.joined(registry, image, cursor{}, cursor{})
	}
}

// helmParameters takes values that are set one by one, by their paths.
func helmParameters(c cursor) {
	var prefixes []string
	fields := map[string][]field{}
	for _, parameter := range c.items() {
		name := parameter.get("name").value()
		at := strings.LastIndexByte(name, '.') + 1
		if fields[name[:at]] == nil {
			prefixes = append(prefixes, name[:at])
		}
		fields[name[:at]] = append(fields[name[:at]], field{name[at:], parameter.get("value")})
	}
	for _, prefix := range prefixes {
		siblings(fields[prefix])
	}
}

// siblings takes the images that fields name which are set beside each other.
func siblings(fields []field) {
	v := valuesOf(fields)
	v.reference("", imageNames...)
	for _, f := range fields {
		if stem, ok := strings.CutSuffix(f.key, "Image"); ok {
			v.reference(stem, f.key)
		}
	}
}

// imageNames are the words of charts for an image's name.
var imageNames = []string{"repository", "imageRepository", "image"}

// values that are set beside each other, by their keys.
type values map[string][]cursor

func valuesOf(fields []field) values {
	v := values{}
	for _, f := range fields {
		v[f.key] = append(v[f.key], f.cursor)
	}
	return v
}

// one is what is set by any of the words. Only a chart's templates could say which of several counts.
func (v values) one(words ...string) cursor {
	var one cursor
	for _, word := range words {
		for _, value := range v[word] {
			if value.value() != "" {
				value.repeated = one.node != nil
				one = value
			}
		}
	}
	return one
}

// reference adds the image that one of the names says, with all that stands beside it and may be a part of it: a
// digest that were left behind would still be what is deployed. The stem is what comes before Image in the name's key.
func (v values) reference(stem string, names ...string) {
	word := func(part string) []string {
		if stem == "" {
			return []string{strings.ToLower(part), "image" + part}
		}
		return []string{stem + part, stem + "Image" + part}
	}
	registry := v.one(word("Registry")...)
	if registry.node == nil {
		registry = v.one("registry", "imageRegistry")
	}
	name := v.one(names...)
	name.joined(registry, name, v.one(word("Tag")...), v.one(append(word("Digest"), word("Sha")...)...))
}
