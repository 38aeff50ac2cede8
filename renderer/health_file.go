package renderer

import (
	"context"
	"fmt"
	"slices"
)

// HealthFile stands beside the schema of a template and says, for each of its
// parts, how it is known that what was deployed works.
const HealthFile = "health.yaml"

// A healthPart is what the file says of one part, as it is written.
type healthPart struct {
	file *Manifest // only its name and text: texts are rendered like those of a manifest
	node *Node
}

// health reads health.yaml, where a template has one.
func (r *reader) health() error {
	f, err := r.load(HealthFile, r.quotas.Manifest)
	if err != nil || f == nil {
		return err
	}
	name := r.name(HealthFile)
	root, problems := ParseOne(name, f.Data, Limits{Size: r.quotas.Manifest})
	d := &Decoder{Problems: problems}
	if !problems.Failed() {
		r.healthParts(d, &Manifest{Name: name, data: f.Data}, root)
	}
	r.problems = append(r.problems, d.Problems...)
	return nil
}

func (r *reader) healthParts(d *Decoder, file *Manifest, root *Node) {
	var known []string
	for _, dir := range dirs {
		if dir.kind == r.bundle.Kind {
			known = append(known, string(dir.part))
		}
	}
	if !d.Mapping(root, HealthFile, known...) {
		return
	}
	for _, p := range root.Pairs {
		part := Part(p.Key.Text)
		if p.Value.Null() || !slices.Contains(known, p.Key.Text) {
			continue
		}
		if r.bundle.Parts[part] == nil && !r.bundle.CustomerManaged {
			d.Add(p.Key.Problem("this template has no "+p.Key.Text, "", "a part of the template", "remove it"))
			continue
		}
		HealthReader{Decoder: d, Written: true}.Read(p.Value, p.Key.Text)
		if r.bundle.health == nil {
			r.bundle.health = map[Part]healthPart{}
		}
		r.bundle.health[part] = healthPart{file: file, node: p.Value}
	}
}

// health renders what the template says about the health of a part.
func (j *job) health(ctx context.Context) (*Health, error) {
	h, ok := j.bundle.health[j.part]
	if !ok {
		return nil, nil
	}
	var problems Problems
	n, err := j.filled(ctx, h, HealthFile, h.node, &problems)
	if err != nil || problems.Failed() {
		return nil, fallback(err, problems)
	}
	d := &Decoder{}
	out := HealthReader{Decoder: d}.Read(n, string(j.part))
	return out, d.Problems.Err()
}

func fallback(err error, problems Problems) error {
	if err != nil {
		return err
	}
	return problems.Err()
}

// filled is a copy of a node whose texts are rendered. What an expression comes
// to may be a number or a boolean, as if it stood there without quotes.
func (j *job) filled(ctx context.Context, h healthPart, place string, n *Node, problems *Problems) (*Node, error) {
	out := *n
	if n.Kind == Scalar {
		if plainText(n.Text) {
			return n, nil
		}
		text, err := j.text(ctx, h.file, place, n, problems)
		out.Text, out.Plain = text, true
		return &out, err
	}
	out.Pairs, out.Items = slices.Clone(n.Pairs), slices.Clone(n.Items)
	for i, p := range n.Pairs {
		value, err := j.filled(ctx, h, place+"/"+p.Key.Text, p.Value, problems)
		if err != nil {
			return nil, err
		}
		out.Pairs[i].Value = value
	}
	for i, item := range n.Items {
		value, err := j.filled(ctx, h, fmt.Sprintf("%s/%d", place, i), item, problems)
		if err != nil {
			return nil, err
		}
		out.Items[i] = value
	}
	return &out, nil
}

// healthTexts visits every text of what a template says about the health of a
// part that is rendered, with its place in the cache of templates.
func (b *Bundle) healthTexts(p Part, visit func(file *Manifest, place string, n *Node)) {
	h, ok := b.health[p]
	if !ok {
		return
	}
	var walk func(place string, n *Node)
	walk = func(place string, n *Node) {
		if n.Kind == Scalar && !plainText(n.Text) {
			visit(h.file, place, n)
		}
		for _, p := range n.Pairs {
			walk(place+"/"+p.Key.Text, p.Value)
		}
		for i, item := range n.Items {
			walk(fmt.Sprintf("%s/%d", place, i), item)
		}
	}
	walk(HealthFile, h.node)
}

// ChecksHealth reports whether the template says something about the health of a
// part.
func (b *Bundle) ChecksHealth(p Part) bool {
	_, ok := b.health[p]
	return ok
}

// HealthOutputs are the outputs of its own that the health checks of a part name,
// with the place of each.
func (b *Bundle) HealthOutputs(p Part) []Use {
	h, ok := b.health[p]
	if !ok {
		return nil
	}
	var uses []Use
	var walk func(n *Node)
	walk = func(n *Node) {
		for _, m := range outputForm.FindAllStringSubmatch(n.Text, -1) {
			uses = append(uses, Use{Part: p, Path: []string{"outputs", m[1]}, File: h.file.Name, Line: n.Line, Column: n.Column})
		}
		for _, pair := range n.Pairs {
			walk(pair.Value)
		}
		for _, item := range n.Items {
			walk(item)
		}
	}
	walk(h.node)
	return uses
}
