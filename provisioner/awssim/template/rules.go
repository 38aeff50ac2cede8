package template

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Rule is a check of parameters: its assertions have to hold where its
// condition does.
type Rule struct {
	Name       string
	Condition  any // nil holds always
	Assertions []Assertion
}

// An Assertion is one demand of a rule.
type Assertion struct {
	Assert      any
	Description string
}

// ruleFunctions are what may stand in rules.
var ruleFunctions = []string{
	"Fn::And", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals", "Fn::If", "Fn::Not", "Fn::Or", "Fn::RefAll",
	"Fn::ValueOf", "Fn::ValueOfAll", "Ref",
}

func (t *Template) rules(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return refuse("Template format error: Rules must be a map")
	}
	return pairs(n, func(name string, n *yaml.Node) error {
		v, err := value(n, "/Rules/"+name, 0)
		if err != nil {
			return err
		}
		m, ok := v.(map[string]any)
		if !ok || !alphanumeric.MatchString(name) {
			return refuse("Template format error: Rule %s is malformed.", name)
		}
		r := &Rule{Name: name, Condition: m["RuleCondition"]}
		for k := range m {
			if k != "RuleCondition" && k != "Assertions" {
				return refuse("Template format error: Unexpected key %s in rule %s.", k, name)
			}
		}
		list, ok := m["Assertions"].([]any)
		if !ok || len(list) == 0 {
			return refuse("Template format error: Rule %s must contain Assertions.", name)
		}
		for _, item := range list {
			one, _ := item.(map[string]any)
			if one["Assert"] == nil {
				return refuse("Template format error: Every assertion of rule %s must contain an Assert.", name)
			}
			r.Assertions = append(r.Assertions, Assertion{one["Assert"], str(one["AssertDescription"])})
		}
		t.Rules = append(t.Rules, r)
		return nil
	})
}

// checkRules holds rules to the functions that may stand in them.
func (t *Template) checkRules() error {
	for _, r := range t.Rules {
		values := []any{r.Condition}
		for _, a := range r.Assertions {
			values = append(values, a.Assert)
		}
		for _, v := range values {
			if err := t.ruleShapes(r.Name, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Template) ruleShapes(rule string, v any) error {
	list, _ := v.([]any)
	if m, ok := v.(map[string]any); ok {
		name, arg, call := function(m)
		if !call || !slices.Contains(ruleFunctions, name) {
			return refuse("Template error: Rule %s: %s is not a function of rules; there are [%s]", rule, name, strings.Join(ruleFunctions, ", "))
		}
		if s, ok := arg.(string); name == "Ref" && (!ok || t.Parameter(s) == nil && !slices.Contains(pseudo, s)) {
			return refuse("Template format error: Unresolved dependencies [%v]. Cannot reference resources in the Rules block of the template", arg)
		}
		if args, ok := arg.([]any); ok {
			if want := map[string]int{
				"Fn::Contains": 2, "Fn::EachMemberEquals": 2, "Fn::EachMemberIn": 2, "Fn::Equals": 2, "Fn::ValueOf": 2, "Fn::ValueOfAll": 2, "Fn::Not": 1, "Fn::If": 3,
			}[name]; want > 0 && len(args) != want {
				return refuse("Template error: every %s object requires a list of %d parameters.", name, want)
			}
			list = args
		} else if name != "Ref" && name != "Fn::RefAll" {
			return refuse("Template error: every %s object requires a list of parameters.", name)
		}
	}
	for _, item := range list {
		if err := t.ruleShapes(rule, item); err != nil {
			return err
		}
	}
	return nil
}

// Obey holds the parameters of a scope to the template's rules. Lookup gives the
// attribute of a thing of AWS that a parameter names.
func (s *Scope) Obey(lookup func(id, attr string) string) error {
	for _, r := range s.Template.Rules {
		if r.Condition != nil && !truth(s.rule(r.Condition, lookup)) {
			continue
		}
		var broken []string
		for _, a := range r.Assertions {
			if !truth(s.rule(a.Assert, lookup)) {
				broken = append(broken, a.Description)
			}
		}
		if len(broken) > 0 {
			return refuse("Template error: Rule '%s' is not satisfied: %s", r.Name, strings.Join(broken, "; "))
		}
	}
	return nil
}

func truth(v any) bool { return v == "true" }

func say(b bool) any { return fmt.Sprint(b) }

// rule works out a value of a rule. The shapes are checked before.
func (s *Scope) rule(v any, lookup func(id, attr string) string) any {
	if list, ok := v.([]any); ok {
		out := []any{}
		for _, item := range list {
			out = append(out, s.rule(item, lookup))
		}
		return out
	}
	m, _ := v.(map[string]any)
	name, arg, call := function(m)
	if !call {
		return v
	}
	list, _ := arg.([]any)
	in := func(i int) any { return s.rule(at(list, i), lookup) }
	switch name {
	case "Ref":
		return s.Parameters[str(arg)]
	case "Fn::RefAll":
		return s.all(str(arg))
	case "Fn::ValueOf":
		var out []any
		for _, id := range many(s.Parameters[str(at(list, 0))]) {
			out = append(out, lookup(str(id), str(at(list, 1))))
		}
		if len(out) == 1 {
			return out[0]
		}
		return out
	case "Fn::ValueOfAll":
		out := []any{}
		for _, id := range s.all(str(at(list, 0))) {
			out = append(out, lookup(str(id), str(at(list, 1))))
		}
		return out
	case "Fn::Contains":
		return say(holds(many(in(0)), in(1)))
	case "Fn::EachMemberEquals":
		want := in(1)
		return say(!slices.ContainsFunc(many(in(0)), func(v any) bool { return !holds([]any{want}, v) }))
	case "Fn::EachMemberIn":
		all := many(in(1))
		return say(!slices.ContainsFunc(many(in(0)), func(v any) bool { return !holds(all, v) }))
	case "Fn::Equals":
		return say(fmt.Sprint(in(0)) == fmt.Sprint(in(1)))
	case "Fn::Not":
		return say(!truth(in(0)))
	case "Fn::If":
		if truth(in(0)) {
			return in(1)
		}
		return in(2)
	case "Fn::Or":
		return say(slices.ContainsFunc(many(s.rule(arg, lookup)), truth))
	case "Fn::And":
		return say(!slices.ContainsFunc(many(s.rule(arg, lookup)), func(v any) bool { return !truth(v) }))
	}
	return nil
}

// all are the values of every parameter of a type.
func (s *Scope) all(typ string) []any {
	out := []any{}
	for _, p := range s.Template.Parameters {
		if p.Type == typ || p.Type == "List<"+typ+">" {
			out = append(out, many(s.Parameters[p.Name])...)
		}
	}
	return out
}

func holds(list []any, v any) bool {
	return slices.ContainsFunc(list, func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(v) })
}

func many(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}
