package terraform

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// readers are the functions that read files.
var readers = []string{"file", "filebase64", "filemd5", "filesha1", "filesha256", "filesha512", "filebase64sha256", "filebase64sha512", "templatefile", "fileset", "fileexists"}

// calls refuses functions that read files outside the bundle, or may; dir is
// where in files the code is.
func (c *checker) calls(in hclsyntax.Node, dir string) {
	_ = hclsyntax.VisitAll(in, func(node hclsyntax.Node) hcl.Diagnostics {
		if call, ok := node.(*hclsyntax.FunctionCallExpr); ok {
			c.call(call, dir)
		}
		return nil
	})
}

func (c *checker) call(call *hclsyntax.FunctionCallExpr, dir string) {
	name := strings.TrimPrefix(call.Name, "core::")
	switch {
	case strings.HasPrefix(name, "provider::local::"), strings.HasPrefix(name, "provider::archive::"):
		c.refuse("files", call.NameRange, name)
		return
	case name == "templatestring": // whose text may be one that only the run makes, with any call in it
		c.refuse("files", call.NameRange, name+", whose text may call functions that read files")
		return
	case !slices.Contains(readers, name) || len(call.Args) == 0:
		return
	}
	for _, arg := range call.Args[:min(len(call.Args), pathsOf(name))] {
		if !inside(arg) {
			c.refuse("files", call.NameRange, name+" of a path that may leave the bundle")
			return
		}
	}
	if name == "templatefile" && !c.policy.allows("files") {
		c.template(call, dir)
	}
}

// template checks the calls in a template, which is evaluated like code.
func (c *checker) template(call *hclsyntax.FunctionCallExpr, dir string) {
	name, base, known := written(call.Args[0])
	if !known || !c.own && base != "module" {
		c.refuse("files", call.NameRange, "templatefile of a path that is not written out, or not in the module")
		return
	}
	name = path.Join(dir, name)
	text, err := fs.ReadFile(c.files, name)
	if err != nil {
		return // there is none, as terraform says too
	}
	if name == valuesFile {
		c.refuse("files", call.NameRange, "templatefile of "+name+", whose texts are the spec's")
		return
	}
	if line := tooDeep(text, hclsyntax.LexTemplate); line > 0 {
		c.refuse("files", call.NameRange, "templatefile of "+name+", which is nested too deeply to be read")
		return
	}
	e, diagnostics := hclsyntax.ParseTemplate(text, name, hcl.InitialPos)
	if diagnostics.HasErrors() {
		c.refuse("files", call.NameRange, "templatefile of "+name+", which cannot be read as a template")
		return
	}
	if !slices.Contains(c.read, name) { // a template may not name itself, but two may name each other
		c.read = append(c.read, name)
		c.calls(e, dir)
	}
}

func pathsOf(name string) int {
	if name == "fileset" {
		return 2
	}
	return 1
}

// inside reports whether a path stays in the bundle whatever the variables are:
// it is written out, or begins with path.module or path.root, and does not climb.
func inside(e hclsyntax.Expression) bool {
	_, _, ok := written(e)
	return ok || modulePath(e) != ""
}

// written is a path in the bundle that is written out, or begins with path.module
// or path.root, its base, and does not climb.
func written(e hclsyntax.Expression) (name, base string, ok bool) {
	switch e := e.(type) {
	case *hclsyntax.TemplateExpr:
		for i, part := range e.Parts {
			if i == 0 && modulePath(part) != "" {
				name, base = ".", modulePath(part)
				continue
			}
			text, ok := part.(*hclsyntax.LiteralValueExpr)
			if !ok {
				return "", "", false
			}
			name += literal(text)
		}
		if name == "" || strings.Contains(name, "..") || name[0] == '/' || name[0] == '~' {
			return "", "", false
		}
		return name, base, true
	case *hclsyntax.TemplateWrapExpr:
		return written(e.Wrapped)
	}
	return "", "", false
}

// modulePath is module or root for path.module and path.root.
func modulePath(e hclsyntax.Expression) string {
	switch e := e.(type) {
	case *hclsyntax.TemplateWrapExpr:
		return modulePath(e.Wrapped)
	case *hclsyntax.ScopeTraversalExpr:
		if e.Traversal.RootName() != "path" || len(e.Traversal) != 2 {
			return ""
		}
		if attr, ok := e.Traversal[1].(hcl.TraverseAttr); ok && (attr.Name == "module" || attr.Name == "root") {
			return attr.Name
		}
	}
	return ""
}
