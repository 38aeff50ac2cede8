package policy

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baryon/state"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, text string, z *time.Location) time.Time {
	t.Helper()
	m, err := time.ParseInLocation("2006-01-02 15:04", text, z)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestWindows says when changes are made, by the clock on the wall.
func TestWindows(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	hours := func(days string, from, to int) []Window {
		list, err := Days(days)
		if err != nil {
			t.Fatal(err)
		}
		return []Window{{Days: list, From: from * 60, To: to * 60, Zone: berlin}}
	}
	office := Rule{Name: "office", Windows: hours("mon-thu", 9, 17)}
	night := Rule{Name: "night", Windows: hours("fri", 22, 4)}
	early := Rule{Name: "early", Windows: hours("daily", 2, 3)}
	christmas := office
	christmas.Freezes = []Freeze{{From: at(t, "2026-12-19 00:00", berlin), To: at(t, "2027-01-05 00:00", berlin), Zone: berlin, Why: "Christmas"}}
	always := Rule{Name: "always", Windows: hours("daily", 0, 24)}
	frozen := Rule{Name: "frozen", Freezes: []Freeze{{From: at(t, "2026-11-01 00:00", berlin), To: at(t, "2026-11-02 12:30", berlin), Zone: berlin}}}
	split := Rule{Name: "split", Windows: append(hours("mon", 9, 12), hours("mon", 12, 17)...)}

	for _, tt := range []struct {
		rule  Rule
		now   string // in Berlin
		open  string // the moment at which it opens; empty when it is open
		close string // the moment at which it closes next
		why   string
	}{
		{office, "2026-11-25 09:00", "", "2026-11-25 17:00", ""},
		{office, "2026-11-25 16:59", "", "2026-11-25 17:00", ""},
		{office, "2026-11-25 17:00", "2026-11-26 09:00", "2026-11-25 17:00", "waits for the window that opens Thu 09:00 Europe/Berlin (2026-11-26)"},
		{office, "2026-11-26 17:00", "2026-11-30 09:00", "", "waits for the window that opens Mon 09:00 Europe/Berlin (2026-11-30)"},
		{office, "2026-11-25 08:59", "2026-11-25 09:00", "", "waits for the window that opens Wed 09:00 Europe/Berlin (2026-11-25)"},
		{night, "2026-11-27 23:00", "", "2026-11-28 04:00", ""},
		{night, "2026-11-28 03:59", "", "2026-11-28 04:00", ""},
		{night, "2026-11-28 04:00", "2026-12-04 22:00", "", "waits for the window that opens Fri 22:00 Europe/Berlin (2026-12-04)"},
		{night, "2026-11-27 03:00", "2026-11-27 22:00", "", "waits for the window that opens Fri 22:00 Europe/Berlin (2026-11-27)"}, // it is Friday, and the night before was Thursday's
		{always, "2026-03-29 02:30", "", "-", ""},
		{christmas, "2026-12-18 12:00", "2027-01-05 09:00", "", "waits for the window that opens Tue 09:00 Europe/Berlin (2027-01-05)"},
		{christmas, "2026-12-17 16:00", "", "2026-12-17 17:00", ""},
		{christmas, "2026-12-22 10:00", "2027-01-05 09:00", "", "changes are frozen until Tue 00:00 Europe/Berlin (2027-01-05), for Christmas; it waits for the window that opens Tue 09:00 Europe/Berlin (2027-01-05)"},
		{frozen, "2026-11-01 10:00", "2026-11-02 12:30", "", "changes are frozen until Mon 12:30 Europe/Berlin (2026-11-02)"},
		{frozen, "2026-10-31 10:00", "", "2026-11-01 00:00", ""},
		{split, "2026-11-30 11:59", "", "2026-11-30 17:00", ""},

		// The clock goes from 02:00 to 03:00: the hour between does not come.
		{early, "2026-03-28 02:30", "", "2026-03-28 03:00", ""},
		{early, "2026-03-28 03:00", "2026-03-30 02:00", "", "waits for the window that opens Mon 02:00 Europe/Berlin (2026-03-30)"},
		// It goes from 03:00 back to 02:00: the hour comes twice, and it is one window.
		{early, "2026-10-25 02:10", "", "2026-10-25 03:00", ""},
	} {
		t.Run(tt.rule.Name+" "+tt.now, func(t *testing.T) {
			now := at(t, tt.now, berlin)
			until, why := tt.rule.closed(now)
			if open := tt.open == ""; open != tt.rule.Open(now) || open != (why == "") {
				t.Fatalf("open is %v, and why not %q", tt.rule.Open(now), why)
			}
			if tt.open != "" && !until.Equal(at(t, tt.open, berlin)) {
				t.Errorf("it opens %s, want %s", until.In(berlin), tt.open)
			}
			if why != tt.why {
				t.Errorf("why:\n got %s\nwant %s", why, tt.why)
			}
			if got := tt.rule.Closes(now); tt.open == "" && tt.close == "-" != got.IsZero() || tt.open == "" && tt.close != "-" && !got.Equal(at(t, tt.close, berlin)) {
				t.Errorf("it closes %s, want %s", got.In(berlin), tt.close)
			}
		})
	}
	// The second of the two hours lasts as long as the first.
	first := time.Date(2026, 10, 25, 0, 5, 0, 0, time.UTC) // 02:05, before the clock goes back
	if got := early.Closes(first); got.Sub(first) != 2*time.Hour-5*time.Minute {
		t.Errorf("a window over an hour that comes twice closes %s after it opened", got.Sub(first.Add(-5*time.Minute)))
	}
}

// TestWindowsAsOnTheWall compares, at every minute, what is computed with what a
// look at the clock says.
func TestWindowsAsOnTheWall(t *testing.T) {
	zones := []*time.Location{
		time.UTC, zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Africa/Cairo"), zone(t, "Australia/Lord_Howe"), zone(t, "Asia/Kolkata"),
	}
	shifts := []string{"2026-03-27", "2026-03-06", "2026-04-22", "2026-10-23", "2026-10-28", "2026-11-01", "2026-04-04", "2026-06-01"}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		r := Rule{Name: "r"}
		for range rapid.IntRange(1, 2).Draw(t, "windows") {
			w := Window{Zone: z, From: 15 * rapid.IntRange(0, 95).Draw(t, "from"), To: 15 * rapid.IntRange(0, 96).Draw(t, "to")}
			for d := range time.Weekday(7) {
				if rapid.Bool().Draw(t, "day") {
					w.Days = append(w.Days, d)
				}
			}
			r.Windows = append(r.Windows, w)
		}
		start, err := time.ParseInLocation("2006-01-02", rapid.SampledFrom(shifts).Draw(t, "date"), z)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "freezes") {
			from := start.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, "after")) * time.Hour)
			r.Freezes = []Freeze{{Zone: z, From: from, To: from.Add(time.Duration(rapid.IntRange(1, 48).Draw(t, "for")) * time.Hour)}}
		}
		now := start.Add(time.Duration(rapid.IntRange(0, 4*24*60).Draw(t, "minute")) * time.Minute)
		open := r.Open(now)
		next, _ := r.first(now, !open)
		for m := now.Add(time.Minute); m.Before(now.Add(9 * 24 * time.Hour)); m = m.Add(time.Minute) {
			if r.Open(m) == open {
				continue
			}
			if !next.Equal(m) {
				t.Fatalf("from %s on it is %v until %s, and %s is said", now.In(z), open, m.In(z), next.In(z))
			}
			return
		}
		if !next.IsZero() && next.Before(now.Add(8*24*time.Hour)) {
			t.Fatalf("from %s on nothing changes in a week, and %s is said", now.In(z), next.In(z))
		}
	})
}

// TestOverride says who may change something outside its time.
func TestOverride(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	freeze := []Freeze{{From: now.Add(-time.Hour), To: now.Add(time.Hour), Zone: time.UTC}}
	for name, tt := range map[string]struct {
		rule  Rule
		by    state.Request
		waits bool
	}{
		"nobody":                      {Rule{Freezes: freeze}, state.Request{}, true},
		"anybody with a name":         {Rule{Freezes: freeze}, state.Request{By: "eve"}, false},
		"nobody with a name":          {Rule{Freezes: freeze}, state.Request{By: state.Nobody}, true},
		"one of those for all":        {Rule{Freezes: freeze, Persons: []string{"ada"}}, state.Request{By: "ada"}, false},
		"another":                     {Rule{Freezes: freeze, Persons: []string{"ada"}}, state.Request{By: "eve"}, true},
		"one of those for this":       {Rule{Freezes: freeze, Persons: []string{"ada"}, Override: []string{"role:admin"}}, state.Request{By: "key", As: "key:1,role:admin"}, false},
		"one of those for the others": {Rule{Freezes: freeze, Persons: []string{"ada"}, Override: []string{"role:admin"}}, state.Request{By: "ada"}, true},
		"though nobody may":           {Rule{Freezes: freeze, Override: []string{}}, state.Request{By: "ada"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := Decide(Question{Rules: []Rule{tt.rule}, Action: state.Update, Now: now, Overrides: []state.Request{tt.by}})
			if waits := len(v.Waits) > 0; waits != tt.waits || waits && !v.Until.Equal(now.Add(time.Hour)) {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}

func TestReadDaysAndMinutes(t *testing.T) {
	for text, want := range map[string]string{
		"mon": "[Monday]", "Monday": "[Monday]", "mon-wed": "[Monday Tuesday Wednesday]", "fri-mon": "[Friday Saturday Sunday Monday]",
		"weekends": "[Sunday Saturday]", "weekdays": "[Monday Tuesday Wednesday Thursday Friday]", "mo": "", "mon-": "", "": "",
	} {
		days, err := Days(text)
		if got := fmt.Sprint(days); err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]int{"00:00": 0, "09:30": 570, "23:59": 1439, "24:00": 1440, "9:30": -1, "24:01": -1, "09.30": -1, "": -1, "09:60": -1} {
		if got, err := Minutes(text); err == nil && got != want || (err != nil) != (want < 0) {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
}
