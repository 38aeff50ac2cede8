package proton

import (
	"context"
	"strings"

	"baryon/state"
)

// A family is one of the two kinds of template, with the words of its operations.
type family struct {
	kind     state.Kind
	member   string // of the body that holds one
	versions string // of the body that holds a version
	arn      string // what its resource names begin with
}

func environmentTemplates() family {
	return family{state.KindEnvironment, "environmentTemplate", "environmentTemplateVersion", "environment-template/"}
}

func serviceTemplates() family {
	return family{state.KindService, "serviceTemplate", "serviceTemplateVersion", "service-template/"}
}

// template reads a template; one that is not there, because whatever named it
// came first, is empty.
func (h *Handler) template(ctx context.Context, kind state.Kind, name string) (state.Template, error) {
	t, err := h.cfg.Store.Template(ctx, kind, name)
	if isMissing(err) {
		return state.Template{}, nil
	}
	return t, err
}

// templateView is Proton's EnvironmentTemplate or ServiceTemplate; a summary
// leaves the key out.
func (h *Handler) templateView(ctx context.Context, f family, t state.Template, summary bool) (object, error) {
	recommended, err := h.cfg.Store.Recommended(ctx, f.kind, t.Name, 0)
	if err != nil {
		return nil, err
	}
	o := object{}.set("name", t.Name).set("arn", h.arn(f.arn+t.Name)).set("createdAt", t.CreatedAt).set("lastModifiedAt", t.ModifiedAt).
		set("description", t.Description).set("displayName", t.DisplayName).set("recommendedVersion", recommended.String())
	switch {
	case t.CustomerManaged:
		o["provisioning"] = customerManaged
	case t.NoPipeline:
		o["pipelineProvisioning"] = customerManaged
	}
	if summary {
		return o, nil
	}
	return o.set("encryptionKey", t.EncryptionKey), nil
}

func (h *Handler) getTemplate(f family) operation {
	return on(func(ctx context.Context, _ caller, in nameInput) (any, error) {
		t, err := h.cfg.Store.Template(ctx, f.kind, in.Name)
		if err != nil {
			return nil, err
		}
		view, err := h.templateView(ctx, f, t, false)
		return object{f.member: view}, err
	})
}

func (h *Handler) listTemplates(f family) operation {
	return on(func(ctx context.Context, _ caller, in struct{ paging }) (any, error) {
		all, err := h.cfg.Store.Templates(ctx, f.kind)
		if err != nil {
			return nil, err
		}
		return answerAll(in.paging, listOf("templates", f.arn), "templates", all, func(t state.Template) string { return t.Name },
			func(t state.Template) (object, error) { return h.templateView(ctx, f, t, true) })
	})
}

type versionName struct {
	TemplateName string `json:"templateName"`
	MajorVersion string `json:"majorVersion"`
	MinorVersion string `json:"minorVersion"`
}

// version is the number; the model has checked that its parts are numbers.
func (n versionName) version() (state.Version, error) {
	v, _, err := state.Follow(n.MajorVersion + "." + n.MinorVersion).Parse()
	if err != nil {
		return v, missing("template %s has no version %s.%s", n.TemplateName, n.MajorVersion, n.MinorVersion)
	}
	return v, nil
}

// versionView is Proton's EnvironmentTemplateVersion or ServiceTemplateVersion.
func (h *Handler) versionView(ctx context.Context, f family, v state.TemplateVersion, summary bool) (object, error) {
	recommended, err := h.cfg.Store.Recommended(ctx, f.kind, v.Name, v.Version.Major)
	if err != nil {
		return nil, err
	}
	o := object{}.set("templateName", v.Name).set("arn", h.arn(f.arn+v.Name+":"+v.Version.String())).
		set("majorVersion", number(v.Version.Major)).set("minorVersion", number(v.Version.Minor)).
		set("status", string(v.Status)).set("statusMessage", v.Message).set("description", v.Description).
		set("createdAt", v.CreatedAt).set("lastModifiedAt", v.ModifiedAt)
	if recommended.Major > 0 {
		o["recommendedMinorVersion"] = number(recommended.Minor)
	}
	if summary {
		return o, nil
	}
	o.set("schema", v.Schema)
	if f.kind == state.KindService {
		compatible := []object{}
		for _, one := range v.CompatibleEnvironments {
			name, major, _ := strings.Cut(one, ":")
			compatible = append(compatible, object{"templateName": name, "majorVersion": major})
		}
		o["compatibleEnvironmentTemplates"] = compatible
		if len(v.ComponentSources) > 0 {
			o["supportedComponentSources"] = v.ComponentSources
		}
	}
	return o, nil
}

func (h *Handler) getVersion(f family) operation {
	return on(func(ctx context.Context, _ caller, in versionName) (any, error) {
		number, err := in.version()
		if err != nil {
			return nil, err
		}
		v, err := h.cfg.Store.TemplateVersion(ctx, f.kind, in.TemplateName, number)
		if err != nil {
			return nil, err
		}
		view, err := h.versionView(ctx, f, v, false)
		return object{f.versions: view}, err
	})
}

type listVersionsInput struct {
	paging
	TemplateName string `json:"templateName"`
	MajorVersion string `json:"majorVersion"`
}

// listVersions answers the versions of a template, or of one major of it,
// lowest number first.
func (h *Handler) listVersions(f family) operation {
	return on(func(ctx context.Context, _ caller, in listVersionsInput) (any, error) {
		if _, err := h.cfg.Store.Template(ctx, f.kind, in.TemplateName); err != nil {
			return nil, err
		}
		all, err := h.cfg.Store.TemplateVersions(ctx, f.kind, in.TemplateName)
		if err != nil {
			return nil, err
		}
		var found []state.TemplateVersion
		for _, v := range all {
			if in.MajorVersion == "" || in.MajorVersion == number(v.Version.Major) {
				found = append(found, v)
			}
		}
		key := func(v state.TemplateVersion) string { return padded(v.Version.Major) + padded(v.Version.Minor) }
		return answerAll(in.paging, listOf("versions", []string{f.arn, in.TemplateName, in.MajorVersion}), "templateVersions", found, key,
			func(v state.TemplateVersion) (object, error) { return h.versionView(ctx, f, v, true) })
	})
}

// padded writes a number so that texts order as numbers do.
func padded(n int64) string {
	text := number(n)
	return strings.Repeat("0", max(0, 20-len(text))) + text
}
