// Package access decides who may do what: policies in the language of AWS IAM,
// the four roles that come with Baryon, and the rule by which a caller's
// policies allow or deny one request.
//
// It refuses to know how callers prove who they are, what requests look like
// on the wire, and what is done about one that is denied.
package access

import (
	"fmt"
	"slices"
	"strings"
)

// A Request is one action on one resource.
type Request struct {
	Action   string              // such as proton:GetService or baryon:Approve
	Resource string              // a resource name, or * for what has none
	Context  map[string][]string // values of condition keys, by their names in lower case
}

// A Policy allows and denies.
type Policy struct {
	Name       string
	Statements []Statement
}

// A Statement is one rule of a policy: actions on resources, under conditions.
// Patterns take * for any text and ? for any character.
type Statement struct {
	Deny       bool
	Actions    []string
	But        []string // instead of Actions: all but these
	Resources  []string
	Besides    []string // instead of Resources: all but these
	Conditions []Condition
}

// A Caller is somebody with policies.
type Caller struct {
	Name     string // as it stands in messages
	Policies []Policy
	// Missing are policies that the caller was given and that are not
	// configured any more: nothing is allowed until that is put right, since one
	// of them may have denied something.
	Missing []string
}

// A Denied is a request that was not allowed.
type Denied struct {
	Caller   Caller
	Request  Request
	Explicit string // the policy that denies it; empty when none allows it
}

// Error words it as AWS does.
func (d *Denied) Error() string {
	why := fmt.Sprintf("because no policy of the caller allows the %s action", d.Request.Action)
	switch {
	case len(d.Caller.Missing) > 0:
		why = fmt.Sprintf("because its policy %s is not in the configuration of the daemon", strings.Join(d.Caller.Missing, ", "))
	case d.Explicit != "":
		why = "with an explicit deny in the policy " + d.Explicit
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", d.Caller.Name, d.Request.Action, d.Request.Resource, why)
}

// Allow returns nil for what the caller may do, and a *Denied for the rest. A
// statement that denies beats all that allow; what nobody allows is denied.
func (c Caller) Allow(r Request) error {
	if len(c.Missing) > 0 {
		return &Denied{Caller: c, Request: r}
	}
	allowed := false
	for _, p := range c.Policies {
		for _, s := range p.Statements {
			switch {
			case !s.covers(r):
			case s.Deny:
				return &Denied{Caller: c, Request: r, Explicit: p.Name}
			default:
				allowed = true
			}
		}
	}
	if !allowed {
		return &Denied{Caller: c, Request: r}
	}
	return nil
}

// covers reports whether a statement speaks of a request.
func (s Statement) covers(r Request) bool {
	action := func(pattern string) bool { return match(strings.ToLower(pattern), strings.ToLower(r.Action)) }
	resource := func(pattern string) bool { return match(pattern, r.Resource) }
	switch {
	case len(s.But) > 0 && slices.ContainsFunc(s.But, action), len(s.But) == 0 && !slices.ContainsFunc(s.Actions, action):
		return false
	case len(s.Besides) > 0 && slices.ContainsFunc(s.Besides, resource), len(s.Besides) == 0 && !slices.ContainsFunc(s.Resources, resource):
		return false
	}
	for _, c := range s.Conditions {
		if !c.met(r.Context) {
			return false
		}
	}
	return true
}

// match reports whether text fits a pattern with * and ?. It takes time in the
// product of both lengths at worst.
func match(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
