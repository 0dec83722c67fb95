package store

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

var (
	_ disk = osDisk{}
	_ disk = (*faultyDisk)(nil)

	errFault = errors.New("fault")
)

// quickDisk does without fsync, which no test can see: they kill processes and
// not machines.
type quickDisk struct{ osDisk }

func (quickDisk) sync(string) error { return nil }

func (quickDisk) create(dir string, data []byte) (string, error) {
	f, err := os.CreateTemp(dir, temporaryPrefix)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	return f.Name(), errors.Join(err, f.Close())
}

// moment of a step at which a faultyDisk fails.
type moment string

const (
	beforeStep moment = "before"
	duringStep moment = "during"
	afterStep  moment = "after"
)

// faultyDisk fails at one step. Where it is a crash, no later step happens
// either: the process is dead.
type faultyDisk struct {
	quickDisk
	failAt int
	moment moment
	crash  bool

	step   int
	failed bool
	log    []string
}

func (d *faultyDisk) do(name string, during, all func() error) error {
	if d.failed && d.crash {
		return errFault
	}
	d.step++
	d.log = append(d.log, name)
	if d.step != d.failAt {
		return all()
	}
	d.failed = true
	switch d.moment {
	case duringStep:
		_ = during()
	case afterStep:
		_ = all()
	}
	return errFault
}

func nothing() error { return nil }

func (d *faultyDisk) mkdir(path string) error {
	// One folder of so many stands for all.
	if n, err := strconv.ParseUint(filepath.Base(path), 16, 4); err == nil && n != 7 {
		if d.failed && d.crash {
			return errFault
		}
		return d.quickDisk.mkdir(path)
	}
	return d.do("mkdir", nothing, func() error { return d.quickDisk.mkdir(path) })
}

func (d *faultyDisk) create(dir string, data []byte) (path string, err error) {
	err = d.do("create", func() error {
		return os.WriteFile(filepath.Join(dir, temporaryPrefix+"torn"), data[:len(data)/2], 0o600)
	}, func() (err error) {
		path, err = d.quickDisk.create(dir, data)
		return err
	})
	if err != nil && !d.crash && path != "" {
		// create itself takes back what it cannot finish.
		return "", errors.Join(err, os.Remove(path))
	}
	return path, err
}

func (d *faultyDisk) rename(from, to string) error {
	return d.do("rename", nothing, func() error { return d.quickDisk.rename(from, to) })
}

func (d *faultyDisk) sync(dir string) error {
	return d.do("sync", nothing, func() error { return d.quickDisk.sync(dir) })
}

func (d *faultyDisk) remove(path string) error {
	return d.do("remove", nothing, func() error { return d.quickDisk.remove(path) })
}

func (d *faultyDisk) removeAll(path string) error {
	return d.do("removeAll", func() error {
		// Half of the folders are gone.
		for n := range shards / 2 {
			if err := d.quickDisk.removeAll(filepath.Join(path, strconv.FormatInt(int64(n+shards/2), 16))); err != nil {
				return err
			}
		}
		return nil
	}, func() error { return d.quickDisk.removeAll(path) })
}
