package lint

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"baryon/renderer"
	"baryon/renderer/jinja"
)

// terraform is what the code of a Terraform part says.
type terraform struct {
	part       renderer.Part
	bodies     []*hclsyntax.Body
	overridden []string // what override files declare, perhaps once more
	unread     bool     // a file could not be parsed, and might have declared anything
	problems   renderer.Problems
	declared   map[string]hcl.Range // var.x, local.x, module.x, data.T.N, T.N
	variables  map[string]bool      // by name: whether it has a default
	uses       []renderer.Use
	refs       []reference
	outputs    []string
	bundle     *renderer.Bundle
}

// A reference leads from an expression to something declared.
type reference struct {
	name string
	at   hcl.Range
}

// generatedVariables are those that rendering declares.
var generatedVariables = map[renderer.Part][]string{
	renderer.PartEnvironment: {"environment", "proton_tags"},
	renderer.PartInstance:    {"environment", "service", "service_instance", "proton_tags"},
	renderer.PartPipeline:    {"pipeline", "service", "service_instances", "proton_tags"},
	renderer.PartComponent:   {"component", "environment", "service", "service_instance", "proton_tags"},
}

func (l *Linter) terraform(b *renderer.Bundle, p renderer.Part) *terraform {
	t := &terraform{part: p, bundle: b, declared: map[string]hcl.Range{}, variables: map[string]bool{}}
	if l.Parse == nil {
		t.unread = true
		return t
	}
	code := b.Code(p)
	for _, name := range slices.Sorted(maps.Keys(code)) {
		full := path.Join(b.Dir, name)
		body, diagnostics := l.Parse(code[name], full)
		for _, d := range diagnostics {
			t.problems = append(t.problems, problemOf(d))
		}
		t.bodies = append(t.bodies, body)
	}
	t.unread = t.problems.Failed()
	for _, body := range t.bodies {
		t.declarations(body)
	}
	for _, body := range t.bodies {
		t.top(body)
	}
	slices.Sort(t.outputs)
	return t
}

// refused asks what of the code would be refused when it is applied.
func (c *check) refused(p renderer.Part) {
	if c.Refuses == nil {
		return
	}
	files, dir := map[string]renderer.File{}, c.bundle.Dir
	for name, text := range c.bundle.Code(p) {
		files[path.Base(name)] = renderer.File{Data: text}
		dir = path.Join(c.bundle.Dir, path.Dir(name))
	}
	for _, problem := range c.Refuses(renderer.NewFiles(files)) {
		problem.File = path.Join(dir, problem.File)
		c.add(problem)
	}
}

// empty tells that the bundle came without its code, as samples do.
func (t *terraform) empty() bool { return len(t.bodies) == 0 }

func problemOf(d *hcl.Diagnostic) renderer.Problem {
	p := renderer.Problem{Rule: "not valid HCL: " + strings.TrimSuffix(d.Summary, "."), Next: strings.TrimSuffix(d.Detail, "."), Warning: d.Severity == hcl.DiagWarning}
	if d.Subject != nil {
		p.File, p.Line, p.Column = d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column
	}
	return p
}

func at(r hcl.Range) renderer.Problem {
	return renderer.Problem{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column}
}

func (t *terraform) add(r hcl.Range, rule, got, want, next string, warning bool) {
	p := at(r)
	p.Rule, p.Got, p.Want, p.Next, p.Warning = rule, got, want, next, warning
	t.problems = append(t.problems, p)
}

// declarations notes what the blocks of a file declare.
func (t *terraform) declarations(body *hclsyntax.Body) {
	for _, block := range body.Blocks {
		name := ""
		switch labels := block.Labels; {
		case block.Type == "locals":
			for local, a := range block.Body.Attributes {
				t.declare("local."+local, a.NameRange)
			}
		case block.Type == "variable" && len(labels) == 1:
			name = "var." + labels[0]
			_, t.variables[labels[0]] = block.Body.Attributes["default"]
		case block.Type == "module" && len(labels) == 1:
			name = "module." + labels[0]
		case block.Type == "resource" && len(labels) == 2:
			name = labels[0] + "." + labels[1]
		case (block.Type == "data" || block.Type == "ephemeral") && len(labels) == 2:
			name = block.Type + "." + labels[0] + "." + labels[1]
		case block.Type == "output" && len(labels) == 1:
			name = "output." + labels[0]
			t.outputs = append(t.outputs, labels[0])
		}
		if name != "" {
			t.declare(name, block.DefRange())
		}
	}
}

func (t *terraform) declare(name string, r hcl.Range) {
	if base := path.Base(r.Filename); base == "override.tf" || strings.HasSuffix(base, "_override.tf") {
		t.overridden = append(t.overridden, name) // it changes what another file declares
		return
	}
	if first, twice := t.declared[name]; twice {
		t.add(r, name+" is declared twice", fmt.Sprintf("first at %s:%d", first.Filename, first.Start.Line), "", "rename or remove one of the two", false)
		return
	}
	t.declared[name] = r
}

// skipped are attributes whose names lead to providers, types and attributes of
// the resource itself.
var skipped = []string{"provider", "providers", "ignore_changes", "configuration_aliases", "type", "replace_triggered_by"}

// knownBlocks are those whose expressions are followed. A check declares data of
// its own, so it is left alone.
var knownBlocks = []string{"resource", "data", "ephemeral", "module", "output", "locals", "provider", "variable"}

func (t *terraform) top(body *hclsyntax.Body) {
	for _, block := range body.Blocks {
		if slices.Contains(knownBlocks, block.Type) {
			t.body(block.Body, block.Type, nil)
		}
	}
}

// body notes what the expressions of a block refer to.
func (t *terraform) body(body *hclsyntax.Body, kind string, local []string) {
	for name, a := range body.Attributes {
		if slices.Contains(skipped, name) && (kind == "variable" || name != "type") {
			continue
		}
		t.expression(a.Expr, local)
	}
	for _, block := range body.Blocks {
		inner := local
		if block.Type == "dynamic" && len(block.Labels) == 1 {
			inner = append(slices.Clone(local), block.Labels[0])
			if a, ok := block.Body.Attributes["iterator"]; ok {
				inner = append(inner, hcl.ExprAsKeyword(a.Expr))
				delete(block.Body.Attributes, "iterator")
			}
		}
		t.body(block.Body, kind, inner)
	}
}

func (t *terraform) expression(e hclsyntax.Expression, local []string) {
	guarded := guards(e)
	for _, traversal := range hclsyntax.Variables(e) {
		inside := slices.ContainsFunc(guarded, func(r hcl.Range) bool { return r.ContainsPos(traversal.SourceRange().Start) })
		t.traversal(traversal, local, inside)
	}
}

// guards are the calls in which a missing attribute is no error.
func guards(e hclsyntax.Expression) []hcl.Range {
	var out []hcl.Range
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && slices.Contains([]string{"try", "can", "lookup"}, call.Name) {
			out = append(out, call.Range())
		}
		return nil
	})
	return out
}

// own are the roots of names that Terraform itself defines.
var own = []string{"path", "terraform", "each", "count", "self"}

func (t *terraform) traversal(tr hcl.Traversal, local []string, guarded bool) {
	keys := make([]string, 0, len(tr))
	for _, step := range tr {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			keys = append(keys, step.Name)
		case hcl.TraverseAttr:
			keys = append(keys, step.Name)
		case hcl.TraverseIndex:
			if step.Key.Type() == cty.String {
				keys = append(keys, step.Key.AsString())
			} else {
				keys = append(keys, jinja.AnyItem)
			}
		default:
			keys = append(keys, jinja.AnyItem)
		}
	}
	r := tr.SourceRange()
	switch root := keys[0]; {
	case slices.Contains(own, root), slices.Contains(local, root):
	case root == "var" && len(keys) > 1:
		if slices.Contains(generatedVariables[t.part], keys[1]) {
			p := at(r)
			t.uses = append(t.uses, renderer.Use{Part: t.part, Path: keys[1:], File: p.File, Line: p.Line, Column: p.Column, Guarded: guarded})
			return
		}
		t.refs = append(t.refs, reference{"var." + keys[1], r})
	case (root == "local" || root == "module") && len(keys) > 1:
		t.refs = append(t.refs, reference{root + "." + keys[1], r})
	case (root == "data" || root == "ephemeral") && len(keys) > 2:
		t.refs = append(t.refs, reference{strings.Join(keys[:3], "."), r})
	case len(keys) > 1 && strings.Contains(root, "_"):
		t.refs = append(t.refs, reference{root + "." + keys[1], r})
	}
}

// check reports names that lead nowhere, and variables that nothing gives a
// value.
func (t *terraform) check() renderer.Problems {
	if t.unread {
		return t.problems
	}
	known := slices.Collect(maps.Keys(t.declared))
	for _, name := range generatedVariables[t.part] {
		known = append(known, "var."+name)
	}
	known = append(known, t.overridden...)
	slices.Sort(known)
	for _, ref := range t.refs {
		if slices.Contains(known, ref.name) {
			continue
		}
		next := ""
		if near := renderer.Nearest(ref.name, known); near != "" {
			next = fmt.Sprintf("did you mean %q?", near)
		}
		t.add(ref.at, ref.name+" is not declared", "", "", next, false)
	}
	for _, name := range slices.Sorted(maps.Keys(t.variables)) {
		if !t.variables[name] && !slices.Contains(generatedVariables[t.part], name) {
			t.add(t.declared["var."+name], "the variable "+name+" has no default, and nothing gives it a value", "", "",
				"read an input of the schema in its place, or add a default", true)
		}
	}
	return t.problems
}
