package awssim

import (
	"maps"
	"slices"
)

// exporter is the living stack, but one, that exports a name, and its value.
func (r *region) exporter(name string, but *stack) (*stack, string) {
	for _, s := range r.Stacks {
		if s == but || s.Status == "DELETE_COMPLETE" {
			continue
		}
		for _, o := range s.Outputs {
			if o.Export == name {
				return s, o.Value
			}
		}
	}
	return nil, ""
}

// importers are the living stacks that import an export.
func (w *world) importers(r *region, export string) []string {
	users := map[string]bool{}
	for _, s := range r.Stacks {
		if s.Status == "DELETE_COMPLETE" || s.Now.Template == "" || s.Status == "REVIEW_IN_PROGRESS" {
			continue
		}
		t, err := w.parse(r, s, s.Now)
		if err != nil {
			continue
		}
		sc, err := r.scope(s, t, s.Now, func(id, attr string) (any, error) { return r.attribute(s, id, attr) })
		if err != nil {
			continue
		}
		sc.Import = func(name string) (string, error) {
			if name == export {
				users[s.Name] = true
			}
			return name, nil
		}
		for _, res := range t.Resources {
			if t.Active(res, sc.Conditions) {
				_, _ = sc.Eval(res.Properties)
			}
		}
		for _, o := range t.Outputs {
			_, _ = sc.Eval(o.Value)
		}
	}
	return slices.Sorted(maps.Keys(users))
}

func listExports(c *call, a args) (obj, error) {
	all := list{}
	for _, s := range c.region.Stacks {
		for _, o := range s.Outputs {
			if o.Export != "" && s.Status != "DELETE_COMPLETE" {
				all = append(all, obj{{"ExportingStackId", s.ID}, {"Name", o.Export}, {"Value", o.Value}})
			}
		}
	}
	out, next, err := c.page(a, all, min(100, c.cfg.PageSize))
	return obj{{"Exports", out}, {"NextToken", next}}, err
}

func listImports(c *call, a args) (obj, error) {
	users := c.w.importers(c.region, a.get("ExportName"))
	if len(users) == 0 {
		return nil, invalid("Export '" + a.get("ExportName") + "' is not imported by any stack.")
	}
	out, next, err := c.page(a, texts(users), c.cfg.PageSize)
	return obj{{"Imports", out}, {"NextToken", next}}, err
}
