package awssim

import (
	"reflect"
	"strconv"
	"strings"
)

// startReady starts what waits for nothing any more, and says whether it
// started anything.
func (p *progress) startReady() bool {
	started := false
	for _, id := range sorted(p.op.Steps) {
		st := p.op.Steps[id]
		ready := st.State == ""
		for _, d := range st.After {
			ready = ready && p.op.Steps[d].State == "done"
		}
		if ready {
			p.start(id, st)
			started = true
		}
	}
	return started
}

// start begins the step of one resource: it decides what is to be done.
func (p *progress) start(id string, st *step) {
	res := p.t.Resource(id)
	row := &resource{ID: id, Type: res.Type, DeletionPolicy: res.DeletionPolicy, UpdateReplacePolicy: res.UpdateReplacePolicy, After: st.After}
	st.Next, st.State, st.Do = row, "running", "create"
	was := p.s.Resources[id]
	if was != nil && (was.Thing == "" || p.op.Revert && p.r.Things[was.Thing] == nil) {
		was = nil // a creation that failed, or what somebody deleted
	}
	if was != nil {
		st.Do = "update"
		row.Physical, row.Thing = was.Physical, was.Thing
	}
	var err error
	if row.Properties, row.Metadata, err = properties(p.sc, res); err != nil && strings.HasPrefix(asAPI(err).Message, "No export named") {
		p.op.Halt, st.State = asAPI(err).Message+". ", "halted" // the stack fails, not the resource
		return
	}
	if err != nil {
		p.failStep(id, st, asAPI(err).Message)
		return
	}
	row.Veiled = veiled(p.sc, res, p.op.To.Hidden)
	switch {
	case p.op.Imports[id] != "":
		p.startImport(id, st)
	case res.Type == stackType:
		p.startNested(id, st, was)
	case was == nil:
		p.startCreate(id, st, "")
	default:
		p.startUpdate(id, st, was)
	}
}

func (p *progress) startImport(id string, st *step) {
	thing := p.r.Things[p.op.Imports[id]]
	st.Do = "import"
	if thing == nil || thing.Stack != "" {
		p.failStep(id, st, "The resource to import is gone, or another stack's")
		return
	}
	st.Next.Physical, st.Next.Thing = thing.Physical, p.op.Imports[id]
	thing.Stack, thing.Logical = p.s.ID, id
	p.s.Resources[id] = st.Next
	p.s.tell(p.at, st.Next, thing.Physical, "IMPORT_IN_PROGRESS", "Resource import started.", true)
	st.Due = p.at.Add(p.step)
}

// startCreate makes the thing; reason is why, when it replaces another.
func (p *progress) startCreate(id string, st *step, old string) {
	verb, why := "CREATE", ""
	if st.Do == "replace" {
		verb, why = "UPDATE", "Requested update requires the creation of a new physical resource; hence creating one."
	}
	row := st.Next
	if st.Do == "create" {
		p.s.Resources[id] = row
	}
	p.s.tell(p.at, row, old, verb+"_IN_PROGRESS", why, true)
	real, err := p.r.dynamic(row.Properties)
	if err != nil {
		p.failStep(id, st, asAPI(err).Message)
		return
	}
	if why := validate(row.Type, id, row.Properties); why != "" {
		p.failStep(id, st, why)
		return
	}
	if why := handlerRefuses(row.Type, real); why != "" {
		p.failStep(id, st, why)
		return
	}
	if st.Waits, err = p.waitsFor(id, row); err != nil {
		p.failStep(id, st, asAPI(err).Message)
		return
	}
	if why := p.r.conflict(row.Type, row.Properties, p.s.ID); why != "" && (st.Do != "replace" || p.elsewhere(row)) {
		p.failStep(id, st, why)
		return
	}
	if b := p.w.Buckets[shown(real["BucketName"])]; row.Type == "AWS::S3::Bucket" && b != nil && b.Account != p.r.Account {
		p.failStep(id, st, shown(real["BucketName"])+" already exists") // names of buckets are the world's
		return
	}
	thing := p.r.create(p.w, p.s, id, row.Type, real, p.at)
	if row.Type == handleType {
		thing.Physical = p.as.handleAddress(p.s, id)
	}
	row.Physical, row.Thing = thing.Physical, key(thing.Type, thing.ID)
	p.s.tell(p.at, row, row.Physical, verb+"_IN_PROGRESS", "Resource creation Initiated", true)
	st.Due = p.at.Add(p.step)
}

// elsewhere says whether the name of a replacement is someone else's.
func (p *progress) elsewhere(row *resource) bool {
	was := p.op.Before[row.ID]
	t := typeOf(row.Type)
	return was == nil || was.Properties[t.customName()] != row.Properties[t.customName()]
}

// startUpdate compares and decides between nothing, a change and a
// replacement.
func (p *progress) startUpdate(id string, st *step, was *resource) {
	row, t := st.Next, typeOf(st.Next.Type)
	diffs := changed(was.Properties, row.Properties)
	retag := p.op.NewTags && t.Tags != ""
	if len(diffs) == 0 && reflect.DeepEqual(was.Metadata, row.Metadata) && !retag && !p.drifted(was) {
		row.Status, row.Reason, row.Updated, row.Drift = was.Status, was.Reason, was.Updated, was.Drift
		p.s.Resources[id] = row
		st.Do, st.State = "none", "done"
		return
	}
	action := "Update:Modify"
	policy, err := p.groupPolicy(id, row)
	if err != nil {
		p.refuseUpdate(id, st, was, asAPI(err).Message)
		return
	}
	if t.replaced(was.Properties, row.Properties) || policy.replaces && t.mayBeReplaced(was.Properties, row.Properties) {
		st.Do, action = "replace", "Update:Replace"
		row.Physical, row.Thing = "", ""
	}
	custom := t.customName()
	name, _ := row.Properties[custom].(string)
	switch {
	case policy.refused != "" && len(diffs) > 0:
		p.refuseUpdate(id, st, was, policy.refused)
	case unchangeable(row.Type) && len(diffs) > 0:
		p.refuseUpdate(id, st, was, "Update to resource type "+row.Type+" is not supported")
	case p.denied(action, id, row.Type) != "":
		p.refuseUpdate(id, st, was, p.denied(action, id, row.Type))
	case st.Do == "replace" && name != "" && name == was.Properties[custom]:
		p.refuseUpdate(id, st, was, "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "+name+" and update the stack again.")
	case st.Do == "replace":
		p.startCreate(id, st, was.Physical)
		if st.State == "failed" {
			p.s.Resources[id] = was
			return
		}
		p.s.Resources[id] = row
	default:
		p.s.tell(p.at, row, row.Physical, "UPDATE_IN_PROGRESS", "", true)
		if why := validate(row.Type, id, row.Properties); why != "" {
			p.failStep(id, st, why)
			return
		}
		st.Due = p.at.Add(p.step)
	}
}

// A groupPolicy is what the UpdatePolicy of a group of instances means for its
// update.
type groupPolicy struct {
	replaces bool   // the group is made anew where the schema says that it may be
	refused  string // why the update can't be made
}

// groupPolicy reads the UpdatePolicy of a group of instances. A rolling update
// needs room: an instance that goes before another comes.
func (p *progress) groupPolicy(id string, row *resource) (out groupPolicy, err error) {
	if row.Type != "AWS::AutoScaling::AutoScalingGroup" {
		return out, nil
	}
	v, err := p.sc.Eval(p.t.Resource(id).UpdatePolicy)
	m, _ := v.(map[string]any)
	replacing, _ := m["AutoScalingReplacingUpdate"].(map[string]any)
	rolling, _ := m["AutoScalingRollingUpdate"].(map[string]any)
	out.replaces = strings.EqualFold(shown(replacing["WillReplace"]), "true")
	most, mostErr := strconv.Atoi(shown(row.Properties["MaxSize"]))
	least, leastErr := strconv.Atoi(shown(rolling["MinInstancesInService"]))
	if !out.replaces && mostErr == nil && leastErr == nil && least >= most {
		out.refused = "MinInstancesInService must be less than the autoscaling group's MaxSize"
	}
	return out, err
}

// drifted says whether a live resource is to be brought back.
func (p *progress) drifted(was *resource) bool {
	thing := p.r.Things[was.Thing]
	return p.op.Revert && thing != nil && len(differences(was, thing)) > 0
}

func unchangeable(typ string) bool {
	return typ == waitType || typ == handleType
}

// refuseUpdate fails a step that never began on the thing itself.
func (p *progress) refuseUpdate(id string, st *step, was *resource, why string) {
	st.Next.Physical, st.Next.Thing, st.Do = was.Physical, was.Thing, "update"
	st.Next.Properties, st.Next.Veiled = was.Properties, was.Veiled
	p.failStep(id, st, why)
}

// failStep ends a step badly.
func (p *progress) failStep(id string, st *step, why string) {
	st.State = "failed"
	verb := "CREATE"
	if st.Do == "update" || st.Do == "replace" {
		verb = "UPDATE"
	}
	if st.Do == "import" {
		verb = "IMPORT"
	}
	p.s.tell(p.at, st.Next, st.Next.Physical, verb+"_FAILED", why, true)
	if p.s.Resources[id] == nil {
		p.s.Resources[id] = st.Next
	}
}

// finishStep ends a step whose time has come, unless somebody holds it.
func (p *progress) finishStep(id string, st *step) {
	f := p.w.fault(p.s, id, st.Do)
	if st.Held = f != nil && f.Hold; st.Held {
		return
	}
	if f != nil {
		p.failStep(id, st, f.reason(st.Next.Type))
		return
	}
	row := st.Next
	if st.Do == "update" {
		thing := p.r.Things[row.Thing]
		if thing == nil {
			p.failStep(id, st, "Resource handler returned message: \"Resource of type '"+row.Type+"' with identifier '"+row.Physical+
				"' was not found.\" (RequestToken: "+p.w.uuid()+", HandlerErrorCode: NotFound)")
			return
		}
		real, err := p.r.dynamic(row.Properties)
		if err != nil {
			p.failStep(id, st, asAPI(err).Message)
			return
		}
		if why := handlerRefuses(row.Type, real); why != "" {
			p.failStep(id, st, why)
			return
		}
		p.change(thing, p.op.Before[id], real)
		if p.op.Revert {
			for k := range real {
				if typeOf(row.Type).recreation(place{k}) != "Always" {
					thing.Properties[k] = deep(real[k])
				}
			}
		}
	}
	p.completeStep(id, st)
}

// completeStep ends a step well.
func (p *progress) completeStep(id string, st *step) {
	row := st.Next
	p.s.Resources[id] = row
	st.State = "done"
	verb := map[string]string{"create": "CREATE", "update": "UPDATE", "replace": "UPDATE", "import": "IMPORT"}[st.Do]
	p.s.tell(p.at, row, row.Physical, verb+"_COMPLETE", "", true)
	if st.Do == "replace" {
		if was := p.op.Before[id]; row.UpdateReplacePolicy != "Retain" {
			p.op.Cleanup = append(p.op.Cleanup, &cleanup{Row: was, Quiet: true})
		} else if thing := p.r.Things[was.Thing]; thing != nil {
			thing.Stack = ""
		}
	}
}

// change gives a thing the properties that the templates before and after
// disagree on. What was changed behind the stack's back stays as it is.
func (p *progress) change(thing *Thing, was *resource, to map[string]any) {
	for _, k := range changed(was.Properties, to) {
		if v, ok := to[k]; ok {
			thing.Properties[k] = deep(v)
		} else {
			delete(thing.Properties, k)
		}
	}
	p.r.appear(p.w, thing, p.at)
}
