package awssim

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// control answers what no AWS has: the faults, for those who rehearse them.
//
//	POST /_sim/fault    {"Stack": "…", "Logical": "…", "Do": "update", "Reason": "…", "Hold": false, "Times": 1}
//	POST /_sim/release  takes all faults away
//	POST /_sim/rate     2
//	POST /_sim/drift    {"Stack": "…", "Logical": "…", "Properties": {…}, "Delete": false}
//	GET  /_sim/calls    how often each action was asked for
func (c *call) control(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	var err error
	out := map[string]any{"ok": true}
	switch strings.TrimPrefix(r.URL.Path, "/_sim/") {
	case "fault":
		f := &Fault{}
		if err = json.Unmarshal(data, f); err == nil {
			c.w.Faults = append(c.w.Faults, f)
		}
	case "release":
		c.w.Faults = nil
		for _, region := range c.w.Regions {
			for _, s := range region.Stacks {
				if s.Op != nil {
					s.Op.Due = c.now
				}
			}
		}
	case "rate":
		c.cfg.Rate, err = strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
	case "drift":
		err = c.drift(data)
	case "calls":
		for k, n := range c.w.Calls {
			out[k] = n
		}
	default:
		err = &apiError{404, "NotFound", "there is fault, release, rate, drift and calls"}
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"ok": false, "error": err.Error()}
	}
	_, _ = io.WriteString(w, shown(out))
}

// drift changes a live resource behind its stack's back.
func (c *call) drift(data []byte) error {
	var in struct {
		Stack, Logical string
		Properties     map[string]any
		Delete         bool
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	for _, region := range c.w.Regions {
		s := region.find(in.Stack)
		if s == nil || s.Resources[in.Logical] == nil {
			continue
		}
		k := s.Resources[in.Logical].Thing
		if in.Delete {
			region.vanish(&c.w, k)
			return nil
		}
		maps.Copy(region.Things[k].Properties, in.Properties)
		region.appear(&c.w, region.Things[k], c.now)
		return nil
	}
	return &apiError{404, "NotFound", "no resource " + in.Logical + " in a stack " + in.Stack}
}
