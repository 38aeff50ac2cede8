package v1

import (
	"strings"
	"unicode/utf8"
)

// Plain turns the output of commands into text for people and pages: terminal
// sequences (colours, cursor moves, links, titles) and control characters are
// left out, a lone carriage return ends a line as a line feed does, and bytes
// that are no UTF-8 become U+FFFD. What it returns still has to be escaped for
// where it is put.
func Plain(data []byte) string {
	text, _ := plain(data, true)
	return text
}

// PlainStart cleans the beginning of a text that goes on. It stops before a
// sequence or character that is not there whole yet; used is how many bytes
// it understood.
func PlainStart(data []byte) (text string, used int) { return plain(data, false) }

// plain cleans the beginning of a stream. Unless last, it stops before a
// sequence or character that may go on in the next chunk; used is how many
// bytes it understood.
func plain(data []byte, last bool) (text string, used int) {
	var b strings.Builder
	for used < len(data) {
		rest := data[used:]
		if rest[0] == 0x1b {
			n, whole := sequence(rest)
			if !whole && !last {
				break
			}
			used += n
			continue
		}
		if !last && !utf8.FullRune(rest) || !last && rest[0] == '\r' && len(rest) == 1 {
			break
		}
		r, size := utf8.DecodeRune(rest)
		used += size
		switch {
		case r == '\r' && len(rest) > 1 && rest[1] == '\n':
		case r == '\r':
			b.WriteByte('\n')
		case r == '\n' || r == '\t' || r >= 0x20 && r != 0x7f && (r < 0x80 || r >= 0xa0):
			b.WriteRune(r)
		}
	}
	return b.String(), used
}

// longestSequence bounds how much is taken for one sequence, so that an escape
// character that begins none does not swallow a log.
const longestSequence = 4096

// sequence measures the terminal sequence at the beginning of data. whole is
// false when data ends inside it.
func sequence(data []byte) (n int, whole bool) {
	if len(data) < 2 {
		return len(data), false
	}
	limit := min(len(data), longestSequence)
	switch data[1] {
	case '[': // CSI: parameters, then one final byte
		for i := 2; i < limit; i++ {
			if c := data[i]; c >= 0x40 && c <= 0x7e {
				return i + 1, true
			} else if c < 0x20 || c > 0x7e {
				return i, true // not a sequence after all
			}
		}
	case ']', 'P', 'X', '^', '_': // OSC and its like: up to BEL or ESC \
		for i := 2; i < limit; i++ {
			switch {
			case data[i] == 0x07:
				return i + 1, true
			case data[i] == 0x1b && i+1 < limit && data[i+1] == '\\':
				return i + 2, true
			case data[i] == '\n':
				return i, true // never closed: what follows is text again
			}
		}
	default: // two characters, or three for the choice of a character set
		n = 2
		if data[1] >= 0x20 && data[1] <= 0x2f {
			n = 3
		}
		return min(n, len(data)), n <= len(data)
	}
	if limit == longestSequence {
		return 2, true
	}
	return len(data), false
}
