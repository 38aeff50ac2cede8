package declare

import (
	"unicode/utf8"

	"baryon/renderer"
	"baryon/state"
)

// Header is what the key baryon of a document says. Which fields are used
// depends on what is declared.
type Header struct {
	Template string                  `json:"template,omitempty"`
	Version  state.Follow            `json:"version,omitempty"`
	Pins     map[string]state.Follow `json:"pins,omitempty"` // service: by instance

	Labels      map[string]string `json:"labels,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"` // on stacks, besides Proton's
	Protected   bool              `json:"protected,omitempty"`
	Approval    bool              `json:"approval,omitempty"`
	Adopt       bool              `json:"adopt,omitempty"`
	Description string            `json:"description,omitempty"`

	Role          string `json:"role,omitempty"` // environment
	CodebuildRole string `json:"codebuildRole,omitempty"`
	ComponentRole string `json:"componentRole,omitempty"`
	ExternalID    string `json:"externalId,omitempty"` // shown to take on the roles
	Account       string `json:"account,omitempty"`
	Region        string `json:"region,omitempty"`
	RerunSafe     bool   `json:"rerunSafe,omitempty"`

	Health *Health `json:"health,omitempty"`

	Stack string `json:"stack,omitempty"` // environment, component: the running stack that is taken over
	// Stacks are those of a service: by instance, and that of its pipeline.
	Stacks        map[string]string `json:"stacks,omitempty"`
	PipelineStack string            `json:"pipelineStack,omitempty"`
	// Imports are resources that the stack takes in, as in state.Desired. Those of a
	// service are by instance, and those of its pipeline.
	Imports         map[string]string            `json:"imports,omitempty"`
	InstanceImports map[string]map[string]string `json:"instanceImports,omitempty"`
	PipelineImports map[string]string            `json:"pipelineImports,omitempty"`
	Connection      string                       `json:"connection,omitempty"` // of the API: the environment account connection

	// Repository is where pull requests go (environment: ID and Branch), or the
	// source repository of a service.
	Repository state.Repository `json:"repository,omitzero"`

	Environment string `json:"environment,omitempty"` // component
	Service     string `json:"service,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Files       string `json:"files,omitempty"` // the folder of a component's files, from the root of the tree
}

// common are the keys that every header may have.
var common = []string{"labels", "tags", "protected", "approval", "adopt", "description"}

func (x *docReader) environmentHeader(n *renderer.Node) {
	h := &x.doc.Header
	x.header(n, "the header of an environment", "environment", "template", "version", "role", "codebuildRole",
		"componentRole", "externalId", "account", "region", "repository", "rerun", "stack", "imports", "health")
	h.Stack, h.Imports, h.Health = x.stack(n.Get("stack")), x.imports(n.Get("imports")), x.health(n.Get("health"))
	x.doc.Ref = state.EnvironmentRef(x.name(x.need(n, "the header", "environment"), "the name of an environment"))
	x.template(n)
	for key, field := range map[string]*string{"role": &h.Role, "codebuildRole": &h.CodebuildRole, "componentRole": &h.ComponentRole} {
		*field = x.word(n.Get(key), key, 2048)
	}
	h.Account, h.Region, h.ExternalID = x.account(n.Get("account")), x.region(n.Get("region")), x.externalID(n.Get("externalId"))
	h.RerunSafe = x.OneOf(n.Get("rerun"), "rerun", "safe") == "safe"
	if repository := n.Get("repository"); x.Mapping(repository, "repository", "name", "branch") {
		h.Repository = state.Repository{
			ID:     x.word(x.need(repository, "repository", "name"), "the name of a repository", 100),
			Branch: x.branch(x.need(repository, "repository", "branch")),
		}
	}
}

func (x *docReader) serviceHeader(n *renderer.Node) {
	h := &x.doc.Header
	x.header(n, "the header of a service", "service", "template", "version", "pins", "repository", "stacks", "pipelineStack", "imports", "pipelineImports",
		"health")
	h.Health = x.serviceHealth(n.Get("health"))
	h.PipelineStack, h.Stacks = x.stack(n.Get("pipelineStack")), x.stacks(n.Get("stacks"))
	h.InstanceImports, h.PipelineImports = x.instanceImports(n.Get("imports")), x.imports(n.Get("pipelineImports"))
	x.doc.Ref = state.ServiceRef(x.name(x.need(n, "the header", "service"), "the name of a service"))
	x.template(n)
	if repository := n.Get("repository"); x.Mapping(repository, "repository", "id", "branch", "connection") {
		h.Repository = state.Repository{
			ID:         x.word(x.need(repository, "repository", "id"), "the id of a repository", 200),
			Branch:     x.branch(x.need(repository, "repository", "branch")),
			Connection: x.word(repository.Get("connection"), "connection", 512),
		}
	}
	pins := n.Get("pins")
	if pins == nil || pins.Null() {
		return
	}
	if pins.Kind != renderer.Mapping {
		x.Add(pins.Problem("pins must be a mapping", pins.Describe(), `instance: "version"`, ""))
		return
	}
	h.Pins = map[string]state.Follow{}
	for _, p := range pins.Pairs {
		x.doc.At["pins."+p.Key.Text] = positionOf(p.Value)
		h.Pins[p.Key.Text] = x.version(p.Value)
	}
}

// header checks the keys of a header and reads the common ones.
func (x *docReader) header(n *renderer.Node, what string, keys ...string) {
	x.Mapping(n, what, append(keys, common...)...)
	h := &x.doc.Header
	h.Protected = x.Bool(n.Get("protected"), "protected")
	h.Approval = x.approval(n.Get("approval"))
	h.Adopt = x.Bool(n.Get("adopt"), "adopt")
	h.Labels, h.Tags = x.labels(n.Get("labels")), x.tags(n.Get("tags"))
	if d := n.Get("description"); d != nil && !d.Null() {
		h.Description = x.String(d, "description")
		if utf8.RuneCountInString(h.Description) > 500 {
			x.Add(d.Problem("the description is too long", "", "at most 500 characters", ""))
		}
	}
}

func (x *docReader) template(n *renderer.Node) {
	x.doc.Header.Template = x.name(x.need(n, "the header", "template"), "the name of a template")
	x.doc.Header.Version = x.version(x.need(n, "the header", "version"))
}
