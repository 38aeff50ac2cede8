package renderer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lines prints problems for comparison, one a line.
func lines(ps Problems) string {
	if len(ps) == 0 {
		return ""
	}
	return ps.Error()
}

func TestParseYAMLRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text   string
		limits Limits
		want   string // what each line of the result begins with
	}{
		"a duplicate key names both places": {"a: 1\nb: 2\na: 3\n", Limits{},
			`f.yaml:3:1: the key "a" is given twice, got first at line 1, column 1`},
		"every duplicate key is reported": {"a: 1\na: 2\nb:\n  c: 1\n  c: 2\n", Limits{},
			"f.yaml:2:1: the key \"a\" is given twice\nf.yaml:5:3: the key \"c\" is given twice"},
		"a tab as indentation":           {"a:\n\tb: 1\n", Limits{}, "f.yaml:2:1: a tab is used for indentation (use spaces)"},
		"a wrong indentation":            {"a:\n  b: 1\n c: 2\n", Limits{}, "f.yaml:3:2: the indentation does not match the lines above"},
		"a second colon":                 {"a: 1\nb: c: d\n", Limits{}, "f.yaml:2:5: a second \": \" in one value"},
		"an open quote":                  {"x: 1\na: \"b\nc: d\n", Limits{}, "f.yaml:2:4: a quote is opened and never closed"},
		"an open bracket":                {"a: 1\nb: [1, 2\nc: 3\n", Limits{}, "f.yaml:"},
		"a line that is no key":          {"a: 1\nfoo\nb: 2\n", Limits{}, "f.yaml:2:"},
		"an at sign":                     {"a: @b\n", Limits{}, "f.yaml:1:4: a value without quotes cannot begin with \"@\" (put the value in quotes)"},
		"an expression without quotes":   {"a: {{ b }}\n", Limits{}, "f.yaml:1:5: a mapping is used as a key, want a text (if this is an expression"},
		"an unknown anchor":              {"a: 1\nb: *c\n", Limits{}, "f.yaml:2:5: unknown anchor 'c' referenced"},
		"an anchor that holds itself":    {"a: &a [*a]\n", Limits{}, "f.yaml:1:8: the anchor &a holds itself"},
		"a binary tag":                   {"a: !!binary aGk=\n", Limits{}, "f.yaml:1:4: the tag !!binary is not allowed here"},
		"a Python object":                {"a: !!python/object:os.system [x]\n", Limits{}, "f.yaml:1:4: the tag !!python/object:os.system is not allowed here"},
		"a local tag":                    {"a: !Ref b\n", Limits{}, "f.yaml:1:4: the tag !Ref is not allowed here"},
		"a list as key":                  {"[1, 2]: 3\n", Limits{}, "f.yaml:1:1: a key must be a single value, got a list, want a text"},
		"a control character":            {"a: b\nc: \x01\n", Limits{}, "f.yaml:2:4: a control character is not allowed in YAML, got U+0001"},
		"a byte that is not UTF-8":       {"a: é\nb: \xff\n", Limits{}, "f.yaml:2:4: the file is not UTF-8, got byte 0xFF"},
		"UTF-16":                         {"\xff\xfea\x00", Limits{}, "f.yaml:1:1: the file is not UTF-8, got UTF-16"},
		"a text beyond the size":         {strings.Repeat("a", 2000), Limits{Size: 1024}, "f.yaml: the file is too large, got 2.0 KiB, want at most 1.0 KiB"},
		"nesting beyond the depth":       {"a: [[[[1]]]]\n", Limits{Depth: 4}, "f.yaml:1:7: values are nested too deeply, want at most 4 levels"},
		"nesting through aliases":        {"a: &a [[1]]\nb: [[*a]]\n", Limits{Depth: 4}, "f.yaml:2:6: values are nested too deeply"},
		"more values than allowed":       {"[1, 2, 3, 4, 5]\n", Limits{Nodes: 5}, "f.yaml:1:14: the document holds too many values"},
		"more merged keys than allowed":  {"a: &a {b: 1, c: 2, d: 3}\ne: {<<: [*a, *a, *a, *a]}\n", Limits{Nodes: 15}, "f.yaml:2:"},
		"a merge of something else":      {"a: {<<: 1}\n", Limits{}, "f.yaml:1:9: the merge key << takes a mapping or a list of mappings, got the number 1"},
		"the place counts characters":    {"ä: ö: ü\n", Limits{}, "f.yaml:1:5: a second"},
		"an error in a second document":  {"a: 1\n---\nb: c: d\n", Limits{}, "f.yaml:3:5: a second"},
		"line ends of another system":    {"a: 1\r\nb: c: d\r\n", Limits{}, "f.yaml:2:5: a second"},
		"a byte order mark is no column": {"\xef\xbb\xbfa: b: c\n", Limits{}, "f.yaml:1:5: a second"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := ParseYAML("f.yaml", []byte(tt.text), tt.limits)
			got := strings.Split(lines(problems), "\n")
			want := strings.Split(tt.want, "\n")
			if len(got) != len(want) || !problems.Failed() {
				t.Fatalf("got\n%s\nwant\n%s", lines(problems), tt.want)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("got\n%s\nwant\n%s", got[i], want[i])
				}
			}
		})
	}
}

// bomb is the classic: each level holds nine of the one before.
func bomb() string {
	text := "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
	for i := 1; i < 20; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return text
}

func TestParseYAMLBounds(t *testing.T) {
	t.Parallel()
	merges := "a0: &a0 {k: 1}\n"
	for i := 1; i < 30; i++ {
		merges += fmt.Sprintf("a%d: &a%d {x%d: *a%d, <<: [*a%d, *a%d]}\n", i, i, i, i-1, i-1, i-1)
	}
	for name, text := range map[string]string{
		"an alias bomb":              bomb(),
		"merges of merges":           merges,
		"deep lists":                 strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"lists deeper than any":      strings.Repeat("[", 100_000),
		"deep mappings":              strings.Repeat("{a: ", 9000) + strings.Repeat("}", 9000),
		"deep dashes":                strings.Repeat("- ", 100_000),
		"many values":                "[" + strings.Repeat("1,", 250_000) + "1]",
		"a merge of one many times":  "a: &a {" + strings.Repeat("k", 1) + ": 1}\nb: {<<: [" + strings.Repeat("*a, ", 220_000) + "*a]}",
		"a very long line that ends": strings.Repeat("a", 900_000) + ": b: c",
		"many lines then an error":   strings.Repeat("- a\n", 100_000) + " b: [",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, problems := ParseYAML("f.yaml", []byte(text), Limits{})
			if !problems.Failed() {
				t.Error("accepted")
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestParseYAMLKeepsText(t *testing.T) {
	t.Parallel()
	const text = "\xef\xbb\xbfversion: 1.10\r\ndate: 2012-10-17\nno: off\nbig: 123456789012345678901234567890\n" +
		"zip: 0123\nquoted: \"1\"\nblock: |\n  a\n  b\nnothing:\nbase: &base {x: 1, y: 2}\nover: {<<: *base, y: 3, z: 4}\nexp: 1e3\nhex: 0x1F\ntag: !!str 5\n"
	root, problems := ParseOne("f.yaml", []byte(text), Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	v, problems := Values(root)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := string(prettyJSON(v))
	want := `{
  "version" : 1.1,
  "date" : "2012-10-17",
  "no" : "off",
  "big" : 123456789012345678901234567890,
  "zip" : "0123",
  "quoted" : "1",
  "block" : "a\nb\n",
  "nothing" : null,
  "base" : {
    "x" : 1,
    "y" : 2
  },
  "over" : {
    "x" : 1,
    "y" : 3,
    "z" : 4
  },
  "exp" : 1000.0,
  "hex" : 31,
  "tag" : "5"
}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := root.Get("version"); n.Text != "1.10" || n.Line != 1 || n.Column != 10 {
		t.Errorf("version = %q at %d:%d, want 1.10 at 1:10", n.Text, n.Line, n.Column)
	}
	if n := root.Get("over").Get("x"); n.Line != 11 {
		t.Errorf("a merged key stands at line %d, want that of its anchor, 11", n.Line)
	}
}

func TestPlainScalars(t *testing.T) {
	t.Parallel()
	for kind, texts := range map[scalarKind][]string{
		nullScalar:     {"", "~", "null", "Null", "NULL"},
		boolScalar:     {"true", "True", "TRUE", "false", "False", "FALSE"},
		intScalar:      {"0", "-0", "+1", "-17", "80", "0x1F", "0o17", "99999999999999999999"},
		floatScalar:    {"1.10", ".5", "5.", "-1.5", "1e3", "1E+3", "1.5e-3", "1e400"},
		infiniteScalar: {".inf", "-.inf", "+.Inf", ".nan", ".NAN"},
		stringScalar: {"yes", "no", "on", "off", "y", "n", "NULL2", "2012-10-17", "12:30", "1_000", "0123", "-007", "0x", "0xZZ", "0o8", "1e", "1.2.3",
			".", "-", "+", "-.", "e3", "1.10.0", "tRue", "10.0.0.0/16", "1,5", "--1", "+-1", ".e3", "inf", "nan", "٣"},
	} {
		for _, text := range texts {
			if got := plainKind(text); got != kind {
				t.Errorf("plainKind(%q) = %d, want %d", text, got, kind)
			}
		}
	}
}

func TestCountLines(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", "a\n", "a\nb", "\n\n", "a\r\nb\r\n", "a\rb", "a\u0085b\u2028c\u2029", "\r\r\n", "é\nü"} {
		if got, want := countLines([]byte(text)), len(lineEnds([]byte(text))); got != want {
			t.Errorf("countLines(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestParseOne(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":       {"", "f.yaml:1:1: the file is empty"},
		"comments only": {"# hello\n", "f.yaml:1:1: the file is empty"},
		"two documents": {"a: 1\n---\nb: 2\n", "f.yaml:3:1: the file holds more than one YAML document, got 2 documents, want one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, problems := ParseOne("f.yaml", []byte(tt.text), Limits{}); !strings.HasPrefix(lines(problems), tt.want) {
				t.Errorf("got %s, want %s", lines(problems), tt.want)
			}
		})
	}
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	root, problems := ParseOne("f.yaml", []byte(`
name: x
version: 1.10
enabeld: true
flag: yes
count: 12.5
wait: 5
list: a
empty:
`), Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	var d Decoder
	d.Mapping(root, "the header", "name", "version", "enabled", "flag", "count", "wait", "list", "empty")
	if got := d.String(root.Get("version"), "version"); got != "1.10" {
		t.Errorf("version = %q, want it as written", got)
	}
	d.Bool(root.Get("flag"), "flag")
	d.Int(root.Get("count"), "count", 0, 10)
	d.Duration(root.Get("wait"), "wait", time.Second, time.Hour)
	d.List(root.Get("list"), "list")
	d.Require(root, "the header", "empty")
	d.Require(root, "the header", "absent")
	d.OneOf(root.Get("name"), "name", "xx", "y")
	want := `f.yaml:2:1: the header needs the key "absent" (add absent)
f.yaml:2:7: name is not a known one, got "x", want one of xx, y (did you mean "xx"?)
f.yaml:4:1: the header has no key "enabeld", want one of count, empty, enabled, flag, list, name, version, wait (did you mean "enabled"?)
f.yaml:5:7: flag must be a boolean, got "yes", want true or false (write true)
f.yaml:6:8: count must be a whole number, got the number 12.5, want 0 to 10
f.yaml:7:7: wait must be a duration, got the number 5, want 1s to 1h0m0s (write it as 90s, 30m or 1h30m)
f.yaml:8:7: list must be a list, got "a", want items that begin with "- "
f.yaml:9:1: the header needs the key "empty" (add empty)`
	if diff := cmp.Diff(want, lines(d.Problems)); diff != "" {
		t.Error(diff)
	}
}

func TestProblemString(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Problem{
		"f:1:2: r, got g, want w (n)": {File: "f", Line: 1, Column: 2, Rule: "r", Got: "g", Want: "w", Next: "n"},
		"f:1: r":                      {File: "f", Line: 1, Rule: "r"},
		"f: warning: r":               {File: "f", Rule: "r", Warning: true},
		"r, want w":                   {Rule: "r", Want: "w"},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"provision", "deprovision", "vpc_cidr", "port"}
	for word, want := range map[string]string{
		"provison": "provision", "deprovisioning": "deprovision", "vpc-cidr": "vpc_cidr", "VpcCidr": "vpc_cidr", "prt": "port", "zzz": "", "completely_else": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
