package awssim

import (
	"slices"
	"strings"
)

// restore gives every resource back what it was before the update.
func (p *progress) restore() {
	op := p.op
	var failed []string
	waiting := false
	for _, id := range sorted(op.Steps) {
		st := op.Steps[id]
		if st.Do == "" || st.Do == "none" || st.State == "" || st.State == "restored" {
			continue
		}
		switch why, wait := p.restoreStep(id, st); {
		case why != "":
			failed = append(failed, id)
			p.s.tell(p.at, p.s.Resources[id], op.Before[id].Physical, "UPDATE_FAILED", why, true)
		case wait:
			waiting = true
		}
	}
	switch {
	case len(failed) > 0:
		op.Due = p.at
		p.s.note(p.w, p.at, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: ["+joined(failed)+"]. ")
		p.executed(false)
		p.s.Op = nil
		p.s.Failed = op
		p.w.wrote(p.s)
		p.wakeParent()
	case !waiting:
		p.restored()
	}
}

// restoreStep gives one resource back what it was, or says why it can't, or that
// it takes longer.
func (p *progress) restoreStep(id string, st *step) (why string, wait bool) {
	was := p.op.Before[id]
	if was == nil { // it was created: taken away in the cleanup
		if row := p.s.Resources[id]; row != nil && row.Thing != "" {
			p.op.Cleanup = append(p.op.Cleanup, &cleanup{Row: row})
		}
		delete(p.s.Resources, id)
		st.State = "restored"
		return "", false
	}
	if was.Type == stackType && st.Do == "update" {
		done, why := p.restoreNested(st)
		if done {
			p.giveBack(id, st, was)
		}
		return why, !done
	}
	if st.Do == "update" && st.State == "done" && !st.Due.Equal(p.at) && p.step > 0 && !strings.HasPrefix(p.s.Resources[id].Reason, restoring) {
		p.s.tell(p.at, was, was.Physical, "UPDATE_IN_PROGRESS", "", false)
		p.s.Resources[id].Reason = restoring
		st.Due = p.at.Add(p.step)
	}
	if st.Due.After(p.at) {
		p.wake(st.Due)
		return "", true
	}
	f := p.w.fault(p.s, id, "rollback")
	switch {
	case f != nil && f.Hold:
		return "", true
	case f != nil:
		return f.reason(was.Type), false
	case p.r.Things[was.Thing] == nil:
		return "Resource handler returned message: \"" + was.Physical + " was not found.\" (HandlerErrorCode: NotFound)", false
	}
	p.giveBack(id, st, was)
	return "", false
}

// restoring marks a row on its way back.
const restoring = "Rollback in progress"

// giveBack ends the way back of one resource.
func (p *progress) giveBack(id string, st *step, was *resource) {
	row := p.s.Resources[id]
	if row != nil && row.Thing != was.Thing && row.Thing != "" {
		p.op.Cleanup = append(p.op.Cleanup, &cleanup{Row: row, Quiet: true})
	}
	if st.Do == "update" && row != nil {
		p.change(p.r.Things[was.Thing], row, was.Properties)
	}
	p.s.Resources[id] = was
	st.State = "restored"
	p.s.tell(p.at, was, was.Physical, "UPDATE_COMPLETE", "", true)
}

// restored goes on to the cleanup of what the failed update made.
func (p *progress) restored() {
	p.op.Cleanup = slices.DeleteFunc(p.op.Cleanup, func(c *cleanup) bool {
		row := p.s.Resources[c.Row.ID] // what is in use again stays
		return row != nil && row.Thing == c.Row.Thing
	})
	p.s.Now = p.op.Prior
	p.op.Phase, p.op.Due = "restored", p.at
	p.s.note(p.w, p.at, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
}

// cleanUp deletes what the operation left over. What cannot be deleted in three
// tries is left behind.
func (p *progress) cleanUp() {
	left := p.op.Cleanup[:0]
	for _, c := range slices.Backward(slices.Clone(p.op.Cleanup)) {
		if !p.clean(c) {
			left = append(left, c)
			if !c.Held && !c.Asked {
				p.wake(c.Due)
			}
		}
	}
	slices.Reverse(left)
	p.op.Cleanup = left
	p.release()
	if len(left) > 0 || slices.ContainsFunc(p.children(), func(child *stack) bool { return child.Op != nil }) {
		return
	}
	status, reason := "UPDATE_COMPLETE", ""
	if p.op.Phase == "restored" {
		status = "UPDATE_ROLLBACK_COMPLETE"
	}
	if p.op.Leftover {
		reason = "Update successful. One or more resources could not be deleted."
	}
	p.finish(status, reason)
}

// clean makes one step with one leftover and says whether it is done with.
func (p *progress) clean(c *cleanup) bool {
	row := *c.Row // its row in the stack is another's by now
	thing := p.r.Things[row.Thing]
	if !c.Begun {
		c.Begun, c.Due = true, p.at.Add(p.step)
		if !c.Quiet && row.DeletionPolicy == "Retain" && p.op.Phase == "cleanup" {
			p.s.tell(p.at, &row, row.Physical, "DELETE_SKIPPED", "", false)
			p.r.leave(&row)
			return true
		}
		p.s.tell(p.at, &row, row.Physical, "DELETE_IN_PROGRESS", "", false)
		p.s.Events[len(p.s.Events)-1].ID = row.ID + "-" + p.w.uuid()
	}
	if c.Due.After(p.at) {
		return false
	}
	f := p.w.fault(p.s, row.ID, "cleanup")
	if f != nil && f.Hold {
		c.Held = true
		return false
	}
	c.Held = false
	why := ""
	switch {
	case f != nil:
		why = f.reason(row.Type)
	case row.Type == stackType:
		var gone bool
		if gone, why = p.deleteNested(&row, &c.Asked); !gone && why == "" {
			return false
		}
	case thing != nil:
		why = p.r.stuck(p.w, thing)
	}
	if why == "" {
		p.r.vanish(p.w, row.Thing)
		p.s.tell(p.at, &row, row.Physical, "DELETE_COMPLETE", "", false)
		return true
	}
	p.s.tell(p.at, &row, row.Physical, "DELETE_FAILED", why, false)
	if c.Tries++; c.Tries >= 3 {
		p.op.Leftover = true
		if thing != nil {
			thing.Stack = ""
		}
		return true
	}
	c.Due = p.at.Add(3 * p.step)
	return false
}

// startDelete lists the resources to delete, each after those that need it.
func (op *operation) startDelete(s *stack, want func(*resource) bool) {
	op.Phase, op.Steps = "delete", map[string]*step{}
	for id, row := range s.Resources {
		if want(row) {
			op.Steps[id] = &step{Do: "delete", Next: row}
		}
	}
	for id := range op.Steps {
		for _, d := range s.Resources[id].After {
			if other := op.Steps[d]; other != nil {
				other.After = append(other.After, id)
			}
		}
	}
}

// deletion deletes what nothing needs any more, and goes on until nothing can be.
func (p *progress) deletion() {
	for id, st := range p.op.Steps {
		st.Held, st.Next = false, p.s.Resources[id]
	}
	for moved := true; moved; {
		moved = false
		for _, id := range sorted(p.op.Steps) {
			st := p.op.Steps[id]
			ready := st.State == ""
			for _, d := range st.After {
				other := p.op.Steps[d]
				ready = ready && other.State == "done"
			}
			if ready {
				p.startDelete(st)
				moved = true
			} else if st.State == "running" && !st.Due.After(p.at) && !st.Held {
				p.finishDelete(st)
				moved = moved || st.State != "running"
			}
		}
	}
	waiting := false
	for _, st := range p.op.Steps {
		if st.State == "running" {
			waiting = true
			if !st.Held && !st.Asked {
				p.wake(st.Due)
			}
		}
	}
	if waiting {
		return
	}
	if failed := p.ended("failed"); len(failed) > 0 {
		status := "DELETE_FAILED"
		if p.op.Phase == "undo" && p.op.OnFailure != "DELETE" {
			status = "ROLLBACK_FAILED"
		}
		p.finish(status, "The following resource(s) failed to delete: ["+joined(failed)+"]. ")
		return
	}
	if p.op.Phase == "undo" && p.op.OnFailure != "DELETE" {
		p.s.Outputs = nil
		p.finish("ROLLBACK_COMPLETE", "")
		return
	}
	p.s.Outputs = nil
	p.finish("DELETE_COMPLETE", "")
}

func (p *progress) startDelete(st *step) {
	row := st.Next
	st.State = "done"
	keep := row.DeletionPolicy == "Retain" || row.DeletionPolicy == "RetainExceptOnCreate"
	if p.op.Phase == "undo" && (p.op.RetainExceptOnCreate || row.DeletionPolicy == "RetainExceptOnCreate") {
		keep = false
	}
	forced := slices.Contains(p.op.Retain, row.ID) || p.op.Force && row.Status == "DELETE_FAILED"
	switch {
	case row.Thing == "" || row.Status == "DELETE_COMPLETE" || row.Status == "DELETE_SKIPPED":
	case keep || forced:
		p.s.tell(p.at, row, row.Physical, "DELETE_SKIPPED", "", true)
		p.r.leave(row)
		row.Thing = ""
	default:
		st.State, st.Due = "running", p.at.Add(p.step)
		p.s.tell(p.at, row, row.Physical, "DELETE_IN_PROGRESS", "", true)
	}
}

func (p *progress) finishDelete(st *step) {
	row := st.Next
	f := p.w.fault(p.s, row.ID, "delete")
	if st.Held = f != nil && f.Hold; st.Held {
		return
	}
	why, thing := "", p.r.Things[row.Thing]
	switch {
	case f != nil:
		why = f.reason(row.Type)
	case row.Type == stackType:
		var gone bool
		if gone, why = p.deleteNested(row, &st.Asked); !gone && why == "" {
			return
		}
	case thing != nil:
		why = p.r.stuck(p.w, thing)
	}
	if why != "" {
		st.State = "failed"
		p.s.tell(p.at, row, row.Physical, "DELETE_FAILED", why, true)
		return
	}
	p.r.vanish(p.w, row.Thing)
	row.Thing = ""
	st.State = "done"
	p.s.tell(p.at, row, row.Physical, "DELETE_COMPLETE", "", true)
}

// leave lets what a row stands for go on without the stack.
func (r *region) leave(row *resource) {
	if thing := r.Things[row.Thing]; thing != nil {
		thing.Stack = ""
	}
	if child := r.childOf(row); child != nil {
		child.Parent, child.Root = "", ""
	}
}
