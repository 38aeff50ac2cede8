package declare

import (
	"maps"
	"slices"
	"strings"
)

// text writes what a header says of health.
func (h *Health) text() string {
	var keys []string
	if of := h.Of.Flow(); of != "" {
		keys = append(keys, of)
	}
	if len(h.Instances) > 0 {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(h.Instances)) {
			all = append(all, scalar(name)+": {"+h.Instances[name].Flow()+"}")
		}
		keys = append(keys, "instances: {"+strings.Join(all, ", ")+"}")
	}
	if h.Pipeline != nil {
		keys = append(keys, "pipeline: {"+h.Pipeline.Flow()+"}")
	}
	return "{" + strings.Join(keys, ", ") + "}"
}
