package proton

import (
	"strings"

	"baryon/state"
)

func (h *Handler) region() string {
	if r := h.cfg.Settings().Region; r != "" {
		return r
	}
	return "us-east-1"
}

func (h *Handler) account() string {
	if a := h.cfg.Settings().Account; a != "" {
		return a
	}
	return "000000000000"
}

// arn is the resource name with a tail such as environment/prod.
func (h *Handler) arn(tail string) string {
	return "arn:aws:proton:" + h.region() + ":" + h.account() + ":" + tail
}

// tail is what of a resource name says which resource it is. The region and the
// account of names that others gave are not looked at: environments of other
// accounts have those in theirs.
func (h *Handler) tail(arn string) (string, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "proton" {
		return "", invalid("%s is no resource of AWS Proton; want %s", clip(arn), h.arn("environment/NAME"))
	}
	return parts[5], nil
}

// target is the deployable thing that a resource name names.
func (h *Handler) target(arn string) (state.Ref, error) {
	tail, err := h.tail(arn)
	if err != nil {
		return state.Ref{}, err
	}
	ref, err := state.ParseRef(tail)
	if err != nil || !ref.Deployable() {
		return state.Ref{}, invalid("%s is never deployed; want an environment, a service instance, a pipeline or a component, such as %s",
			clip(arn), h.arn("service/NAME/service-instance/NAME"))
	}
	return ref, nil
}
