package cfn

import (
	"slices"
	"strconv"
	"strings"

	"baryon/renderer"
)

// Text writes a value on one line, in one form for everything that means the
// same to CloudFormation: short functions become long, mappings are sorted, and
// quotes stand only where they are needed. Nothing is the empty text.
func Text(n *renderer.Node) string {
	var b strings.Builder
	write(&b, n)
	return b.String()
}

func write(b *strings.Builder, n *renderer.Node) {
	if n == nil {
		return
	}
	if f, ok := callOf(n); ok {
		arg := Text(f.arg)
		if f.name == "Fn::GetAtt" {
			if list := items(f.arg); len(list) == 2 {
				if resource, attr, ok := attribute(f.arg); ok && attr != "" {
					arg = resource + "." + attr
				}
			}
		}
		b.WriteString("{" + f.name + ": " + arg + "}")
		return
	}
	switch n.Kind {
	case renderer.Mapping:
		sorted := slices.Clone(n.Pairs)
		slices.SortStableFunc(sorted, func(x, y renderer.Pair) int { return strings.Compare(x.Key.Text, y.Key.Text) })
		b.WriteByte('{')
		for i, p := range sorted {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(scalar(p.Key.Text) + ": ")
			write(b, p.Value)
		}
		b.WriteByte('}')
	case renderer.Sequence:
		b.WriteByte('[')
		for i, item := range n.Items {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, item)
		}
		b.WriteByte(']')
	default:
		if n.Null() {
			b.WriteString("null")
			return
		}
		b.WriteString(scalar(n.Text))
	}
}

// scalar quotes a text that would read as something else.
func scalar(s string) string {
	if s == "" || s == "null" || strings.ContainsAny(s, ",{}[]\"\n\r\t") || strings.Contains(s, ": ") || strings.TrimSpace(s) != s {
		return strconv.Quote(s)
	}
	return s
}
