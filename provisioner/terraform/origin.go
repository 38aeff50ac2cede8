package terraform

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// use notes that a provider is used under a local name.
func (c *checker) use(name string, at hcl.Range) {
	if _, known := c.uses[name]; !known && name != "terraform" { // which is built in
		c.uses[name] = at
	}
}

// providers checks where providers come from.
func (c *checker) providers(body *hclsyntax.Body) {
	for _, attribute := range body.Attributes {
		source, at, ok := sourceOf(attribute.Expr)
		if !ok {
			continue // the name alone is one of HashiCorp's
		}
		c.sources[attribute.Name] = true
		c.provider(source, at)
	}
}

// provider checks one address.
func (c *checker) provider(source string, at hcl.Range) {
	parts := strings.Split(source, "/")
	host := ""
	if len(parts) == 3 {
		host = parts[0]
	}
	registries := c.policy.Registries
	if len(registries) == 0 {
		registries = publicRegistries
	}
	switch {
	case source == "":
		c.add(at, Problem{Rule: "the source of a provider must be a plain text", Got: "an expression", Next: "write the address out"})
	case host != "" && !slices.Contains(registries, host):
		c.add(at, Problem{
			Rule: "providers come from known registries", Got: fmt.Sprintf("%q of %s", source, host), Want: "one of " + strings.Join(registries, ", "),
			Next: "use another, or let the operator add " + host + " to terraform.registries",
		})
	case !c.policy.provides(source):
		c.add(at, c.policy.unprovided(source))
	}
	if strings.EqualFold(parts[len(parts)-1], "external") {
		c.refuse("external", at, "the provider "+source)
	}
}

func (p Policy) unprovided(source string) Problem {
	return Problem{
		Rule: "this provider is not one that may be used", Got: fmt.Sprintf("%q", source), Want: orNone(p.Providers),
		Next: "use another, or let the operator add its address to terraform.providers",
	}
}

// provides reports whether a provider may be used. An address without a host
// means a public registry, and one of a name alone HashiCorp's.
func (p Policy) provides(source string) bool {
	if len(p.Providers) == 0 {
		return true
	}
	full := []string{source}
	switch strings.Count(source, "/") {
	case 0:
		source = "hashicorp/" + source
		fallthrough
	case 1:
		full = []string{publicRegistries[0] + "/" + source, publicRegistries[1] + "/" + source}
	}
	return slices.ContainsFunc(full, func(address string) bool {
		return slices.ContainsFunc(p.Providers, func(allowed string) bool {
			return address == allowed || strings.HasSuffix(allowed, "/") && strings.HasPrefix(address, allowed)
		})
	})
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
		c.add(at, Problem{Rule: "the source of a module must be a plain text", Got: "an expression", Next: "write the address out"})
	case !c.own && (strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")): // downloaded with it
	case strings.HasPrefix(source, "./"):
		if path.Clean(source) == "." { // init would go on for ever
			c.add(at, Problem{Rule: "a module cannot call itself", Got: fmt.Sprintf("%q", source), Next: "name another folder, or leave it out"})
			return
		}
		if strings.Contains(source, "..") {
			c.add(at, Problem{Rule: "a module is in the bundle or comes from an allowed source", Got: fmt.Sprintf("%q", source), Next: "put it below the code that uses it"})
			return
		}
		if info, err := fs.Stat(c.files, path.Join(path.Dir(at.Filename), source)); err != nil || !info.IsDir() {
			c.add(at, Problem{
				Rule: "the folder of this module is not applied",
				Got:  fmt.Sprintf("%q: of a bundle the .tf files of its folder are, and none below, as in AWS Proton", source),
				Next: "move its code up, or name a module by an address that the operator allows in terraform.modules",
			})
		}
	case !c.policy.fromAllowed(source):
		c.add(at, Problem{
			Rule: "modules come from allowed sources", Got: fmt.Sprintf("%q", source), Want: orNone(c.policy.Modules),
			Next: "put the code into the bundle, or let the operator add its address to terraform.modules",
		})
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
