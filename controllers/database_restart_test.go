package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// reopened is an updater that still has a database, or has lost it.
type reopened struct {
	updater
	current *vulndb.Current
}

func (u reopened) Reopen() (*vulndb.Current, error) { return u.current, nil }
func (reopened) Confirm(*vulndb.Current) error      { return nil }

// After a restart the check before counts only if it found the newest database.
func TestReopenChecksAgain(t *testing.T) {
	for reason, due := range map[string]bool{
		v1alpha1.ReasonUpToDate:          false,
		v1alpha1.ReasonOlderDatabase:     true,
		v1alpha1.ReasonSourceUnavailable: true,
		v1alpha1.ReasonSuspended:         true,
	} {
		t.Run(reason, func(t *testing.T) {
			w := newReportWorld(t)
			current := openDatabase(t)
			r := &vulnerabilityDatabaseReconciler{shared: w.shared, updater: reopened{current: current}}
			object := databaseObject(current, reason)
			if err := r.reopen(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if got := r.due(object); got != due {
				t.Errorf("a check is due: %v, want %v", got, due)
			}
		})
	}
}

// A request that came after the check before is not answered by it.
func TestReopenAnswersRequests(t *testing.T) {
	for request, due := range map[string]bool{"": false, "answered": false, "since": true} {
		t.Run(request, func(t *testing.T) {
			w := newReportWorld(t)
			current := openDatabase(t)
			r := &vulnerabilityDatabaseReconciler{shared: w.shared, updater: reopened{current: current}}
			object := databaseObject(current, v1alpha1.ReasonUpToDate)
			if request != "" {
				object.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: request}
				object.Status.AnsweredRequest = "answered"
			}
			if err := r.reopen(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if got := r.due(object); got != due {
				t.Errorf("a check is due: %v, want %v", got, due)
			}
		})
	}
}

// A lost store leaves no word of the database that was in it, and coverage is counted.
func TestStatusOfALostDatabase(t *testing.T) {
	w := newReportWorld(t)
	object := databaseObject(openDatabase(t), v1alpha1.ReasonUpToDate)
	object.Status.Coverage = &v1alpha1.Coverage{Images: 7, Covered: 7}
	r := &vulnerabilityDatabaseReconciler{shared: w.shared, updater: reopened{}}
	if err := r.reopen(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		object.Status = r.status(object)
		if s := object.Status; s.Revision != "" || s.Source != "" || s.BuiltTime != nil || s.PublishedTime != nil {
			t.Errorf("the status tells of a database that is not there: %+v", s)
		}
		if got := object.Status.Coverage; got.Images != 0 {
			t.Errorf("coverage is %+v, though nothing runs", got)
		}
	}
}

func databaseObject(current *vulndb.Current, reason string) *v1alpha1.VulnerabilityDatabase {
	at := metav1.NewTime(start)
	return &v1alpha1.VulnerabilityDatabase{
		ObjectMeta: metav1.ObjectMeta{Name: defaultDatabase.Name, Generation: 1},
		Spec:       v1alpha1.VulnerabilityDatabaseSpec{IntervalMinutes: 60},
		Status: v1alpha1.VulnerabilityDatabaseStatus{
			ObservedGeneration: 1, Revision: string(current.Revision), Source: current.Source,
			CheckedTime: &at, BuiltTime: &at, PublishedTime: &at,
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: reason}},
		},
	}
}
