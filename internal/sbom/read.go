package sbom

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Read reads one layer from its uncompressed tar, to the end of the stream. A
// file that cannot be read is noted in the Layer and ends nothing.
//
// It returns an *Error with reason TruncatedLayer where the tar is damaged and
// LimitExceeded where it goes past a limit; otherwise the stream's own error,
// or the cause of ctx (so that a deadline can carry an *Error of the caller's).
func Read(ctx context.Context, diffID image.Digest, stream io.Reader, limits Limits) (*Layer, error) {
	limits = limits.withDefaults()
	source := newSource(ctx, stream, limits.Bytes)
	w := &walk{
		ctx:    ctx,
		limits: limits,
		tar:    tar.NewReader(source),
		layer:  &Layer{DiffID: diffID, Files: map[string]File{}},
		dirs:   map[string]bool{},
		stored: map[string]File{},
	}
	defer w.held.close()
	err := w.run()
	if err == nil {
		// The registry's verification of the digest is the error of the last read.
		err = source.drain()
	}
	if source.err != nil {
		err = source.err
	}
	if err != nil {
		return nil, layerError(diffID, err)
	}
	w.layer.Gone.sort()
	w.layer.Dirs.sort()
	w.layer.Opaque.sort()
	return w.layer, nil
}

func layerError(diffID image.Digest, err error) error {
	wrapped := fmt.Errorf("read layer %s: %w", diffID, err)
	if own := (*Error)(nil); errors.As(err, &own) {
		return &Error{Reason: own.Reason, Err: wrapped}
	}
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrFieldTooLong) {
		return &Error{Reason: v1alpha1.ReasonTruncatedLayer, Err: wrapped}
	}
	return wrapped
}

// walk is the state of reading one layer.
type walk struct {
	ctx    context.Context
	limits Limits
	tar    *tar.Reader
	layer  *Layer
	// dirs are the directories above the layer's files: a later entry may replace one.
	dirs map[string]bool
	// stored are the package.json files of a pnpm store, under the names that they
	// have there: it is by hard links that they get to their packages.
	stored map[string]File
	memory bytes.Buffer
	held   held

	entries  int
	content  int64
	packages int
	result   int64
	// err is that a limit was passed within an entry, whatever its parser makes of it.
	err error
}

func (w *walk) run() error {
	for {
		header, err := w.tar.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return err
		}
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if w.entries++; w.entries > w.limits.Entries {
			return exceeded("entries", w.limits.Entries)
		}
		if err := w.entry(header); err != nil {
			return err
		}
	}
}

// clean makes a tar's name a path as Layer has it; the root is "". No name leads out.
func (w *walk) clean(name string) (string, error) {
	if len(name) > w.limits.PathBytes {
		return "", exceeded("bytes in a path", w.limits.PathBytes)
	}
	clean := path.Clean("/" + name)[1:]
	if strings.Count(clean, "/") >= w.limits.PathDepth {
		return "", exceeded("parts in a path", w.limits.PathDepth)
	}
	return clean, nil
}

func (w *walk) entry(header *tar.Header) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := w.clean(header.Name)
	if err != nil {
		return err
	}
	if w.whiteout(name) {
		return w.spend(8)
	}
	if header.Typeflag == tar.TypeDir {
		delete(w.layer.Files, name)
		w.layer.Dirs.add(name)
		return w.spend(8)
	}
	w.replace(name)
	if err := w.spend(8); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return w.regular(name, header)
	case tar.TypeLink:
		return w.hardLink(name, header)
	case tar.TypeSymlink:
		return w.symlink(name, header)
	}
	return nil
}

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// whiteout notes what name hides in lower layers, if it is a whiteout.
func (w *walk) whiteout(name string) bool {
	dir, base := path.Split(name)
	hidden, ok := strings.CutPrefix(base, whiteoutPrefix)
	switch {
	case !ok:
		return false
	case base == opaqueMarker:
		w.layer.Opaque.add(path.Clean("/" + dir)[1:])
	case strings.HasPrefix(hidden, whiteoutPrefix), hidden == "", hidden == ".", hidden == "..":
		// A mark of the file system that made the layer; it hides nothing.
	default:
		w.layer.Gone.add(dir + hidden)
	}
	return true
}

// replace notes that name is not a directory. What the tar had under it is gone.
func (w *walk) replace(name string) {
	w.layer.Gone.add(name)
	delete(w.layer.Files, name)
	delete(w.stored, name)
	if w.dirs[name] {
		maps.DeleteFunc(w.layer.Files, func(p string, _ File) bool { return strings.HasPrefix(p, name+"/") })
		delete(w.dirs, name)
	}
}

func (w *walk) regular(name string, header *tar.Header) error {
	own := facts(name, header)
	x := extractorOf(name, fs.FileMode(header.Mode).Perm())
	inStore := x == nil && isStored(name)
	switch {
	case inStore:
		x = &storedManifest
	case x == nil:
		return w.keep(name, own)
	}
	e := &entry{ctx: w.ctx, path: name, size: header.Size, limits: w.limits, body: w, memory: &w.memory, held: &w.held}
	defer e.close()
	file, err := x.run(e)
	if fatal := cmp.Or(e.err, w.err); fatal != nil {
		return fatal
	}
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if err != nil {
		file.Reason, file.Message = unreadReason(err), fmt.Sprintf("%s: %.300v", x.name, err)
	}
	if inStore {
		w.stored[name] = file
		return w.spend(file.size() + int64(len(name)))
	}
	if e.of != "" {
		return w.keep(e.of, file)
	}
	return w.keep(name, file.withFacts(own))
}

// Read is the content of the present entry. A sparse file has more of it than
// the tar has bytes.
func (w *walk) Read(p []byte) (int, error) {
	n, err := w.tar.Read(p)
	if w.content += int64(n); w.content > w.limits.Bytes {
		w.err = exceeded("bytes in files", w.limits.Bytes)
		return 0, w.err
	}
	return n, err
}

// hardLink takes what the link's target says. A target that this layer does not
// have is looked for below it, by Squash.
func (w *walk) hardLink(name string, header *tar.Header) error {
	target, err := w.clean(header.Linkname)
	if err != nil {
		return err
	}
	file, here := w.layer.Files[target]
	if stored, ok := w.stored[target]; ok && !here && isPackageJSON(name, 0) {
		file, here = stored, true
	}
	own := facts(name, header)
	own.Setuid = own.Setuid || file.Setuid
	own.Program = own.Program || file.Program && programKind(name) != ""
	switch wanted := extractorOf(name, fs.FileMode(header.Mode).Perm()) != nil; {
	case !wanted:
		file = File{}
	case !here:
		file = File{Link: target}
	}
	return w.keep(name, file.withFacts(own))
}

// symlink keeps a link that is a program of interest, or that hides a package
// database, unless Squash finds that the link leads to another.
func (w *walk) symlink(name string, header *tar.Header) error {
	database, own := isDatabase(name) || isDatabaseDir(name), facts(name, header)
	if !database && !own.Program {
		return nil
	}
	target := header.Linkname
	if !path.IsAbs(target) {
		target = path.Join(parent(name), target)
	}
	target, err := w.clean(target)
	if err != nil {
		return err
	}
	if own.Program {
		own.Target = target
		return w.keep(name, own)
	}
	return w.keep(name, File{Symlink: "/" + target})
}

func (w *walk) keep(name string, file File) error {
	if file.empty() {
		return nil
	}
	if w.packages += len(file.Packages); w.packages > w.limits.Packages {
		return exceeded("packages", w.limits.Packages)
	}
	if err := w.spend(file.size() + 2*int64(len(name))); err != nil {
		return err
	}
	w.layer.Files[name] = file
	for dir := parent(name); dir != "" && !w.dirs[dir]; dir = parent(dir) {
		w.dirs[dir] = true
	}
	return nil
}

func (w *walk) spend(bytes int64) error {
	if w.result += bytes; w.result > w.limits.ResultBytes {
		return exceeded("bytes of results", w.limits.ResultBytes)
	}
	return nil
}
