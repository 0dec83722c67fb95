package edit

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Kind of a place: the construct that names an image there.
type Kind string

const (
	KindFrom       Kind = "DockerfileFrom"
	KindCopy       Kind = "DockerfileCopy"
	KindMount      Kind = "DockerfileMount"
	KindKubernetes Kind = "Kubernetes"
	KindKustomize  Kind = "Kustomize"
	KindHelm       Kind = "HelmValues"
	KindCompose    Kind = "Compose"
	KindAnsible    Kind = "Ansible"
	KindActions    Kind = "GitHubActions"
	KindGitLab     Kind = "GitLabCI"
	KindTerraform  Kind = "Terraform"
)

// Range of bytes in a file, End excluded.
type Range struct{ Start, End int }

// Place where a file names an image.
type Place struct {
	Kind Kind
	// Reference is zero where the value does not say which image it means.
	Reference image.Reference
	// Written is the reference in the file's own words, once its variables are replaced and its parts joined.
	Written string
	// Line and Column of its first byte that stands in the file, from 1. Columns count characters.
	Line, Column int
	// Ranges of the file's bytes that make it up.
	Ranges []Range
	// Reason is why the place cannot be edited, or empty.
	Reason Reason

	name, tag, digest text
	// separate places keep tag and digest in fields of their own.
	separate bool
}

// newPlace joins the parts of a reference; tag and digest may be empty. The line is for one none of whose bytes stand
// in the file.
func (d *document) newPlace(kind Kind, name, tag, digest text, line int) Place {
	if len(d.places) > maxPlaces {
		return Place{} // The file is refused: do no more work for it.
	}
	p := Place{Kind: kind, name: name, tag: tag, digest: digest, Written: name.value, Line: line, Column: 1}
	if tag.value != "" {
		p.Written += ":" + tag.value
	}
	if digest.value != "" {
		p.Written += "@" + digest.value
	}
	for _, part := range []text{name, tag, digest} {
		p.Ranges = append(p.Ranges, part.ranges()...)
	}
	p.read()
	if len(p.Ranges) == 0 {
		p.block(ReasonComputed)
		return p
	}
	p.Line, p.Column = position(d.content, p.Ranges[0].Start)
	for _, r := range p.Ranges {
		if managedByOther(d.content, r) {
			p.Reason = ReasonManagedByOther
		}
	}
	return p
}

func (p *Place) read() {
	if strings.Contains(p.Written, "$") || strings.Contains(p.Written, "{{") {
		p.block(ReasonInterpolated)
		return
	}
	reference, err := image.ParseReference(p.Written)
	if err != nil {
		p.block(ReasonInvalid)
		return
	}
	p.Reference = reference
}

// block records why the place cannot be edited. The first reason stays.
func (p *Place) block(reason Reason) {
	if p.Reason == "" {
		p.Reason = reason
	}
}

// unknown makes the place one whose image the file does not say.
func (p *Place) unknown(reason Reason) {
	p.Reference = image.Reference{}
	p.Reason = reason
}

// Names says whether the place is meant by a change from r. Parts that both have must agree, and one must be had by both.
func (p *Place) Names(r image.Reference) bool {
	if p.Reference.Repository == "" || p.Reference.Repository != r.Repository {
		return false
	}
	tags := p.Reference.Tag != "" && r.Tag != ""
	digests := p.Reference.Digest != "" && r.Digest != ""
	if tags && p.Reference.Tag != r.Tag || digests && p.Reference.Digest != r.Digest {
		return false
	}
	return tags || digests
}

func position(content []byte, offset int) (line, column int) {
	start := bytes.LastIndexByte(content[:offset], '\n') + 1
	before := bytes.TrimPrefix(content[start:offset], bom)
	return 1 + bytes.Count(content[:offset], []byte{'\n'}), 1 + utf8.RuneCount(before)
}

var bom = []byte("\xef\xbb\xbf")

// managedByOther looks for the markers of other updaters: Flux writes them on the line, Renovate also above it.
func managedByOther(content []byte, r Range) bool {
	start := bytes.LastIndexByte(content[:r.Start], '\n') + 1
	end := len(content)
	if i := bytes.IndexByte(content[r.End:], '\n'); i >= 0 {
		end = r.End + i
	}
	line := content[start:end]
	if bytes.Contains(line, []byte(`"$imagepolicy"`)) || renovateComment(line) {
		return true
	}
	if start == 0 {
		return false
	}
	above := content[bytes.LastIndexByte(content[:start-1], '\n')+1 : start-1]
	trimmed := bytes.TrimLeft(above, " \t")
	return (bytes.HasPrefix(trimmed, []byte("#")) || bytes.HasPrefix(trimmed, []byte("//"))) && renovateComment(above)
}

func renovateComment(line []byte) bool {
	i := bytes.Index(line, []byte("renovate:"))
	return i >= 0 && bytes.ContainsAny(line[:i], "#/")
}
