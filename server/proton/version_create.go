package proton

import (
	"context"
	"strconv"
	"strings"

	"baryon/state"
)

type createVersionInput struct {
	TemplateName string `json:"templateName"`
	MajorVersion string `json:"majorVersion"`
	Description  string `json:"description"`
	ClientToken  string `json:"clientToken"`
	Source       struct {
		S3 struct {
			Bucket string `json:"bucket"`
			Key    string `json:"key"`
		} `json:"s3"`
	} `json:"source"`
	Compatible []compatibleInput `json:"compatibleEnvironmentTemplates"`
	Sources    []string          `json:"supportedComponentSources"`
	Tags       []tag             `json:"tags"`
}

type compatibleInput struct {
	TemplateName string `json:"templateName"`
	MajorVersion string `json:"majorVersion"`
}

// compatibleNames are the environment templates of a list, as NAME:MAJOR.
func compatibleNames(list []compatibleInput) []string {
	names := make([]string, 0, len(list))
	for _, e := range list {
		names = append(names, e.TemplateName+":"+e.MajorVersion)
	}
	return names
}

// createVersion gives a bundle in S3 its number: without a major the first minor
// of a new one. The loop fetches and checks it.
func (h *Handler) createVersion(f family) operation {
	return on(func(ctx context.Context, c caller, in createVersionInput) (any, error) {
		if err := checkTags(in.Tags); err != nil {
			return nil, err
		}
		if in.Source.S3.Bucket == "" || in.Source.S3.Key == "" {
			return nil, invalid("source is not given; name the object that holds the bundle as {\"s3\": {\"bucket\": \"B\", \"key\": \"K\"}}")
		}
		v := state.TemplateVersion{
			Kind: f.kind, Name: in.TemplateName, Description: in.Description,
			Source: state.Source{Bucket: in.Source.S3.Bucket, Key: in.Source.S3.Key}, Origin: state.Origin{Author: string(c.actor)},
		}
		if f.kind == state.KindService {
			v.CompatibleEnvironments, v.ComponentSources = compatibleNames(in.Compatible), in.Sources
			if len(in.Compatible) == 0 {
				return nil, invalid("compatibleEnvironmentTemplates is empty; name at least one environment template that instances can run in")
			}
			if err := h.compatibleExist(ctx, in.Compatible); err != nil {
				return nil, err
			}
		}
		if in.MajorVersion != "" {
			major, err := strconv.ParseInt(in.MajorVersion, 10, 64)
			if err != nil || major == 0 {
				return nil, missing("template %s has no major version %s", in.TemplateName, in.MajorVersion)
			}
			v.Version.Major = major
		}
		there, err := h.cfg.Store.NumberOfVersions(ctx, f.kind, in.TemplateName)
		if err := h.room("versions of "+in.TemplateName, there, err); err != nil {
			return nil, err
		}
		made, err := h.enrol(ctx, c, f, in, v)
		if err != nil {
			return nil, err
		}
		h.cfg.Wake()
		major, minor, _ := strings.Cut(made, ".")
		number, err := versionName{TemplateName: in.TemplateName, MajorVersion: major, MinorVersion: minor}.version()
		if err != nil {
			return nil, err
		}
		if err := h.setTags(ctx, f.arn+in.TemplateName+":"+made, in.Tags); err != nil {
			return nil, err
		}
		row, err := h.cfg.Store.TemplateVersion(ctx, f.kind, in.TemplateName, number)
		if err != nil {
			return nil, err
		}
		view, err := h.versionView(ctx, f, row, false)
		return object{f.versions: view}, err
	})
}

// compatibleExist refuses environment templates that are not there.
func (h *Handler) compatibleExist(ctx context.Context, list []compatibleInput) error {
	for _, e := range list {
		versions, err := h.cfg.Store.TemplateVersions(ctx, state.KindEnvironment, e.TemplateName)
		if err != nil {
			return err
		}
		found := false
		for _, v := range versions {
			found = found || number(v.Version.Major) == e.MajorVersion
		}
		if !found {
			return invalid("the environment template %s has no major version %s, so nothing can be compatible with it; create that first", e.TemplateName, e.MajorVersion)
		}
	}
	return nil
}

// enrol enrols a version, once for each client token, and gives its number.
func (h *Handler) enrol(ctx context.Context, c caller, f family, in createVersionInput, v state.TemplateVersion) (made string, err error) {
	token := in.ClientToken
	in.ClientToken = ""
	err = h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		made, err = onceIn(tx, "CreateTemplateVersion "+f.arn+in.TemplateName, token, in, func() (string, error) {
			enrolled, err := tx.Enrol(v)
			if err != nil {
				return "", err
			}
			ref := state.VersionRef(f.kind, v.Name, enrolled.Version)
			return enrolled.Version.String(), tx.Audit(c.actor, "create", ref, nil)
		})
		return err
	})
	return made, err
}
