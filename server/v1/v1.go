// Package v1 is Baryon's own JSON interface, for what AWS Proton never had:
// why something waits, logs while they grow, sources, approvals. It knows the
// shapes on the wire and both of their sides: Handler serves them from a
// store, Client asks for them.
//
// It refuses to know listeners, logins and what is done about a request: a
// verb is written down in the store, the loop is woken, and that is all.
//
// # Resources
//
// Names are those of AWS Proton. TARGET stands for environments/NAME,
// services/SERVICE/instances/NAME, services/SERVICE/pipeline or
// components/NAME; KIND of a template for environment or service. Unknown
// query parameters and unknown members of a body are errors.
//
//	GET  /v1/status                        everything as a tree, with what needs attention
//	GET  /v1/version                       version, commit, clock
//	GET  /v1/environments                  ?template= ?status=            a page of targets
//	GET  /v1/services                                                     a page of services
//	GET  /v1/services/SERVICE              a service with its instances and pipeline
//	GET  /v1/instances                     ?service= ?environment= ?template= ?status=
//	GET  /v1/services/SERVICE/instances    ?environment= ?template= ?status=
//	GET  /v1/pipelines                     ?service= ?template= ?status=
//	GET  /v1/components                    ?environment= ?status=
//	GET  /v1/TARGET                        one target: outputs, why, needs, dependents, last deployments
//	POST /v1/TARGET/VERB                   retry redeploy approve reject override suspend resume cancel abandon retain delete
//	GET  /v1/plan                          ?ref=                          what would change now, and why, with the rendered diff
//	GET  /v1/TARGET/plan                   the same for one target; also services/SERVICE/plan
//	GET  /v1/TARGET/rendered               ?version=                      what would be applied, with this or another version
//	GET  /v1/TARGET/blame                  ?path= ?file=                  where a value of that comes from
//	POST /v1/plan                          ?repository=                   what a folder, a zip archive, would change if it were pushed
//	GET  /v1/why?ref=REF                   why nothing happens to REF, and what would change that
//	GET  /v1/deployments                   ?ref=                          newest first
//	GET  /v1/deployments/ID                one deployment
//	GET  /v1/deployments/ID/diff           ?from=ID                       what it applied, against what was deployed before it or another
//	GET  /v1/TARGET/rollback               ?to=ID                         what POST /v1/TARGET/rollback {"deployment": ID} would change
//	GET  /v1/deployments/ID/log            ?from=OFFSET ?follow=1 ?plain=1
//	GET  /v1/templates                     ?kind=
//	GET  /v1/templates/KIND/NAME           one template with its versions
//	GET  /v1/templates/KIND/NAME/versions/VERSION
//	GET  /v1/templates/KIND/NAME/versions/VERSION/bundle                  its files, a zip archive
//	POST /v1/templates/KIND/NAME/versions/VERSION/publish
//	POST /v1/templates/NAME/versions       ?major= ?description= ?compatible=   a bundle, application/gzip, as its next version
//	GET  /v1/repositories                  where each repository stands
//	GET  /v1/repositories/NAME
//	POST /v1/repositories/NAME/sync        look at it now
//	POST /v1/sync                          look at all of them now
//	GET  /v1/sources                       ?repository= ?verdict=         every file with what it came to
//	GET  /v1/blockers                      ?service= ?instance= ?status=  what stops service sync
//	GET  /v1/pulls                         ?all=true             changes that wait to be merged
//	POST /v1/blockers/ID/resolve           let it go on, and undo what was changed by hand
//	GET  /v1/policies                      ?ref=                          policies over changes, and whether changes are made now
//	GET  /v1/audit                         ?ref=                          who did what, newest first
//	GET  /v1/events                        ?ref=                          changes of status, newest first, for a day
//	GET  /v1/destinations                  who is told of them, and what each has not taken yet
//	GET  /v1/keys                          keys for the Proton API, without their secrets
//	POST /v1/keys                          {"why": "...", "role": "...", "policies": [...]}: a new one
//	POST /v1/keys/ID/revoke                ends one
//
// Lists take ?limit= (1 to 1000, 100 when absent) and ?after=, which is the
// next of the page before. They answer {"items": [...], "next": "..."}; next
// is absent on the last page.
//
// A POST carries application/json: {"why": "..."}, for suspend also
// {"until": TIME}, or nothing at all. The header Baryon-Actor says who asks.
// What was asked for is done by the loop soon after, so the answer is 202 with
// the target as it stands.
//
// A log is the bytes that the engine's commands wrote. Baryon-Log-Next is the
// offset after them. With follow=1 the answer goes on until the deployment has
// ended; asked for as text/event-stream it is a series of events whose data is
// a JSON string and whose id is the offset to go on from (Last-Event-ID is
// understood), with a comment every 15 seconds, and at the end an event "end"
// with the status. With plain=1 terminal sequences are left out.
//
// An error is {"error": {"code", "message", "next"}}; next says what to do
// about it and may be absent. Codes and their HTTP status are in error.go.
package v1

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"baryon/reconciler"
	"baryon/server/access"
	"baryon/state"
)

// Config is what the Handler needs. Store and Wake are required.
type Config struct {
	Store *state.Store
	Wake  func()                 // tells the loop that something was asked for
	ARN   func(state.Ref) string // resource names; nil for us-east-1 and account 000000000000
	Setup func() Setup           // what the daemon says of itself; may be nil
	Done  <-chan struct{}        // closed when streams are to end; may be nil
	Loop  *reconciler.Reconciler // plans; may be nil
	// Permit says whether the caller of a request may take an action on something;
	// nil lets everybody do everything.
	Permit func(r *http.Request, action, tail string) error
	// Proved is what the caller of a request was proved to be, besides the name in
	// the header: role:NAME, key:ID, the name of the key. It may be nil.
	Proved   func(r *http.Request) ([]string, error)
	Policies func() map[string]access.Policy // of the configuration; may be nil
	Log      *zap.Logger
}

// A Setup is what a daemon tells of itself and its configuration.
type Setup struct {
	Version       string         `json:"version"`
	Commit        string         `json:"commit,omitempty"`
	Go            string         `json:"go,omitempty"`
	StartedAt     time.Time      `json:"startedAt,omitzero"`
	Now           time.Time      `json:"now,omitzero"` // the daemon's clock
	Configuration *Configuration `json:"configuration,omitempty"`
}

// A Configuration says which file is in force, and what is wrong with a newer
// version of it that is not.
type Configuration struct {
	File     string    `json:"file,omitempty"`
	LoadedAt time.Time `json:"loadedAt,omitzero"`
	Problems []string  `json:"problems,omitempty"` // why the file as it is now was ignored
	Pending  []string  `json:"pending,omitempty"`  // what takes effect with the next start
}

// api serves the resources.
type api struct {
	Config
	view *View
}

// Handler serves /v1/. It checks no login: whoever mounts it does.
func Handler(cfg Config) (http.Handler, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("v1: Config.Store is required")
	case cfg.Wake == nil:
		return nil, errors.New("v1: Config.Wake is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	a := &api{Config: cfg, view: NewView(cfg.Store, cfg.ARN)}
	mux := http.NewServeMux()
	for pattern, serve := range a.routes() {
		mux.Handle(pattern, a.answer(func(w http.ResponseWriter, r *http.Request) (any, error) {
			if err := a.permit(pattern, r); err != nil {
				return nil, err
			}
			return serve(w, r)
		}))
	}
	mux.Handle("/v1/", a.answer(func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return nil, &Error{Code: CodeNotFound, Message: r.Method + " " + r.URL.Path + " is nothing of /v1", Next: "see go doc baryon/server/v1, or docs/api.md"}
	}))
	return mux, nil
}

// A serve answers one request: with a value that becomes JSON, with an error,
// or with nil when it has written the answer itself.
type serve func(w http.ResponseWriter, r *http.Request) (any, error)

func (a *api) routes() map[string]serve {
	routes := map[string]serve{
		"GET /v1/status":                                     a.status,
		"GET /v1/version":                                    a.version,
		"GET /v1/environments":                               a.targets(state.KindEnvironment, "template", "status"),
		"GET /v1/instances":                                  a.targets(state.KindInstance, "service", "environment", "template", "status"),
		"GET /v1/services/{service}/instances":               a.targets(state.KindInstance, "environment", "template", "status"),
		"GET /v1/pipelines":                                  a.targets(state.KindPipeline, "service", "template", "status"),
		"GET /v1/components":                                 a.targets(state.KindComponent, "environment", "status"),
		"GET /v1/services":                                   a.services,
		"GET /v1/services/{service}":                         a.service,
		"GET /v1/blockers":                                   a.blockers,
		"GET /v1/pulls":                                      a.pulls,
		"POST /v1/blockers/{id}/resolve":                     a.unblock,
		"GET /v1/plan":                                       a.plan,
		"POST /v1/plan":                                      a.planFolder,
		"GET /v1/services/{service}/plan":                    a.planTarget(func(r *http.Request) state.Ref { return state.ServiceRef(r.PathValue("service")) }),
		"GET /v1/why":                                        a.why,
		"GET /v1/deployments":                                a.deployments,
		"GET /v1/deployments/{id}":                           a.deployment,
		"GET /v1/deployments/{id}/diff":                      a.diff,
		"GET /v1/deployments/{id}/log":                       a.log,
		"GET /v1/templates":                                  a.templates,
		"GET /v1/templates/{kind}/{name}":                    a.template,
		"GET /v1/templates/{kind}/{name}/versions/{version}": a.templateVersion,
		"POST /v1/templates/{name}/versions":                 a.upload,
		"POST /v1/templates/{kind}/{name}/versions/{version}/publish": a.publish,
		"GET /v1/templates/{kind}/{name}/versions/{version}/bundle":   a.bundle,
		"GET /v1/repositories":              a.repositories,
		"GET /v1/repositories/{name}":       a.repository,
		"POST /v1/repositories/{name}/sync": a.sync,
		"POST /v1/sync":                     a.syncAll,
		"GET /v1/sources":                   a.sources,
		"GET /v1/audit":                     a.audit,
		"GET /v1/policies":                  a.changePolicies,
		"GET /v1/keys":                      a.keys,
		"GET /v1/events":                    a.events,
		"GET /v1/destinations":              a.destinations,
		"POST /v1/keys":                     a.createKey,
		"POST /v1/keys/{id}/revoke":         a.revokeKey,
	}
	routes["POST /v1/services/{service}/{verb}"] = a.verb(func(r *http.Request) state.Ref { return state.ServiceRef(r.PathValue("service")) })
	for place, ref := range places() {
		routes["GET /v1/"+place] = a.target(ref)
		routes["GET /v1/"+place+"/rollback"] = a.planRollback(ref)
		routes["GET /v1/"+place+"/plan"] = a.planTarget(ref)
		routes["GET /v1/"+place+"/rendered"] = a.rendered(ref)
		routes["GET /v1/"+place+"/blame"] = a.blame(ref)
		routes["POST /v1/"+place+"/{verb}"] = a.verb(ref)
	}
	return routes
}

// places are the paths of targets, with how each is read.
func places() map[string]func(*http.Request) state.Ref {
	return map[string]func(*http.Request) state.Ref{
		"environments/{name}": func(r *http.Request) state.Ref { return state.EnvironmentRef(r.PathValue("name")) },
		"services/{service}/instances/{name}": func(r *http.Request) state.Ref {
			return state.InstanceRef(r.PathValue("service"), r.PathValue("name"))
		},
		"services/{service}/pipeline": func(r *http.Request) state.Ref { return state.PipelineRef(r.PathValue("service")) },
		"components/{name}":           func(r *http.Request) state.Ref { return state.ComponentRef(r.PathValue("name")) },
	}
}

// Path is where one thing is, below /v1/ and among the pages alike.
func Path(ref state.Ref) string {
	switch ref.Kind {
	case state.KindInstance:
		return "services/" + ref.Service + "/instances/" + ref.Name
	case state.KindPipeline:
		return "services/" + ref.Service + "/pipeline"
	case state.KindRepository:
		return "repositories/" + ref.Name
	default:
		return string(ref.Kind) + "s/" + ref.Name
	}
}

// answer turns what a serve returns into a response.
func (a *api) answer(serve serve) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, err := serve(w, r)
		switch {
		case err != nil:
			e := AsError(err)
			if e.Code == CodeInternal && r.Context().Err() == nil {
				a.Log.Error("request failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
			}
			WriteError(w, e)
		case value != nil:
			status := http.StatusOK
			if r.Method == http.MethodPost {
				status = http.StatusAccepted
			}
			writeJSON(w, status, value)
		}
	})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // only a programming error: all shapes are plain data
		status, text = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer is not JSON"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may have gone
}

func (a *api) version(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	return a.setup(), nil
}

func (a *api) setup() Setup {
	if a.Setup == nil {
		return Setup{Now: time.Now().UTC()}
	}
	s := a.Setup()
	s.Now = time.Now().UTC()
	return s
}
