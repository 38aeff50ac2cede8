package awssim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"baryon/provisioner/awssim/template"
)

// A changeSet is a change that was worked out and not necessarily made.
type changeSet struct {
	ID, Name, Description, Kind string
	Status, Reason, Execution   string
	Created, Ready              time.Time
	To                          generation
	Changes                     []change
	Imports                     map[string]string // things by logical ID
	OnFailure                   string
	Failures                    []event // of early validation
	Operation                   string
	Warning                     string // shown with property values
	Existing, Revert            bool   // ImportExistingResources, REVERT_DRIFT
	IncludeNested               bool
	Parent, Root                string            // change sets of the stacks above
	Nested                      map[string]string // nested stacks by logical ID
	DriftStatus                 string
}

// noChanges is why an empty change set failed.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func joined(s []string) string { return strings.Join(s, ", ") }

func (s *stack) changeSet(nameOrID string) *changeSet {
	for _, cs := range s.ChangeSets {
		if cs.Name == nameOrID || cs.ID == nameOrID {
			return cs
		}
	}
	return nil
}

func createChangeSet(c *call, a args) (obj, error) {
	kind := a.get("ChangeSetType")
	if kind == "" {
		kind = "UPDATE"
	}
	s, err := c.changing(a, kind)
	if err != nil {
		return nil, err
	}
	var before generation
	if s != nil {
		before = s.Now
		if s.changeSet(a.get("ChangeSetName")) != nil {
			return nil, &apiError{400, "AlreadyExistsException", "ChangeSet " + a.get("ChangeSetName") + " already exists"}
		}
	}
	if a.get("DeploymentMode") == "REVERT_DRIFT" && kind != "UPDATE" {
		return nil, invalid("DeploymentMode REVERT_DRIFT is only supported for change sets of type UPDATE")
	}
	if a.get("OnStackFailure") == "DELETE" && kind != "CREATE" {
		return nil, invalid("OnStackFailure DELETE is only supported for change sets of type CREATE")
	}
	fresh := s == nil
	if fresh {
		if err := c.room(); err != nil {
			return nil, err
		}
		s = c.newStack(a.get("StackName"))
	}
	if len(s.ChangeSets) >= maxChangeSets {
		return nil, &apiError{400, "LimitExceededException", "ChangeSet limit exceeded for stack " + s.ID}
	}
	to, t, err := c.generation(a, before, s)
	if err != nil && !transforms(err) {
		return nil, err
	}
	late := err
	imports, err := c.imports(a, kind, t, s)
	if err != nil {
		return nil, err
	}
	if fresh {
		c.region.Stacks = append(c.region.Stacks, s)
		s.note(&c.w, c.now, "REVIEW_IN_PROGRESS", initiated)
	}
	cs := &changeSet{
		Name: a.get("ChangeSetName"), Description: a.get("Description"), Kind: kind, Created: c.now, Ready: c.now.Add(c.cfg.Step),
		To: to, Imports: imports, OnFailure: a.get("OnStackFailure"), Operation: c.w.uuid(),
		Existing: a.yes("ImportExistingResources"), Revert: a.get("DeploymentMode") == "REVERT_DRIFT",
	}
	cs.IncludeNested = a.yes("IncludeNestedStacks")
	cs.ID = c.changeSetARN(cs.Name)
	s.ChangeSets = append(s.ChangeSets, cs)
	if late != nil {
		cs.Status, cs.Execution, cs.Reason = "FAILED", "UNAVAILABLE", asAPI(late).Message
	} else {
		c.workOut(s, cs, t, a.yes("DisableValidation"))
	}
	c.w.wrote(s)
	return obj{{"Id", cs.ID}, {"StackId", s.ID}}, nil
}

func (c *call) changeSetARN(name string) string {
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:changeSet/%s/%s", c.region.partition(), c.region.Name, c.region.Account, name, c.w.uuid())
}

// changing is the stack a change set is for; nil where it is yet to be made.
func (c *call) changing(a args, kind string) (*stack, error) {
	name := a.get("StackName")
	s := c.region.find(name)
	switch {
	case kind == "UPDATE" && s == nil:
		return nil, invalid("Stack [" + name + "] does not exist")
	case kind == "UPDATE" && !s.updatable(true):
		return nil, s.wrongState()
	case kind == "CREATE" && s != nil && s.Status != "REVIEW_IN_PROGRESS":
		return nil, invalid("Stack [" + name + "] already exists and cannot be created again with the changeSet [" + a.get("ChangeSetName") + "].")
	case kind == "IMPORT" && s != nil && s.Status != "REVIEW_IN_PROGRESS" && !s.good():
		return nil, s.wrongState()
	case s == nil && strings.HasPrefix(name, "arn:"):
		return nil, invalid("Stack [" + name + "] does not exist")
	}
	return s, nil
}

func (s *stack) wrongState() error {
	return invalid("Stack:" + s.ID + " is in " + s.Status + " state and can not be updated.")
}

// good says whether a stack rests in a state that works.
func (s *stack) good() bool {
	return slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}, s.Status)
}

// updatable says whether an update may begin; paused stacks want their
// rollback disabled again.
func (s *stack) updatable(paused bool) bool {
	return s.good() || paused && (s.Status == "CREATE_FAILED" || s.Status == "UPDATE_FAILED")
}

// workOut fills in what a change set would do, or why it failed.
func (c *call) workOut(s *stack, cs *changeSet, t *template.Template, unchecked bool) {
	from := s.Now
	if s.Status == "REVIEW_IN_PROGRESS" {
		from = generation{}
	}
	cs.Status, cs.Execution = "CREATE_COMPLETE", "AVAILABLE"
	fail := func(reason string) { cs.Status, cs.Execution, cs.Reason = "FAILED", "UNAVAILABLE", reason }
	stranger := ""
	if cs.Existing {
		stranger = c.adopt(s, cs, t)
	}
	d := &difference{w: &c.w, r: c.region, s: s, from: from, to: cs.To, imports: imported(c.region, cs.Imports), revert: cs.Revert}
	if cs.IncludeNested {
		d.as = c
	}
	changes, outputs, err := d.work()
	cs.Changes, cs.Warning = changes, d.warning
	if cs.Revert {
		cs.DriftStatus = "IN_SYNC"
		if slices.ContainsFunc(changes, func(ch change) bool { return ch.Drift == "MODIFIED" || ch.Drift == "DELETED" }) {
			cs.DriftStatus = "DRIFTED"
		}
	}
	settings := !slices.Equal(from.Tags, cs.To.Tags) || from.Role != cs.To.Role || !slices.Equal(from.Notifications, cs.To.Notifications) ||
		!from.Triggers.same(cs.To.Triggers)
	switch {
	case err != nil:
		fail(asAPI(err).Message)
	case stranger != "":
		fail(stranger)
	case len(changes) == 0 && !outputs && !settings && len(t.Transforms) > 0:
		fail("No updates are to be performed.")
	case len(changes) == 0 && !outputs && !settings:
		fail(noChanges)
	case cs.Kind == "IMPORT":
		if bad := onlyImports(cs, outputs, settings && from.Template != ""); bad != "" {
			fail("As part of the import operation, you cannot modify or add [" + bad + "]")
			return
		}
		c.validateEarly(s, cs, t, fail)
	case !unchecked:
		c.validateEarly(s, cs, t, fail)
	}
	if cs.Status == "FAILED" || !cs.IncludeNested {
		return
	}
	if why := c.proposeNested(s, cs, t, unchecked); why != "" {
		fail(why)
	}
}

// adopt has a change set import what the template names and what already is in
// the account without a stack. It says why that can't be done.
func (c *call) adopt(s *stack, cs *changeSet, t *template.Template) string {
	var bad []string
	for _, res := range t.Resources {
		kind := typeOf(res.Type)
		custom := kind.customName()
		name, literal := res.Properties[custom].(string)
		thing := c.region.Things[key(res.Type, name)]
		if s.Resources[res.ID] != nil || !literal || thing == nil || thing.Stack != "" || len(kind.ID) != 1 || kind.ID[0] != custom {
			continue
		}
		if res.DeletionPolicy != "Retain" && res.DeletionPolicy != "RetainExceptOnCreate" {
			bad = append(bad, res.ID+" ({"+custom+"="+name+"})")
		}
		cs.Imports[res.ID] = key(res.Type, name)
	}
	if len(bad) == 0 {
		return ""
	}
	return "CloudFormation is attempting to import some resources because they already exist in your account. The resources must have the DeletionPolicy" +
		" attribute set to 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The affected resources are " + joined(bad)
}

func imported(r *region, things map[string]string) map[string]string {
	out := map[string]string{}
	for id, k := range things {
		if thing := r.Things[k]; thing != nil {
			out[id] = thing.Physical
		}
	}
	return out
}

// onlyImports says what else an import would do.
func onlyImports(cs *changeSet, outputs, settings bool) string {
	for _, ch := range cs.Changes {
		if ch.Action != "Import" {
			return ch.Logical
		}
	}
	switch {
	case outputs:
		return "Outputs"
	case settings:
		return "RoleArn, Tags"
	}
	return ""
}

// validateEarly finds before the execution what would certainly fail in it.
func (c *call) validateEarly(s *stack, cs *changeSet, t *template.Template, fail func(string)) {
	hooks := map[string]bool{}
	sc, err := c.region.scope(s, t, cs.To, func(string, string) (any, error) { return template.Unknown, nil })
	if err != nil {
		return
	}
	for _, ch := range cs.Changes {
		res := t.Resource(ch.Logical)
		if res == nil {
			continue
		}
		p, _, err := properties(sc, res)
		if err != nil {
			continue
		}
		say := func(hook, name, why string) {
			hooks[hook] = true
			cs.Failures = append(cs.Failures, event{
				ID: c.w.uuid(), Logical: ch.Logical, Type: ch.Type, Status: name, Reason: why, At: c.now, Operation: cs.Operation, Properties: "/Resources/" + ch.Logical,
			})
		}
		if why := validate(res.Type, res.ID, p); why != "" {
			say("AWS::EarlyValidation::PropertyValidation", "PROPERTY_VALIDATION", why)
		}
		if why := c.region.conflict(res.Type, p, s.ID); why != "" && ch.Action == "Add" {
			say("AWS::EarlyValidation::ResourceExistenceCheck", "NAME_CONFLICT_VALIDATION", why)
		}
	}
	if len(hooks) > 0 {
		fail("The following hook(s)/validation failed: [" + joined(sorted(hooks)) + "]." +
			" To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.")
	}
}

// status is what a change set shows while it is made.
func (cs *changeSet) status(now time.Time) (status, execution string) {
	switch {
	case now.Before(cs.Created.Add(cs.Ready.Sub(cs.Created) / 2)):
		return "CREATE_PENDING", "UNAVAILABLE"
	case now.Before(cs.Ready):
		return "CREATE_IN_PROGRESS", "UNAVAILABLE"
	}
	return cs.Status, cs.Execution
}

// named finds the change set that a call names.
func (c *call) named(a args) (*stack, *changeSet, error) {
	name := a.get("ChangeSetName")
	if !a.has("StackName") && !strings.HasPrefix(name, "arn:") {
		return nil, nil, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	if a.has("StackName") {
		s := c.region.find(a.get("StackName"))
		if s == nil {
			return nil, nil, invalid("Stack [" + a.get("StackName") + "] does not exist")
		}
		if cs := s.changeSet(name); cs != nil {
			return s, cs, nil
		}
		return s, nil, notFound(name)
	}
	for _, s := range c.region.Stacks {
		if cs := s.changeSet(name); cs != nil {
			return s, cs, nil
		}
	}
	return nil, nil, notFound(name)
}

func notFound(name string) error {
	return &apiError{404, "ChangeSetNotFound", "ChangeSet [" + name + "] does not exist"}
}

func deleteChangeSet(c *call, a args) (obj, error) {
	s, cs, err := c.named(a)
	if cs == nil {
		if api := asAPIOrNil(err); api != nil && api.Code == "ChangeSetNotFound" && s != nil {
			return nil, nil
		}
		return nil, err
	}
	if cs.Execution == "EXECUTE_IN_PROGRESS" {
		return nil, &apiError{400, "InvalidChangeSetStatus", "ChangeSet [" + cs.ID + "] cannot be deleted in its current status"}
	}
	if cs.Parent != "" {
		return nil, cs.belowAnother("deleted")
	}
	c.withdraw(cs)
	s.ChangeSets = slices.DeleteFunc(s.ChangeSets, func(other *changeSet) bool { return other == cs })
	return nil, nil
}

// belowAnother refuses what has to be asked of the change set at the top.
func (cs *changeSet) belowAnother(what string) error {
	return invalid("ChangeSet [" + cs.ID + "] belongs to a nested stack and cannot be " + what + " by itself: use the root change set [" + cs.Root + "]")
}

func asAPIOrNil(err error) *apiError {
	if err == nil {
		return nil
	}
	return asAPI(err)
}

func executeChangeSet(c *call, a args) (obj, error) {
	s, cs, err := c.named(a)
	if err != nil {
		return nil, err
	}
	status, execution := cs.status(c.now)
	switch {
	case cs.Parent != "":
		return nil, cs.belowAnother("executed")
	case status != "CREATE_COMPLETE":
		return nil, &apiError{400, "InvalidChangeSetStatus", "ChangeSet [" + cs.ID + "] cannot be executed in its current status of [" + status + "]"}
	case execution != "AVAILABLE":
		return nil, &apiError{400, "InvalidChangeSetStatus", "ChangeSet [" + cs.ID + "] cannot be executed in its current execution status of [" + execution + "]"}
	case cs.OnFailure != "" && a.yes("DisableRollback"):
		return nil, invalid("You cannot specify DisableRollback when the change set has OnStackFailure")
	case s.Status != "REVIEW_IN_PROGRESS" && !s.updatable(a.yes("DisableRollback")):
		return nil, s.wrongState()
	}
	if err := c.assumable(cs.To.Role); err != nil {
		return nil, err
	}
	kind := map[string]string{"CREATE": "create", "UPDATE": "update", "IMPORT": "import"}[cs.Kind]
	if kind == "update" && s.Status == "REVIEW_IN_PROGRESS" {
		kind = "create"
	}
	cs.Execution = "EXECUTE_IN_PROGRESS"
	s.ChangeSets = slices.DeleteFunc(s.ChangeSets, func(other *changeSet) bool { return other != cs && other.Execution == "AVAILABLE" })
	s.ChangeSet = cs.ID
	if s.Updated.IsZero() || kind != "create" {
		s.Updated = c.now
	}
	op := &operation{
		Kind: kind, To: cs.To, Token: a.get("ClientRequestToken"), Set: cs.ID, Imports: cs.Imports, Revert: cs.Revert, Sets: cs.Nested,
		RetainExceptOnCreate: a.yes("RetainExceptOnCreate"), OnFailure: onFailure(cs.OnFailure, a.yes("DisableRollback")),
	}
	c.begin(s, op)
	return nil, nil
}

func onFailure(said string, disable bool) string {
	switch {
	case disable:
		return "DO_NOTHING"
	case said == "":
		return "ROLLBACK"
	}
	return said
}
