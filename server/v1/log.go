package v1

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"baryon/state"
)

const (
	heartbeatEvery = 15 * time.Second
	lookEvery      = time.Second            // for what other daemons write
	lookLeast      = 100 * time.Millisecond // between two looks, however much is written
	writeWithin    = 30 * time.Second       // a reader that takes nothing for this long is dropped
	readAtOnce     = 1 << 20                // the most of a log that is held in memory for one reader
)

// NextHeader carries the offset after a log that was read.
const NextHeader = "Baryon-Log-Next"

// log answers with the log of a deployment.
func (a *api) log(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "from", "follow", "plain"); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	from, err := logOffset(r)
	if err != nil {
		return nil, err
	}
	d, err := a.Store.Deployment(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	size, err := a.Store.LogSize(r.Context(), d.ID)
	if err != nil {
		return nil, err
	}
	if from > size {
		return nil, invalid(fmt.Sprintf("the log has %d bytes so far, from is %d", size, from), "give an offset that was handed out, or leave from out")
	}
	s := &stream{api: a, r: r, w: w, rc: http.NewResponseController(w), id: d.ID, at: from, plain: q.Get("plain") == "1"}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies are not to hold a stream back
	switch {
	case strings.Contains(r.Header.Get("Accept"), "text/event-stream"):
		s.events = true
		h.Set("Content-Type", "text/event-stream")
	default:
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if q.Get("follow") == "1" || s.events {
		return nil, s.follow(r.Context())
	}
	h.Set(NextHeader, strconv.FormatInt(size, 10))
	return nil, s.upTo(r.Context(), size)
}

// logOffset reads where to begin. A browser that lost its connection says so in
// a header, which counts more than the address it was first given.
func logOffset(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("from")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	if text == "" {
		return 0, nil
	}
	from, err := strconv.ParseInt(text, 10, 64)
	if err != nil || from < 0 {
		return 0, invalid(fmt.Sprintf("the offset is %q", text), "give a number of bytes")
	}
	return from, nil
}

// A stream hands a log to one reader.
type stream struct {
	*api
	r      *http.Request
	w      http.ResponseWriter
	rc     *http.ResponseController
	id     string
	at     int64 // the offset of what comes next
	events bool
	plain  bool

	pending []byte // the beginning of a character or sequence that has not come whole; it lies before at
	sent    bool
}

// upTo writes the log until an offset.
func (s *stream) upTo(ctx context.Context, end int64) error {
	for s.at < end {
		n, err := s.some(ctx)
		if err != nil || n == 0 {
			return s.broken(err)
		}
	}
	return s.broken(s.put(nil, true))
}

// follow writes the log as it grows, until the deployment has ended.
func (s *stream) follow(ctx context.Context) error {
	if err := s.flush(); err != nil {
		return s.broken(err)
	}
	beat := time.Now()
	for {
		changed := s.Store.Changed() // before looking, so that nothing is missed
		if err := s.permit("GET /v1/deployments/{id}/log", s.r); err != nil {
			return s.broken(err) // it was taken from the reader meanwhile
		}
		d, err := s.Store.Deployment(ctx, s.id)
		if err != nil {
			return s.broken(err)
		}
		n, err := s.rest(ctx)
		if err != nil {
			return s.broken(err)
		}
		if d.Status.Final() {
			return s.broken(s.end(d))
		}
		switch {
		case n > 0:
			beat = time.Now()
		case s.events && time.Since(beat) > heartbeatEvery:
			beat = time.Now()
			err = s.write([]byte(": still here\n\n"))
		}
		if err != nil || !s.pause(ctx, changed) {
			return s.broken(err)
		}
	}
}

// pause waits until there may be more; false when the stream is to end.
func (s *stream) pause(ctx context.Context, changed <-chan struct{}) bool {
	least, most := time.NewTimer(lookLeast), time.NewTimer(lookEvery)
	defer least.Stop()
	defer most.Stop()
	for ready := false; ; {
		select {
		case <-ctx.Done():
			return false
		case <-s.Done:
			return false
		case <-most.C:
			return true
		case <-least.C:
			ready, least.C = true, nil
		case <-changed:
			changed = nil
		}
		if ready && changed == nil {
			return true
		}
	}
}

// rest writes all there is now.
func (s *stream) rest(ctx context.Context) (total int, err error) {
	for {
		n, err := s.some(ctx)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

// some writes the next part of the log; 0 when there is none.
func (s *stream) some(ctx context.Context) (int, error) {
	chunks, err := s.Store.Log(ctx, s.id, s.at)
	if err != nil {
		return 0, err
	}
	var data []byte
	for _, c := range chunks {
		data = append(data, c.Data...)
		if len(data) >= readAtOnce {
			break
		}
	}
	s.at += int64(len(data))
	if len(data) == 0 {
		return 0, nil
	}
	return len(data), s.put(data, false)
}

// put writes output to the reader in the form it asked for.
func (s *stream) put(data []byte, last bool) error {
	if !s.plain && !s.events {
		return s.write(data)
	}
	all := append(s.pending, data...) //nolint:gocritic // pending is replaced below
	var text string
	var used int
	if s.plain {
		text, used = plain(all, last)
	} else {
		used = wholeRunes(all, last)
		text = strings.ToValidUTF8(string(all[:used]), "\uFFFD")
	}
	s.pending = append([]byte(nil), all[used:]...)
	switch {
	case text == "":
		return nil
	case s.events:
		quoted, err := json.Marshal(text)
		if err != nil {
			return err
		}
		return s.write(fmt.Appendf(nil, "id: %d\ndata: %s\n\n", s.at-int64(len(s.pending)), quoted))
	default:
		return s.write([]byte(text))
	}
}

// wholeRunes is how many bytes of data are not the beginning of a character
// that goes on in the next chunk.
func wholeRunes(data []byte, last bool) int {
	if last {
		return len(data)
	}
	for back := 1; back < utf8.UTFMax && back <= len(data); back++ {
		if utf8.RuneStart(data[len(data)-back]) {
			if !utf8.FullRune(data[len(data)-back:]) {
				return len(data) - back
			}
			break
		}
	}
	return len(data)
}

// end writes what was held back, and in a series of events how it ended.
func (s *stream) end(d state.Deployment) error {
	if err := s.put(nil, true); err != nil || !s.events {
		return err
	}
	text, err := json.Marshal(s.view.deployment(d))
	if err != nil {
		return err
	}
	return s.write(fmt.Appendf(nil, "event: end\ndata: %s\n\n", text))
}

func (s *stream) write(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	s.sent = true
	// Recorders in tests know no deadlines; a server always does.
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeWithin))
	if _, err := s.w.Write(data); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) flush() error {
	s.sent = true
	return s.rc.Flush()
}

// broken decides what an error means: before the first byte it is an answer,
// afterwards the connection is cut, so that the reader does not take what it
// has for all there is.
func (s *stream) broken(err error) error {
	if err == nil || !s.sent {
		return err
	}
	panic(http.ErrAbortHandler)
}
