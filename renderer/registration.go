package renderer

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	registrationFile = ".template-registration.yaml"
	legacyFile       = ".compatible-envs"
)

// A Compatible names an environment template that a service template runs on.
type Compatible struct{ Template, Major string }

// String gives the form NAME:MAJOR.
func (c Compatible) String() string { return c.Template + ":" + c.Major }

// DirectlyDefined is the one source of components that a service template can
// support.
const DirectlyDefined = "DIRECTLY_DEFINED"

var compatibleForm = regexp.MustCompile(`^([0-9A-Za-z][0-9A-Za-z_-]{0,99}):(0|[1-9][0-9]*)$`)

// registration is what the files beside a service bundle say.
type registration struct {
	compatible []Compatible
	sources    []string
}

func parseRegistration(name string, data []byte, limits Limits) (registration, Problems) {
	root, problems := ParseOne(name, data, limits)
	if problems.Failed() {
		return registration{}, problems
	}
	d := &Decoder{Problems: problems, Lenient: true}
	const misspelt = "compatible_environment"
	if !d.Mapping(root, name[strings.LastIndex(name, "/")+1:], "compatible_environments", misspelt, "supported_component_sources") {
		return registration{}, d.Problems
	}
	var r registration
	list := root.Get("compatible_environments")
	if old := root.KeyNode(misspelt); old != nil && list == nil {
		d.Warn(old.Problem("the key "+misspelt+" is misspelt", "", "compatible_environments", "rename it"))
		list = root.Get(misspelt)
	} else {
		list = d.Require(root, registrationFile, "compatible_environments")
	}
	for _, item := range d.List(list, "compatible_environments") {
		if item.Kind == Mapping && len(item.Pairs) == 1 {
			d.Add(item.Problem("a compatible environment is written NAME:MAJOR", "a mapping", "", "remove the space after the colon"))
			continue
		}
		text := d.String(item, "a compatible environment")
		if text == "" {
			continue
		}
		if c, ok := parseCompatible(text); ok {
			r.compatible = append(r.compatible, c)
		} else {
			d.Add(item.Problem("not a compatible environment", quote(text), "NAME:MAJOR", "write it as my-env:1"))
		}
	}
	if list != nil && list.Kind == Sequence && len(list.Items) == 0 {
		d.Add(list.Problem("compatible_environments is empty", "", "at least one NAME:MAJOR", ""))
	}
	for _, item := range d.List(root.Get("supported_component_sources"), "supported_component_sources") {
		if s := d.OneOf(item, "a component source", DirectlyDefined); s != "" {
			r.sources = append(r.sources, s)
		}
	}
	return r, d.Problems
}

// parseLegacy reads .compatible-envs: one NAME:MAJOR a line.
func parseLegacy(name string, data []byte) (registration, Problems) {
	var r registration
	var problems Problems
	for i, line := range strings.Split(string(data), "\n") {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if c, ok := parseCompatible(text); ok {
			r.compatible = append(r.compatible, c)
			continue
		}
		problems = append(problems, Problem{File: name, Line: i + 1, Column: 1, Rule: "not a compatible environment",
			Got: quote(text), Want: "NAME:MAJOR", Next: "write it as my-env:1"})
	}
	if len(r.compatible) == 0 && len(problems) == 0 {
		problems = append(problems, Problem{File: name, Line: 1, Column: 1, Rule: fmt.Sprintf("%s names no environment template", legacyFile),
			Want: "at least one line NAME:MAJOR"})
	}
	return r, problems
}

func parseCompatible(text string) (Compatible, bool) {
	m := compatibleForm.FindStringSubmatch(text)
	if m == nil {
		return Compatible{}, false
	}
	return Compatible{Template: m[1], Major: m[2]}, true
}
