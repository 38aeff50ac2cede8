package terraform

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
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
	// Providers are those that may be used: beginnings of addresses, as
	// "registry.terraform.io/hashicorp/". Any of the registries if empty.
	Providers []string
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
	{"exec", "it runs programs that its configuration names on this machine, even while it is planned"},
	{"files", "it may read files of this machine that are not its own"},
	{"write-files", "it may write files of this machine that are not its own"},
	{"override", "override files replace what other files say, those of Baryon too"},
}

// Rules lists what Policy.Allow can lift.
func Rules() []Rule { return slices.Clone(rules) }

var publicRegistries = []string{"registry.terraform.io", "registry.opentofu.org", "terraform.io"}

// Check reads all code below the root of files and gives a line for each thing
// that is not allowed: FILE:LINE:COLUMN, the rule, what was found, and what to
// do. Notes tell what is allowed and has no effect.
func (p Policy) Check(files fs.FS) (problems, notes []string) {
	folders := map[string]*checker{} // each is a module
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
		dir := path.Dir(name)
		if folders[dir] == nil {
			folders[dir] = newChecker(p, files, true)
		}
		folders[dir].file(name, name, text)
		return nil
	})
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		c := folders[dir]
		c.finish()
		problems, notes = append(problems, c.problems...), append(notes, c.notes...)
	}
	return problems, notes
}

func isCode(name string) bool {
	return strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tofu")
}

// checkName refuses files by their names.
func (p Policy) checkName(name string) string {
	base := path.Base(name)
	switch {
	case overrides(base):
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

// overrides reports whether a file's name makes it replace what others say.
func overrides(base string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, ".json"), ".tf"), ".tofu")
	return stem != base && (stem == "override" || strings.HasSuffix(stem, "_override"))
}

// valuesFile is the file of values that Baryon itself writes.
const valuesFile = "proton.auto.tfvars.json"

func (p Policy) allows(rule string) bool { return slices.Contains(p.Allow, rule) }

func refusal(rule, got string) string {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == rule })
	return fmt.Sprintf("%s is not allowed, got %s: %s; leave it out, or let the operator add %s to terraform.allow", rule, got, rules[i].Why, rule)
}
