package template

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var listed = regexp.MustCompile(`^(?:List<(.+)>)$`)

// special are the parameter types that name things of AWS.
var special = []string{
	"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
	"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::Volume::Id",
	"AWS::EC2::VPC::Id", "AWS::Route53::HostedZone::Id",
}

const storeValue = "AWS::SSM::Parameter::Value<"

// known says whether a parameter type exists.
func known(typ string) bool {
	switch {
	case slices.Contains([]string{"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>", "AWS::SSM::Parameter::Name"}, typ):
		return true
	case strings.HasPrefix(typ, storeValue) && strings.HasSuffix(typ, ">"):
		kept := strings.TrimSuffix(strings.TrimPrefix(typ, storeValue), ">")
		return known(kept) && !strings.Contains(kept, "Number") && !strings.HasPrefix(kept, "AWS::SSM::")
	}
	if m := listed.FindStringSubmatch(typ); m != nil {
		return m[1] != "AWS::EC2::KeyPair::KeyName" && slices.Contains(special, m[1])
	}
	return slices.Contains(special, typ)
}

func (t *Template) parameters(n *yaml.Node) error {
	if err := section(n, "Parameters"); err != nil {
		return err
	}
	return pairs(n, func(name string, n *yaml.Node) error {
		if !alphanumeric.MatchString(name) {
			return refuse("Template format error: Parameter name %s is non alphanumeric.", name)
		}
		if len(name) > maxName {
			return refuse("Template format error: Parameter name %s is longer than %d characters.", name, maxName)
		}
		v, err := value(n, "/Parameters/"+name, 0)
		if err != nil {
			return err
		}
		m, ok := v.(map[string]any)
		if !ok {
			return refuse("Template format error: Any Parameters member must be an object.")
		}
		p, err := parameter(name, m)
		if err != nil {
			return err
		}
		t.Parameters = append(t.Parameters, p)
		return nil
	})
}

func parameter(name string, m map[string]any) (*Parameter, error) {
	p := &Parameter{Name: name}
	text := map[string]*string{
		"Type": &p.Type, "Description": &p.Description, "AllowedPattern": &p.AllowedPattern, "ConstraintDescription": &p.ConstraintDescription,
		"MinLength": &p.MinLength, "MaxLength": &p.MaxLength, "MinValue": &p.MinValue, "MaxValue": &p.MaxValue,
	}
	for k, v := range m {
		switch k {
		case "Default":
			s, ok := v.(string)
			if !ok {
				return nil, refuse("Template format error: Every Default member must be a string.")
			}
			p.Default = &s
		case "NoEcho":
			if !fits("truth", v) {
				return nil, refuse("Template format error: Every NoEcho member must be true or false.")
			}
			p.NoEcho = strings.EqualFold(str(v), "true")
		case "AllowedValues":
			list, ok := v.([]any)
			if !ok {
				return nil, refuse("Template format error: Every AllowedValues member must be a list.")
			}
			for _, item := range list {
				if !isString(item) {
					return nil, refuse("Template format error: Every AllowedValues value must be a string.")
				}
				p.AllowedValues = append(p.AllowedValues, str(item))
			}
		default:
			at, ok := text[k]
			if !ok {
				return nil, refuse("Invalid template parameter property '%s'", k)
			}
			if *at, ok = v.(string); !ok {
				return nil, refuse("Template format error: Every %s member must be a string.", k)
			}
		}
	}
	switch {
	case len(p.Description) > 4000:
		return nil, refuse("Template format error: 'Description' length of parameter %s is greater than 4000.", name)
	case p.Type == "":
		return nil, refuse("Template format error: Every Parameters object must contain a Type member.")
	case !known(p.Type):
		return nil, refuse("Template format error: Unrecognized parameter type: %s", p.Type)
	}
	if err := p.bounds(); err != nil {
		return nil, err
	}
	if p.Default != nil && !strings.HasPrefix(p.Type, storeValue) {
		if err := p.Check(*p.Default); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// bounds refuses constraints that nothing can be held to.
func (p *Parameter) bounds() error {
	for _, bound := range []struct{ key, text string }{{"MinLength", p.MinLength}, {"MaxLength", p.MaxLength}, {"MinValue", p.MinValue}, {"MaxValue", p.MaxValue}} {
		if _, err := strconv.ParseFloat(bound.text, 64); bound.text != "" && err != nil {
			return refuse("Template format error: %s of parameter %s must be a number.", bound.key, p.Name)
		}
	}
	// What only the service's own dialect knows is taken unread; what no dialect
	// knows is not.
	_, err := regexp.Compile(p.AllowedPattern)
	dialect := []syntax.ErrorCode{syntax.ErrInvalidPerlOp, syntax.ErrInvalidEscape, syntax.ErrInvalidRepeatOp}
	if broken, ok := errors.AsType[*syntax.Error](err); ok && !slices.Contains(dialect, broken.Code) {
		return refuse("Template format error: AllowedPattern of parameter %s is not a regular expression: %s", p.Name, p.AllowedPattern)
	}
	return nil
}

func str(v any) string { s, _ := v.(string); return s }

// InStore says that the value is the name of a parameter in the parameter
// store; ofStore is the type of what is kept there.
func (p *Parameter) InStore() bool { return strings.HasPrefix(p.Type, storeValue) }

// List says that the parameter holds several values, separated by commas.
func (p *Parameter) List() bool {
	typ := p.Type
	if p.InStore() {
		typ = strings.TrimSuffix(strings.TrimPrefix(typ, storeValue), ">")
	}
	return typ == "CommaDelimitedList" || strings.HasPrefix(typ, "List<")
}

// Value is what Ref gives for the text of a parameter.
func (p *Parameter) Value(text string) any {
	if !p.List() {
		return text
	}
	list := []any{}
	for item := range strings.SplitSeq(text, ",") {
		list = append(list, strings.TrimSpace(item))
	}
	return list
}

// Values are what Ref gives of all parameters that have a value; what is not
// given has its default.
func (t *Template) Values(given map[string]string) map[string]any {
	out := map[string]any{}
	for _, p := range t.Parameters {
		text, ok := given[p.Name]
		if !ok && p.Default != nil {
			text, ok = *p.Default, true
		}
		if ok {
			out[p.Name] = p.Value(text)
		}
	}
	return out
}

// Check holds a value to the parameter's constraints.
func (p *Parameter) Check(text string) error {
	if len(text) > 4096 {
		return refuse("Parameter '%s' must contain at most 4096 characters", p.Name)
	}
	items := []string{text}
	if p.Type == "CommaDelimitedList" || p.Type == "List<Number>" || p.Type == "List<String>" {
		items = nil
		for item := range strings.SplitSeq(text, ",") {
			items = append(items, strings.TrimSpace(item))
		}
	}
	for _, item := range items {
		problem := p.problem(item)
		if problem != "" && p.ConstraintDescription != "" {
			return refuse("Parameter '%s' failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)
		}
		if problem != "" {
			return refuse("Parameter '%s' %s", p.Name, problem)
		}
	}
	return nil
}

func (p *Parameter) problem(item string) string {
	if p.Type == "Number" || p.Type == "List<Number>" {
		n, err := strconv.ParseFloat(item, 64)
		low, lowErr := strconv.ParseFloat(p.MinValue, 64)
		high, highErr := strconv.ParseFloat(p.MaxValue, 64)
		switch {
		case err != nil:
			return "must be a number."
		case lowErr == nil && n < low:
			return "must be a number not less than " + p.MinValue
		case highErr == nil && n > high:
			return "must be a number not greater than " + p.MaxValue
		}
	}
	if n, err := strconv.Atoi(p.MinLength); err == nil && len(item) < n {
		return "must contain at least " + p.MinLength + " characters"
	}
	if n, err := strconv.Atoi(p.MaxLength); err == nil && len(item) > n {
		return "must contain at most " + p.MaxLength + " characters"
	}
	if p.AllowedPattern != "" {
		if re, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$"); err == nil && !re.MatchString(item) {
			return "must match pattern " + p.AllowedPattern
		}
	}
	if p.AllowedValues != nil && !slices.Contains(p.AllowedValues, item) {
		return "must be one of AllowedValues"
	}
	return ""
}
