package awssim

import (
	"regexp"
	"slices"
	"strings"

	"baryon/provisioner/awssim/template"
)

// absent says which parameter names a thing of AWS that the account does not
// have. The service finds that once the operation runs.
func (r *region) absent(t *template.Template, g generation) string {
	for _, p := range g.Parameters {
		declared := t.Parameter(p.Key)
		if declared == nil {
			continue
		}
		v, typ := p.Value, declared.Type
		if resolved, ok := g.Resolved[p.Key]; ok {
			v, typ = resolved, strings.TrimSuffix(strings.TrimPrefix(typ, "AWS::SSM::Parameter::Value<"), ">")
		}
		values := []string{v}
		if inner, ok := strings.CutPrefix(typ, "List<"); ok {
			values, typ = strings.Split(v, ","), strings.TrimSuffix(inner, ">")
		}
		for _, v := range values {
			if v = strings.TrimSpace(v); !r.has(typ, v) {
				return "Parameter validation failed: parameter value " + v + " for parameter name " + p.Key + " does not exist"
			}
		}
	}
	return ""
}

var imageID = regexp.MustCompile(`^ami-[0-9a-f]{8}([0-9a-f]{9})?$`)

// has says whether the account has what a parameter of a type names. Images are
// AWS's own or anybody's: their form decides.
func (r *region) has(typ, v string) bool {
	switch typ {
	case "AWS::EC2::AvailabilityZone::Name":
		return slices.Contains(r.zones(), v)
	case "AWS::EC2::Image::Id":
		return imageID.MatchString(v)
	case "AWS::SSM::Parameter::Name":
		return r.parameter(v) != nil
	case "AWS::EC2::SecurityGroup::GroupName":
		for _, thing := range r.Things {
			if thing.Type == "AWS::EC2::SecurityGroup" && thing.Properties["GroupName"] == v {
				return true
			}
		}
		return false
	}
	kind, isID := strings.CutSuffix(typ, "::Id")
	if !isID {
		kind, isID = strings.CutSuffix(typ, "::KeyName")
	}
	return !isID || !strings.HasPrefix(typ, "AWS::") || r.Things[key(kind, v)] != nil
}

// partition is the part of AWS that the region is in.
func (r *region) partition() string {
	switch {
	case strings.HasPrefix(r.Name, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(r.Name, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// suffix ends the addresses of the region.
func (r *region) suffix() string {
	if r.partition() == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// zones are those of the region.
func (r *region) zones() []string { return zonesOf(r.Name) }

func zonesOf(region string) []string { return []string{region + "a", region + "b", region + "c"} }

// lookup is an attribute of a thing that a rule of a template asks for.
func (r *region) lookup(id, attr string) string {
	for _, k := range sorted(r.Things) {
		thing := r.Things[k]
		if thing.Physical != id && thing.ID != id {
			continue
		}
		if tag, ok := strings.CutPrefix(attr, "Tags."); ok {
			tags, _ := thing.Properties["Tags"].([]any)
			for _, one := range tags {
				if m, ok := one.(map[string]any); ok && m["Key"] == tag {
					return shown(m["Value"])
				}
			}
			return ""
		}
		if v, ok := thing.Properties[attr]; ok {
			return shown(v)
		}
		return thing.Attributes[attr]
	}
	return ""
}
