package yamledit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const service = `# The shop.
proton: ServiceSpec
baryon:
  service: shop   # ours
  version: "1"
  pins: {prod: "1.10"}

pipeline: {service_dir: shop}
instances:
  # first here
  - name: dev
    environment: dev
    spec:
      image: 'shop:1'   # what runs
      count: 1
      note: |
        two
          lines

      list:
        - a
        - b
  - {name: prod, environment: prod, spec: {count: 4, "image": "shop:1"}}   # flow
# the end
---
other: &anchor {a: 1}
more: *anchor
`

func instance(name string, rest ...Step) []Step {
	return append([]Step{{Key: "instances"}, {Item: name}, {Key: "spec"}}, rest...)
}

func item(name string) []Step { return []Step{{Key: "list"}, {Item: name}} }

func keys(names ...string) (path []Step) {
	for _, name := range names {
		path = append(path, Step{Key: name})
	}
	return path
}

func TestApply(t *testing.T) {
	t.Parallel()
	full := "{image: 'shop:1', count: 1, note: \"two\\n  lines\\n\", list: [a, b]}"
	for name, tt := range map[string]struct {
		from  string // service when empty
		line  int
		path  []Step
		value string      // YAML; - takes it away
		want  [][2]string // what is replaced by what, nothing else
		fails string
	}{
		"nothing differs":                   {path: instance("dev"), value: full},
		"a quoted scalar keeps its quotes":  {path: instance("dev"), value: strings.Replace(full, "'shop:1'", "shop:2", 1), want: [][2]string{{"'shop:1'   #", "'shop:2'   #"}}},
		"a number":                          {path: instance("dev"), value: strings.Replace(full, "count: 1", "count: 12", 1), want: [][2]string{{"count: 1\n", "count: 12\n"}}},
		"a string that looks like a number": {path: instance("dev", Step{Key: "count"}), value: `"1"`, want: [][2]string{{"count: 1\n", "count: \"1\"\n"}}},
		"in a flow mapping":                 {path: instance("prod"), value: "{count: 8, image: 'shop:2'}", want: [][2]string{{`{count: 4, "image": "shop:1"}`, `{count: 8, "image": "shop:2"}`}}},
		"a new key in a flow mapping":       {path: instance("prod"), value: "count: 4\nimage: shop:1\nextra:\n  a: [1]\n", want: [][2]string{{`"shop:1"}}`, `"shop:1", extra: {a: [1]}}}`}}},
		"a key less in a flow mapping":      {path: instance("prod"), value: "image: shop:1", want: [][2]string{{`{count: 4, "image"`, `{"image"`}}},
		"the last key less":                 {path: instance("prod"), value: "count: 4", want: [][2]string{{`, "image": "shop:1"`, ""}}},
		"a new key in a block mapping":      {path: instance("dev", Step{Key: "size"}), value: "{a: 1}", want: [][2]string{{"        - b\n", "        - b\n      size: {a: 1}\n"}}},
		"a key less in a block mapping":     {path: instance("dev", Step{Key: "note"}), value: "-", want: [][2]string{{"      note: |\n        two\n          lines\n", ""}}},
		"a block scalar":                    {path: instance("dev", Step{Key: "note"}), value: `"three\nlines\n"`, want: [][2]string{{"|\n        two\n          lines", "\"three\\nlines\\n\""}}},
		"an item more":                      {path: instance("dev", Step{Key: "list"}), value: "[a, b, c: 1]", want: [][2]string{{"        - b\n", "        - b\n        - {c: 1}\n"}}},
		"an item less":                      {path: instance("dev", Step{Key: "list"}), value: "[a]", want: [][2]string{{"        - b\n", ""}}},
		"an item changes":                   {path: instance("dev", Step{Key: "list"}), value: "[x, b]", want: [][2]string{{"- a\n", "- x\n"}}},
		"a list for a scalar":               {path: instance("dev", Step{Key: "count"}), value: "- 1\n- 2\n", want: [][2]string{{"count: 1\n", "count:\n        - 1\n        - 2\n"}}},
		"a scalar for a list":               {path: instance("dev", Step{Key: "list"}), value: "none", want: [][2]string{{"list:\n        - a\n        - b", "list: none"}}},
		"a version":                         {path: keys("baryon", "version"), value: `"1.2"`, want: [][2]string{{`version: "1"`, `version: "1.2"`}}},
		"a pin changes":                     {path: keys("baryon", "pins", "prod"), value: `"1.11"`, want: [][2]string{{`"1.10"`, `"1.11"`}}},
		"a pin more":                        {path: keys("baryon", "pins", "dev"), value: `"1.1"`, want: [][2]string{{`"1.10"}`, `"1.10", dev: "1.1"}`}}},
		"the first pin of a block header": {
			from: "baryon:\n  service: shop # it\n  pins:\ninstances: []", path: keys("baryon", "pins", "a"), value: `"1.1"`,
			want: [][2]string{{"  pins:\n", "  pins:\n    a: \"1.1\"\n"}},
		},
		"pins are new":             {from: "baryon:\n  service: shop # it\ninstances: []", path: keys("baryon", "pins", "a"), value: `"1.1"`, want: [][2]string{{"# it\n", "# it\n  pins:\n    a: \"1.1\"\n"}}},
		"pins are new in a flow":   {from: "baryon: {service: shop}\n", path: keys("baryon", "pins", "a"), value: `"1.1"`, want: [][2]string{{"shop}", `shop, pins: {a: "1.1"}}`}}},
		"no line break at the end": {from: "spec:\n  a: 1", path: keys("spec"), value: "{a: 1, b: 2}", want: [][2]string{{"a: 1", "a: 1\n  b: 2"}}},
		"line breaks of Windows":   {from: "spec:\r\n  a: 1\r\n", path: keys("spec"), value: "{a: 2, b: 2}", want: [][2]string{{"a: 1\r\n", "a: 2\r\n  b: 2\r\n"}}},
		"a byte order mark":        {from: "\ufeffspec:\n  a: 1\n", path: keys("spec"), value: "{a: 2}", want: [][2]string{{"a: 1", "a: 2"}}},
		"beyond ASCII":             {from: "spec: {ä: ö, b: 1} # ü\n", path: keys("spec"), value: "{ä: é, b: 2}", want: [][2]string{{"ö, b: 1", "é, b: 2"}}},
		"null becomes something":   {from: "spec:\n  a:   # why\n  b: 1\n", path: keys("spec"), value: "{a: x, b: 1}", want: [][2]string{{"a:   #", "a: x   #"}}},
		"all keys are others":      {from: "spec: {a: 1} # c\n", path: keys("spec"), value: "{b: 1}", want: [][2]string{{"{a: 1}", "{b: 1}"}}},
		"JSON":                     {from: "{\"spec\": {\"a\": \"b\",\n \"c\": [1, 2]}}", path: keys("spec"), value: "{a: x, c: [1]}", want: [][2]string{{`"b"`, `"x"`}, {"[1, 2]", "[1]"}}},
		"a new instance": {path: []Step{{Key: "instances"}, {Item: "test"}}, value: "name: test\nenvironment: dev\nspec: {count: 2}", want: [][2]string{
			{"# flow\n", "# flow\n  - name: test\n    environment: dev\n    spec: {count: 2}\n"},
		}},
		"an instance less": {path: []Step{{Key: "instances"}, {Item: "prod"}}, value: "-", want: [][2]string{
			{"  - {name: prod, environment: prod, spec: {count: 4, \"image\": \"shop:1\"}}   # flow\n", ""},
		}},
		"an instance that was not there less": {path: []Step{{Key: "instances"}, {Item: "test"}}, value: "-"},
		"the first item of a flow":            {from: "list: [{name: a}, {name: b}] # c\n", path: item("a"), value: "-", want: [][2]string{{"{name: a}, ", ""}}},
		"an item more in a flow":              {from: "list: [{name: a}] # c\n", path: item("b"), value: "name: b", want: [][2]string{{"{name: a}]", "{name: a}, {name: b}]"}}},
		"the first item of all":               {from: "list: [] # none\n", path: item("a"), value: "{name: a}", want: [][2]string{{"list: []", "list:\n  - {name: a}"}}},
		"the first item where nothing is":     {from: "list: # none\nb: 1\n", path: item("a"), value: "{name: a}", want: [][2]string{{"list: #", "list:\n  - {name: a} #"}}},
		"the second document":                 {from: "a: 1\n---\n# two\na: 1\n", line: 4, path: keys("a"), value: "2", want: [][2]string{{"# two\na: 1", "# two\na: 2"}}},

		"an alias":               {from: "base: &b {x: 1}\nspec: *b\n", path: keys("spec"), value: "{x: 2}", fails: "f.yaml:2:7: this is an alias"},
		"an anchor":              {from: "spec: &b {x: 1}\nmore: *b\n", path: keys("spec"), value: "{x: 2}", fails: "f.yaml:1:7: this has an anchor"},
		"a merge key":            {from: "base: &b {x: 1}\nspec:\n  <<: *b\n  y: 1\n", path: keys("spec"), value: "{x: 1, y: 2}", fails: "f.yaml:3:3: a mapping with this key"},
		"a scalar of many lines": {from: "spec:\n  a: one\n    two\n", path: keys("spec"), value: "{a: 1}", fails: "f.yaml:2:6: the end of this value cannot be told"},
		"an anchor in the spec":  {path: instance("prod"), value: "{count: &n 4, image: *n}", fails: "has anchors"},
		"an unknown instance":    {path: instance("test"), value: "{}", fails: "there is no item named test"},
		"the last item":          {from: "list:\n  - name: a\n", path: item("a"), value: "-", fails: "nothing would be left"},
		"an item of no list":     {from: "list: {a: 1}\n", path: item("a"), value: "{name: a}", fails: "this is no list"},
		"a broken neighbour":     {from: "a: 1\n---\nb: [\n", path: keys("a"), value: "2", fails: "the file cannot be read as a whole"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := tt.from
			if from == "" {
				from = service
			}
			edit := Edit{Path: tt.path}
			if tt.value != "-" {
				var doc yaml.Node
				if err := yaml.Unmarshal([]byte(tt.value), &doc); err != nil {
					t.Fatal(err)
				}
				edit.Value = doc.Content[0]
			}
			got, err := Apply("f.yaml", []byte(from), max(tt.line, 2), edit)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("got %q, %v, want %q", got, err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := from
			for _, change := range tt.want {
				if strings.Count(want, change[0]) != 1 {
					t.Fatalf("%q is not once in the text", change[0])
				}
				want = strings.Replace(want, change[0], change[1], 1)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
