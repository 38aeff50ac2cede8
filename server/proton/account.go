package proton

import (
	"context"

	"baryon/state"
)

// repositoryBranch is a place in a linked repository.
type repositoryBranch struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	Branch   string `json:"branch"`
}

func (b *repositoryBranch) repository() state.Repository {
	if b == nil {
		return state.Repository{}
	}
	return state.Repository{ID: b.Name, Branch: b.Branch, Provider: b.Provider}
}

// settings are Proton's AccountSettings as they are kept.
type settings struct {
	ServiceRole   string            `json:"serviceRole,omitempty"`
	CodebuildRole string            `json:"codebuildRole,omitempty"`
	Repository    *repositoryBranch `json:"repository,omitempty"`
}

const theAccount = state.TheAccount

func (h *Handler) settingsView(s settings) object {
	return object{"accountSettings": object{}.set("pipelineProvisioningRepository", h.branch(s.Repository.repository())).
		keep("pipelineServiceRoleArn", s.ServiceRole).keep("pipelineCodebuildRoleArn", s.CodebuildRole)}
}

// keep puts a member that is there even when it is empty.
func (o object) keep(name string, value any) object {
	o[name] = value
	return o
}

func (h *Handler) getSettings(ctx context.Context, _ caller, _ struct{}) (any, error) {
	s, _, err := read[settings](ctx, h, settingsRecords, theAccount)
	return h.settingsView(s), err
}

type updateSettingsInput struct {
	ServiceRole      *string           `json:"pipelineServiceRoleArn"`
	CodebuildRole    *string           `json:"pipelineCodebuildRoleArn"`
	Repository       *repositoryBranch `json:"pipelineProvisioningRepository"`
	DeleteRepository bool              `json:"deletePipelineProvisioningRepository"`
}

func (h *Handler) updateSettings(ctx context.Context, c caller, in updateSettingsInput) (any, error) {
	if in.DeleteRepository && in.Repository != nil {
		return nil, invalid("deletePipelineProvisioningRepository and pipelineProvisioningRepository ask for opposites; give one of them")
	}
	if err := h.linked(ctx, in.Repository); err != nil {
		return nil, err
	}
	var out settings
	err := change(ctx, h, c, settingsRecords, theAccount, "update-account-settings", "account-settings/"+theAccount, func(s settings, _ bool) (*settings, error) {
		if in.ServiceRole != nil {
			s.ServiceRole = *in.ServiceRole
		}
		if in.CodebuildRole != nil {
			s.CodebuildRole = *in.CodebuildRole
		}
		if in.Repository != nil || in.DeleteRepository {
			s.Repository = in.Repository
		}
		out = s
		return &s, nil
	})
	return h.settingsView(out), err
}

// counts are one line of GetResourcesSummary.
type counts struct{ total, failed, upToDate, behindMinor, behindMajor int }

func (n counts) view(staleness bool) object {
	o := object{"total": n.total, "failed": n.failed}
	if staleness {
		o["upToDate"], o["behindMinor"], o["behindMajor"] = n.upToDate, n.behindMinor, n.behindMajor
	}
	return o
}

// add counts things that are alike; the last two say which.
func (n *counts) add(many int, failed bool, staleness string) {
	n.total += many
	if failed {
		n.failed += many
	}
	switch staleness {
	case state.UpToDate:
		n.upToDate += many
	case state.BehindMinor:
		n.behindMinor += many
	case state.BehindMajor:
		n.behindMajor += many
	}
}

func (h *Handler) getResourcesSummary(ctx context.Context, _ caller, _ struct{}) (any, error) {
	all, err := h.cfg.Store.Tally(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]state.Version{}
	worst := map[string]string{} // of each service, how far the oldest of it is behind
	sums := map[state.Kind]*counts{state.KindEnvironment: {}, state.KindInstance: {}, state.KindPipeline: {}, state.KindComponent: {}}
	for _, t := range all {
		staleness := ""
		if t.Kind != state.KindComponent {
			if staleness, err = h.staleness(ctx, t.Kind, t.Template, t.Version, known); err != nil {
				return nil, err
			}
		}
		if s := t.Service; s != "" && (worst[s] == "" || worst[s] == state.UpToDate || staleness == state.BehindMajor) {
			worst[s] = staleness
		}
		sums[t.Kind].add(t.Targets, t.Status == state.Failed || t.Status == state.DeleteFailed, staleness)
	}
	out := object{}
	for kind, member := range map[state.Kind]string{
		state.KindEnvironment: "environments", state.KindInstance: "serviceInstances", state.KindPipeline: "pipelines", state.KindComponent: "components",
	} {
		out[member] = sums[kind].view(kind != state.KindComponent)
	}
	var n counts
	err = h.eachService(ctx, func(v state.Service) {
		switch v.Status {
		case state.ServiceActive, state.ServiceCreateInProgress, state.ServiceUpdateInProgress, state.ServiceDeleteInProgress:
			n.add(1, false, worst[v.Name])
		default:
			n.add(1, true, worst[v.Name])
		}
	})
	if err != nil {
		return nil, err
	}
	out["services"] = n.view(true)
	for _, f := range []family{environmentTemplates(), serviceTemplates()} {
		all, err := h.cfg.Store.Templates(ctx, f.kind)
		if err != nil {
			return nil, err
		}
		out[f.member+"s"] = object{"total": len(all)}
	}
	return object{"counts": out}, nil
}

func (h *Handler) eachTarget(ctx context.Context, kind state.Kind, fn func(state.Target) error) error {
	for f := (state.Filter{Kind: kind, Limit: 1000}); ; {
		page, err := h.cfg.Store.Targets(ctx, f)
		if err != nil {
			return err
		}
		for _, t := range page {
			if err := fn(t); err != nil {
				return err
			}
		}
		if len(page) < f.Limit {
			return nil
		}
		f.After = page[len(page)-1].Ref.String()
	}
}

func (h *Handler) eachService(ctx context.Context, fn func(state.Service)) error {
	const size = 1000
	for after := ""; ; {
		page, err := h.cfg.Store.Services(ctx, after, size)
		if err != nil {
			return err
		}
		for _, v := range page {
			fn(v)
		}
		if len(page) < size {
			return nil
		}
		after = page[len(page)-1].Name
	}
}
