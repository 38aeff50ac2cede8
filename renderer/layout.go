package renderer

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// detect decides what kind of template the layout makes, and refuses the
// layouts of the preview of AWS Proton.
func (r *reader) detect(has map[string]bool) {
	infra, instance, pipeline := has["infrastructure"], has["instance_infrastructure"], has["pipeline_infrastructure"]
	schema := r.bundle.Schema
	service := schema != nil && schema.EnvironmentType() == "" && (schema.ServiceType() != "" || schema.PipelineType() != "")
	switch {
	case infra && !instance && (r.options.Kind == ServiceTemplate || service):
		r.bundle.Kind = ServiceTemplate
		next := "rename infrastructure/ to instance_infrastructure/"
		if has["pipeline"] {
			next += " and pipeline/ to pipeline_infrastructure/"
		}
		r.add(Problem{File: r.name("infrastructure"), Rule: "a service template of the preview of AWS Proton is no longer read",
			Got: "the directory infrastructure/", Want: "instance_infrastructure/", Next: next})
		return
	case r.options.Kind != "":
		r.bundle.Kind = r.options.Kind
	case infra && (instance || pipeline):
		r.add(Problem{File: r.name("infrastructure"), Rule: "a bundle is an environment template or a service template, not both",
			Got: "infrastructure/ beside instance_infrastructure/ or pipeline_infrastructure/", Next: "split it into two templates"})
		return
	case infra:
		r.bundle.Kind = EnvironmentTemplate
	case instance, pipeline, service:
		r.bundle.Kind = ServiceTemplate
	case schema != nil && schema.EnvironmentType() != "":
		r.bundle.Kind = EnvironmentTemplate
	default:
		if !r.problems.Failed() {
			r.add(Problem{File: r.dir, Rule: "this is no template bundle", Want: "infrastructure/ (environment template) or instance_infrastructure/ (service template) beside schema/"})
		}
		return
	}
	if has["pipeline"] && r.bundle.Kind == ServiceTemplate && !pipeline {
		if _, err := fs.Stat(r.fsys, "pipeline/manifest.yaml"); err == nil {
			r.add(Problem{File: r.name("pipeline"), Rule: "a service template of the preview of AWS Proton is no longer read",
				Got: "the directory pipeline/", Want: "pipeline_infrastructure/", Next: "rename pipeline/ to pipeline_infrastructure/"})
		}
	}
}

// crossCheck compares the layout with the schema and with what the caller said.
func (r *reader) crossCheck(has map[string]bool) {
	b := r.bundle
	switch b.Kind {
	case EnvironmentTemplate:
		infra := has["infrastructure"]
		b.CustomerManaged = r.options.Management == ManagementCustomer || r.options.Management == ManagementDetected && !infra
		for _, other := range []string{"instance_infrastructure", "pipeline_infrastructure"} {
			if has[other] {
				r.add(Problem{File: r.name(other), Rule: "an environment template has no " + other + "/", Want: "infrastructure/"})
			}
		}
		switch {
		case b.CustomerManaged && infra:
			r.add(Problem{File: r.name("infrastructure"), Rule: "a customer-managed environment template has a schema only", Got: "the directory infrastructure/",
				Next: "remove the directory, or create the template without CUSTOMER_MANAGED"})
		case !b.CustomerManaged && !infra:
			r.missingDir("infrastructure", "an environment template")
		}
	case ServiceTemplate:
		if !has["instance_infrastructure"] && !has["infrastructure"] {
			r.missingDir("instance_infrastructure", "a service template")
		}
		if r.options.Kind == ServiceTemplate && has["infrastructure"] && has["instance_infrastructure"] {
			r.add(Problem{File: r.name("infrastructure"), Rule: "a service template has no infrastructure/", Want: "instance_infrastructure/ alone"})
		}
		switch pipeline := has["pipeline_infrastructure"]; {
		case r.options.Management == ManagementCustomer && pipeline:
			r.add(Problem{File: r.name("pipeline_infrastructure"), Rule: "a service template with customer-managed pipelines has no pipeline_infrastructure/", Next: "remove the directory"})
		case r.options.Management == ManagementOurs && !pipeline:
			r.missingDir("pipeline_infrastructure", "a service template with a pipeline")
		}
	}
	if b.Schema != nil {
		r.problems = append(r.problems, b.Schema.fits(b.Kind, b.CustomerManaged, has["pipeline_infrastructure"])...)
	}
}

func (r *reader) missingDir(dir, what string) {
	r.add(Problem{File: r.name(dir), Rule: what + " needs the directory " + dir + "/", Next: "add it, with a manifest.yaml"})
}

// schema reads schema/schema.yaml.
func (r *reader) schema(has map[string]bool) error {
	const name = "schema/schema.yaml"
	if !has["schema"] {
		if !r.problems.Failed() {
			r.add(Problem{File: r.name(name), Rule: "the file is missing", Want: "a schema that names the inputs of the template"})
		}
		return nil
	}
	f, names, err := r.lookup(name, r.quotas.Schema)
	if err != nil {
		return err
	}
	if f == nil {
		if names != nil {
			r.add(Problem{File: r.name(name), Rule: "the file is missing", Want: "a schema that names the inputs of the template", Next: didYouMean("schema.yaml", names)})
		}
		return nil
	}
	schema, problems := CompileSchema(r.name(name), f.Data, Limits{Size: r.quotas.Schema})
	r.problems = append(r.problems, problems...)
	r.bundle.Schema = schema
	return nil
}

// single loads the one template file that a manifest names.
func (r *reader) single(dir string, m *Manifest) error {
	if m.Template == "" {
		return nil
	}
	f, names, err := r.lookup(path.Join(dir, m.Template), r.quotas.Template)
	if err != nil || f != nil || names == nil {
		return err
	}
	r.add(m.at.Problem("the file is missing in "+r.name(dir)+"/", quote(m.Template), "", didYouMean(m.Template, names)))
	return nil
}

// lookup loads one file. When there is no such file it returns the names that
// are there instead, never nil then; when it was refused it returns neither.
func (r *reader) lookup(name string, limit int) (*File, []string, error) {
	entries, err := fs.ReadDir(r.fsys, path.Dir(name))
	if err != nil {
		return nil, nil, fmt.Errorf("bundle %s: %w", r.dir, err)
	}
	names := []string{}
	for _, e := range entries {
		if e.Name() == path.Base(name) {
			if !r.plain(name, e) {
				return nil, nil, nil
			}
			f, err := r.load(name, limit)
			return f, nil, err
		}
		names = append(names, e.Name())
	}
	return nil, names, nil
}

// generated matches the declaration of a variable that rendering adds itself.
var generated = regexp.MustCompile(`(?m)^\s*variable\s+"(environment|service|service_instance|service_instances|pipeline|component|proton_tags)"`)

// terraform loads every *.tf file of a directory; all other files, and
// sub-directories, are ignored.
func (r *reader) terraform(dir string, m *Manifest) error {
	entries, err := fs.ReadDir(r.fsys, dir)
	if err != nil {
		return fmt.Errorf("bundle %s: %w", r.dir, err)
	}
	found := false
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if got := leftOut(e); got != "" {
			r.add(Problem{File: r.name(name), Line: 1, Column: 1, Warning: true, Rule: "this is not taken", Got: got,
				Want: "code in .tf files of " + dir + "/, which are all that is applied, as in AWS Proton", Next: "remove it, so that nobody takes it for what is applied"})
		}
		if e.IsDir() || junk(e.Name()) || !strings.HasSuffix(e.Name(), ".tf") {
			continue
		}
		found = true
		if !r.plain(name, e) {
			continue
		}
		f, err := r.load(name, r.quotas.Template)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		if !utf8.Valid(f.Data) {
			r.add(Problem{File: r.name(name), Rule: "the file is not UTF-8", Next: "save it as UTF-8"})
		}
		for _, at := range generated.FindAllSubmatchIndex(f.Data, -1) {
			r.add(Problem{File: r.name(name), Line: 1 + strings.Count(string(f.Data[:at[2]]), "\n"), Column: 1, Warning: true,
				Rule: fmt.Sprintf("the variable %q is declared twice: rendering adds it in a generated file", f.Data[at[2]:at[3]]), Next: "remove the declaration"})
		}
	}
	if !found {
		p := m.at.Problem("no file of "+dir+"/ ends in .tf", "", "", "add one; until then nothing would be applied")
		p.Warning = true
		r.add(p)
	}
	return nil
}

// leftOut says what Terraform would take an entry for that is never applied; it
// is empty for all others.
func leftOut(e fs.DirEntry) string {
	name := e.Name()
	ends := func(with ...string) bool {
		return slices.ContainsFunc(with, func(end string) bool { return strings.HasSuffix(name, end) })
	}
	switch {
	case e.IsDir() && strings.HasPrefix(name, ".terraform"):
		return "a folder of terraform init"
	case e.IsDir():
		return ""
	case ends(".tf.json", ".tofu.json"):
		return "code in JSON"
	case ends(".tofu"):
		return "code that only OpenTofu reads"
	case ends(".tfvars", ".tfvars.json"):
		return "values of variables, which come from the spec"
	case ends(".terraformrc", ".tofurc", ".tfrc"), name == "terraform.rc", name == "tofu.rc":
		return "settings of terraform, which are the operator's"
	case strings.HasPrefix(name, "terraform.tfstate"), ends(".tfstate"):
		return "a state, which Baryon keeps"
	case name == ".terraform.lock.hcl":
		return "a lock file of providers, which Baryon keeps for each target"
	}
	return ""
}

// everything loads all files below the directory of a part that runs commands.
func (r *reader) everything(dir string) error {
	count := 0
	err := fs.WalkDir(r.fsys, dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == dir:
			return nil
		case junk(e.Name()):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !r.goodName(name, e.Name()) || !r.plain(name, e):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		if count++; count > r.quotas.CodeBuildFiles {
			r.add(Problem{File: r.name(dir), Rule: "the bundle holds more files than the quota", Want: fmt.Sprintf("at most %d", r.quotas.CodeBuildFiles),
				Next: "keep build output and downloads out of the bundle"})
			return fs.SkipAll
		}
		if name == path.Join(dir, "manifest.yaml") {
			return nil
		}
		_, err = r.load(name, r.quotas.Bundle)
		return err
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		return fmt.Errorf("bundle %s: %w", r.dir, err)
	}
	return nil
}

// goodName refuses names that another system would read as a path, a command
// line or a part of Git itself.
func (r *reader) goodName(full, name string) bool {
	lower := strings.ToLower(name)
	bad := !utf8.ValidString(name) || len(name) > 255 || strings.ContainsAny(name, "\\\x7f") ||
		strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) ||
		lower == ".git" || lower == "git~1"
	if bad {
		r.add(Problem{File: r.name(strings.ToValidUTF8(full, "?")), Rule: "a file of a bundle may not have this name", Got: quote(name), Next: "rename it"})
	}
	return !bad
}
