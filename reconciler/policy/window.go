package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Window is a time of the week in which changes are made, by the clock on the
// wall of a place. Where the clock is put forward over a part of it, that part
// does not come; where it is put back over a part, that part comes twice.
type Window struct {
	Days     []time.Weekday // on which it begins; all when empty
	From, To int            // minutes of the day; To at or before From is on the next day
	Zone     *time.Location
}

// A Freeze is a time in which no changes are made.
type Freeze struct {
	From, To time.Time // To is the first moment after it
	Zone     *time.Location
	Why      string
}

// open reports whether a moment is in the window.
func (w Window) open(t time.Time) bool {
	t = t.In(w.Zone)
	at := t.Hour()*60 + t.Minute()
	if w.To > w.From {
		return at >= w.From && at < w.To && w.begins(t.Weekday())
	}
	return at >= w.From && w.begins(t.Weekday()) || at < w.To && w.begins((t.Weekday()+6)%7)
}

func (w Window) begins(day time.Weekday) bool {
	return len(w.Days) == 0 || slices.Contains(w.Days, day)
}

// edges are moments at which the window may open or close, from the day before a
// moment on for as many days. All at which it does are among them.
func (w Window) edges(t time.Time, days int) []time.Time {
	t = t.In(w.Zone)
	var out []time.Time
	for d := -1; d <= days; d++ {
		for _, minute := range []int{w.From, w.To} {
			at := time.Date(t.Year(), t.Month(), t.Day()+d, 0, minute, 0, 0, w.Zone)
			out = append(out, at)
			start, end := at.ZoneBounds()
			for _, shift := range []time.Time{start, end} {
				if shift.IsZero() {
					continue
				}
				_, before := shift.Add(-time.Second).Zone()
				_, after := shift.Zone()
				by := time.Duration(after-before) * time.Second
				out = append(out, shift.In(w.Zone), at.Add(by), at.Add(-by)) // the same time on the wall, before or after
			}
		}
	}
	return out
}

// closed says why no change of the rule is made at a moment, and until when;
// empty when one may be.
func (r Rule) closed(t time.Time) (until time.Time, why string) {
	f, frozen := r.frozen(t)
	if !frozen && r.inWindow(t) {
		return time.Time{}, ""
	}
	until, zone := r.opens(t)
	if frozen {
		why = "changes are frozen until " + moment(f.To, f.Zone)
		if f.Why != "" {
			why += ", for " + f.Why
		}
		if !until.IsZero() && !until.Equal(f.To) {
			why += "; it waits for the window that opens " + moment(until, zone)
		}
		return until, why
	}
	if until.IsZero() {
		return until, "no window opens any more"
	}
	return until, "waits for the window that opens " + moment(until, zone)
}

func (r Rule) frozen(t time.Time) (Freeze, bool) {
	for _, f := range r.Freezes {
		if !t.Before(f.From) && t.Before(f.To) {
			return f, true
		}
	}
	return Freeze{}, false
}

func (r Rule) inWindow(t time.Time) bool {
	return len(r.Windows) == 0 || slices.ContainsFunc(r.Windows, func(w Window) bool { return w.open(t) })
}

// Open reports whether changes of the rule are made at a moment.
func (r Rule) Open(t time.Time) bool {
	_, frozen := r.frozen(t)
	return !frozen && r.inWindow(t)
}

// opens is the first moment after t at which changes are made, and the place by
// whose clock people name it; the zero Time when none is known.
func (r Rule) opens(t time.Time) (time.Time, *time.Location) {
	return r.first(t, true)
}

// Closes is the first moment after t at which no changes are made any more; the
// zero Time when none is known.
func (r Rule) Closes(t time.Time) time.Time {
	at, _ := r.first(t, false)
	return at
}

// searched is how many days ahead are looked at: a week, and a day on which the
// clock goes over a window.
const searched = 15

// first is the first moment after t at which the rule is open, or is not. Only
// where a window or a freeze begins or ends can that change.
func (r Rule) first(t time.Time, open bool) (time.Time, *time.Location) {
	for from := t; ; {
		type edge struct {
			at   time.Time
			zone *time.Location
		}
		var edges []edge
		for _, w := range r.Windows {
			for _, at := range w.edges(from, searched) {
				edges = append(edges, edge{at, w.Zone})
			}
		}
		var lifted time.Time
		for _, f := range r.Freezes {
			edges = append(edges, edge{f.From, f.Zone}, edge{f.To, f.Zone})
			if f.To.After(from) && (lifted.IsZero() || f.To.Before(lifted)) {
				lifted = f.To
			}
		}
		slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
		for _, e := range edges {
			if e.at.After(t) && r.Open(e.at) == open {
				return e.at, e.zone
			}
		}
		if lifted.IsZero() {
			return time.Time{}, time.UTC
		}
		from = lifted // a freeze that is longer than what was searched
	}
}

// moment names a time as people in a place do.
func moment(t time.Time, zone *time.Location) string {
	name := zone.String()
	if name == "" {
		name = "UTC"
	}
	t = t.In(zone)
	return t.Format("Mon 15:04 ") + name + t.Format(" (2006-01-02)")
}

// weekdays are the days as they are written in rules.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Days reads days of the week: mon, a range as mon-fri or fri-mon, weekdays,
// weekends, daily, whole names too.
func Days(text string) ([]time.Weekday, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	switch text {
	case "daily":
		return []time.Weekday{0, 1, 2, 3, 4, 5, 6}, nil
	case "weekdays":
		return []time.Weekday{1, 2, 3, 4, 5}, nil
	case "weekends":
		return []time.Weekday{0, 6}, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	from, err := day(first)
	if err != nil || !ranged {
		return []time.Weekday{from}, err
	}
	to, err := day(last)
	if err != nil {
		return nil, err
	}
	days := []time.Weekday{from}
	for d := from; d != to; {
		d = (d + 1) % 7
		days = append(days, d)
	}
	return days, nil
}

func day(text string) (time.Weekday, error) {
	text = strings.TrimSpace(text)
	for d := time.Sunday; d <= time.Saturday; d++ {
		if text == weekdays[d] || text == strings.ToLower(d.String()) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%q is no day of the week", text)
}

// Minutes reads a time of the day, 00:00 to 24:00, as minutes.
func Minutes(text string) (int, error) {
	if text == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is no time of the day", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}
