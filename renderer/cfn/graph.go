package cfn

import (
	"slices"
	"strings"

	"baryon/renderer"
)

// needs lists the resources that a resource refers to, each once, in the order
// of the text.
func (t *Template) needs(name string) []string {
	r := t.resources[name]
	var out []string
	add := func(other string) {
		if t.resources[other] != nil && !slices.Contains(out, other) {
			out = append(out, other)
		}
	}
	for _, item := range items(r.Get("DependsOn")) {
		add(item.Text)
	}
	if s, ok := text(r.Get("DependsOn")); ok {
		add(s)
	}
	for _, key := range []string{"Properties", "Metadata", "CreationPolicy", "UpdatePolicy"} {
		references(r.Get(key), func(to string, _ bool) { add(to) })
	}
	return out
}

// references calls visit for every name that a value refers to; attr tells
// whether it is an attribute of it that counts.
func references(n *renderer.Node, visit func(name string, attr bool)) {
	if n == nil {
		return
	}
	if f, ok := callOf(n); ok {
		switch f.name {
		case "Ref":
			if name, ok := text(f.arg); ok {
				visit(name, false)
			}
		case "Fn::GetAtt":
			if name, _, ok := attribute(f.arg); ok {
				visit(name, true)
			}
		case "Fn::Sub":
			names, own, _ := substituted(f.arg)
			for _, name := range names {
				resource, _, attr := strings.Cut(name, ".")
				visit(resource, attr)
			}
			references(own, visit)
			return
		}
		references(f.arg, visit)
		return
	}
	for _, p := range n.Pairs {
		references(p.Value, visit)
	}
	for _, item := range n.Items {
		references(item, visit)
	}
}

// circles reports resources that wait for each other, each circle once.
func (c *checker) circles() {
	const open, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = open
		path = append(path, name)
		for _, other := range c.t.needs(name) {
			switch state[other] {
			case open:
				circle := slices.Clone(path[slices.Index(path, other):])
				c.add(c.t.root.Get("Resources").KeyNode(other), "these resources wait for each other", strings.Join(append(circle, other), " → "), "",
					"take one of the references out, or move what needs both into a resource of its own")
			case done:
			default:
				visit(other)
			}
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for _, name := range c.t.Resources() {
		if state[name] == 0 {
			visit(name)
		}
	}
}
