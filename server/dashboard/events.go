package dashboard

import (
	"net/http"
	"time"
)

const (
	tellLeast = time.Second      // between two events, however much changes
	tellMost  = 15 * time.Second // so that neither side takes the other for gone
	shared    = 5 * time.Second  // changes of other daemons are not told here, so pages look by themselves
	sendIn    = 10 * time.Second
)

// events tells a page that something changed, as server-sent events without
// content: the page then loads itself again.
func (d *Dashboard) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	most := tellMost
	if d.cfg.Store.Shared() {
		most = shared
	}
	send := func(text string) bool {
		// Recorders in tests know no deadlines; a server always does.
		_ = rc.SetWriteDeadline(d.now().Add(sendIn))
		_, err := w.Write([]byte(text))
		return err == nil && rc.Flush() == nil
	}
	text := "retry: 2000\n: connected\n\n"
	for send(text) {
		changed := d.cfg.Store.Changed()
		if !d.wait(r, tellLeast, nil) {
			return
		}
		before := time.Now()
		if !d.wait(r, most, changed) {
			return
		}
		text = "event: change\ndata: -\n\n"
		if !d.cfg.Store.Shared() && time.Since(before) >= most {
			text = ": still here\n\n"
		}
	}
}

// wait returns after a time, or earlier when changed is closed; false when the
// stream is to end.
func (d *Dashboard) wait(r *http.Request, most time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-d.cfg.Done:
		return false
	case <-timer.C:
	case <-changed:
	}
	return true
}
