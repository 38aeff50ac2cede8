package jinja

import (
	"slices"
)

// A Dict is a map that keeps the order in which its keys were first set, as
// Python's dict does. It is not safe for concurrent use while it is changed.
type Dict struct {
	entries  []entry
	index    map[any]int // by hash key, made once a linear search would be slow
	fallback []entry     // what a missing key reads as; never listed or counted
	origin   origin      // where it stood among the variables, of a copy made for a run
}

type entry struct {
	key   any // as it was set
	hash  any // what equal keys have in common; the key itself for strings
	value any
}

// linearDict is the size up to which searching beats hashing.
const linearDict = 8

// NewDict returns an empty Dict.
func NewDict() *Dict { return &Dict{} }

// Set puts v under key: in place when the key is there, else at the end.
func (d *Dict) Set(key string, v any) { d.put(key, key, v) }

// Get returns the value under key and whether there is one.
func (d *Dict) Get(key string) (any, bool) {
	if i := d.findString(key); i >= 0 {
		return d.entries[i].value, true
	}
	return nil, false
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.entries) }

// Keys lists the keys that are strings, in order.
func (d *Dict) Keys() []string {
	keys := make([]string, 0, len(d.entries))
	for _, e := range d.entries {
		if s, ok := e.key.(string); ok {
			keys = append(keys, s)
		}
	}
	return keys
}

// Fallback says what an expression reads under key while nothing is set there.
// A fallback is not counted, listed, iterated or printed, so a template still
// sees that the key is not there if it looks at the Dict as a whole.
func (d *Dict) Fallback(key string, v any) {
	d.fallback = append(d.fallback, entry{key, key, v})
}

func (d *Dict) missing(key string) (any, bool) {
	for _, e := range d.fallback {
		if e.key == key {
			return e.value, true
		}
	}
	return nil, false
}

func (d *Dict) findString(key string) int {
	if d.index != nil {
		if i, ok := d.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if s, ok := d.entries[i].hash.(string); ok && s == key {
			return i
		}
	}
	return -1
}

func (d *Dict) find(hash any) int {
	if s, ok := hash.(string); ok {
		return d.findString(s)
	}
	if d.index != nil {
		if i, ok := d.index[hash]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if d.entries[i].hash == hash {
			return i
		}
	}
	return -1
}

func (d *Dict) put(hash, key, v any) {
	if i := d.find(hash); i >= 0 {
		d.entries[i].value = v
		return
	}
	d.entries = append(d.entries, entry{key, hash, v})
	switch n := len(d.entries); {
	case d.index != nil:
		d.index[hash] = n - 1
	case n > linearDict:
		d.reindex()
	}
}

func (d *Dict) remove(i int) {
	delete(d.index, d.entries[i].hash)
	d.entries = slices.Delete(d.entries, i, i+1)
	if d.index != nil {
		for k := i; k < len(d.entries); k++ {
			d.index[d.entries[k].hash] = k
		}
	}
}

func (d *Dict) clear() { d.entries, d.index = nil, nil }

func (d *Dict) reindex() {
	d.index = make(map[any]int, 2*len(d.entries))
	for i, e := range d.entries {
		d.index[e.hash] = i
	}
}
