package fleet

import (
	"reflect"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/match"
)

// rejudged is what a new database says of one key.
type rejudged struct {
	key         uint32
	fingerprint uint64
	// same says that nothing but bytes changed: the key's memo stays.
	same bool
	memo memo
	// verdicts in the order of the key's members.
	verdicts []uint32
	// news of the members that are judged differently, by subject.
	news []news
}

type news struct {
	subject uint32
	difference
}

// retrial judges a key's subjects again.
type retrial struct {
	judge       Judge
	db          Database
	key         match.Key
	fingerprint uint64
	// ids are the vulnerabilities whose records changed, and changed these
	// records; nil where all are to be judged.
	ids     map[string]bool
	changed []match.Record
	// all are the key's records, once they are read.
	all  []match.Record
	read bool
}

func (f *Fleet) rejudgeKey(db Database, key uint32, sum uint64) (rejudged, error) {
	row := f.index.keys.at(key)
	result := rejudged{key: key, fingerprint: sum}
	t := &retrial{judge: f.judge, db: db, key: row.key, fingerprint: sum}
	same, err := t.compareWith(f.db)
	if err != nil {
		return result, err
	}
	if same {
		result.same = true
		return result, nil
	}
	w := result.memo.writer()
	result.verdicts = make([]uint32, len(row.members))
	for i, m := range row.members {
		before := f.index.subjects.at(m.subject).verdict
		held, problems := row.memo.matches(before), row.memo.problems(before)
		matches, told, err := t.run(f.index.full(row, m), held, problems)
		if err != nil {
			return result, err
		}
		result.verdicts[i] = w.add(matches, told)
		d := compare(held, matches)
		// Their texts may quote a list that only changed its order.
		d.problems = len(problems) != len(told)
		if d.any() {
			result.news = append(result.news, news{m.subject, d})
		}
	}
	result.memo = result.memo.clipped()
	return result, nil
}

// run returns the verdict on a subject of which that before was held. A
// problem hides what an advisory says of others, so that with one all is judged.
func (t *retrial) run(s match.Subject, held []match.Match, before []string) ([]match.Match, []string, error) {
	if t.ids != nil && len(before) == 0 {
		matches, problems := t.judge.run(s, t.changed)
		if len(problems) == 0 {
			for _, m := range held {
				if !t.ids[m.ID] {
					matches = append(matches, m)
				}
			}
			slices.SortStableFunc(matches, byID)
			return matches, nil, nil
		}
	}
	if err := t.readAll(); err != nil {
		return nil, nil, err
	}
	matches, problems := t.judge.run(s, t.all)
	return matches, problems, nil
}

func (t *retrial) readAll() (err error) {
	if t.read {
		return nil
	}
	t.all, err = records(t.db, t.key, t.fingerprint)
	t.read = err == nil
	return err
}

// compareWith finds out which vulnerabilities the database before has other
// records of; same says that it has none. That it cannot be read any more
// costs time alone: then all are judged.
func (t *retrial) compareWith(before Database) (same bool, err error) {
	from, ok := before.(Divisible)
	to, also := t.db.(Divisible)
	if !ok || !also {
		return false, nil
	}
	frame, parts, err := to.Parts(t.key)
	if err != nil {
		return false, unreadable(t.key, err)
	}
	oldFrame, oldParts, unread := from.Parts(t.key)
	if unread != nil || parts == nil || oldParts == nil || frame != oldFrame {
		return t.compareAll(before)
	}
	ids := differing(oldParts, parts)
	if t.changed, err = to.RecordsOf(t.key, ids); err != nil {
		return false, unreadable(t.key, err)
	}
	old, unread := from.RecordsOf(t.key, ids)
	if unread != nil {
		return false, nil
	}
	if t.ids = unlike(old, t.changed, ids); len(t.ids) < len(ids) {
		t.changed = only(t.changed, t.ids)
	}
	return len(t.ids) == 0, nil
}

// compareAll is for keys that cannot be divided.
func (t *retrial) compareAll(before Database) (same bool, err error) {
	if err := t.readAll(); err != nil {
		return false, err
	}
	old, unread := before.Records(t.key)
	return unread == nil && reflect.DeepEqual(old, t.all), nil
}

// differing are the ids that one of the databases has and the other has not,
// or otherwise.
func differing(a, b map[string]uint64) map[string]bool {
	ids := map[string]bool{}
	for id, sum := range a {
		if other, ok := b[id]; !ok || other != sum {
			ids[id] = true
		}
	}
	for id := range b {
		if _, ok := a[id]; !ok {
			ids[id] = true
		}
	}
	return ids
}

// unlike leaves of the ids those whose records mean something else.
func unlike(before, after []match.Record, ids map[string]bool) map[string]bool {
	old, now := byVulnerability(before), byVulnerability(after)
	left := map[string]bool{}
	for id := range ids {
		if !reflect.DeepEqual(old[id], now[id]) {
			left[id] = true
		}
	}
	return left
}

// said is an advisory and the number of the record that it is in.
type said struct {
	record   int
	advisory match.Advisory
}

func byVulnerability(records []match.Record) map[string][]said {
	all := map[string][]said{}
	for i, r := range records {
		for _, a := range r.Advisories {
			all[a.ID] = append(all[a.ID], said{i, a})
		}
	}
	return all
}

// only leaves the advisories of those ids in the records.
func only(records []match.Record, ids map[string]bool) []match.Record {
	left := slices.Clone(records)
	for i := range left {
		left[i].Advisories = slices.DeleteFunc(slices.Clone(left[i].Advisories), func(a match.Advisory) bool { return !ids[a.ID] })
	}
	return left
}
