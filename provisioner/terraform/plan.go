package terraform

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"baryon/provisioner"
)

// A plan is what of `terraform show -json PLAN` is read. Values are compared and
// thrown away: names are all that is kept.
type plan struct {
	Changes []plannedChange `json:"resource_changes"`
	Drift   []plannedChange `json:"resource_drift"`
}

type plannedChange struct {
	Address string `json:"address"`
	Change  struct {
		Before       map[string]any `json:"before"`
		After        map[string]any `json:"after"`
		Unknown      map[string]any `json:"after_unknown"`
		ReplacePaths [][]any        `json:"replace_paths"`
	} `json:"change"`
}

// readPlan takes the attributes of changes from a whole plan, and says them.
func (t *tool) readPlan(line []byte) string {
	var p plan
	if err := json.Unmarshal(line, &p); err != nil {
		return "the plan cannot be read: " + err.Error() + "\n"
	}
	list := p.Changes
	if t.cfg.Kind == checking && !t.whole {
		list = p.Drift
	}
	var b strings.Builder
	for _, c := range list {
		i := slices.IndexFunc(t.changes, func(known provisioner.ResourceChange) bool { return known.Address == c.Address })
		if i < 0 || t.changes[i].Action != "update" && t.changes[i].Action != "replace" {
			continue
		}
		if t.changes[i].Attributes != nil {
			continue
		}
		t.changes[i].Attributes = changed(c.Change.Before, c.Change.After, c.Change.Unknown)
		for _, path := range c.Change.ReplacePaths {
			t.changes[i].Forces = append(t.changes[i].Forces, pathName(path))
		}
		b.WriteString(sentence(t.changes[i]))
	}
	return b.String()
}

// sentence says in a line what is to change.
func sentence(c provisioner.ResourceChange) string {
	text := c.Action + " " + c.Address
	if len(c.Attributes) > 0 {
		text += ": " + strings.Join(c.Attributes, ", ")
	}
	if len(c.Forces) > 0 {
		text += " (replaced because of " + strings.Join(c.Forces, ", ") + ")"
	}
	return text + "\n"
}

// changed names the attributes that differ, or may.
func changed(before, after, unknown map[string]any) []string {
	names := map[string]bool{}
	for name, value := range before {
		if !reflect.DeepEqual(value, after[name]) {
			names[name] = true
		}
	}
	for name, value := range after {
		if !reflect.DeepEqual(value, before[name]) {
			names[name] = true
		}
	}
	for name, value := range unknown {
		if value == true {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// pathName writes a path as Terraform's language does.
func pathName(path []any) string {
	var b strings.Builder
	for i, step := range path {
		switch step := step.(type) {
		case string:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		default:
			fmt.Fprintf(&b, "[%v]", step)
		}
	}
	return b.String()
}
