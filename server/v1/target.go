package v1

import (
	"net/http"
	"time"

	"baryon/state"
)

// A Target is an environment, a service instance, a pipeline or a component.
// The first members are those of Proton, under Proton's names, with times as
// text; versions are those that are deployed, or before the first deployment
// those that will be.
type Target struct {
	Name                      string            `json:"name,omitempty"` // pipelines have none
	ARN                       string            `json:"arn"`
	ServiceName               string            `json:"serviceName,omitempty"`
	ServiceInstanceName       string            `json:"serviceInstanceName,omitempty"` // of a component
	EnvironmentName           string            `json:"environmentName,omitempty"`
	TemplateName              string            `json:"templateName,omitempty"`
	TemplateMajorVersion      string            `json:"templateMajorVersion"`
	TemplateMinorVersion      string            `json:"templateMinorVersion"`
	DeploymentStatus          string            `json:"deploymentStatus"` // of the last attempt; empty before the first
	DeploymentStatusMessage   string            `json:"deploymentStatusMessage"`
	Spec                      string            `json:"spec,omitempty"`
	Outputs                   map[string]string `json:"outputs"`
	CreatedAt                 time.Time         `json:"createdAt,omitzero"`
	LastModifiedAt            time.Time         `json:"lastModifiedAt,omitzero"`
	LastDeploymentAttemptedAt time.Time         `json:"lastDeploymentAttemptedAt,omitzero"`
	LastDeploymentSucceededAt time.Time         `json:"lastDeploymentSucceededAt,omitzero"`
	LastAttemptedDeploymentID string            `json:"lastAttemptedDeploymentId,omitempty"`
	LastSucceededDeploymentID string            `json:"lastSucceededDeploymentId,omitempty"`
	Role                      string            `json:"protonServiceRoleArn,omitempty"`
	CodebuildRole             string            `json:"codebuildRoleArn,omitempty"`
	ComponentRole             string            `json:"componentRoleArn,omitempty"`
	Account                   string            `json:"environmentAccountId,omitempty"`

	Ref                string            `json:"ref"`
	Kind               string            `json:"kind"`
	State              string            `json:"state"` // one of the states of Why
	Generation         int64             `json:"generation"`
	DeployedGeneration int64             `json:"deployedGeneration"`
	Follow             string            `json:"version,omitempty"` // what the document asks for
	DesiredVersion     string            `json:"desiredVersion,omitempty"`
	DeployedVersion    string            `json:"deployedVersion,omitempty"`
	RecommendedVersion string            `json:"recommendedVersion,omitempty"`
	Behind             string            `json:"behind,omitempty"` // BehindMinor or BehindMajor
	Why                Why               `json:"waiting"`
	Suspended          *Suspension       `json:"suspended,omitempty"`
	Sync               *Sync             `json:"sync,omitempty"` // service sync of an instance that an ops file names
	Held               *Hold             `json:"held,omitempty"` // by a rollback
	Owner              string            `json:"owner,omitempty"`
	Origin             *Origin           `json:"origin,omitempty"`
	Commit             string            `json:"deployedCommit,omitempty"`
	Labels             map[string]string `json:"labels,omitempty"`
	Protected          bool              `json:"protected,omitempty"`
	NeedsApproval      bool              `json:"needsApproval,omitempty"`
	Deleted            bool              `json:"deleted,omitempty"` // wanted gone
	Needs              []string          `json:"needs,omitempty"`
	Dependents         []string          `json:"dependents,omitempty"`

	Drift *Drift `json:"drift,omitempty"` // nil where drift was never looked for

	DeploymentsNewestFirst []Deployment `json:"deployments,omitempty"` // the last few
}

// Drift is how what is there differs from what was deployed, and how old that
// knowledge is.
type Drift struct {
	CheckedAt time.Time       `json:"checkedAt"`
	Failed    string          `json:"failed,omitempty"` // why the last check came to nothing
	Found     []state.Drifted `json:"found"`
}

func driftOf(t state.Target) *Drift {
	d := t.Observed.Drift
	if d.CheckedAt.IsZero() {
		return nil
	}
	if d.Found == nil {
		d.Found = []state.Drifted{}
	}
	return &Drift{CheckedAt: d.CheckedAt, Failed: d.Failed, Found: d.Found}
}

// How far a target is behind what is recommended.
const (
	BehindMinor = "minor"
	BehindMajor = "major"
)

// A Suspension is who stopped changes of a target, why and until when.
type Suspension struct {
	By    string    `json:"by,omitempty"`
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// A Hold is who holds a target at a past deployment, and why.
type Hold struct {
	Deployment string    `json:"deployment"`
	By         string    `json:"by"`
	Why        string    `json:"why,omitempty"`
	Since      time.Time `json:"since,omitzero"`
}

// String tells of the hold in a sentence.
func (h Hold) String() string {
	return "held at deployment " + h.Deployment + " by " + h.By + ": " + h.Why
}

// An Origin is where something was declared.
type Origin struct {
	Repository string `json:"repository,omitempty"`
	Commit     string `json:"commit,omitempty"`
	Path       string `json:"path,omitempty"`
	Line       int    `json:"line,omitempty"`
	Author     string `json:"author,omitempty"`
	Subject    string `json:"subject,omitempty"`
}

// targets lists the targets of a kind.
func (a *api) targets(kind state.Kind, filters ...string) serve {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		limit, after, err := paging(r, filters...)
		if err != nil {
			return nil, err
		}
		q := r.URL.Query()
		service := q.Get("service")
		if inPath := r.PathValue("service"); inPath != "" {
			service = inPath
		}
		found, err := a.Store.Targets(r.Context(), state.Filter{
			Kind: kind, Service: service, Environment: q.Get("environment"), Template: q.Get("template"),
			Status: state.Status(q.Get("status")), After: after, Limit: limit + 1,
		})
		if err != nil {
			return nil, err
		}
		page := cut(found, limit, func(t state.Target) string { return t.Ref.String() })
		items, err := a.view.views(r.Context(), page.Items, a.view.recommended())
		return Page[Target]{Items: items, Next: page.Next}, err
	}
}

// target reads one target.
func (a *api) target(ref func(*http.Request) state.Ref) serve {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		if err := allowQuery(r); err != nil {
			return nil, err
		}
		return a.view.Target(r.Context(), ref(r))
	}
}
