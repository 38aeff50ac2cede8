package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The limits of the service on one template.
const (
	maxResources  = 500
	maxParameters = 200
	maxOutputs    = 200
	maxMappings   = 200
	maxDynamic    = 60
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
	if err := t.checkNames(); err != nil {
		return err
	}
	if err := t.checkConditions(); err != nil {
		return err
	}
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
	for _, o := range t.Outputs {
		if err := t.shapes([]any{o.Value, o.Export}); err != nil {
			return err
		}
		if !textual(o.Value) {
			return refuse("Template format error: The Value field of every Outputs member must evaluate to a String.")
		}
		for _, u := range uses(o.Export, nil) {
			if t.Resource(u.ID) != nil {
				return refuse("Template format error: Output %s is malformed. The Name field of every Export member must not depend on any resources, imported values, or Fn::GetAZs", o.Key)
			}
		}
		if _, ok := t.Conditions[o.Condition]; !ok && o.Condition != "" {
			return refuse("Template format error: Unresolved condition dependency %s in the Outputs block of the template", o.Condition)
		}
	}
	if err := t.Unresolved(nil); err != nil {
		return err
	}
	if _, cycle := Order(t.Edges(nil)); cycle != nil {
		return refuse("Circular dependency between resources: [%s]", strings.Join(cycle, ", "))
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
	}
	for _, name := range slices.Sorted(maps.Keys(t.Conditions)) {
		if t.conditionLoop(name, nil) {
			return refuse("Template format error: Circular dependency in conditions: [%s]", name)
		}
	}
	return nil
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

// shapes checks the arguments of every function in a value.
func (t *Template) shapes(v any) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := t.shapes(item); err != nil {
				return err
			}
		}
	case map[string]any:
		if name, arg, ok := function(v); ok {
			if err := t.shape(name, arg); err != nil {
				return err
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := t.shapes(v[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// shape checks the argument of one function.
func (t *Template) shape(name string, arg any) error {
	list, _ := arg.([]any)
	switch name {
	case "Ref":
		if _, ok := arg.(string); !ok {
			return refuse("Template error: every Ref object must have a single String value.")
		}
	case "Condition":
		if s, ok := arg.(string); ok {
			if _, ok := t.Conditions[s]; !ok {
				return refuse("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", s)
			}
		}
	case "Fn::GetAtt":
		if len(list) != 2 || str(list[0]) == "" || list[1] == "" {
			return refuse("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
	case "Fn::Join":
		if len(list) != 2 || !isString(list[0]) || isString(list[1]) {
			return refuse("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined" +
				" or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
		}
	case "Fn::Split":
		if _, isList := at(list, 1).([]any); len(list) != 2 || !isString(list[0]) || isList {
			return refuse("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split" +
				" or a function that returns a string to be split.")
		}
	case "Fn::Select":
		index := at(list, 0)
		_, err := strconv.Atoi(str(index))
		if len(list) != 2 || isString(index) && err != nil || isString(list[1]) {
			return refuse("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
		}
	case "Fn::FindInMap":
		return t.shapeOfFind(list)
	case "Fn::Equals":
		if len(list) != 2 || !textual(list[0]) || !textual(list[1]) {
			return refuse("Template error: every Fn::Equals object requires a list of 2 string parameters.")
		}
	case "Fn::If":
		return t.shapeOfIf(list)
	case "Fn::And", "Fn::Or":
		if len(list) < 2 || len(list) > 10 {
			return refuse("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
		}
	case "Fn::Not":
		if len(list) != 1 {
			return refuse("Template error: every Fn::Not object requires one boolean parameter.")
		}
	case "Fn::Sub":
		return shapeOfSub(arg, list)
	case "Fn::ImportValue":
		return t.shapeOfImport(arg)
	default:
		return t.shapeOfRest(name, list)
	}
	return nil
}

func (t *Template) shapeOfRest(name string, list []any) error {
	switch name {
	case "Fn::Cidr":
		if len(list) != 2 && len(list) != 3 {
			return refuse("Template error: every Fn::Cidr object requires two parameters, (1) an ipBlock and (2) a count, and an optional cidrBits")
		}
	case "Fn::Base64", "Fn::GetAZs":
		if list != nil {
			return refuse("Template error: every %s object must have a String-typed value.", name)
		}
	default:
		if (name == "Fn::Length" || name == "Fn::ToJsonString") && slices.Contains(t.Transforms, extensions) {
			return nil
		}
		return refuse("Template error: Encountered unsupported function: %s Supported functions are: [%s]", name, strings.Join(functions, ", "))
	}
	return nil
}

// textual says whether a value is text, or may become that.
func textual(v any) bool {
	m, _ := v.(map[string]any)
	_, _, call := function(m)
	return call || isString(v)
}

func isString(v any) bool { _, ok := v.(string); return ok }

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (t *Template) shapeOfFind(list []any) error {
	if len(list) != 3 && (len(list) != 4 || !slices.Contains(t.Transforms, extensions)) {
		return refuse("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	}
	name, top, second := list[0], list[1], list[2]
	if !isString(name) || len(list) == 4 {
		return nil
	}
	m, ok := t.Mappings[str(name)]
	if !ok {
		return refuse("Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", name)
	}
	if isString(top) && isString(second) {
		if _, ok := m[str(top)][str(second)]; !ok {
			return refuse("Template error: Unable to get mapping for %s::%s::%s", name, top, second)
		}
	}
	return nil
}

func (t *Template) shapeOfIf(list []any) error {
	if len(list) != 3 || !isString(list[0]) {
		return refuse("Template error: Fn::If requires a list argument with three elements")
	}
	if _, ok := t.Conditions[str(list[0])]; !ok {
		return refuse("Template error: unresolved condition dependency %s in Fn::If", list[0])
	}
	return nil
}

func shapeOfSub(arg any, list []any) error {
	if isString(arg) {
		return nil
	}
	_, isMap := at(list, 1).(map[string]any)
	if len(list) != 2 || !isString(list[0]) || !isMap {
		return refuse("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments." +
			" Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
	}
	return nil
}

func (t *Template) shapeOfImport(arg any) error {
	for _, u := range uses(arg, nil) {
		if t.Parameter(u.ID) == nil && !slices.Contains(pseudo, u.ID) {
			return refuse("Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs")
		}
	}
	return nil
}
