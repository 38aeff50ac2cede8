package cfn

import (
	"regexp"
	"strings"

	"baryon/renderer"
)

// functions are the intrinsic functions by their long names. Ref and Condition
// stand without Fn:: in front.
var functions = map[string]bool{
	"Ref": true, "Condition": true,
	"Fn::And": true, "Fn::Base64": true, "Fn::Cidr": true, "Fn::Equals": true, "Fn::FindInMap": true, "Fn::GetAtt": true, "Fn::GetAZs": true,
	"Fn::GetStackOutput": true, "Fn::If": true, "Fn::ImportValue": true, "Fn::Join": true, "Fn::Length": true, "Fn::Not": true, "Fn::Or": true, "Fn::Select": true,
	"Fn::Split": true, "Fn::Sub": true, "Fn::ToJsonString": true, "Fn::Transform": true,
	// Of rules about parameters.
	"Fn::Contains": true, "Fn::EachMemberEquals": true, "Fn::EachMemberIn": true, "Fn::RefAll": true, "Fn::ValueOf": true, "Fn::ValueOfAll": true,
}

// functionNames are the names that are suggested for a misspelt one.
var functionNames = []string{
	"Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Equals", "Fn::FindInMap", "Fn::GetAtt", "Fn::GetAZs", "Fn::If", "Fn::ImportValue", "Fn::Join",
	"Fn::Length", "Fn::Not", "Fn::Or", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString", "Fn::Transform",
}

// pseudo are the parameters that every template has.
var pseudo = map[string]bool{
	"AWS::AccountId": true, "AWS::NotificationARNs": true, "AWS::NoValue": true, "AWS::Partition": true, "AWS::Region": true,
	"AWS::StackId": true, "AWS::StackName": true, "AWS::URLSuffix": true,
}

// A call is a use of an intrinsic function.
type call struct {
	name string         // long: Fn::GetAtt
	at   *renderer.Node // where it stands
	arg  *renderer.Node
}

// callOf tells whether a value is a call, in either form: !GetAtt A.B, or a
// mapping with the one key Fn::GetAtt. Condition counts in its short form alone,
// since policies have a key of that name.
func callOf(n *renderer.Node) (call, bool) {
	switch {
	case n == nil:
		return call{}, false
	case n.Tag != "":
		name := strings.TrimPrefix(n.Tag, "!")
		if name != "Ref" && name != "Condition" {
			name = "Fn::" + name
		}
		arg := *n
		arg.Tag = ""
		return call{name, n, &arg}, true
	case n.Kind == renderer.Mapping && len(n.Pairs) == 1:
		if key := n.Pairs[0].Key.Text; key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return call{key, n, n.Pairs[0].Value}, true
		}
	}
	return call{}, false
}

// text is a scalar that is no call.
func text(n *renderer.Node) (string, bool) {
	if n == nil || n.Kind != renderer.Scalar || n.Tag != "" || n.Null() {
		return "", false
	}
	return n.Text, true
}

// items are those of a list that is no call.
func items(n *renderer.Node) []*renderer.Node {
	if n == nil || n.Kind != renderer.Sequence || n.Tag != "" {
		return nil
	}
	return n.Items
}

// attribute splits the argument of Fn::GetAtt; ok is false when it has no form
// that CloudFormation takes. The attribute may be a call: it is empty then.
func attribute(arg *renderer.Node) (resource, attr string, ok bool) {
	if s, is := text(arg); is {
		resource, attr, ok = strings.Cut(s, ".")
		return resource, attr, ok && resource != "" && attr != ""
	}
	list := items(arg)
	if len(list) < 2 {
		return "", "", false
	}
	resource, ok = text(list[0])
	var parts []string
	for _, item := range list[1:] {
		if s, is := text(item); is {
			parts = append(parts, s)
		} else if _, is := callOf(item); !is {
			return "", "", false
		}
	}
	return resource, strings.Join(parts, "."), ok && resource != ""
}

var substitution = regexp.MustCompile(`\$\{([^!{}][^{}]*)\}`)

// substituted lists the names in the text of Fn::Sub, and the names that the
// call itself defines; ok is false when it has no form that CloudFormation takes.
func substituted(arg *renderer.Node) (names []string, own *renderer.Node, ok bool) {
	s, is := text(arg)
	if !is {
		list := items(arg)
		if len(list) != 2 || list[1].Kind != renderer.Mapping {
			return nil, nil, false
		}
		if s, is = text(list[0]); !is {
			return nil, nil, false
		}
		own = list[1]
	}
	for _, m := range substitution.FindAllStringSubmatch(s, -1) {
		name := strings.TrimSpace(m[1])
		if own.Get(name) == nil {
			names = append(names, name)
		}
	}
	return names, own, true
}
