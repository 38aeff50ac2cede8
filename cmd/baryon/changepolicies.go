package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones of rules, on machines that have no database of them

	"baryon/provisioner"
	"baryon/reconciler"
	"baryon/reconciler/policy"
	"baryon/renderer"
	"baryon/server/access"
)

// statefulWord stands, among types of resources, for those that hold data.
const statefulWord = "stateful"

// changePolicies reads what changes may not do. Where nothing is said, the
// built-in rule holds.
func (c *config) changePolicies(d *renderer.Decoder, n *renderer.Node) {
	stateful, builtIn := policy.Stateful(), true
	if !n.Null() && d.Mapping(n, "change_policies", "built_in", "stateful", "rules") {
		if v := n.Get("built_in"); v != nil {
			builtIn = d.Bool(v, "change_policies.built_in")
		}
		if v := n.Get("stateful"); !v.Null() {
			stateful = typePatterns(d, v, "change_policies.stateful", nil)
		}
		r := ruleReader{Decoder: d, stateful: stateful, seen: map[string]bool{}}
		for i, item := range d.List(n.Get("rules"), "change_policies.rules") {
			if rule, ok := r.rule(item, i+1); ok {
				c.Settings.Policies = append(c.Settings.Policies, rule)
			}
		}
	}
	if builtIn && len(stateful) > 0 {
		c.Settings.Policies = append(c.Settings.Policies, policy.BuiltIn(stateful))
	}
}

// A ruleReader reads rules of change_policies.
type ruleReader struct {
	*renderer.Decoder

	stateful provisioner.Patterns
	seen     map[string]bool // names
}

func (d ruleReader) rule(n *renderer.Node, number int) (policy.Rule, bool) {
	if !d.Mapping(n, "a rule of change_policies", "name", "environments", "templates", "services", "kinds", "labels",
		"approval", "never_delete", "never_replace", "conditional", "max_removals", "max_removals_a_day", "max_deletions_a_day",
		"persons", "zone", "windows", "freezes", "override") {
		return policy.Rule{}, false
	}
	before := len(d.Problems)
	r := policy.Rule{Name: fmt.Sprintf("rule %d", number), Place: fmt.Sprintf("%s:%d", n.File, n.Line)}
	if v := n.Get("name"); v != nil {
		r.Name = d.String(v, "name")
	}
	if d.seen[r.Name] {
		d.Add(n.Problem("two rules have one name", strconv.Quote(r.Name), "a name of its own", ""))
	}
	d.seen[r.Name] = true
	r.For = d.selector(n)
	r.Approval = d.Bool(n.Get("approval"), "approval")
	r.NeverDelete = typePatterns(d.Decoder, n.Get("never_delete"), "never_delete", d.stateful)
	r.NeverReplace = typePatterns(d.Decoder, n.Get("never_replace"), "never_replace", d.stateful)
	r.Unsure = d.OneOf(n.Get("conditional"), "conditional", "ask", "allow") == "allow"
	r.Removals = d.limit(n.Get("max_removals"), "max_removals", true)
	r.DailyRemovals = d.limit(n.Get("max_removals_a_day"), "max_removals_a_day", false)
	r.DailyDeletions = d.limit(n.Get("max_deletions_a_day"), "max_deletions_a_day", false)
	r.Persons = d.persons(n.Get("persons"), "persons")
	r.Override = d.persons(n.Get("override"), "override")
	zone := d.zone(n.Get("zone"), time.UTC)
	for _, item := range d.List(n.Get("windows"), "windows") {
		if w, ok := d.window(item, zone); ok {
			r.Windows = append(r.Windows, w)
		}
	}
	for _, item := range d.List(n.Get("freezes"), "freezes") {
		if f, ok := d.freeze(item, zone); ok {
			r.Freezes = append(r.Freezes, f)
		}
	}
	if v := n.Get("windows"); !v.Null() && v.Kind == renderer.Sequence && len(v.Items) == 0 {
		d.Add(v.Problem("the list of windows is empty", "[]", "at least one", "leave windows out for changes at any time, or write a freeze"))
	}
	limits := r.NeedsPlan() || r.Counts() || r.Approval || len(r.Windows)+len(r.Freezes) > 0
	if !limits && len(d.Problems) == before {
		d.Add(n.Problem("the rule limits nothing", "", "never_delete, never_replace, max_removals, max_removals_a_day, max_deletions_a_day, approval, windows or freezes", ""))
	}
	return r, len(d.Problems) == before
}

// selector reads which targets a rule is for.
func (d ruleReader) selector(n *renderer.Node) policy.Selector {
	s := policy.Selector{
		Environments: d.Strings(n.Get("environments"), "environments"), Templates: d.Strings(n.Get("templates"), "templates"),
		Services: d.Strings(n.Get("services"), "services"), Kinds: d.Strings(n.Get("kinds"), "kinds"),
	}
	for _, key := range []string{"environments", "templates", "services", "kinds"} {
		if v := n.Get(key); !v.Null() && v.Kind == renderer.Sequence && len(v.Items) == 0 {
			d.Add(v.Problem("the rule is for no target", key+": []", "names or patterns", "leave "+key+" out for all of them"))
		}
	}
	for i, kind := range s.Kinds {
		if known := reconciler.ApprovalKinds(); kind != "" && !slices.Contains(known, kind) {
			d.Add(n.Get("kinds").Items[i].Problem("this kind is never deployed", strconv.Quote(kind), "one of "+strings.Join(known, ", "), ""))
		}
	}
	labels := n.Get("labels")
	if labels.Null() {
		return s
	}
	if labels.Kind != renderer.Mapping {
		d.Add(labels.Problem("labels must be a mapping", labels.Describe(), "NAME: VALUE", ""))
		return s
	}
	s.Labels = map[string]string{}
	for _, p := range labels.Pairs {
		s.Labels[p.Key.Text] = d.String(p.Value, "the value of a label")
	}
	return s
}

// typeForm is how the types of CloudFormation and those of Terraform are written,
// with * and ? in them.
var typeForm = regexp.MustCompile(`^([A-Za-z0-9*?]+(::[A-Za-z0-9*?]+)*|[a-z0-9*?][a-z0-9_*?-]*)$`)

// typePatterns reads types of resources. The word stateful stands for a list of
// them, where there is one.
func typePatterns(d *renderer.Decoder, n *renderer.Node, what string, stateful provisioner.Patterns) provisioner.Patterns {
	var out provisioner.Patterns
	for _, item := range d.List(n, what) {
		text := d.String(item, "each item of "+what)
		switch {
		case text == "":
		case text == statefulWord && stateful != nil:
			out = append(out, stateful...)
		case !typeForm.MatchString(text):
			next := ""
			if strings.Contains(text, ":") {
				next = "write two colons between the parts"
			}
			d.Add(item.Problem("this is no pattern of resource types", strconv.Quote(text), "a type as AWS::RDS::DBInstance or aws_db_instance, with * for any text", next))
		default:
			out = append(out, text)
		}
	}
	return out
}

// limit reads how much may be removed: a number, or hundredths of what there is.
func (d ruleReader) limit(n *renderer.Node, what string, percent bool) policy.Limit {
	if n.Null() {
		return policy.Limit{}
	}
	if text, is := strings.CutSuffix(n.Text, "%"); is && percent && n.Kind == renderer.Scalar {
		most, err := strconv.Atoi(text)
		if err != nil || most < 0 || most > 100 {
			d.Add(n.Problem(what+" cannot be used", strconv.Quote(n.Text), "0% to 100%, or a whole number", ""))
			return policy.Limit{}
		}
		return policy.Limit{Set: true, Most: most, Percent: true}
	}
	return policy.Limit{Set: true, Most: int(d.Int(n, what, 0, 1<<20))}
}

// persons reads who may allow something; nil where nothing is said.
func (d ruleReader) persons(n *renderer.Node, what string) []string {
	if n.Null() {
		return nil
	}
	list := []string{}
	for _, item := range d.List(n, what) {
		text := d.String(item, "each item of "+what)
		kind, name, _ := strings.Cut(text, ":")
		switch {
		case text == "":
		case strings.Contains(text, ","):
			d.Add(item.Problem("a name holds a comma", strconv.Quote(text), "one name an item", ""))
		case kind == "role" && !slices.Contains(access.RoleNames(), name):
			next := ""
			if near := renderer.Nearest(name, access.RoleNames()); near != "" {
				next = "did you mean role:" + near + "?"
			}
			d.Add(item.Problem("there is no such role", strconv.Quote(name), "one of "+strings.Join(access.RoleNames(), ", "), next))
		case kind == "key" && !strings.HasPrefix(name, access.KeyPrefix):
			d.Add(item.Problem("this is no id of a key", strconv.Quote(name), "key:"+access.KeyPrefix+"…", "see: baryon keys list"))
		default:
			list = append(list, text)
		}
	}
	return list
}

// zone reads the name of a time zone.
func (d ruleReader) zone(n *renderer.Node, otherwise *time.Location) *time.Location {
	name := d.String(n, "zone")
	if name == "" {
		return otherwise
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		d.Add(n.Problem("there is no such time zone", strconv.Quote(name), "a name of the IANA database, as Europe/Berlin or UTC", ""))
		return otherwise
	}
	return zone
}

func (d ruleReader) window(n *renderer.Node, zone *time.Location) (policy.Window, bool) {
	if !d.Mapping(n, "a window", "days", "from", "to", "zone") {
		return policy.Window{}, false
	}
	before := len(d.Problems)
	w := policy.Window{Zone: d.zone(n.Get("zone"), zone)}
	for _, item := range d.List(n.Get("days"), "days") {
		days, err := policy.Days(d.String(item, "each item of days"))
		if err != nil {
			d.Add(item.Problem("this is no day of the week", strconv.Quote(item.Text), "mon, tue, wed, thu, fri, sat, sun, a range as mon-fri, weekdays, weekends or daily", ""))
		}
		w.Days = append(w.Days, days...)
	}
	if v := n.Get("days"); v != nil && v.Kind == renderer.Sequence && len(v.Items) == 0 {
		d.Add(v.Problem("the window is empty", "days: []", "days", "leave days out for every day"))
	}
	w.From, w.To = d.minutes(n, "from", 0), d.minutes(n, "to", 24*60)
	if w.From == w.To {
		same := fmt.Sprintf("%02d:%02d to the same", w.From/60, w.From%60)
		d.Add(n.Problem("the window is empty", same, "an end after the beginning", `for a whole day write from: "00:00", to: "24:00"`))
	}
	return w, len(d.Problems) == before
}

func (d ruleReader) minutes(n *renderer.Node, key string, otherwise int) int {
	v := n.Get(key)
	if v.Null() {
		return otherwise
	}
	at, err := policy.Minutes(d.String(v, key))
	if err != nil || key == "from" && at == 24*60 {
		d.Add(v.Problem(key+" is no time of the day", strconv.Quote(v.Text), "HH:MM, as 09:00", ""))
		return otherwise
	}
	return at
}

func (d ruleReader) freeze(n *renderer.Node, zone *time.Location) (policy.Freeze, bool) {
	if !d.Mapping(n, "a freeze", "from", "to", "zone", "why") {
		return policy.Freeze{}, false
	}
	before := len(d.Problems)
	f := policy.Freeze{Zone: d.zone(n.Get("zone"), zone), Why: d.String(n.Get("why"), "why")}
	f.From = d.date(d.Require(n, "a freeze", "from"), "from", f.Zone, 0)
	f.To = d.date(d.Require(n, "a freeze", "to"), "to", f.Zone, 1)
	if len(d.Problems) == before && !f.To.After(f.From) {
		d.Add(n.Problem("the freeze is empty", n.Get("from").Text+" to "+n.Get("to").Text, "an end after the beginning", ""))
	}
	return f, len(d.Problems) == before
}

// date reads a day, or a minute of one. A day stands for its beginning, or with
// days added for the end of the last of them.
func (d ruleReader) date(n *renderer.Node, what string, zone *time.Location, days int) time.Time {
	if n == nil {
		return time.Time{}
	}
	text := d.String(n, what)
	if t, err := time.ParseInLocation("2006-01-02", text, zone); err == nil {
		return t.AddDate(0, 0, days)
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", strings.Replace(text, "T", " ", 1), zone)
	if err != nil {
		d.Add(n.Problem(what+" is no date", strconv.Quote(text), "YYYY-MM-DD, or YYYY-MM-DD HH:MM", ""))
	}
	return t
}
