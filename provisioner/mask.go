package provisioner

import (
	"bytes"
	"slices"
	"strings"
)

// minSecret is the length from which on a secret is masked.
const minSecret = 4

// A mask replaces secrets in a stream by ****, wherever the stream is cut.
type mask struct {
	secrets [][]byte  // the longest first
	first   [256]bool // the bytes they begin with
	held    []byte    // the end of the stream that may be the beginning of one
}

// newMask masks every value, and every line of one with several lines.
func newMask(secrets map[string]string) *mask {
	var m mask
	for _, value := range secrets {
		for _, text := range append(strings.Split(value, "\n"), value) {
			if text = strings.TrimSuffix(text, "\r"); len(text) >= minSecret {
				m.secrets = append(m.secrets, []byte(text))
				m.first[text[0]] = true
			}
		}
	}
	slices.SortFunc(m.secrets, func(a, b []byte) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return bytes.Compare(a, b)
	})
	m.secrets = slices.CompactFunc(m.secrets, bytes.Equal)
	return &m
}

// feed takes the next part of the stream and gives what is ready of it. The
// result is valid until the next call and until p changes.
func (m *mask) feed(p []byte) []byte { return m.run(p, false) }

// flush gives what was held back, as the stream has ended.
func (m *mask) flush() []byte { return m.run(nil, true) }

// all masks a whole text.
func (m *mask) all(text string) string {
	return string(m.run([]byte(text), true))
}

func (m *mask) run(p []byte, last bool) []byte {
	if len(m.secrets) == 0 {
		return p
	}
	in := slices.Concat(m.held, p)
	out := make([]byte, 0, len(in))
	i := 0
	for i < len(in) {
		if !m.first[in[i]] {
			out = append(out, in[i])
			i++
			continue
		}
		n, open := m.match(in[i:])
		switch {
		case open && !last:
			m.held = slices.Clone(in[i:])
			return out
		case n > 0:
			out = append(out, "****"...)
			i += n
		default:
			out = append(out, in[i])
			i++
		}
	}
	m.held = nil
	return out
}

// match is the length of the longest secret that text begins with, and whether
// more text could make a longer one of it.
func (m *mask) match(text []byte) (n int, open bool) {
	for _, secret := range m.secrets {
		if len(secret) > len(text) {
			open = open || bytes.HasPrefix(secret, text)
		} else if bytes.HasPrefix(text, secret) {
			return len(secret), open
		}
	}
	return 0, open
}
