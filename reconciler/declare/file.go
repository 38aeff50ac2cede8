package declare

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"baryon/renderer"
	"baryon/state"
)

// Verdict is what a file came to.
type Verdict string

// The verdicts. A refused file may hold documents that are in force beside
// those that were refused.
const (
	VerdictDocument Verdict = "document"
	VerdictOps      Verdict = "ops"
	VerdictIgnored  Verdict = "ignored"
	VerdictRefused  Verdict = "refused"
)

// Rules rises when the same content comes to something else than it did
// before, so that what was known of a file is not believed any longer.
const Rules = 1

// A File is what one YAML file came to, or a folder that was left out: its path
// ends in a slash then. A File may be kept as JSON and handed to the next Read.
type File struct {
	Path    string  `json:"path"`
	Hash    string  `json:"hash,omitempty"` // empty for what was not read
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"` // why it is ignored; else what it declares

	// What the content alone says.
	Documents []Document        `json:"documents,omitempty"` // those without a problem
	Ops       *Ops              `json:"ops,omitempty"`
	Broken    []Claim           `json:"broken,omitempty"` // names of documents with problems
	Unread    bool              `json:"unread,omitempty"` // a document is so broken that its name cannot be told
	Problems  renderer.Problems `json:"problems,omitempty"`
	Nothing   string            `json:"nothing,omitempty"` // why the content declares nothing
	Rules     int               `json:"rules,omitempty"`   // the rules it was read with

	// What it comes to among the other files of the tree. It is found anew by
	// every Read.
	Conflicts renderer.Problems `json:"conflicts,omitempty"`
	Held      []state.Ref       `json:"held,omitempty"` // names of good documents that cannot take effect for a reason that lies elsewhere
}

// A Claim is a name and where it is claimed.
type Claim struct {
	Ref   state.Ref `json:"ref"`
	Adopt bool      `json:"adopt,omitempty"`
	Position
}

// A Position counts lines and columns, in characters, from 1.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func positionOf(n *renderer.Node) Position { return Position{Line: n.Line, Column: n.Column} }

func (p Position) before(q Position) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Column < q.Column
}

// In writes the position for a message about another place.
func (p Position) In(file string) string { return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column) }

// Keeper reports whether a file may still mean to declare a name, which the file
// at path declared before, although the name is in none of the documents in force:
// its document is broken, or one in that file is whose name cannot be told. Then it
// stays as it was; its absence asks for nothing. An instance or pipeline is kept
// with its service.
func (d *Declaration) Keeper() func(ref state.Ref, path string) bool {
	names, unread := map[state.Ref]bool{}, map[string]bool{}
	for _, f := range d.Files {
		if f.Unread {
			unread[f.Path] = true
		}
		for _, ref := range f.Held {
			names[ref] = true
		}
		for _, c := range f.Broken {
			names[c.Ref] = true
		}
	}
	return func(ref state.Ref, path string) bool {
		if ref.Service != "" {
			ref = state.ServiceRef(ref.Service)
		}
		return unread[path] || names[ref]
	}
}

// settle decides the verdict once everything about the file is known.
func (f *File) settle() {
	declares := make([]string, 0, len(f.Documents))
	for _, d := range f.Documents {
		declares = append(declares, d.Ref.String())
	}
	if f.Ops != nil {
		declares = append(declares, "service sync of "+cmp.Or(strings.Join(f.Ops.names(), ", "), "no service"))
	}
	switch found := len(f.Problems) + len(f.Conflicts) - len(f.Problems.Warnings()); {
	case found == 1:
		f.Verdict, f.Reason = VerdictRefused, "1 problem"
	case found > 1:
		f.Verdict, f.Reason = VerdictRefused, fmt.Sprintf("%d problems", found)
	case len(f.Documents) > 0:
		f.Verdict, f.Reason = VerdictDocument, strings.Join(declares, ", ")
	case f.Ops != nil:
		f.Verdict, f.Reason = VerdictOps, strings.Join(declares, ", ")
	case f.Nothing != "":
		f.Verdict, f.Reason = VerdictIgnored, f.Nothing
	}
}

var (
	ourLine  = regexp.MustCompile(`(?m)^(?:baryon|"baryon"|'baryon')[ \t]*:`)
	syncLine = regexp.MustCompile(`(?m)^(?:---[ \t]+)?\{?(?:sync|"sync"|'sync')[ \t]*:`)
)

const (
	bom      = "\ufeff" // some editors put it before a UTF-8 text
	noKey    = "no document has the key baryon"
	scanSize = 16 << 20 // bytes of the largest file that is looked at

	maxDocuments = 1000             // in one file
	maxDocument  = MaxSpec + 64<<10 // bytes of a header and a spec
	maxProblems  = 500              // of one file
)

// tooLarge judges a file over the limit by its lines: most such files are
// somebody else's. One that is larger still is not looked at; what it declared
// in smaller days it keeps.
func (r *reader) tooLarge(p string, size int64) (File, error) {
	if size > scanSize {
		return File{Unread: true, Nothing: fmt.Sprintf("larger than %d bytes", scanSize)}, nil
	}
	file, err := r.tree.Open(p)
	if err != nil {
		return File{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return File{}, err
	}
	at := ourLine.FindIndex(data)
	if at == nil {
		return File{Nothing: fmt.Sprintf("larger than %d bytes, and no line begins with baryon:", r.options.MaxFile)}, nil
	}
	return File{Unread: true, Problems: renderer.Problems{{
		File: p, Line: 1 + bytes.Count(data[:at[0]], []byte("\n")), Column: 1, Rule: "the file is too large",
		Got: fmt.Sprintf("%d bytes", size), Want: fmt.Sprintf("at most %d", r.options.MaxFile), Next: "split it",
	}}}, nil
}

// readFile reads the content of one file. It needs nothing but that content.
func readFile(p string, data []byte, o Options) File {
	data = bytes.TrimPrefix(data, []byte(bom))
	if !utf8.Valid(data) {
		if !ourLine.Match(data) {
			return File{Nothing: "not UTF-8 text"}
		}
		_, problems := renderer.ParseYAML(p, data, renderer.Limits{Size: o.MaxFile})
		return File{Unread: true, Problems: problems}
	}
	if !declaring(data) {
		return File{Nothing: nothingIn(data)}
	}
	chunks := split(string(data))
	if len(chunks) > maxDocuments {
		return File{Unread: true, Problems: renderer.Problems{{
			File: p, Line: chunks[maxDocuments].line, Column: 1, Rule: "the file holds too many documents",
			Got: fmt.Sprintf("%d documents", len(chunks)), Want: fmt.Sprintf("at most %d", maxDocuments), Next: "split it",
		}}}
	}
	f := File{}
	for _, c := range chunks {
		switch {
		case !declaring([]byte(c.text)):
		case len(c.text) > maxDocument && !syncLine.MatchString(c.text):
			f.hugeDocument(p, c)
		default:
			f.document(p, c, o)
		}
	}
	f.limitProblems()
	switch {
	case len(f.Documents) > 0 || f.Ops != nil || f.Problems.Failed():
		f.Nothing = ""
	case f.Nothing == "":
		f.Nothing = nothingIn(data)
	}
	return f
}

// declaring tells cheaply whether a text can declare anything.
func declaring(data []byte) bool {
	return bytes.Contains(data, []byte("baryon")) || bytes.Contains(data, []byte("services")) && syncLine.Match(data)
}

var (
	protonLine = regexp.MustCompile(`(?m)^proton[ \t]*:`)
	keyLine    = regexp.MustCompile(`(?m)^([A-Za-z]{4,8})[ \t]*:`)
)

// nothingIn says why a text declares nothing, and helps whoever misspelt the key
// of a Proton document.
func nothingIn(data []byte) string {
	if protonLine.Match(data) {
		for _, m := range keyLine.FindAllSubmatch(data, -1) {
			key := string(m[1])
			if key != "proton" && key != "baryon" && renderer.Nearest(key, []string{"baryon"}) != "" {
				return fmt.Sprintf("%s; %q was found", noKey, key)
			}
		}
	}
	return noKey
}

// hugeDocument refuses a document that cannot be a header and a spec without
// spending the time to read it.
func (f *File) hugeDocument(p string, c chunk) {
	f.Unread = true
	at := ourLine.FindStringIndex(c.text)
	if at == nil {
		f.Nothing = fmt.Sprintf("a document is larger than %d bytes, and no line begins with baryon:", maxDocument)
		return
	}
	f.Problems = append(f.Problems, renderer.Problem{
		File: p, Line: position(c.text, at[0]).Line + c.line - 1, Column: 1, Rule: "the spec is too large", Got: fmt.Sprintf("%d bytes with its header", len(c.text)),
		Want: fmt.Sprintf("at most %d", MaxSpec), Next: "move generated data out of it",
	})
}

// limitProblems sorts the problems and keeps as many as somebody may read.
func (f *File) limitProblems() {
	f.Problems.Sort()
	if more := len(f.Problems) - maxProblems; more > 0 {
		last := f.Problems[maxProblems]
		f.Problems = append(f.Problems[:maxProblems:maxProblems], renderer.Problem{
			File: last.File, Line: last.Line, Column: last.Column, Rule: fmt.Sprintf("%d more problems are not shown", more), Next: "correct those above first",
		})
	}
}

// document reads one document of the file and adds what it came to.
func (f *File) document(p string, c chunk, o Options) {
	docs, problems := renderer.ParseYAML(p, []byte(c.text), renderer.Limits{Size: o.MaxFile})
	moveProblems(problems, c.line-1)
	if problems.Failed() {
		if ourLine.MatchString(c.text) {
			f.Unread, f.Problems = true, append(f.Problems, problems...)
			return
		}
		f.Nothing = "not valid YAML, and no line begins with baryon:"
		return
	}
	if len(docs) != 1 || docs[0].Kind != renderer.Mapping {
		return
	}
	root := docs[0]
	moveDown(root, c.line-1, map[*renderer.Node]bool{})
	switch {
	case root.KeyNode("baryon") != nil:
		x := &docReader{path: p, chunk: c, root: root, options: o}
		x.read()
		f.Problems = append(append(f.Problems, problems...), x.Problems...)
		switch {
		case !x.Problems.Failed():
			f.Documents = append(f.Documents, x.doc)
		case x.doc.Ref.Name == "":
			f.Unread = true
		default:
			f.Broken = append(f.Broken, x.doc.claim())
		}
	case root.Get("sync").Get("services") != nil:
		f.ops(root)
	}
}

// moveDown gives nodes that were read from a part of a file their lines in the
// file. Aliased nodes are shared, so each is moved once.
func moveDown(n *renderer.Node, lines int, done map[*renderer.Node]bool) {
	if lines == 0 || done[n] {
		return
	}
	done[n] = true
	n.Line += lines
	for _, pair := range n.Pairs {
		moveDown(pair.Key, lines, done)
		moveDown(pair.Value, lines, done)
	}
	for _, item := range n.Items {
		moveDown(item, lines, done)
	}
}

// firstPlace is how the renderer names a second place of a finding.
var firstPlace = regexp.MustCompile(`^first at line ([0-9]+), column [0-9]+$`)

// moveProblems does for findings what moveDown does for nodes.
func moveProblems(problems renderer.Problems, lines int) {
	for i := range problems {
		p := &problems[i]
		p.Line += lines
		if m := firstPlace.FindStringSubmatchIndex(p.Got); m != nil {
			if line, err := strconv.Atoi(p.Got[m[2]:m[3]]); err == nil {
				p.Got = p.Got[:m[2]] + strconv.Itoa(line+lines) + p.Got[m[3]:]
			}
		}
	}
}
