package fleet

// table gives its keys dense ids, and a freed id to a later key, so that ids
// remain small enough for bitmaps and for slices indexed by id.
type table[K comparable, V any] struct {
	ids  map[K]uint32
	rows []V
	free []uint32
}

func newTable[K comparable, V any]() table[K, V] {
	return table[K, V]{ids: map[K]uint32{}}
}

// add returns the id of a key that the table does not have yet.
func (t *table[K, V]) add(key K, row V) uint32 {
	if last := len(t.free) - 1; last >= 0 {
		id := t.free[last]
		t.free = t.free[:last]
		t.ids[key], t.rows[id] = id, row
		return id
	}
	id := uint32(len(t.rows))
	t.ids[key], t.rows = id, append(t.rows, row)
	return id
}

func (t *table[K, V]) remove(key K) {
	id := t.ids[key]
	delete(t.ids, key)
	var none V
	t.rows[id] = none
	t.free = append(t.free, id)
}
