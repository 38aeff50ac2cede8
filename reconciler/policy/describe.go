package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"baryon/provisioner"
)

// String names the targets, for people.
func (s Selector) String() string {
	var parts []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			parts = append(parts, what+" "+strings.Join(names, ", "))
		}
	}
	add("environments", s.Environments)
	add("templates", s.Templates)
	add("services", s.Services)
	add("kinds", s.Kinds)
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		labels = append(labels, name+"="+s.Labels[name])
	}
	add("labels", labels)
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, "; ")
}

// shown is how many types of a list are told one by one.
const shown = 6

// Says tells what the rule says, a line for each thing.
func (r Rule) Says() []string {
	lines := []string{}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if r.Approval {
		add("every change is approved by a person")
	}
	if len(r.NeverDelete) > 0 {
		add("never deletes %s", listed(r.NeverDelete))
	}
	if len(r.NeverReplace) > 0 {
		add("never replaces %s", listed(r.NeverReplace))
	}
	if r.Unsure {
		add("conditional replacements are allowed")
	}
	for _, l := range []struct {
		limit Limit
		what  string
	}{{r.Removals, "resource(s) removed by a plan"}, {r.DailyRemovals, "resource(s) removed in 24 hours"}, {r.DailyDeletions, "target(s) deleted in 24 hours"}} {
		if l.limit.Set {
			percent := ""
			if l.limit.Percent {
				percent = "%"
			}
			add("at most %d%s %s", l.limit.Most, percent, l.what)
		}
	}
	for _, w := range r.Windows {
		add("changes are made %s", w)
	}
	for _, f := range r.Freezes {
		why := ""
		if f.Why != "" {
			why = ", for " + f.Why
		}
		add("changes are frozen from %s to %s%s", moment(f.From, f.Zone), moment(f.To, f.Zone), why)
	}
	add("%s may allow what it holds", who(r.Persons))
	if r.Override != nil {
		add("%s may change something outside its time", who(r.Override))
	}
	return lines
}

func listed(types provisioner.Patterns) string {
	if len(types) <= shown {
		return strings.Join(types, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(types[:shown], ", "), len(types)-shown)
}

func who(persons []string) string {
	switch {
	case persons == nil:
		return "everybody who gives a name"
	case len(persons) == 0:
		return "nobody"
	}
	return strings.Join(persons, " or ")
}

// String tells when the window is.
func (w Window) String() string {
	days := "daily"
	if len(w.Days) > 0 && len(w.Days) < len(weekdays) {
		var names []string
		for d := range time.Weekday(7) {
			if day := (d + time.Monday) % 7; slices.Contains(w.Days, day) {
				names = append(names, weekdays[day])
			}
		}
		days = strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s %02d:%02d to %02d:%02d %s", days, w.From/60, w.From%60, w.To/60, w.To%60, w.Zone)
}

// Opens is the first moment after t at which changes are made; the zero Time when
// none is known.
func (r Rule) Opens(t time.Time) time.Time {
	at, _ := r.opens(t)
	return at
}
