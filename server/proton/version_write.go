package proton

import (
	"context"
	"slices"
	"strings"

	"baryon/state"
)

type templateInput struct {
	Name                 string  `json:"name"`
	DisplayName          *string `json:"displayName"`
	Description          *string `json:"description"`
	EncryptionKey        string  `json:"encryptionKey"`
	Provisioning         string  `json:"provisioning"`
	PipelineProvisioning string  `json:"pipelineProvisioning"`
	Tags                 []tag   `json:"tags"`
}

// createTemplate makes a template without versions. The same request again is no
// error, as long as nobody has changed what it made.
func (h *Handler) createTemplate(f family) operation {
	return on(func(ctx context.Context, c caller, in templateInput) (any, error) {
		if err := checkTags(in.Tags); err != nil {
			return nil, err
		}
		t := state.Template{
			Kind: f.kind, Name: in.Name, DisplayName: textOf(in.DisplayName), Description: textOf(in.Description), EncryptionKey: in.EncryptionKey,
			CustomerManaged: in.Provisioning != "", NoPipeline: in.PipelineProvisioning != "",
		}
		old, err := h.cfg.Store.Template(ctx, f.kind, in.Name)
		if err == nil {
			same := old
			same.CreatedAt, same.ModifiedAt, same.Repository = t.CreatedAt, t.ModifiedAt, ""
			if err := h.sameTemplate(ctx, f, in, same == t); err != nil {
				return nil, err
			}
			view, err := h.templateView(ctx, f, old, false)
			return object{f.member: view}, err
		}
		if !isMissing(err) {
			return nil, err
		}
		there, err := h.cfg.Store.NumberOfTemplates(ctx)
		if err := h.room("templates", there, err); err != nil {
			return nil, err
		}
		err = h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
			if err := tx.PutTemplate(t); err != nil {
				return err
			}
			if err := tx.PutRecord(createRecords, f.arn+in.Name, digestOf(in)); err != nil {
				return err
			}
			return tx.Audit(c.actor, "create", state.Ref{Kind: f.kind + "-template", Name: in.Name}, nil)
		})
		if err != nil {
			return nil, err
		}
		if err := h.setTags(ctx, f.arn+in.Name, in.Tags); err != nil {
			return nil, err
		}
		return h.answerTemplate(ctx, f, in.Name)
	})
}

// sameTemplate refuses to make a template that is there, unless it is the one
// that is asked for.
func (h *Handler) sameTemplate(ctx context.Context, f family, in templateInput, same bool) error {
	was, found, err := read[string](ctx, h, createRecords, f.arn+in.Name)
	switch {
	case err != nil:
		return err
	case found && was != digestOf(in):
		return invalid("%s template %s exists already, and was made by a request with other members (IdempotentParameterMismatch); "+
			"change it with an update, or choose another name", f.kind, in.Name)
	case same:
		return nil
	case found:
		return conflict("%s template %s exists already, and has been changed since it was made", f.kind, in.Name)
	}
	return conflict("%s template %s exists already, and is another one than is asked for", f.kind, in.Name)
}

func (h *Handler) answerTemplate(ctx context.Context, f family, name string) (any, error) {
	t, err := h.cfg.Store.Template(ctx, f.kind, name)
	if err != nil {
		return nil, err
	}
	view, err := h.templateView(ctx, f, t, false)
	return object{f.member: view}, err
}

// updateTemplate changes what a template is called.
func (h *Handler) updateTemplate(f family) operation {
	return on(func(ctx context.Context, c caller, in templateInput) (any, error) {
		t, err := h.cfg.Store.Template(ctx, f.kind, in.Name)
		if err != nil {
			return nil, err
		}
		if in.DisplayName != nil {
			t.DisplayName = *in.DisplayName
		}
		if in.Description != nil {
			t.Description = *in.Description
		}
		err = h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
			if err := tx.PutTemplate(t); err != nil {
				return err
			}
			return tx.Audit(c.actor, "update", state.Ref{Kind: f.kind + "-template", Name: in.Name}, nil)
		})
		if err != nil {
			return nil, err
		}
		return h.answerTemplate(ctx, f, in.Name)
	})
}

// deleteTemplate forgets a template that has no versions.
func (h *Handler) deleteTemplate(f family) operation {
	return on(func(ctx context.Context, c caller, in templateInput) (any, error) {
		t, err := h.cfg.Store.Template(ctx, f.kind, in.Name)
		if isMissing(err) {
			return object{}, nil
		}
		if err != nil {
			return nil, err
		}
		if _, err := h.syncConfig(ctx, state.SyncConfig{Kind: f.kind, Name: in.Name}); err == nil {
			return nil, conflict("template %s has a template sync configuration; delete that first", in.Name)
		} else if !isMissing(err) {
			return nil, err
		}
		if err := h.cfg.Store.RemoveTemplate(ctx, c.actor, f.kind, in.Name); err != nil {
			return nil, err
		}
		view, err := h.templateView(ctx, f, t, false)
		if err != nil {
			return nil, err
		}
		return object{f.member: view}, h.dropTags(ctx, f.arn+in.Name)
	})
}

type updateVersionInput struct {
	versionName
	Description *string           `json:"description"`
	Status      string            `json:"status"`
	Compatible  []compatibleInput `json:"compatibleEnvironmentTemplates"`
	Sources     *[]string         `json:"supportedComponentSources"`
}

// updateVersion publishes a version, or changes what may be changed of one.
func (h *Handler) updateVersion(f family) operation {
	return on(func(ctx context.Context, c caller, in updateVersionInput) (any, error) {
		number, err := in.version()
		if err != nil {
			return nil, err
		}
		verb := "update"
		if in.Status == string(state.Published) {
			verb = "publish"
		}
		var out state.TemplateVersion
		err = h.cfg.Store.ChangeVersion(ctx, c.actor, verb, f.kind, in.TemplateName, number, func(v *state.TemplateVersion) error {
			if err := in.apply(v); err != nil {
				return err
			}
			out = *v
			return nil
		})
		if err != nil {
			return nil, err
		}
		h.cfg.Wake()
		if out, err = h.cfg.Store.TemplateVersion(ctx, f.kind, in.TemplateName, number); err != nil {
			return nil, err
		}
		view, err := h.versionView(ctx, f, out, false)
		return object{f.versions: view}, err
	})
}

// apply makes the changes. The one move that a status can be asked to make is
// from DRAFT to PUBLISHED.
func (in updateVersionInput) apply(v *state.TemplateVersion) error {
	status := state.VersionStatus(in.Status)
	switch {
	case in.Status == "" || status == v.Status:
	case status == state.Published && v.Status == state.Draft:
		v.Status = state.Published
	case status == state.Published:
		return conflict("%s %s is %s (%s); only a DRAFT can be published", v.Name, v.Version, v.Status, v.Message)
	default:
		return invalid("a version cannot be made %s; the one status to ask for is PUBLISHED", in.Status)
	}
	if in.Description != nil {
		v.Description = *in.Description
	}
	if in.Compatible != nil {
		v.CompatibleEnvironments = compatibleNames(in.Compatible)
	}
	if in.Sources != nil {
		v.ComponentSources = *in.Sources
	}
	return nil
}

// deleteVersion forgets a version that nothing uses. A recommended one goes last.
func (h *Handler) deleteVersion(f family) operation {
	return on(func(ctx context.Context, c caller, in versionName) (any, error) {
		number, err := in.version()
		if err != nil {
			return object{}, nil
		}
		v, err := h.cfg.Store.TemplateVersion(ctx, f.kind, in.TemplateName, number)
		if isMissing(err) {
			return object{}, nil
		}
		if err != nil {
			return nil, err
		}
		if err := h.unused(ctx, f, v); err != nil {
			return nil, err
		}
		view, err := h.versionView(ctx, f, v, false)
		if err != nil {
			return nil, err
		}
		if err := h.cfg.Store.RemoveVersion(ctx, c.actor, f.kind, in.TemplateName, number); err != nil {
			return nil, err
		}
		return object{f.versions: view}, h.dropTags(ctx, f.arn+in.TemplateName+":"+number.String())
	})
}

// unused refuses to delete a version that is used, or recommended beside others.
func (h *Handler) unused(ctx context.Context, f family, v state.TemplateVersion) error {
	kinds := []state.Kind{state.KindEnvironment}
	if f.kind == state.KindService {
		kinds = []state.Kind{state.KindInstance, state.KindPipeline}
	}
	var user string
	for _, kind := range kinds {
		err := h.eachTarget(ctx, kind, func(t state.Target) error {
			if t.Desired.Template == v.Name && (t.Desired.Version == v.Version || t.Deployed.Version == v.Version) {
				user = t.Ref.String()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if user != "" {
		return conflict("%s %s is used by %s", v.Name, v.Version, user)
	}
	all, err := h.cfg.Store.TemplateVersions(ctx, f.kind, v.Name)
	if err != nil {
		return err
	}
	minor, err := h.cfg.Store.Recommended(ctx, f.kind, v.Name, v.Version.Major)
	if err != nil {
		return err
	}
	sameMajor := func(o state.TemplateVersion) bool {
		return o.Version.Major == v.Version.Major && o.Version != v.Version
	}
	if minor == v.Version && slices.ContainsFunc(all, sameMajor) {
		return conflict("%s %s is the recommended version of its major, which has others; delete those first", v.Name, v.Version)
	}
	major, err := h.cfg.Store.Recommended(ctx, f.kind, v.Name, 0)
	if err != nil {
		return err
	}
	if major == v.Version && slices.ContainsFunc(all, func(o state.TemplateVersion) bool { return o.Version.Major != v.Version.Major }) {
		return conflict("%s %s is the recommended version, and the template has other majors; delete those first", v.Name, v.Version)
	}
	return nil
}

// choose is the version that a creation asks for: of the major that is named, and
// with no minor named the recommended one.
func (h *Handler) choose(ctx context.Context, f family, template, major, minor string) (state.Version, error) {
	if _, err := h.cfg.Store.Template(ctx, f.kind, template); err != nil {
		return state.Version{}, err
	}
	if minor == "" {
		v, err := h.recommended(ctx, f, template, major)
		if err == nil && v.Major == 0 {
			err = invalid("template %s has no published version%s; publish one, or name a minor version", template, prefixed(" of major ", major))
		}
		return v, err
	}
	v, err := versionName{TemplateName: template, MajorVersion: major, MinorVersion: minor}.version()
	if err != nil {
		return v, err
	}
	row, err := h.cfg.Store.TemplateVersion(ctx, f.kind, template, v)
	if err == nil && !row.Status.Usable() {
		err = invalid("template %s %s cannot be used: it is %s", template, v, row.Status)
	}
	return v, err
}

func (h *Handler) recommended(ctx context.Context, f family, template, major string) (state.Version, error) {
	var n state.Version
	if major != "" {
		var err error
		if n, _, err = state.Follow(major).Parse(); err != nil {
			return n, missing("template %s has no major version %s", template, major)
		}
	}
	return h.cfg.Store.Recommended(ctx, f.kind, template, n.Major)
}

// An update says how something goes to a version, in Proton's words.
type update struct {
	DeploymentType string  `json:"deploymentType"`
	Spec           *string `json:"spec"`
	Major          string  `json:"templateMajorVersion"`
	Minor          string  `json:"templateMinorVersion"`
}

// The types of an update.
const (
	updateNone    = "NONE"
	updateCurrent = "CURRENT_VERSION"
	updateMinor   = "MINOR_VERSION"
	updateMajor   = "MAJOR_VERSION"
)

// version is the version that an update leads to.
func (h *Handler) updated(ctx context.Context, f family, template string, now state.Version, u update) (state.Version, error) {
	switch u.DeploymentType {
	case updateNone:
		if u.Spec != nil || u.Major+u.Minor != "" {
			return now, invalid("with deploymentType NONE nothing is deployed, so no spec and no version can be given")
		}
		return now, nil
	case updateCurrent:
		if u.Major+u.Minor != "" {
			return now, invalid("with deploymentType CURRENT_VERSION the version stays %s, so none can be given", now)
		}
		return now, nil
	case updateMinor:
		if u.Major != "" && u.Major != number(now.Major) {
			return now, invalid("with deploymentType MINOR_VERSION the major version stays %d; use MAJOR_VERSION to change it", now.Major)
		}
		return h.choose(ctx, f, template, number(now.Major), u.Minor)
	}
	if u.Minor != "" && u.Major == "" {
		return now, invalid("templateMinorVersion needs templateMajorVersion beside it")
	}
	v, err := h.choose(ctx, f, template, u.Major, u.Minor)
	if err == nil && v.Major <= now.Major {
		err = invalid("with deploymentType MAJOR_VERSION the major version must become higher than %d, and %s is not", now.Major, strings.TrimSpace(v.String()))
	}
	return v, err
}

// wantedVersion is the version that a target is to have.
func wantedVersion(t state.Target) state.Version {
	if t.Desired.Version.Major > 0 {
		return t.Desired.Version
	}
	return t.ShownVersion()
}
