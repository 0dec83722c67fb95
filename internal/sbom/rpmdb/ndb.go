package rpmdb

import (
	"bytes"
	"errors"
	"fmt"
)

// ndb, as of rpm's file lib/backend/ndb/rpmpkg.c: pages of 4096 bytes that hold
// slots, and after them the headers, in blocks of 16 bytes.
const (
	ndbPage  = 4096
	ndbSlot  = 16
	ndbBlock = 16
)

func isNDB(head []byte) bool {
	return len(head) >= 2*ndbSlot && bytes.HasPrefix(head, []byte("RpmP")) && little.Uint32(head[4:]) == 0
}

var errSlot = errors.New("a slot is broken")

func (s *store) readNDB(head []byte) error {
	pages := int64(little.Uint32(head[12:]))
	if pages == 0 {
		return errSlot
	}
	for n := range pages {
		page, err := s.read(n*ndbPage, ndbPage)
		if err != nil {
			return err
		}
		if n == 0 {
			page = page[2*ndbSlot:]
		}
		for ; len(page) > 0; page = page[ndbSlot:] {
			if err := s.slot(page[:ndbSlot]); err != nil {
				return fmt.Errorf("page %d of slots: %w", n, err)
			}
		}
	}
	return nil
}

// slot reads the header that a slot leads to. The slot of package 0 is free.
func (s *store) slot(slot []byte) error {
	if !bytes.HasPrefix(slot, []byte("Slot")) {
		return errSlot
	}
	number := little.Uint32(slot[4:])
	if number == 0 {
		return nil
	}
	offset := ndbBlock * int64(little.Uint32(slot[8:]))
	head, err := s.read(offset, 16)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(head, []byte("BlbS")) || little.Uint32(head[4:]) != number {
		return errSlot
	}
	size := int64(little.Uint32(head[12:]))
	if err := s.take(size); err != nil {
		return err
	}
	blob, err := s.read(offset+16, size)
	if err != nil {
		return err
	}
	return s.each(blob)
}
