package declare

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"baryon/renderer"
	"baryon/state"
)

// values reads the values that headers and ops files are made of.
type values struct{ renderer.Decoder }

// need is Require with an empty text counting as missing.
func (x *values) need(n *renderer.Node, what, key string) *renderer.Node {
	if v := n.Get(key); v != nil && v.Kind == renderer.Scalar && v.Text == "" && !v.Null() {
		x.Add(v.Problem(what+" needs a value for the key \""+key+"\"", "an empty text", "", "fill it in"))
		return nil
	}
	next := "add " + key
	if key == "version" {
		next = `add version: "1" to follow major 1, or a full version to stay on it`
	}
	v := n.Get(key)
	if !v.Null() {
		return v
	}
	at := n.KeyNode(key)
	if at == nil {
		at = n
	}
	x.Add(at.Problem(what+" needs the key \""+key+"\"", "", "", next))
	return nil
}

var (
	namePattern    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
)

// maxLabels is how many tags AWS Proton allowed.
const maxLabels = 50

const nameForm = "1 to 100 letters, digits, - and _, a letter or digit first"

// name reads a name of Proton's pattern.
func (x *values) name(n *renderer.Node, what string) string {
	s := x.String(n, what)
	if n == nil || n.Kind != renderer.Scalar || n.Null() {
		return ""
	}
	if !namePattern.MatchString(s) {
		x.Add(n.Problem(what+" has a form that is not allowed", n.Describe(), nameForm, ""))
		return ""
	}
	return s
}

// version reads a version as it was written: 1.10 is not 1.1, with quotes or
// without.
func (x *values) version(n *renderer.Node) state.Follow {
	if n == nil {
		return ""
	}
	f := state.Follow(n.Text)
	_, _, err := f.Parse()
	if n.Kind == renderer.Scalar && !n.Null() && err == nil {
		return f
	}
	next := ""
	if rest := n.Text; n.Kind == renderer.Scalar && rest != "" && (rest[0] == 'v' || rest[0] == 'V') {
		if _, _, err := state.Follow(rest[1:]).Parse(); err == nil {
			next = `write "` + rest[1:] + `"`
		}
	}
	x.Add(n.Problem("this is not a version", n.Describe(), `a major such as "1", or a version such as "1.10"`, next))
	return ""
}

// approval reads a boolean or the word required.
func (x *values) approval(n *renderer.Node) bool {
	if n != nil && n.Kind == renderer.Scalar && n.Text == "required" {
		return true
	}
	before := len(x.Problems)
	v := x.Bool(n, "approval")
	if len(x.Problems) > before {
		x.Problems[before].Rule, x.Problems[before].Want = "approval must be a boolean or the word required", "true, false or required"
	}
	return v
}

func (x *values) labels(n *renderer.Node) map[string]string {
	if n == nil || n.Null() {
		return nil
	}
	if n.Kind != renderer.Mapping {
		x.Add(n.Problem("labels must be a mapping", n.Describe(), "names and texts", ""))
		return nil
	}
	if len(n.Pairs) > maxLabels {
		x.Add(n.Problem("there are too many labels", fmt.Sprint(len(n.Pairs)), fmt.Sprintf("at most %d", maxLabels), ""))
		return nil
	}
	labels := make(map[string]string, len(n.Pairs))
	for _, p := range n.Pairs {
		labels[p.Key.Text] = x.String(p.Value, "a label")
	}
	return labels
}

// tags reads tags as AWS allows them.
func (x *values) tags(n *renderer.Node) map[string]string {
	if n == nil || n.Null() {
		return nil
	}
	if n.Kind != renderer.Mapping {
		x.Add(n.Problem("tags must be a mapping", n.Describe(), "names and texts", ""))
		return nil
	}
	if len(n.Pairs) > maxTags {
		x.Add(n.Problem("there are too many tags", fmt.Sprint(len(n.Pairs)), fmt.Sprintf("at most %d", maxTags), ""))
		return nil
	}
	tags := make(map[string]string, len(n.Pairs))
	for _, p := range n.Pairs {
		key, value := p.Key.Text, x.String(p.Value, "a tag")
		switch lower := strings.ToLower(key); {
		case strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "proton:"):
			x.Add(p.Key.Problem("this tag is set by AWS or by Baryon", strconv.Quote(key), "a name of your own", "rename it"))
		case key == "" || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256:
			x.Add(p.Key.Problem("AWS does not allow this tag", strconv.Quote(key), "a name of 1 to 128 characters, a text of at most 256", ""))
		default:
			tags[key] = value
		}
	}
	return tags
}

// maxTags leaves room for Proton's own, of the 50 that AWS allows.
const maxTags = 40

var stackPattern = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9]{0,127}$`)

// stack reads the name of a stack.
func (x *values) stack(n *renderer.Node) string {
	s := x.String(n, "stack")
	if n == nil || n.Null() {
		return ""
	}
	if !stackPattern.MatchString(s) {
		x.Add(n.Problem("this is not the name of a stack", n.Describe(), "a letter first, then letters, digits and dashes, at most 128", ""))
		return ""
	}
	return s
}

func (x *values) stacks(n *renderer.Node) map[string]string {
	if n == nil || n.Null() {
		return nil
	}
	if n.Kind != renderer.Mapping {
		x.Add(n.Problem("stacks must be a mapping", n.Describe(), "instance: STACK", ""))
		return nil
	}
	stacks := make(map[string]string, len(n.Pairs))
	for _, p := range n.Pairs {
		stacks[p.Key.Text] = x.stack(p.Value)
	}
	return stacks
}

// word reads a text without spaces and control characters, such as the name of
// a role or repository.
func (x *values) word(n *renderer.Node, what string, longest int) string {
	s := x.String(n, what)
	if n == nil || n.Kind != renderer.Scalar || n.Null() {
		return ""
	}
	strange := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }
	for _, r := range s {
		if strange(r) {
			x.Add(n.Problem(what+" may not hold spaces or control characters", n.Describe(), "", ""))
			return ""
		}
	}
	if s == "" || len(s) > longest || s[0] == '-' {
		x.Add(n.Problem(what+" has a form that is not allowed", n.Describe(), fmt.Sprintf("1 to %d characters, no hyphen first", longest), ""))
		return ""
	}
	return s
}

var (
	regionPattern   = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
	externalPattern = regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]+$`)
)

func (x *values) region(n *renderer.Node) string {
	s := x.String(n, "region")
	if s != "" && !regionPattern.MatchString(s) {
		x.Add(n.Problem("this is not a region of AWS", n.Describe(), "one as eu-west-1", ""))
	}
	return s
}

func (x *values) externalID(n *renderer.Node) string {
	s := x.String(n, "externalId")
	if s != "" && (!externalPattern.MatchString(s) || len(s) < 2 || len(s) > 1224) { // as STS has it
		x.Add(n.Problem("AWS does not allow this external ID", n.Describe(), "2 to 1224 letters, digits and _+=,.@:/-", ""))
	}
	return s
}

func (x *values) account(n *renderer.Node) string {
	s := x.String(n, "account")
	if s != "" && !accountPattern.MatchString(s) {
		x.Add(n.Problem("this is not an account", n.Describe(), "12 digits", "write them all, in quotes"))
		return ""
	}
	return s
}

// inputs checks that a value can be the inputs of a template: a mapping, or
// nothing.
func (x *values) inputs(n *renderer.Node, what string) {
	if n != nil && !n.Null() && n.Kind != renderer.Mapping {
		x.Add(n.Problem(what+" must be a mapping", n.Describe(), "the inputs of the template, or {}", ""))
	}
}

// branch reads the name of a branch by Git's rules for names of references.
func (x *values) branch(n *renderer.Node) string {
	s := x.word(n, "the name of a branch", 255)
	if s != "" && !branchName(s) {
		x.Add(n.Problem("Git does not allow this name of a branch", n.Describe(), "", ""))
		return ""
	}
	return s
}

func branchName(s string) bool {
	if s == "@" || strings.HasSuffix(s, ".") || strings.Contains(s, "..") || strings.Contains(s, "@{") || strings.ContainsAny(s, `~^:?*[\`) {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}
