package awssim

import (
	"maps"
	"slices"
	"time"

	"baryon/provisioner/awssim/template"
)

// An operation is a stack on its way from one state to another.
type operation struct {
	ID, Kind, Phase, Token, Set string
	To, Prior                   generation
	Steps                       map[string]*step
	OnFailure                   string // ROLLBACK, DO_NOTHING or DELETE
	RetainExceptOnCreate        bool
	Force                       bool
	Revert                      bool // live resources are brought back to the template
	Imports                     map[string]string
	Sets                        map[string]string // reviewed nested stacks by logical ID
	Nested                      bool              // another operation asked for it
	Retain                      []string
	Before                      map[string]*resource // the rows it began with
	Cleanup                     []*cleanup
	Leftover                    bool // something could not be cleaned up
	Cancelled                   bool
	NewTags                     bool
	PolicyOverride              string
	Halt                        string // why it can't go on
	Former                      string // the status it began in
	Began, Due                  time.Time
	Watched                     time.Time // until when its alarms are

	read *template.Template // To, once it was read
}

// A step is what an operation does to one resource.
type step struct {
	State string // "", running, done, failed or cancelled
	Do    string // create, update, replace, import, delete or none
	After []string
	Due   time.Time
	Next  *resource // the row once it is done
	Child string    // the nested stack that it waits for
	Waits *waiting  // the signals that it waits for
	Asked bool      // that stack was asked to go
	Held  bool
}

type cleanup struct {
	Row   *resource
	Due   time.Time
	Tries int
	Begun bool
	Quiet bool // its row is already another's
	Asked bool // the nested stack that it is was asked to go
	Held  bool
}

// begin starts an operation. The first step is made when time next passes.
func (c *call) begin(s *stack, op *operation) { c.w.begin(c.now, s, op) }

func (w *world) begin(now time.Time, s *stack, op *operation) {
	op.ID, op.Began, op.Due, op.Former = w.uuid(), now, now, s.Status
	if !op.Nested {
		w.Begun[op.Token]++
	}
	w.wrote(s)
	op.Before = maps.Clone(s.Resources)
	s.Op = op
	switch op.Kind {
	case "delete":
		op.startDelete(s, func(*resource) bool { return true })
		s.Deleted = now
		s.note(w, now, "DELETE_IN_PROGRESS", op.reason())
		return
	case "rollback":
		op.Phase = "restore"
		s.note(w, now, "UPDATE_ROLLBACK_IN_PROGRESS", op.reason())
		return
	}
	op.Prior, op.Phase, op.NewTags = s.Now, "forward", !slices.Equal(s.Now.Tags, op.To.Tags)
	if s.good() {
		s.Good = s.Now
	}
	s.Now = op.To
	status := map[string]string{"create": "CREATE", "update": "UPDATE", "import": "IMPORT"}[op.Kind]
	s.note(w, now, status+"_IN_PROGRESS", op.reason())
}

// reason is why an operation was begun.
func (op *operation) reason() string {
	if op.Nested {
		return ""
	}
	return initiated
}

// settle lets the time pass that has passed, in the order of what was due.
func (c *call) settle(now time.Time) {
	for range 1_000_000 {
		var next *stack
		var in *region
		for _, k := range sorted(c.w.Regions) {
			for _, s := range c.w.Regions[k].Stacks {
				if s.Op != nil && !s.Op.Due.IsZero() && !s.Op.Due.After(now) && (next == nil || s.Op.Due.Before(next.Op.Due)) {
					next, in = s, c.w.Regions[k]
				}
			}
		}
		if next == nil {
			return
		}
		at := next.Op.Due
		p := &progress{
			w: &c.w, r: in, s: next, op: next.Op, at: at, step: c.cfg.Step,
			as: &call{Sim: c.Sim, now: at, id: c.id, who: c.who, regionName: in.Name, region: in},
		}
		next.Op.Due = time.Time{}
		p.run()
	}
}

// A progress is one moment of an operation.
type progress struct {
	as   *call // in whose name nested stacks are asked for
	w    *world
	r    *region
	s    *stack
	op   *operation
	at   time.Time
	step time.Duration
	t    *template.Template
	sc   *template.Scope
}

func (p *progress) run() {
	switch p.op.Phase {
	case "forward":
		p.forward()
	case "restore":
		p.restore()
	case "cleanup", "restored":
		p.cleanUp()
	case "delete", "undo":
		p.deletion()
	}
}

// wake sets when to look again.
func (p *progress) wake(at time.Time) {
	if p.op.Due.IsZero() || at.Before(p.op.Due) {
		p.op.Due = at
	}
}

// finish ends the operation.
func (p *progress) finish(status, reason string) {
	p.s.note(p.w, p.at, status, reason)
	p.executed(p.s.good() && status != "UPDATE_ROLLBACK_COMPLETE" && status != "IMPORT_ROLLBACK_COMPLETE")
	if p.s.good() {
		p.s.EverGood, p.s.Failed = true, nil
		p.s.Good = p.s.Now
		p.s.Drift = ""
	}
	p.s.Op = nil
	p.w.wrote(p.s)
	p.wakeParent()
}

// executed notes on the change set of the operation what became of it.
func (p *progress) executed(well bool) {
	for _, cs := range p.s.ChangeSets {
		if cs.ID == p.op.Set && cs.Execution == "EXECUTE_IN_PROGRESS" {
			cs.Execution = map[bool]string{true: "EXECUTE_COMPLETE", false: "EXECUTE_FAILED"}[well]
		}
	}
}

// prepare reads the template of the operation and lists its steps, once.
func (p *progress) prepare() error {
	if p.op.read == nil {
		t, err := p.w.parse(p.r, p.s, p.op.To)
		if err != nil {
			return err
		}
		p.op.read = t
	}
	var err error
	p.t = p.op.read
	p.sc, err = p.r.scope(p.s, p.t, p.op.To, func(id, attr string) (any, error) { return p.r.attribute(p.s, id, attr) })
	if err != nil {
		return err
	}
	if p.op.Steps != nil {
		return nil
	}
	if why := p.r.absent(p.t, p.op.To); why != "" {
		return invalid(why)
	}
	p.op.Steps = map[string]*step{}
	if p.s.Resources == nil {
		p.s.Resources = map[string]*resource{}
	}
	for id, after := range p.t.Edges(p.sc.Conditions) {
		p.op.Steps[id] = &step{After: after}
	}
	return nil
}

func (p *progress) forward() {
	if err := p.prepare(); err != nil {
		p.fail(asAPI(err).Message + ". ")
		return
	}
	if why := p.op.To.Triggers.breached(p.r); why != "" {
		p.fail(why)
		return
	}
	for _, id := range sorted(p.op.Steps) {
		st := p.op.Steps[id]
		switch {
		case st.State == "running" && st.Child != "":
			p.watchNested(id, st)
		case st.State == "running" && st.Waits != nil && !st.Due.After(p.at):
			p.await(id, st)
		case st.State == "running" && !st.Due.After(p.at):
			p.finishStep(id, st)
		}
	}
	if p.op.Kind == "create" && p.s.Timeout > 0 && !p.at.Before(p.op.Began.Add(time.Duration(p.s.Timeout)*time.Minute)) {
		p.fail("")
		return
	}
	failed := len(p.ended("failed")) > 0
	if (failed || p.op.Cancelled) && p.op.OnFailure != "DO_NOTHING" {
		p.fail("")
		return
	}
	for p.startReady() {
		if p.op.Halt != "" {
			p.fail(p.op.Halt)
			return
		}
		if failed = len(p.ended("failed")) > 0; failed && p.op.OnFailure != "DO_NOTHING" {
			p.fail("")
			return
		}
	}
	left := 0
	for _, st := range p.op.Steps {
		switch {
		case st.State == "running" && !st.Held && st.Child == "" && (st.Waits == nil || st.Due.After(p.at)):
			p.wake(st.Due)
			left++
		case st.State == "running" || st.State == "" && !failed:
			left++
		}
	}
	if p.op.Kind == "create" && p.s.Timeout > 0 && left > 0 {
		p.wake(p.op.Began.Add(time.Duration(p.s.Timeout) * time.Minute))
	}
	switch {
	case left > 0:
	case failed:
		p.paused()
	case p.monitored():
		p.succeed()
	}
}

// ended are the steps in a state, sorted.
func (p *progress) ended(state string) []string {
	var out []string
	for _, id := range sorted(p.op.Steps) {
		if p.op.Steps[id].State == state {
			out = append(out, id)
		}
	}
	return out
}

// paused ends an operation that failed and is not to be rolled back.
func (p *progress) paused() {
	status := map[string]string{"create": "CREATE_FAILED", "update": "UPDATE_FAILED", "import": "IMPORT_ROLLBACK_FAILED"}[p.op.Kind]
	op := p.op
	p.finish(status, p.failures())
	p.s.Failed = op
}

// failures names what failed in the words of the stack's own events.
func (p *progress) failures() string {
	var created, updated []string
	for _, id := range sorted(p.op.Steps) {
		switch st := p.op.Steps[id]; {
		case st.State != "failed" && st.State != "cancelled":
		case st.Do == "update" || st.Do == "replace" && p.op.Before[id] != nil:
			updated = append(updated, id)
		default:
			created = append(created, id)
		}
	}
	out := ""
	if len(created) > 0 {
		out += "The following resource(s) failed to create: [" + joined(created) + "]. "
	}
	if len(updated) > 0 {
		out += "The following resource(s) failed to update: [" + joined(updated) + "]. "
	}
	return out
}

// fail cancels what runs and begins the way back.
func (p *progress) fail(why string) {
	for _, id := range sorted(p.op.Steps) {
		st := p.op.Steps[id]
		if st.State != "running" {
			continue
		}
		st.State = "cancelled"
		p.cancelNested(st)
		verb, text := "CREATE", "Resource creation cancelled"
		if st.Do == "update" {
			verb, text = "UPDATE", "Resource update cancelled"
		}
		p.s.tell(p.at, st.Next, st.Next.Physical, verb+"_FAILED", text, true)
		if p.s.Resources[id] == nil || st.Do == "replace" {
			p.s.Resources[id] = st.Next
		}
	}
	reason := why + p.failures()
	if p.op.Kind != "update" {
		reason += "Rollback requested by user."
	}
	if p.op.Cancelled {
		reason = initiated
	}
	p.op.Due = p.at
	switch {
	case p.op.OnFailure == "DO_NOTHING":
		p.finish(map[string]string{"create": "CREATE_FAILED", "update": "UPDATE_FAILED", "import": "IMPORT_ROLLBACK_FAILED"}[p.op.Kind], why)
	case p.op.OnFailure == nestedOnly && p.op.Kind == "create":
		p.finish("CREATE_FAILED", why+p.failures())
	case p.op.Kind == "update":
		p.op.Phase = "restore"
		p.s.note(p.w, p.at, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
		p.wakeParent()
	case p.op.Kind == "import" && p.op.Prior.Template != "":
		p.s.Resources, p.s.Now = p.op.Before, p.op.Prior
		p.s.note(p.w, p.at, "IMPORT_ROLLBACK_IN_PROGRESS", reason)
		p.finish("IMPORT_ROLLBACK_COMPLETE", "")
	default:
		status := "ROLLBACK_IN_PROGRESS"
		if p.op.OnFailure == "DELETE" {
			status = "DELETE_IN_PROGRESS"
		}
		p.s.Deleted = p.at
		p.s.note(p.w, p.at, status, reason)
		p.op.startDelete(p.s, func(r *resource) bool { return r.Thing != "" })
		p.op.Phase = "undo"
	}
}

// succeed works out the outputs and goes on to clean up.
func (p *progress) succeed() {
	outputs, err := outputsOf(p.t, p.sc)
	if err != nil {
		p.fail(asAPI(err).Message + ". ")
		return
	}
	if why := p.exports(outputs); why != "" {
		p.fail(why + ". ")
		return
	}
	p.s.Outputs = outputs
	for _, r := range p.t.Resources {
		if row := p.s.Resources[r.ID]; row != nil && p.op.Steps[r.ID] != nil {
			row.DeletionPolicy, row.UpdateReplacePolicy = r.DeletionPolicy, r.UpdateReplacePolicy
			row.After = p.op.Steps[r.ID].After
		}
	}
	if p.op.Kind != "update" {
		p.finish(map[string]string{"create": "CREATE_COMPLETE", "import": "IMPORT_COMPLETE"}[p.op.Kind], "")
		return
	}
	for _, id := range sorted(p.s.Resources) {
		if p.op.Steps[id] == nil {
			p.op.Cleanup = append(p.op.Cleanup, &cleanup{Row: p.s.Resources[id]})
			delete(p.s.Resources, id)
		}
	}
	p.s.note(p.w, p.at, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
	if p.op.Nested {
		p.op.Phase = held
		p.wakeParent()
		return
	}
	p.op.Phase, p.op.Due = "cleanup", p.at
}

// exports refuses names that are taken and changes of what others import.
func (p *progress) exports(outputs []output) string {
	after := map[string]string{}
	for _, o := range outputs {
		if o.Export == "" {
			continue
		}
		if other, _ := p.r.exporter(o.Export, p.s); other != nil {
			return "Export with name " + o.Export + " is already exported by stack " + other.Name
		}
		if _, twice := after[o.Export]; twice {
			return "Export with name " + o.Export + " is already exported by stack " + p.s.Name
		}
		after[o.Export] = o.Value
	}
	for _, o := range p.s.Outputs {
		if v, kept := after[o.Export]; o.Export != "" && (!kept || v != o.Value) {
			if users := p.w.importers(p.r, o.Export); len(users) > 0 {
				return "Export " + o.Export + " cannot be updated as it is in use by " + joined(users)
			}
		}
	}
	return ""
}
