package vulndb

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// bbolt's file format: a page begins with its id (8 bytes), flags (2), number
// of elements (2) and number of overflow pages (4). Elements follow: in a branch
// page position of the key (4), its size (4) and a page (8); in a leaf page
// flags (4), position of the key (4), its size (4) and that of the value (4),
// which follows the key. Positions count from their element. Numbers are in the
// machine's order.
const (
	headerBytes  = 16
	elementBytes = 16

	branchPage = 0x01
	leafPage   = 0x02

	bucketElement = 0x01
	// bucketBytes is the head of a bucket's value: its root page (8) and a
	// sequence number (8). An inline bucket has root 0, and its page follows.
	bucketBytes = 16

	// maxDepth of pages below the root. Real databases have less than ten.
	maxDepth = 64
)

// verify walks all pages that can be reached from the root. bbolt trusts its
// file: on one whose pages form a circle it would recurse until the stack is
// exhausted, which no one can recover from, and on one whose elements point
// outside their page it would read foreign memory.
func (d *DB) verify(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return invalidf("check database: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return invalidf("check database: %w", err)
	}
	w := walk{file: file, pageSize: int64(d.bolt.Info().PageSize)}
	err = d.view(func(tx *bbolt.Tx) error {
		w.pages = uint64(tx.Size() / w.pageSize)
		w.pending = []pageRef{{id: uint64(tx.Cursor().Bucket().Root())}}
		return nil
	})
	if err != nil {
		return err
	}
	if int64(w.pages)*w.pageSize > info.Size() {
		return invalidf("check database %s: truncated to %d of %d bytes", path, info.Size(), int64(w.pages)*w.pageSize)
	}
	if err := w.run(); err != nil {
		return invalidf("check database %s: %w", path, err)
	}
	return nil
}

type pageRef struct {
	id    uint64
	depth int
}

type walk struct {
	file     io.ReaderAt
	pageSize int64
	// pages is the number of pages in use.
	pages   uint64
	seen    []bool
	pending []pageRef
	buffer  []byte
}

func (w *walk) run() error {
	w.seen = make([]bool, w.pages)
	w.buffer = make([]byte, w.pageSize)
	for len(w.pending) > 0 {
		ref := w.pending[len(w.pending)-1]
		w.pending = w.pending[:len(w.pending)-1]
		page, err := w.read(ref)
		if err == nil {
			err = w.check(page, ref.depth, false)
		}
		if err != nil {
			return fmt.Errorf("page %d: %w", ref.id, err)
		}
	}
	return nil
}

// read returns the page with its overflow pages.
func (w *walk) read(ref pageRef) ([]byte, error) {
	if ref.depth > maxDepth {
		return nil, fmt.Errorf("more than %d pages deep", maxDepth)
	}
	if ref.id >= w.pages {
		return nil, fmt.Errorf("outside of the %d pages", w.pages)
	}
	offset := int64(ref.id) * w.pageSize
	if _, err := w.file.ReadAt(w.buffer[:w.pageSize], offset); err != nil {
		return nil, err
	}
	if id := binary.NativeEndian.Uint64(w.buffer); id != ref.id {
		return nil, fmt.Errorf("calls itself %d", id)
	}
	span := 1 + uint64(binary.NativeEndian.Uint32(w.buffer[12:]))
	if span > w.pages-ref.id {
		return nil, fmt.Errorf("has %d pages, outside of the %d", span, w.pages)
	}
	for i := ref.id; i < ref.id+span; i++ {
		if w.seen[i] {
			return nil, fmt.Errorf("page %d has two places", i)
		}
		w.seen[i] = true
	}
	size := int64(span) * w.pageSize
	if size > int64(len(w.buffer)) {
		w.buffer = append(w.buffer, make([]byte, size-int64(len(w.buffer)))...)
	}
	if span > 1 {
		if _, err := w.file.ReadAt(w.buffer[w.pageSize:size], offset+w.pageSize); err != nil {
			return nil, err
		}
	}
	return w.buffer[:size], nil
}

// check checks that all elements of a page are inside of it, and remembers the
// pages that they point to.
func (w *walk) check(page []byte, depth int, inline bool) error {
	flags := binary.NativeEndian.Uint16(page[8:])
	count := int(binary.NativeEndian.Uint16(page[10:]))
	if flags != leafPage && (flags != branchPage || inline || count == 0) {
		return fmt.Errorf("has flags %#x and %d elements", flags, count)
	}
	if headerBytes+count*elementBytes > len(page) {
		return fmt.Errorf("has no room for %d elements", count)
	}
	for i := range count {
		element := page[headerBytes+i*elementBytes:]
		var err error
		if flags == branchPage {
			err = w.checkBranch(element, depth)
		} else {
			err = w.checkLeaf(element, depth, inline)
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func (w *walk) checkBranch(element []byte, depth int) error {
	position, size := number(element[0:]), number(element[4:])
	if position+size > len(element) {
		return fmt.Errorf("key of %d bytes at %d is outside of the page", size, position)
	}
	w.pending = append(w.pending, pageRef{id: binary.NativeEndian.Uint64(element[8:]), depth: depth + 1})
	return nil
}

func (w *walk) checkLeaf(element []byte, depth int, inline bool) error {
	position, keySize, valueSize := number(element[4:]), number(element[8:]), number(element[12:])
	end := position + keySize + valueSize
	if end > len(element) {
		return fmt.Errorf("key and value of %d and %d bytes at %d are outside of the page", keySize, valueSize, position)
	}
	if number(element)&bucketElement == 0 {
		return nil
	}
	return w.checkBucket(element[end-valueSize:end], depth, inline)
}

func (w *walk) checkBucket(value []byte, depth int, inline bool) error {
	if inline {
		return fmt.Errorf("bucket in an inline bucket")
	}
	if len(value) < bucketBytes {
		return fmt.Errorf("bucket of %d bytes", len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		w.pending = append(w.pending, pageRef{id: root, depth: depth + 1})
		return nil
	}
	if len(value) < bucketBytes+headerBytes {
		return fmt.Errorf("inline bucket of %d bytes", len(value))
	}
	return w.check(value[bucketBytes:], depth, true)
}

func number(b []byte) int { return int(binary.NativeEndian.Uint32(b)) }
