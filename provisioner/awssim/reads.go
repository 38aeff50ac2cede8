package awssim

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// page cuts a list to one page. The token names the request it belongs to.
func (c *call) page(a args, all list, size int) (list, any, error) {
	mine := args{}
	for k, v := range a {
		if k != "NextToken" {
			mine[k] = v
		}
	}
	from := 0
	if token := a.get("NextToken"); token != "" {
		at, digest, _ := strings.Cut(token, ".")
		n, err := strconv.Atoi(at)
		if err != nil || digest != mine.digest()[:16] || n > len(all) {
			return nil, nil, invalid("Invalid NextToken")
		}
		from = n
	}
	to := min(len(all), from+size)
	out := append(list{}, all[from:to]...)
	if to < len(all) {
		return out, fmt.Sprintf("%d.%s", to, mine.digest()[:16]), nil
	}
	return out, nil, nil
}

// A stackView is what reads show of a stack.
type stackView struct {
	ID, Status string
	XML        obj
}

// view shows a stack as it is, or for a while as it was.
func (c *call) view(s *stack) obj {
	now := &stackView{ID: s.ID, Status: s.Status, XML: c.describe(s)}
	l := c.w.Lags[s.ID]
	if l == nil || c.cfg.Lag == 0 {
		c.w.Lags[s.ID] = &lag{Was: now}
		return now.XML
	}
	if l.Left < 0 {
		l.Left = c.cfg.Lag
	}
	if l.Left > 0 && l.Was != nil {
		l.Left--
		return l.Was.XML
	}
	l.Left, l.Was = 0, now
	return now.XML
}

func pairsOf(tags []pair) list {
	out := list{}
	for _, t := range tags {
		out = append(out, obj{{"Key", t.Key}, {"Value", t.Value}})
	}
	return out
}

func texts(in []string) list {
	out := list{}
	for _, s := range in {
		out = append(out, s)
	}
	return out
}

// some is a list only where it holds something.
func some(l list) any {
	if len(l) == 0 {
		return nil
	}
	return l
}

func (c *call) describe(s *stack) obj {
	g := s.Now
	if s.Status == "REVIEW_IN_PROGRESS" {
		g = generation{}
	}
	var outputs list
	for _, o := range s.Outputs {
		outputs = append(outputs, obj{{"OutputKey", o.Key}, {"OutputValue", o.Value}, {"Description", text(o.Description)}, {"ExportName", text(o.Export)}})
	}
	drift := s.Drift
	if drift == "" {
		drift = "NOT_CHECKED"
	}
	driftInfo := obj{{"StackDriftStatus", drift}, {"LastCheckTimestamp", s.DriftChecked}}
	out := obj{
		{"StackId", s.ID}, {"StackName", s.Name}, {"Description", text(g.Description)}, {"ChangeSetId", text(s.ChangeSet)},
		{"Parameters", some(parametersOf(g))}, {"CreationTime", s.Created}, {"LastUpdatedTime", s.Updated}, {"DeletionTime", s.Deleted},
		{"StackStatus", s.Status}, {"StackStatusReason", text(s.Reason)}, {"DisableRollback", s.DisableRollback}, {"NotificationARNs", texts(g.Notifications)},
		{"RollbackConfiguration", g.Triggers.xml()}, {"Capabilities", some(texts(g.Capabilities))}, {"Outputs", some(outputs)}, {"RoleARN", text(g.Role)},
		{"Tags", pairsOf(g.Tags)}, {"DriftInformation", driftInfo}, {"ParentId", text(s.Parent)}, {"RootId", text(s.Root)},
	}
	if s.Status != "DELETE_COMPLETE" {
		return append(out, field{"EnableTerminationProtection", c.region.root(s).Protected})
	}
	return slices.DeleteFunc(out, func(f field) bool { return f.Name == "ChangeSetId" })
}

// parametersOf shows parameters; those not to be echoed are masked.
func parametersOf(g generation) list {
	var out list
	for _, p := range g.Parameters {
		v := p.Value
		if slices.Contains(g.Hidden, p.Key) {
			v = "****"
		}
		out = append(out, obj{{"ParameterKey", p.Key}, {"ParameterValue", v}, {"ResolvedValue", text(g.Resolved[p.Key])}})
	}
	return out
}

func describeStacks(c *call, a args) (obj, error) {
	all := list{}
	if name := a.get("StackName"); name != "" {
		s := c.region.find(name)
		if s == nil {
			return nil, invalid("Stack with id " + name + " does not exist")
		}
		return obj{{"Stacks", list{c.view(s)}}}, nil
	}
	for _, s := range slices.Backward(c.region.Stacks) {
		if s.Status != "DELETE_COMPLETE" {
			all = append(all, c.view(s))
		}
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	return obj{{"Stacks", out}, {"NextToken", next}}, err
}

func listStacks(c *call, a args) (obj, error) {
	filter := a.strings("StackStatusFilter")
	all := list{}
	for _, s := range slices.Backward(c.region.Stacks) {
		if len(filter) > 0 && !slices.Contains(filter, s.Status) {
			continue
		}
		drift := s.Drift
		if drift == "" {
			drift = "NOT_CHECKED"
		}
		all = append(all, obj{
			{"StackId", s.ID}, {"StackName", s.Name}, {"CreationTime", s.Created}, {"LastUpdatedTime", s.Updated}, {"DeletionTime", s.Deleted},
			{"StackStatus", s.Status}, {"StackStatusReason", text(s.Reason)}, {"DriftInformation", obj{{"StackDriftStatus", drift}}},
			{"ParentId", text(s.Parent)}, {"RootId", text(s.Root)},
		})
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	return obj{{"StackSummaries", out}, {"NextToken", next}}, err
}

func (s *stack) rows() []*resource {
	var rows []*resource
	for _, id := range sorted(s.Resources) {
		rows = append(rows, s.Resources[id])
	}
	return rows
}

func rowOf(s *stack, r *resource, stamp string) obj {
	return obj{
		{"StackId", s.ID}, {"StackName", s.Name}, {"LogicalResourceId", r.ID}, {"PhysicalResourceId", text(r.Physical)}, {"ResourceType", r.Type},
		{stamp, r.Updated}, {"ResourceStatus", r.Status}, {"ResourceStatusReason", text(r.Reason)},
		{"DriftInformation", obj{{"StackResourceDriftStatus", r.drift()}}},
	}
}

func (r *resource) drift() string {
	if r.Drift == "" {
		return "NOT_CHECKED"
	}
	return r.Drift
}

func describeStackResources(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil && a.has("PhysicalResourceId") {
		for _, other := range c.region.Stacks {
			for _, r := range other.Resources {
				if r.Physical == a.get("PhysicalResourceId") && other.Status != "DELETE_COMPLETE" {
					s, err = other, nil
				}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	out := list{}
	for _, r := range s.rows() {
		if len(out) < 100 && (!a.has("LogicalResourceId") || r.ID == a.get("LogicalResourceId")) {
			out = append(out, rowOf(s, r, "Timestamp"))
		}
	}
	return obj{{"StackResources", out}}, nil
}

func describeStackResource(c *call, a args) (obj, error) {
	s := c.region.find(a.get("StackName"))
	if s == nil {
		return nil, invalid("Stack '" + a.get("StackName") + "' does not exist")
	}
	r := s.Resources[a.get("LogicalResourceId")]
	if r == nil {
		return nil, invalid("Resource " + a.get("LogicalResourceId") + " does not exist for stack " + s.Name)
	}
	row := rowOf(s, r, "LastUpdatedTimestamp")
	if r.Metadata != nil {
		row = append(row, field{"Metadata", shown(r.Metadata)})
	}
	return obj{{"StackResourceDetail", row}}, nil
}

func listStackResources(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	all := list{}
	for _, r := range s.rows() {
		all = append(all, rowOf(s, r, "LastUpdatedTimestamp")[2:])
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	return obj{{"StackResourceSummaries", out}, {"NextToken", next}}, err
}

func listChangeSets(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	all := list{}
	for _, cs := range s.ChangeSets {
		all = append(all, cs.summary(s, c.now))
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	return obj{{"Summaries", out}, {"NextToken", next}}, err
}

func (cs *changeSet) summary(s *stack, now time.Time) obj {
	status, execution := cs.status(now)
	reason := text(cs.Reason)
	if status != cs.Status {
		reason = nil
	}
	return obj{
		{"ChangeSetId", cs.ID}, {"ChangeSetName", cs.Name}, {"StackId", s.ID}, {"StackName", s.Name}, {"Description", text(cs.Description)},
		{"CreationTime", cs.Created}, {"ExecutionStatus", execution}, {"Status", status}, {"StatusReason", reason}, {"IncludeNestedStacks", cs.IncludeNested},
		{"ParentChangeSetId", text(cs.Parent)}, {"RootChangeSetId", text(cs.Root)},
		{"OnStackFailure", text(cs.OnFailure)}, {"ImportExistingResources", cs.Existing},
	}
}

func describeChangeSet(c *call, a args) (obj, error) {
	s, cs, err := c.named(a)
	if err != nil {
		return nil, err
	}
	status, _ := cs.status(c.now)
	all, values := list{}, a.yes("IncludePropertyValues")
	shown := *cs
	if status == cs.Status {
		for _, ch := range cs.Changes {
			if !values || !ch.Unsure {
				all = append(all, ch.xml(values))
			}
		}
		if values && cs.Reason == "" {
			shown.Reason = cs.Warning
		}
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	result := append(shown.summary(s, c.now),
		field{"NotificationARNs", texts(cs.To.Notifications)}, field{"RollbackConfiguration", cs.To.Triggers.xml()}, field{"Capabilities", texts(cs.To.Capabilities)},
		field{"Tags", some(pairsOf(cs.To.Tags))}, field{"Parameters", some(parametersOf(cs.To))}, field{"Changes", out}, field{"NextToken", next})
	if cs.Revert {
		result = append(result, field{"DeploymentMode", "REVERT_DRIFT"}, field{"StackDriftStatus", cs.DriftStatus})
	}
	return result, err
}

func (ch change) xml(values bool) obj {
	details := list{}
	for _, d := range ch.shown(values) {
		target := obj{{"Attribute", d.Attribute}, {"Name", text(d.Name)}, {"RequiresRecreation", text(d.Recreation)}}
		if values {
			target = append(target, field{"Path", text(d.Path)}, field{"BeforeValue", text(d.Before)}, field{"AfterValue", text(d.After)}, field{"AttributeChangeType", text(d.Kind)})
			if d.Drifted {
				target = append(target, field{"BeforeValueFrom", "ACTUAL_STATE"}, field{"AfterValueFrom", "TEMPLATE"})
			}
		}
		details = append(details, obj{{"Target", target}, {"Evaluation", d.Evaluation}, {"ChangeSource", d.Source}, {"CausingEntity", text(d.Cause)}})
	}
	rc := obj{
		{"PolicyAction", text(ch.Policy)}, {"Action", ch.Action}, {"LogicalResourceId", ch.Logical}, {"PhysicalResourceId", text(ch.Physical)},
		{"ChangeSetId", text(ch.Set)}, {"ResourceType", ch.Type}, {"Replacement", text(ch.Replacement)}, {"Scope", texts(ch.Scope)}, {"Details", details},
	}
	if ch.Drift != "" {
		rc = append(rc, field{"ResourceDriftStatus", ch.Drift})
	}
	if values {
		rc = append(rc, field{"BeforeContext", text(ch.Before)}, field{"AfterContext", text(ch.After)})
	}
	return obj{{"Type", "Resource"}, {"ResourceChange", rc}}
}

// shown are the details of a change, sorted: with values one for each place that
// changes, without one for each property.
func (ch change) shown(values bool) []detail {
	var out []detail
	for _, d := range ch.Details {
		same := func(o detail) bool {
			return o.Attribute == d.Attribute && o.Name == d.Name && o.Evaluation == d.Evaluation && o.Source == d.Source && o.Cause == d.Cause
		}
		switch i := slices.IndexFunc(out, same); {
		case values || i < 0:
			out = append(out, d)
		case d.Recreation == "Always" || d.Recreation == "Conditionally" && out[i].Recreation == "Never":
			out[i].Recreation = d.Recreation
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func getTemplate(c *call, a args) (obj, error) {
	switch {
	case !a.has("StackName") && !a.has("ChangeSetName"):
		return nil, invalid("StackName is required if ChangeSetName is not specified.")
	case !a.has("StackName") && !strings.HasPrefix(a.get("ChangeSetName"), "arn:"):
		return nil, invalid("StackName is a required parameter.")
	}
	var of *stack
	var g generation
	if a.has("ChangeSetName") {
		s, cs, err := c.named(a)
		if err != nil {
			return nil, err
		}
		of, g = s, cs.To
	} else {
		if of = c.region.find(a.get("StackName")); of == nil {
			return nil, invalid("Stack with id " + a.get("StackName") + " does not exist")
		}
		g = of.Now
	}
	body := g.Template
	if a.get("TemplateStage") != "Original" {
		if t, err := c.w.parse(c.region, of, g); err == nil && len(t.Transforms) > 0 {
			body = t.Processed()
		}
	}
	return obj{{"TemplateBody", body}, {"StagesAvailable", list{"Original", "Processed"}}}, nil
}

func validateTemplate(c *call, a args) (obj, error) { return c.summarise(a, generation{}, false) }

func getTemplateSummary(c *call, a args) (obj, error) {
	before := generation{}
	if name := a.get("StackName"); name != "" {
		s := c.region.find(name)
		switch {
		case s == nil:
			return nil, invalid("Stack with id " + name + " does not exist")
		case s.Status == "REVIEW_IN_PROGRESS":
			return nil, invalid("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
		}
		before = s.Now
	}
	return c.summarise(a, before, true)
}

// summarise tells what a template asks for.
func (c *call) summarise(a args, before generation, full bool) (obj, error) {
	g := before
	if g.Template == "" {
		var err error
		if g.Template, err = c.body(a, before); err != nil {
			return nil, err
		}
	}
	t, err := c.w.parse(c.region, &stack{}, g)
	if err != nil {
		return nil, err
	}
	parameters := list{}
	for _, p := range t.Parameters {
		one := obj{{"ParameterKey", p.Name}, {"NoEcho", p.NoEcho}, {"Description", text(p.Description)}}
		if p.Default != nil {
			one = append(one, field{"DefaultValue", *p.Default})
		}
		if full {
			one = append(one, field{"ParameterType", p.Type})
		}
		parameters = append(parameters, one)
	}
	capability, because := needed(t)
	out := obj{{"Parameters", parameters}, {"Description", text(t.Description)}, {"DeclaredTransforms", some(texts(t.Transforms))}}
	if capability != "" {
		out = append(out, field{"Capabilities", list{capability}},
			field{"CapabilitiesReason", "The following resource(s) require capabilities: [" + joined(because) + "]"})
	}
	if !full {
		return out, nil
	}
	identifiers := list{}
	for _, typ := range t.Types() {
		ids := list{}
		for _, r := range t.Resources {
			if r.Type == typ {
				ids = append(ids, r.ID)
			}
		}
		identifiers = append(identifiers, obj{{"ResourceType", typ}, {"LogicalResourceIds", ids}, {"ResourceIdentifiers", texts(typeOf(typ).ID)}})
	}
	return append(out, field{"ResourceTypes", texts(t.Types())}, field{"Version", text(t.Version)}, field{"ResourceIdentifierSummaries", identifiers}), nil
}
