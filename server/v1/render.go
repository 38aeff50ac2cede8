package v1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"baryon/reconciler"
	"baryon/renderer"
	"baryon/state"
)

// A Rendering is what would be applied to one target.
type Rendering struct {
	Ref         string            `json:"ref"`
	Version     string            `json:"version,omitempty"` // of the template
	Engine      string            `json:"engine,omitempty"`
	Template    string            `json:"template,omitempty"` // of CloudFormation: the name of its file
	Files       map[string]string `json:"files"`              // a file that is not text is named, and empty
	Provision   []string          `json:"provision,omitempty"`
	Deprovision []string          `json:"deprovision,omitempty"`
	Environment map[string]string `json:"environment,omitempty"` // variables of the commands
	Outputs     map[string]string `json:"outputs,omitempty"`     // of an environment that is not applied
	Health      string            `json:"health,omitempty"`      // how it is known that it works, as it would be declared
	Digest      string            `json:"digest,omitempty"`
	Assumed     []state.Ref       `json:"assumed,omitempty"` // placeholders stand for its outputs
	Problem     string            `json:"problem,omitempty"` // why it cannot be rendered
}

// RenderingOf is the shape of what an outline was rendered to.
func RenderingOf(o reconciler.Outline, r *renderer.Rendered) Rendering {
	out := Rendering{
		Ref: o.Target.Ref.String(), Engine: string(r.Engine), Template: r.Template, Files: map[string]string{}, Provision: r.Commands,
		Deprovision: r.DeprovisionCommands, Environment: r.Env, Outputs: r.Outputs, Health: r.Health.String(), Digest: r.Digest,
	}
	if o.Version.Name != "" {
		out.Version = o.Version.Version.String()
	}
	if len(o.Bundle.OutputNames(o.Part)) > 0 {
		out.Assumed = o.Assumed
	}
	for _, name := range r.Files.Names() {
		f, _ := r.Files.Get(name)
		out.Files[name] = ""
		if utf8.Valid(f.Data) {
			out.Files[name] = string(f.Data)
		}
	}
	return out
}

// A Blame says where one value of what is applied comes from.
type Blame struct {
	Ref        string      `json:"ref"`
	Template   string      `json:"templateName,omitempty"`
	Version    string      `json:"version,omitempty"`
	File       string      `json:"file"`
	Path       string      `json:"path,omitempty"`
	Line       int         `json:"line"`
	Column     int         `json:"column"`
	Text       string      `json:"text"`
	Pieces     []Piece     `json:"pieces"`
	Inputs     []InputFrom `json:"inputs"`
	Conditions []InputFrom `json:"conditions"` // what decided that it stands here
	Change     *Origin     `json:"templateChange,omitempty"`
	SpecChange *Origin     `json:"specChange,omitempty"`
}

// A Piece is a part of the value with one place in the template.
type Piece struct {
	Text    string   `json:"text"`
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Column  int      `json:"column"`
	Literal bool     `json:"literal"`
	Inputs  []string `json:"inputs,omitempty"`
}

// An InputFrom says where one value that the template reads comes from: spec,
// default, output, namespace, or absent.
type InputFrom struct {
	Path   string `json:"path"`
	From   string `json:"from"`
	Value  any    `json:"value,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Of     string `json:"of,omitempty"` // for an output: of what
	Output string `json:"output,omitempty"`
}

// BlameOf is the shape of a blame.
func BlameOf(o reconciler.Outline, b *renderer.Blame) Blame {
	out := Blame{
		Ref: o.Target.Ref.String(), Template: o.Target.Desired.Template, File: b.File, Path: b.Path, Line: b.Line, Column: b.Column, Text: b.Text,
		Pieces: []Piece{}, Inputs: inputsFrom(o, b.Inputs), Conditions: inputsFrom(o, b.Conditions),
		Change: originOf(o.Version.Origin), SpecChange: originOf(o.Target.Desired.Origin),
	}
	if o.Version.Name != "" {
		out.Version = o.Version.Version.String()
	}
	for _, p := range b.Pieces {
		out.Pieces = append(out.Pieces, Piece(p))
	}
	return out
}

func inputsFrom(o reconciler.Outline, origins []renderer.Origin) []InputFrom {
	out := []InputFrom{}
	for _, from := range origins {
		one := InputFrom{Path: from.Path, From: string(from.From), File: from.File, Line: from.Line, Column: from.Column, Output: from.Output, Value: from.Value}
		if from.From == renderer.FromOutput {
			one.Of = outputOf(o, from)
		}
		out = append(out, one)
	}
	return out
}

// outputOf names the thing whose output a value is.
func outputOf(o reconciler.Outline, from renderer.Origin) string {
	switch from.Part {
	case renderer.PartEnvironment:
		return state.EnvironmentRef(from.Name).String()
	case renderer.PartComponent:
		return state.ComponentRef(from.Name).String()
	default:
		return state.InstanceRef(o.Target.Ref.Service, from.Name).String()
	}
}

// outline gathers what the target of a path is rendered from.
func (a *api) outline(ctx context.Context, ref state.Ref, version string) (reconciler.Outline, error) {
	if a.Loop == nil {
		return reconciler.Outline{}, noLoop()
	}
	follow := state.Follow(version)
	if version != "" {
		if _, _, err := follow.Parse(); err != nil {
			return reconciler.Outline{}, invalid("version "+version+" is not one", "write it as 1 or 1.0")
		}
	}
	return a.Loop.Outline(ctx, ref, follow, nil)
}

// rendered answers what would be applied to a target, with ?version= for
// another version of its template.
func (a *api) rendered(ref func(*http.Request) state.Ref) serve {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		if err := allowQuery(r, "version"); err != nil {
			return nil, err
		}
		o, err := a.outline(r.Context(), ref(r), r.URL.Query().Get("version"))
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok {
			return Rendering{Ref: ref(r).String(), Files: map[string]string{}, Problem: conflict.Why}, nil
		}
		if err != nil {
			return nil, err
		}
		out, err := a.Loop.Render(r.Context(), o)
		if problems, ok := errors.AsType[renderer.Problems](err); ok {
			return Rendering{Ref: ref(r).String(), Files: map[string]string{}, Problem: problems.Error()}, nil
		}
		if err != nil {
			return nil, err
		}
		return RenderingOf(o, out), nil
	}
}

// blame answers where the value at ?path= comes from, in the file ?file=.
func (a *api) blame(ref func(*http.Request) state.Ref) serve {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		if err := allowQuery(r, "path", "file"); err != nil {
			return nil, err
		}
		query := r.URL.Query()
		if query.Get("path") == "" {
			return nil, invalid("path is missing", "give a property, such as Resources.Vpc.Properties.CidrBlock, or a line")
		}
		o, err := a.outline(r.Context(), ref(r), "")
		if err != nil {
			return nil, err
		}
		found, err := a.Loop.Blame(r.Context(), o, query.Get("file"), query.Get("path"))
		if problems, ok := errors.AsType[renderer.Problems](err); ok {
			return nil, invalid(problems.Error(), "")
		}
		if err != nil {
			return nil, err
		}
		return BlameOf(o, found), nil
	}
}

// bundle answers with the files of a version as a zip archive.
func (a *api) bundle(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	kind, name, version, err := versionPath(r)
	if err != nil {
		return nil, err
	}
	v, err := a.Store.TemplateVersion(r.Context(), kind, name, version)
	if err != nil {
		return nil, err
	}
	if v.Bundle == "" {
		return nil, &Error{Code: CodeConflict, Message: fmt.Sprintf("version %s of %s was refused, so its files were not kept", v.Version, name)}
	}
	data, err := a.Store.Blob(r.Context(), v.Bundle)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", zipType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(data) // the client may have gone
	return nil, nil
}

// Rendered asks what would be applied to a target; an empty version is the one
// that it wants.
func (c *Client) Rendered(ctx context.Context, ref state.Ref, version string) (r Rendering, err error) {
	query := url.Values{}
	if version != "" {
		query.Set("version", version)
	}
	err = c.Get(ctx, Path(ref)+"/rendered", query, &r)
	return r, err
}

// Blame asks where a value of what is applied to a target comes from.
func (c *Client) Blame(ctx context.Context, ref state.Ref, file, path string) (b Blame, err error) {
	query := url.Values{"path": {path}}
	if file != "" {
		query.Set("file", file)
	}
	err = c.Get(ctx, Path(ref)+"/blame", query, &b)
	return b, err
}

// maxBundle bounds the archive of a bundle that a client takes.
const maxBundle = 64 << 20

// Bundle fetches the files of a version of a template as a zip archive.
func (c *Client) Bundle(ctx context.Context, kind state.Kind, name, version string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	path := "templates/" + string(kind) + "/" + url.PathEscape(name) + "/versions/" + url.PathEscape(version) + "/bundle"
	response, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, maxBundle))
}
