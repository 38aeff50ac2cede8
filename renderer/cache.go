package renderer

import (
	"container/list"
	"sync"

	"baryon/renderer/jinja"
)

// templates keeps parsed templates by the digest of their bundle and their
// place in it, the least recently used one going first.
type templates struct {
	mu    sync.Mutex
	limit int
	size  int
	order *list.List // of *parsed, most recently used first
	byKey map[templateKey]*list.Element
}

type templateKey struct{ digest, place string }

type parsed struct {
	key      templateKey
	size     int
	template *jinja.Template
}

// templateCost is added to the length of a text for the parsed form itself.
const templateCost = 256

func newTemplates(limit int) *templates {
	return &templates{limit: limit, order: list.New(), byKey: map[templateKey]*list.Element{}}
}

func (t *templates) get(key templateKey) *jinja.Template {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byKey[key]
	if !ok {
		return nil
	}
	t.order.MoveToFront(e)
	return e.Value.(*parsed).template
}

func (t *templates) put(key templateKey, template *jinja.Template, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.byKey[key]; ok {
		return
	}
	t.byKey[key] = t.order.PushFront(&parsed{key, size + templateCost, template})
	t.size += size + templateCost
	for t.size > t.limit && t.order.Len() > 1 {
		last := t.order.Back()
		old := t.order.Remove(last).(*parsed)
		delete(t.byKey, old.key)
		t.size -= old.size
	}
}
