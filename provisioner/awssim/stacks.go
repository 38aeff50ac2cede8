package awssim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"baryon/provisioner/awssim/template"
)

// actions are the calls of CloudFormation that are answered.
var actions = map[string]action{
	"CreateStack":                       {do: createStack, rule: []string{"StackName"}},
	"UpdateStack":                       {do: updateStack, rule: []string{"StackName"}},
	"DeleteStack":                       {do: deleteStack, bare: true, rule: []string{"StackName"}},
	"CancelUpdateStack":                 {do: cancelUpdate, bare: true, rule: []string{"StackName"}},
	"ContinueUpdateRollback":            {do: continueRollback, rule: []string{"StackName"}},
	"RollbackStack":                     {do: rollbackStack, rule: []string{"StackName"}},
	"UpdateTerminationProtection":       {do: protect, rule: []string{"StackName", "EnableTerminationProtection"}},
	"SetStackPolicy":                    {do: setPolicy, bare: true, rule: []string{"StackName"}},
	"GetStackPolicy":                    {do: getPolicy, rule: []string{"StackName"}},
	"CreateChangeSet":                   {do: createChangeSet, rule: []string{"StackName", "ChangeSetName"}},
	"DescribeChangeSet":                 {do: describeChangeSet, rule: []string{"ChangeSetName"}},
	"ExecuteChangeSet":                  {do: executeChangeSet, rule: []string{"ChangeSetName"}},
	"DeleteChangeSet":                   {do: deleteChangeSet, rule: []string{"ChangeSetName"}},
	"ListChangeSets":                    {do: listChangeSets, rule: []string{"StackName"}},
	"DescribeStacks":                    {do: describeStacks},
	"ListStacks":                        {do: listStacks},
	"DescribeStackEvents":               {do: describeStackEvents, rule: []string{"StackName"}},
	"DescribeEvents":                    {do: describeEvents},
	"DescribeStackResources":            {do: describeStackResources},
	"DescribeStackResource":             {do: describeStackResource, rule: []string{"StackName", "LogicalResourceId"}},
	"ListStackResources":                {do: listStackResources, rule: []string{"StackName"}},
	"GetTemplate":                       {do: getTemplate},
	"GetTemplateSummary":                {do: getTemplateSummary},
	"ValidateTemplate":                  {do: validateTemplate},
	"ListExports":                       {do: listExports},
	"ListImports":                       {do: listImports, rule: []string{"ExportName"}},
	"DetectStackDrift":                  {do: detectDrift, rule: []string{"StackName"}},
	"DescribeStackDriftDetectionStatus": {do: driftStatus, rule: []string{"StackDriftDetectionId"}},
	"DescribeStackResourceDrifts":       {do: resourceDrifts, rule: []string{"StackName"}},
	"SignalResource":                    {do: signalResource, bare: true, rule: []string{"StackName", "LogicalResourceId", "UniqueId", "Status"}},
	"DetectStackResourceDrift":          {do: detectResourceDrift, rule: []string{"StackName", "LogicalResourceId"}},
	"EstimateTemplateCost":              {do: estimateCost},
	"DescribeAccountLimits":             {do: accountLimits},
	"DescribeChangeSetHooks":            {do: changeSetHooks, rule: []string{"ChangeSetName"}},
	"ListHookResults":                   {do: hookResults},
}

func (c *call) newStack(name string) *stack {
	id := fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", c.region.partition(), c.region.Name, c.region.Account, name, c.w.uuid())
	return &stack{ID: id, Name: name, Created: c.now, Resources: map[string]*resource{}}
}

// body finds the template a call names.
func (c *call) body(a args, before generation) (string, error) {
	b, url := a.get("TemplateBody"), a.get("TemplateURL")
	previous := a.yes("UsePreviousTemplate")
	switch {
	case previous && b+url != "":
		return "", invalid("You cannot specify both usePreviousTemplate and Template Body/Template URL")
	case previous && before.Template == "":
		return "", invalid("Either Template URL or Template Body must be specified.")
	case previous:
		return before.Template, nil
	case b != "":
		return b, nil
	case url != "":
		return c.fetch(url)
	}
	return "", invalid("Either Template URL or Template Body must be specified.")
}

// generation reads what a stack is to be made from.
func (c *call) generation(a args, before generation, s *stack) (generation, *template.Template, error) {
	text, err := c.body(a, before)
	if err != nil {
		return generation{}, nil, err
	}
	g := generation{Template: text, Tags: before.Tags, Capabilities: a.strings("Capabilities"), Notifications: before.Notifications, Role: before.Role}
	t, err := c.w.parse(c.region, s, g)
	if err != nil && !transforms(err) {
		return generation{}, nil, err
	}
	g.Description = t.Description
	for _, p := range t.Parameters {
		if p.NoEcho {
			g.Hidden = append(g.Hidden, p.Name)
		}
	}
	if g.Triggers, err = triggersOf(a, before.Triggers); err != nil {
		return g, t, err
	}
	if g.Parameters, g.Resolved, err = c.parameters(t, a, before); err != nil {
		return g, t, err
	}
	var late error
	if len(t.Transforms) > 0 || transforms(err) { // with the values, loops can be unrolled
		if t, late = c.w.parse(c.region, s, g); late != nil && !transforms(late) {
			return g, t, late
		}
	}
	if a.given("Tags") {
		if g.Tags, err = tagsOf(a); err != nil {
			return g, t, err
		}
	}
	if a.given("NotificationARNs") {
		g.Notifications = a.strings("NotificationARNs")
	}
	if a.has("RoleARN") {
		g.Role = a.get("RoleARN")
	}
	if err := c.assumable(g.Role); err != nil {
		return g, t, err
	}
	if err := allowed(t, a.strings("ResourceTypes")); err != nil {
		return g, t, err
	}
	if err := capable(t, g.Capabilities, a.has("ChangeSetName")); err != nil {
		return g, t, err
	}
	if late != nil {
		return g, t, late
	}
	sc, err := c.region.scope(s, t, g, nil)
	if err != nil {
		return g, t, err
	}
	if err := sc.Obey(c.region.lookup); err != nil {
		return g, t, err
	}
	return g, t, t.Unresolved(sc.Conditions)
}

// transforms says whether an error is that of a transform, which the service
// finds only after it has begun.
func transforms(err error) bool {
	_, ok := errors.AsType[*template.TransformError](err)
	return ok
}

func tagsOf(a args) ([]pair, error) {
	var tags []pair
	for _, t := range a.structs("Tags") {
		if strings.HasPrefix(t.get("Key"), "aws:") {
			return nil, invalid("aws: prefixed tag key names are not allowed for external use.")
		}
		tags = append(tags, pair{t.get("Key"), t.get("Value")})
	}
	if len(tags) > 50 {
		return nil, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	slices.SortFunc(tags, func(x, y pair) int { return strings.Compare(x.Key, y.Key) })
	return tags, nil
}

func (c *call) assumable(role string) error {
	if role != "" && c.w.Broken[role] {
		return invalid("Role ARN is invalid or cannot be assumed")
	}
	return nil
}

// allowed holds a template to the resource types a caller allows.
func allowed(t *template.Template, only []string) error {
	if len(only) == 0 {
		return nil
	}
	for _, typ := range t.Types() {
		if !slices.ContainsFunc(only, func(p string) bool {
			return p == typ || strings.HasSuffix(p, "*") && strings.HasPrefix(typ, strings.TrimSuffix(p, "*"))
		}) {
			return invalid("Resource type " + typ + " is not allowed by parameter ResourceTypes [" + joined(only) + "]")
		}
	}
	return nil
}

// iamTypes need a capability; those with names of their own another.
var iamTypes = []string{"AccessKey", "Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User", "UserToGroupAddition"}

// needed are the capabilities a template asks for, and why.
func needed(t *template.Template) (capability string, because []string) {
	for _, r := range t.Resources {
		kind, ok := strings.CutPrefix(r.Type, "AWS::IAM::")
		if !ok || !slices.Contains(iamTypes, kind) {
			continue
		}
		if !slices.Contains(because, r.Type) {
			because = append(because, r.Type)
		}
		if capability == "" {
			capability = "CAPABILITY_IAM"
		}
		if custom := typeOf(r.Type).customName(); custom != "" && r.Properties[custom] != nil {
			capability = "CAPABILITY_NAMED_IAM"
		}
	}
	slices.Sort(because)
	return capability, because
}

// capable refuses what a caller did not acknowledge.
func capable(t *template.Template, given []string, set bool) error {
	capability, _ := needed(t)
	var missing []string
	has := slices.Contains(given, capability) || capability == "CAPABILITY_IAM" && slices.Contains(given, "CAPABILITY_NAMED_IAM")
	if capability != "" && !has {
		missing = append(missing, capability)
	}
	if len(t.Transforms) > 0 && !set && !slices.Contains(given, "CAPABILITY_AUTO_EXPAND") {
		missing = append(missing, "CAPABILITY_AUTO_EXPAND")
	}
	if len(missing) > 0 {
		return &apiError{400, "InsufficientCapabilitiesException", "Requires capabilities : [" + joined(missing) + "]"}
	}
	return nil
}

// imports finds the live resources that a change set is to take over.
func (c *call) imports(a args, kind string, t *template.Template, s *stack) (map[string]string, error) {
	out := map[string]string{}
	for _, want := range a.structs("ResourcesToImport") {
		id, typ := want.get("LogicalResourceId"), want.get("ResourceType")
		identifier := want.entries("ResourceIdentifier")
		res := t.Resource(id)
		switch {
		case kind != "IMPORT":
			return nil, invalid("ResourcesToImport can only be specified for change sets of type IMPORT")
		case res == nil || res.Type != typ:
			return nil, invalid("Resources [" + id + "] is missing from the template")
		case res.DeletionPolicy == "":
			return nil, invalid("Resources to import must have a DeletionPolicy attribute specified in the template: [" + id + "]")
		}
		parts := []string{}
		for _, k := range typeOf(typ).ID {
			if identifier[k] == "" {
				return nil, invalid("Identifiers [" + joined(sorted(identifier)) + "] do not match the identifiers of " + typ + ": [" + joined(typeOf(typ).ID) + "]")
			}
			parts = append(parts, identifier[k])
		}
		where := key(typ, strings.Join(parts, "|"))
		thing := c.region.Things[where]
		switch {
		case thing == nil:
			return nil, invalid("Resource of type '" + typ + "' with identifier '" + strings.Join(parts, "|") + "' was not found.")
		case thing.Stack != "" && thing.Stack != s.ID:
			return nil, invalid(strings.Join(parts, "|") + " already exists in stack " + thing.Stack)
		}
		out[id] = where
	}
	if kind == "IMPORT" && len(out) == 0 {
		return nil, invalid("ResourcesToImport is required when changeSetType is IMPORT")
	}
	return out, nil
}

func createStack(c *call, a args) (obj, error) {
	name := a.get("StackName")
	s := c.region.find(name)
	switch {
	case s != nil && s.Status != "REVIEW_IN_PROGRESS":
		return nil, &apiError{400, "AlreadyExistsException", "Stack [" + name + "] already exists"}
	case a.has("OnFailure") && a.has("DisableRollback"):
		return nil, invalid("You can specify either the OnFailure parameter or the DisableRollback parameter, but not both.")
	}
	fresh := s == nil
	if fresh {
		if err := c.room(); err != nil {
			return nil, err
		}
		s = c.newStack(name)
	}
	to, _, err := c.generation(a, generation{}, s)
	if err != nil && !transforms(err) {
		return nil, err
	}
	if a.has("StackPolicyBody") || a.has("StackPolicyURL") {
		if err := c.policyOf(a, s); err != nil {
			return nil, err
		}
	}
	if fresh {
		c.region.Stacks = append(c.region.Stacks, s)
	}
	s.obsolete()
	s.Protected = a.yes("EnableTerminationProtection")
	s.Timeout, _ = strconv.Atoi(a.get("TimeoutInMinutes"))
	s.DisableRollback = a.yes("DisableRollback")
	op := &operation{
		Kind: "create", To: to, Token: a.get("ClientRequestToken"), RetainExceptOnCreate: a.yes("RetainExceptOnCreate"),
		OnFailure: onFailure(a.get("OnFailure"), s.DisableRollback),
	}
	c.begin(s, op)
	return obj{{"StackId", s.ID}, {"OperationId", op.ID}}, nil
}

// obsolete makes the open change sets of a stack useless.
func (s *stack) obsolete() {
	for _, cs := range s.ChangeSets {
		if cs.Execution == "AVAILABLE" {
			cs.Execution = "OBSOLETE"
		}
	}
}

func (c *call) must(a args) (*stack, error) {
	if s := c.region.find(a.get("StackName")); s != nil {
		return s, nil
	}
	return nil, invalid("Stack [" + a.get("StackName") + "] does not exist")
}

func updateStack(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if !s.updatable(a.yes("DisableRollback")) {
		return nil, s.wrongState()
	}
	to, _, err := c.generation(a, s.Now, s)
	if err != nil && !transforms(err) {
		return nil, err
	}
	if err == nil {
		changes, err := c.changes(s, to)
		if err != nil {
			return nil, err
		}
		if s.good() && !changes {
			return nil, invalid("No updates are to be performed.")
		}
	}
	override, err := c.policyText(a, "StackPolicyDuringUpdate")
	if err != nil {
		return nil, err
	}
	if a.has("StackPolicyBody") || a.has("StackPolicyURL") {
		if err := c.policyOf(a, s); err != nil {
			return nil, err
		}
	}
	s.obsolete()
	s.ChangeSet, s.Updated = "", c.now
	op := &operation{
		Kind: "update", To: to, Token: a.get("ClientRequestToken"), OnFailure: onFailure("", a.yes("DisableRollback")), PolicyOverride: override,
	}
	c.begin(s, op)
	return obj{{"StackId", s.ID}, {"OperationId", op.ID}}, nil
}

func deleteStack(c *call, a args) (obj, error) {
	s := c.region.find(a.get("StackName"))
	if s == nil || s.Status == "DELETE_COMPLETE" || s.Status == "DELETE_IN_PROGRESS" {
		return nil, nil
	}
	retain, force := a.strings("RetainResources"), a.get("DeletionMode") == "FORCE_DELETE_STACK"
	busy := s.Op != nil && s.Status != "CREATE_IN_PROGRESS" && s.Status != "ROLLBACK_IN_PROGRESS"
	role := s.Now.Role
	if a.has("RoleARN") {
		role = a.get("RoleARN")
	}
	switch {
	case c.region.root(s).Protected:
		return nil, invalid("Stack [" + a.get("StackName") + "] cannot be deleted while TerminationProtection is enabled")
	case busy:
		return nil, invalid("Stack [" + s.ID + "] cannot be deleted while in status " + s.Status)
	case len(retain) > 0 && s.Status != "DELETE_FAILED":
		return nil, invalid("Invalid operation on stack [" + s.ID + "]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.")
	case force && s.Status != "DELETE_FAILED":
		return nil, invalid("Invalid operation on stack [" + s.ID + "]. " +
			"You can activate DeletionMode FORCE_DELETE_STACK in a delete stack operation only when the stack is in the DELETE_FAILED state.")
	}
	if err := c.assumable(role); err != nil {
		return nil, err
	}
	for _, o := range s.Outputs {
		if users := c.w.importers(c.region, o.Export); o.Export != "" && len(users) > 0 {
			s.note(&c.w, c.now, s.Status, "Delete canceled. Cannot delete export "+o.Export+" as it is in use by "+joined(users)+".")
			return nil, nil
		}
	}
	c.begin(s, &operation{Kind: "delete", Token: a.get("ClientRequestToken"), Retain: retain, Force: force})
	return nil, nil
}

func protect(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if s.Parent != "" {
		return nil, invalid("Cannot update termination protection of nested stack [" + s.ID + "]: it is that of its root stack [" + s.Root + "]")
	}
	s.Protected = a.yes("EnableTerminationProtection")
	return obj{{"StackId", s.ID}}, nil
}
