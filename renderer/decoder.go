package renderer

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Decoder reads nodes into Go values and collects every problem on the way,
// so that all of them can be reported at once. Its zero value is ready. A
// method that finds a problem returns the zero value; a nil node is no problem,
// whether a key is required is said with Require.
type Decoder struct {
	Problems Problems
	Lenient  bool // unknown keys are warnings
}

// Add records a finding.
func (d *Decoder) Add(p Problem) { d.Problems = append(d.Problems, p) }

// Warn records a finding that refuses nothing.
func (d *Decoder) Warn(p Problem) {
	p.Warning = true
	d.Problems = append(d.Problems, p)
}

// Mapping checks that n is a mapping with no key but the known ones and reports
// whether it is a mapping at all. what names the mapping in messages.
func (d *Decoder) Mapping(n *Node, what string, known ...string) bool {
	if n == nil {
		return false
	}
	if n.Kind != Mapping {
		d.Add(n.Problem(what+" must be a mapping", n.Describe(), "keys and values", ""))
		return false
	}
	for _, p := range n.Pairs {
		if slices.Contains(known, p.Key.Text) {
			continue
		}
		problem := p.Key.Problem(fmt.Sprintf("%s has no key %q", what, shorten(p.Key.Text)), "", wantOneOf(known), didYouMean(p.Key.Text, known))
		problem.Warning = d.Lenient
		d.Add(problem)
	}
	return true
}

func wantOneOf(known []string) string {
	if len(known) == 0 {
		return "no keys"
	}
	sorted := slices.Sorted(slices.Values(known))
	return "one of " + strings.Join(sorted, ", ")
}

// Require returns the value of a key of n, and a problem when it is missing or
// empty.
func (d *Decoder) Require(n *Node, what, key string) *Node {
	v := n.Get(key)
	if v.Null() {
		at := n.KeyNode(key)
		if at == nil {
			at = n
		}
		d.Add(at.Problem(fmt.Sprintf("%s needs the key %q", what, key), "", "", "add "+key))
		return nil
	}
	return v
}

// String reads a scalar as text, exactly as it was written: 1.10 is "1.10".
func (d *Decoder) String(n *Node, what string) string {
	switch {
	case n == nil:
		return ""
	case n.Kind != Scalar || n.Null():
		d.Add(n.Problem(what+" must be a text", n.Describe(), "", ""))
		return ""
	}
	return n.Text
}

// OneOf reads a text that must be one of the allowed ones.
func (d *Decoder) OneOf(n *Node, what string, allowed ...string) string {
	s := d.String(n, what)
	if s != "" && !slices.Contains(allowed, s) {
		d.Add(n.Problem(what+" is not a known one", quote(s), wantOneOf(allowed), didYouMean(s, allowed)))
		return ""
	}
	return s
}

// Bool reads true or false.
func (d *Decoder) Bool(n *Node, what string) bool {
	if n == nil {
		return false
	}
	if n.Kind != Scalar || !n.Plain || plainKind(n.Text) != boolScalar {
		d.Add(n.Problem(what+" must be a boolean", n.Describe(), "true or false", booleanHint(n)))
		return false
	}
	return truth(n.Text)
}

// booleanHint helps the people who write the booleans of YAML 1.1.
func booleanHint(n *Node) string {
	if n.Kind != Scalar {
		return ""
	}
	switch strings.ToLower(n.Text) {
	case "yes", "on", "y", "true", "1":
		return "write true"
	case "no", "off", "n", "false", "0":
		return "write false"
	}
	return ""
}

// Int reads a whole number in the given bounds.
func (d *Decoder) Int(n *Node, what string, low, high int64) int64 {
	if n == nil {
		return 0
	}
	if n.Kind == Scalar && n.Plain && plainKind(n.Text) == intScalar {
		if v, ok := number(n.Text); ok {
			if i, ok := v.(int64); ok && i >= low && i <= high {
				return i
			}
		}
	}
	d.Add(n.Problem(what+" must be a whole number", n.Describe(), fmt.Sprintf("%d to %d", low, high), ""))
	return 0
}

// Duration reads a text such as 90s, 30m or 1h30m.
func (d *Decoder) Duration(n *Node, what string, low, high time.Duration) time.Duration {
	if n == nil {
		return 0
	}
	v, err := time.ParseDuration(n.Text)
	if n.Kind != Scalar || err != nil || v < low || v > high {
		d.Add(n.Problem(what+" must be a duration", n.Describe(), fmt.Sprintf("%s to %s", low, high), "write it as 90s, 30m or 1h30m"))
		return 0
	}
	return v
}

// List returns the items of a sequence.
func (d *Decoder) List(n *Node, what string) []*Node {
	if n == nil {
		return nil
	}
	if n.Kind != Sequence {
		d.Add(n.Problem(what+" must be a list", n.Describe(), "items that begin with \"- \"", ""))
		return nil
	}
	return n.Items
}

// Strings reads a list of texts.
func (d *Decoder) Strings(n *Node, what string) []string {
	items := d.List(n, what)
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, d.String(item, "each item of "+what))
	}
	return out
}
