package pullrequest

import (
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func window(start string, minutes int32, days ...v1alpha1.Weekday) v1alpha1.ScheduleWindow {
	return v1alpha1.ScheduleWindow{Start: start, DurationMinutes: minutes, Days: days}
}

func TestInWindow(t *testing.T) {
	tests := map[string]struct {
		zone     string
		windows  []v1alpha1.ScheduleWindow
		now      string
		want     bool
		wantNext string
	}{
		"inside":                   {"", []v1alpha1.ScheduleWindow{window("09:00", 60)}, "2026-03-02T09:30:00Z", true, "2026-03-02T10:00:00Z"},
		"at its start":             {"", []v1alpha1.ScheduleWindow{window("09:00", 60)}, "2026-03-02T09:00:00Z", true, "2026-03-02T10:00:00Z"},
		"at its end":               {"", []v1alpha1.ScheduleWindow{window("09:00", 60)}, "2026-03-02T10:00:00Z", false, "2026-03-03T09:00:00Z"},
		"before":                   {"", []v1alpha1.ScheduleWindow{window("09:00", 60)}, "2026-03-02T08:59:59Z", false, "2026-03-02T09:00:00Z"},
		"another day":              {"", []v1alpha1.ScheduleWindow{window("09:00", 60, "Tuesday", "Friday")}, "2026-03-04T09:30:00Z", false, "2026-03-06T09:00:00Z"},
		"the same day of the week": {"", []v1alpha1.ScheduleWindow{window("09:00", 60, "Monday")}, "2026-03-02T10:30:00Z", false, "2026-03-09T09:00:00Z"},
		"past midnight":            {"", []v1alpha1.ScheduleWindow{window("23:00", 120, "Monday")}, "2026-03-03T00:30:00Z", true, "2026-03-03T01:00:00Z"},
		"begins on its day alone":  {"", []v1alpha1.ScheduleWindow{window("23:00", 120, "Monday")}, "2026-03-02T00:30:00Z", false, "2026-03-02T23:00:00Z"},
		"the next one is nearer":   {"", []v1alpha1.ScheduleWindow{window("20:00", 60), window("18:00", 60)}, "2026-03-02T12:00:00Z", false, "2026-03-02T18:00:00Z"},
		"two that touch":           {"", []v1alpha1.ScheduleWindow{window("09:00", 60), window("10:00", 30)}, "2026-03-02T09:30:00Z", true, "2026-03-02T10:30:00Z"},
		"two that overlap":         {"", []v1alpha1.ScheduleWindow{window("10:00", 90), window("09:00", 90)}, "2026-03-02T09:30:00Z", true, "2026-03-02T11:30:00Z"},
		"whole day, one day":       {"", []v1alpha1.ScheduleWindow{window("00:00", 1440, "Sunday")}, "2026-03-01T12:00:00Z", true, "2026-03-02T00:00:00Z"},
		"another zone":             {"America/New_York", []v1alpha1.ScheduleWindow{window("09:00", 60, "Monday")}, "2026-03-02T14:30:00Z", true, "2026-03-02T15:00:00Z"},
		"a zone's own day":         {"Asia/Tokyo", []v1alpha1.ScheduleWindow{window("08:00", 60, "Tuesday")}, "2026-03-02T23:30:00Z", true, "2026-03-03T00:00:00Z"},
		// On 2026-03-29 the clocks in Berlin leap from 02:00 to 03:00, and on 2026-10-25 they go back from 03:00 to 02:00.
		"leapt over":           {"Europe/Berlin", []v1alpha1.ScheduleWindow{window("02:30", 60)}, "2026-03-29T00:59:00Z", false, "2026-03-29T01:30:00Z"},
		"leapt over, inside":   {"Europe/Berlin", []v1alpha1.ScheduleWindow{window("02:30", 60)}, "2026-03-29T01:30:00Z", true, "2026-03-29T02:30:00Z"},
		"across the leap":      {"Europe/Berlin", []v1alpha1.ScheduleWindow{window("01:30", 60)}, "2026-03-29T01:20:00Z", true, "2026-03-29T01:30:00Z"},
		"after the leap":       {"Europe/Berlin", []v1alpha1.ScheduleWindow{window("09:00", 60)}, "2026-03-29T07:30:00Z", true, "2026-03-29T08:00:00Z"},
		"comes twice":          {"Europe/Berlin", []v1alpha1.ScheduleWindow{window("02:30", 30)}, "2026-10-25T00:31:00Z", true, "2026-10-25T01:00:00Z"},
		"only the first":       {"Europe/Berlin", []v1alpha1.ScheduleWindow{window("02:30", 30)}, "2026-10-25T01:31:00Z", false, "2026-10-26T01:30:00Z"},
		"half an hour of leap": {"Australia/Lord_Howe", []v1alpha1.ScheduleWindow{window("01:45", 10)}, "2026-04-04T14:46:00Z", true, "2026-04-04T14:55:00Z"},
		"midnight leapt over":  {"Africa/Cairo", []v1alpha1.ScheduleWindow{window("00:15", 30, "Friday")}, "2026-04-23T22:20:00Z", true, "2026-04-23T22:45:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, test.now)
			if err != nil {
				t.Fatal(err)
			}
			got, next, err := InWindow(v1alpha1.Schedule{TimeZone: test.zone, Windows: test.windows}, now)
			if err != nil {
				t.Fatal(err)
			}
			if at := next.UTC().Format(time.RFC3339); got != test.want || at != test.wantNext {
				t.Errorf("InWindow(%s) = %t until %s, want %t until %s", test.now, got, at, test.want, test.wantNext)
			}
		})
	}
}

func TestInWindowRefuses(t *testing.T) {
	for name, schedule := range map[string]v1alpha1.Schedule{
		"no such zone": {TimeZone: "Mars/Base", Windows: []v1alpha1.ScheduleWindow{window("09:00", 60)}},
		"no time":      {Windows: []v1alpha1.ScheduleWindow{window("9 o'clock", 60)}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := InWindow(schedule, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)); err == nil {
				t.Error("InWindow() took it")
			}
		})
	}
}

// TestWindowsAgree walks through a year minute by minute at the leaps: what next tells must be what comes.
func TestWindowsAgree(t *testing.T) {
	schedule := v1alpha1.Schedule{TimeZone: "Europe/Berlin", Windows: []v1alpha1.ScheduleWindow{window("02:30", 45), window("23:50", 200, "Saturday")}}
	for _, start := range []string{"2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"} {
		at, err := time.Parse(time.RFC3339, start)
		if err != nil {
			t.Fatal(err)
		}
		in, next, err := InWindow(schedule, at)
		for range 24 * 60 {
			at = at.Add(time.Minute)
			now, following, again := InWindow(schedule, at)
			if err != nil || again != nil {
				t.Fatal(err, again)
			}
			if changed := now != in; changed != at.Equal(next) {
				t.Fatalf("at %s the window changed: %t, told was %s", at, changed, next)
			}
			in, next = now, following
		}
	}
}
