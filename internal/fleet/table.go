package fleet

// rows have dense ids, and a freed id goes to a later row, so that ids remain
// small enough for bitmaps and for slices indexed by id.
type rows[V any] struct {
	all  []V
	free []uint32
}

// at returns the row of an id, valid until the next add.
func (r *rows[V]) at(id uint32) *V { return &r.all[id] }

func (r *rows[V]) len() int { return len(r.all) - len(r.free) }

func (r *rows[V]) add(row V) uint32 {
	if last := len(r.free) - 1; last >= 0 {
		id := r.free[last]
		r.free = r.free[:last]
		r.all[id] = row
		return id
	}
	r.all = append(r.all, row)
	return uint32(len(r.all) - 1)
}

func (r *rows[V]) remove(id uint32) {
	var none V
	r.all[id] = none
	r.free = append(r.free, id)
}

// table finds its rows by key.
type table[K comparable, V any] struct {
	rows[V]
	ids map[K]uint32
}

func newTable[K comparable, V any]() table[K, V] {
	return table[K, V]{ids: map[K]uint32{}}
}

// add returns the id of a key that the table does not have yet.
func (t *table[K, V]) add(key K, row V) uint32 {
	id := t.rows.add(row)
	t.ids[key] = id
	return id
}

func (t *table[K, V]) remove(key K) {
	t.rows.remove(t.ids[key])
	delete(t.ids, key)
}
