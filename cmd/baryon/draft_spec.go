package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// headerLine finds the key baryon of a document.
var headerLine = regexp.MustCompile(`(?m)^(?:\{[ \t]*)?(?:baryon|"baryon"|'baryon')[ \t]*:`)

// document reads the spec and gives it, with a header where it has none, under
// a name that it may have in a repository.
func (d *draft) document() (file string, text []byte, err error) {
	file = "spec.yaml"
	spec := d.leftOut()
	if d.spec != "" {
		data, err := os.ReadFile(d.spec)
		if err != nil {
			return "", nil, err
		}
		spec = string(data)
	}
	if d.spec != "" && headerLine.MatchString(spec) {
		if name := filepath.ToSlash(filepath.Clean(d.spec)); filepath.IsLocal(name) && isYAML(name) {
			file = name
		}
		if d.bundle.Kind == renderer.ComponentTemplate {
			return d.attachment(file, spec)
		}
		return d.unpinned(file, spec)
	}
	return d.headed(file, spec, "")
}

// headed puts a header on a spec that has none.
func (d *draft) headed(file, spec, service string) (string, []byte, error) {
	ref, header, err := d.header(spec)
	if service != "" {
		header.Service = service
	}
	if err != nil {
		return "", nil, err
	}
	out, err := declare.Import(file, spec, ref, header)
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		for i := range problems {
			problems[i].File = orDefault(d.spec, "(no spec)")
		}
		return "", nil, problems
	}
	if err != nil {
		return "", nil, err
	}
	d.added = strings.Count(out, "\n") - strings.Count(spec, "\n")
	return file, []byte(out), nil
}

// attachment makes the document of a component: the spec's own, or one that is
// attached to an instance of the service that the spec declares.
func (d *draft) attachment(file, spec string) (string, []byte, error) {
	f, err := declare.ReadFile(file, []byte(spec))
	if err != nil {
		return "", nil, err
	}
	for _, doc := range f.Documents {
		if doc.Ref.Kind == state.KindService {
			return d.headed(file, doc.Spec, doc.Ref.Name)
		}
	}
	return file, []byte(spec), nil
}

// unpinned takes minor versions out of the header of a single document: they say
// which version is deployed, and this template is to be tried.
func (d *draft) unpinned(file, spec string) (string, []byte, error) {
	f, err := declare.ReadFile(file, []byte(spec))
	if err != nil || len(f.Documents) != 1 {
		return file, []byte(spec), nil //nolint:nilerr // what is wrong is said where the documents are read
	}
	doc := f.Documents[0]
	major, _, pinned := strings.Cut(string(doc.Header.Version), ".")
	if !pinned && len(doc.Header.Pins) == 0 {
		return file, []byte(spec), nil
	}
	h := doc.Header
	h.Version, h.Pins = state.Follow(major), nil
	out, err := declare.Import(file, doc.Spec, doc.Ref, h)
	if err != nil {
		return file, []byte(spec), nil //nolint:nilerr // it was good before, so it stays as it was
	}
	d.added, d.cut = strings.Count(out, "\n")-strings.Count(doc.Spec, "\n"), &doc.Cut
	return file, []byte(out), nil
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// unnamed is what things are called that were given no name.
const unnamed = "default"

// leftOut is the spec of somebody who leaves out everything.
func (d *draft) leftOut() string {
	switch {
	case d.bundle.Kind == renderer.EnvironmentTemplate:
		return "proton: EnvironmentSpec\nspec: {}\n"
	case d.bundle.Kind == renderer.ComponentTemplate:
		return ""
	case d.bundle.HasPipeline():
		return "proton: ServiceSpec\npipeline: {}\ninstances: [{name: default, environment: default, spec: {}}]\n"
	}
	return "proton: ServiceSpec\ninstances: [{name: default, environment: default, spec: {}}]\n"
}

// header says what a spec without one declares.
func (d *draft) header(spec string) (state.Ref, declare.Header, error) {
	name := d.name
	if name == "" && d.spec != "" {
		name = nameFrom(d.spec)
	}
	name = orDefault(name, unnamed)
	template, major := templateName(d.dir)
	h := declare.Header{Template: template, Version: state.Follow(strings.TrimPrefix(major, "v"))}
	switch d.bundle.Kind {
	case renderer.EnvironmentTemplate:
		return state.EnvironmentRef(name), h, nil
	case renderer.ServiceTemplate:
		return state.ServiceRef(name), h, nil
	}
	h = declare.Header{Files: "component"}
	if spec == "" {
		h.Environment = unnamed
		return state.ComponentRef(name), h, nil
	}
	h.Service, h.Instance = unnamed, d.instance
	if h.Instance == "" {
		root, problems := renderer.ParseOne(d.spec, []byte(spec), renderer.Limits{})
		if problems.Failed() {
			return state.Ref{}, h, problems
		}
		list := root.Get("instances")
		if list == nil || len(list.Items) != 1 || list.Items[0].Get("name") == nil {
			return state.Ref{}, h, fmt.Errorf("%s has not one instance; say with --instance which one the component is attached to", d.spec)
		}
		h.Instance = list.Items[0].Get("name").Text
	}
	return state.ComponentRef(name), h, nil
}

// readOutputs reads a file of outputs: by what they are of, or for whatever is
// asked. The forms in which engines report them are understood.
func (d *draft) readOutputs(file string) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if plain, ok := engineOutputs(data); ok {
		d.plain = plain
		return nil
	}
	node, problems := renderer.ParseOne(file, data, renderer.Limits{})
	if problems.Failed() {
		return problems
	}
	d.given, d.plain, problems = outputsIn(node)
	return problems.Err()
}

// outputsIn reads a mapping of outputs by what they are of, or of outputs alone.
func outputsIn(n *renderer.Node) (given reconciler.Given, plain map[string]string, problems renderer.Problems) {
	alone := n.Kind == renderer.Mapping
	for _, p := range n.Pairs {
		alone = alone && p.Value.Kind == renderer.Scalar
	}
	if !alone {
		given, problems = givenIn(n)
		return given, nil, problems
	}
	plain = map[string]string{}
	for _, p := range n.Pairs {
		plain[p.Key.Text] = p.Value.Text
	}
	return nil, plain, nil
}

// engineOutputs reads what commands hand back, what the AWS CLI prints of a
// stack's Outputs, and what terraform output -json prints.
func engineOutputs(data []byte) (map[string]string, bool) {
	out := map[string]string{}
	var list []struct {
		Key         string `json:"key"`
		ValueString string `json:"valueString"`
		OutputKey   string `json:"OutputKey"`
		OutputValue string `json:"OutputValue"`
	}
	if json.Unmarshal(data, &list) == nil && len(list) > 0 {
		for _, o := range list {
			out[o.Key+o.OutputKey] = o.ValueString + o.OutputValue
		}
		return out, true
	}
	var terraform map[string]struct {
		Value *any            `json:"value"`
		Type  json.RawMessage `json:"type"`
	}
	if json.Unmarshal(data, &terraform) != nil || len(terraform) == 0 {
		return nil, false
	}
	for name, o := range terraform {
		if o.Value == nil || o.Type == nil {
			return nil, false
		}
		text, isText := (*o.Value).(string)
		if !isText {
			encoded, err := json.Marshal(*o.Value)
			if err != nil {
				return nil, false
			}
			text = string(encoded)
		}
		out[name] = text
	}
	return out, true
}
