package v1

import (
	"context"
	"net/http"
	"time"

	"baryon/state"
)

// A Template is a named family of bundles. The first members are Proton's.
type Template struct {
	Name                 string    `json:"name"`
	ARN                  string    `json:"arn"`
	DisplayName          string    `json:"displayName,omitempty"`
	Description          string    `json:"description,omitempty"`
	RecommendedVersion   string    `json:"recommendedVersion,omitempty"`
	Provisioning         string    `json:"provisioning,omitempty"`
	PipelineProvisioning string    `json:"pipelineProvisioning,omitempty"`
	CreatedAt            time.Time `json:"createdAt,omitzero"`
	LastModifiedAt       time.Time `json:"lastModifiedAt,omitzero"`

	Kind       string            `json:"kind"` // environment or service
	Repository string            `json:"repository,omitempty"`
	Versions   []TemplateVersion `json:"versions"` // oldest first
}

// A TemplateVersion is one registered bundle. The first members are Proton's.
type TemplateVersion struct {
	TemplateName            string                  `json:"templateName"`
	ARN                     string                  `json:"arn"`
	MajorVersion            string                  `json:"majorVersion"`
	MinorVersion            string                  `json:"minorVersion"`
	RecommendedMinorVersion string                  `json:"recommendedMinorVersion,omitempty"`
	Status                  string                  `json:"status"`
	StatusMessage           string                  `json:"statusMessage"`
	Description             string                  `json:"description,omitempty"`
	Schema                  string                  `json:"schema,omitempty"` // only of a version asked for by itself
	CreatedAt               time.Time               `json:"createdAt,omitzero"`
	LastModifiedAt          time.Time               `json:"lastModifiedAt,omitzero"`
	CompatibleEnvironments  []CompatibleEnvironment `json:"compatibleEnvironmentTemplates,omitempty"`
	ComponentSources        []string                `json:"supportedComponentSources,omitempty"`

	Kind        string  `json:"kind"`
	Version     string  `json:"version"`
	Recommended bool    `json:"recommended,omitempty"`
	Bundle      string  `json:"bundle,omitempty"` // its digest
	Origin      *Origin `json:"origin,omitempty"`
}

// A CompatibleEnvironment is an environment template that instances of a
// service template can run in.
type CompatibleEnvironment struct {
	TemplateName string `json:"templateName"`
	MajorVersion string `json:"majorVersion"`
}

// customerManaged is Proton's word for what somebody else provides.
const customerManaged = "CUSTOMER_MANAGED"

func templateRef(kind state.Kind, name string) state.Ref {
	return state.Ref{Kind: kind + "-template", Name: name}
}

// Template reads a template with its versions.
func (v *View) Template(ctx context.Context, kind state.Kind, name string) (Template, error) {
	t, err := v.store.Template(ctx, kind, name)
	if err != nil {
		return Template{}, err
	}
	return v.template(ctx, t)
}

func (v *View) template(ctx context.Context, t state.Template) (Template, error) {
	versions, err := v.store.TemplateVersions(ctx, t.Kind, t.Name)
	if err != nil {
		return Template{}, err
	}
	r := v.recommended()
	recommended, err := r.of(ctx, family{t.Kind, t.Name, 0})
	if err != nil {
		return Template{}, err
	}
	out := Template{
		Name: t.Name, ARN: v.arn(templateRef(t.Kind, t.Name)), DisplayName: t.DisplayName, Description: t.Description,
		RecommendedVersion: recommended.String(), CreatedAt: t.CreatedAt, LastModifiedAt: t.ModifiedAt,
		Kind: string(t.Kind), Repository: t.Repository, Versions: []TemplateVersion{},
	}
	if t.CustomerManaged {
		out.Provisioning = customerManaged
	}
	if t.NoPipeline {
		out.PipelineProvisioning = customerManaged
	}
	for _, tv := range versions {
		one, err := v.templateVersion(ctx, tv, r)
		if err != nil {
			return Template{}, err
		}
		one.Schema = ""
		out.Versions = append(out.Versions, one)
	}
	return out, nil
}

func (v *View) templateVersion(ctx context.Context, t state.TemplateVersion, r *recommended) (TemplateVersion, error) {
	minor, err := r.of(ctx, family{t.Kind, t.Name, t.Version.Major})
	if err != nil {
		return TemplateVersion{}, err
	}
	recommended, err := r.of(ctx, family{t.Kind, t.Name, 0})
	if err != nil {
		return TemplateVersion{}, err
	}
	out := TemplateVersion{
		TemplateName: t.Name, ARN: v.arn(templateRef(t.Kind, t.Name)) + ":" + t.Version.String(),
		MajorVersion: number(t.Version, t.Version.Major), MinorVersion: number(t.Version, t.Version.Minor),
		RecommendedMinorVersion: number(minor, minor.Minor), Status: string(t.Status), StatusMessage: t.Message,
		Description: t.Description, Schema: t.Schema, CreatedAt: t.CreatedAt, LastModifiedAt: t.ModifiedAt,
		ComponentSources: t.ComponentSources,
		Kind:             string(t.Kind), Version: t.Version.String(), Recommended: t.Version == recommended, Bundle: t.Bundle, Origin: originOf(t.Origin),
	}
	for _, c := range t.CompatibleEnvironments {
		out.CompatibleEnvironments = append(out.CompatibleEnvironments, compatible(c))
	}
	return out, nil
}

// compatible splits NAME:MAJOR.
func compatible(text string) CompatibleEnvironment {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == ':' {
			return CompatibleEnvironment{TemplateName: text[:i], MajorVersion: text[i+1:]}
		}
	}
	return CompatibleEnvironment{TemplateName: text}
}

// Templates lists the templates of a kind, or with an empty kind of both.
func (v *View) Templates(ctx context.Context, kind state.Kind) ([]Template, error) {
	kinds := []state.Kind{kind}
	if kind == "" {
		kinds = []state.Kind{state.KindEnvironment, state.KindService}
	}
	out := []Template{}
	for _, k := range kinds {
		found, err := v.store.Templates(ctx, k)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			one, err := v.template(ctx, t)
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
	}
	return out, nil
}

func (a *api) templates(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r, "kind")
	if err != nil {
		return nil, err
	}
	kind, err := kindOf(r.URL.Query().Get("kind"))
	if err != nil {
		return nil, err
	}
	all, err := a.view.Templates(r.Context(), kind)
	return pageOf(all, limit, after, func(t Template) string { return t.Kind + "/" + t.Name }), err
}

// kindOf reads the kind of a template; empty stays empty.
func kindOf(text string) (state.Kind, error) {
	switch kind := state.Kind(text); kind {
	case "", state.KindEnvironment, state.KindService:
		return kind, nil
	}
	return "", invalid("there are no templates of kind "+text, "say environment or service")
}

func (a *api) template(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	kind, err := kindOf(r.PathValue("kind"))
	if err != nil {
		return nil, err
	}
	return a.view.Template(r.Context(), kind, r.PathValue("name"))
}

// versionPath reads which version a path names.
func versionPath(r *http.Request) (state.Kind, string, state.Version, error) {
	kind, err := kindOf(r.PathValue("kind"))
	if err != nil {
		return "", "", state.Version{}, err
	}
	v, full, err := state.Follow(r.PathValue("version")).Parse()
	if err != nil || !full {
		return "", "", v, invalid("version "+r.PathValue("version")+" is not a full one", "write it as 1.0")
	}
	return kind, r.PathValue("name"), v, nil
}

func (a *api) templateVersion(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	kind, name, version, err := versionPath(r)
	if err != nil {
		return nil, err
	}
	t, err := a.Store.TemplateVersion(r.Context(), kind, name, version)
	if err != nil {
		return nil, err
	}
	return a.view.templateVersion(r.Context(), t, a.view.recommended())
}
