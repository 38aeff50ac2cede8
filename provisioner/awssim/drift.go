package awssim

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A detection is a run of drift detection.
type detection struct {
	ID, Stack, Status string
	Drifted           int
	Began, Done       time.Time
}

func detectDrift(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if !s.good() && s.Status != "UPDATE_ROLLBACK_FAILED" {
		return nil, invalid("Drift detection cannot be performed on stack [" + s.ID + "] while it is in [" + s.Status + "] state")
	}
	for _, d := range c.region.Detections {
		if d.Stack == s.ID && c.now.Before(d.Done) {
			return nil, invalid("Drift detection is already in progress for stack [" + s.ID + "]")
		}
	}
	d := &detection{ID: c.w.uuid(), Stack: s.ID, Status: "IN_SYNC", Began: c.now, Done: c.now.Add(c.cfg.Step)}
	only := a.strings("LogicalResourceIds")
	for _, id := range only {
		if s.Resources[id] == nil {
			return nil, invalid("Resource " + id + " does not exist for stack " + s.Name)
		}
	}
	for _, r := range s.rows() {
		if len(only) > 0 && !slices.Contains(only, r.ID) || !c.region.compareLive(r) {
			continue
		}
		if r.Drift != "IN_SYNC" {
			d.Drifted++
			d.Status = "DRIFTED"
		}
	}
	s.Drift, s.DriftChecked = d.Status, c.now
	c.region.Detections[d.ID] = d
	return obj{{"StackDriftDetectionId", d.ID}}, nil
}

// compareLive notes on a row how its resource differs from its template, and says
// whether that can be told.
func (r *region) compareLive(row *resource) bool {
	if row.Thing == "" || row.Type == stackType {
		return false
	}
	thing := r.Things[row.Thing]
	switch {
	case thing == nil:
		row.Drift = "DELETED"
	case len(differences(row, thing)) > 0:
		row.Drift = "MODIFIED"
	default:
		row.Drift = "IN_SYNC"
	}
	return true
}

// detectResourceDrift looks at one resource and says at once what it finds.
func detectResourceDrift(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	row := s.Resources[a.get("LogicalResourceId")]
	switch {
	case row == nil:
		return nil, invalid("Resource " + a.get("LogicalResourceId") + " does not exist for stack " + s.Name)
	case !s.good() && s.Status != "UPDATE_ROLLBACK_FAILED":
		return nil, invalid("Drift detection cannot be performed on stack [" + s.ID + "] while it is in [" + s.Status + "] state")
	case !c.region.compareLive(row):
		return nil, invalid("Resource " + row.ID + " of type " + row.Type + " does not support drift detection")
	}
	s.DriftChecked = c.now
	return obj{{"StackResourceDrift", c.driftOf(s, row)}}, nil
}

func driftStatus(c *call, a args) (obj, error) {
	d := c.region.Detections[a.get("StackDriftDetectionId")]
	if d == nil {
		return nil, invalid("DriftDetectionId [" + a.get("StackDriftDetectionId") + "] does not exist")
	}
	out := obj{{"StackId", d.Stack}, {"StackDriftDetectionId", d.ID}, {"Timestamp", d.Began}}
	if c.now.Before(d.Done) {
		return append(out, field{"DetectionStatus", "DETECTION_IN_PROGRESS"}), nil
	}
	return append(out, field{"StackDriftStatus", d.Status}, field{"DetectionStatus", "DETECTION_COMPLETE"}, field{"DriftedStackResourceCount", d.Drifted}), nil
}

// A difference of a property between a template and what is there.
type propertyDifference struct{ Path, Expected, Actual, Kind string }

// differences compares what the template set with what is there; what it did
// not set does not count, nor what cannot be read.
func differences(r *resource, thing *Thing) []propertyDifference {
	var out []propertyDifference
	t := typeOf(r.Type)
	for _, k := range sorted(r.Properties) {
		for _, d := range compare("/"+k, r.Properties[k], thing.Properties[k]) {
			if at := strings.Split(d.Path[1:], "/"); !slices.ContainsFunc(t.writeOnly, func(p place) bool { return len(p) <= len(at) && p.within(at) }) {
				out = append(out, d)
			}
		}
	}
	return out
}

func compare(path string, want, got any) []propertyDifference {
	if reflect.DeepEqual(want, got) || dynamicReference.MatchString(shown(want)) {
		return nil
	}
	one := []propertyDifference{{path, shown(want), shown(got), "NOT_EQUAL"}}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return one
		}
		var out []propertyDifference
		for _, k := range sorted(w) {
			out = append(out, compare(path+"/"+k, w[k], g[k])...)
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok {
			return one
		}
		var out []propertyDifference
		for i := range max(len(w), len(g)) {
			at := path + "/" + strconv.Itoa(i)
			switch {
			case i >= len(g):
				out = append(out, propertyDifference{at, shown(w[i]), "", "REMOVE"})
			case i >= len(w):
				out = append(out, propertyDifference{at, "", shown(g[i]), "ADD"})
			default:
				out = append(out, compare(at, w[i], g[i])...)
			}
		}
		return out
	}
	if got == nil {
		one[0].Kind = "REMOVE"
	}
	return one
}

// driftOf shows how the resource of a row differs from its template.
func (c *call) driftOf(s *stack, r *resource) obj {
	one := obj{
		{"StackId", s.ID}, {"LogicalResourceId", r.ID}, {"PhysicalResourceId", r.Physical}, {"ResourceType", r.Type},
		{"StackResourceDriftStatus", r.Drift}, {"Timestamp", s.DriftChecked},
	}
	if thing := c.region.Things[r.Thing]; thing != nil {
		found := list{}
		for _, d := range differences(r, thing) {
			found = append(found, obj{{"PropertyPath", d.Path}, {"ExpectedValue", d.Expected}, {"ActualValue", d.Actual}, {"DifferenceType", d.Kind}})
		}
		one = append(one, field{"ExpectedProperties", shown(r.Properties)}, field{"ActualProperties", shown(thing.Properties)}, field{"PropertyDifferences", found})
	}
	return one
}

func resourceDrifts(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	filter := a.strings("StackResourceDriftStatusFilters")
	all := list{}
	for _, r := range s.rows() {
		if r.Drift == "" || len(filter) > 0 && !slices.Contains(filter, r.Drift) {
			continue
		}
		all = append(all, c.driftOf(s, r))
	}
	size := c.cfg.PageSize
	if n, err := strconv.Atoi(a.get("MaxResults")); err == nil {
		size = n
	}
	out, next, err := c.page(a, all, size)
	return obj{{"StackResourceDrifts", out}, {"NextToken", next}}, err
}
