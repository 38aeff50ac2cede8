package access

import (
	"slices"
	"strings"
)

// A Condition compares the values of one key with those of the policy.
type Condition struct {
	Operator string // of operators
	Key      string // in lower case, with the name of the tag if it has one
	Values   []string

	IfExists bool   // also met where the key has no value
	Set      string // ForAllValues or ForAnyValue, for keys of many values
}

// operators compare one value of a request with one of a policy.
var operators = map[string]func(got, want string) bool{
	"StringEquals":              func(got, want string) bool { return got == want },
	"StringNotEquals":           func(got, want string) bool { return got == want },
	"StringEqualsIgnoreCase":    strings.EqualFold,
	"StringNotEqualsIgnoreCase": strings.EqualFold,
	"StringLike":                func(got, want string) bool { return match(want, got) },
	"StringNotLike":             func(got, want string) bool { return match(want, got) },
	"ArnEquals":                 func(got, want string) bool { return match(want, got) },
	"ArnLike":                   func(got, want string) bool { return match(want, got) },
	"ArnNotEquals":              func(got, want string) bool { return match(want, got) },
	"ArnNotLike":                func(got, want string) bool { return match(want, got) },
}

// null is the operator that asks whether there is a value at all.
const null = "Null"

func (c Condition) negated() bool { return strings.Contains(c.Operator, "Not") }

// met reports whether a request has what the condition asks for. A key without
// a value meets no condition but a negated one, as in IAM.
func (c Condition) met(context map[string][]string) bool {
	got := context[c.Key]
	if c.Operator == null {
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, "true") == (len(got) == 0) })
	}
	if len(got) == 0 {
		return c.IfExists || c.Set == forAll || c.Set == "" && c.negated()
	}
	fits := func(value string) bool {
		same := slices.ContainsFunc(c.Values, func(want string) bool { return operators[c.Operator](value, want) })
		return same != c.negated()
	}
	switch c.Set {
	case forAny:
		return slices.ContainsFunc(got, fits)
	case forAll:
		return !slices.ContainsFunc(got, func(v string) bool { return !fits(v) })
	}
	if c.negated() { // of several values none may be one that is named
		return !slices.ContainsFunc(got, func(v string) bool { return !fits(v) })
	}
	return slices.ContainsFunc(got, fits)
}

const (
	forAll = "ForAllValues"
	forAny = "ForAnyValue"
)

// The condition keys there are; a / at the end stands for the name of a tag.
const (
	ResourceTag         = "aws:resourcetag/"
	RequestTag          = "aws:requesttag/"
	TagKeys             = "aws:tagkeys"
	EnvironmentTemplate = "proton:environmenttemplate" // resource names of templates
	ServiceTemplate     = "proton:servicetemplate"
	PassedToService     = "iam:passedtoservice"
	Environment         = "baryon:environment" // resource names of environments that are deployed to
)

// keys are the condition keys as policies write them.
var keys = []string{
	"aws:ResourceTag/TAG", "aws:RequestTag/TAG", "aws:TagKeys", "proton:EnvironmentTemplate", "proton:ServiceTemplate", "iam:PassedToService", "baryon:Environment",
}

// keyOf is the name of a condition key as requests have it; false for one that
// no request has.
func keyOf(written string) (string, bool) {
	name, tag, isTag := strings.Cut(strings.ToLower(written), "/")
	if isTag {
		return name + "/" + tag, tag != "" && (name+"/" == ResourceTag || name+"/" == RequestTag)
	}
	return name, slices.Contains([]string{TagKeys, EnvironmentTemplate, ServiceTemplate, PassedToService, Environment}, name)
}
