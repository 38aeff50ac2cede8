package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap"

	"baryon/state"
)

// ActorHeader says who asks.
const ActorHeader = "Baryon-Actor"

// A Request is the body of a POST.
type Request struct {
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"` // for suspend

	Deployment string `json:"deployment,omitempty"` // for rollback: where to

	Stack   string            `json:"stack,omitempty"`   // for adopt: a name, or * for by tags; empty takes the request back
	Imports map[string]string `json:"imports,omitempty"` // for adopt: resources by logical ID what identifies them, or "*"

	Resources []string `json:"resources,omitempty"` // for skip and force: what is left alone

	Role     string   `json:"role,omitempty"` // of a new key: what it is good for
	Policies []string `json:"policies,omitempty"`
}

const (
	maxBody = 64 << 10
	maxWhy  = 1000
)

// Verbs are what can be asked of a target.
const (
	Retry    = "retry"
	Redeploy = "redeploy"
	Approve  = "approve"
	Reject   = "reject"
	Suspend  = "suspend"
	Resume   = "resume"
	Cancel   = "cancel"
	Abandon  = "abandon"
	Retain   = "retain"
	Delete   = "delete"

	ForceDelete = "force-delete"
	Rollback    = "rollback"
	Skip        = "skip"
	Force       = "force"
	Adopt       = "adopt"
	Override    = "override"
)

var stackRule = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9]{0,127}$`)

// leftRule is what is left alone: that, or an address of Terraform. They are kept
// divided by commas, so that no key may hold one.
var leftRule = regexp.MustCompile(`^[\pL\pN_]([\pL\pN._*-]|\[("([^"\\,]|\\[^,])*"|\d+)\]){0,254}$`)

var resourceRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)

// ask calls the verb of the store; false when there is no such verb.
func (a *api) ask(r *http.Request, verb string, actor state.Actor, ref state.Ref, body Request) (bool, error) {
	ctx := r.Context()
	switch verb {
	case Retry:
		return true, a.Store.Retry(ctx, actor, ref, body.Why)
	case Redeploy:
		return true, a.Store.Redeploy(ctx, actor, ref, body.Why)
	case Approve:
		as, err := a.proved(r)
		if err != nil {
			return true, err
		}
		return true, a.Store.Approve(ctx, actor, ref, body.Why, as...)
	case Override:
		as, err := a.proved(r)
		if err != nil {
			return true, err
		}
		return true, a.Store.Override(ctx, actor, ref, body.Why, as...)
	case Reject:
		return true, a.Store.Reject(ctx, actor, ref, body.Why)
	case Suspend:
		return true, a.Store.Suspend(ctx, actor, ref, body.Why, body.Until)
	case Resume:
		return true, a.Store.Resume(ctx, actor, ref, body.Why)
	case Cancel:
		if a.Loop != nil {
			return true, a.Loop.Cancel(ctx, actor, ref, body.Why)
		}
		return true, a.Store.Cancel(ctx, actor, ref, body.Why)
	case Abandon:
		return true, a.Store.Abandon(ctx, actor, ref, body.Why)
	case Retain:
		return true, a.Store.Retain(ctx, actor, ref, body.Why)
	case Delete:
		return true, a.Store.Delete(ctx, actor, ref, body.Why)
	case Rollback:
		return true, a.rollback(ctx, actor, ref, body)
	case Adopt:
		if len(body.Imports) > 0 {
			return true, a.Store.Import(ctx, actor, ref, body.Why, body.Imports)
		}
		return true, a.Store.Adopt(ctx, actor, ref, body.Why, body.Stack)
	case Skip:
		if len(body.Resources) == 0 {
			return true, invalid("skip needs the resources that are left alone", `give {"resources": ["ID"]}`)
		}
		return true, a.Store.Skip(ctx, actor, ref, body.Why, body.Resources)
	case Force:
		return true, a.Store.Force(ctx, person(actor), ref, body.Why, body.Resources)
	case ForceDelete:
		return true, a.Store.ForceDelete(ctx, person(actor), ref, body.Why)
	}
	return false, nil
}

// proved is what the caller was proved to be.
func (a *api) proved(r *http.Request) ([]string, error) {
	if a.Proved == nil {
		return nil, nil
	}
	return a.Proved(r)
}

// rollback holds a target at a past deployment, the one before what is deployed
// when none is named.
func (a *api) rollback(ctx context.Context, actor state.Actor, ref state.Ref, body Request) error {
	if !ref.Deployable() {
		return a.view.notDeployable(ctx, ref)
	}
	if body.Why == "" {
		return invalid("a rollback needs a reason", `give {"why": "..."}`)
	}
	if body.Deployment == "" {
		d, err := a.Store.RollbackTarget(ctx, ref)
		if err != nil {
			return err
		}
		body.Deployment = d.ID
	}
	return a.Store.Rollback(ctx, actor, ref, body.Deployment, body.Why)
}

// person is who asks, where somebody said so.
func person(actor state.Actor) state.Actor {
	if actor == nobody {
		return ""
	}
	return actor
}

// verb writes down what was asked of a target, or of all targets of a service,
// and wakes the loop.
func (a *api) verb(refOf func(*http.Request) state.Ref) serve {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		verb, ref := r.PathValue("verb"), refOf(r)
		actor, body, err := asked(w, r)
		if err != nil {
			return nil, err
		}
		switch {
		case verb == Suspend && body.Why == "":
			return nil, invalid("a suspension needs a reason", `give {"why": "..."}`)
		case verb != Rollback && body.Deployment != "":
			return nil, invalid("deployment is for rollback alone", "leave it out")
		case verb != Skip && verb != Force && len(body.Resources) > 0:
			return nil, invalid("resources are for skip and force alone", "leave them out")
		case verb != Adopt && (body.Stack != "" || len(body.Imports) > 0):
			return nil, invalid("stack and imports are for adopt alone", "leave them out")
		case body.Stack != "" && len(body.Imports) > 0:
			return nil, invalid("a stack that is taken over as it is takes nothing in", "give stack or imports, and the imports after the stack was taken over")
		case badImport(body.Imports) != "":
			return nil, invalid(fmt.Sprintf("import %q: want a resource's logical ID and what identifies it", badImport(body.Imports)),
				`give {"imports": {"Bucket": "NAME"}}, or {"imports": {"*": ""}}`)
		case body.Stack != "" && body.Stack != state.AdoptByTags && !stackRule.MatchString(body.Stack):
			return nil, invalid(fmt.Sprintf("stack %q: want the name of a stack", body.Stack), "a letter first, then letters, digits and dashes; or * to find it by its tags")
		case slices.ContainsFunc(body.Resources, func(id string) bool { return !leftRule.MatchString(id) }):
			return nil, invalid(fmt.Sprintf("resources %q: want the logical IDs of resources, as Topic or Nested.Topic, or addresses of Terraform without a comma", body.Resources),
				"see: baryon why NAME")
		case verb != Suspend && !body.Until.IsZero():
			return nil, invalid("until is for suspend alone", "leave it out")
		case verb == Suspend && !body.Until.IsZero() && !body.Until.After(time.Now()):
			return nil, invalid("until is "+body.Until.UTC().Format(time.RFC3339)+", which has passed", "give a time to come")
		}
		known, err := a.ask(r, verb, actor, ref, body)
		if !known {
			return nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no verb %q", verb),
				Next: "use one of retry, redeploy, approve, reject, suspend, resume, cancel, abandon, retain, delete, force-delete, rollback, skip, force, adopt, override"}
		}
		if others, ok := errors.AsType[*state.ForbiddenError](err); ok {
			err = errors.Join(err, a.denied(r.Context(), actor, verb, ref, others))
		}
		if err != nil {
			return nil, err
		}
		a.Wake()
		a.Log.Info("asked", zap.String("verb", verb), zap.Stringer("ref", ref), zap.String("actor", string(actor)))
		return a.outcome(r.Context(), ref)
	}
}

// badImport names an import that cannot be one.
func badImport(imports map[string]string) string {
	for id, by := range imports {
		if existing := id == state.ImportExisting; existing != (by == "") || !existing && !resourceRule.MatchString(id) {
			return id
		}
	}
	return ""
}

// denied notes that somebody asked for what others have to allow.
func (a *api) denied(ctx context.Context, actor state.Actor, verb string, ref state.Ref, why *state.ForbiddenError) error {
	a.Log.Warn("denied", zap.String("verb", verb), zap.Stringer("ref", ref), zap.String("actor", string(actor)))
	return a.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		return tx.Audit(actor, "denied", ref, map[string]string{"action": verb, "why": why.Why})
	})
}

// outcome is what was asked about, as it is by now: it may be gone.
func (a *api) outcome(ctx context.Context, ref state.Ref) (any, error) {
	if ref.Kind == state.KindService {
		v, err := a.view.Service(ctx, ref.Name)
		if isNotFound(err) {
			return Service{Name: ref.Name, Ref: ref.String(), Instances: []Target{}, Deleted: true}, nil
		}
		return v, err
	}
	t, err := a.view.Target(ctx, ref)
	if isNotFound(err) {
		return Target{Name: ref.Name, Ref: ref.String(), Kind: string(ref.Kind), State: Gone}, nil
	}
	return t, err
}

// publish moves a draft version to PUBLISHED.
func (a *api) publish(w http.ResponseWriter, r *http.Request) (any, error) {
	kind, name, version, err := versionPath(r)
	if err != nil {
		return nil, err
	}
	actor, _, err := asked(w, r)
	if err != nil {
		return nil, err
	}
	if err := a.Store.Publish(r.Context(), actor, kind, name, version); err != nil {
		return nil, err
	}
	a.Wake()
	a.Log.Info("asked", zap.String("verb", "publish"), zap.String("template", name),
		zap.Stringer("version", version), zap.String("actor", string(actor)))
	t, err := a.Store.TemplateVersion(r.Context(), kind, name, version)
	if err != nil {
		return nil, err
	}
	return a.view.templateVersion(r.Context(), t, a.view.recommended())
}

// sync makes one repository due now.
func (a *api) sync(w http.ResponseWriter, r *http.Request) (any, error) {
	if _, _, err := asked(w, r); err != nil {
		return nil, err
	}
	s, err := a.Store.Sync(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	if err := a.Store.Wake(r.Context(), state.RepositoryRef(s.Name)); err != nil {
		return nil, err
	}
	a.Wake()
	return repositoryOf(s), nil
}

// syncAll makes all repositories due now.
func (a *api) syncAll(w http.ResponseWriter, r *http.Request) (any, error) {
	if _, _, err := asked(w, r); err != nil {
		return nil, err
	}
	all, err := a.view.Repositories(r.Context())
	if err != nil {
		return nil, err
	}
	var refs []state.Ref
	for _, one := range all {
		if !one.Gone {
			refs = append(refs, state.RepositoryRef(one.Name))
		}
	}
	if err := a.Store.Wake(r.Context(), refs...); err != nil {
		return nil, err
	}
	a.Wake()
	return Page[Repository]{Items: all}, nil
}

// asked reads who asks for what, from a request that no other site can have
// made a browser send: that takes the content type of JSON.
func asked(w http.ResponseWriter, r *http.Request) (state.Actor, Request, error) {
	var body Request
	if err := allowQuery(r); err != nil {
		return "", body, err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return "", body, err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return "", body, invalid("the content type is not application/json", `send the header Content-Type: application/json`)
	}
	if len(data) > 0 {
		if err := decode(data, &body); err != nil {
			return "", body, err
		}
	}
	if body.Why = strings.TrimSpace(body.Why); len(body.Why) > maxWhy {
		return "", body, invalid(fmt.Sprintf("the reason has %d bytes", len(body.Why)), fmt.Sprintf("keep it under %d", maxWhy))
	}
	return actorOf(r), body, nil
}

func decode(data []byte, body *Request) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	err := d.Decode(body)
	if err == nil && d.Decode(&struct{}{}) != io.EOF {
		err = errors.New("more than one value")
	}
	if err != nil {
		return invalid("the body cannot be read: "+err.Error(), `give {"why": "..."}, for suspend also "until" as 2006-01-02T15:04:05Z`)
	}
	return nil
}

// nobody stands for whoever asks and gives no name.
const nobody = state.Nobody

// actorOf is who the request says asks. It is a claim, good for telling people
// apart, not for deciding what they may do.
func actorOf(r *http.Request) state.Actor {
	name := strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, r.Header.Get(ActorHeader))
	if name = strings.TrimSpace(name); name == string(state.ActorGit) || name == string(state.ActorLoop) {
		name = "somebody called " + name // these two names are the daemon's own
	}
	if name == "" {
		return nobody
	}
	if runes := []rune(name); len(runes) > 200 {
		name = string(runes[:200])
	}
	return state.Actor(name)
}
