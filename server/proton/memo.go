package proton

import (
	"crypto/sha256"
	"sync"
)

// A memo remembers texts that were made of other texts alone, so that what it
// answers cannot be out of date. What was not asked for lately is forgotten
// first, half of it at a time.
type memo struct {
	mu          sync.Mutex
	young, old  map[[sha256.Size]byte]string
	size, limit int // bytes of the texts in young; where it is cut
}

// text is what fresh makes of the parts, once while that is remembered.
func (m *memo) text(fresh func() string, parts ...string) string {
	key := keyOf(parts)
	m.mu.Lock()
	found, ok := m.young[key]
	if !ok {
		if found, ok = m.old[key]; ok {
			m.keep(key, found)
		}
	}
	m.mu.Unlock()
	if ok {
		return found
	}
	found = fresh()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(key, found)
	return found
}

func (m *memo) keep(key [sha256.Size]byte, text string) {
	if m.size+len(text) > m.limit || m.young == nil {
		m.young, m.old, m.size = map[[sha256.Size]byte]string{}, m.young, 0
	}
	if _, again := m.young[key]; !again {
		m.young[key] = text
		m.size += len(text) + sha256.Size
	}
}

// keyOf tells parts from all others, also from those that join to the same text.
func keyOf(parts []string) [sha256.Size]byte {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p))
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
