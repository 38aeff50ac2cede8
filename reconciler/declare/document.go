package declare

import (
	"fmt"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// MaxSpec is the size of a spec in bytes beyond which AWS Proton refused it.
const MaxSpec = 51_200

// CurrentVal as a value in the spec of a service means: keep what the stored
// spec has for this key.
const CurrentVal = "${Proton::CURRENT_VAL}"

// The values of the key proton.
const (
	environmentSpec = "EnvironmentSpec"
	serviceSpec     = "ServiceSpec"
)

// A Document declares one environment, service or component.
type Document struct {
	Ref      state.Ref           `json:"ref"`
	Path     string              `json:"path"` // the file
	Position                     // of the key baryon
	Header   Header              `json:"header"`       // what the key baryon says
	At       map[string]Position `json:"at,omitempty"` // where the values of the header stand, by key; those of pins by pins.NAME

	// Spec is Proton's document: the text without the key baryon, byte for byte
	// with its comments. It is empty for a component that has none.
	Spec string `json:"spec,omitempty"`
	Cut  Cut    `json:"cut,omitzero"`

	Instances []Instance `json:"instances,omitempty"` // of a service, and of the spec of a component
	Pipeline  *Position  `json:"pipeline,omitempty"`  // where the spec has the key pipeline; nil when it has none
}

// An Instance is one item of the instances of a ServiceSpec.
type Instance struct {
	Name          string   `json:"name"`
	Environment   string   `json:"environment"`
	Position               // of the item
	EnvironmentAt Position `json:"environmentAt"`
}

func (d Document) claim() Claim {
	return Claim{Ref: d.Ref, Adopt: d.Header.Adopt, Position: d.Position}
}

// Problem starts a finding about the value of a key of the header, and about
// the document where the header has no such key.
func (d Document) Problem(key, rule, got, want, next string) renderer.Problem {
	at, ok := d.At[key]
	if !ok {
		at = d.Position
	}
	return renderer.Problem{File: d.Path, Line: at.Line, Column: at.Column, Rule: rule, Got: got, Want: want, Next: next}
}

// Locate turns findings about the text of Spec into findings about the file:
// those that name a line of it get the line of the file, all get its path.
func (d Document) Locate(problems renderer.Problems) renderer.Problems {
	out := make(renderer.Problems, len(problems))
	for i, p := range problems {
		at := d.Position
		if p.Line > 0 {
			at = d.Cut.Locate(Position{Line: p.Line, Column: max(1, p.Column)})
		}
		p.File, p.Line, p.Column = d.Path, at.Line, at.Column
		out[i] = p
	}
	return out
}

// docReader reads one document that has the key baryon.
type docReader struct {
	values

	path    string
	chunk   chunk
	root    *renderer.Node
	options Options
	doc     Document
}

func (x *docReader) read() {
	x.doc.Path, x.doc.Position = x.path, positionOf(x.root.KeyNode("baryon"))
	header := x.root.Get("baryon")
	if header.Null() || header.Kind != renderer.Mapping {
		x.Add(header.Problem("baryon must be a mapping", header.Describe(), "the header of a document",
			`write baryon: {environment: NAME, template: NAME, version: "1"}`))
		return
	}
	x.doc.At = map[string]Position{}
	for _, p := range header.Pairs {
		x.doc.At[p.Key.Text] = positionOf(p.Value)
	}
	switch kind := x.kind(header); kind {
	case state.KindEnvironment:
		x.environmentHeader(header)
		x.environment()
	case state.KindService:
		x.serviceHeader(header)
		x.service()
	case state.KindComponent:
		x.componentHeader(header)
		x.component()
	default:
		return
	}
	x.spec()
}

// kind tells what the document declares. A component names an environment, a
// service and an instance as well, so it goes first; else the value of proton
// settles which of two keys is the one too many.
func (x *docReader) kind(header *renderer.Node) state.Kind {
	proton := x.root.Get("proton")
	environment, service := header.KeyNode("environment") != nil, header.KeyNode("service") != nil
	switch {
	case header.KeyNode("component") != nil:
		return state.KindComponent
	case environment && service && proton != nil && proton.Text == serviceSpec:
		return state.KindService
	case environment:
		return state.KindEnvironment
	case service:
		return state.KindService
	}
	next := "add environment: NAME, service: NAME or component: NAME"
	if proton != nil && proton.Text == environmentSpec {
		next = "add environment: NAME"
	} else if proton != nil && proton.Text == serviceSpec {
		next = "add service: NAME"
	}
	for _, key := range header.Keys() {
		if near := renderer.Nearest(key, []string{"environment", "service", "component"}); near != "" {
			next = fmt.Sprintf("did you mean %q where it says %q?", near, key)
			break
		}
	}
	x.Add(header.Problem("the header does not say what is declared", "", "one of the keys environment, service, component", next))
	return ""
}

// proton checks the key that tells the kind of a spec.
func (x *docReader) proton(what, want string) {
	n := x.root.Get("proton")
	next := "write proton: " + want
	switch {
	case n.Null() && x.root.KeyNode("proton") == nil:
		x.Add(x.root.Problem("the document needs the key proton", "", "proton: "+want, "add proton: "+want))
	case n.Kind != renderer.Scalar || n.Null():
		x.Add(n.Problem("proton must say what kind of spec this is", n.Describe(), want, next))
	case n.Text == environmentSpec && want != environmentSpec, n.Text == serviceSpec && want != serviceSpec:
		x.Add(n.Problem("the header declares "+what+", and proton is of another kind", n.Describe(), want, "correct proton, or the header"))
	case n.Text != want:
		x.Add(n.Problem("this is not a kind of spec", n.Describe(), want, next))
	}
}

// environment reads the rest of the document of an environment.
func (x *docReader) environment() {
	x.Mapping(x.root, "an EnvironmentSpec", "proton", "baryon", "spec")
	x.proton("an environment", environmentSpec)
	x.inputs(x.root.Get("spec"), "spec")
}

// spec takes the header out of the text. What cannot be taken out is refused,
// since Proton's document could not be handed on then.
func (x *docReader) spec() {
	if x.Problems.Failed() {
		return
	}
	at := x.root.KeyNode("baryon")
	text, cut, ok := cutHeader(x.path, x.chunk, x.root)
	switch {
	case !ok:
		x.Add(at.Problem("the key baryon cannot be taken out of the document, so no spec would be left", "", "",
			"write baryon: at the beginning of a line, as a key of its own, without anchors that the spec uses"))
	case len(text) > MaxSpec:
		x.Add(x.root.Problem("the spec is too large", fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf("at most %d", MaxSpec), "move generated data out of it"))
	case blank(text) || strings.TrimSpace(text) == "{}":
	default:
		x.doc.Spec, x.doc.Cut = text, cut
	}
}
