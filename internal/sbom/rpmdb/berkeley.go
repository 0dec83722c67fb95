package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Berkeley DB's hash access method, as of its file db_page.h: pages of one
// size, of which the first describes the file. Hash pages hold keys and values
// in turn; a value that is large lies on a chain of overflow pages.
const (
	berkeleyMagic  = 0x061561
	berkeleyHeader = 26

	pageHashUnsorted = 2
	pageOverflow     = 7
	pageHashMeta     = 8
	pageHash         = 13

	itemInPage  = 1
	itemOffPage = 3
)

// berkeleyOrder is the byte order of the machine that wrote the database, or
// nil where it is none.
func berkeleyOrder(meta []byte) binary.ByteOrder {
	if len(meta) < 512 {
		return nil
	}
	for _, order := range []binary.ByteOrder{little, big} {
		if order.Uint32(meta[12:]) == berkeleyMagic {
			return order
		}
	}
	return nil
}

type berkeley struct {
	*store
	order    binary.ByteOrder
	pageSize int64
}

func (s *store) readBerkeley(meta []byte) error {
	b := &berkeley{store: s, order: berkeleyOrder(meta)}
	b.pageSize = int64(b.order.Uint32(meta[20:]))
	if b.pageSize < 512 || b.pageSize > 64<<10 || b.pageSize&(b.pageSize-1) != 0 {
		return fmt.Errorf("pages of %d bytes", b.pageSize)
	}
	if meta[24] != 0 || meta[25] != pageHashMeta {
		return errUnknown
	}
	last := int64(b.order.Uint32(meta[32:]))
	for n := int64(1); n <= last; n++ {
		page, err := b.page(n)
		if err != nil {
			return err
		}
		if kind := page[25]; kind != pageHash && kind != pageHashUnsorted {
			continue
		}
		if err := b.hashPage(page); err != nil {
			return fmt.Errorf("page %d: %w", n, err)
		}
	}
	return nil
}

func (b *berkeley) page(n int64) ([]byte, error) { return b.read(n*b.pageSize, b.pageSize) }

var errPage = errors.New("a page is broken")

// hashPage reads a page that begins with the offsets of its items. Items are
// laid out from the page's end, so one ends where the one before it begins.
func (b *berkeley) hashPage(page []byte) error {
	count := int(b.order.Uint16(page[20:]))
	if count%2 != 0 || berkeleyHeader+2*count > len(page) {
		return errPage
	}
	for i := 1; i < count; i += 2 {
		end := int(b.order.Uint16(page[berkeleyHeader+2*(i-1):]))
		start := int(b.order.Uint16(page[berkeleyHeader+2*i:]))
		if start >= end || end > len(page) {
			return errPage
		}
		if err := b.item(page[start:end]); err != nil {
			return err
		}
	}
	return nil
}

func (b *berkeley) item(item []byte) error {
	switch {
	// The value of 4 bytes is the highest number of a package.
	case item[0] == itemInPage && len(item) > 1+headerIntro:
		if err := b.take(int64(len(item))); err != nil {
			return err
		}
		return b.each(item[1:])
	case item[0] == itemOffPage && len(item) >= 12:
		blob, err := b.overflow(int64(b.order.Uint32(item[4:])), int64(b.order.Uint32(item[8:])))
		if err != nil {
			return err
		}
		return b.each(blob)
	}
	return nil
}

// overflow reads size bytes from a chain of pages.
func (b *berkeley) overflow(page, size int64) ([]byte, error) {
	if err := b.take(size); err != nil {
		return nil, err
	}
	blob := make([]byte, 0, size)
	for int64(len(blob)) < size {
		if page == 0 {
			return nil, errPage
		}
		content, err := b.page(page)
		if err != nil {
			return nil, err
		}
		if content[25] != pageOverflow {
			return nil, errPage
		}
		part := content[berkeleyHeader:]
		blob = append(blob, part[:min(int64(len(part)), size-int64(len(blob)))]...)
		page = int64(b.order.Uint32(content[16:]))
	}
	return blob, nil
}
