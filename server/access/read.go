package access

import (
	"slices"
	"strconv"
	"strings"

	"baryon/renderer"
)

// A Reader reads policies as they stand in the configuration: documents of AWS
// IAM, in YAML or JSON, unchanged. What it does not understand is a problem, for
// a condition that were passed over could allow what it was to forbid.
type Reader struct {
	Decoder *renderer.Decoder
	Actions []string // the operations of AWS Proton
}

// Policies reads a mapping of names to policies.
func (r Reader) Policies(n *renderer.Node) map[string]Policy {
	if n.Null() {
		return nil
	}
	d := r.Decoder
	if n.Kind != renderer.Mapping {
		d.Add(n.Problem("policies must be a mapping", n.Describe(), "names, each with a policy of AWS IAM",
			"write: policies: {NAME: {Statement: [{Effect: Allow, Action: …, Resource: …}]}}"))
		return nil
	}
	all := map[string]Policy{}
	for _, p := range n.Pairs {
		name := p.Key.Text
		if name == "" || strings.ContainsAny(name, " ,") {
			d.Add(p.Key.Problem("this is no name of a policy", strconv.Quote(name), "a text without spaces and commas", ""))
		}
		all[name] = r.policy(name, p.Value)
	}
	return all
}

func (r Reader) policy(name string, n *renderer.Node) Policy {
	p := Policy{Name: name}
	d := r.Decoder
	if !d.Mapping(n, "policy "+name, "Version", "Id", "Statement") {
		return p
	}
	d.OneOf(n.Get("Version"), "Version", "2012-10-17", "2008-10-17")
	list := d.Require(n, "policy "+name, "Statement")
	if list == nil {
		return p
	}
	statements := []*renderer.Node{list}
	if list.Kind == renderer.Sequence {
		statements = d.List(list, "Statement")
	}
	for _, s := range statements {
		p.Statements = append(p.Statements, r.statement(s))
	}
	return p
}

func (r Reader) statement(n *renderer.Node) Statement {
	var s Statement
	d := r.Decoder
	if n.Get("Principal") != nil || n.Get("NotPrincipal") != nil {
		d.Add(n.Problem("a policy here names no Principal", "", "", "give the policy to a key: baryon keys create --policy NAME"))
		return s
	}
	if !d.Mapping(n, "a statement", "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition") {
		return s
	}
	s.Deny = d.OneOf(d.Require(n, "a statement", "Effect"), "Effect", "Allow", "Deny") == "Deny"
	s.Actions, s.But = r.either(n, "Action", r.action)
	s.Resources, s.Besides = r.either(n, "Resource", r.resource)
	if c := n.Get("Condition"); c != nil {
		s.Conditions = r.conditions(c)
	}
	return s
}

// either reads one of two keys that exclude each other.
func (r Reader) either(n *renderer.Node, key string, check func(*renderer.Node)) (yes, no []string) {
	with, without := n.Get(key), n.Get("Not"+key)
	switch {
	case with != nil && without != nil:
		r.Decoder.Add(without.Problem("a statement has "+key+" or Not"+key, "both", "one of them", ""))
	case with == nil && without == nil:
		r.Decoder.Require(n, "a statement", key)
	case with != nil:
		return r.texts(with, key, check), nil
	}
	return nil, r.texts(without, "Not"+key, check)
}

// texts reads one text or a list of them.
func (r Reader) texts(n *renderer.Node, what string, check func(*renderer.Node)) []string {
	if n == nil {
		return nil
	}
	items := []*renderer.Node{n}
	if n.Kind == renderer.Sequence {
		items = r.Decoder.List(n, what)
	}
	if len(items) == 0 {
		r.Decoder.Add(n.Problem(what+" is empty", n.Describe(), "at least one", ""))
	}
	var out []string
	for _, item := range items {
		if text := r.Decoder.String(item, what); text != "" {
			if strings.Contains(text, "${") {
				r.Decoder.Add(item.Problem("policy variables are not understood", strconv.Quote(text), "the value itself", ""))
			}
			check(item)
			out = append(out, text)
		}
	}
	return out
}

// action refuses a pattern that no action of Proton or Baryon fits: it is a slip,
// and would deny nothing or allow nothing. Other services' actions say nothing here.
func (r Reader) action(n *renderer.Node) {
	service, name, named := strings.Cut(n.Text, ":")
	if !named {
		if strings.Trim(n.Text, "*") != "" {
			r.Decoder.Add(n.Problem("an action names its service", strconv.Quote(n.Text), "such as proton:GetService", ""))
		}
		return
	}
	known := r.Actions
	switch strings.ToLower(service) {
	case "proton":
	case "baryon":
		known = nil
		for _, a := range own {
			known = append(known, strings.TrimPrefix(a, "baryon:"))
		}
	default:
		return
	}
	if slices.ContainsFunc(known, func(a string) bool { return match(strings.ToLower(name), strings.ToLower(a)) }) || retired(name) {
		return
	}
	next := ""
	if near := renderer.Nearest(name, known); near != "" {
		next = "did you mean " + service + ":" + near + "?"
	}
	r.Decoder.Add(n.Problem("there is no such action", strconv.Quote(n.Text), "an operation of AWS Proton, or "+strings.Join(own, ", "), next))
}

// retired are actions that AWS Proton had given up and that old policies name.
func retired(name string) bool {
	return strings.Contains(name, "TemplateMajorVersion") || strings.Contains(name, "TemplateMinorVersion") ||
		name == "GetAccountRoles" || name == "UpdateAccountRoles"
}

func (r Reader) resource(n *renderer.Node) {
	if n.Text != "*" && !strings.HasPrefix(n.Text, "arn:") && !strings.HasPrefix(n.Text, "*:") {
		r.Decoder.Add(n.Problem("this is no resource name", strconv.Quote(n.Text), "* or arn:aws:proton:REGION:ACCOUNT:KIND/NAME, with * where any will do",
			"write it as arn:aws:proton:*:*:"+n.Text))
	}
}

func (r Reader) conditions(n *renderer.Node) []Condition {
	d := r.Decoder
	if n.Kind != renderer.Mapping {
		d.Add(n.Problem("Condition must be a mapping", n.Describe(), "operators, each with keys and values", ""))
		return nil
	}
	var all []Condition
	for _, op := range n.Pairs {
		c := Condition{Operator: op.Key.Text}
		if set, rest, has := strings.Cut(c.Operator, ":"); has && (set == forAll || set == forAny) {
			c.Set, c.Operator = set, rest
		}
		c.Operator, c.IfExists = strings.CutSuffix(c.Operator, "IfExists")
		if operators[c.Operator] == nil && c.Operator != null {
			d.Add(op.Key.Problem("this operator is not understood", strconv.Quote(op.Key.Text), "one of "+strings.Join(operatorNames(), ", "), ""))
			continue
		}
		if op.Value.Kind != renderer.Mapping {
			d.Add(op.Value.Problem(c.Operator+" must be a mapping", op.Value.Describe(), "condition keys with values", ""))
			continue
		}
		for _, p := range op.Value.Pairs {
			key, known := keyOf(p.Key.Text)
			if !known {
				d.Add(p.Key.Problem("this condition key is not understood", strconv.Quote(p.Key.Text), "one of "+strings.Join(keys, ", "), ""))
				continue
			}
			one := c
			one.Key, one.Values = key, r.texts(p.Value, p.Key.Text, func(*renderer.Node) {})
			all = append(all, one)
		}
	}
	return all
}

func operatorNames() []string {
	names := []string{null}
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
