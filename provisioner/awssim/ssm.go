package awssim

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A parameter is kept in the parameter store.
type parameter struct {
	Type, Description string
	Versions          []parameterVersion // oldest first
	Tags              tags
}

// A parameterVersion is a value a parameter had or has.
type parameterVersion struct {
	Value  string
	At     time.Time
	Labels []string
}

// latest is the value that counts.
func (p *parameter) latest() string { return p.Versions[len(p.Versions)-1].Value }

// version finds a version by its number or label; an empty selector is the
// latest. It returns 0 where there is none.
func (p *parameter) version(selector string) int {
	if selector == "" {
		return len(p.Versions)
	}
	if n, err := strconv.Atoi(selector); err == nil && n >= 1 && n <= len(p.Versions) {
		return n
	}
	return slices.IndexFunc(p.Versions, func(v parameterVersion) bool { return slices.Contains(v.Labels, selector) }) + 1
}

var parameterName = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

// selected splits a name from the version or label that follows it.
func selected(name string) (base, selector string) {
	if strings.HasPrefix(name, "arn:") {
		_, rest, _ := strings.Cut(name, ":parameter")
		name = rest
	}
	base, selector, _ = strings.Cut(name, ":")
	return base, selector
}

// store answers for the parameter store.
func (c *call) store(action string, in map[string]any) (map[string]any, error) {
	name, _ := selected(of(in, "Name"))
	missing := &apiError{400, "ParameterNotFound", ""}
	switch action {
	case "PutParameter":
		return c.putParameter(name, in)
	case "GetParameter":
		p, err := c.readParameter(of(in, "Name"), yes(in, "WithDecryption"))
		return map[string]any{"Parameter": p}, err
	case "GetParameters":
		found, invalidNames := []any{}, []any{}
		for _, n := range listed(in, "Names") {
			if p, err := c.readParameter(n, yes(in, "WithDecryption")); err == nil {
				found = append(found, p)
			} else {
				invalidNames = append(invalidNames, n)
			}
		}
		return map[string]any{"Parameters": found, "InvalidParameters": invalidNames}, nil
	case "GetParametersByPath":
		return c.parametersBelow(in)
	case "DescribeParameters", "GetParameterHistory":
		return c.listParameters(action, name, in)
	case "LabelParameterVersion":
		return c.labelParameter(name, in)
	case "DeleteParameter":
		if c.region.Parameters[name] == nil {
			return nil, missing
		}
		c.dropParameter(name)
		return map[string]any{}, nil
	case "DeleteParameters":
		gone, unknown := []any{}, []any{}
		for _, n := range listed(in, "Names") {
			if c.region.Parameters[n] == nil {
				unknown = append(unknown, n)
				continue
			}
			c.dropParameter(n)
			gone = append(gone, n)
		}
		return map[string]any{"DeletedParameters": gone, "InvalidParameters": unknown}, nil
	case "AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource":
		return c.tagParameter(action, in)
	}
	return nil, &apiError{400, "UnknownOperationException", "the simulated parameter store has no " + action}
}

// listParameters lists all parameters, or all versions of one.
func (c *call) listParameters(action, name string, in map[string]any) (map[string]any, error) {
	if action == "DescribeParameters" {
		all := []any{}
		for _, n := range sorted(c.region.Parameters) {
			all = append(all, c.metadataOf(n))
		}
		return paged(in, "Parameters", all, 50)
	}
	p := c.region.Parameters[name]
	if p == nil {
		return nil, &apiError{400, "ParameterNotFound", ""}
	}
	all := []any{}
	for i := range p.Versions {
		one, err := c.readParameter(name+":"+strconv.Itoa(i+1), yes(in, "WithDecryption"))
		if err != nil {
			return nil, err
		}
		one["Labels"] = p.Versions[i].Labels
		all = append(all, one)
	}
	return paged(in, "Parameters", all, 50)
}

func (c *call) dropParameter(name string) {
	delete(c.region.Parameters, name)
	delete(c.region.Things, key("AWS::SSM::Parameter", name))
}

func (c *call) putParameter(name string, in map[string]any) (map[string]any, error) {
	old, typ := c.region.Parameters[name], of(in, "Type")
	refuse := func(code, text string) (map[string]any, error) { return nil, &apiError{400, code, text} }
	switch value := of(in, "Value"); {
	case !parameterName.MatchString(name) || strings.HasPrefix(strings.ToLower(strings.TrimPrefix(name, "/")), "aws") ||
		strings.HasPrefix(strings.ToLower(strings.TrimPrefix(name, "/")), "ssm"):
		return refuse("ValidationException", "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."+
			" If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case old != nil && !yes(in, "Overwrite"):
		return refuse("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case old == nil && typ == "":
		return refuse("ValidationException", "A parameter type is required when you create a parameter.")
	case typ != "" && !slices.Contains([]string{"String", "StringList", "SecureString"}, typ):
		return refuse("UnsupportedParameterType", "The parameter type is not supported.")
	case value == "":
		return refuse("ValidationException", "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(value) > 4096 && of(in, "Tier") != "Advanced" && of(in, "Tier") != "Intelligent-Tiering":
		return refuse("ValidationException", "Standard tier parameters support a maximum parameter value of 4096 characters."+
			" To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.")
	case of(in, "AllowedPattern") != "" && !matches(of(in, "AllowedPattern"), value):
		return refuse("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: "+of(in, "AllowedPattern"))
	}
	c.region.keep(name, typ, of(in, "Value"), of(in, "Description"), c.now)
	c.region.known("AWS::SSM::Parameter", name, name, map[string]any{"Name": name, "Type": c.region.Parameters[name].Type, "Value": of(in, "Value")})
	return map[string]any{"Version": len(c.region.Parameters[name].Versions), "Tier": "Standard"}, nil
}

// keep writes a value into the parameter store.
func (r *region) keep(name, typ, value, description string, at time.Time) {
	p := r.Parameters[name]
	if p == nil {
		p = &parameter{Type: typ}
		r.Parameters[name] = p
	}
	if typ != "" {
		p.Type = typ
	}
	if description != "" {
		p.Description = description
	}
	p.Versions = append(p.Versions, parameterVersion{Value: value, At: at})
}

// readParameter is what a read shows. Who does not ask for the plain text of a
// secure one gets something else.
func (c *call) readParameter(name string, plain bool) (map[string]any, error) {
	base, selector := selected(name)
	p := c.region.parameter(base)
	if p == nil {
		return nil, &apiError{400, "ParameterNotFound", ""}
	}
	n := p.version(selector)
	if n == 0 {
		return nil, &apiError{400, "ParameterVersionNotFound", "Systems Manager could not find version " + selector + " of " + base + ". Verify the version and try again."}
	}
	v := p.Versions[n-1]
	out := map[string]any{
		"Name": base, "Type": p.Type, "Value": v.Value, "Version": n, "LastModifiedDate": float64(v.At.Unix()), "DataType": "text", "ARN": c.parameterARN(base),
	}
	if p.Type == "SecureString" && !plain {
		out["Value"] = base64.StdEncoding.EncodeToString([]byte("kms:alias/aws/ssm:" + v.Value))
	}
	if selector != "" {
		out["Selector"] = ":" + selector
	}
	return out, nil
}

func (c *call) parameterARN(name string) string {
	return "arn:aws:ssm:" + c.region.Name + ":" + c.region.Account + ":parameter/" + strings.TrimPrefix(name, "/")
}

func (c *call) metadataOf(name string) map[string]any {
	p := c.region.Parameters[name]
	return map[string]any{
		"Name": name, "Type": p.Type, "Version": len(p.Versions), "LastModifiedDate": float64(p.Versions[len(p.Versions)-1].At.Unix()),
		"Description": p.Description, "Tier": "Standard", "DataType": "text", "ARN": c.parameterARN(name),
	}
}

func (c *call) parametersBelow(in map[string]any) (map[string]any, error) {
	path := strings.TrimSuffix(of(in, "Path"), "/") + "/"
	all := []any{}
	for _, n := range sorted(c.region.Parameters) {
		rest, below := strings.CutPrefix(n, path)
		if !below || !yes(in, "Recursive") && strings.Contains(rest, "/") {
			continue
		}
		one, err := c.readParameter(n, yes(in, "WithDecryption"))
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return paged(in, "Parameters", all, 10)
}

func (c *call) labelParameter(name string, in map[string]any) (map[string]any, error) {
	p := c.region.Parameters[name]
	if p == nil {
		return nil, &apiError{400, "ParameterNotFound", ""}
	}
	n := len(p.Versions)
	if v, ok := in["ParameterVersion"].(float64); ok {
		if n = int(v); n < 1 || n > len(p.Versions) {
			return nil, &apiError{400, "ParameterVersionNotFound", "Systems Manager could not find version " + strconv.Itoa(n) + " of " + name + ". Verify the version and try again."}
		}
	}
	for _, label := range listed(in, "Labels") { // a label is on one version
		for i := range p.Versions {
			p.Versions[i].Labels = slices.DeleteFunc(p.Versions[i].Labels, func(other string) bool { return other == label })
		}
		p.Versions[n-1].Labels = append(p.Versions[n-1].Labels, label)
	}
	return map[string]any{"InvalidLabels": []any{}, "ParameterVersion": n}, nil
}
