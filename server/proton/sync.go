package proton

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"baryon/state"
)

// syncRef names a sync configuration in the audit log and in messages.
func syncRef(c state.SyncConfig) state.Ref { return state.RepositoryRef(c.Repository()) }

// startSync writes a sync configuration: a new one, or in place of the one there is.
func (h *Handler) startSync(ctx context.Context, c caller, config state.SyncConfig, exists bool) error {
	if err := h.linked(ctx, &repositoryBranch{Provider: config.Provider, Name: config.Link, Branch: config.Branch}); err != nil {
		return err
	}
	if config.Path != "" && !fs.ValidPath(config.Path) {
		return invalid("%s leaves the repository; write a path from its root, without ..", config.Path)
	}
	if _, err := h.cfg.Settings().Linked(config.Provider, config.Link); err != nil {
		return invalid("%v", err)
	}
	old, err := h.syncConfig(ctx, config)
	switch {
	case isMissing(err) && exists:
		return err
	case err != nil && !isMissing(err):
		return err
	case err == nil && !exists && old != config:
		return conflict("%s has a sync configuration already, of %s on branch %s; update that one", config.Name, old.Link, old.Branch)
	case err == nil && !exists:
		return nil
	}
	err = h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if err := tx.PutSyncConfig(config, false); err != nil {
			return err
		}
		return tx.Audit(c.actor, "sync", syncRef(config), config)
	})
	h.cfg.Wake()
	return err
}

// endSync takes a sync configuration away. What it declared stays as it is.
func (h *Handler) endSync(ctx context.Context, c caller, config state.SyncConfig) (state.SyncConfig, bool, error) {
	old, err := h.syncConfig(ctx, config)
	if isMissing(err) {
		return old, false, nil
	}
	if err != nil {
		return old, false, err
	}
	err = h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if err := tx.PutSyncConfig(old, true); err != nil {
			return err
		}
		return tx.Audit(c.actor, "unsync", syncRef(old), nil)
	})
	h.cfg.Wake()
	return old, true, err
}

func (h *Handler) syncConfig(ctx context.Context, of state.SyncConfig) (state.SyncConfig, error) {
	c, _, err := h.cfg.Store.SyncConfig(ctx, of.Repository())
	if isMissing(err) {
		what := "template"
		if of.OfService() {
			what = "service"
		}
		return c, &state.NotFoundError{What: "a sync configuration of " + what + " " + of.Name}
	}
	return c, err
}

// revision is Proton's Revision.
func (h *Handler) revision(ctx context.Context, r state.Revision) object {
	o := object{"repositoryName": r.Repository, "repositoryProvider": "GITHUB", "branch": r.Branch, "directory": r.Path, "sha": r.Commit}
	if c, _, err := h.cfg.Store.SyncConfig(ctx, r.Repository); err == nil {
		o["repositoryName"], o["repositoryProvider"] = c.Link, c.Provider
		if !c.OfService() {
			o["directory"] = path.Join(c.Path, r.Path)
		}
	}
	return o
}

func syncEvents(events []state.SyncEvent) []object {
	out := make([]object, 0, len(events))
	for _, e := range events {
		out = append(out, object{"type": e.Type, "event": e.Text, "time": stamp(e.At)})
	}
	return out
}

// syncStatus is the answer to a question about one thing that is synced: the
// latest attempt, the latest that came to something, and what it is to be.
func (h *Handler) syncStatus(ctx context.Context, subject, target string, desired state.Revision) (object, error) {
	out := object{}
	for member, status := range map[string]state.SyncStatus{"latestSync": "", "latestSuccessfulSync": state.SyncSucceeded} {
		found, err := h.cfg.Store.SyncAttempts(ctx, subject, status, 1)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			continue
		}
		a := found[0]
		if a.Initial == (state.Revision{}) {
			a.Initial = a.Target // the member is required, also of a first attempt
		}
		out[member] = object{
			"status": string(a.Status), "startedAt": stamp(a.StartedAt), "target": target, "events": syncEvents(a.Events),
			"initialRevision": h.revision(ctx, a.Initial), "targetRevision": h.revision(ctx, a.Target),
		}
		if desired == (state.Revision{}) {
			desired = a.Target
		}
		desired.Path = a.Target.Path
	}
	if desired.Commit != "" {
		out["desiredState"] = h.revision(ctx, desired)
	}
	return out, nil
}

type templateSyncStatusInput struct {
	TemplateName string `json:"templateName"`
	TemplateType string `json:"templateType"`
	Major        string `json:"templateVersion"`
}

func (h *Handler) getTemplateSyncStatus(ctx context.Context, _ caller, in templateSyncStatusInput) (any, error) {
	f := familyOf(in.TemplateType)
	t, err := h.cfg.Store.Template(ctx, f.kind, in.TemplateName)
	if err != nil {
		return nil, err
	}
	of := state.SyncConfig{Kind: f.kind, Name: in.TemplateName}
	if t.Repository == "" {
		if _, err := h.syncConfig(ctx, of); err != nil {
			return nil, err
		}
		t.Repository = of.Repository()
	}
	var desired state.Revision
	if s, err := h.cfg.Store.Sync(ctx, t.Repository); err == nil {
		desired = state.Revision{Repository: t.Repository, Branch: s.Branch, Commit: s.Commit}
	} else if !isMissing(err) {
		return nil, err
	}
	tail := f.arn + in.TemplateName + ":" + in.Major
	return h.syncStatus(ctx, tail, h.arn(tail), desired)
}

type instanceSyncInput struct {
	ServiceName string `json:"serviceName"`
	Instance    string `json:"serviceInstanceName"`
}

func (h *Handler) getInstanceSyncStatus(ctx context.Context, _ caller, in instanceSyncInput) (any, error) {
	if _, err := h.cfg.Store.Service(ctx, in.ServiceName); err != nil {
		return nil, err
	}
	ref := state.InstanceRef(in.ServiceName, in.Instance)
	attempts, err := h.cfg.Store.SyncAttempts(ctx, ref.String(), "", 1)
	if err == nil && len(attempts) == 0 {
		if _, err := h.cfg.Store.Target(ctx, ref); err != nil {
			return nil, err
		}
		return nil, missing("%s is not synced: no ops file names it", ref)
	}
	if err != nil {
		return nil, err
	}
	return h.syncStatus(ctx, ref.String(), h.arn(ref.String()), state.Revision{})
}

type repositorySyncInput struct {
	Provider string `json:"repositoryProvider"`
	Name     string `json:"repositoryName"`
	Branch   string `json:"branch"`
	Type     string `json:"syncType"`
	paging
}

// configsOf are the sync configurations of a type that read a linked repository.
func (h *Handler) configsOf(ctx context.Context, in repositorySyncInput) ([]state.SyncConfig, error) {
	if err := h.linked(ctx, &repositoryBranch{Provider: in.Provider, Name: in.Name}); err != nil {
		return nil, err
	}
	all, err := h.cfg.Store.SyncConfigs(ctx)
	return slices.DeleteFunc(all, func(c state.SyncConfig) bool {
		return c.Provider != in.Provider || c.Link != in.Name || in.Branch != "" && c.Branch != in.Branch || c.OfService() != (in.Type == "SERVICE_SYNC")
	}), err
}

// getRepositorySyncStatus answers the latest attempt to read a branch of a
// repository. A configuration that was never read is INITIATED.
func (h *Handler) getRepositorySyncStatus(ctx context.Context, _ caller, in repositorySyncInput) (any, error) {
	configs, err := h.configsOf(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(configs) == 0 {
		return nil, missing("no %s configuration reads branch %s of %s", in.Type, in.Branch, in.Name)
	}
	var latest state.SyncAttempt
	for _, c := range configs {
		_, written, err := h.cfg.Store.SyncConfig(ctx, c.Repository())
		if err != nil {
			return nil, err
		}
		a := state.SyncAttempt{Status: "INITIATED", StartedAt: written.ModifiedAt}
		found, err := h.cfg.Store.SyncAttempts(ctx, syncRef(c).String(), "", 1)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 && !found[0].StartedAt.Before(written.ModifiedAt) {
			a = found[0]
		}
		a.Events = append([]state.SyncEvent{configured(written.ModifiedAt, c)}, a.Events...)
		if !a.StartedAt.Before(latest.StartedAt) {
			latest = a
		}
	}
	return object{"latestSync": object{"status": string(latest.Status), "startedAt": stamp(latest.StartedAt), "events": syncEvents(latest.Events)}}, nil
}

func configured(at time.Time, c state.SyncConfig) state.SyncEvent {
	return state.SyncEvent{At: at, Type: "CONFIG_UPDATED", Text: "Sync of " + c.Name + " from branch " + c.Branch + " configured"}
}

// listSyncDefinitions answers what a repository is read for.
func (h *Handler) listSyncDefinitions(ctx context.Context, _ caller, in repositorySyncInput) (any, error) {
	configs, err := h.configsOf(ctx, in)
	if err != nil {
		return nil, err
	}
	in.MaxResults = defaultPage
	return answerAll(in.paging, listOf("ListRepositorySyncDefinitions", []string{in.Provider, in.Name, in.Type}), "syncDefinitions", configs,
		state.SyncConfig.Repository, func(c state.SyncConfig) (object, error) {
			parent, target := in.Name, "service/"+c.Name
			if !c.OfService() {
				target = string(c.Kind) + "-template/" + c.Name
			}
			directory := c.Path
			if c.OfService() {
				if directory = ""; strings.Contains(c.Path, "/") {
					directory = c.Path[:strings.LastIndex(c.Path, "/")]
				}
			}
			return object{"branch": c.Branch, "directory": directory, "parent": parent, "target": target}, nil
		})
}
