package rpmdb

import (
	"bytes"
	"errors"
	"fmt"
)

// SQLite's file format, as of https://www.sqlite.org/fileformat2.html. Of it a
// table is walked, row by row, and no SQL is run: the schema is the image's,
// and could make a view that never ends of the table's name.
const (
	sqliteMagic  = "SQLite format 3\x00"
	sqliteHeader = 100
	sqliteTable  = "Packages"

	pageInterior = 0x05
	pageLeaf     = 0x0d
	maxTreeDepth = 20
)

func isSQLite(head []byte) bool { return bytes.HasPrefix(head, []byte(sqliteMagic)) }

type sqlite struct {
	*store
	wal      *walIndex
	pageSize int64
	// usable bytes of a page.
	usable int64
	// seen are the pages of trees: each is part of one tree, once.
	seen map[uint32]bool
}

func (s *store) readSQLite(wal Content) error {
	q := &sqlite{store: s, seen: map[uint32]bool{}}
	if wal.Size > 0 {
		index, err := indexWAL(wal)
		if err != nil {
			return err
		}
		q.wal = index
	}
	if err := q.open(); err != nil {
		return err
	}
	var root uint32
	err := q.tree(1, 0, func(record []byte) error {
		if row := schemaRow(record); row.name == sqliteTable {
			root = row.root
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if root == 0 {
		return errors.New("no table " + sqliteTable)
	}
	return q.tree(root, 0, func(record []byte) error {
		blob := column(record, 1)
		if len(blob) == 0 {
			return errRecord
		}
		return q.each(blob)
	})
}

// open reads the header, which begins the first page.
func (q *sqlite) open() error {
	head, err := q.first()
	if err != nil {
		return err
	}
	const utf8 = 1
	if !isSQLite(head) || big.Uint32(head[56:]) > utf8 {
		return errUnknown
	}
	q.pageSize = int64(big.Uint16(head[16:]))
	if q.pageSize == 1 {
		q.pageSize = 64 << 10
	}
	q.usable = q.pageSize - int64(head[20])
	if q.pageSize < 512 || q.pageSize&(q.pageSize-1) != 0 || q.usable < 480 || q.wal != nil && q.wal.pageSize != q.pageSize {
		return fmt.Errorf("pages of %d bytes", q.pageSize)
	}
	return nil
}

func (q *sqlite) first() ([]byte, error) {
	if q.wal != nil {
		if page, err := q.wal.page(1); page != nil || err != nil {
			return page, err
		}
	}
	return q.read(0, sqliteHeader)
}

func (q *sqlite) page(n uint32) ([]byte, error) {
	if n == 0 {
		return nil, errPage
	}
	if q.wal != nil {
		if page, err := q.wal.page(n); page != nil || err != nil {
			return page, err
		}
	}
	return q.read(int64(n-1)*q.pageSize, q.pageSize)
}

// tree calls each with the records of the table whose tree has its root at page n.
func (q *sqlite) tree(n uint32, depth int, each func(record []byte) error) error {
	if q.seen[n] || depth > maxTreeDepth {
		return errPage
	}
	q.seen[n] = true
	page, err := q.page(n)
	if err != nil {
		return err
	}
	head := page
	if n == 1 {
		head = page[sqliteHeader:]
	}
	cells := int(big.Uint16(head[3:]))
	switch head[0] {
	case pageLeaf:
		return q.cells(page, head[8:], cells, func(cell []byte) error {
			record, err := q.record(cell)
			if err != nil {
				return err
			}
			return each(record)
		})
	case pageInterior:
		err := q.cells(page, head[12:], cells, func(cell []byte) error {
			return q.tree(big.Uint32(cell), depth+1, each)
		})
		if err != nil {
			return err
		}
		return q.tree(big.Uint32(head[8:]), depth+1, each)
	}
	return errPage
}

// cells calls each with the page from each cell on.
func (q *sqlite) cells(page, offsets []byte, count int, each func(cell []byte) error) error {
	if 2*count > len(offsets) {
		return errPage
	}
	for i := range count {
		offset := int64(big.Uint16(offsets[2*i:]))
		if offset > q.usable-4 {
			return errPage
		}
		if err := each(page[offset:q.usable]); err != nil {
			return err
		}
	}
	return nil
}

// record puts together what a cell of a leaf has on its page and on a chain of others.
func (q *sqlite) record(cell []byte) ([]byte, error) {
	size, cell, ok := varint(cell)
	if !ok || size > maxHeader {
		return nil, errRecord
	}
	_, cell, ok = varint(cell)
	local := q.local(int64(size))
	if !ok || local > int64(len(cell)) {
		return nil, errRecord
	}
	if err := q.take(int64(size)); err != nil {
		return nil, err
	}
	record := append(make([]byte, 0, size), cell[:local]...)
	if rest := cell[local:]; local < int64(size) {
		if len(rest) < 4 {
			return nil, errRecord
		}
		return q.overflow(record, big.Uint32(rest), int64(size))
	}
	return record, nil
}

func (q *sqlite) overflow(record []byte, next uint32, size int64) ([]byte, error) {
	for int64(len(record)) < size {
		page, err := q.page(next)
		if err != nil {
			return nil, err
		}
		next = big.Uint32(page)
		part := page[4:q.usable]
		record = append(record, part[:min(int64(len(part)), size-int64(len(record)))]...)
	}
	return record, nil
}

// local is how much of a record of that size lies on its own page.
func (q *sqlite) local(size int64) int64 {
	most := q.usable - 35
	if size <= most {
		return size
	}
	least := (q.usable-12)*32/255 - 23
	if n := least + (size-least)%(q.usable-4); n <= most {
		return n
	}
	return least
}

var errRecord = errors.New("a record is broken")

type schemaEntry struct {
	name string
	root uint32
}

// schemaRow reads a row of type, name, table, root page and SQL.
func schemaRow(record []byte) schemaEntry {
	if string(column(record, 0)) != "table" {
		return schemaEntry{}
	}
	row := schemaEntry{name: string(column(record, 1))}
	for _, b := range column(record, 3) {
		row.root = row.root<<8 | uint32(b)
	}
	return row
}

// column is the content of a record's column, or nil where there is none. A
// record begins with the size of its list of types, and the list.
func column(record []byte, number int) []byte {
	size, types, ok := varint(record)
	if !ok || size > uint64(len(record)) || int(size) < len(record)-len(types) {
		return nil
	}
	types, content := record[len(record)-len(types):size], record[size:]
	for i := 0; len(types) > 0; i++ {
		var kind uint64
		if kind, types, ok = varint(types); !ok {
			return nil
		}
		n := columnSize(kind)
		if n > uint64(len(content)) {
			return nil
		}
		if i == number {
			return content[:n]
		}
		content = content[n:]
	}
	return nil
}

func columnSize(kind uint64) uint64 {
	switch {
	case kind >= 12:
		return (kind - 12) / 2
	case kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind == 6 || kind == 7:
		return 8
	}
	return 0
}

// varint reads a number of 7 bits a byte, and of 8 in the ninth, highest first.
func varint(b []byte) (n uint64, rest []byte, ok bool) {
	for i := range min(9, len(b)) {
		if i == 8 {
			return n<<8 | uint64(b[i]), b[9:], true
		}
		n = n<<7 | uint64(b[i]&0x7f)
		if b[i]&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}
