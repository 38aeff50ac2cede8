package terraform

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A Policy says what code may do. The zero Policy refuses whatever runs programs
// of the author's choice here, reads files of this machine or the state of
// others, or brings in more code.
type Policy struct {
	// Allow lists rules that are lifted; see Rules.
	Allow []string
	// Registries are the hosts whose providers may be named; empty is those of
	// Terraform and OpenTofu.
	Registries []string
	// Modules are the sources that modules may come from: beginnings of
	// addresses, as "github.com/acme/" or "registry.terraform.io/". None if
	// empty.
	Modules []string
}

// A Rule is one thing that code may not do unless it is allowed.
type Rule struct{ Name, Why string }

// Rules are what Policy.Allow can lift.
var rules = []Rule{
	{"local-exec", "it runs programs on this machine while it is applied"},
	{"remote-exec", "it runs programs on other machines while it is applied"},
	{"file", "it copies files of this machine to others"},
	{"external", "it runs programs on this machine, even while it is planned"},
	{"http", "it makes requests from this machine, even while it is planned"},
	{"remote-state", "it reads the state of others, secrets included"},
	{"files", "it may read files of this machine that are not its own"},
	{"override", "override files replace what other files say, those of Baryon too"},
}

// Rules lists what Policy.Allow can lift.
func Rules() []Rule { return slices.Clone(rules) }

var publicRegistries = []string{"registry.terraform.io", "registry.opentofu.org", "terraform.io"}

// Check reads all code below the root of files and gives a line for each thing
// that is not allowed: FILE:LINE:COLUMN, the rule, what was found, and what to
// do. Notes tell what is allowed and has no effect.
func (p Policy) Check(files fs.FS) (problems, notes []string) {
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if strings.HasPrefix(entry.Name(), ".terraform") {
				problems = append(problems, fmt.Sprintf("%s: downloaded code and settings come from init alone, got a folder of them; remove it", name))
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil // the command engine refuses it
		}
		if said := p.checkName(name); said != "" {
			problems = append(problems, said)
		}
		if !isCode(name) {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		c := p.checkCode(name, text, files)
		problems, notes = append(problems, c.problems...), append(notes, c.notes...)
		return nil
	})
	if err != nil {
		problems = append(problems, err.Error())
	}
	return problems, notes
}

func isCode(name string) bool {
	return strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tofu")
}

// checkName refuses files by their names.
func (p Policy) checkName(name string) string {
	base := path.Base(name)
	stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, ".json"), ".tf"), ".tofu")
	switch {
	case stem != base && (stem == "override" || strings.HasSuffix(stem, "_override")):
		if p.allows("override") {
			return ""
		}
		return name + ": " + refusal("override", "the file "+base)
	case strings.HasSuffix(base, ".tf.json"), strings.HasSuffix(base, ".tofu.json"):
		return name + ": code is written in the language of Terraform, got JSON; write it as a .tf file"
	case base == ".terraformrc", base == "terraform.rc", base == ".tofurc", base == "tofu.rc", strings.HasSuffix(base, ".tfrc"):
		return name + ": the settings of terraform are the operator's, got a file of them; remove it"
	case strings.HasPrefix(base, "terraform.tfstate"):
		return name + ": the state is kept by Baryon, got a state file; adopt it with: baryon state adopt NAME FILE"
	case strings.Contains(base, ".auto.tfvars") && base != valuesFile, base == "terraform.tfvars", base == "terraform.tfvars.json":
		return name + ": the values of variables come from the spec, got a file of values; put defaults into the declarations"
	}
	return ""
}

// valuesFile is the file of values that Baryon itself writes.
const valuesFile = "proton.auto.tfvars.json"

func (p Policy) allows(rule string) bool { return slices.Contains(p.Allow, rule) }

func refusal(rule, got string) string {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == rule })
	return fmt.Sprintf("%s is not allowed, got %s: %s; leave it out, or let the operator add %s to terraform.allow", rule, got, rules[i].Why, rule)
}

// checkCode checks one file of code: of a bundle, of which these are the files,
// or downloaded.
func (p Policy) checkCode(name string, text []byte, bundle fs.FS) checker {
	file, diagnostics := hclsyntax.ParseConfig(ownText(text), name, hcl.InitialPos)
	c := checker{policy: p, bundle: bundle}
	if diagnostics.HasErrors() {
		for _, d := range diagnostics {
			if d.Severity == hcl.DiagError && d.Subject != nil {
				c.add(*d.Subject, strings.TrimSuffix(d.Summary, ".")+": "+d.Detail)
			}
		}
		return c
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		c.problems = append(c.problems, name+": this is no code of Terraform")
		return c
	}
	c.body(body)
	_ = hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
		if call, ok := node.(*hclsyntax.FunctionCallExpr); ok {
			c.call(call)
		}
		return nil
	})
	return c
}

// ownText is a file as its author wrote it: without the comment that Proton puts
// before it, so that line numbers are the author's.
func ownText(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("/*\nThis file is managed by AWS Proton.")) {
		return text
	}
	_, own, found := bytes.Cut(text, []byte("*/\n\n"))
	if !found {
		return text
	}
	return own
}

// A checker collects what is wrong with one file.
type checker struct {
	policy          Policy
	bundle          fs.FS // nil: the file was downloaded
	problems, notes []string
}

func (c *checker) add(at hcl.Range, text string) {
	c.problems = append(c.problems, fmt.Sprintf("%s:%d:%d: %s", at.Filename, at.Start.Line, at.Start.Column, text))
}

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
		case "action": // of Terraform 1.14 and newer: it does something beside resources
			if label == "local_command" || strings.HasPrefix(label, "external") {
				c.refuse("local-exec", at, got)
			}
		case "resource":
			if strings.HasPrefix(label, "external") {
				c.refuse("external", at, got)
			}
		case "module":
			c.module(b)
		case "backend":
			c.notes = append(c.notes, fmt.Sprintf("%s:%d:%d: the state is kept by Baryon: backend %q has no effect", at.Filename, at.Start.Line, at.Start.Column, label))
		case "cloud":
			c.add(at, "the state is kept by Baryon, got a cloud block; remove it")
		case "required_providers":
			c.providers(b.Body)
		case "provider":
			if label == "external" {
				c.refuse("external", at, got)
			}
		}
		c.body(b.Body)
	}
}

func (c *checker) data(label string, at hcl.Range, got string) {
	switch {
	case label == "external" || label == "local_command":
		c.refuse("external", at, got)
	case label == "http":
		c.refuse("http", at, got)
	case label == "terraform_remote_state":
		c.refuse("remote-state", at, got)
	case label == "local_file" || label == "local_sensitive_file" || label == "archive_file" || label == "template_dir":
		c.refuse("files", at, got)
	}
}

// providers checks where providers come from.
func (c *checker) providers(body *hclsyntax.Body) {
	for _, attribute := range body.Attributes {
		source, at, ok := sourceOf(attribute.Expr)
		if !ok {
			continue // the name alone is one of HashiCorp's
		}
		parts := strings.Split(source, "/")
		host := ""
		if len(parts) == 3 {
			host = parts[0]
		}
		registries := c.policy.Registries
		if len(registries) == 0 {
			registries = publicRegistries
		}
		if host != "" && !slices.Contains(registries, host) {
			c.add(at, fmt.Sprintf("providers come from known registries, got %q of %s, want one of %s; use another, or let the operator add %s to terraform.registries",
				source, host, strings.Join(registries, ", "), host))
		}
		if parts[len(parts)-1] == "external" {
			c.refuse("external", at, "the provider "+source)
		}
	}
}

// sourceOf is the source of a provider requirement, where it is written out.
func sourceOf(e hclsyntax.Expression) (source string, at hcl.Range, ok bool) {
	object, ok := e.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return "", hcl.Range{}, false
	}
	for _, item := range object.Items {
		if hcl.ExprAsKeyword(item.KeyExpr) == "source" || literal(item.KeyExpr) == "source" {
			return literal(item.ValueExpr), item.ValueExpr.Range(), true
		}
	}
	return "", hcl.Range{}, false
}

// literal is the text of an expression that depends on nothing, or empty.
func literal(e hcl.Expression) string {
	v, diagnostics := e.Value(nil)
	if diagnostics.HasErrors() || v.IsNull() || !v.IsKnown() || !v.Type().Equals(cty.String) {
		return ""
	}
	return v.AsString()
}

// module checks where a module comes from. Modules in the bundle itself are
// checked like the rest of it.
func (c *checker) module(b *hclsyntax.Block) {
	attribute := b.Body.Attributes["source"]
	if attribute == nil {
		return // terraform says so
	}
	source := literal(attribute.Expr)
	at := attribute.Expr.Range()
	switch {
	case source == "":
		c.add(at, "the source of a module must be a plain text, got an expression; write the address out")
	case c.bundle == nil && (strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")): // downloaded with it
	case strings.HasPrefix(source, "./"):
		if strings.Contains(source, "..") {
			c.add(at, fmt.Sprintf("a module is in the bundle or comes from an allowed source, got %q; put it below the code that uses it", source))
			return
		}
		if info, err := fs.Stat(c.bundle, path.Join(path.Dir(at.Filename), source)); err != nil || !info.IsDir() {
			c.add(at, fmt.Sprintf("the folder of this module is not applied, got %q: of a bundle the .tf files of its folder are, and none below, as in AWS Proton; "+
				"move its code up, or name a module by an address that the operator allows in terraform.modules", source))
		}
	case !c.policy.fromAllowed(source):
		c.add(at, fmt.Sprintf("modules come from allowed sources, got %q, want %s; put the code into the bundle, or let the operator add its address to terraform.modules",
			source, orNone(c.policy.Modules)))
	}
}

// fromAllowed reports whether a module's address begins like an allowed one. An
// address of a registry without its host means the public one.
func (p Policy) fromAllowed(source string) bool {
	if strings.Contains(source, "..") {
		return false
	}
	full := source
	if parts := strings.Split(source, "/"); len(parts) == 3 && !strings.Contains(parts[0], ".") && !strings.Contains(source, ":") {
		full = publicRegistries[0] + "/" + source
	}
	return slices.ContainsFunc(p.Modules, func(allowed string) bool {
		return strings.HasPrefix(full, allowed) && (strings.HasSuffix(allowed, "/") || len(full) == len(allowed) || strings.ContainsRune("/?.", rune(full[len(allowed)])))
	})
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none, as nothing is allowed"
	}
	return "one that begins with " + strings.Join(list, " or ")
}

// readers are the functions that read files.
var readers = []string{"file", "filebase64", "filemd5", "filesha1", "filesha256", "filesha512", "filebase64sha256", "filebase64sha512", "templatefile", "fileset", "fileexists"}

// call refuses functions that read files outside the bundle, or may.
func (c *checker) call(call *hclsyntax.FunctionCallExpr) {
	name := strings.TrimPrefix(call.Name, "core::")
	if !slices.Contains(readers, name) || len(call.Args) == 0 {
		return
	}
	for _, arg := range call.Args[:min(len(call.Args), pathsOf(name))] {
		if !inside(arg) {
			c.refuse("files", call.NameRange, name+" of a path that may leave the bundle")
			return
		}
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
	switch e := e.(type) {
	case *hclsyntax.TemplateExpr:
		for i, part := range e.Parts {
			if i == 0 && isModulePath(part) {
				continue
			}
			text, ok := part.(*hclsyntax.LiteralValueExpr)
			if !ok {
				return false
			}
			s := literal(text)
			if strings.Contains(s, "..") || i == 0 && strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~") {
				return false
			}
		}
		return true
	case *hclsyntax.TemplateWrapExpr:
		return inside(e.Wrapped)
	default:
		return isModulePath(e)
	}
}

func isModulePath(e hclsyntax.Expression) bool {
	t, ok := e.(*hclsyntax.ScopeTraversalExpr)
	if !ok || t.Traversal.RootName() != "path" || len(t.Traversal) < 2 {
		return false
	}
	attr, ok := t.Traversal[1].(hcl.TraverseAttr)
	return ok && (attr.Name == "module" || attr.Name == "root")
}
