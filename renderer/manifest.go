package renderer

import (
	"fmt"
	"path"
	"strings"
)

// Engine names what a bundle part is written for.
type Engine string

// The engines a manifest can ask for; "" is that of a customer-managed
// environment, for which nothing is rendered.
const (
	EngineCloudFormation Engine = "cloudformation"
	EngineTerraform      Engine = "terraform"
	EngineCodeBuild      Engine = "codebuild"
)

// A Manifest says how one part of a bundle is rendered.
type Manifest struct {
	Name      string // the path of the file, as in problems
	Engine    Engine
	Template  string     // the template's file name; "*" for all *.tf files
	CodeBuild *CodeBuild // set for EngineCodeBuild only

	data []byte
	at   *Node // the value of file, else of the engine, for findings about them
}

// ParseManifest reads the text of a manifest.yaml. The manifest is usable when
// the problems are not Failed.
func ParseManifest(name string, data []byte, limits Limits) (*Manifest, Problems) {
	root, problems := ParseOne(name, data, limits)
	if problems.Failed() {
		return nil, problems
	}
	m := &Manifest{Name: name, data: data}
	d := &Decoder{Problems: problems, Lenient: true}
	m.read(d, root)
	return m, d.Problems
}

func (m *Manifest) read(d *Decoder, root *Node) {
	if !d.Mapping(root, "the manifest", "infrastructure") {
		return
	}
	infrastructure := d.Require(root, "the manifest", "infrastructure")
	if !d.Mapping(infrastructure, "infrastructure", "templates") {
		return
	}
	templates := d.Require(infrastructure, "infrastructure", "templates")
	items := d.List(templates, "templates")
	if len(items) == 0 {
		if templates != nil && templates.Kind == Sequence {
			d.Add(templates.Problem("templates is empty", "", "one template", "add an item with file and rendering_engine"))
		}
		return
	}
	if len(items) > 1 {
		d.Add(items[1].Problem("templates holds more than one item", fmt.Sprint(len(items)), "one",
			"put everything in one file; for Terraform write file: \"*\""))
	}
	m.template(d, items[0])
}

func (m *Manifest) template(d *Decoder, t *Node) {
	const what = "a template of the manifest"
	if old := t.KeyNode("engine"); old != nil && t.Get("rendering_engine") == nil {
		d.Add(old.Problem("the key engine is of the preview of AWS Proton and no longer read", "", "rendering_engine",
			"rename it to rendering_engine and add template_language"))
		return
	}
	if !d.Mapping(t, what, "file", "rendering_engine", "template_language", "settings", "codebuild") {
		return
	}
	switch d.OneOf(d.Require(t, what, "rendering_engine"), "rendering_engine", "jinja", "hcl", "codebuild") {
	case "jinja":
		m.Engine = EngineCloudFormation
		m.language(d, t, "jinja", "cloudformation")
		m.file(d, t)
		if m.Template == "*" {
			d.Add(m.at.Problem("a CloudFormation part has exactly one template file", quote("*"), "its name", "write file: \"cloudformation.yaml\""))
			m.Template = ""
		}
	case "hcl":
		m.Engine = EngineTerraform
		m.language(d, t, "hcl", "terraform")
		m.file(d, t)
		if m.Template != "" && m.Template != "*" && !strings.HasSuffix(m.Template, ".tf") {
			d.Add(m.at.Problem("a Terraform template file must end in .tf", quote(m.Template), "", "write file: \"*\" to take all .tf files"))
		}
	case "codebuild":
		m.Engine, m.at = EngineCodeBuild, t.Get("rendering_engine")
		for _, key := range []string{"file", "template_language"} {
			if n := t.KeyNode(key); n != nil {
				d.Warn(n.Problem("a codebuild template has no "+key, "", "", "remove it"))
			}
		}
		m.CodeBuild = readCodeBuild(d, t)
		return
	}
	if n := t.KeyNode("settings"); n != nil {
		d.Warn(n.Problem("settings are read for rendering_engine codebuild only", "", "", "remove them"))
	}
}

func (m *Manifest) language(d *Decoder, t *Node, engine, want string) {
	n := d.Require(t, "a template of the manifest", "template_language")
	if got := d.String(n, "template_language"); n != nil && got != "" && got != want {
		d.Add(n.Problem("template_language does not fit rendering_engine "+engine, quote(got), want, ""))
	}
}

func (m *Manifest) file(d *Decoder, t *Node) {
	m.at = d.Require(t, "a template of the manifest", "file")
	name := d.String(m.at, "file")
	if name == "" {
		return
	}
	if name != path.Base(name) || name == "." || name == ".." || strings.ContainsAny(name, "\\\x00") {
		d.Add(m.at.Problem("file must be the name of a file beside the manifest", quote(name), "a name without /", ""))
		return
	}
	m.Template = name
}
