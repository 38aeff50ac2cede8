package renderer

import (
	"sync"

	"baryon/renderer/jinja"
)

// templates keeps parsed templates by the digest of their bundle and their
// place in it, the least recently used one going first.
type templates struct {
	mu    sync.Mutex
	limit int
	size  int
	ring  parsed // its next is the most recently used one, its previous the least
	byKey map[templateKey]*parsed
}

type templateKey struct{ digest, place string }

type parsed struct {
	key            templateKey
	size           int
	template       *jinja.Template
	previous, next *parsed
}

// templateCost is added to the length of a text for the parsed form itself.
const templateCost = 256

func newTemplates(limit int) *templates {
	t := &templates{limit: limit, byKey: map[templateKey]*parsed{}}
	t.ring.previous, t.ring.next = &t.ring, &t.ring
	return t
}

func (t *templates) get(key templateKey) *jinja.Template {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.byKey[key]
	if !ok {
		return nil
	}
	p.unlink()
	t.first(p)
	return p.template
}

func (t *templates) put(key templateKey, template *jinja.Template, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byKey[key]; ok {
		return
	}
	p := &parsed{key: key, size: size + templateCost, template: template}
	t.byKey[key] = p
	t.first(p)
	t.size += p.size
	for t.size > t.limit && len(t.byKey) > 1 {
		old := t.ring.previous
		old.unlink()
		delete(t.byKey, old.key)
		t.size -= old.size
	}
}

func (t *templates) first(p *parsed) {
	p.previous, p.next = &t.ring, t.ring.next
	p.previous.next, p.next.previous = p, p
}

func (p *parsed) unlink() { p.previous.next, p.next.previous = p.next, p.previous }
