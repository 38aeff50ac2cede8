package v1

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/renderer"
	"baryon/state"
)

// A Plan is what would change now.
type Plan struct {
	Changes    bool              `json:"changes"` // something that is wanted is not deployed
	Counts     PlanCounts        `json:"counts"`
	Items      []Proposal        `json:"items"`                // what changes or waits; the rest is counted
	Repository string            `json:"repository,omitempty"` // whose contents the folder was taken for
	Problems   renderer.Problems `json:"problems,omitempty"`   // what of the folder is refused, and warnings
}

// PlanCounts are how many targets would see which change.
type PlanCounts struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Delete    int `json:"delete"`
	Waiting   int `json:"waiting"` // of those above and others: nothing happens before something else does
	Failing   int `json:"failing"` // cannot be rendered
	Unchanged int `json:"unchanged"`
}

// A Proposal is what would happen to one target, and why.
type Proposal struct {
	Ref        string            `json:"ref"`
	Kind       string            `json:"kind"`
	Action     string            `json:"action"` // create, update, delete, forget, record or none
	Pending    bool              `json:"pending"`
	Reason     string            `json:"reason,omitempty"`
	Waiting    *Wait             `json:"waiting,omitempty"`
	Problem    string            `json:"problem,omitempty"` // why it cannot be rendered
	Template   string            `json:"templateName,omitempty"`
	Version    string            `json:"version,omitempty"`
	Before     string            `json:"versionBefore,omitempty"`
	Generation int64             `json:"generation"`
	Engine     string            `json:"engine,omitempty"`
	Origin     *Origin           `json:"origin,omitempty"`
	RollbackTo string            `json:"rollbackTo,omitempty"` // the deployment that is gone back to
	UnderWay   string            `json:"underWay,omitempty"`   // the open deployment, which goes first
	Assumed    []state.Ref       `json:"assumed,omitempty"`    // not deployed yet: placeholders stand for its outputs
	Dependents []state.Ref       `json:"dependents,omitempty"` // looked at again afterwards
	Policies   []string          `json:"policies,omitempty"`   // what policies will have against it, as far as the files tell
	Diff       []reconciler.Diff `json:"diff"`
}

// A Wait is what a target waits for.
type Wait struct {
	Reason string `json:"reason"`
	On     string `json:"on,omitempty"`
	Why    string `json:"why,omitempty"`
	Next   string `json:"next,omitempty"`
}

// PlanOf is the shape of proposals. All that are unchanged are counted and left
// out, unless there is only one.
func PlanOf(proposals []reconciler.Proposal) Plan {
	plan := Plan{Items: []Proposal{}}
	for _, p := range proposals {
		one := proposalOf(p)
		plan.Changes = plan.Changes || one.Pending
		if one.Waiting != nil {
			plan.Counts.Waiting++
		}
		switch {
		case one.Problem != "":
			plan.Counts.Failing++
		case !one.Pending:
			plan.Counts.Unchanged++
			if one.Waiting == nil && one.UnderWay == "" && len(proposals) > 1 {
				continue
			}
		case one.Action == string(state.Create):
			plan.Counts.Create++
		case one.Action == string(state.Update):
			plan.Counts.Update++
		default:
			plan.Counts.Delete++
		}
		plan.Items = append(plan.Items, one)
	}
	return plan
}

// PreviewOf is the shape of a preview.
func PreviewOf(p reconciler.Preview) Plan {
	plan := PlanOf(p.Proposals)
	plan.Repository, plan.Problems = p.Repository, p.Problems
	return plan
}

func proposalOf(p reconciler.Proposal) Proposal {
	t := p.Target
	out := Proposal{
		Ref: t.Ref.String(), Kind: string(t.Ref.Kind), Pending: p.Pending, Reason: p.Change.Reason, Problem: p.Problem,
		Template: t.Desired.Template, Version: t.Desired.Version.String(), Before: t.Deployed.Version.String(), Generation: t.Generation,
		Engine: p.Engine, Origin: originOf(t.Desired.Origin), UnderWay: p.UnderWay,
		Assumed: p.Assumed, Dependents: p.Dependents, Diff: p.Diffs, Policies: p.Policies,
	}
	if out.Diff == nil {
		out.Diff = []reconciler.Diff{}
	}
	if w := p.Change.Waiting; w.Reason != "" {
		out.Waiting = &Wait{Reason: string(w.Reason), On: w.On, Why: w.Why, Next: w.Next}
	}
	out.Action = actionOf(p)
	if h := t.Desired.Held; h != nil {
		out.RollbackTo = h.Deployment
	}
	if p.Change.Step == reconciler.Refuse {
		out.Reason = "" // it is the problem, said below
	}
	return out
}

// actionOf is what is done now, or would be once nothing stands in the way.
func actionOf(p reconciler.Proposal) string {
	switch {
	case p.Change.Step == reconciler.Forget, p.Change.Step == reconciler.Record:
		return string(p.Change.Step)
	case p.Change.Action != "":
		return string(p.Change.Action)
	case !p.Pending:
		return "none"
	case p.Target.Desired.Deleted:
		return string(state.Delete)
	case p.Target.Deployed.Deployment == "":
		return string(state.Create)
	default:
		return string(state.Update)
	}
}

// plan answers for all targets, or for one with ?ref=.
func (a *api) plan(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "ref"); err != nil {
		return nil, err
	}
	ref, err := refQuery(r)
	if err != nil {
		return nil, err
	}
	if ref.Kind != "" {
		return a.planOf(r.Context(), ref)
	}
	if a.Loop == nil {
		return nil, noLoop()
	}
	all, err := a.Loop.Proposals(r.Context(), nil, nil)
	if err != nil {
		return nil, err
	}
	return PlanOf(all), nil
}

// planTarget answers for the target of a path.
func (a *api) planTarget(ref func(*http.Request) state.Ref) serve {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		if err := allowQuery(r); err != nil {
			return nil, err
		}
		return a.planOf(r.Context(), ref(r))
	}
}

// planOf plans one target, or all of a service.
func (a *api) planOf(ctx context.Context, ref state.Ref) (Plan, error) {
	if a.Loop == nil {
		return Plan{}, noLoop()
	}
	if ref.Kind == state.KindService {
		if _, err := a.Store.Service(ctx, ref.Name); err != nil {
			return Plan{}, err
		}
		all, err := a.Loop.Proposals(ctx, nil, func(t state.Target) bool { return t.Ref.Service == ref.Name })
		return PlanOf(all), err
	}
	if !ref.Deployable() {
		return Plan{}, a.view.notDeployable(ctx, ref)
	}
	p, err := a.Loop.Propose(ctx, ref, nil)
	return PlanOf([]reconciler.Proposal{p}), err
}

// planRollback answers what going back to a deployment would change; with no
// ?to= to the one before what is deployed.
func (a *api) planRollback(refOf func(*http.Request) state.Ref) serve {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		if err := allowQuery(r, "to"); err != nil {
			return nil, err
		}
		if a.Loop == nil {
			return nil, noLoop()
		}
		p, err := a.Loop.ProposeRollback(r.Context(), refOf(r), r.URL.Query().Get("to"))
		if err != nil {
			return nil, err
		}
		return PlanOf([]reconciler.Proposal{p}), nil
	}
}

// diff answers how what a deployment applied differs from what was deployed
// before it, or with ?from= from what another deployment applied.
func (a *api) diff(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "from"); err != nil {
		return nil, err
	}
	if a.Loop == nil {
		return nil, noLoop()
	}
	newer, err := a.Store.Deployment(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	out := Comparison{To: newer.ID, Ref: newer.Ref.String()}
	var older *state.Deployment
	if out.From = r.URL.Query().Get("from"); out.From != "" {
		d, err := a.Store.Deployment(r.Context(), out.From)
		if err != nil {
			return nil, err
		}
		older = &d
	} else {
		out.From = newer.Before.Deployment
	}
	out.Diff, err = a.Loop.DiffDeployments(r.Context(), older, newer)
	return out, err
}

// A Comparison is how what two deployments applied differs.
type Comparison struct {
	Ref  string            `json:"ref"`
	From string            `json:"from,omitempty"` // empty when nothing was deployed before
	To   string            `json:"to"`
	Diff []reconciler.Diff `json:"diff"`
}

func noLoop() error {
	return &Error{Code: CodeUnavailable, Message: "this daemon cannot plan", Next: "ask one that reconciles"}
}

// Bounds of a folder that is planned.
const (
	maxFolder        = 8 << 20
	maxFolderContent = 64 << 20
	maxFolderFiles   = 20_000
)

// planFolder plans what would change if a folder were pushed: the content of a
// repository, as a zip archive. Nothing of it is kept.
func (a *api) planFolder(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "repository"); err != nil {
		return nil, err
	}
	if a.Loop == nil {
		return nil, noLoop()
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != zipType {
		return nil, invalid("the content type is not "+zipType, "send the files of the folder as a zip archive")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFolder))
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, invalid("the body is not a zip archive: "+err.Error(), "")
	}
	var size uint64
	for _, f := range archive.File {
		size += f.UncompressedSize64
	}
	if size > maxFolderContent || len(archive.File) > maxFolderFiles {
		return nil, &Error{Code: CodeTooLarge, Message: fmt.Sprintf("the folder holds %d files of %d bytes", len(archive.File), size),
			Next: fmt.Sprintf("at most %d of %d are taken; name the folder that the repository's path names", maxFolderFiles, maxFolderContent)}
	}
	preview, err := a.Loop.Preview(r.Context(), gitsource.NewFolder(archive), r.URL.Query().Get("repository"), nil)
	if err != nil {
		return nil, err
	}
	writeJSON(w, http.StatusOK, PreviewOf(preview))
	return nil, nil
}

const zipType = "application/zip"

// PlanFolder asks what would change if a folder, given as a zip archive, were
// pushed to a repository. An empty name is for the only one there is.
func (c *Client) PlanFolder(ctx context.Context, repository string, archive []byte) (p Plan, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answerWithin)
	defer cancel()
	query := url.Values{}
	if repository != "" {
		query.Set("repository", repository)
	}
	err = c.do(ctx, http.MethodPost, "plan", query, &content{zipType, archive}, &p)
	return p, err
}
