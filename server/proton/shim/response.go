package shim

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// response turns a body into what the AWS CLI shows of it: the members that the
// model has, times as text, and numbers as queries compare them.
func (s *session) response(shape string, body any) any {
	sh := s.model.Shapes[shape]
	if sh == nil || body == nil {
		return body
	}
	switch v := body.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range sh.Members {
			if given, ok := v[name]; ok && given != nil {
				out[name] = s.response(member.Shape, given)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, s.response(sh.Element, item))
		}
		return out
	case json.Number:
		n, err := v.Float64()
		if err != nil {
			return string(v)
		}
		if sh.Type == "timestamp" && s.profile.values["cli_timestamp_format"] != "wire" {
			return isoTime(n)
		}
		return n
	}
	return body
}

// isoTime is a time as Python writes it, which leaves the fraction out when it is 0.
func isoTime(seconds float64) string {
	t := time.UnixMicro(int64(math.Round(seconds * 1e6))).Local()
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}

// A naive time stands in the answers that --generate-cli-skeleton makes up.
// Python writes it in two ways.
type naive struct{}

const (
	naiveISO  = "1970-01-01T00:00:00"
	naiveText = "1970-01-01 00:00:00"
)

// skeleton makes up a value of a shape: empty texts for input, the names of
// members for output.
func (s *session) skeleton(shape, name string, output bool) any {
	sh := s.model.Shapes[shape]
	switch sh.Type {
	case "structure":
		out := map[string]any{}
		for member, m := range sh.Members {
			out[member] = s.skeleton(m.Shape, member, output)
		}
		return out
	case "list":
		return []any{s.skeleton(sh.Element, sh.Element, output)}
	case "string":
		switch {
		case output:
			return name
		case len(sh.Enum) > 0:
			return sh.Enum[0]
		}
		return ""
	case "boolean":
		return true
	case "timestamp":
		return naive{}
	}
	return 0.0
}

// yamlSample writes what an operation takes as YAML, with notes of what is
// required and which values there are.
func (s *session) yamlSample(out *strings.Builder, shape string, indent int) {
	sh := s.model.Shapes[shape]
	for i, name := range slices.Sorted(maps.Keys(sh.Members)) {
		if i > 0 || indent == 0 || !strings.HasSuffix(out.String(), "- ") {
			out.WriteString(spaces(indent))
		}
		member := s.model.Shapes[sh.Members[name].Shape]
		var notes []string
		if slices.Contains(sh.Required, name) {
			notes = append(notes, "[REQUIRED]")
		}
		if len(member.Enum) > 0 {
			notes = append(notes, "Valid values are: "+strings.Join(member.Enum, ", ")+".")
		}
		note := ""
		if len(notes) > 0 {
			note = " # " + strings.Join(notes, " ")
		}
		out.WriteString(name + ":")
		switch member.Type {
		case "structure":
			out.WriteString(note + "\n")
			s.yamlSample(out, sh.Members[name].Shape, indent+yamlIndent)
		case "list":
			out.WriteString(note + "\n" + spaces(indent) + "- ")
			if element := s.model.Shapes[member.Element]; element.Type == "structure" {
				s.yamlSample(out, member.Element, indent+yamlIndent)
			} else {
				w := &yamlWriter{}
				w.value(s.skeleton(member.Element, "", false), 0, false)
				out.WriteString(w.String() + "\n")
			}
		default:
			w := &yamlWriter{}
			w.value(s.skeleton(sh.Members[name].Shape, "", false), 0, false)
			out.WriteString(" " + w.String() + note + "\n")
		}
	}
}
