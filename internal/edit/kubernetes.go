package edit

import "strings"

// kubernetes takes each image of an object, or of the items of a list, wherever it stands: pod templates stand at
// many places of many kinds, and other kinds' images beside them.
func kubernetes(c cursor) {
	switch c.get("kind").value() {
	case "ConfigMap", "Secret", "CustomResourceDefinition":
		return // What they hold is another program's.
	case "HelmRelease":
		c.as(KindHelm, helm, c.get("spec", "values"))
		for _, renderer := range c.get("spec", "postRenderers").items() {
			c.as(KindKustomize, kustomize, renderer.get("kustomize"))
		}
		return
	case "Kustomization":
		c.as(KindKustomize, kustomize, c.get("spec"))
		return
	case "Application":
		application(c.get("spec"))
		return
	case "ApplicationSet":
		application(c.get("spec", "template", "spec"))
		return
	}
	fields := c.fields()
	for _, f := range fields {
		kubernetesField(f, fields)
	}
	for _, item := range c.items() {
		patched(item)
		kubernetes(item)
	}
}

func kubernetesField(f field, siblings []field) {
	switch f.key {
	case "metadata", "annotations", "labels", "args", "command", "env":
		// Whatever is called image in there is none.
	case "image":
		valuesOf(siblings).reference("", f.key)
		f.get("reference").whole("")
		helmNamed(f)
		helm(f.cursor)
	case "imageName":
		f.whole("")
	default:
		kubernetes(f.cursor)
	}
}

// patched takes the operation of a JSON patch that sets an image.
func patched(c cursor) {
	if c.get("op").value() != "" && strings.HasSuffix(c.get("path").value(), "/image") {
		c.get("value").whole("")
	}
}

// as finds the places of a part that has another format.
func (c cursor) as(kind Kind, find func(cursor), part cursor) {
	outer := c.file.kind
	c.file.kind = kind
	find(part)
	c.file.kind = outer
}

// application takes what an Application of Argo CD sets itself: Helm's values and parameters, and Kustomize's images. Values that are
// text within the text of the file are not read.
func application(spec cursor) {
	for _, source := range append(spec.get("sources").items(), spec.get("source")) {
		spec.as(KindHelm, helm, source.get("helm", "valuesObject"))
		spec.as(KindHelm, helmParameters, source.get("helm", "parameters"))
		spec.as(KindKustomize, func(images cursor) {
			for _, image := range images.items() {
				image.whole(image.value()[:strings.IndexByte(image.value(), '=')+1])
			}
		}, source.get("kustomize", "images"))
	}
}

func kustomize(c cursor) {
	for _, image := range c.get("images").items() {
		name := image.get("newName")
		if name.value() == "" {
			name = image.get("name")
		}
		c.separate(cursor{}, name, image.get("newTag"), image.get("digest"))
	}
	for _, chart := range c.get("helmCharts").items() {
		c.as(KindHelm, helm, chart.get("valuesInline"))
	}
}
