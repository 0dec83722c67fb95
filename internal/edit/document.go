package edit

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

const (
	// MaxBytes of a file that is read. Files that name images are written by hand.
	MaxBytes = 1 << 20

	maxDepth = 100
	// maxPlaces bounds references, documents and aliases, and with them the work of a proof.
	maxPlaces = 1_000
)

// document is a file that was read: where it names images, and everything else that must stay.
type document struct {
	content []byte
	places  []Place
	units   []unit
	// inherited are stage ARGs that take a global ARG's value.
	inherited []inheritance
	// uses are YAML's aliases, by which a value is read elsewhere too.
	uses []use
	// stages of a Dockerfile.
	stages []Stage
}

// unit is a value of a file beside its places: an instruction, a scalar, a token. Only a unit whose range holds an
// edit may read differently afterwards.
type unit struct {
	Range
	text string
}

// inheritance is a line whose meaning comes from source.
type inheritance struct {
	line   int
	source text
}

// use is a second reader of a range of the file. Its places are those that were found through it.
type use struct {
	Range
	line int
	// through holds the indexes of the places that it leads to.
	through map[int]bool
}

// read finds the places of a file by the format that its path names.
func read(name string, content []byte) (*document, *Refusal) {
	if len(content) > MaxBytes {
		return nil, refuse(ReasonLimit, "%d bytes exceed the limit of %d", len(content), MaxBytes)
	}
	d := &document{content: content}
	if refusal := d.parse(name); refusal != nil {
		return nil, refusal
	}
	if len(d.places) > maxPlaces {
		return nil, refuse(ReasonLimit, "%d references exceed the limit of %d", len(d.places), maxPlaces)
	}
	return d, nil
}

func (d *document) parse(name string) *Refusal {
	if isTemplate(name, d.content) {
		return refuse(ReasonTemplated, "the file is rendered before it is read")
	}
	switch languageOf(name) {
	case languageDockerfile:
		return d.readDockerfile()
	case languageYAML:
		return d.readYAML(name)
	case languageTerraform:
		return d.readTerraform(name)
	}
	return refuse(ReasonUnknownFormat, "want a Dockerfile, YAML or Terraform")
}

// language that a file is written in.
type language int

const (
	languageUnknown language = iota
	languageDockerfile
	languageYAML
	languageTerraform
)

func languageOf(name string) language {
	base := strings.ToLower(path.Base(name))
	switch extension := path.Ext(base); {
	case IsDockerfile(name):
		return languageDockerfile
	case extension == ".yaml" || extension == ".yml" || base == "kustomization":
		return languageYAML
	case extension == ".tf" || extension == ".tfvars":
		return languageTerraform
	}
	return languageUnknown
}

// templateWords are the endings of templates' names, which may stand before the rendered file's own.
var templateWords = []string{"j2", "jinja", "jinja2", "tpl", "tmpl", "gotmpl", "erb", "template"}

// isTemplate says whether something renders the file before it is read: it is called a template, or is in a folder of
// them. Dockerfiles are in such folders as they are, too.
func isTemplate(name string, content []byte) bool {
	_, endings, _ := strings.Cut(strings.ToLower(path.Base(name)), ".")
	if slices.ContainsFunc(strings.Split(endings, "."), func(word string) bool { return slices.Contains(templateWords, word) }) {
		return true
	}
	return slices.Contains(strings.Split(path.Dir(name), "/"), "templates") && (!IsDockerfile(name) || bytes.Contains(content, []byte("{{")))
}

// Reads says whether files of that name are read at all.
func Reads(name string) bool { return languageOf(name) != languageUnknown }

// IsDockerfile takes Dockerfile, Dockerfile.alpine and alpine.Dockerfile, and the same of Containerfile.
func IsDockerfile(name string) bool {
	base := strings.ToLower(path.Base(name))
	for _, word := range []string{"dockerfile", "containerfile"} {
		if base == word || strings.HasPrefix(base, word+".") || strings.HasSuffix(base, "."+word) {
			return true
		}
	}
	return false
}

func (d *document) add(p Place) { d.places = append(d.places, p) }

// lineStarts are the offsets at which the lines of content begin.
func lineStarts(content []byte) []int {
	starts := []int{0}
	for i := bytes.IndexByte(content, '\n'); i >= 0; {
		start := starts[len(starts)-1] + i + 1
		starts = append(starts, start)
		i = bytes.IndexByte(content[start:], '\n')
	}
	return starts
}
