package pullrequest

import (
	"fmt"
	"time"
	_ "time/tzdata" // the operator's image has no time zones of its own

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// InWindow says whether a schedule has a window now, and when that changes next: when the last of the windows that are
// open ends, or the first one begins. Windows begin by the clock of the schedule's time zone and last for
// their minutes, whatever that clock does. One whose start the clock leaps over begins that much later; one
// whose start comes twice begins at the first.
func InWindow(schedule v1alpha1.Schedule, now time.Time) (in bool, next time.Time, err error) {
	zone := time.UTC
	if schedule.TimeZone != "" {
		if zone, err = time.LoadLocation(schedule.TimeZone); err != nil {
			return false, time.Time{}, fmt.Errorf("the schedule's time zone: %w", err)
		}
	}
	var spans []span
	for _, window := range schedule.Windows {
		found, err := spansOf(window, now.In(zone))
		if err != nil {
			return false, time.Time{}, err
		}
		spans = append(spans, found...)
	}
	if end, ok := openUntil(spans, now); ok {
		return true, end, nil
	}
	for _, s := range spans {
		if s.start.After(now) && (next.IsZero() || s.start.Before(next)) {
			next = s.start
		}
	}
	return false, next, nil
}

type span struct{ start, end time.Time }

// spansOf returns those from the day before now, as a window may last past midnight, to the same weekday of the next week.
func spansOf(window v1alpha1.ScheduleWindow, now time.Time) ([]span, error) {
	start, err := time.Parse("15:04", window.Start)
	if err != nil {
		return nil, fmt.Errorf("the start of the schedule's window: %w", err)
	}
	var spans []span
	for day := -2; day <= 8; day++ {
		at := wallClock(now, day, start.Hour(), start.Minute())
		// The day is that of the calendar: a leap of the clock may carry the start itself into the next one.
		date := time.Date(now.Year(), now.Month(), now.Day()+day, 0, 0, 0, 0, time.UTC)
		if onDay(window.Days, date.Weekday()) {
			spans = append(spans, span{at, at.Add(time.Duration(window.DurationMinutes) * time.Minute)})
		}
	}
	return spans, nil
}

// wallClock is when a clock in now's time zone shows a time of the day. Where it leaps over that, time.Date gives a time
// before or after the leap: here it is the one after. Where the clock shows it twice, it is the first.
func wallClock(now time.Time, day, hour, minute int) time.Time {
	at := time.Date(now.Year(), now.Month(), now.Day()+day, hour, minute, 0, 0, now.Location())
	if at.Hour() != hour || at.Minute() != minute {
		// The offset before the leap carries the time past it.
		_, before := at.Add(-24 * time.Hour).Zone()
		return time.Date(now.Year(), now.Month(), now.Day()+day, hour, minute, 0, 0, time.UTC).Add(-time.Duration(before) * time.Second).In(now.Location())
	}
	for _, earlier := range []time.Duration{2 * time.Hour, time.Hour, 30 * time.Minute} {
		if first := at.Add(-earlier); first.Day() == at.Day() && first.Hour() == hour && first.Minute() == minute {
			return first
		}
	}
	return at
}

func onDay(days []v1alpha1.Weekday, day time.Weekday) bool {
	if len(days) == 0 {
		return true
	}
	for _, d := range days {
		if string(d) == day.String() {
			return true
		}
	}
	return false
}

// openUntil follows windows that begin before the open one ends.
func openUntil(spans []span, now time.Time) (time.Time, bool) {
	end := now
	for again := true; again; {
		again = false
		for _, s := range spans {
			if !s.start.After(end) && s.end.After(end) {
				end, again = s.end, true
			}
		}
	}
	return end, end.After(now)
}
