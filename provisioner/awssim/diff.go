package awssim

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"baryon/provisioner/awssim/template"
)

// A change is what a change set would do to one resource.
type change struct {
	Action, Logical, Physical, Type string
	Replacement, Policy             string
	Scope                           []string
	Details                         []detail
	Before, After                   string         // JSON
	Drift                           string         // how the live resource differs, where that was asked for
	Unsure                          bool           // its values can't be worked out
	Set                             string         // the change set of the nested stack that it is
	Properties                      map[string]any // of a nested stack
}

type detail struct {
	Evaluation, Source, Cause   string
	Attribute, Name, Recreation string
	Path, Before, After, Kind   string
	Drifted                     bool // Before is what is there, not what was deployed
}

// A difference is a comparison under way.
type difference struct {
	w        *world
	r        *region
	s        *stack
	from, to generation
	old, new *template.Template
	sc       *template.Scope
	imports  map[string]string // physical IDs by logical ones
	by       map[string]change
	as       *call  // looks into nested stacks; nil takes these to change
	revert   bool   // what drifted is brought back
	warning  string // what could not be worked out, and why
}

// work compares what a stack is with what it would become. Only resolved
// values count.
func (d *difference) work() (changes []change, outputs bool, err error) {
	r, s, from, to := d.r, d.s, d.from, d.to
	d.by = map[string]change{}
	if d.new, err = d.w.parse(r, s, to); err != nil {
		return nil, false, err
	}
	if from.Template != "" {
		if d.old, err = d.w.parse(r, s, from); err != nil {
			return nil, false, err
		}
	}
	if d.sc, err = r.scope(s, d.new, to, d.attribute); err != nil {
		return nil, false, err
	}
	if err := d.new.Unresolved(d.sc.Conditions); err != nil {
		return nil, false, err
	}
	order, cycle := template.Order(d.new.Edges(d.sc.Conditions))
	if cycle != nil {
		return nil, false, invalid("Circular dependency between resources")
	}
	if retyped := d.retyped(order); len(retyped) > 0 {
		return nil, false, invalid("Update of resource type is not permitted. The new template modifies resource type of the following resources: [" + joined(retyped) + "]")
	}
	for _, id := range order {
		if err := d.resource(d.new.Resource(id)); err != nil {
			return nil, false, err
		}
	}
	for _, res := range d.new.Resources { // in the template's order
		if c, ok := d.by[res.ID]; ok {
			changes = append(changes, c)
		}
	}
	changes = append(changes, d.removed(order)...)
	return changes, d.outputs(), nil
}

func (d *difference) retyped(order []string) []string {
	var out []string
	for _, id := range order {
		if was := d.s.Resources[id]; was != nil && was.Type != d.new.Resource(id).Type {
			out = append(out, id)
		}
	}
	return out
}

// attribute is what a value of the new template would be: unknown where it
// hangs on something that is not there yet.
func (d *difference) attribute(id, attr string) (any, error) {
	if c, ok := d.by[id]; ok && (c.Action == "Add" || c.Replacement == "True" || c.Action == "Modify" && attr != "") {
		return template.Unknown, nil
	}
	if c, ok := d.by[id]; ok && c.Action == "Import" {
		return d.imports[id], nil
	}
	return d.r.attribute(d.s, id, attr)
}

func (d *difference) resource(res *template.Resource) error {
	was := d.s.Resources[res.ID]
	p, metadata, err := properties(d.sc, res)
	if err != nil && missingExport(err) {
		d.unsure(res, was, asAPI(err).Message)
		return nil
	}
	if err != nil {
		return err
	}
	seen := p
	if v := veiled(d.sc, res, d.to.Hidden); v != nil {
		seen = v
	}
	after := contextOf(seen, metadata)
	switch {
	case was == nil && d.imports[res.ID] != "":
		d.by[res.ID] = change{Action: "Import", Logical: res.ID, Physical: d.imports[res.ID], Type: res.Type, After: after}
		return nil
	case was == nil:
		c := change{Action: "Add", Logical: res.ID, Type: res.Type, After: after}
		if res.Type == stackType {
			c.Properties = p
		}
		d.by[res.ID] = c
		return nil
	}
	c := change{Action: "Modify", Logical: res.ID, Physical: was.Physical, Type: res.Type, Replacement: "False", Before: contextOf(was.display(), was.Metadata), After: after}
	t := typeOf(res.Type)
	for _, k := range changed(was.Properties, p) {
		for _, e := range edits(place{k}, was.Properties[k], p[k]) {
			recreation, kind := t.recreation(e.At), kindOfChange(e.Before, e.After)
			e.Before, e.After = template.At(was.display(), e.At), template.At(seen, e.At)
			c.add("Properties", d.details(res, e, recreation, kind)...)
		}
	}
	if !reflect.DeepEqual(was.Metadata, metadata) {
		c.add("Metadata", detail{Evaluation: "Static", Source: "DirectModification", Attribute: "Metadata", Path: "/Metadata", Kind: "Modify"})
	}
	if t.Tags != "" && !slices.Equal(d.from.Tags, d.to.Tags) {
		c.add("Tags", detail{Evaluation: "Static", Source: "DirectModification", Attribute: "Tags"})
	}
	if d.revert {
		d.reverted(&c, was)
	}
	if res.Type == stackType {
		d.nested(&c, was, p)
	}
	if len(c.Details) == 0 && c.Action == "Modify" {
		return nil
	}
	c.judge(res)
	d.by[res.ID] = c
	return nil
}

// missingExport says whether a value can't be worked out for want of an export:
// that is found when the change is made.
func missingExport(err error) bool { return strings.HasPrefix(asAPI(err).Message, "No export named") }

// unsure notes a change whose values can't be told.
func (d *difference) unsure(res *template.Resource, was *resource, why string) {
	c := change{Action: "Add", Logical: res.ID, Type: res.Type, Unsure: true}
	if was != nil {
		c.Action, c.Physical, c.Replacement, c.Scope = "Modify", was.Physical, "Conditional", []string{"Properties"}
	}
	d.by[res.ID] = c
	d.warning = "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed for resource [" + res.ID + "] because: " + why
}

// reverted adds what brings the live resource back to what the template says.
// A change of what only a new resource could have is not made.
func (d *difference) reverted(c *change, was *resource) {
	thing := d.r.Things[was.Thing]
	if thing == nil {
		c.Action, c.Replacement, c.Drift = "Add", "", "DELETED"
		return
	}
	found := differences(was, thing)
	c.Drift = "IN_SYNC"
	for _, p := range found {
		c.Drift = "MODIFIED"
		at := place(strings.Split(strings.TrimPrefix(p.Path, "/"), "/"))
		name, recreation := at[0], typeOf(was.Type).recreation(at)
		if recreation == "Always" || slices.ContainsFunc(c.Details, func(o detail) bool { return o.Name == name && !o.Drifted }) {
			continue
		}
		c.add("Properties", detail{
			Evaluation: "Static", Source: "DirectModification", Attribute: "Properties", Name: name, Recreation: recreation,
			Path: "/Properties" + p.Path, Before: p.Actual, After: p.Expected, Kind: "Modify", Drifted: true,
		})
	}
}

func (ch *change) add(scope string, details ...detail) {
	if !slices.Contains(ch.Scope, scope) {
		ch.Scope = append(ch.Scope, scope)
	}
	ch.Details = append(ch.Details, details...)
}

// judge tells from the details whether the resource would be replaced.
func (ch *change) judge(res *template.Resource) {
	for _, d := range ch.Details {
		switch {
		case d.Recreation == "Always" && d.Evaluation == "Static":
			ch.Replacement = "True"
		case d.Recreation == "Always" || d.Recreation == "Conditionally":
			if ch.Replacement != "True" {
				ch.Replacement = "Conditional"
			}
		}
	}
	if ch.Replacement == "False" {
		return
	}
	ch.Policy = map[string]string{"Retain": "ReplaceAndRetain", "Snapshot": "ReplaceAndSnapshot"}[res.UpdateReplacePolicy]
	if ch.Policy == "" {
		ch.Policy = "ReplaceAndDelete"
	}
}

// details say why a value changes: because it is written otherwise, or because
// of what it refers to.
func (d *difference) details(res *template.Resource, e edit, recreation, kind string) []detail {
	base := detail{
		Evaluation: "Static", Source: "DirectModification", Attribute: "Properties", Name: e.At[0], Recreation: recreation,
		Path: "/Properties/" + strings.Join(e.At, "/"), Before: shown(e.Before), After: shown(e.After), Kind: kind,
	}
	var was any
	if d.old != nil && d.old.Resource(res.ID) != nil {
		was = template.At(d.old.Resource(res.ID).Properties, e.At)
	}
	written := template.At(res.Properties, e.At)
	if was == nil || !reflect.DeepEqual(was, written) {
		return []detail{base}
	}
	var out []detail
	for _, name := range template.Uses(written, d.sc.Conditions) {
		if a, _ := d.from.parameter(name); d.new.Parameter(name) != nil {
			if b, _ := d.to.parameter(name); a != b || d.from.Resolved[name] != d.to.Resolved[name] {
				by := base
				by.Source, by.Cause = "ParameterReference", name
				base.Evaluation = "Dynamic"
				out = append(out, by)
			}
		}
	}
	for _, a := range template.Attributes(written) {
		if _, ok := d.by[a[0]]; ok {
			by := base
			by.Source, by.Cause = "ResourceAttribute", a[0]+"."+a[1]
			base.Evaluation = "Dynamic"
			if d.by[a[0]].Replacement != "True" {
				by.Evaluation = "Dynamic"
			}
			out = append(out, by)
		}
	}
	for _, name := range template.Uses(written, d.sc.Conditions) {
		if c, ok := d.by[name]; ok && c.Replacement == "True" && len(out) == 0 {
			by := base
			by.Source, by.Cause = "ResourceReference", name
			base.Evaluation = "Dynamic"
			out = append(out, by)
		}
	}
	return append(out, base)
}

func kindOfChange(before, after any) string {
	switch {
	case before == nil:
		return "Add"
	case after == nil:
		return "Remove"
	}
	return "Modify"
}

// shown is a value as change sets show it.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error() // values are text, lists and maps: they can be written
	}
	return string(b)
}

func contextOf(p map[string]any, metadata any) string {
	m := map[string]any{"Properties": p}
	if metadata != nil {
		m["Metadata"] = metadata
	}
	return shown(m)
}

// removed are the resources that the new template does not have.
func (d *difference) removed(order []string) []change {
	var out []change
	for _, id := range sorted(d.s.Resources) {
		if slices.Contains(order, id) {
			continue
		}
		was := d.s.Resources[id]
		policy := was.deletion()
		out = append(out, change{
			Action: "Remove", Logical: id, Physical: was.Physical, Type: was.Type, Policy: policy, Before: contextOf(was.display(), was.Metadata),
		})
	}
	return out
}

// deletion is what becomes of a resource that is deleted: databases that are
// their own are kept as a snapshot unless the template says otherwise.
func (r *resource) deletion() string {
	switch {
	case r.DeletionPolicy != "":
		return r.DeletionPolicy
	case r.Type == "AWS::RDS::DBCluster", r.Type == "AWS::RDS::DBInstance" && r.Properties["DBClusterIdentifier"] == nil:
		return "Snapshot"
	}
	return "Delete"
}

// outputs says whether the outputs would change. What cannot be worked out yet
// is found at execution, as the service does.
func (d *difference) outputs() bool {
	after, err := outputsOf(d.new, d.sc)
	return err != nil || !reflect.DeepEqual(after, d.s.Outputs)
}

// outputsOf works out the outputs of a template.
func outputsOf(t *template.Template, sc *template.Scope) ([]output, error) {
	var out []output
	for _, o := range t.Outputs {
		if o.Condition != "" && !sc.Conditions[o.Condition] {
			continue
		}
		v, err := sc.Eval(o.Value)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(string); !ok {
			return nil, invalid("Template format error: The Value field of every Outputs member must evaluate to a String")
		}
		export, err := sc.Eval(o.Export)
		if err != nil {
			return nil, err
		}
		if o.Export != nil {
			if err := template.CheckExport(o.Key, export); err != nil {
				return nil, err
			}
		}
		out = append(out, output{Key: o.Key, Value: shown(v), Description: o.Description, Export: shown(export)})
	}
	return out, nil
}
