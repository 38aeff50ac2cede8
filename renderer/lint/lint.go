// Package lint finds what is wrong with a template before anybody deploys it.
// It knows how to try a template with sample inputs, what templates may read,
// and how the results of the engines must look.
//
// It refuses to know repositories, versions and documents: it is given bundles
// and inputs, and answers with findings.
package lint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"baryon/renderer"
	"baryon/renderer/cfn"
	"baryon/renderer/jinja"
)

// An Outputs says which outputs a template gives to those that need it.
type Outputs struct {
	Names []string
	Open  bool // it may give others: only running it tells
}

// A Linter checks templates.
type Linter struct {
	Renderer *renderer.Renderer
	// Environments are the outputs of environment templates that are at hand, by
	// NAME:MAJOR. What is not here is taken to have whatever is asked of it.
	Environments map[string]Outputs
	// Parse reads a file of Terraform code, which somebody may have written to
	// end this process: a depth that the parser does not survive is a diagnostic.
	// Without it no code is looked into.
	Parse func(text []byte, name string) (*hclsyntax.Body, hcl.Diagnostics)
	// Refuses says what in the files of a Terraform part is refused when they are
	// applied; nil is nothing.
	Refuses func(code fs.FS) renderer.Problems
}

// Bundle checks everything about a bundle that opened, its warnings included.
// The error is the end of ctx.
func (l *Linter) Bundle(ctx context.Context, b *renderer.Bundle) (renderer.Problems, error) {
	c := &check{Linter: l, ctx: ctx, bundle: b, problems: slices.Clone(b.Warnings)}
	for _, p := range parts(b) {
		c.names(p)
	}
	c.unused()
	if c.problems.Failed() {
		return c.sorted(), nil // samples would only say the same again
	}
	for _, p := range parts(b) {
		if err := errors.Join(c.try(p), c.shell(p), c.health(p)); err != nil {
			return nil, err
		}
	}
	return c.sorted(), nil
}

// parts lists the parts of a bundle in the order in which they are applied.
func parts(b *renderer.Bundle) []renderer.Part {
	var out []renderer.Part
	for _, p := range []renderer.Part{renderer.PartEnvironment, renderer.PartInstance, renderer.PartPipeline, renderer.PartComponent} {
		if b.Parts[p] != nil {
			out = append(out, p)
		}
	}
	return out
}

// check is one run of a Linter.
type check struct {
	*Linter

	ctx      context.Context //nolint:containedctx // of the one call
	bundle   *renderer.Bundle
	problems renderer.Problems
	uses     []renderer.Use

	codeMissing bool // a Terraform part came without code
}

func (c *check) add(p renderer.Problem) {
	if !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

func (c *check) sorted() renderer.Problems {
	c.problems.Sort()
	return c.problems
}

// names checks that all a part reads is in the schema or the namespace.
func (c *check) names(p renderer.Part) {
	uses, problems := c.Renderer.Uses(c.bundle, p)
	if c.bundle.Parts[p].Engine == renderer.EngineTerraform {
		tf := c.terraform(c.bundle, p)
		if !tf.unread {
			c.refused(p)
		}
		uses, problems = append(uses, tf.uses...), append(problems, tf.check()...)
		c.codeMissing = c.codeMissing || tf.empty()
	}
	for _, problem := range problems {
		c.add(problem)
	}
	c.uses = append(c.uses, uses...)
	for _, u := range uses {
		c.name(u)
		c.output(u)
	}
}

// renamed are the names of the preview of AWS Proton.
var renamed = map[string]string{"service_name": "service.name", "service_instance_name": "service_instance.name", "environment_name": "environment.name"}

func (c *check) name(u renderer.Use) {
	at, names, input, ok := c.bundle.Unknown(u)
	if ok {
		return
	}
	word := u.Path[at]
	var rule, next string
	switch {
	case input:
		rule, next = u.Name()+" is no input of the schema", "add "+word+" to the schema, or correct the name"
	case at == 0:
		rule = "there is no variable " + word + " in a file of " + partName(u.Part)
	default:
		rule = u.Name() + " does not exist: " + strings.Join(u.Path[:at], ".") + " has no " + word
	}
	if near := renderer.Nearest(word, names); near != "" {
		next = fmt.Sprintf("did you mean %q?", near)
	} else if better := renamed[word]; better != "" {
		next = "write " + better
	}
	problem := u.Problem(rule, "", wanted(names), next)
	problem.Warning = u.Guarded
	c.add(problem)
}

func partName(p renderer.Part) string {
	switch p {
	case renderer.PartInstance:
		return "a service instance"
	case renderer.PartEnvironment:
		return "an environment"
	default:
		return "a " + string(p)
	}
}

func wanted(names []string) string {
	if len(names) == 0 || len(names) > 12 {
		return ""
	}
	return "one of " + strings.Join(names, ", ")
}

// output checks that an output of the environment is one that every template
// gives in which the service can run.
func (c *check) output(u renderer.Use) {
	key, ok := environmentOutput(u)
	if !ok || u.Guarded {
		return
	}
	for _, e := range c.bundle.Compatible {
		outputs, known := c.Environments[e.String()]
		if !known || outputs.Open || slices.Contains(outputs.Names, key) {
			continue
		}
		next := ""
		if near := renderer.Nearest(key, outputs.Names); near != "" {
			next = fmt.Sprintf("did you mean %q?", near)
		}
		p := u.Problem(fmt.Sprintf("the environment template %s has no output %s", e, key), "", wanted(outputs.Names), next)
		p.Warning = true // another version of it may
		c.add(p)
	}
}

// environmentOutput is the key of an output of the environment that is read.
func environmentOutput(u renderer.Use) (string, bool) {
	path := u.Path
	for _, prefix := range [][]string{{"environment", "outputs"}, {"service_instance", "environment", "outputs"}, {"service_instances", jinja.AnyItem, "environment", "outputs"}} {
		if len(path) > len(prefix) && slices.Equal(path[:len(prefix)], prefix) && path[len(prefix)] != jinja.AnyItem {
			return path[len(prefix)], true
		}
	}
	return "", false
}

// unused warns of inputs that nothing reads.
func (c *check) unused() {
	b := c.bundle
	if b.Schema == nil || b.CustomerManaged || c.codeMissing {
		return
	}
	types := []struct {
		t    *renderer.Type
		at   []string
		also []string
	}{
		{b.Schema.Environment, []string{"environment", "inputs"}, nil},
		{b.Schema.Service, []string{"service_instance", "inputs"}, []string{"service_instances", jinja.AnyItem, "inputs"}},
		{b.Schema.Pipeline, []string{"pipeline", "inputs"}, nil},
	}
	for _, t := range types {
		if t.t == nil {
			continue
		}
		for _, in := range t.t.Inputs() {
			path := strings.Split(strings.ReplaceAll(in.Path, "[]", "."+jinja.AnyItem), ".")
			if c.reads(append(slices.Clone(t.at), path...)) || t.also != nil && c.reads(append(slices.Clone(t.also), path...)) || c.mentions(path[len(path)-1]) {
				continue
			}
			c.add(renderer.Problem{File: b.Schema.File, Line: in.Line, Column: in.Column, Warning: true, Rule: "nothing in the template reads the input " + in.Path,
				Next: "remove it from the schema, or use it"})
		}
	}
}

// reads tells whether anything reads a value, something in it, or the whole that
// it is part of.
func (c *check) reads(path []string) bool {
	return slices.ContainsFunc(c.uses, func(u renderer.Use) bool {
		n := min(len(path), len(u.Path))
		for i := range n {
			if u.Path[i] != path[i] && u.Path[i] != jinja.AnyItem && path[i] != jinja.AnyItem {
				return false
			}
		}
		return true
	})
}

// mentions tells whether a part that runs commands may take an input out of the
// file of inputs: a file names it, or hands the whole file on.
func (c *check) mentions(name string) bool {
	for _, p := range parts(c.bundle) {
		m := c.bundle.Parts[p]
		if m.Engine != renderer.EngineCodeBuild {
			continue
		}
		text := m.Source() + c.bundle.Text(p)
		if strings.Contains(text, name) || strings.Contains(text, "proton-input") {
			return true
		}
	}
	return false
}

// try renders a part with samples: with the least that a spec may give, and
// with all of it.
func (c *check) try(p renderer.Part) error {
	for _, all := range []bool{false, true} {
		in, invented, problems := c.sample(p, all)
		if problems.Failed() {
			c.untried(p, problems)
			continue
		}
		found, err := c.rendered(p, in)
		if err != nil {
			return err
		}
		failed := false
		for _, f := range found {
			if touches(f.Inputs, invented) {
				continue // a value that nobody would give
			}
			failed = failed || !f.Warning
			if !all {
				c.least(f, invented)
				continue
			}
			c.most(f, invented)
		}
		if failed {
			break
		}
	}
	return nil
}

// A finding is about a rendered text, or about rendering itself.
type finding struct {
	renderer.Located

	rendering bool
}

// least adds what is wrong with the least that a spec may give.
func (c *check) least(f finding, invented []string) {
	if strings.Contains(f.Rule, "undefined") {
		f.Rule = "a spec that leaves out what it may cannot be rendered: " + f.Rule
		f.Next = "give the input a default in the schema, make it required, or ask in the template whether it is defined"
		c.add(f.Problem)
		return
	}
	c.most(f, invented)
}

// most adds what is wrong in any case; an error of the template's own code may
// be one of the sample when values had to be invented.
func (c *check) most(f finding, invented []string) {
	if f.rendering && len(invented) > 0 && !f.Warning {
		f.Warning = true
		f.Rule = "rendering with sample values failed: " + f.Rule
		f.Next = "add examples to the schema, or a test beside the template, if real values do better"
	}
	c.add(f.Problem)
}

func (c *check) untried(p renderer.Part, problems renderer.Problems) {
	if b := c.bundle; b.Schema != nil {
		c.add(renderer.Problem{File: b.Schema.File, Line: 1, Column: 1, Warning: true,
			Rule: "no sample inputs could be made for " + partName(p) + ": " + problems[0].Rule, Next: "add an example to the input, or a test beside the template"})
	}
}

// touches tells whether one of the paths is of a value that was invented.
func touches(paths, invented []string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		return slices.ContainsFunc(invented, func(i string) bool {
			return strings.HasPrefix(indices.ReplaceAllString(p, "[]"), i)
		})
	})
}

// Rendered checks what one part of a bundle renders to with the inputs of a
// spec. Outputs of others are taken for placeholders: what only they bring about
// is left out.
func (l *Linter) Rendered(ctx context.Context, b *renderer.Bundle, p renderer.Part, in renderer.Inputs) (renderer.Problems, error) {
	c := &check{Linter: l, ctx: ctx, bundle: b}
	found, err := c.rendered(p, in)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		ofOutput := slices.ContainsFunc(f.Inputs, func(path string) bool { return strings.Contains(path, ".outputs.") })
		if !ofOutput && (!f.rendering || strings.Contains(f.Rule, "undefined") && !strings.Contains(f.Rule, ".outputs")) {
			c.add(f.Problem)
		}
	}
	return c.sorted(), nil
}

// rendered renders a part and checks the result.
func (c *check) rendered(p renderer.Part, in renderer.Inputs) ([]finding, error) {
	out, err := c.Renderer.Render(c.ctx, c.bundle, p, in, renderer.Provision)
	var found []finding
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		for _, problem := range problems {
			found = append(found, finding{renderer.Located{Problem: problem}, true})
		}
		return found, nil
	}
	if err != nil || out.Engine != renderer.EngineCloudFormation {
		return nil, err
	}
	file, _ := out.Files.Get(out.Template)
	parsed, problems := cfn.Parse(out.Template, file.Data)
	if problems.Failed() {
		return nil, nil // JSON that YAML reads otherwise: rendering has judged it
	}
	located, err := c.Renderer.Locate(c.ctx, c.bundle, p, in, parsed.Check())
	for _, l := range located {
		found = append(found, finding{Located: l})
	}
	return found, err
}

// Outputs says which outputs an environment template gives.
func (l *Linter) Outputs(ctx context.Context, b *renderer.Bundle) (Outputs, error) {
	if b.CustomerManaged && b.Schema != nil && b.Schema.Environment != nil {
		var out Outputs
		for _, in := range b.Schema.Environment.Inputs() {
			out.Names = append(out.Names, in.Path)
		}
		return out, nil
	}
	return (&check{Linter: l, ctx: ctx, bundle: b}).given(renderer.PartEnvironment)
}

// Uses lists what all parts of a bundle read.
func (l *Linter) Uses(b *renderer.Bundle) []renderer.Use {
	var out []renderer.Use
	for _, p := range parts(b) {
		uses, _ := l.Renderer.Uses(b, p)
		if b.Parts[p].Engine == renderer.EngineTerraform {
			uses = append(uses, l.terraform(b, p).uses...)
		}
		out = append(out, uses...)
	}
	return out
}
