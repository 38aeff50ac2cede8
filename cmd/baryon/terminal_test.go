package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestTerminalIsShownPlainText sends what a hostile command may print, cut at
// every place.
func TestTerminalIsShownPlainText(t *testing.T) {
	t.Parallel()
	const printed = "\x1b[31mred\x1b[0m \x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\ \x1b]0;title\a\x1b[2Jcleared ü\n"
	for cut := range len(printed) {
		var out bytes.Buffer
		p := &plainWriter{w: &out}
		for _, part := range []string{printed[:cut], printed[cut:]} {
			if n, err := p.Write([]byte(part)); err != nil || n != len(part) {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if err := p.flush(); err != nil {
			t.Fatal(err)
		}
		if want := "red link cleared ü\n"; out.String() != want {
			t.Errorf("cut at %d: %q, want %q", cut, out.String(), want)
		}
	}
	var file strings.Builder
	if w, _ := printer(&file); w != &file {
		t.Error("what is no terminal does not get the log as it is")
	}
}
