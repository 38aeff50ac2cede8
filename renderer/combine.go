package renderer

import (
	"slices"

	"baryon/renderer/jinja"
)

// combine judges allOf, anyOf, oneOf and not. Branches may add keys and
// defaults to a mapping, or say what an untyped value is.
func (c *checker) combine(r *rule, n *Node, v any, path, as string) any {
	for _, b := range r.allOf {
		v = merge(v, c.branch(b, n, path, as), as)
	}
	if len(r.anyOf) > 0 {
		v = c.choose(r, r.anyOf, n, v, path, as, "anyOf", len(r.anyOf))
	}
	if len(r.oneOf) > 0 {
		v = c.choose(r, r.oneOf, n, v, path, as, "oneOf", 1)
	}
	for _, b := range r.not {
		if _, ok := c.try(b, n, path, as); ok {
			c.add(n.Problem("value must not match the schema under not", n.Describe(), r.text("not"), ""), path)
		}
	}
	return v
}

func (c *checker) branch(b *rule, n *Node, path, as string) any {
	c.combined++
	defer func() { c.combined-- }()
	v, _ := c.value(b, n, path, as)
	return v
}

// try checks without reporting.
func (c *checker) try(b *rule, n *Node, path, as string) (any, bool) {
	problems, failed := c.problems, c.failed
	c.problems = nil
	c.combined++
	v, ok := c.value(b, n, path, as)
	c.combined--
	c.problems, c.failed = problems, failed
	return v, ok
}

// choose counts the branches that a value matches, of which at least one and at
// most so many may match; the first one that does gives the value its form.
func (c *checker) choose(r *rule, branches []*rule, n *Node, v any, path, as, key string, most int) any {
	matched := 0
	out := v
	if as == "" && n.Kind == Scalar {
		branches = c.notText(branches, n, v, path)
	}
	for _, b := range branches {
		got, ok := c.try(b, n, path, as)
		if !ok {
			continue
		}
		if matched++; matched == 1 {
			out = merge(v, got, as)
		}
		if most > 1 {
			return out
		}
	}
	switch {
	case c.budget <= 0:
		c.add(n.Problem("checking this value takes too much work", "", "", "use fewer combined types (allOf, anyOf, oneOf)"), path)
	case matched == 0:
		c.add(n.Problem("value matches none of the schemas under "+key, n.Describe(), r.text(key), ""), path)
	case matched > most:
		c.add(n.Problem("value matches more than one of the schemas under "+key, n.Describe(), r.text(key), ""), path)
	}
	return out
}

// notText leaves out the branches for texts where a value without quotes is a
// number, a boolean or nothing by itself and another branch takes it as that:
// only a type that stands alone makes a text of it.
func (c *checker) notText(branches []*rule, n *Node, v any, path string) []*rule {
	if _, isText := v.(string); isText {
		return branches
	}
	var others []*rule
	takes := false
	for _, b := range branches {
		if b.resolve().kind() == "string" {
			continue
		}
		others = append(others, b)
		if _, ok := c.try(b, n, path, ""); ok {
			takes = true
		}
	}
	if takes {
		return others
	}
	return branches
}

// branchKnows tells whether a combined rule describes a key.
func (r *rule) branchKnows(key string) bool {
	for _, b := range slices.Concat(r.allOf, r.anyOf, r.oneOf) {
		if b = b.resolve(); b.property(key) != nil || b.branchKnows(key) {
			return true
		}
	}
	return false
}

// merge adds what a branch knows to what is known already. A value whose type
// is known keeps its form.
func merge(v, more any, as string) any {
	into, ok := v.(*jinja.Dict)
	from, ok2 := more.(*jinja.Dict)
	switch {
	case ok && ok2:
		for _, k := range from.Keys() {
			if _, there := into.Get(k); !there {
				item, _ := from.Get(k)
				into.Set(k, item)
			}
		}
		return into
	case more != nil && as == "":
		return more
	}
	return v
}
