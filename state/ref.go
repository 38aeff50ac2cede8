package state

import (
	"fmt"
	"slices"
	"strings"
)

// A Kind is a kind of thing that Baryon names. The values are Proton's words
// as they stand in its resource names.
type Kind string

// The kinds. KindService, KindRepository and the two of templates are never deployed.
const (
	KindEnvironment Kind = "environment"
	KindService     Kind = "service"
	KindInstance    Kind = "service-instance"
	KindPipeline    Kind = "pipeline"
	KindComponent   Kind = "component"
	KindRepository  Kind = "repository"

	KindEnvironmentTemplate Kind = "environment-template"
	KindServiceTemplate     Kind = "service-template"
)

// A Ref names one thing. Service is set for service instances and pipelines,
// Name for everything but pipelines.
type Ref struct {
	Kind    Kind
	Service string
	Name    string
}

// EnvironmentRef is the Ref of an environment.
func EnvironmentRef(name string) Ref { return Ref{Kind: KindEnvironment, Name: name} }

// ServiceRef is the Ref of a service.
func ServiceRef(name string) Ref { return Ref{Kind: KindService, Name: name} }

// InstanceRef is the Ref of an instance of a service.
func InstanceRef(service, name string) Ref {
	return Ref{Kind: KindInstance, Service: service, Name: name}
}

// PipelineRef is the Ref of the pipeline of a service.
func PipelineRef(service string) Ref { return Ref{Kind: KindPipeline, Service: service} }

// ComponentRef is the Ref of a component.
func ComponentRef(name string) Ref { return Ref{Kind: KindComponent, Name: name} }

// RepositoryRef is the Ref of a configured repository.
func RepositoryRef(name string) Ref { return Ref{Kind: KindRepository, Name: name} }

// VersionRef is the Ref of a template version, such as service-template/web:1.0.
func VersionRef(kind Kind, name string, v Version) Ref {
	return Ref{Kind: kind + "-template", Name: name + ":" + v.String()}
}

// Version is the template version that a VersionRef names; false for other Refs.
func (r Ref) Version() (kind Kind, name string, v Version, ok bool) {
	name, number, _ := strings.Cut(r.Name, ":")
	v, full, err := Follow(number).Parse()
	return Kind(strings.TrimSuffix(string(r.Kind), "-template")), name, v, r.ofTemplate() && err == nil && full
}

func (r Ref) ofTemplate() bool {
	return r.Kind == KindEnvironmentTemplate || r.Kind == KindServiceTemplate
}

// String is the tail of the resource name in Proton's form, such as
// environment/prod, service/shop/service-instance/eu or service/shop/pipeline.
func (r Ref) String() string {
	switch r.Kind {
	case KindInstance:
		return "service/" + r.Service + "/service-instance/" + r.Name
	case KindPipeline:
		return "service/" + r.Service + "/pipeline"
	default:
		return string(r.Kind) + "/" + r.Name
	}
}

// ARN is Proton's Amazon resource name of r in an account and region.
func (r Ref) ARN(region, account string) string {
	return "arn:aws:proton:" + region + ":" + account + ":" + r.String()
}

// Stack is the name under which engines know r: letters, digits and hyphens
// only, and the same for as long as r exists.
func (r Ref) Stack() string {
	switch r.Kind {
	case KindInstance:
		return "service-" + r.Service + "-instance-" + r.Name
	case KindPipeline:
		return "service-" + r.Service + "-pipeline"
	default:
		return string(r.Kind) + "-" + r.Name
	}
}

// Deployable reports whether r names a target.
func (r Ref) Deployable() bool {
	return r.Kind != KindService && r.Kind != KindRepository && !r.ofTemplate() && r.Kind != ""
}

// ParseRef reads what String writes, Proton's resource names, and the short
// form service/S/instance/I that people type. The error says which forms there are.
func ParseRef(text string) (Ref, error) {
	tail := text
	if strings.HasPrefix(tail, "arn:") {
		parts := strings.SplitN(tail, ":", 6)
		if len(parts) != 6 {
			return Ref{}, fmt.Errorf("%q is not a resource name: want arn:aws:proton:REGION:ACCOUNT:KIND/NAME", text)
		}
		tail = parts[5]
	}
	p := strings.Split(tail, "/")
	if slices.Contains(p, "") {
		return Ref{}, refError(text)
	}
	switch {
	case len(p) == 2 && (p[0] == "environment" || p[0] == "service" || p[0] == "component" || p[0] == "repository"):
		return Ref{Kind: Kind(p[0]), Name: p[1]}, nil
	case len(p) == 2:
		r := Ref{Kind: Kind(p[0]), Name: p[1]}
		if _, _, _, ok := r.Version(); ok {
			return r, nil
		}
	case len(p) == 4 && p[0] == "service" && (p[2] == "service-instance" || p[2] == "instance"):
		return InstanceRef(p[1], p[3]), nil
	case len(p) >= 3 && p[0] == "service" && p[2] == "pipeline" && len(p) <= 4:
		return PipelineRef(p[1]), nil
	}
	return Ref{}, refError(text)
}

func refError(text string) error {
	return fmt.Errorf("%q names nothing: want environment/NAME, service/NAME, service/NAME/instance/NAME, service/NAME/pipeline, component/NAME or repository/NAME", text)
}

// MarshalText and UnmarshalText keep a Ref as its String in JSON.
func (r Ref) MarshalText() ([]byte, error) {
	if r.Kind == "" {
		return nil, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref{}
		return nil
	}
	parsed, err := ParseRef(string(text))
	*r = parsed
	return err
}
