package edit

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// prove compares the edited file, parsed again, with what it was: each place that was meant names the new reference in
// its old form, and nothing else reads differently.
func (d *document) prove(after *document, meant []int, splices []splice, change Change) *Refusal {
	if len(d.places) != len(after.places) || len(d.units) != len(after.units) {
		return refuse(ReasonUnproven, "the edit would change the file's structure")
	}
	for i := range d.places {
		if refusal := d.places[i].compare(&after.places[i], slices.Contains(meant, i), change); refusal != nil {
			return refusal
		}
	}
	for i, was := range d.units {
		if was.text != after.units[i].text && !touches(splices, was.Range) {
			line, _ := position(d.content, max(was.Start, 0))
			return &Refusal{Reason: ReasonUnproven, Line: line, Message: "another value than the reference would change"}
		}
	}
	return nil
}

// compare says whether a place became what it must.
func (p *Place) compare(is *Place, meant bool, change Change) *Refusal {
	written, reference := p.Written, p.Reference
	if meant {
		written, reference = p.expect(change), p.reference(change)
	}
	if is.Written != written || is.Reference != reference || is.Kind != p.Kind || is.Reason != p.Reason {
		return p.refuse(ReasonUnproven, "%s would become %s, not %s", p.Written, is.Written, written)
	}
	return nil
}

// expect is what the place must say after the change.
func (p *Place) expect(change Change) string {
	want := p.name.value
	if p.tag.value != "" {
		want += ":" + change.To.Tag
	}
	if p.digest.value != "" || change.Pin {
		want += "@" + change.To.Digest.String()
	}
	return want
}

func (p *Place) reference(change Change) image.Reference {
	want := image.Reference{Repository: change.To.Repository}
	if p.tag.value != "" {
		want.Tag = change.To.Tag
	}
	if p.digest.value != "" || change.Pin {
		want.Digest = change.To.Digest
	}
	return want
}

// current refuses an edit after which a value is the old digest and of no reference that is known: where its format is
// not understood, the digest is the one that is still deployed.
func (d *document) current(before *document, meant []int, change Change) *Refusal {
	old := map[string]bool{}
	for _, digest := range append(before.digests(meant), change.From.Digest) {
		if digest != "" && digest != change.To.Digest {
			old[digest.String()], old[digest.Hex()] = true, true
		}
	}
	for _, u := range d.units {
		if u.Start < 0 || !old[string(d.content[u.Start:u.End])] || d.known(u.Range) {
			continue
		}
		line, _ := position(d.content, u.Start)
		return &Refusal{Reason: ReasonUnproven, Line: line, Message: "the old digest would stay, in a value that may belong to the reference"}
	}
	return nil
}

func (d *document) digests(places []int) []image.Digest {
	var all []image.Digest
	for _, i := range places {
		all = append(all, d.places[i].Reference.Digest)
	}
	return all
}

// known says whether the bytes are those of a reference that the file says.
func (d *document) known(r Range) bool {
	return slices.ContainsFunc(d.places, func(p Place) bool {
		return p.Reference.Repository != "" && slices.ContainsFunc(p.Ranges, func(part Range) bool { return part.Start < r.End && r.Start < part.End })
	})
}

func touches(splices []splice, r Range) bool {
	return slices.ContainsFunc(splices, func(s splice) bool { return s.Start <= r.End && r.Start <= s.End })
}

// unmeant refuses splices whose bytes another place or reader also stands on.
func (d *document) unmeant(meant []int, splices []splice) *Refusal {
	for i := range d.places {
		p := &d.places[i]
		if !slices.Contains(meant, i) && slices.ContainsFunc(p.Ranges, func(r Range) bool { return touches(splices, r) }) {
			return p.refuse(ReasonShared, "%s takes its value from the same bytes", p.Written)
		}
	}
	for _, u := range d.uses {
		for _, s := range splices {
			if touches([]splice{s}, u.Range) && !d.reaches(u, meant, s) {
				return &Refusal{Reason: ReasonShared, Line: u.line, Message: "an alias reads the same value for something else"}
			}
		}
	}
	return nil
}

// reaches says whether a place that was meant takes the spliced bytes through u.
func (d *document) reaches(u use, meant []int, s splice) bool {
	return slices.ContainsFunc(meant, func(i int) bool {
		return u.through[i] && slices.ContainsFunc(d.places[i].Ranges, func(r Range) bool { return touches([]splice{s}, r) })
	})
}

// reached lists the lines that inherit a value from changed bytes.
func (d *document) reached(splices []splice) []int {
	var lines []int
	for _, i := range d.inherited {
		if slices.ContainsFunc(i.source.ranges(), func(r Range) bool { return touches(splices, r) }) {
			lines = append(lines, i.line)
		}
	}
	return lines
}
