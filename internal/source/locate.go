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
	// enough says of a place that no further files need to be read than those of the same hints.
	enough func(*edit.Place) bool

	seen         map[string]bool
	files, bytes int
	hits         []hit
	refused      []edit.Refusal
	// silent files have the words of the reference, but no reference that is read.
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
	if len(r.hits) == 0 && len(r.refused) == 0 {
		r.refused = r.silent
	}
	if errors.Is(err, errLimit) {
		message := fmt.Sprintf("more than %d files or %d bytes: not all were read", maxFiles, maxRead)
		r.refused = bounded(r.refused, edit.Refusal{Reason: edit.ReasonLimit, Message: message})
		return nil
	}
	return err
}

// readInOrder looks in the hinted paths, then in what kustomizations there refer to, and then in the whole repository,
// if the hints have that.
func (r *reader) readInOrder(ctx context.Context, hints Hints, listed, files []File) error {
	paths := slices.DeleteFunc(slices.Clone(hints.Paths), func(p string) bool { return p == "" })
	if err := r.readBelow(ctx, files, paths); err != nil || r.done() {
		return err
	}
	if hints.Kind != Dockerfile {
		referred, err := r.referred(ctx, listed, paths)
		if err != nil {
			return err
		}
		if err := r.readBelow(ctx, files, referred); err != nil || r.done() {
			return err
		}
	}
	if len(paths) == len(hints.Paths) {
		return nil
	}
	return r.readBelow(ctx, files, []string{""})
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
	if !bytes.Contains(content, []byte(lastPart(r.from.Repository))) {
		if edit.IsDockerfile(path) {
			r.unknown(path, content)
		}
		return
	}
	places, err := edit.FindRepository(path, content, r.from.Repository)
	var refusal *edit.Refusal
	switch mentioned := mentions(content, r.from); {
	case errors.As(err, &refusal) && mentioned:
		r.refused = bounded(r.refused, *refusal)
	case err == nil && len(places) > 0:
		r.hits = append(r.hits, hit{path, content, places})
	case err == nil && !r.unknown(path, content) && mentioned:
		message := fmt.Sprintf("it has the words of %s, but in no place where they are known to name an image", r.from)
		r.silent = bounded(r.silent, edit.Refusal{Reason: edit.ReasonNotFound, Path: path, Message: message})
	}
}

// unknown keeps the lines of a Dockerfile that begin a stage with what only the builder knows, and says whether there are any.
func (r *reader) unknown(path string, content []byte) bool {
	places, err := edit.Find(path, content)
	found := false
	for _, p := range places {
		if err != nil || p.Kind != edit.KindFrom || p.Reason != edit.ReasonInterpolated {
			continue
		}
		found = true
		message := "FROM names what only the builder knows, which may be " + r.from.String()
		r.silent = bounded(r.silent, edit.Refusal{Reason: p.Reason, Path: path, Line: p.Line, Message: message})
	}
	return found
}

func bounded(all []edit.Refusal, next edit.Refusal) []edit.Refusal {
	if len(all) == maxRefused {
		return all
	}
	return append(all, next)
}

func lastPart(repository string) string { return repository[strings.LastIndexByte(repository, '/')+1:] }

// mentions says whether the words of a reference are somewhere in a file.
func mentions(content []byte, r image.Reference) bool {
	tag, digest := []byte(r.Tag), []byte(r.Digest)
	return len(tag) > 0 && bytes.Contains(content, tag) || len(digest) > 0 && bytes.Contains(content, digest)
}
