package awssim

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"baryon/provisioner/awssim/template"
)

// parse reads the template of a stack and holds it to what the simulated
// account knows. A template comes with an error where a transform failed.
func (w *world) parse(r *region, s *stack, g generation) (*template.Template, error) {
	given := template.Given{
		Parameters: map[string]string{}, Pseudo: r.pseudo(s, g),
		Include: func(location string) (text, why string) { return w.included(r, location) },
	}
	for _, p := range g.Parameters {
		given.Parameters[p.Key] = p.Value
		if v, ok := g.Resolved[p.Key]; ok {
			given.Parameters[p.Key] = v
		}
	}
	t, err := template.Parse(g.Template, given)
	if err != nil {
		return t, err
	}
	var unknown []string
	for _, typ := range t.Types() {
		if typeOf(typ) == nil {
			unknown = append(unknown, typ)
		}
	}
	if len(unknown) > 0 {
		return nil, invalid("Template format error: Unrecognized resource types: [" + strings.Join(unknown, ", ") + "]")
	}
	values := []any{}
	for _, r := range t.Resources {
		for _, k := range sorted(r.Properties) {
			if place := r.Type + "/Properties/" + k; strings.Contains(shown(r.Properties[k]), "{{resolve:ssm-secure:") && !secure[r.Type+"."+k] {
				return nil, invalid("SSM Secure reference is not supported in: [" + place + "]")
			}
		}
		values = append(values, r.Properties)
	}
	for _, o := range t.Outputs {
		values = append(values, o.Value)
	}
	for _, a := range template.Attributes(values) {
		r := t.Resource(a[0])
		if r == nil || supports(typeOf(r.Type), a[1]) || r.Type == stackType && strings.HasPrefix(a[1], "Outputs.") {
			continue
		}
		return nil, invalid(fmt.Sprintf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", a[0], a[1]))
	}
	return t, nil
}

// secure are the properties that may hold a reference to a secure parameter.
var secure = map[string]bool{
	"AWS::DirectoryService::MicrosoftAD.Password": true, "AWS::DirectoryService::SimpleAD.Password": true, "AWS::ElastiCache::ReplicationGroup.AuthToken": true,
	"AWS::IAM::User.LoginProfile": true, "AWS::KinesisFirehose::DeliveryStream.RedshiftDestinationConfiguration": true, "AWS::RDS::DBCluster.MasterUserPassword": true,
	"AWS::RDS::DBInstance.MasterUserPassword": true, "AWS::Redshift::Cluster.MasterUserPassword": true,
}

// supports says whether a type has an attribute.
func supports(t *resourceType, attr string) bool {
	return t.schema == nil || t.gives(attr) || slices.Contains(t.ID, attr)
}

// parameters are the values of a template's parameters: those given, those
// kept from before, and defaults.
func (c *call) parameters(t *template.Template, a args, before generation) ([]pair, map[string]string, error) {
	given := map[string]string{}
	var unknown []string
	for _, p := range a.structs("Parameters") {
		k := p.get("ParameterKey")
		previous, had := before.parameter(k)
		switch {
		case p.yes("UsePreviousValue") && p.get("ParameterValue") != "":
			return nil, nil, invalid("Invalid input for parameter key " + k + ". Cannot specify usePreviousValue as true and non empty value for a parameter")
		case p.yes("UsePreviousValue") && !had:
			return nil, nil, invalid("Invalid input for parameter key " + k + ". Cannot specify usePreviousValue as true for a parameter key not in the previous template")
		case p.yes("UsePreviousValue"):
			given[k] = previous
		default:
			given[k] = p.get("ParameterValue")
		}
		if t.Parameter(k) == nil {
			unknown = append(unknown, k)
		}
	}
	if len(unknown) > 0 {
		return nil, nil, invalid("Parameters: [" + strings.Join(unknown, ", ") + "] do not exist in the template")
	}
	var out []pair
	var missing []string
	for _, p := range t.Parameters {
		v, ok := given[p.Name]
		if !ok && p.Default != nil {
			v, ok = *p.Default, true
		}
		if !ok {
			missing = append(missing, p.Name)
			continue
		}
		if !p.InStore() {
			if err := p.Check(v); err != nil {
				return nil, nil, err
			}
		}
		out = append(out, pair{p.Name, v})
	}
	if len(missing) > 0 {
		return nil, nil, invalid("Parameters: [" + strings.Join(missing, ", ") + "] must have values")
	}
	resolved, err := c.stored(t, out)
	return out, resolved, err
}

// stored reads the parameters whose values live in the parameter store.
func (c *call) stored(t *template.Template, values []pair) (map[string]string, error) {
	resolved := map[string]string{}
	var missing []string
	for _, v := range values {
		if !t.Parameter(v.Key).InStore() {
			continue
		}
		p := c.region.parameter(v.Value)
		if p == nil || p.Type == "SecureString" {
			missing = append(missing, v.Value)
			continue
		}
		resolved[v.Key] = p.latest()
	}
	if len(missing) > 0 {
		return nil, invalid("Unable to fetch parameters [" + strings.Join(missing, ",") + "] from parameter store for this account.")
	}
	return resolved, nil
}

func (g generation) parameter(k string) (string, bool) {
	for _, p := range g.Parameters {
		if p.Key == k {
			return p.Value, true
		}
	}
	return "", false
}

// pseudo are the parameters that every template has.
func (r *region) pseudo(s *stack, g generation) map[string]any {
	notifications := []any{}
	for _, arn := range g.Notifications {
		notifications = append(notifications, arn)
	}
	return map[string]any{
		"AWS::AccountId": r.Account, "AWS::Region": r.Name, "AWS::Partition": r.partition(), "AWS::URLSuffix": r.suffix(),
		"AWS::StackId": s.ID, "AWS::StackName": s.Name, "AWS::NotificationARNs": notifications,
	}
}

// scope is what the values of a stack's template are worked out in. What a
// resource is and has comes from the attribute function.
func (r *region) scope(s *stack, t *template.Template, g generation, attribute func(id, attr string) (any, error)) (*template.Scope, error) {
	values := r.pseudo(s, g)
	for _, p := range g.Parameters {
		if declared := t.Parameter(p.Key); declared != nil {
			v := p.Value
			if kept, ok := g.Resolved[p.Key]; ok {
				v = kept
			}
			values[p.Key] = declared.Value(v)
		}
	}
	sc := &template.Scope{
		Template: t, Parameters: values, Attribute: attribute, Zones: zonesOf,
		Import: func(name string) (string, error) {
			exporter, v := r.exporter(name, nil)
			if exporter == nil {
				return "", invalid("No export named " + name + " found")
			}
			return v, nil
		},
	}
	if err := sc.Decide(); err != nil {
		return nil, err
	}
	return sc, nil
}

// attribute is what a stack's resource has now.
func (r *region) attribute(s *stack, id, attr string) (any, error) {
	res := s.Resources[id]
	if res == nil {
		return nil, invalid("Template format error: Unresolved resource dependencies [" + id + "] in the Resources block of the template")
	}
	if attr == "" {
		return res.Physical, nil
	}
	if res.Type == stackType {
		return r.nestedOutput(res, attr)
	}
	thing := r.Things[res.Thing]
	if thing == nil {
		return nil, invalid(fmt.Sprintf("Resource handler returned message: \"%s was not found\" (HandlerErrorCode: NotFound)", res.Physical))
	}
	if v, ok := thing.Properties[attr]; ok { // as it is now, not as it was made
		return v, nil
	}
	if v, ok := thing.Attributes[attr]; ok {
		if made := typeOf(res.Type).made[attr]; made != nil && slices.Contains(made.kinds(), "array") {
			return []any{v}, nil
		}
		return v, nil
	}
	switch t := typeOf(res.Type); {
	case t.schema == nil:
		return id + "." + attr, nil // a custom resource's own answer
	case t.gives(attr):
		return "", nil // a property that nobody set
	}
	return nil, invalid(fmt.Sprintf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", id, attr))
}

// properties works out what a resource is to be.
func properties(sc *template.Scope, res *template.Resource) (map[string]any, any, error) {
	v, err := sc.Eval(res.Properties)
	if err != nil {
		return nil, nil, err
	}
	p, _ := v.(map[string]any)
	if p == nil {
		p = map[string]any{}
	}
	metadata, err := sc.Eval(res.Metadata)
	return p, metadata, err
}

// display is what is shown of a resource's properties.
func (r *resource) display() map[string]any {
	if r.Veiled != nil {
		return r.Veiled
	}
	return r.Properties
}

// veiled works out what is shown of a resource: parameters that are not to be
// echoed are masked. It is nil where there are none.
func veiled(sc *template.Scope, res *template.Resource, hidden []string) map[string]any {
	if len(hidden) == 0 {
		return nil
	}
	masked := *sc
	masked.Parameters = maps.Clone(sc.Parameters)
	for _, name := range hidden {
		masked.Parameters[name] = "****"
	}
	p, _, err := properties(&masked, res)
	if err != nil {
		return map[string]any{} // rather nothing than a secret
	}
	return p
}

var dynamicReference = regexp.MustCompile(`\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}`)

// dynamic replaces references to the parameter store and to secrets with what
// is kept there: what a resource really gets.
func (r *region) dynamic(p map[string]any) (map[string]any, error) {
	v, err := r.resolved(p)
	out, _ := v.(map[string]any)
	return out, err
}

func (r *region) resolved(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = r.resolved(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := map[string]any{}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			var err error
			if out[k], err = r.resolved(v[k]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		var failed error
		out := dynamicReference.ReplaceAllStringFunc(v, func(m string) string {
			parts := dynamicReference.FindStringSubmatch(m)
			value, err := r.kept(parts[1], parts[2])
			if err != nil {
				failed = err
			}
			return value
		})
		return out, failed
	}
	return v, nil
}

// kept reads one dynamic reference.
func (r *region) kept(store, name string) (string, error) {
	if store == "secretsmanager" {
		return r.secretValue(name)
	}
	id, version, versioned := strings.Cut(name, ":")
	p := r.parameter(id)
	number, err := strconv.Atoi(version)
	switch {
	case versioned && (err != nil || number < 1):
		return "", invalid("Incorrect format is used in the following SSM reference: [{{resolve:" + store + ":" + name + "}}]")
	case p == nil || version != "" && p.version(version) == 0:
		return "", invalid("Unable to fetch parameters [" + name + "] from parameter store for this account.")
	case store == "ssm" && p.Type == "SecureString":
		return "", invalid("Parameters [" + id + "] referenced by {{resolve:ssm}} are of type SecureString: use {{resolve:ssm-secure}}, where that may stand")
	case version != "":
		return p.Versions[p.version(version)-1].Value, nil
	}
	return p.latest(), nil
}
