package vulndb_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
)

type entry struct {
	header  tar.Header
	content []byte
}

func regular(name string, content []byte) entry {
	return entry{header: tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}, content: content}
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		if err := w.WriteHeader(&e.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func files(t *testing.T) (db, metadata []byte) {
	t.Helper()
	dir := build(t, database.Spec{Facts: many()})
	for name, into := range map[string]*[]byte{"trivy.db": &db, "metadata.json": &metadata} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		*into = raw
	}
	return db, metadata
}

// TestUpdateRefusesArtifact lists what must never take the place of a database.
func TestUpdateRefusesArtifact(t *testing.T) {
	db, metadata := files(t)
	d, m := regular("trivy.db", db), regular("metadata.json", metadata)
	link := func(name string, kind byte) entry {
		return entry{header: tar.Header{Name: name, Typeflag: kind, Linkname: "/etc/passwd"}}
	}
	of := func(entries ...entry) []vulndb.Layer { return []vulndb.Layer{layerOf(archive(t, entries...))} }
	good := layerOf(archive(t, d, m))
	changed := func(change func(*vulndb.Layer)) []vulndb.Layer {
		l := good
		change(&l)
		return []vulndb.Layer{l}
	}
	sends := func(r func() io.Reader) []vulndb.Layer {
		return changed(func(l *vulndb.Layer) {
			l.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(r()), nil }
		})
	}
	body := archive(t, d, m)
	const (
		invalid     = v1alpha1.ReasonInvalidArtifact
		unavailable = v1alpha1.ReasonSourceUnavailable
		tooLarge    = v1alpha1.ReasonArtifactTooLarge
	)
	cases := map[string]struct {
		layers []vulndb.Layer
		want   string
	}{
		"no layer":             {nil, invalid},
		"two layers":           {[]vulndb.Layer{good, good}, invalid},
		"another media type":   {changed(func(l *vulndb.Layer) { l.MediaType = "application/vnd.oci.image.layer.v1.tar+gzip" }), invalid},
		"the Java database":    {changed(func(l *vulndb.Layer) { l.MediaType = "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip" }), invalid},
		"another digest":       {changed(func(l *vulndb.Layer) { l.Digest = layerOf(nil).Digest }), invalid},
		"shorter than it says": {changed(func(l *vulndb.Layer) { l.Size++ }), invalid},
		"longer than it says":  {changed(func(l *vulndb.Layer) { l.Size-- }), invalid},
		"negative size":        {changed(func(l *vulndb.Layer) { l.Size = -1 }), tooLarge},
		"larger than allowed":  {changed(func(l *vulndb.Layer) { l.Size = limits.Compressed + 1 }), tooLarge},
		"truncated":            {sends(func() io.Reader { return bytes.NewReader(body[:len(body)/2]) }), invalid},
		"broken connection": {sends(func() io.Reader {
			return io.MultiReader(bytes.NewReader(body[:len(body)/2]), iotest.ErrReader(errors.New("reset")))
		}), unavailable},
		"cannot be opened": {changed(func(l *vulndb.Layer) {
			l.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("refused") }
		}), unavailable},
		"verified by the reader to be another": {changed(func(l *vulndb.Layer) {
			l.Digest = layerOf(nil).Digest
			l.Open = func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(body), iotest.ErrReader(errors.New("digest mismatch")))), nil
			}
		}), invalid},
		"no gzip":              {[]vulndb.Layer{layerOf([]byte("plain"))}, invalid},
		"empty archive":        {of(), invalid},
		"no metadata":          {of(d), invalid},
		"no database":          {of(m), invalid},
		"another file":         {of(d, m, regular("README", nil)), invalid},
		"a file twice":         {of(d, m, m), invalid},
		"in a folder":          {of(regular("db/trivy.db", db), m), invalid},
		"traversal":            {of(d, m, regular("../evil", nil)), invalid},
		"traversal of a name":  {of(regular("../trivy.db", db), m), invalid},
		"absolute":             {of(regular("/trivy.db", db), m), invalid},
		"symbolic link":        {of(d, link("metadata.json", tar.TypeSymlink)), invalid},
		"hard link":            {of(d, link("metadata.json", tar.TypeLink)), invalid},
		"folder":               {of(d, m, entry{header: tar.Header{Name: "x/", Typeflag: tar.TypeDir}}), invalid},
		"unpacked too large":   {of(regular("trivy.db", make([]byte, limits.Unpacked+1)), m), tooLarge},
		"metadata too large":   {of(d, regular("metadata.json", make([]byte, 1<<20+1))), tooLarge},
		"database truncated":   {of(regular("trivy.db", db[:len(db)/2]), m), invalid},
		"metadata broken":      {of(d, regular("metadata.json", []byte("{"))), invalid},
		"schema of the future": {of(d, regular("metadata.json", []byte(`{"Version":3,"UpdatedAt":"2026-07-20T12:00:00Z"}`))), v1alpha1.ReasonUnsupportedSchema},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir, r := t.TempDir(), newRegistry()
			u, err := vulndb.NewUpdater(dir, r, limits)
			if err != nil {
				t.Fatal(err)
			}
			r.serve(firstHost, packed(t, built, `{"FixedVersion":"1"}`))
			before := mustUpdate(t, u, sources(firstRef))
			r.serve(firstHost, tc.layers...)
			_, err = u.Update(t.Context(), sources(firstRef), false)
			checkReason(t, err, tc.want)
			if kept, err := u.Reopen(); err != nil || kept != before || fixedIn(t, kept.DB) != "1" {
				t.Errorf("the good database is not in use any more: %v", err)
			}
			if got, want := names(t, dir), before.Revision.Hex()+" current.json"; got != want {
				t.Errorf("directory holds %q, want %q", got, want)
			}
		})
	}
}

// limits are small, so that the tests need not write large files.
var limits = vulndb.Limits{Compressed: 1 << 20, Unpacked: 4 << 20}

func TestUpdateAcceptsOtherTars(t *testing.T) {
	db, metadata := files(t)
	cases := map[string][]entry{
		"other order":      {regular("metadata.json", metadata), regular("trivy.db", db)},
		"names with a dot": {regular("./trivy.db", db), regular("./metadata.json", metadata)},
	}
	for name, entries := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			r.serve(firstHost, layerOf(archive(t, entries...)))
			if _, err := newUpdater(t, t.TempDir(), r).Update(t.Context(), sources(firstRef), false); err != nil {
				t.Error(err)
			}
		})
	}
}
