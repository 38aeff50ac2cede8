package proton

import (
	"context"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/state"
)

type environmentInput struct {
	Name          string            `json:"name"`
	TemplateName  string            `json:"templateName"`
	Description   *string           `json:"description"`
	Role          *string           `json:"protonServiceRoleArn"`
	CodebuildRole *string           `json:"codebuildRoleArn"`
	ComponentRole *string           `json:"componentRoleArn"`
	Connection    *string           `json:"environmentAccountConnectionId"`
	Repository    *repositoryBranch `json:"provisioningRepository"`
	Tags          []tag             `json:"tags"`
	update
}

func (h *Handler) createEnvironment(ctx context.Context, c caller, in environmentInput) (any, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	ref := state.EnvironmentRef(in.Name)
	done, err := h.madeBefore(ctx, ref, in)
	if err != nil || done {
		return h.answerEnvironment(ctx, in.Name, err)
	}
	if err := h.unclaimed(ctx, ref); err != nil {
		return nil, err
	}
	if err := h.roomFor(ctx, state.KindEnvironment); err != nil {
		return nil, err
	}
	v, err := h.choose(ctx, environmentTemplates(), in.TemplateName, in.Major, in.Minor)
	if err != nil {
		return nil, err
	}
	header := declare.Header{Template: in.TemplateName, Version: state.Follow(v.String()), Description: textOf(in.Description)}
	if err := h.provisioning(ctx, &header, in, false); err != nil {
		return nil, err
	}
	doc, err := h.document(ref, header, textOf(in.Spec))
	if err != nil {
		return nil, err
	}
	err = h.declare(ctx, reconciler.Statement{Actor: c.actor, Document: doc, Check: absent(ref)})
	if err == nil {
		err = h.made(ctx, ref, in, in.Tags)
	}
	return h.answerEnvironment(ctx, in.Name, err)
}

// answerEnvironment answers an environment as it is now, unless something went wrong.
func (h *Handler) answerEnvironment(ctx context.Context, name string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h.getEnvironment(ctx, caller{}, nameInput{Name: name})
}

// document puts a header and a spec together.
func (h *Handler) document(ref state.Ref, header declare.Header, spec string) (declare.Document, error) {
	doc, problems := declare.FromSpec(ref, header, spec)
	if problems.Failed() {
		return doc, problems
	}
	return doc, h.roomInService(len(doc.Instances))
}

// provisioning reads how an environment is provisioned: by roles, by those of a
// connection, or by pull requests. What is not given stays.
func (h *Handler) provisioning(ctx context.Context, to *declare.Header, in environmentInput, exists bool) error {
	for field, given := range map[*string]*string{&to.Role: in.Role, &to.CodebuildRole: in.CodebuildRole, &to.ComponentRole: in.ComponentRole} {
		if given != nil {
			*field = *given
		}
	}
	if in.Repository != nil {
		if in.Role != nil || in.Connection != nil {
			return invalid("an environment with a provisioningRepository is provisioned by pull requests; give it no protonServiceRoleArn and no environmentAccountConnectionId")
		}
		if err := h.linked(ctx, in.Repository); err != nil {
			return err
		}
		to.Repository = in.Repository.repository()
	}
	if in.Connection == nil {
		return nil
	}
	switch {
	case in.Role != nil:
		return invalid("protonServiceRoleArn and environmentAccountConnectionId exclude each other; the connection has roles of its own")
	case exists && to.Connection == "":
		return invalid("an environment that is provisioned with roles cannot change to an environment account connection")
	}
	v, err := h.findConnection(ctx, *in.Connection)
	if err != nil {
		return err
	}
	switch {
	case v.Status != connectionConnected:
		return conflict("environment account connection %s is %s; accept it first", v.ID, v.Status)
	case v.EnvironmentName != in.Name:
		return invalid("environment account connection %s is for the environment %s", v.ID, v.EnvironmentName)
	case exists && v.AccountID != to.Account:
		return invalid("environment account connection %s is of the account %s, and the environment is in %s", v.ID, v.AccountID, to.Account)
	}
	to.Connection, to.Account, to.Role, to.CodebuildRole, to.ComponentRole = v.ID, v.AccountID, v.Role, v.CodebuildRole, v.ComponentRole
	return nil
}

// headerOf is the header that says of a target what is wanted of it now.
func headerOf(d state.Desired, v state.Version) declare.Header {
	return declare.Header{
		Template: d.Template, Version: state.Follow(v.String()), Labels: d.Labels, Protected: d.Protected, Approval: d.Approval,
		Tags: d.Tags, Stack: d.Stack, Imports: d.Imports, ExternalID: d.ExternalID, Region: d.Region,
		Description: d.Description, Role: d.Role, CodebuildRole: d.CodebuildRole, ComponentRole: d.ComponentRole, Account: d.Account,
		RerunSafe: d.RerunSafe, Connection: d.Connection, Repository: d.Repository, Environment: d.Environment, Service: d.Service, Instance: d.Instance,
	}
}

func (h *Handler) updateEnvironment(ctx context.Context, c caller, in environmentInput) (any, error) {
	ref := state.EnvironmentRef(in.Name)
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return nil, err
	}
	by, err := h.changing(ctx, t)
	if err != nil {
		return nil, err
	}
	v, err := h.updated(ctx, environmentTemplates(), t.Desired.Template, wantedVersion(t), in.update)
	if err != nil {
		return nil, err
	}
	only := in.Role == nil && in.CodebuildRole == nil && in.ComponentRole == nil && in.Connection == nil && in.Repository == nil
	if in.DeploymentType == updateNone && !only {
		return nil, invalid("with deploymentType NONE nothing but the description can be changed")
	}
	if by == written {
		return h.answerEnvironment(ctx, in.Name, h.writeBackEnvironment(ctx, c, t, in, v))
	}
	if in.DeploymentType == updateNone {
		return h.answerEnvironment(ctx, in.Name, h.describe(ctx, c, by, t, in.Description))
	}
	header := headerOf(t.Desired, v)
	if in.Description != nil {
		header.Description = *in.Description
	}
	if err := h.provisioning(ctx, &header, in, true); err != nil {
		return nil, err
	}
	spec := t.Desired.Spec
	if in.Spec != nil {
		spec = *in.Spec
	}
	doc, err := h.document(ref, header, spec)
	if err != nil {
		return nil, err
	}
	return h.answerEnvironment(ctx, in.Name, h.declare(ctx, reconciler.Statement{Actor: c.actor, Document: doc, Only: by.only(ref), Also: deploy(c, "", ref), Check: still(ref)}))
}

// described refuses to change how something is described that a repository
// declares: a blocker would stop all of its sync for a word.
func described(ref state.Ref, o state.Owner) error {
	return conflict("how %s is described stands in %s; change it there, in Git", ref, o)
}

// describe changes the description of a target alone.
func (h *Handler) describe(ctx context.Context, c caller, by way, t state.Target, description *string) error {
	ref := t.Ref
	if description == nil || *description == t.Desired.Description {
		return nil
	}
	if by != taken {
		return described(ref, t.Owner)
	}
	return h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		t, err := tx.Target(ref)
		if err != nil {
			return err
		}
		t.Desired.Description = *description
		if err := tx.PutTarget(t); err != nil {
			return err
		}
		return tx.Audit(c.actor, "describe", ref, nil)
	})
}

func (h *Handler) deleteEnvironment(ctx context.Context, c caller, in nameInput) (any, error) {
	ref := state.EnvironmentRef(in.Name)
	t, err := h.cfg.Store.Target(ctx, ref)
	if isMissing(err) {
		return object{}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := h.withdraw(ctx, c, "DeleteEnvironment", t); err != nil {
		return nil, err
	}
	return h.gone(ctx, "environment", ref, func(t state.Target) (object, error) { return h.environment(ctx, t, false) })
}

// withdraw asks for the deletion of a target that nothing uses. One that is
// being deleted is left alone.
func (h *Handler) withdraw(ctx context.Context, c caller, call string, t state.Target) error {
	if status, _ := t.Shown(); status == state.DeleteInProgress {
		return nil
	}
	by, err := h.changing(ctx, t)
	if err != nil {
		return err
	}
	return h.undeclare(ctx, c, call, by, t.Ref, t.Desired.Deleted, func(tx *state.Tx) error {
		users, err := tx.Dependents(t.Ref)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return conflict("%s is used by %s; delete that first", t.Ref, users[0])
		}
		return still(t.Ref)(tx)
	})
}

// undeclare wants something gone. What its repository has taken out already is
// tried again where that failed, and waits for a person where the guard says so.
func (h *Handler) undeclare(ctx context.Context, c caller, call string, by way, ref state.Ref, gone bool, check func(*state.Tx) error) error {
	if by == written && !gone {
		return h.writeBack(ctx, reconciler.Amendment{Ref: ref, Actor: c.actor, Call: call, Gone: true}, reconciler.Terms{Check: check})
	}
	return h.cfg.Loop.Undeclare(ctx, reconciler.Withdrawal{Ref: ref, Actor: c.actor, Override: by == blocked, Git: by == written, Check: check})
}

// gone answers a target after its deletion was asked for; it may be gone by now.
func (h *Handler) gone(ctx context.Context, member string, ref state.Ref, view func(state.Target) (object, error)) (any, error) {
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	if err != nil || t.Desired.Deleted {
		if err := h.dropTags(ctx, ref.String()); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return object{}, nil //nolint:nilerr // it is gone, as was asked for
	}
	v, err := view(t)
	return object{member: v}, err
}
