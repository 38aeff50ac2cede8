package v1

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"text stays":                 {"a\tb\n", "a\tb\n"},
		"colours go":                 {"\x1b[1;31mred\x1b[0m", "red"},
		"links go, their text stays": {"\x1b]8;;http://x/\x1b\\here\x1b]8;;\x07", "here"},
		"titles go":                  {"\x1b]0;title\x07x", "x"},
		"progress becomes lines":     {"1%\r2%\r\n", "1%\n2%\n"},
		"bells go":                   {"a\ab\x00c\x7f", "abc"},
		"eight-bit controls go":      {"a\u009b31mb", "a31mb"},
		"bad bytes are shown":        {"a\xffb", "a\uFFFDb"},
		"character sets":             {"\x1b(Bx\x1b7y", "xy"},
		"an open sequence":           {"x\x1b]8;;never closed\nnext", "x\nnext"},
		"a lone escape":              {"x\x1b", "x"},
		"markup is not our concern":  {"<b>&", "<b>&"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Plain([]byte(tt.in)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// However a stream is cut, the text is the same, and no control character is
// left in it.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("a\x1b[31mé\x1b]8;;u\x1b\\x\r\n"), 3)
	f.Add([]byte("\x1b(B\r"), 1)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		if len(data) > longestSequence/2 { // longer ones may be cut where they are given up
			return
		}
		whole := Plain(data)
		if strings.ContainsFunc(whole, func(r rune) bool { return r != '\n' && r != '\t' && (r < 0x20 || r >= 0x7f && r < 0xa0) }) {
			t.Errorf("control characters in %q", whole)
		}
		if at = max(0, min(at, len(data))); at > 0 {
			first, used := plain(data[:at], false)
			second, _ := plain(data[used:], true)
			if first+second != whole {
				t.Errorf("cut at %d: %q + %q, want %q", at, first, second, whole)
			}
		}
	})
}

func TestLogIsResumedByOffset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.running(t, w.environment(t, "prod", nil))
	w.output(t, id, 0, "one\n")
	w.output(t, id, 4, "two\x1b[0m\n")
	for path, want := range map[string]string{
		"/log":                "one\ntwo\x1b[0m\n",
		"/log?from=2":         "e\ntwo\x1b[0m\n",
		"/log?from=4&plain=1": "two\n",
		"/log?from=12":        "",
	} {
		status, header, got := w.get(t, http.MethodGet, "/v1/deployments/"+id+path, nil, "")
		if status != http.StatusOK || got != want || header.Get(NextHeader) != "12" {
			t.Errorf("%s: %d %q next %s, want %q next 12", path, status, got, header.Get(NextHeader), want)
		}
	}
}

func TestLogIsFollowedToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.running(t, w.environment(t, "prod", nil))
	w.output(t, id, 0, "one\n")
	r, pipe := io.Pipe()
	ended := make(chan int64, 1)
	go func() {
		n, err := w.client.Log(t.Context(), id, 0, true, pipe)
		pipe.CloseWithError(err)
		ended <- n
	}()
	lines := bufio.NewReader(r)
	for i, want := range []string{"one\n", "two\n", "three\n"} {
		got, err := lines.ReadString('\n')
		if err != nil || got != want {
			t.Fatalf("line %d = %q, %v, want %q", i, got, err, want)
		}
		switch i {
		case 0:
			w.output(t, id, 4, "two\n")
		case 1:
			w.output(t, id, 8, "three\n")
			w.finish(t, id, state.Succeeded)
		}
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	if n := <-ended; n != 14 {
		t.Errorf("next offset %d, want 14", n)
	}
}

func TestLogAsEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.running(t, w.environment(t, "prod", nil))
	text := "<b>é\n\x1b[31mred\n"
	cut := strings.Index(text, "é") + 1 // inside the character
	w.output(t, id, 0, text[:cut])
	w.output(t, id, int64(cut), text[cut:])
	w.finish(t, id, state.Failed)
	header := http.Header{"Accept": {"text/event-stream"}}
	status, got, body := w.get(t, http.MethodGet, "/v1/deployments/"+id+"/log?plain=1", header, "")
	if status != http.StatusOK || got.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", status, got.Get("Content-Type"))
	}
	log, last, end := events(t, body)
	if log != "<b>é\nred\n" || last != strconv.Itoa(len(text)) || end.DeploymentStatus != "FAILED" {
		t.Errorf("log %q, last id %s, end %+v", log, last, end)
	}
	// A browser that lost its connection goes on from the last event it had.
	header.Set("Last-Event-ID", "3")
	_, _, body = w.get(t, http.MethodGet, "/v1/deployments/"+id+"/log?from=0", header, "")
	if log, _, _ = events(t, body); log != text[3:] {
		t.Errorf("resumed log %q, want %q", log, text[3:])
	}
}

// events reads a series of events.
func events(t *testing.T, body string) (log, last string, end Deployment) {
	t.Helper()
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		kind := ""
		for line := range strings.SplitSeq(event, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case name == "event":
				kind = value
			case name == "id":
				last = value
			case name == "data" && kind == "end":
				if err := json.Unmarshal([]byte(value), &end); err != nil {
					t.Fatal(err)
				}
			case name == "data":
				var text string
				if err := json.Unmarshal([]byte(value), &text); err != nil {
					t.Fatal(err)
				}
				log += text
			}
		}
	}
	return log, last, end
}

func TestStreamsEndWhenTheDaemonStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.running(t, w.environment(t, "prod", nil))
	w.output(t, id, 0, "one\n")
	close(w.done)
	var got bytes.Buffer
	if n, err := w.client.Log(t.Context(), id, 0, true, &got); err != nil || n != 4 || got.String() != "one\n" {
		t.Errorf("%d %q, %v", n, got.String(), err)
	}
}

func TestLogLongerThanOnePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.running(t, w.environment(t, "prod", nil))
	var want bytes.Buffer
	for i := range 200 {
		line := strings.Repeat(strconv.Itoa(i), 50) + "\n"
		w.output(t, id, int64(want.Len()), line)
		want.WriteString(line)
	}
	w.finish(t, id, state.Succeeded)
	var got bytes.Buffer
	if _, err := w.client.Log(t.Context(), id, 0, true, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Error(diff)
	}
}
