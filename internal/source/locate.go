package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	// maxFiles and maxRead bound what is read of a repository for one image: files, and bytes of them.
	maxFiles = 2_000
	maxRead  = 64 << 20
	// maxRefused bounds how many refusals are told.
	maxRefused = 32
)

// Place where a file names an image.
type Place struct {
	Path string
	edit.Place
}

// Found is where a repository names an image.
type Found struct {
	Places []Place
	// Refused are files that seem to name the image, but cannot be read for it.
	Refused []edit.Refusal
}

// Locate lists the places that name from at the commit. It reads at most 2,000 files and 64 MiB, and says so by a
// refusal with edit.ReasonLimit where that was too little. Its error is the tree's, or about a pattern of the hints.
func Locate(ctx context.Context, tree Tree, commit string, hints Hints, from image.Reference) (Found, error) {
	named := func(p *edit.Place) bool { return p.Names(from) }
	r := reader{tree: tree, commit: commit, from: from, enough: named}
	if err := r.read(ctx, hints); err != nil {
		return Found{}, err
	}
	found := Found{Refused: r.refused}
	if len(r.hits) == 0 && len(r.refused) == 0 {
		found.Refused = r.silent
	}
	for _, hit := range r.hits {
		for i := range hit.places {
			if named(&hit.places[i]) {
				found.Places = append(found.Places, Place{hit.path, hit.places[i]})
			}
		}
	}
	return found, nil
}

// hit is a file that names an image of the repository that is looked for.
type hit struct {
	path    string
	content []byte
	places  []edit.Place
}

// reader looks through the files of a tree.
type reader struct {
	tree   Tree
	commit string
	from   image.Reference
	// enough says of a place that what the hinted paths refer to need not be read.
	enough func(*edit.Place) bool

	seen         map[string]bool
	files, bytes int
	hits         []hit
	refused      []edit.Refusal
	// silent are files or places that may mean the reference, or have its words. They are told where nothing is edited.
	silent []edit.Refusal
}

// errLimit ends the reading of a tree.
var errLimit = errors.New("limit of files or bytes")

func (r *reader) read(ctx context.Context, hints Hints) error {
	listed, err := r.tree.Files(ctx, r.commit)
	if err != nil {
		return fmt.Errorf("list files at %s: %w", r.commit, err)
	}
	files, err := hints.editable(listed)
	if err != nil {
		return err
	}
	r.seen = map[string]bool{}
	err = r.readInOrder(ctx, hints, listed, files)
	if errors.Is(err, errLimit) {
		message := fmt.Sprintf("more than %d files or %d bytes: not all were read", maxFiles, maxRead)
		r.refused = bounded(r.refused, edit.Refusal{Reason: edit.ReasonLimit, Message: message})
		return nil
	}
	return err
}

// readInOrder looks in the hinted paths, and then in the whole repository if the hints have that, else in what
// kustomizations there refer to.
func (r *reader) readInOrder(ctx context.Context, hints Hints, listed, files []File) error {
	paths := slices.DeleteFunc(slices.Clone(hints.Paths), func(p string) bool { return p == "" })
	if err := r.readBelow(ctx, files, paths); err != nil {
		return err
	}
	if len(paths) < len(hints.Paths) {
		return r.readBelow(ctx, files, []string{""})
	}
	if hints.Kind == Dockerfile || r.done() {
		return nil
	}
	referred, err := r.referred(ctx, listed, paths)
	if err != nil {
		return err
	}
	return r.readBelow(ctx, files, referred)
}

func (r *reader) done() bool {
	return slices.ContainsFunc(r.hits, func(h hit) bool {
		return slices.ContainsFunc(h.places, func(p edit.Place) bool { return r.enough(&p) })
	})
}

func (r *reader) readBelow(ctx context.Context, files []File, paths []string) error {
	for _, f := range files {
		if r.seen[f.Path] || !slices.ContainsFunc(paths, func(p string) bool { return below(f.Path, p) }) {
			continue
		}
		r.seen[f.Path] = true
		content, err := r.file(ctx, f.Path)
		if err != nil {
			return err
		}
		r.look(f.Path, content)
	}
	return nil
}

// file reads one within the limits.
func (r *reader) file(ctx context.Context, path string) ([]byte, error) {
	if r.files == maxFiles || r.bytes > maxRead {
		return nil, errLimit
	}
	r.files++
	content, err := r.tree.Read(ctx, r.commit, path)
	if err != nil {
		return nil, fmt.Errorf("read %.300q at %s: %w", path, r.commit, err)
	}
	r.bytes += len(content)
	return content, nil
}

// look keeps the places of a file. One that does not have the last part of the repository's name is not worth parsing, unless it is
// a Dockerfile, which may leave the whole name to its builder.
func (r *reader) look(path string, content []byte) {
	named := bytes.Contains(content, []byte(lastPart(r.from.Repository)))
	if !named && !edit.IsDockerfile(path) {
		return
	}
	places, err := edit.Find(path, content)
	var refusal *edit.Refusal
	if errors.As(err, &refusal) {
		if named && mentions(content, r.from) {
			r.refused = bounded(r.refused, *refusal)
		}
		return
	}
	unsure := r.unsure(path, places)
	places = slices.DeleteFunc(places, func(p edit.Place) bool { return p.Reference.Repository != r.from.Repository })
	switch {
	case len(places) > 0:
		r.hits = append(r.hits, hit{path, content, places})
	case named && !unsure && mentions(content, r.from):
		message := fmt.Sprintf("it has the words of %s, but in no place where they are known to name an image", r.from)
		r.silent = bounded(r.silent, edit.Refusal{Reason: edit.ReasonNotFound, Path: path, Message: message})
	}
}

// unsure keeps the places that do not say their image but may mean the one that is looked for, and says whether there are any.
func (r *reader) unsure(path string, places []edit.Place) bool {
	found := false
	for _, p := range places {
		if p.Reference.Repository != "" || !strings.Contains(p.Written, lastPart(r.from.Repository)) && !onlyBuilderKnows(p) {
			continue
		}
		found = true
		message := fmt.Sprintf("%.300q may be %s", p.Written, r.from)
		if onlyBuilderKnows(p) {
			message = "FROM names what only the builder knows, which may be " + r.from.String()
		}
		r.silent = bounded(r.silent, edit.Refusal{Reason: p.Reason, Path: path, Line: p.Line, Message: message})
	}
	return found
}

func onlyBuilderKnows(p edit.Place) bool {
	return p.Kind == edit.KindFrom && p.Reason == edit.ReasonInterpolated
}

func bounded(all []edit.Refusal, next edit.Refusal) []edit.Refusal {
	if len(all) == maxRefused {
		return all
	}
	return append(all, next)
}

func lastPart(repository string) string { return repository[strings.LastIndexByte(repository, '/')+1:] }

// mentions says whether the name and the version of a reference are words of a file.
func mentions(content []byte, r image.Reference) bool {
	return hasWord(content, lastPart(r.Repository)) && (hasWord(content, r.Tag) || hasWord(content, r.Digest.String()))
}

// hasWord says whether a word stands in a file alone, and not as a part of a longer one.
func hasWord(content []byte, word string) bool {
	for rest := content; word != ""; {
		i := bytes.Index(rest, []byte(word))
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(word):]
		if (len(before) == 0 || !wordByte(before[len(before)-1])) && (len(after) == 0 || !wordByte(after[0])) {
			return true
		}
		rest = rest[i+1:]
	}
	return false
}

func wordByte(c byte) bool {
	return c == '.' || c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
