package edit

import (
	"cmp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Change of one image reference.
type Change struct {
	// From is the reference to replace: each place that names it, or the part of it that the file writes.
	From image.Reference
	// To is the reference to write, of the same repository, with the tag or digest that the file writes.
	To image.Reference
	// Pin adds To's digest where the file has only a tag.
	Pin bool
}

// Result of an edit.
type Result struct {
	Content []byte
	// Places that changed, as they are in Content.
	Places []Place
	// Reached are the lines of stage ARGs in a Dockerfile through which a changed value also reaches the build's
	// commands, for a pull request to say so.
	Reached []int
}

// splice replaces a range of the file.
type splice struct {
	Range
	value string
}

// Find lists the places of content that name images. The path is relative to the root of its repository, and says with
// the content which format it has. Its error is a *Refusal.
func Find(path string, content []byte) ([]Place, error) {
	document, refusal := read(path, content)
	if refusal != nil {
		return nil, refusal.of(path)
	}
	return document.places, nil
}

// Replace changes each place of content that names change.From, or nothing at all. Its error is a *Refusal.
func Replace(path string, content []byte, change Change) (Result, error) {
	before, refusal := read(path, content)
	if refusal != nil {
		return Result{}, refusal.of(path)
	}
	result, refusal := before.replace(path, change)
	if refusal != nil {
		return Result{}, refusal.of(path)
	}
	return result, nil
}

func (r *Refusal) of(path string) *Refusal {
	r.Path = path
	return r
}

func (d *document) replace(path string, change Change) (Result, *Refusal) {
	if change.From.Repository != change.To.Repository {
		return Result{}, refuse(ReasonBadChange, "from %s to %s is another repository", change.From, change.To)
	}
	// Tags come from registries. One that is no tag could end a line and begin an instruction.
	if to, err := image.ParseReference(change.To.String()); err != nil || to != change.To {
		return Result{}, refuse(ReasonBadChange, "%.300q is not a reference that can be written", change.To)
	}
	meant, refusal := d.meant(change.From)
	if refusal != nil {
		return Result{}, refusal
	}
	splices, refusal := d.splices(meant, change)
	if refusal != nil {
		return Result{}, refusal
	}
	content := apply(d.content, splices)
	after, refusal := read(path, content)
	if refusal != nil {
		return Result{}, refuse(ReasonUnproven, "the edited file is refused: %s", refusal.Message)
	}
	if refusal := d.prove(after, meant, splices, change); refusal != nil {
		return Result{}, refusal
	}
	if refusal := after.current(d, meant, change); refusal != nil {
		return Result{}, refusal
	}
	result := Result{Content: content, Reached: d.reached(splices)}
	for _, i := range meant {
		result.Places = append(result.Places, after.places[i])
	}
	return result, nil
}

// meant lists the places that name from. One that cannot be edited refuses them all: a file never names two versions
// of what was one.
func (d *document) meant(from image.Reference) ([]int, *Refusal) {
	var meant []int
	unknown := 0
	for i, p := range d.places {
		if p.Reference.Repository == "" {
			unknown++
		}
		if !p.Names(from) {
			continue
		}
		if p.Reason != "" {
			return nil, p.refuse(p.Reason, "%s cannot be edited", p.Written)
		}
		meant = append(meant, i)
	}
	if len(meant) == 0 {
		return nil, refuse(ReasonNotFound, "none of %d references names %s; %d of them do not say their image",
			len(d.places), from, unknown)
	}
	return meant, nil
}

func (p *Place) refuse(reason Reason, format string, args ...any) *Refusal {
	r := refuse(reason, format, args...)
	r.Line = p.Line
	return r
}

func (d *document) splices(meant []int, change Change) ([]splice, *Refusal) {
	var all []splice
	for _, i := range meant {
		p := &d.places[i]
		splices, refusal := p.splices(change)
		if refusal != nil {
			refusal.Line = p.Line
			return nil, refusal
		}
		all = append(all, splices...)
	}
	if len(all) == 0 {
		return nil, refuse(ReasonUnchanged, "the file already names %s", change.To)
	}
	all, refusal := merge(all)
	if refusal != nil {
		return nil, refusal
	}
	return all, d.unmeant(meant, all)
}

// merge orders splices and drops repetitions: several places may stand on the same bytes.
func merge(all []splice) ([]splice, *Refusal) {
	slices.SortFunc(all, func(a, b splice) int {
		return cmp.Or(a.Start-b.Start, a.End-b.End, cmp.Compare(a.value, b.value))
	})
	all = slices.Compact(all)
	for i := 1; i < len(all); i++ {
		if all[i].Start < all[i-1].End || all[i].Start == all[i-1].Start {
			return nil, refuse(ReasonAmbiguous, "two places ask for different values of the same bytes")
		}
	}
	return all, nil
}

func apply(content []byte, splices []splice) []byte {
	var out []byte
	end := 0
	for _, s := range splices {
		out = append(out, content[end:s.Start]...)
		out = append(out, s.value...)
		end = s.End
	}
	return append(out, content[end:]...)
}

// splices says which bytes to change for p to name change.To.
func (p *Place) splices(change Change) ([]splice, *Refusal) {
	if p.tag.value == "" && p.digest.value == "" {
		return nil, refuse(ReasonUntagged, "%s has neither tag nor digest", p.Written)
	}
	var all []splice
	for _, part := range []struct {
		old   text
		value string
		what  string
	}{{p.tag, change.To.Tag, "tag"}, {p.digest, change.To.Digest.String(), "digest"}} {
		if part.old.value == "" {
			continue
		}
		if part.value == "" {
			return nil, refuse(ReasonBadChange, "%s has a %s and %s has none", p.Written, part.what, change.To)
		}
		splices, refusal := part.old.replace(part.value)
		if refusal != nil {
			return nil, refusal
		}
		all = append(all, splices...)
	}
	if change.Pin && p.digest.value == "" {
		return p.pin(all, change.To.Digest)
	}
	return all, nil
}

// pin adds a digest behind the tag, which may already be changing there.
func (p *Place) pin(all []splice, digest image.Digest) ([]splice, *Refusal) {
	last := p.tag.at[len(p.tag.at)-1]
	switch {
	case digest == "":
		return nil, refuse(ReasonBadChange, "there is no digest to pin")
	case p.separate:
		return nil, refuse(ReasonBadChange, "%s has no digest in a field of its own", p.Written)
	case last < 0:
		return nil, refuse(ReasonComputed, "the end of %s is computed", p.Written)
	}
	for i := range all {
		if all[i].End == last+1 {
			all[i].value += "@" + digest.String()
			return all, nil
		}
	}
	return append(all, splice{Range{last + 1, last + 1}, "@" + digest.String()}), nil
}

// replace changes the fewest bytes for t to read value.
func (t text) replace(value string) ([]splice, *Refusal) {
	if t.value == value {
		return nil, nil
	}
	if t.plain != nil && !readsAsString(value) {
		return []splice{{*t.plain, `"` + value + `"`}}, nil
	}
	segments := t.segments()
	parts, refusal := divide(segments, value)
	if refusal != nil {
		return nil, refusal
	}
	var all []splice
	for i, s := range segments {
		if s.value == parts[i] {
			continue
		}
		prefix, suffix := common(s.value, parts[i])
		start := s.at[0]
		all = append(all, splice{Range{start + prefix, start + len(s.value) - suffix}, parts[i][prefix : len(parts[i])-suffix]})
	}
	return all, nil
}
