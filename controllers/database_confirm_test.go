package controllers

import (
	"slices"
	"testing"

	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// confirmations remembers what was confirmed.
type confirmations struct {
	updater
	confirmed []*vulndb.Current
}

func (c *confirmations) Confirm(current *vulndb.Current) error {
	c.confirmed = append(c.confirmed, current)
	return nil
}

// A database that no image can be judged by is not what a restart is to find.
func TestOnlyWhatTheFleetWasJudgedByIsConfirmed(t *testing.T) {
	w := newReportWorld(t)
	u := &confirmations{}
	r := &vulnerabilityDatabaseReconciler{shared: w.shared, updater: u}
	good, bad := openDatabase(t), openDatabase(t)
	if err := bad.DB.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.use(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if err := r.use(t.Context(), bad); err == nil {
		t.Error("all images were judged by a closed database")
	}
	if !slices.Equal(u.confirmed, []*vulndb.Current{good}) || r.current != good {
		t.Errorf("confirmed %v, want only the good one", u.confirmed)
	}
	if _, err := good.DB.HasBucket("debian 12"); err != nil {
		t.Errorf("the database in use cannot be read: %v", err)
	}
}
