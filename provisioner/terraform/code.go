package terraform

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A checker collects what is wrong with the files of one folder, which are one
// module.
type checker struct {
	policy   Policy
	files    fs.FS // of the folder, or of the bundle it is in
	own      bool  // it is of a bundle, and was not downloaded
	problems []Problem
	notes    []string

	read    []string             // templates
	sources map[string]bool      // local names of providers that have a source
	uses    map[string]hcl.Range // the others that are used, and where
}

func newChecker(p Policy, files fs.FS, own bool) *checker {
	return &checker{policy: p, files: files, own: own, sources: map[string]bool{}, uses: map[string]hcl.Range{}}
}

// file checks one file of code, which problems call name and which is at in
// files.
func (c *checker) file(name, at string, text []byte) {
	if c.own {
		text = ownText(text)
	}
	body, diagnostics := Parse(text, name)
	if diagnostics.HasErrors() {
		for _, d := range diagnostics {
			if d.Severity == hcl.DiagError && d.Subject != nil {
				c.add(*d.Subject, Problem{Rule: strings.TrimSuffix(d.Summary, "."), Next: d.Detail})
			}
		}
		return
	}
	for _, b := range body.Blocks {
		if b.Type == "terraform" && overrides(path.Base(name)) {
			c.backendOverridden(b.Body)
		}
	}
	c.body(body)
	c.calls(body, path.Dir(at))
}

// finish checks what only all files of the module tell.
func (c *checker) finish() {
	for _, name := range slices.Sorted(maps.Keys(c.uses)) {
		if source := "hashicorp/" + name; !c.sources[name] && !c.policy.provides(source) {
			c.add(c.uses[name], c.policy.unprovided(source))
		}
	}
}

// ownText is a file as its author wrote it: without the comment that Proton puts
// before it, so that line numbers are the author's.
func ownText(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("/*\nThis file is managed by AWS Proton.")) {
		return text
	}
	_, own, _ := bytes.Cut(text, []byte("*/")) // the end of the comment
	if own, found := bytes.CutPrefix(own, []byte("\n\n")); found {
		return own
	}
	return text
}

func (c *checker) add(at hcl.Range, p Problem) { c.problems = append(c.problems, p.at(at)) }

func (c *checker) refuse(rule string, at hcl.Range, got string) {
	if !c.policy.allows(rule) {
		c.add(at, refusal(rule, got))
	}
}

// body checks blocks, at whatever depth they stand.
func (c *checker) body(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		label := ""
		if len(b.Labels) > 0 {
			label = b.Labels[0]
		}
		got := b.Type + " " + fmt.Sprintf("%q", label)
		at := b.TypeRange
		switch b.Type {
		case "provisioner":
			if label == "remote-exec" || label == "file" {
				c.refuse(label, at, got)
			} else {
				c.refuse("local-exec", at, got) // others run programs as well
			}
		case "data", "ephemeral":
			c.data(label, at, got)
			c.typed(b, label)
		case "action": // of Terraform 1.14 and newer: it does something beside resources
			if label == "local_command" || strings.HasPrefix(label, "external") {
				c.refuse("local-exec", at, got)
			}
			c.typed(b, label)
		case "resource":
			if strings.HasPrefix(label, "external") {
				c.refuse("external", at, got)
			}
			c.typed(b, label)
		case "module":
			c.module(b)
		case "backend":
			c.notes = append(c.notes, fmt.Sprintf("%s:%d:%d: the state is kept by Baryon: backend %q has no effect", at.Filename, at.Start.Line, at.Start.Column, label))
		case "cloud":
			c.add(at, ownState("a cloud block"))
		case "encryption": // of OpenTofu; where its keys come from may be a program
			c.add(at, ownState("an encryption block"))
		case "required_providers":
			c.providers(b.Body)
		case "provider":
			if label == "external" {
				c.refuse("external", at, got)
			}
			c.use(label, b.LabelRanges[0])
			c.programs(b.Body, got)
		}
		c.body(b.Body)
	}
}

// ownState refuses what would keep the state elsewhere.
func ownState(got string) Problem {
	return Problem{Rule: "the state is kept by Baryon", Got: got, Next: "remove it"}
}

// backendOverridden refuses what would take the place of Baryon's own backend.
func (c *checker) backendOverridden(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		if b.Type == "backend" {
			c.add(b.TypeRange, ownState("a backend block in an override file"))
		}
	}
}

func (c *checker) data(label string, at hcl.Range, got string) {
	switch label {
	case "external", "local_command":
		c.refuse("external", at, got)
	case "http":
		c.refuse("http", at, got)
	case "terraform_remote_state":
		c.refuse("remote-state", at, got)
	case "template_file":
		c.refuse("files", at, got+", whose text may call functions that read files")
	}
}

// typed checks a block of a type that a provider has.
func (c *checker) typed(b *hclsyntax.Block, label string) {
	name, _, _ := strings.Cut(label, "_")
	if provider, ok := b.Body.Attributes["provider"]; ok {
		if traversal, diagnostics := hcl.AbsTraversalForExpr(provider.Expr); !diagnostics.HasErrors() {
			name = traversal.RootName()
		}
	}
	if len(b.LabelRanges) > 0 {
		c.use(name, b.LabelRanges[0])
	}
	for _, p := range pathAttributes {
		attribute := b.Body.Attributes[p.attribute]
		if p.of != label || attribute == nil || inside(attribute.Expr) {
			continue
		}
		rule := p.rule
		if b.Type == "data" && strings.HasPrefix(label, "local_") {
			rule = "files" // the data source reads what the resource writes
		}
		c.refuse(rule, attribute.NameRange, fmt.Sprintf("%s %q with %s, a path that may leave the bundle", b.Type, label, p.attribute))
	}
}

// pathAttributes are those of well-known types that are read from, or written to,
// this machine.
var pathAttributes = []struct{ of, attribute, rule string }{
	{"local_file", "filename", "write-files"},
	{"local_file", "source", "files"},
	{"local_sensitive_file", "filename", "write-files"},
	{"local_sensitive_file", "source", "files"},
	{"archive_file", "output_path", "write-files"},
	{"archive_file", "source_file", "files"},
	{"archive_file", "source_dir", "files"},
	{"template_dir", "destination_dir", "write-files"},
	{"template_dir", "source_dir", "files"},
	{"aws_s3_object", "source", "files"},
	{"aws_s3_bucket_object", "source", "files"},
	{"aws_lambda_function", "filename", "files"},
	{"aws_lambda_layer_version", "filename", "files"},
	{"google_storage_bucket_object", "source", "files"},
	{"azurerm_storage_blob", "source", "files"},
}

// programs refuses configurations of providers that name programs to be run, or
// files that do: exec of kubernetes and helm, a credential_process of aws.
func (c *checker) programs(body *hclsyntax.Body, got string) {
	for name, attribute := range body.Attributes {
		switch {
		case slices.Contains(programSettings, name):
			c.refuse("exec", attribute.NameRange, got+" with "+name)
		case name == "kubernetes" && !isObject(attribute.Expr):
			c.refuse("exec", attribute.NameRange, got+" with "+name+", which is not written out")
		}
		c.programsIn(attribute.Expr, got)
	}
	for _, b := range body.Blocks {
		name := b.Type
		if name == "dynamic" && len(b.Labels) > 0 {
			name = b.Labels[0]
		}
		if slices.Contains(programSettings, name) {
			c.refuse("exec", b.TypeRange, got+" with "+name)
			continue
		}
		c.programs(b.Body, got)
	}
}

var programSettings = []string{"exec", "shared_config_files", "config_path", "config_paths"}

// programsIn looks for the same in objects.
func (c *checker) programsIn(e hclsyntax.Expression, got string) {
	_ = hclsyntax.VisitAll(e, func(node hclsyntax.Node) hcl.Diagnostics {
		object, ok := node.(*hclsyntax.ObjectConsExpr)
		if !ok {
			return nil
		}
		for _, item := range object.Items {
			name := hcl.ExprAsKeyword(item.KeyExpr)
			if name == "" {
				name = literal(item.KeyExpr)
			}
			if slices.Contains(programSettings, name) {
				c.refuse("exec", item.KeyExpr.Range(), got+" with "+name)
			}
		}
		return nil
	})
}

func isObject(e hclsyntax.Expression) bool {
	_, ok := e.(*hclsyntax.ObjectConsExpr)
	return ok
}

// literal is the text of an expression that depends on nothing, or empty.
func literal(e hcl.Expression) string {
	v, diagnostics := e.Value(nil)
	if diagnostics.HasErrors() || v.IsNull() || !v.IsKnown() || !v.Type().Equals(cty.String) {
		return ""
	}
	return v.AsString()
}
