package rpmdb

import (
	"encoding/binary"
	"fmt"
)

const (
	walMagic  = 0x377f0682
	walHeader = 32
	walFrame  = 24
)

// walIndex says where in a write-ahead log the latest committed form of a page is.
type walIndex struct {
	store
	pageSize int64
	at       map[uint32]int64
}

// Changes says whether a write-ahead log holds committed pages.
func Changes(wal Content) (bool, error) {
	index, err := indexWAL(wal)
	return index != nil, err
}

// indexWAL follows the frames of a log as far as their checksums hold: behind
// them lie those of an earlier log, or of a transaction that never ended. It
// returns nil where none is committed.
func indexWAL(wal Content) (*walIndex, error) {
	w := &walIndex{store: store{Content: wal}, at: map[uint32]int64{}}
	if wal.Size < walHeader {
		return nil, nil
	}
	head, err := w.read(0, walHeader)
	if err != nil {
		return nil, err
	}
	w.pageSize = int64(big.Uint32(head[8:]))
	if big.Uint32(head)&^1 != walMagic || w.pageSize < 512 || w.pageSize > 64<<10 || w.pageSize&(w.pageSize-1) != 0 {
		return nil, nil
	}
	sum := walSum{order: little}
	if big.Uint32(head)&1 == 1 {
		sum.order = big
	}
	sum.add(head[:24])
	if !sum.is(head[24:]) {
		return nil, nil
	}
	if err := w.frames(head, sum); err != nil {
		return nil, err
	}
	if len(w.at) == 0 {
		return nil, nil
	}
	return w, nil
}

func (w *walIndex) frames(head []byte, sum walSum) error {
	pending := map[uint32]int64{}
	for at := int64(walHeader); at <= w.Size-walFrame-w.pageSize; at += walFrame + w.pageSize {
		frame, err := w.read(at, walFrame+w.pageSize)
		if err != nil {
			return fmt.Errorf("write-ahead log: %w", err)
		}
		sum.add(frame[:8])
		sum.add(frame[walFrame:])
		if string(frame[8:16]) != string(head[16:24]) || !sum.is(frame[16:]) {
			return nil
		}
		pending[big.Uint32(frame)] = at + walFrame
		if commit := big.Uint32(frame[4:]) != 0; commit {
			for page, offset := range pending {
				w.at[page] = offset
			}
			clear(pending)
		}
	}
	return nil
}

// page is nil where the log does not have it.
func (w *walIndex) page(n uint32) ([]byte, error) {
	at, ok := w.at[n]
	if !ok {
		return nil, nil
	}
	return w.read(at, w.pageSize)
}

// walSum is the log's running checksum.
type walSum struct {
	order binary.ByteOrder
	a, b  uint32
}

func (s *walSum) add(data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		s.a += s.order.Uint32(data) + s.b
		s.b += s.order.Uint32(data[4:]) + s.a
	}
}

func (s *walSum) is(stored []byte) bool {
	return big.Uint32(stored) == s.a && big.Uint32(stored[4:]) == s.b
}
