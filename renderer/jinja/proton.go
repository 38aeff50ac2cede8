package jinja

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// ProtonFilters are the filters AWS Proton added to Jinja for CloudFormation
// templates. Give them to Parse as Config.Filters.
func ProtonFilters() map[string]Filter {
	return map[string]Filter{
		"proton_cfn_ecs_task_definition_formatted_env_vars": ecsVariables,
		"proton_cfn_lambda_function_formatted_env_vars":     lambdaVariables,
		"proton_cfn_iam_policy_arns":                        policyARNs,
		"proton_cfn_sanitize":                               sanitize,
	}
}

var (
	plainValue = regexp.MustCompile(`^[a-zA-Z0-9_-]*$`)
	policyARN  = regexp.MustCompile(`^arn:[a-zA-Z-]+:iam::[0-9]{12}:policy/`)
	anyARN     = regexp.MustCompile(`^arn:[a-zA-Z-]+:[a-zA-Z0-9-]+:[a-zA-Z0-9-]*:([0-9]{12}|aws)?:[a-zA-Z0-9_+=,.@:/*$~!%-]+$`)
)

// ecsVariables writes a map as the environment of an ECS container.
func ecsVariables(value any, args Args) (any, error) {
	pairs, err := variables("proton_cfn_ecs_task_definition_formatted_env_vars", value, args)
	if err != nil {
		return nil, err
	}
	lines := make([]string, 0, len(pairs))
	for _, p := range pairs {
		lines = append(lines, "- Name: "+p.key+"\n  Value: "+p.value)
	}
	return Block(strings.Join(lines, "\n")), nil
}

// lambdaVariables writes a map as the variables of a Lambda function.
func lambdaVariables(value any, args Args) (any, error) {
	pairs, err := variables("proton_cfn_lambda_function_formatted_env_vars", value, args)
	if err != nil {
		return nil, err
	}
	lines := make([]string, 0, len(pairs))
	for _, p := range pairs {
		lines = append(lines, p.key+": "+p.value)
	}
	return Block(strings.Join(lines, "\n")), nil
}

// A yamlPair is an entry of a map, written as YAML.
type yamlPair struct{ key, value string }

func variables(filter string, value any, args Args) ([]yamlPair, error) {
	d, err := protonMap(filter, value)
	if err != nil {
		return nil, err
	}
	raw, err := rawArgument(filter, args)
	if err != nil {
		return nil, err
	}
	pairs := make([]yamlPair, 0, len(d.entries))
	for _, e := range d.entries {
		text, err := scalarText(filter, e.key, e.value)
		if err != nil {
			return nil, err
		}
		if !raw && !plainValue.MatchString(text) {
			return nil, illegal(text, "")
		}
		shown := yamlText(text)
		if _, isText := e.value.(string); !isText {
			shown = yamlOther(e.value, text)
		}
		pairs = append(pairs, yamlPair{yamlText(fmt.Sprint(e.key)), shown})
	}
	return pairs, nil
}

func protonMap(filter string, value any) (*Dict, error) {
	d, ok := value.(*Dict)
	if !ok {
		return nil, &Error{Kind: TypeError, Fix: FixTemplate,
			Msg: filter + " formats a map, got a value of type " + goTypeName(value)}
	}
	return d, nil
}

// rawArgument reads raw=True, given by position or by name.
func rawArgument(filter string, args Args) (bool, error) {
	raw, n := any(true), len(args.Positional)
	if n > 0 {
		raw = args.Positional[0]
	}
	for _, name := range args.Named.Keys() {
		if name != "raw" || n > 0 {
			return false, &Error{Kind: TypeError, Fix: FixTemplate, Msg: filter + " takes no argument " + strRepr(name) + " here, only raw"}
		}
		raw, _ = args.Named.Get(name)
	}
	flag, ok := raw.(bool)
	if n > 1 || !ok {
		return false, &Error{Kind: TypeError, Fix: FixTemplate, Msg: filter + " takes one argument, raw, which is true or false"}
	}
	return flag, nil
}

// scalarText is the text of a value that is no map or list.
func scalarText(filter string, key, v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case nil, bool, int64, *big.Int, float64:
		return newRun(nil).repr(v)
	}
	return "", &Error{Kind: TypeError, Fix: FixSpec,
		Msg: fmt.Sprintf("%s writes texts and numbers, but %v is a value of type %s", filter, key, goTypeName(v))}
}

// goTypeName is typeName for what a Filter sees.
func goTypeName(v any) string {
	if _, ok := v.([]any); ok {
		return "list"
	}
	return typeName(v)
}

// policyARNs lists the values that are ARNs of IAM policies.
func policyARNs(value any, args Args) (any, error) {
	const filter = "proton_cfn_iam_policy_arns"
	d, err := protonMap(filter, value)
	if err != nil {
		return nil, err
	}
	if len(args.Positional)+args.Named.Len() > 0 {
		return nil, &Error{Kind: TypeError, Fix: FixTemplate, Msg: filter + " takes no arguments"}
	}
	var lines []string
	for _, e := range d.entries {
		if s, ok := e.value.(string); ok && policyARN.MatchString(s) {
			lines = append(lines, "- "+yamlText(s))
		}
	}
	return Block(strings.Join(lines, "\n")), nil
}

// sanitize lets through what is safe in a template as it is.
func sanitize(value any, args Args) (any, error) {
	const filter = "proton_cfn_sanitize"
	if len(args.Positional)+args.Named.Len() > 0 {
		return nil, &Error{Kind: TypeError, Fix: FixTemplate, Msg: filter + " takes no arguments"}
	}
	text, err := scalarText(filter, "what it got", value)
	if err != nil {
		return nil, err
	}
	if !plainValue.MatchString(text) && !anyARN.MatchString(text) {
		return nil, illegal(text, " or be a valid ARN")
	}
	return value, nil
}

func illegal(text, otherwise string) error {
	return &Error{Kind: ValueError, Fix: FixSpec,
		Msg: fmt.Sprintf(`Illegal character(s) detected in "%s". Must match regex ^[a-zA-Z0-9_-]*$%s`, text, otherwise)}
}
