package renderer

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInputs(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, house)
	var got []string
	for _, in := range s.Environment.Inputs() {
		line := in.Path + " " + in.Type
		if in.Required {
			line += " required"
		}
		if in.Default != nil {
			line += fmt.Sprintf(" default=%v", in.Default)
		}
		if in.Rules != "" {
			line += " " + in.Rules
		}
		got = append(got, line)
		if in.Line == 0 || in.Column == 0 {
			t.Errorf("%s has no position", in.Path)
		}
	}
	want := `zone string required pattern ^[a-z]+$, minLength 2, maxLength 4
big integer default=9007199254740993
size string default=small enum small | large | 1.10
port number default=80 minimum 1, maximum 65535
ratio number minimum 0, exclusiveMinimum true, multipleOf 0.5
debug boolean
day string format date
subnets array of string minItems 1, maxItems 3, uniqueItems true
db object
db.name string required
db.engine string default=pg
db.replicas array of object
db.replicas[].zone string default=a
db.replicas[].next object
`
	if all := strings.Join(got, "\n"); !strings.HasPrefix(all, want) {
		t.Error(cmp.Diff(want, all))
	}
	if last := got[len(got)-1]; last != "maybe string" {
		t.Errorf("the last input is %q: a type that contains itself does not end", last)
	}
}

func TestJSONSchema(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `
In:
  type: object
  description: an input
  required: [zone, size]
  properties:
    zone: {type: string, minLength: 2}
    size: {type: integer, default: 1, minimum: 0, exclusiveMinimum: true, maximum: 5, enum: [1, 2]}
    maybe: {type: string, nullable: true}
    other: {$ref: "#/A~b"}
    labels: {type: object, additionalProperties: {type: string}}
A~b: {type: array, items: {type: object, additionalProperties: false, properties: {x: {oneOf: [{type: string}, {type: number}], not: {enum: [a]}}}}}
`)
	got, err := json.MarshalIndent(s.JSONSchema(s.Environment), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "$schema": "https://json-schema.org/draft/2020-12/schema",
 "$defs": {
  "In": {
   "type": "object",
   "description": "an input",
   "properties": {
    "zone": {
     "type": "string",
     "minLength": 2
    },
    "size": {
     "type": "integer",
     "exclusiveMinimum": 0,
     "maximum": 5,
     "default": 1,
     "enum": [
      1,
      2
     ]
    },
    "maybe": {
     "type": [
      "string",
      "null"
     ]
    },
    "other": {
     "$ref": "#/$defs/A~0b"
    },
    "labels": {
     "type": "object",
     "additionalProperties": {
      "type": "string"
     }
    }
   },
   "required": [
    "zone"
   ]
  },
  "A~b": {
   "type": "array",
   "items": {
    "type": "object",
    "properties": {
     "x": {
      "oneOf": [
       {
        "type": "string"
       },
       {
        "type": "number"
       }
      ],
      "not": {
       "enum": [
        "a"
       ]
      }
     }
    },
    "additionalProperties": false
   }
  }
 },
 "$ref": "#/$defs/In"
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestSpecJSONSchema(t *testing.T) {
	t.Parallel()
	s, problems := CompileSchema("s.yaml", []byte("schema:\n  format: {openapi: \"3.0.0\"}\n  service_input_type: A\n  pipeline_input_type: B\n  types: {A: {type: object, properties: {x: {type: string}}}, B: {type: object}}\n"), Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	got, err := s.SpecJSONSchema(ServiceTemplate).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["proton","instances"],"properties":{` +
		`"proton":{"const":"ServiceSpec"},"pipeline":{"$ref":"#/$defs/B"},"instances":{"type":"array","items":{"type":"object","required":["name","environment"],` +
		`"properties":{"name":{"type":"string","minLength":1},"environment":{"type":"string","minLength":1},"spec":{"$ref":"#/$defs/A"}}}}},` +
		`"$defs":{"A":{"type":"object","properties":{"x":{"type":"string"}},"additionalProperties":false},"B":{"type":"object"}}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if got, err := mustCompile(t, house).SpecJSONSchema(EnvironmentTemplate).MarshalJSON(); err != nil || !strings.Contains(string(got), `"spec":{"$ref":"#/$defs/In"}`) {
		t.Errorf("environment: %s, %v", got, err)
	}
}
