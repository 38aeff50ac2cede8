package gitsource

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// packet is one pkt-line: data, or one of the special lines.
type packet int

const (
	packetData packet = iota
	packetFlush
	packetDelim
	packetEnd
)

const maxPacket = 65520

// packetReader reads the pkt-lines of one answer. budget bounds what a server
// may send outside a pack, so that an endless answer ends.
type packetReader struct {
	r      *bufio.Reader
	buf    [maxPacket]byte
	budget int64
}

func newPacketReader(r io.Reader, budget int64) *packetReader {
	return &packetReader{r: bufio.NewReaderSize(r, 32<<10), budget: budget}
}

// next returns the next line without its trailing newline; the bytes are valid
// until the following call. An ERR line comes back as an error.
func (p *packetReader) next() ([]byte, packet, error) {
	line, kind, err := p.raw()
	if err != nil || kind != packetData {
		return nil, kind, err
	}
	p.budget -= int64(len(line)) + 4
	if p.budget < 0 {
		return nil, packetData, &fault{kind: KindTooLarge, text: "the server's answer is longer than the limit"}
	}
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if text, ok := strings.CutPrefix(string(line[:min(4, len(line))]), "ERR "); ok && text == "" {
		return nil, packetData, serverSays(string(line[4:]))
	}
	return line, packetData, nil
}

// raw returns the next line as it is, uncounted.
func (p *packetReader) raw() ([]byte, packet, error) {
	if _, err := io.ReadFull(p.r, p.buf[:4]); err != nil {
		return nil, packetData, truncated(err)
	}
	size, err := strconv.ParseUint(string(p.buf[:4]), 16, 16)
	if err != nil || size == 3 || size > maxPacket {
		return nil, packetData, &fault{kind: KindCorrupt, text: fmt.Sprintf("no pkt-line starts with %q", p.buf[:4])}
	}
	switch size {
	case 0:
		return nil, packetFlush, nil
	case 1:
		return nil, packetDelim, nil
	case 2:
		return nil, packetEnd, nil
	}
	if _, err := io.ReadFull(p.r, p.buf[:size-4]); err != nil {
		return nil, packetData, truncated(err)
	}
	return p.buf[:size-4], packetData, nil
}

// truncated keeps the errors of the network and of contexts, and names an early
// end for what it is.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &fault{kind: KindCorrupt, text: "the server's answer ends early", err: io.ErrUnexpectedEOF}
	}
	return err
}

// serverError is what a Git server said in its own words, cut to one printable
// line.
type serverError struct{ text string }

func (e *serverError) Error() string { return "the server says: " + e.text }

func serverSays(text string) error { return &serverError{printable(text)} }

// printable makes one harmless line of a foreign text.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// appendPacket adds text as one pkt-line.
func appendPacket(b []byte, text string) []byte {
	return append(fmt.Appendf(b, "%04x", len(text)+4), text...)
}

const (
	flushPacket = "0000"
	delimPacket = "0001"
)
