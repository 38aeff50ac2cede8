package renderer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the shape of a Node.
type Kind int

// The three shapes of YAML. Aliases are resolved before a Node exists.
const (
	Scalar Kind = iota
	Mapping
	Sequence
)

// A Node is one value in a YAML text, with its position and, for a scalar, the
// text as it was written. Nodes are not changed once parsed and may be read
// concurrently; an aliased value is one Node that several parents share, so its
// position is that of the anchor.
type Node struct {
	Kind         Kind
	File         string
	Line, Column int
	Text         string  // scalar: the characters as written, without quotes and escapes
	Plain        bool    // scalar: written without quotes, so it may be a number, a boolean or nothing
	Tag          string  // a local tag such as !Ref; only where Limits.Tags allows it
	Pairs        []Pair  // mapping: in the order of the text
	Items        []*Node // sequence
}

// A Pair is one key of a mapping and its value.
type Pair struct{ Key, Value *Node }

// Get returns the value of a key, nil when n is no mapping or has no such key.
func (n *Node) Get(key string) *Node {
	if p := n.pair(key); p != nil {
		return p.Value
	}
	return nil
}

// KeyNode returns the key itself, for the position of what stands left of the
// colon.
func (n *Node) KeyNode(key string) *Node {
	if p := n.pair(key); p != nil {
		return p.Key
	}
	return nil
}

func (n *Node) pair(key string) *Pair {
	if n == nil {
		return nil
	}
	for i := range n.Pairs {
		if n.Pairs[i].Key.Text == key {
			return &n.Pairs[i]
		}
	}
	return nil
}

// Keys returns the keys of a mapping in the order of the text.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.Pairs))
	for i, p := range n.Pairs {
		keys[i] = p.Key.Text
	}
	return keys
}

// Null reports whether the value is absent, empty or written as null or ~.
func (n *Node) Null() bool {
	return n == nil || n.Kind == Scalar && n.Plain && plainKind(n.Text) == nullScalar
}

// size counts the values below and including n, aliases followed.
func (n *Node) size() int {
	if n == nil {
		return 0
	}
	total := 1
	for _, p := range n.Pairs {
		total += p.Value.size()
	}
	for _, item := range n.Items {
		total += item.size()
	}
	return total
}

// Problem starts a finding at the position of n.
func (n *Node) Problem(rule, got, want, next string) Problem {
	p := Problem{Rule: rule, Got: got, Want: want, Next: next}
	if n != nil {
		p.File, p.Line, p.Column = n.File, n.Line, n.Column
	}
	return p
}

// Describe names the value for a message: its kind and, shortened, its text.
func (n *Node) Describe() string {
	switch {
	case n.Null():
		return "nothing"
	case n.Kind == Mapping:
		return "a mapping"
	case n.Kind == Sequence:
		return "a list"
	case !n.Plain:
		return quote(n.Text) + " (text)"
	}
	switch plainKind(n.Text) {
	case boolScalar:
		return "the boolean " + n.Text
	case intScalar, floatScalar:
		return "the number " + shorten(n.Text)
	default:
		return quote(n.Text)
	}
}

const shownText = 60

func quote(s string) string { return strconv.Quote(shorten(s)) }

// shorten keeps messages readable and stops a value of a megabyte from being
// copied into logs and pages.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= shownText {
		return s
	}
	cut := 0
	for i := range s {
		if cut == shownText {
			return s[:i] + "…"
		}
		cut++
	}
	return s
}

// Nearest returns the candidate that word most likely was meant to be, "" when
// none is near.
func Nearest(word string, candidates []string) string {
	best, limit := "", min(3, max(1, len(word)/3))
	for _, c := range candidates {
		if strings.EqualFold(fold(c), fold(word)) {
			return c
		}
		if d := distance(word, c, limit); d < limit || d == limit && best == "" {
			best, limit = c, d
		}
	}
	return best
}

// fold removes what people mix up in names: - against _ and capitals.
func fold(s string) string { return strings.NewReplacer("-", "", "_", "", " ", "").Replace(s) }

// distance is the number of edits from a to b, or more than limit when it
// exceeds limit.
func distance(a, b string, limit int) int {
	if len(a) > 100 || len(b) > 100 || len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// didYouMean gives the next step for an unknown name.
func didYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
