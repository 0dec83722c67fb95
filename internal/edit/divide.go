package edit

import "math"

// divide gives each segment of an old value its part of the new one, so that the fewest segments change, and of them
// the fewest bytes. Where segments are `1.2` of an ARG and `-alpine` of its FROM, 1.3-alpine becomes 1.3 and -alpine. A nil result comes with a reason.
func divide(segments []text, value string) ([]string, *Refusal) {
	if len(segments) > maxSegments || len(value) > maxValue {
		return nil, refuse(ReasonLimit, "more than %d sources of a tag", maxSegments)
	}
	table := newDivision(segments, value)
	best := table.cells[len(segments)][len(value)]
	switch {
	case best.ways == 0:
		return nil, refuse(ReasonComputed, "%q cannot be written without changing computed bytes", value)
	case best.ways > 1:
		return nil, refuse(ReasonAmbiguous, "%q can be divided among its sources in more than one way", value)
	}
	parts := make([]string, len(segments))
	end := len(value)
	for i := len(segments); i > 0; i-- {
		start := table.cells[i][end].from
		parts[i-1] = value[start:end]
		end = start
	}
	return parts, nil
}

const maxSegments = 16

// changedSegment outweighs any number of bytes.
const changedSegment = 1 << 20

// division holds, for the first i segments and the first j bytes of the value, the cheapest way to divide them.
type division struct {
	cells [][]cell
}

type cell struct {
	cost, ways, from int
}

func newDivision(segments []text, value string) division {
	d := division{cells: make([][]cell, len(segments)+1)}
	for i := range d.cells {
		d.cells[i] = make([]cell, len(value)+1)
		for j := range d.cells[i] {
			d.cells[i][j].cost = math.MaxInt
		}
	}
	d.cells[0][0] = cell{ways: 1}
	for i, segment := range segments {
		for start, before := range d.cells[i] {
			if before.ways > 0 {
				d.extend(i+1, segment, value, start)
			}
		}
	}
	return d
}

// extend tries each part of value that begins at start as the i-th segment's. No part is empty: an emptied variable
// means another thing than a shorter one.
func (d division) extend(i int, segment text, value string, start int) {
	before := d.cells[i-1][start]
	for end := start + 1; end <= len(value); end++ {
		part := value[start:end]
		if segment.at[0] < 0 && part != segment.value {
			continue
		}
		cost := before.cost
		if part != segment.value {
			prefix, suffix := common(segment.value, part)
			cost += changedSegment + len(segment.value) + len(part) - 2*(prefix+suffix)
		}
		switch to := &d.cells[i][end]; {
		case cost < to.cost:
			*to = cell{cost: cost, ways: before.ways, from: start}
		case cost == to.cost:
			to.ways = min(to.ways+before.ways, 2)
		}
	}
}

// common returns how many bytes a and b share at their beginning, and how many more at their end.
func common(a, b string) (prefix, suffix int) {
	shorter := min(len(a), len(b))
	for prefix < shorter && a[prefix] == b[prefix] {
		prefix++
	}
	for suffix < shorter-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	return prefix, suffix
}
