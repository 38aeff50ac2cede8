package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The limits of the service on one template.
const (
	maxResources  = 500
	maxParameters = 200
	maxOutputs    = 200
	maxMappings   = 200
	maxDynamic    = 60
	maxAttributes = 200 // of a mapping
	maxName       = 255
)

// functions are the names that a call may have.
var functions = []string{
	"Fn::Base64", "Fn::GetAtt", "Fn::GetAZs", "Fn::ImportValue", "Fn::Join", "Fn::Split", "Fn::FindInMap", "Fn::Select",
	"Ref", "Fn::Equals", "Fn::If", "Fn::Not", "Condition", "Fn::And", "Fn::Or", "Fn::Contains", "Fn::EachMemberEquals",
	"Fn::EachMemberIn", "Fn::ValueOf", "Fn::ValueOfAll", "Fn::RefAll", "Fn::Sub", "Fn::Cidr",
}

const (
	serverless = "AWS::Serverless-2016-10-31"
	extensions = "AWS::LanguageExtensions"
)

// snapshots are the types that can be kept as one.
var snapshots = []string{
	"AWS::DocDB::DBCluster", "AWS::EC2::Volume", "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup",
	"AWS::Neptune::DBCluster", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster",
}

// check holds a template to all rules that need no parameter values.
func (t *Template) check() error {
	for _, check := range []func() error{t.checkLimits, t.checkNames, t.checkRules, t.checkConditions, t.checkResources, t.checkOutputs} {
		if err := check(); err != nil {
			return err
		}
	}
	if t.Unsure {
		return nil
	}
	if err := t.Unresolved(nil); err != nil {
		return err
	}
	if _, cycle := Order(t.Edges(nil)); cycle != nil {
		return refuse("Circular dependency between resources: [%s]", strings.Join(cycle, ", "))
	}
	return nil
}

func (t *Template) checkLimits() error {
	for _, limit := range []struct {
		what    string
		got, at int
	}{
		{"resources", len(t.Resources), maxResources},
		{"parameters", len(t.Parameters), maxParameters},
		{"outputs", len(t.Outputs), maxOutputs},
		{"mappings", len(t.Mappings), maxMappings},
	} {
		if limit.got > limit.at {
			return refuse("Template format error: Number of %s, %d, is greater than maximum allowed, %d", limit.what, limit.got, limit.at)
		}
	}
	return nil
}

func (t *Template) checkResources() error {
	for _, r := range t.Resources {
		for _, part := range []any{r.Properties, r.Metadata, r.CreationPolicy, r.UpdatePolicy} {
			if err := t.shapes(part); err != nil {
				return err
			}
		}
		if typ := r.Type; (r.DeletionPolicy == "Snapshot" || r.UpdateReplacePolicy == "Snapshot") && strings.HasPrefix(typ, "AWS::") && !slices.Contains(snapshots, typ) {
			return refuse("Template error: resource type %s does not support deletion policy Snapshot", typ)
		}
		if r.Condition != "" {
			if _, ok := t.Conditions[r.Condition]; !ok {
				return refuse("Template format error: Unresolved condition dependency %s in the Resources block of the template", r.Condition)
			}
		}
	}
	return nil
}

func (t *Template) checkOutputs() error {
	for _, o := range t.Outputs {
		if err := t.shapes([]any{o.Value, o.Export}); err != nil {
			return err
		}
		if !textual(o.Value) {
			return refuse("Template format error: The Value field of every Outputs member must evaluate to a String.")
		}
		hangs := calls(o.Export, "Fn::ImportValue", "Fn::GetAZs") != ""
		for _, u := range uses(o.Export, nil) {
			hangs = hangs || t.Resource(u.ID) != nil
		}
		if hangs {
			return refuse("Template format error: Output %s is malformed.  The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.", o.Key)
		}
		if _, ok := t.Conditions[o.Condition]; !ok && o.Condition != "" {
			return refuse("Template format error: Unresolved condition dependency %s in the Outputs block of the template", o.Condition)
		}
	}
	return nil
}

// checkNames finds names that stand for two things.
func (t *Template) checkNames() error {
	seen := map[string]bool{}
	for _, r := range t.Resources {
		if seen[r.ID] || t.Parameter(r.ID) != nil {
			return refuse("Template format error: Duplicate logical ID [%s]: resources and parameters share their names", r.ID)
		}
		seen[r.ID] = true
	}
	count := 0
	for _, r := range t.Resources {
		count += len(dynamic.FindAllString(fmt.Sprint(r.Properties), -1))
	}
	if count > maxDynamic {
		return refuse("Template format error: Number of dynamic references, %d, is greater than maximum allowed, %d", count, maxDynamic)
	}
	return nil
}

var dynamic = regexp.MustCompile(`\{\{resolve:`)

// checkConditions holds conditions to what may stand in them.
func (t *Template) checkConditions() error {
	for _, name := range slices.Sorted(maps.Keys(t.Conditions)) {
		v := t.Conditions[name]
		if err := t.shapes(v); err != nil {
			return err
		}
		if f := calls(v, "Fn::ImportValue", "Fn::GetAZs", "Fn::Cidr", "Fn::Base64"); f != "" {
			return refuse("Template error: Cannot use %s in Conditions.", f)
		}
		var bad []string
		for _, id := range Uses(v, nil) {
			if t.Parameter(id) == nil && !slices.Contains(pseudo, id) {
				bad = append(bad, id)
			}
		}
		if len(bad) > 0 {
			return refuse("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", strings.Join(bad, ", "))
		}
		if _, ok := v.(map[string]any); !ok {
			return refuse("Template format error: Every Conditions member must be an object.")
		}
		if !decides(v) {
			return refuse("Template format error: Conditions can only be boolean operations on parameters and other conditions")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Conditions)) {
		if t.conditionLoop(name, nil) {
			return refuse("Template format error: Circular dependency in conditions: [%s]", name)
		}
	}
	return nil
}

// decides says whether a value is true or false: a comparison, another condition,
// or something of these.
func decides(v any) bool {
	m, _ := v.(map[string]any)
	name, arg, _ := function(m)
	switch name {
	case "Fn::Equals", "Condition":
		return true
	case "Fn::And", "Fn::Or", "Fn::Not":
		list, _ := arg.([]any)
		return !slices.ContainsFunc(list, func(item any) bool { return !decides(item) })
	}
	return false
}

// calls is one of some functions that a value calls, if any.
func calls(v any, names ...string) string {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if f := calls(item, names...); f != "" {
				return f
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if slices.Contains(names, k) {
				return k
			}
			if f := calls(v[k], names...); f != "" {
				return f
			}
		}
	}
	return ""
}

func (t *Template) conditionLoop(name string, path []string) bool {
	if slices.Contains(path, name) {
		return true
	}
	var loop func(v any) bool
	loop = func(v any) bool {
		switch v := v.(type) {
		case []any:
			return slices.ContainsFunc(v, loop)
		case map[string]any:
			for k, item := range v {
				if s, ok := item.(string); ok && k == "Condition" && t.conditionLoop(s, append(path, name)) || loop(item) {
					return true
				}
			}
		}
		return false
	}
	return loop(t.Conditions[name])
}

// Unresolved refuses mentions of what does not exist under the conditions; nil
// takes everything to exist.
func (t *Template) Unresolved(conditions map[string]bool) error {
	missing := map[string]bool{}
	note := func(names []string) {
		for _, name := range names {
			r := t.Resource(name)
			if t.Parameter(name) == nil && !slices.Contains(pseudo, name) && (r == nil || !t.Active(r, conditions)) {
				missing[name] = true
			}
		}
	}
	for _, r := range t.Resources {
		if !t.Active(r, conditions) {
			continue
		}
		for _, name := range r.DependsOn { // a wait for what conditions switch off is no wait
			if conditions == nil && t.Resource(name) == nil {
				missing[name] = true
			}
		}
		if err := t.undefined(r.Properties, conditions); err != nil {
			return err
		}
		note(Uses(r.Properties, conditions))
		note(Uses(r.Metadata, conditions))
	}
	if len(missing) > 0 {
		return refuse("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
	}
	for _, o := range t.Outputs {
		if o.Condition != "" && conditions != nil && !conditions[o.Condition] {
			continue
		}
		if err := t.undefined(o.Value, conditions); err != nil {
			return err
		}
		note(Uses([]any{o.Value, o.Export}, conditions))
	}
	if len(missing) > 0 {
		return refuse("Unresolved resource dependencies [%s] in the Outputs block of the template", strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
	}
	return nil
}

// undefined refuses attributes of resources that no template names.
func (t *Template) undefined(v any, conditions map[string]bool) error {
	for _, u := range uses(v, conditions) {
		if u.Attr != "" && t.Resource(u.ID) == nil {
			return refuse("Template error: instance of Fn::GetAtt references undefined resource %s", u.ID)
		}
	}
	return nil
}
