package declare

import (
	"fmt"

	"baryon/renderer"
	"baryon/state"
)

// FromSpec reads Proton's own document, without a header: what a call of the API
// brings, with the header that its other members come to. Findings are in the
// file "spec".
func FromSpec(ref state.Ref, h Header, spec string) (Document, renderer.Problems) {
	x := &docReader{path: "spec", options: Options{MaxInstances: MaxSpec}.withDefaults()} // whoever asks bounds their number
	x.doc = Document{Ref: ref, Path: x.path, Header: h, Spec: spec, Position: Position{Line: 1, Column: 1}, Cut: Cut{Line: 1}}
	if ref.Kind == state.KindComponent && h.Instance == "" {
		return x.doc, nil
	}
	root, problems := renderer.ParseOne(x.path, []byte(spec), renderer.Limits{})
	if problems.Failed() {
		return x.doc, problems
	}
	x.root = root
	switch ref.Kind {
	case state.KindEnvironment:
		x.environment()
	case state.KindComponent:
		x.serviceSpec("a component")
		x.has(h.Instance)
	default:
		x.serviceSpec("a service")
	}
	if len(spec) > MaxSpec {
		x.Add(root.Problem("the spec is too large", fmt.Sprintf("%d bytes", len(spec)), fmt.Sprintf("at most %d", MaxSpec), "move generated data out of it"))
	}
	return x.doc, append(problems, x.Problems...)
}

// has checks that the document has an instance.
func (x *docReader) has(name string) {
	for _, i := range x.doc.Instances {
		if i.Name == name {
			return
		}
	}
	x.Add(x.root.Problem("the spec has no instance of that name", fmt.Sprintf("%q", name), "", "add it to instances"))
}
