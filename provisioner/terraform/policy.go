package terraform

import (
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

// Check reads all code below the root of files and gives a problem for each
// thing that is not allowed. Notes tell what is allowed and has no effect.
func (p Policy) Check(files fs.FS) (problems []Problem, notes []string) {
	folders := map[string]*checker{} // each is a module
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if strings.HasPrefix(entry.Name(), ".terraform") {
				problems = append(problems, Problem{File: name, Rule: "downloaded code and settings come from init alone", Got: "a folder of them", Next: "remove it"})
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil // the command engine refuses it
		}
		if said := p.checkName(name); said.Rule != "" {
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
		problems = append(problems, Problem{File: ".", Rule: err.Error()})
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

// checkName refuses files by their names; the problem is empty where it does not.
func (p Policy) checkName(name string) Problem {
	base := path.Base(name)
	switch {
	case overrides(base):
		if p.allows("override") {
			return Problem{}
		}
		refused := refusal("override", "the file "+base)
		refused.File = name
		return refused
	case strings.HasSuffix(base, ".tf.json"), strings.HasSuffix(base, ".tofu.json"):
		return Problem{File: name, Rule: "code is written in the language of Terraform", Got: "JSON", Next: "write it as a .tf file"}
	case base == ".terraformrc", base == "terraform.rc", base == ".tofurc", base == "tofu.rc", strings.HasSuffix(base, ".tfrc"):
		return Problem{File: name, Rule: "the settings of terraform are the operator's", Got: "a file of them", Next: "remove it"}
	case strings.HasPrefix(base, "terraform.tfstate"):
		return Problem{File: name, Rule: "the state is kept by Baryon", Got: "a state file", Next: "adopt it with: baryon state adopt NAME FILE"}
	case strings.Contains(base, ".auto.tfvars") && base != valuesFile, base == "terraform.tfvars", base == "terraform.tfvars.json":
		return Problem{File: name, Rule: "the values of variables come from the spec", Got: "a file of values", Next: "put defaults into the declarations"}
	}
	return Problem{}
}

// overrides reports whether a file's name makes it replace what others say.
func overrides(base string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, ".json"), ".tf"), ".tofu")
	return stem != base && (stem == "override" || strings.HasSuffix(stem, "_override"))
}

// valuesFile is the file of values that Baryon itself writes.
const valuesFile = "proton.auto.tfvars.json"

func (p Policy) allows(rule string) bool { return slices.Contains(p.Allow, rule) }

func refusal(rule, got string) Problem {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == rule })
	return Problem{Rule: rule + " is not allowed", Got: got + ": " + rules[i].Why, Next: "leave it out, or let the operator add " + rule + " to terraform.allow"}
}
