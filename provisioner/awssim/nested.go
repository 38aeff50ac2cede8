package awssim

import (
	"fmt"
	"slices"
	"strings"
)

// nestedOnly is what becomes of a nested stack whose creation failed: it rests,
// and its parent takes it away.
const nestedOnly = "NESTED"

// held is the phase of a nested stack that is updated and waits for its root:
// from here it can still go back.
const held = "held"

// childOf finds the nested stack of a row.
func (r *region) childOf(row *resource) *stack {
	if row == nil || row.Type != stackType || row.Physical == "" {
		return nil
	}
	return r.find(row.Physical)
}

// asChild are the arguments with which a parent makes or updates a nested stack.
func asChild(parent generation, p map[string]any) args {
	a := args{"TemplateURL": {shown(p["TemplateURL"])}}
	given, _ := p["Parameters"].(map[string]any)
	for i, k := range sorted(given) {
		at := fmt.Sprintf("Parameters.member.%d.", i+1)
		a[at+"ParameterKey"], a[at+"ParameterValue"] = []string{k}, []string{commas(given[k])}
	}
	tags := map[string]string{}
	for _, t := range parent.Tags {
		tags[t.Key] = t.Value
	}
	own, _ := p["Tags"].([]any)
	for _, one := range own {
		if m, ok := one.(map[string]any); ok {
			tags[shown(m["Key"])] = shown(m["Value"])
		}
	}
	a["Tags"] = []string{""}
	for i, k := range sorted(tags) {
		at := fmt.Sprintf("Tags.member.%d.", i+1)
		a[at+"Key"], a[at+"Value"] = []string{k}, []string{tags[k]}
	}
	for i, capability := range parent.Capabilities {
		a[fmt.Sprintf("Capabilities.member.%d", i+1)] = []string{capability}
	}
	arns, _ := p["NotificationARNs"].([]any)
	for i, arn := range arns {
		a[fmt.Sprintf("NotificationARNs.member.%d", i+1)] = []string{shown(arn)}
	}
	if parent.Role != "" {
		a["RoleARN"] = []string{parent.Role}
	}
	return a
}

// commas is a value as a parameter is given it.
func commas(v any) string {
	list, ok := v.([]any)
	if !ok {
		return shown(v)
	}
	var out []string
	for _, one := range list {
		out = append(out, shown(one))
	}
	return strings.Join(out, ",")
}

// startNested begins to make or update a nested stack.
func (p *progress) startNested(id string, st *step, was *resource) {
	if was == nil {
		p.createNested(id, st)
		return
	}
	row := st.Next
	if why := p.denied("Update:Modify", id, row.Type); why != "" {
		p.refuseUpdate(id, st, was, why)
		return
	}
	p.s.tell(p.at, row, row.Physical, "UPDATE_IN_PROGRESS", "", true)
	child := p.r.childOf(was)
	switch {
	case child == nil || child.Status == "DELETE_COMPLETE":
		p.failStep(id, st, "Stack ["+row.Physical+"] does not exist")
		return
	case child.Op != nil || !child.updatable(true):
		p.failStep(id, st, asAPI(child.wrongState()).Message)
		return
	}
	to, _, err := p.as.generation(asChild(p.op.To, row.Properties), child.Now, child)
	if err != nil && !transforms(err) {
		p.failStep(id, st, asAPI(err).Message)
		return
	}
	if err == nil {
		changes, err := p.as.changes(child, to)
		switch {
		case err != nil:
			p.failStep(id, st, asAPI(err).Message)
			return
		case !changes:
			st.Due = p.at // nothing of it changes
			return
		}
	}
	st.Child, child.Updated = child.ID, p.at
	child.obsolete()
	p.w.begin(p.at, child, &operation{Kind: "update", To: to, Token: p.op.Token, OnFailure: nestedOnly, Nested: true, Set: p.childSet(id, child)})
}

// changes says whether a stack would change, nested ones and outputs included.
func (c *call) changes(s *stack, to generation) (bool, error) {
	d := &difference{w: &c.w, r: c.region, s: s, from: s.Now, to: to, as: c}
	list, outputs, err := d.work()
	return len(list) > 0 || outputs || !slices.Equal(s.Now.Tags, to.Tags), err
}

// nested says how a nested stack changes. Without a look into it, it may always
// change.
func (d *difference) nested(c *change, was *resource, p map[string]any) {
	child := d.r.childOf(was)
	c.Properties = p
	if d.as != nil && child != nil && len(c.Details) == 0 && !later(p) {
		to, _, err := d.as.generation(asChild(d.to, p), child.Now, child)
		if err == nil {
			if changes, err := d.as.changes(child, to); err == nil && !changes {
				return
			}
		}
	}
	c.add("Properties", detail{Evaluation: "Dynamic", Source: "Automatic", Attribute: "Properties", Recreation: "Never"})
}

func (p *progress) createNested(id string, st *step) {
	row := st.Next
	p.s.Resources[id] = row
	p.s.tell(p.at, row, "", "CREATE_IN_PROGRESS", "", true)
	if why := validate(row.Type, id, row.Properties); why != "" {
		p.failStep(id, st, why)
		return
	}
	child := p.r.find(p.op.Sets[id]) // it was reviewed
	if child == nil {
		child = p.as.newChild(p.s, id)
	}
	to, _, err := p.as.generation(asChild(p.op.To, row.Properties), generation{}, child)
	if err != nil && !transforms(err) {
		p.failStep(id, st, asAPI(err).Message)
		return
	}
	if p.r.find(child.ID) == nil {
		if err := p.as.room(); err != nil {
			p.failStep(id, st, asAPI(err).Message)
			return
		}
		p.r.Stacks = append(p.r.Stacks, child)
	}
	_, _ = fmt.Sscan(shown(row.Properties["TimeoutInMinutes"]), &child.Timeout)
	row.Physical, row.Thing = child.ID, key(stackType, child.ID)
	p.r.Things[row.Thing] = &Thing{
		Type: stackType, ID: child.ID, Physical: child.ID, Properties: copied(row.Properties), Attributes: map[string]string{}, Stack: p.s.ID, Logical: id,
	}
	p.s.tell(p.at, row, row.Physical, "CREATE_IN_PROGRESS", "Resource creation Initiated", true)
	st.Child = child.ID
	p.w.begin(p.at, child, &operation{Kind: "create", To: to, Token: p.op.Token, OnFailure: nestedOnly, Nested: true, Set: p.childSet(id, child)})
}

// newChild is a nested stack that is not yet among the stacks.
func (c *call) newChild(parent *stack, logical string) *stack {
	name := parent.Name + "-" + logical + "-" + c.w.random(12)
	if over := len(name) - 128; over > 0 {
		name = name[over:]
	}
	child := c.newStack(name)
	child.Parent, child.Root = parent.ID, parent.ID
	if parent.Root != "" {
		child.Root = parent.Root
	}
	return child
}

// childSet is the change set of a nested stack that is executed with the root's.
func (p *progress) childSet(id string, child *stack) string {
	if p.op.Sets[id] == "" {
		return ""
	}
	for _, cs := range child.ChangeSets {
		if cs.Parent == p.op.Set {
			cs.Execution, child.ChangeSet = "EXECUTE_IN_PROGRESS", cs.ID
			return cs.ID
		}
	}
	return ""
}

// watchNested looks how far a nested stack is.
func (p *progress) watchNested(id string, st *step) {
	child := p.r.find(st.Child)
	switch {
	case child == nil:
		p.failStep(id, st, "Stack ["+st.Child+"] does not exist")
	case child.Op == nil && child.Status == "CREATE_COMPLETE" || child.Op != nil && child.Op.Phase == held:
		p.completeStep(id, st)
	case st.Do == "create" && child.Op == nil:
		p.failStep(id, st, "Embedded stack "+child.ID+" was not successfully created: "+strings.TrimSpace(child.Reason))
	case st.Do == "update" && (child.Op == nil || child.Op.Phase == "restore" || child.Op.Phase == "restored"):
		p.failStep(id, st, p.notUpdated(child))
	}
}

func (p *progress) notUpdated(child *stack) string {
	return "Embedded stack " + child.ID + " was not successfully updated. Currently in " + child.Status + " with reason: " + strings.TrimSpace(child.Reason)
}

// cancelNested takes a nested stack back that is under way.
func (p *progress) cancelNested(st *step) {
	if child := p.r.find(st.Child); child != nil && child.Op != nil && child.Op.Phase == "forward" {
		child.Op.Cancelled, child.Op.Due = true, p.at
	}
}

// children are the nested stacks that this operation updated.
func (p *progress) children() []*stack {
	var out []*stack
	for _, id := range sorted(p.op.Steps) {
		if child := p.r.find(p.op.Steps[id].Child); child != nil && p.op.Steps[id].Child != "" {
			out = append(out, child)
		}
	}
	return out
}

// release lets the nested stacks clean up: the root will not go back.
func (p *progress) release() {
	for _, child := range p.children() {
		if child.Op != nil && child.Op.Phase == held {
			child.Op.Phase, child.Op.Due = "cleanup", p.at
		}
	}
}

// wakeParent has the parent look again.
func (p *progress) wakeParent() {
	parent := p.r.find(p.s.Parent)
	if p.s.Parent == "" || parent == nil || parent.Op == nil {
		return
	}
	if parent.Op.Due.IsZero() || parent.Op.Due.After(p.at) {
		parent.Op.Due = p.at
	}
}

// restoreNested takes a nested stack back. It says whether it has arrived, and
// why it never will.
func (p *progress) restoreNested(st *step) (done bool, why string) {
	child := p.r.find(st.Child)
	switch {
	case st.Child == "" || child == nil:
		return true, ""
	case child.Op != nil && child.Op.Phase == held:
		child.Op.Phase, child.Op.Due = "restore", p.at
		child.note(p.w, p.at, "UPDATE_ROLLBACK_IN_PROGRESS", "")
		return false, ""
	case child.Op != nil:
		return false, ""
	case child.Status == "UPDATE_ROLLBACK_FAILED":
		return false, p.notUpdated(child)
	}
	return true, ""
}

// deleteNested begins or watches the deletion of a nested stack. It says whether
// that is gone, and why it stays.
func (p *progress) deleteNested(row *resource, asked *bool) (gone bool, why string) {
	child := p.r.childOf(row)
	switch {
	case child == nil || child.Status == "DELETE_COMPLETE":
		return true, ""
	case child.Op != nil:
		return false, ""
	case *asked:
		*asked = false
		return false, "Embedded stack " + child.ID + " was not successfully deleted: " + strings.TrimSpace(child.Reason)
	}
	for _, o := range child.Outputs {
		if users := p.w.importers(p.r, o.Export); o.Export != "" && len(users) > 0 {
			return false, "Embedded stack " + child.ID + " was not successfully deleted: Delete canceled. Cannot delete export " + o.Export + " as it is in use by " + joined(users) + "."
		}
	}
	*asked = true
	p.w.begin(p.at, child, &operation{Kind: "delete", Token: p.op.Token, Nested: true, Force: p.op.Force && child.Status == "DELETE_FAILED"})
	return false, ""
}

// root is the stack at the top of a nested one, or the stack itself.
func (r *region) root(s *stack) *stack {
	if top := r.find(s.Root); s.Root != "" && top != nil {
		return top
	}
	return s
}

// nestedOutput is what GetAtt gives of a nested stack.
func (r *region) nestedOutput(row *resource, attr string) (any, error) {
	name, ok := strings.CutPrefix(attr, "Outputs.")
	child := r.childOf(row)
	if child == nil || !ok {
		return nil, invalid(fmt.Sprintf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", row.ID, attr))
	}
	for _, o := range child.Outputs {
		if o.Key == name {
			return o.Value, nil
		}
	}
	return nil, invalid("Output '" + name + "' not found in stack '" + child.ID + "'")
}
