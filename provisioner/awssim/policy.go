package awssim

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A statement is one rule of a stack policy.
type statement struct {
	Effect                                   string
	Action, NotAction, Resource, NotResource any
	Principal                                any
	Condition                                map[string]map[string]any
}

var policyActions = []string{"Update:*", "Update:Modify", "Update:Replace", "Update:Delete"}

// many is a list that may have been written as one text.
func many(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, fmt.Sprint(item))
		}
		return out
	}
	return nil
}

// readPolicy reads a stack policy and refuses what is none.
func readPolicy(text string) ([]statement, error) {
	bad := invalid("Error validating stack policy: Invalid stack policy")
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return nil, bad
	}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || s.Principal != "*" {
			return nil, bad
		}
		for _, action := range append(many(s.Action), many(s.NotAction)...) {
			if !slices.Contains(policyActions, action) {
				return nil, bad
			}
		}
	}
	return policy.Statement, nil
}

// policyText reads a policy that a call gives in its body or names by an address,
// and refuses what is none.
func (c *call) policyText(a args, name string) (string, error) {
	if a.has(name+"Body") && a.has(name+"URL") {
		return "", invalid("You cannot specify both " + name + "URL and " + name + "Body")
	}
	text := a.get(name + "Body")
	if a.has(name + "URL") {
		var err error
		if text, err = c.fetch(a.get(name + "URL")); err != nil {
			return "", err
		}
	}
	if text == "" && !a.has(name+"Body") && !a.has(name+"URL") {
		return "", nil
	}
	_, err := readPolicy(text)
	return text, err
}

// policyOf gives a stack the policy of a call.
func (c *call) policyOf(a args, s *stack) error {
	text, err := c.policyText(a, "StackPolicy")
	if err == nil && text != "" {
		s.Policy = text
	}
	return err
}

func setPolicy(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if !a.has("StackPolicyBody") && !a.has("StackPolicyURL") {
		return nil, invalid("Either StackPolicyBody or StackPolicyURL must be specified.")
	}
	return nil, c.policyOf(a, s)
}

func getPolicy(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	return obj{{"StackPolicyBody", text(s.Policy)}}, nil
}

// denied says why the stack's policy forbids an update, if it does.
func (p *progress) denied(action, logical, typ string) string {
	policy := p.s.Policy
	if p.op.PolicyOverride != "" {
		policy = p.op.PolicyOverride
	}
	if policy == "" {
		return ""
	}
	statements, _ := readPolicy(policy)
	if len(statements) == 0 {
		return ""
	}
	allowed := false
	for i, s := range statements {
		if !s.meets(action, logical, typ) {
			continue
		}
		if s.Effect == "Deny" {
			return fmt.Sprintf("Action denied by stack policy: Statement [#%d] does not allow [%s] for resource [LogicalResourceId/%s];", i+1, action, logical)
		}
		allowed = true
	}
	if !allowed {
		return fmt.Sprintf("Action denied by stack policy: no statement allows [%s] for resource [LogicalResourceId/%s];", action, logical)
	}
	return ""
}

func (s statement) meets(action, logical, typ string) bool {
	is := func(list []string, what string) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			ok, _ := path.Match(strings.ReplaceAll(p, "/", "|"), strings.ReplaceAll(what, "/", "|"))
			return ok
		})
	}
	switch {
	case s.Action != nil && !is(many(s.Action), action), s.NotAction != nil && is(many(s.NotAction), action):
		return false
	case s.Resource != nil && !is(many(s.Resource), "LogicalResourceId/"+logical), s.NotResource != nil && is(many(s.NotResource), "LogicalResourceId/"+logical):
		return false
	}
	for _, by := range s.Condition {
		if want, ok := by["ResourceType"]; ok && !is(many(want), typ) {
			return false
		}
	}
	return true
}
