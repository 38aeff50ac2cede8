package provisioner

import "strings"

// Never says which resources a job may not take away. An engine that makes a
// plan looks at it before anything is changed, and changes nothing where the
// plan offends; a plan that a person approved is not looked at again.
type Never struct {
	Delete  Patterns // of types, that may not be deleted, to be made anew neither
	Replace Patterns // of types, in whose place no other may be put
	// Unsure lets replacements pass of which only the execution tells whether they
	// are some.
	Unsure bool
}

// Patterns are names in which * stands for any text and ? for any character.
type Patterns []string

// Match reports whether one of the patterns fits a name.
func (p Patterns) Match(name string) bool {
	for _, pattern := range p {
		if match(pattern, name) {
			return true
		}
	}
	return false
}

// match takes time in the product of both lengths at worst.
func match(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Offends says which of its two lists a change is against: "deleted" or
// "replaced"; empty for a change that may be made. A resource that leaves the
// stack and stays where it is, is not deleted.
func (n Never) Offends(c ResourceChange) string {
	kind := c.TypeName()
	switch {
	case c.Action == "delete" && n.Delete.Match(kind):
		return "deleted"
	case c.Conditional && n.Unsure:
		return ""
	case (c.Action == "replace" || c.Conditional) && n.Replace.Match(kind):
		return "replaced"
	case (c.Action == "replace" || c.Conditional) && !c.Kept && n.Delete.Match(kind):
		return "replaced"
	}
	return ""
}

// Against names the first of some changes that is against one of the lists; empty
// when none is.
func Against(never []Never, changes []ResourceChange) string {
	for _, c := range changes {
		for _, n := range never {
			if done := n.Offends(c); done != "" {
				return c.Address + " (" + c.TypeName() + ") would be " + done
			}
		}
	}
	return ""
}

// TypeName is the type of the resource. Where the change does not say it, the
// address does, as in module.net["a.b"].aws_db_instance.main[0].
func (c ResourceChange) TypeName() string {
	if c.Type != "" {
		return c.Type
	}
	words := addressWords(c.Address)
	for len(words) > 2 && words[0] == "module" {
		words = words[2:]
	}
	if len(words) > 0 && words[0] == "data" {
		return "" // it is read, and nobody's to take away
	}
	if len(words) < 2 {
		return ""
	}
	return words[0]
}

// addressWords are the parts of an address between dots, without keys.
func addressWords(address string) []string {
	var words []string
	var word strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && depth > 0:
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth > 0:
		case c == '.':
			words = append(words, word.String())
			word.Reset()
		default:
			word.WriteByte(c)
		}
	}
	return append(words, word.String())
}
