package main

import (
	"io"
	"os"
	"slices"

	v1 "baryon/server/v1"
)

// A terminal obeys what it is shown: colours, but also titles, links and a
// cleared screen. A plainWriter leaves only text of what others wrote. Files and
// pipes are not such, they get everything as it is.
type plainWriter struct {
	w    io.Writer
	held []byte // the end of what came, if it may be the beginning of a sequence
}

// printer writes a log to w, as plain text if that is a terminal. Call flush at
// the end.
func printer(w io.Writer) (out io.Writer, flush func() error) {
	if !isTerminal(w) {
		return w, func() error { return nil }
	}
	p := &plainWriter{w: w}
	return p, p.flush
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (p *plainWriter) Write(data []byte) (int, error) {
	p.held = append(p.held, data...)
	text, used := v1.PlainStart(p.held)
	p.held = slices.Clone(p.held[used:])
	if _, err := io.WriteString(p.w, text); err != nil {
		return 0, err
	}
	return len(data), nil
}

func (p *plainWriter) flush() error {
	_, err := io.WriteString(p.w, v1.Plain(p.held))
	p.held = nil
	return err
}
