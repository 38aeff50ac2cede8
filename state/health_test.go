package state_test

import (
	"testing"
	"time"

	"baryon/state"
)

func TestHealthVerdict(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	until := since.Add(10 * time.Minute)
	check := func(good int, ok bool, after time.Duration) state.HealthCheck {
		return state.HealthCheck{Need: 2, Every: time.Minute, Patience: 10 * time.Second, Good: good, Looks: 1, OK: ok, At: since.Add(after)}
	}
	unasked := state.HealthCheck{Need: 2, Every: time.Minute, Patience: 10 * time.Second}
	final := check(0, false, time.Minute)
	final.Final = true
	for name, tt := range map[string]struct {
		checks []state.HealthCheck
		late   time.Duration // when it was gone on with
		at     time.Duration
		want   state.Verdict
	}{
		"nothing was answered":                   {[]state.HealthCheck{unasked}, 0, time.Second, state.Checking},
		"a run that is too short":                {[]state.HealthCheck{check(1, true, time.Minute)}, 0, time.Minute, state.Checking},
		"a run that is long enough":              {[]state.HealthCheck{check(2, true, time.Minute)}, 0, time.Minute, state.Healthy},
		"all have to be good at one time":        {[]state.HealthCheck{check(2, true, time.Minute), check(0, false, time.Minute)}, 0, time.Minute, state.Checking},
		"what can never be good ends it at once": {[]state.HealthCheck{check(2, true, time.Minute), final}, 0, time.Minute, state.Unhealthy},
		"a bad answer at the end of the time":    {[]state.HealthCheck{check(0, false, 9*time.Minute+50*time.Second)}, 0, 10 * time.Minute, state.Unhealthy},
		"just before the end of the time":        {[]state.HealthCheck{check(0, false, 9*time.Minute+50*time.Second)}, 0, 10*time.Minute - 1, state.Checking},
		"a run may be completed":                 {[]state.HealthCheck{check(1, true, 9*time.Minute+50*time.Second)}, 0, 11 * time.Minute, state.Checking},
		"good after the time is good":            {[]state.HealthCheck{check(2, true, 11*time.Minute)}, 0, 11 * time.Minute, state.Healthy},
		"nobody looked when the time ran out":    {[]state.HealthCheck{check(0, false, time.Minute)}, 0, time.Hour, state.Checking},
		"nobody ever looked":                     {[]state.HealthCheck{unasked}, 0, time.Hour, state.Checking},
		"it is asked again after that":           {[]state.HealthCheck{check(0, false, time.Minute)}, time.Hour, time.Hour + time.Minute, state.Checking},
		"and not for ever":                       {[]state.HealthCheck{check(0, false, time.Minute)}, time.Hour, time.Hour + 80*time.Second, state.Unhealthy},
		"a bad answer after that":                {[]state.HealthCheck{check(0, false, time.Hour)}, time.Hour, time.Hour, state.Unhealthy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := state.Health{Since: since, Until: until, Checks: tt.checks}
			if tt.late > 0 {
				h.Late = since.Add(tt.late)
			}
			if got := h.Verdict(since.Add(tt.at)); got != tt.want {
				t.Errorf("%+v at %s is %q, want %q", h, tt.at, got, tt.want)
			}
		})
	}
}

func TestHealthAnswers(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	c := state.HealthCheck{What: "GET http://app/", Need: 2, Every: time.Minute, Handle: "here", Begun: true, Read: 3}
	if got := c.String(); got != "healthy 0 of 2: GET http://app/: no answer yet" || !c.Next().IsZero() {
		t.Errorf("before an answer it is %q, next %s", got, c.Next())
	}
	c = c.Answer(true, true, "answered 200", at)
	if c.Good != 1 || c.Final || c.Handle != "" || c.Begun || c.Read != 0 || !c.Next().Equal(at.Add(time.Minute)) {
		t.Errorf("after a good answer it is %+v", c)
	}
	if c = c.Answer(false, false, "answered 503", at); c.Good != 0 || c.Looks != 2 || c.OK {
		t.Errorf("after a bad one it is %+v", c)
	}
	h := state.Health{Checks: []state.HealthCheck{c, c.Answer(true, false, "", at).Answer(true, false, "", at)}}
	if got, want := h.String(), "1 of 2 checks are good\nhealthy 0 of 2: GET http://app/: answered 503"; got != want {
		t.Errorf("together they are %q, want %q", got, want)
	}
}
