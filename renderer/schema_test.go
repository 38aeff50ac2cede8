package renderer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compile reads a schema whose types are given, indented by two.
func compile(t testing.TB, types string) (*Schema, Problems) {
	t.Helper()
	text := "schema:\n  format: {openapi: \"3.0.0\"}\n  environment_input_type: In\n  types:\n"
	for line := range strings.SplitSeq(strings.Trim(types, "\n"), "\n") {
		text += "    " + line + "\n"
	}
	return CompileSchema("s.yaml", []byte(text), Limits{})
}

func mustCompile(t testing.TB, types string) *Schema {
	t.Helper()
	s, problems := compile(t, types)
	if problems.Failed() {
		t.Fatalf("schema:\n%s", lines(problems))
	}
	return s
}

func check(t testing.TB, s *Schema, spec string, o CheckOptions) (string, Problems) {
	t.Helper()
	docs, problems := ParseYAML("p.yaml", []byte(spec), Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	var n *Node
	if len(docs) > 0 {
		n = docs[0]
	}
	d, problems := s.Environment.Check(n, o)
	text, err := d.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text), problems
}

const house = `
In:
  type: object
  required: [zone, big]
  properties:
    zone: {type: string, minLength: 2, maxLength: 4, pattern: "^[a-z]+$"}
    big: {type: integer, default: 9007199254740993}
    size: {type: string, enum: [small, large, 1.10], default: small}
    port: {type: number, minimum: 1, maximum: 65535, default: 80}
    ratio: {type: number, minimum: 0, exclusiveMinimum: true, multipleOf: 0.5}
    debug: {type: boolean}
    day: {type: string, format: date}
    subnets: {type: array, items: {type: string, minLength: 2}, minItems: 1, maxItems: 3, uniqueItems: true}
    db: {$ref: "#/Db"}
    labels: {type: object, additionalProperties: {type: integer}}
    free: {type: object}
    any: {}
    maybe: {type: string, nullable: true}
Db:
  type: object
  required: [name]
  properties:
    name: {type: string}
    engine: {type: string, default: pg}
    replicas: {type: array, items: {$ref: "#/Replica"}}
    backup: {type: object, default: {}, properties: {days: {type: integer, default: 7}}}
Replica:
  type: object
  properties:
    zone: {type: string, default: a}
    next: {$ref: "#/Replica"}
`

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, house)
	for name, tt := range map[string]struct{ spec, want string }{
		"defaults come after what is written, in the order of the schema": {
			"port: 8080\nzone: eu\n", `{"port":8080,"zone":"eu","big":9007199254740993,"size":"small"}`},
		"an optional input without default is absent": {
			"zone: eu", `{"zone":"eu","big":9007199254740993,"size":"small","port":80}`},
		"text is taken as written": {
			"zone: on\nsize: 1.10\nday: 2012-10-17\nmaybe: 007\n",
			`{"zone":"on","size":"1.10","day":"2012-10-17","maybe":"007","big":9007199254740993,"port":80}`},
		"numbers keep their form": {
			"zone: eu\nport: 80.0\nratio: 1.5\nbig: 123456789012345678901\n",
			`{"zone":"eu","port":80.0,"ratio":1.5,"big":123456789012345678901,"size":"small"}`},
		"a whole float is an integer where one is wanted": {
			"zone: eu\nbig: 1e3\nport: 1e3", `{"zone":"eu","big":1000,"port":1000.0,"size":"small"}`},
		"defaults at every depth, in lists too": {
			"zone: eu\ndb: {name: x, replicas: [{}, {zone: b, next: {}}]}\n",
			`{"zone":"eu","db":{"name":"x","replicas":[{"zone":"a"},{"zone":"b","next":{"zone":"a"}}],"engine":"pg","backup":{"days":7}},"big":9007199254740993,"size":"small","port":80}`},
		"free objects and untyped values are read naturally": {
			"zone: eu\nfree: {a: [1, yes, true, null, 1.5, \"2\"]}\nany: ~\nlabels: {x: 1}\n",
			`{"zone":"eu","free":{"a":[1,"yes",true,null,1.5,"2"]},"any":null,"labels":{"x":1},"big":9007199254740993,"size":"small","port":80}`},
		"an empty value stands for the default": {
			"zone: eu\nport:\n", `{"zone":"eu","big":9007199254740993,"size":"small","port":80}`},
		"null where it is allowed": {
			"zone: eu\nmaybe: null\n", `{"zone":"eu","maybe":null,"big":9007199254740993,"size":"small","port":80}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := check(t, s, tt.spec, CheckOptions{})
			if len(problems) > 0 {
				t.Error(problems)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCheckOneOfTypes reads a value without quotes as what it is by itself where
// several types are allowed, and as a text only where no other fits.
func TestCheckOneOfTypes(t *testing.T) {
	t.Parallel()
	for key, wants := range map[string]map[string]string{
		"oneOf": {"3": `3`, "'3'": `"3"`, "x": `"x"`, "true": `"true"`, "1.5": `"1.5"`, "1.10": `"1.10"`},
		"anyOf": {"3": `3`, "'3'": `"3"`, "x": `"x"`, "1.5": `"1.5"`},
	} {
		s := mustCompile(t, "In: {type: object, properties: {a: {"+key+": [{type: string}, {type: integer}]}}}")
		for written, want := range wants {
			got, problems := check(t, s, "a: "+written, CheckOptions{})
			if got != `{"a":`+want+`}` || len(problems) > 0 {
				t.Errorf("%s, a: %s: got %s %v, want %s", key, written, got, problems, want)
			}
		}
	}
}

// TestCheckImplies leaves out optional objects: those that can be made of the
// defaults of their members are, at every depth, and the others stay absent.
func TestCheckImplies(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `
In:
  type: object
  properties:
    size: {type: string, default: small}
    alarm: {$ref: "#/Alarm"}
    hollow: {type: object, properties: {hint: {type: string}}}
    keyed: {type: object, required: [key], properties: {key: {type: string}, n: {type: integer, default: 1}}}
    few: {type: object, minProperties: 2, properties: {n: {type: integer, default: 1}}}
    tree: {$ref: "#/Tree"}
    list: {type: array, items: {$ref: "#/Alarm"}}
Alarm:
  type: object
  properties:
    hint: {type: string}
    on: {type: boolean, default: true}
    level: {type: object, properties: {at: {type: integer, default: 3}, name: {type: string}}}
Tree:
  type: object
  properties:
    value: {type: integer, default: 1}
    left: {type: object, properties: {to: {$ref: "#/Tree"}, n: {type: integer, default: 2}}}
`)
	for name, tt := range map[string]struct{ spec, want string }{
		"all left out":     {"{}", `{"size":"small","alarm":{"on":true,"level":{"at":3}}}`},
		"a part given":     {"alarm: {level: {name: high}}", `{"alarm":{"level":{"name":"high","at":3},"on":true},"size":"small"}`},
		"in a list":        {"list: [{on: false}]", `{"list":[{"on":false,"level":{"at":3}}],"size":"small","alarm":{"on":true,"level":{"at":3}}}`},
		"a type in itself": {"tree: {}", `{"tree":{"value":1},"size":"small","alarm":{"on":true,"level":{"at":3}}}`},
		"what needs a key": {"keyed: {key: k}", `{"keyed":{"key":"k","n":1},"size":"small","alarm":{"on":true,"level":{"at":3}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := check(t, s, tt.spec, CheckOptions{})
			if got != tt.want || len(problems) > 0 {
				t.Errorf("got  %s %v\nwant %s", got, problems, tt.want)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, house)
	for name, tt := range map[string]struct{ spec, want string }{
		"everything at once, where it stands": {`
zone: X
port: 70000
size: smal
debug: yes
ratio: 0
subnets: [a]
db: {engine: 5}
`, `p.yaml:2:7: zone: string doesn't match the pattern, got "X", want pattern: ^[a-z]+$ (s.yaml:9:67)
p.yaml:2:7: zone: minimum string length is 2, got 1 character, want minLength: 2 (s.yaml:9:41)
p.yaml:3:7: port: number must be at most 65535, got the number 70000, want maximum: 65535 (s.yaml:12:51)
p.yaml:4:7: size: value is not one of the allowed values, got "smal", want enum: [small, large, 1.10] (s.yaml:11:36) (did you mean "small"?)
p.yaml:5:8: debug: value must be a boolean, got "yes", want type: boolean (s.yaml:14:23) (write true)
p.yaml:6:8: ratio: number must be more than 0, got the number 0, want exclusiveMinimum: true (s.yaml:13:61)
p.yaml:7:11: subnets[0]: minimum string length is 2, got 1 character, want minLength: 2 (s.yaml:16:65)
p.yaml:8:5: db needs the input "name", want type: string (s.yaml:26:22) (add name)`},
		"a number in quotes": {"zone: eu\nport: \"80\"\n",
			`p.yaml:2:7: port: value must be a number, got "80" (text), want type: number (s.yaml:12:22) (remove the quotes)`},
		"a number with zeros in front": {"zone: eu\nport: 0080\n",
			`p.yaml:2:7: port: value must be a number, got "0080", want type: number (s.yaml:12:22) (write it without leading zeros)`},
		"a number with underscores": {"zone: eu\nport: 1_000\n",
			`p.yaml:2:7: port: value must be a number, got "1_000", want type: number (s.yaml:12:22) (write it as digits only)`},
		"not a number": {"zone: eu\nport: .nan\nratio: 1e400\n",
			`p.yaml:2:7: port: value must be a number, got ".nan", want type: number (s.yaml:12:22) (JSON has no such number)
p.yaml:3:8: ratio: the number is too large, got 1e400, want type: number (s.yaml:13:23)`},
		"a fraction for an integer": {"zone: eu\nbig: 1.5\n",
			`p.yaml:2:6: big: value must be an integer, got the number 1.5, want type: integer (s.yaml:10:21)`},
		"one value for a list": {"zone: eu\nsubnets: a\n",
			`p.yaml:2:10: subnets: value must be an array, got "a", want type: array (s.yaml:16:25)`},
		"too many, and twice the same": {"zone: eu\nsubnets: [aa, aa, bb, cc]\n",
			`p.yaml:2:10: subnets: maximum number of items is 3, got 4 items, want maxItems: 3 (s.yaml:16:92)
p.yaml:2:10: subnets: duplicate items found, got a list, want uniqueItems: true (s.yaml:16:108)`},
		"too many, twice the same, and wrong ones among them": {"zone: eu\nsubnets: [aa, aa, b, c]\n",
			`p.yaml:2:10: subnets: maximum number of items is 3, got 4 items, want maxItems: 3 (s.yaml:16:92)
p.yaml:2:10: subnets: duplicate items found, got a list, want uniqueItems: true (s.yaml:16:108)
p.yaml:2:19: subnets[2]: minimum string length is 2, got 1 character, want minLength: 2 (s.yaml:16:65)
p.yaml:2:22: subnets[3]: minimum string length is 2, got 1 character, want minLength: 2 (s.yaml:16:65)`},
		"a list for a text": {"zone: [eu]\n",
			`p.yaml:1:7: zone: value must be a string, got a list, want type: string (s.yaml:9:22)`},
		"null where it is not allowed": {"zone:\n",
			`p.yaml:1:6: zone: value must be a string, got nothing, want type: string (s.yaml:9:22) (write a value, or leave the key out)`},
		"a wrong value under free keys": {"zone: eu\nlabels: {a: b}\n",
			`p.yaml:2:13: labels.a: value must be an integer, got "b", want type: integer (s.yaml:18:61)`},
		"no spec at all": {"", `the spec needs the input "zone", want type: string (s.yaml:9:22) (add zone)`},
		"a spec that is a list": {"[1]",
			`p.yaml:1:1: value must be an object, got a list, want type: object (s.yaml:6:13)`},
		"a date that is none": {"zone: eu\nday: tomorrow\n", `p.yaml:2:6: day: string doesn't match the format "date"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := check(t, s, tt.spec, CheckOptions{})
			if got := lines(problems); !strings.HasPrefix(got, tt.want) || strings.Count(got, "\n") != strings.Count(tt.want, "\n") {
				t.Error(cmp.Diff(tt.want, got))
			}
		})
	}
}

func TestCheckUnknownKeys(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, house)
	const spec = "zone: eu\nPort: 1\nzzz: 2\n"
	got, problems := check(t, s, spec, CheckOptions{})
	if problems.Failed() || len(problems) != 2 {
		t.Errorf("want two warnings, got %v", problems)
	}
	if want := `{"zone":"eu","big":9007199254740993,"size":"small","port":80}`; got != want {
		t.Errorf("inputs = %s, want unknown keys left out: %s", got, want)
	}
	if want := `p.yaml:2:1: warning: the schema has no input "Port"`; !strings.HasPrefix(lines(problems), want) || !strings.Contains(lines(problems), `did you mean "port"?`) {
		t.Errorf("got %s, want %s and the near name", lines(problems), want)
	}
	if _, problems = check(t, s, spec, CheckOptions{Strict: true}); !problems.Failed() {
		t.Error("strict: unknown keys were accepted")
	}
	closed := mustCompile(t, "In: {type: object, additionalProperties: false, properties: {a: {type: string}}}")
	if _, problems = check(t, closed, "b: 1", CheckOptions{}); !problems.Failed() {
		t.Error("additionalProperties: false: an unknown key was accepted")
	}
}

func TestCheckCombined(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `
In:
  type: object
  allOf: [{$ref: "#/Base"}, {type: object, properties: {extra: {type: string}}}]
  properties:
    id: {oneOf: [{type: integer}, {type: string, pattern: "^i-"}]}
    port: {type: integer, anyOf: [{maximum: 10}, {minimum: 100}]}
    name: {type: string, not: {enum: [root]}}
Base:
  type: object
  required: [zone]
  properties: {zone: {type: string}, size: {type: string, default: small}}
`)
	for name, tt := range map[string]struct{ spec, want, problems string }{
		"branches bring keys and defaults": {"zone: 1.10\nextra: x\nid: 5\nport: 5\nname: 5\n",
			`{"id":5,"port":5,"name":"5","zone":"1.10","size":"small","extra":"x"}`, ""},
		"a text by its pattern": {"zone: a\nid: i-1\n", `{"id":"i-1","zone":"a","size":"small"}`, ""},
		"no branch fits":        {"zone: a\nid: x\n", "", `p.yaml:2:5: id: value matches none of the schemas under oneOf, got "x"`},
		"a gap between bounds":  {"zone: a\nport: 50\n", "", "p.yaml:2:7: port: value matches none of the schemas under anyOf"},
		"a forbidden value":     {"zone: a\nname: root\n", "", "p.yaml:2:7: name: value must not match the schema under not"},
		"a branch requires":     {"extra: a\n", "", `p.yaml:1:1: the spec needs the input "zone"`},
		"unknown to all":        {"zone: a\nwhat: a\n", "", `p.yaml:2:1: warning: the schema has no input "what"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := check(t, s, tt.spec, CheckOptions{})
			if !strings.HasPrefix(lines(problems), tt.problems) || tt.problems == "" && len(problems) > 0 {
				t.Errorf("problems %s, want %s", lines(problems), tt.problems)
			}
			if tt.want != "" && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A type that only combines others takes its keys from them, typed.
func TestCheckCombinedAlone(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `
In: {type: object, minProperties: 2, allOf: [{$ref: "#/A"}, {$ref: "#/B"}]}
A: {type: object, properties: {v: {type: string}, w: {type: string, default: x}}}
B: {type: object, allOf: [{$ref: "#/C"}]}
C: {type: object, properties: {n: {type: number}}}
`)
	got, problems := check(t, s, "v: 1.10\nn: 1.10\n", CheckOptions{})
	if want := `{"v":"1.10","w":"x","n":1.1}`; got != want || len(problems) > 0 {
		t.Errorf("got %s, %v, want %s", got, problems, want)
	}
	if _, problems = check(t, s, "{}", CheckOptions{}); !strings.HasPrefix(lines(problems), "p.yaml:1:1: there must be at least 2 properties, got 1 key, want minProperties: 2") {
		t.Errorf("got %s", lines(problems))
	}
}

func TestCompileSchemaRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ types, want string }{
		"look-ahead":              {`In: {type: object, properties: {a: {type: string, pattern: "^(?!x)"}}}`, "the pattern uses look-around ((?!)"},
		"look-behind":             {`In: {type: object, properties: {a: {type: string, pattern: "(?<=x)y"}}}`, "the pattern uses look-around ((?<=)"},
		"back-reference":          {`In: {type: object, properties: {a: {type: string, pattern: '(a)\1'}}}`, `the pattern uses a back-reference (\1)`},
		"a long repetition":       {`In: {type: object, properties: {a: {type: string, pattern: "a{2000}"}}}`, "the pattern repeats more than 1000 times"},
		"a broken pattern":        {`In: {type: object, properties: {a: {type: string, pattern: "("}}}`, "the pattern is not a regular expression (RE2): missing closing )"},
		"a default of wrong type": {`In: {type: object, properties: {a: {type: number, default: x}}}`, "the default does not fit its own rule: value must be a number"},
		"a default out of bounds": {`In: {type: object, properties: {a: {type: number, maximum: 1, default: 2}}}`, "the default does not fit its own rule: number must be at most 1"},
		"a default out of enum":   {`In: {type: object, properties: {a: {type: string, enum: [x], default: y}}}`, "the default does not fit its own rule: value is not one of the allowed values"},
		"a default off pattern":   {`In: {type: object, properties: {a: {type: string, pattern: "^x$", default: y}}}`, "the default does not fit its own rule: string doesn't match the pattern"},
		"defaults without end":    {"In: {type: object, properties: {a: {$ref: \"#/A\"}}}\nA: {type: object, default: {}, properties: {a: {$ref: \"#/A\"}}}", "the default does not fit its own rule"},
		"lengths that cross":      {`In: {type: object, properties: {a: {type: string, minLength: 3, maxLength: 2}}}`, "minLength is greater than maxLength, got 3, want at most 2"},
		"bounds that cross":       {`In: {type: object, properties: {a: {type: number, minimum: 3, maximum: 2}}}`, "minimum is greater than maximum, got 3, want at most 2"},
		"an enum of wrong type":   {`In: {type: object, properties: {a: {type: integer, enum: [x]}}}`, "a value of enum does not fit the type: value must be an integer"},
		"an empty enum":           {`In: {type: object, properties: {a: {type: integer, enum: []}}}`, "enum is empty"},
		"another word for a type": {`In: {type: object, properties: {a: {type: bool}}}`, `not a type, got "bool", want one of array, boolean, integer, number, object, string (write type: boolean)`},
		"a remote reference":      {`In: {type: object, properties: {a: {$ref: "http://x/y.yaml#/A"}}}`, "$ref may only name a type of this file"},
		"a file reference":        {`In: {type: object, properties: {a: {$ref: "file:///etc/passwd"}}}`, "$ref may only name a type of this file"},
		"a path as reference":     {`In: {type: object, properties: {a: {$ref: "#/components/schemas/B"}}}`, `$ref must name a type of this file, got "#/components/schemas/B", want "#/TypeName" (write "#/B")`},
		"a reference to nothing":  {`In: {type: object, properties: {a: {$ref: "#/Im"}}}`, `$ref names a type that does not exist, got "Im", want a key of types (did you mean "In"?)`},
		"a reference to itself":   {"In: {type: object, properties: {a: {$ref: \"#/A\"}}}\nA: {$ref: \"#/B\"}\nB: {$ref: \"#/A\"}", "$ref leads back to itself"},
		"a combination of itself": {"In: {type: object, properties: {a: {$ref: \"#/A\"}}}\nA: {allOf: [{$ref: \"#/A\"}]}", "the type contains itself through allOf"},
		"required on a property":  {`In: {type: object, properties: {a: {type: string, required: true}}}`, "required must be a list of names"},
		"an input that is a text": {`In: {type: string}`, `the type "In" is named as environment_input_type and must be an object`},
		"a missing input type":    {`Inn: {type: object}`, `environment_input_type names a type that does not exist, got "In", want a key of types (did you mean "Inn"?)`},
		"a name that is too long": {`In: {type: object, properties: {` + strings.Repeat("a", 101) + `: {type: string}}}`, "a parameter name is too long"},
		"a number as bound":       {`In: {type: object, properties: {a: {type: number, minimum: x}}}`, `minimum must be a number, got "x"`},
		"a bound of a later kind": {`In: {type: object, properties: {a: {type: number, exclusiveMinimum: 5}}}`, "exclusiveMinimum must be a boolean, got the number 5"},
		"a type that is a text":   {`In: hello`, `a type must be a mapping, got "hello"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := compile(t, tt.types)
			found := false
			for _, p := range problems {
				found = found || !p.Warning && strings.HasPrefix(strings.SplitN(p.String(), ": ", 2)[1], tt.want) && p.Line > 0 && p.Column > 0
			}
			if !found {
				t.Errorf("got\n%s\nwant %s", lines(problems), tt.want)
			}
		})
	}
}

func TestCompileSchemaBounds(t *testing.T) {
	t.Parallel()
	doubling := "In: {type: object, properties: {a: {$ref: \"#/T0\"}}}\n"
	for _, next := range []string{"0 1", "1 2", "2 3", "3 4", "4 5", "5 6", "6 7", "7 8", "8 9", "9 10", "10 11", "11 12"} {
		a, b, _ := strings.Cut(next, " ")
		doubling += "T" + a + ": {allOf: [{$ref: \"#/T" + b + "\"}, {$ref: \"#/T" + b + "\"}]}\n"
	}
	doubling += "T12: {type: object}\n"
	if _, problems := compile(t, doubling); !strings.Contains(lines(problems), "expand to too many rules") {
		t.Errorf("doubling types were accepted: %s", lines(problems))
	}
	tree := mustCompile(t, `
In: {type: object, properties: {a: {$ref: "#/Tree"}}}
Tree: {type: object, properties: {n: {type: string}, kid: {anyOf: [{$ref: "#/Tree"}, {$ref: "#/Tree"}, {$ref: "#/Tree"}]}}}
`)
	spec := "a: " + strings.Repeat("{kid: ", 60) + "{n: []}" + strings.Repeat("}", 60)
	_, problems := check(t, tree, spec, CheckOptions{})
	if !strings.Contains(lines(problems), "too much work") {
		t.Errorf("endless work was not stopped: %s", lines(problems))
	}
}

func TestCompileSchemaWarns(t *testing.T) {
	t.Parallel()
	_, problems := compile(t, `
In:
  type: object
  propertys: {}
  required: [b]
  properties:
    a: {type: number, maxLength: 3}
    l: {type: array}
    r: {$ref: "#/R", default: x}
R: {properties: {x: {type: string}}}
`)
	want := `s.yaml:7:7: warning: the schema keyword "propertys" is not known and has no effect (did you mean "properties"?)
s.yaml:8:18: warning: the required name "b" is not one of the properties (add it under properties)
s.yaml:10:27: warning: maxLength has no effect on type number (remove it)
s.yaml:11:12: warning: an array should say what its items are (add items with a type)
s.yaml:12:26: warning: default beside $ref has no effect (write it into the type that $ref names)
s.yaml:13:8: warning: a type with properties should say type: object (add type: object)`
	if diff := cmp.Diff(want, lines(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestCompileSchemaTop(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"another OpenAPI": {"schema:\n  format: {openapi: \"3.1.0\"}\n", `s.yaml:2:21: the schema must be of OpenAPI 3.0, got "3.1.0", want "3.0.0"`},
		"no format":       {"schema:\n  types: {}\n", `s.yaml:2:3: schema needs the key "format"`},
		"no schema":       {"types: {}\n", `s.yaml:1:1: the schema file needs the key "schema"`},
		"types as a list": {"schema:\n  format: {openapi: \"3.0.0\"}\n  types: [a]\n", `s.yaml:3:10: types must be a mapping, got a list`},
		"no YAML":         {"a: [", `s.yaml:1:`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := CompileSchema("s.yaml", []byte(tt.text), Limits{})
			if !problems.Failed() || !strings.HasPrefix(lines(problems), tt.want) && !strings.Contains(lines(problems), "\n"+tt.want) {
				t.Errorf("got\n%s\nwant %s", lines(problems), tt.want)
			}
		})
	}
}
