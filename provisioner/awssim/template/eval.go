package template

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Scope is what the values of one template are worked out in.
type Scope struct {
	Template   *Template
	Parameters map[string]any // by name, pseudo parameters included
	Conditions map[string]bool
	// Attribute is the attribute of a resource, or what Ref gives for an
	// empty one. It may be Unknown.
	Attribute func(id, attr string) (any, error)
	Import    func(name string) (string, error)
	Zones     func(region string) []string // nil: not known yet
}

// noValue is what AWS::NoValue gives: it takes away what it stands for.
type noValue struct{}

// Decide works out all conditions.
func (s *Scope) Decide() error {
	s.Conditions = map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.Template.Conditions)) {
		v, err := s.condition(s.Template.Conditions[name])
		if err != nil {
			return err
		}
		s.Conditions[name] = v
	}
	return nil
}

func (s *Scope) condition(v any) (bool, error) {
	m, _ := v.(map[string]any)
	name, arg, ok := function(m)
	if !ok {
		return str(v) == "true", nil
	}
	list, _ := arg.([]any)
	switch name {
	case "Condition":
		return s.condition(s.Template.Conditions[str(arg)])
	case "Fn::Not":
		b, err := s.condition(list[0])
		return !b, err
	case "Fn::And", "Fn::Or":
		for _, item := range list {
			b, err := s.condition(item)
			if err != nil || b == (name == "Fn::Or") {
				return b, err
			}
		}
		return name == "Fn::And", nil
	case "Fn::Equals":
		a, err := s.Eval(list[0])
		if err != nil {
			return false, err
		}
		b, err := s.Eval(list[1])
		return fmt.Sprint(a) == fmt.Sprint(b), err
	}
	return false, refuse("Template error: Encountered unsupported function: %s in the Conditions block of the template", name)
}

// Eval works out a value.
func (s *Scope) Eval(v any) (any, error) {
	out, err := s.eval(v)
	if _, gone := out.(noValue); gone {
		return nil, err
	}
	return out, err
}

func (s *Scope) eval(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			out, err := s.eval(item)
			if err != nil {
				return nil, err
			}
			if _, gone := out.(noValue); !gone {
				list = append(list, out)
			}
		}
		return list, nil
	case map[string]any:
		if name, arg, ok := function(v); ok {
			return s.call(name, arg)
		}
		m := map[string]any{}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out, err := s.eval(v[k])
			if err != nil {
				return nil, err
			}
			if _, gone := out.(noValue); !gone {
				m[k] = out
			}
		}
		return m, nil
	}
	return v, nil
}

// call works out a function. What it is given is worked out first, but for the
// functions that choose.
func (s *Scope) call(name string, arg any) (any, error) {
	switch name {
	case "Ref":
		return s.ref(str(arg))
	case "Fn::If":
		list, _ := arg.([]any)
		if s.Conditions[str(list[0])] {
			return s.eval(list[1])
		}
		return s.eval(list[2])
	case "Fn::Sub":
		return s.sub(arg)
	case "Condition":
		return s.condition(map[string]any{name: arg})
	}
	arg, err := s.eval(arg)
	if err != nil {
		return nil, err
	}
	list, _ := arg.([]any)
	if name == "Fn::GetAtt" {
		return s.Attribute(str(at(list, 0)), str(at(list, 1)))
	}
	if holdsUnknown(arg) {
		return Unknown, nil
	}
	return s.apply(name, arg, list)
}

// apply works out a function of what is known; list is its argument where that
// is one. The shapes of literal arguments are checked before: here it is what
// functions gave.
func (s *Scope) apply(name string, arg any, list []any) (any, error) {
	switch name {
	case "Fn::Join":
		return join(list)
	case "Fn::Split":
		if len(list) != 2 || !isString(list[0]) || !isString(list[1]) {
			return nil, badSplit()
		}
		out := []any{}
		for part := range strings.SplitSeq(str(list[1]), str(list[0])) {
			out = append(out, part)
		}
		return out, nil
	case "Fn::Select":
		return pick(list)
	case "Fn::FindInMap":
		return s.find(list)
	case "Fn::ImportValue":
		if !isString(arg) {
			return nil, notText(name)
		}
		return s.Import(str(arg))
	case "Fn::GetAZs":
		in := str(arg)
		if !isString(arg) {
			return nil, notText(name)
		}
		if in == "" {
			in = str(s.Parameters["AWS::Region"])
		}
		if s.Zones == nil {
			return nil, refuse("zones are not known yet")
		}
		zones := []any{}
		for _, z := range s.Zones(in) {
			zones = append(zones, z)
		}
		return zones, nil
	case "Fn::Cidr":
		return cidr(list)
	case "Fn::Base64":
		if !isString(arg) {
			return nil, notText(name)
		}
		return base64.StdEncoding.EncodeToString([]byte(str(arg))), nil
	case "Fn::Length":
		if _, ok := arg.([]any); !ok {
			return nil, s.Template.failed(extensions, "The Fn::Length value could not be resolved for properties")
		}
		return strconv.Itoa(len(list)), nil
	case "Fn::ToJsonString":
		text, err := json.Marshal(arg)
		return string(text), err
	}
	return nil, refuse("Template error: Encountered unsupported function: %s", name)
}

func notText(name string) error {
	return refuse("Template error: every %s object must have a String-typed value.", name)
}

// holdsUnknown says whether a part of a value is not known yet.
func holdsUnknown(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, Unknown)
	case []any:
		return slices.ContainsFunc(v, holdsUnknown)
	case map[string]any:
		for _, item := range v {
			if holdsUnknown(item) {
				return true
			}
		}
	}
	return false
}

func (s *Scope) ref(name string) (any, error) {
	if name == "AWS::NoValue" {
		return noValue{}, nil
	}
	if v, ok := s.Parameters[name]; ok {
		return v, nil
	}
	if s.Template.Resource(name) == nil || s.Attribute == nil {
		return nil, refuse("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", name)
	}
	return s.Attribute(name, "")
}

func (s *Scope) sub(arg any) (any, error) {
	text, own := str(arg), map[string]any{}
	if list, ok := arg.([]any); ok {
		text = str(list[0])
		m, err := s.eval(list[1])
		if err != nil {
			return nil, err
		}
		own, _ = m.(map[string]any)
	}
	var failed error
	unknown := false
	out := subName.ReplaceAllStringFunc(text, func(m string) string {
		name := strings.TrimSpace(m[2 : len(m)-1])
		v, ok := own[name]
		var err error
		if !ok {
			if id, attr, dotted := strings.Cut(name, "."); dotted {
				v, err = s.Attribute(id, attr)
			} else {
				v, err = s.ref(name)
			}
		}
		if err != nil && failed == nil {
			failed = err
		}
		unknown = unknown || holdsUnknown(v)
		if list, ok := v.([]any); ok {
			joined, _ := join([]any{",", list})
			return str(joined)
		}
		return str(v)
	})
	if unknown && failed == nil {
		return Unknown, nil
	}
	return strings.ReplaceAll(out, "${!", "${"), failed
}

func join(list []any) (any, error) {
	items, ok := at(list, 1).([]any)
	if len(list) != 2 || !ok || !isString(list[0]) {
		return nil, badJoin()
	}
	parts := make([]string, 0, len(items))
	for _, item := range items {
		if !isString(item) {
			return nil, badJoin()
		}
		parts = append(parts, str(item))
	}
	return strings.Join(parts, str(list[0])), nil
}

func pick(list []any) (any, error) {
	i, err := strconv.Atoi(str(at(list, 0)))
	items, ok := at(list, 1).([]any)
	if !ok || len(list) != 2 {
		return nil, refuse("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	if err != nil || i < 0 || i >= len(items) {
		return nil, refuse("Template error: Fn::Select cannot select nonexistent value at index %v", at(list, 0))
	}
	return items[i], nil
}

func (s *Scope) find(list []any) (any, error) {
	if len(list) < 3 || !isString(list[0]) || !isString(list[1]) || !isString(list[2]) {
		return nil, refuse("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	}
	v, ok := s.Template.Mappings[str(list[0])][str(list[1])][str(list[2])]
	if ok {
		return v, nil
	}
	if m, given := at(list, 3).(map[string]any); given {
		return m["DefaultValue"], nil
	}
	return nil, refuse("Template error: Unable to get mapping for %s::%s::%s", list[0], list[1], list[2])
}

// cidr cuts a block of addresses into count smaller ones.
func cidr(list []any) (any, error) {
	block, err := netip.ParsePrefix(str(at(list, 0)))
	count, countErr := strconv.Atoi(str(at(list, 1)))
	bits, bitsErr := 8, error(nil)
	if len(list) == 3 {
		bits, bitsErr = strconv.Atoi(str(list[2]))
	}
	refused := refuse("Template error: Fn::Cidr: %v cannot be cut into %v blocks of %d bits", at(list, 0), at(list, 1), bits)
	width := block.Addr().BitLen() - bits
	if err != nil || countErr != nil || bitsErr != nil || count < 1 || count > 256 || bits < 1 || width < block.Bits() {
		return nil, refused
	}
	at := new(big.Int).SetBytes(block.Masked().Addr().AsSlice())
	step := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	out := []any{}
	for range count {
		addr, ok := netip.AddrFromSlice(at.FillBytes(make([]byte, block.Addr().BitLen()/8)))
		if !ok || !block.Contains(addr) {
			return nil, refused
		}
		out = append(out, netip.PrefixFrom(addr, width).String())
		if at.Add(at, step); at.BitLen() > block.Addr().BitLen() {
			break
		}
	}
	if len(out) < count {
		return nil, refused
	}
	return out, nil
}
