package jinja

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// importValue copies a value given from Go, so that the template can do with
// it what it likes, and notes where it stood.
func (r *run) importValue(v any, at *origin) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v, nil
	case int:
		return int64(v), nil
	case *Dict:
		return r.importDict(v, at)
	case []any:
		if err := r.deeper(); err != nil {
			return nil, err
		}
		defer func() { r.nesting-- }()
		l := &list{items: make([]any, len(v)), origin: *at}
		for i, item := range v {
			item, err := r.importValue(item, &origin{&l.origin, i})
			if err != nil {
				return nil, err
			}
			l.items[i] = item
		}
		return l, nil
	case *big.Int:
		return normInt(new(big.Int).Set(v)), nil
	}
	return importOther(v, at)
}

func importOther(v any, at *origin) (any, error) {
	switch v := v.(type) {
	case int8:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case uint16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint:
		return normInt(new(big.Int).SetUint64(uint64(v))), nil
	case uint64:
		return normInt(new(big.Int).SetUint64(v)), nil
	case float32:
		return float64(v), nil
	}
	return nil, failf(TypeError, "the variable %s has the Go type %T, which is not a value", at.path(), v)
}

func (r *run) importDict(d *Dict, at *origin) (any, error) {
	if d == nil {
		return nil, nil
	}
	if err := r.deeper(); err != nil {
		return nil, err
	}
	defer func() { r.nesting-- }()
	c := &Dict{entries: make([]entry, len(d.entries)), origin: *at}
	copy(c.entries, d.entries)
	for i := range c.entries {
		v, err := r.importEntry(&c.entries[i], c)
		if err != nil {
			return nil, err
		}
		c.entries[i].value = v
	}
	if d.fallback != nil {
		c.fallback = slices.Clone(d.fallback)
		for i := range c.fallback {
			v, err := r.importEntry(&c.fallback[i], c)
			if err != nil {
				return nil, err
			}
			c.fallback[i].value = v
		}
	}
	if len(c.entries) > linearDict {
		c.reindex()
	}
	return c, nil
}

// importEntry keeps the plain values, of which most entries are, cheap.
func (r *run) importEntry(e *entry, in *Dict) (any, error) {
	switch v := e.value.(type) {
	case nil, bool, int64, float64, string:
		return v, nil
	case int:
		return int64(v), nil
	}
	return r.importValue(e.value, &origin{&in.origin, e.key})
}

// path writes the origin as it stands in a template: a.b[0]["odd-key"].
func (o *origin) path() string {
	if o == nil || o.key == nil {
		return ""
	}
	return joinPath(o.up.path(), o.key)
}

// JoinPath writes a path one key further, as a template would: a.b for a name,
// a['b c'] for other texts, a[0] for an item.
func JoinPath(base string, key any) string { return joinPath(base, key) }

func joinPath(base string, key any) string {
	switch key := key.(type) {
	case string:
		if base == "" {
			return key
		}
		if isIdentifier(key) {
			return base + "." + key
		}
		return base + "[" + strRepr(key) + "]"
	case int:
		return fmt.Sprintf("%s[%d]", base, key)
	case int64:
		return fmt.Sprintf("%s[%d]", base, key)
	}
	return base + "[...]"
}

func isIdentifier(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// export gives a value to a Filter written in Go: the types Dict holds, and
// nothing the template could still change.
func (r *run) export(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *big.Int:
		return v, nil
	case markup:
		return string(v), nil
	case Block:
		return string(v), nil
	case *undefined:
		return nil, undefinedError(v)
	case *Dict:
		if err := r.deeper(); err != nil {
			return nil, err
		}
		defer func() { r.nesting-- }()
		c := NewDict()
		for _, e := range v.entries {
			item, err := r.export(e.value)
			if err != nil {
				return nil, err
			}
			if err := r.hold(keySize); err != nil {
				return nil, err
			}
			c.put(e.hash, e.key, item)
		}
		return c, nil
	case *list, *tuple, *intRange, *iterator, *dictView:
		if err := r.deeper(); err != nil {
			return nil, err
		}
		defer func() { r.nesting-- }()
		items, err := r.items(v)
		if err != nil {
			return nil, err
		}
		out := make([]any, len(items))
		for i, item := range items {
			if out[i], err = r.export(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, failf(TypeError, "a value of type %s cannot be given to this filter", typeName(v))
}

// adopt takes what a Filter returned. Unlike a variable it has no origin.
func (r *run) adopt(v any) (any, error) {
	switch v := v.(type) {
	case Block:
		return v, r.hold(len(v))
	case string:
		return v, r.hold(len(v))
	}
	return r.importValue(v, &origin{})
}

// hashKey is what equal dict keys have in common, as a comparable Go value.
func (r *run) hashKey(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64:
		return v, nil
	case string:
		return v, r.spend(len(v) >> 6)
	case bool:
		n, _ := asInt(v)
		return n, nil
	case float64:
		if v == math.Trunc(v) && !math.IsInf(v, 0) {
			n, err := floatInt(v)
			if err != nil {
				return nil, err
			}
			return r.hashKey(n)
		}
		return v, nil
	case markup:
		return string(v), nil
	case Block:
		return string(v), nil
	case byteString:
		return v, nil
	case *big.Int:
		if err := r.hold(v.BitLen()/4 + keySize); err != nil {
			return nil, err
		}
		return bigKey{v.Sign() < 0, string(v.Bytes())}, nil
	case *tuple:
		return r.tupleKey(v)
	case *intRange:
		return *v, nil
	case *undefined:
		if v.lenient {
			return undefinedKey{}, nil
		}
		return nil, undefinedError(v)
	case *dictView:
		if v.kind == "dict_values" {
			return v, nil
		}
		return nil, failf(TypeError, "unhashable type: '%s'", v.kind)
	case *list, *Dict, *sliceValue:
		return nil, failf(TypeError, "unhashable type: '%s'", typeName(v))
	}
	return v, nil // everything else is the same only as itself
}

type (
	bigKey struct {
		negative  bool
		magnitude string
	}
	tupleKey     string
	undefinedKey struct{}
)

// tupleKey encodes the keys of the items so that different tuples differ.
func (r *run) tupleKey(t *tuple) (any, error) {
	if err := r.deeper(); err != nil {
		return nil, err
	}
	defer func() { r.nesting-- }()
	var b strings.Builder
	for _, item := range t.items {
		k, err := r.hashKey(item)
		if err != nil {
			return nil, err
		}
		s := fmt.Sprintf("%T %v", k, k)
		if err := r.hold(len(s)); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%d:%s,", len(s), s)
	}
	return tupleKey(b.String()), nil
}
