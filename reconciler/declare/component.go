package declare

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// componentManifest is the file that a component's folder must hold.
const componentManifest = "manifest.yaml"

func (x *docReader) componentHeader(n *renderer.Node) {
	h := &x.doc.Header
	x.header(n, "the header of a component", "component", "environment", "service", "instance", "files", "stack", "imports", "health")
	h.Stack, h.Imports, h.Health = x.stack(n.Get("stack")), x.imports(n.Get("imports")), x.health(n.Get("health"))
	x.doc.Ref = state.ComponentRef(x.name(x.need(n, "the header", "component"), "the name of a component"))
	for _, f := range []struct {
		key   string
		field *string
	}{{"environment", &h.Environment}, {"service", &h.Service}, {"instance", &h.Instance}} {
		if v := n.Get(f.key); v != nil {
			*f.field = x.name(v, f.key)
		}
	}
	service, instance := n.KeyNode("service"), n.KeyNode("instance")
	switch {
	case service != nil && instance == nil:
		x.Add(service.Problem("a component is attached to an instance of a service", "service without instance", "both or none", "add instance: NAME"))
	case service == nil && instance != nil:
		x.Add(instance.Problem("a component is attached to an instance of a service", "instance without service", "both or none", "add service: NAME"))
	case service == nil && n.KeyNode("environment") == nil:
		x.Add(n.Problem("the header does not say where the component goes", "", "environment, or service and instance", "add environment: NAME"))
	}
	if files := x.need(n, "the header", "files"); files != nil {
		h.Files = x.folder(files)
	}
}

// folder reads a path relative to the document and makes it one from the root
// of the tree.
func (x *docReader) folder(n *renderer.Node) string {
	text := x.String(n, "files")
	if text == "" {
		return ""
	}
	full := path.Join(path.Dir(x.path), text)
	if path.IsAbs(text) || strings.ContainsAny(text, "\\\x00") || !fs.ValidPath(full) {
		x.Add(n.Problem("files must be a folder of the same repository", n.Describe(), "a path relative to this document", "write it as ./NAME"))
		return ""
	}
	return full
}

// component reads the rest of the document of a component: a ServiceSpec when
// it is attached, nothing else.
func (x *docReader) component() {
	var first *renderer.Node
	for _, p := range x.root.Pairs {
		if p.Key.Text != "baryon" {
			first = p.Key
			break
		}
	}
	h := x.doc.Header
	switch {
	case first == nil:
	case h.Instance == "":
		x.Add(first.Problem("only a component that is attached to an instance has a spec", fmt.Sprintf("the key %q", first.Text),
			"the key baryon alone", "attach it with service and instance, or remove the spec"))
	default:
		x.serviceSpec("a component")
		if !x.root.Get("instances").Null() {
			x.mustName(x.root.Get("baryon").Get("instance"), "instance")
		}
	}
}

// filesOf checks that the folder of a component is there. The folder lies
// outside of the document's own file, so this is looked at in every Read.
func (r *reader) filesOf(d Document) (*renderer.Problem, error) {
	info, err := fs.Stat(r.tree, d.Header.Files)
	if err != nil || !info.IsDir() {
		p := d.Problem("files", "the folder of the component's files is not there", fmt.Sprintf("%q", d.Header.Files), "a folder with "+componentManifest, "add it, or correct files")
		return &p, nil //nolint:nilerr // whatever keeps the folder from being opened is the document's affair
	}
	entries, err := fs.ReadDir(r.tree, d.Header.Files)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", d.Header.Files, err)
	}
	for _, e := range entries {
		if e.Name() == componentManifest && e.Type().IsRegular() {
			return nil, nil
		}
	}
	p := d.Problem("files", "the folder of the component's files has no "+componentManifest, fmt.Sprintf("%q", d.Header.Files), "",
		"add one that names the template file and its engine")
	return &p, nil
}
