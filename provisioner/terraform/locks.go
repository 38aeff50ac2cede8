package terraform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// takeLock puts the lock file of the stack in place, without those providers of
// which the code wants other versions now: they are chosen anew, all others stay.
func (t *tool) takeLock() error {
	text, err := os.ReadFile(filepath.Join(t.cfg.Stack, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	wanted, err := t.constraints()
	if err != nil {
		return err
	}
	text = without(text, func(address, locked string) bool { return !satisfies(wanted, address, locked) })
	return os.WriteFile(filepath.Join(t.dir, lockFile), text, 0o600)
}

// without is a lock file without some of its providers.
func without(text []byte, drop func(address, locked string) bool) []byte {
	body, diagnostics := Parse(text, lockFile)
	if diagnostics.HasErrors() {
		return text // the program says so
	}
	for _, b := range slices.Backward(body.Blocks) {
		if attribute := b.Body.Attributes["version"]; b.Type == "provider" && len(b.Labels) == 1 && attribute != nil && drop(b.Labels[0], literal(attribute.Expr)) {
			at := b.Range()
			text = append(text[:at.Start.Byte:at.Start.Byte], text[at.End.Byte:]...)
		}
	}
	return text
}

// constraints are the versions that the code of the folder wants of providers, by
// their sources. Those of downloaded modules are not known yet.
func (t *tool) constraints() (map[string][]version.Constraints, error) {
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	wanted := map[string][]version.Constraints{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !isCode(entry.Name()) {
			continue
		}
		text, err := root.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		if body, diagnostics := Parse(text, entry.Name()); !diagnostics.HasErrors() { // else the program says so
			constraintsIn(body, wanted)
		}
	}
	return wanted, nil
}

func constraintsIn(body *hclsyntax.Body, wanted map[string][]version.Constraints) {
	for _, b := range body.Blocks {
		if b.Type == "terraform" {
			constraintsIn(b.Body, wanted)
		}
		if b.Type != "required_providers" {
			continue
		}
		for name, attribute := range b.Body.Attributes {
			source, text := "hashicorp/"+name, literal(attribute.Expr)
			if object, ok := attribute.Expr.(*hclsyntax.ObjectConsExpr); ok {
				for _, item := range object.Items {
					switch literal(item.KeyExpr) {
					case "source":
						source = literal(item.ValueExpr)
					case "version":
						text = literal(item.ValueExpr)
					}
				}
			}
			if c, err := version.NewConstraint(text); err == nil {
				wanted[source] = append(wanted[source], c)
			}
		}
	}
}

// satisfies reports whether the locked version of a provider is one that is
// wanted. An address has a host; a source may leave it out.
func satisfies(wanted map[string][]version.Constraints, address, locked string) bool {
	v, err := version.NewVersion(locked)
	if err != nil {
		return true
	}
	_, short, _ := strings.Cut(address, "/")
	for _, source := range []string{address, short} {
		for _, c := range wanted[source] {
			if !c.Check(v) {
				return false
			}
		}
	}
	return true
}

// otherVersion is what init says of a provider of which a downloaded module wants
// another version than the one that was chosen.
var otherVersion = regexp.MustCompile(`locked provider (\S+) \S+ does not match configured version constraint`)

// unlock forgets the choice of providers that init could not keep, and reports
// whether there is any: with the next attempt they are chosen anew.
func (t *tool) unlock() bool {
	said := strings.Join(strings.Fields(t.said.String()), " ")
	dropped := map[string]bool{}
	for _, found := range otherVersion.FindAllStringSubmatch(said, -1) {
		dropped[found[1]] = true
	}
	name := filepath.Join(t.cfg.Stack, lockFile)
	text, err := os.ReadFile(name)
	if err != nil || len(dropped) == 0 {
		return false
	}
	rest := without(text, func(address, _ string) bool { return dropped[address] })
	return len(rest) < len(text) && os.WriteFile(name, rest, 0o600) == nil
}
