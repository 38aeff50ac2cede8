package awssim

import (
	"slices"

	"baryon/provisioner/awssim/template"
)

// proposeNested makes the change sets of the nested stacks that a change set
// with IncludeNestedStacks changes, and says which of them failed.
func (c *call) proposeNested(s *stack, cs *changeSet, t *template.Template, unchecked bool) (failed string) {
	for i := range cs.Changes {
		ch := &cs.Changes[i]
		res := t.Resource(ch.Logical)
		if ch.Type != stackType || res == nil || ch.Properties == nil || later(ch.Properties["TemplateURL"]) {
			continue
		}
		child, kind := c.region.childOf(s.Resources[ch.Logical]), "UPDATE"
		var before generation
		if child == nil {
			child, kind = c.newChild(s, ch.Logical), "CREATE"
		} else {
			before = child.Now
		}
		own := &changeSet{
			Name: cs.Name + "-" + ch.Logical + "-" + c.w.random(12), Kind: kind, Created: cs.Created, Ready: cs.Ready, Operation: cs.Operation,
			Parent: cs.ID, Root: cs.ID, IncludeNested: true,
		}
		if cs.Root != "" {
			own.Root = cs.Root
		}
		own.ID = c.changeSetARN(own.Name)
		to, inner, err := c.generation(asChild(cs.To, ch.Properties), before, child)
		own.To = to
		if kind == "CREATE" {
			c.region.Stacks = append(c.region.Stacks, child)
			child.note(&c.w, c.now, "REVIEW_IN_PROGRESS", initiated)
		}
		child.ChangeSets = append(child.ChangeSets, own)
		if err != nil {
			own.Status, own.Execution, own.Reason = "FAILED", "UNAVAILABLE", asAPI(err).Message
		} else {
			c.workOut(child, own, inner, unchecked)
		}
		ch.Set = own.ID
		if cs.Nested == nil {
			cs.Nested = map[string]string{}
		}
		cs.Nested[ch.Logical] = child.ID
		if own.Status == "FAILED" && own.Reason != noChanges && failed == "" {
			failed = "Nested change set " + own.ID + " was not successfully created: Currently in FAILED."
		}
	}
	return failed
}

// withdraw takes the change sets of nested stacks away with that of their
// parent, and the stacks that were only for them.
func (c *call) withdraw(cs *changeSet) {
	for _, id := range sorted(cs.Nested) {
		child := c.region.find(cs.Nested[id])
		if child == nil {
			continue
		}
		for _, own := range slices.Clone(child.ChangeSets) {
			if own.Parent == cs.ID {
				c.withdraw(own)
				child.ChangeSets = slices.DeleteFunc(child.ChangeSets, func(other *changeSet) bool { return other == own })
			}
		}
		if child.Status == "REVIEW_IN_PROGRESS" && len(child.ChangeSets) == 0 {
			child.Deleted = c.now
			child.note(&c.w, c.now, "DELETE_COMPLETE", "")
		}
	}
}
