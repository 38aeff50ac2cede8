package terraform_test

import (
	"strings"
	"testing"

	"baryon/provisioner"

	"github.com/google/go-cmp/cmp"
)

// TestOutputs hands on every type: texts as they are, all else as JSON, nothing
// that is null, empty, sensitive or too long for Proton.
func TestOutputs(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, here place) {
		code := `
output "text" { value = "a \"b\" ${"$"}{c} ü \U0001F600" }
output "number" { value = 10000000000000001 }
output "fraction" { value = 0.1 }
output "yes" { value = true }
output "list" { value = ["a", 1, null] }
output "set" { value = toset(["b", "a"]) }
output "object" { value = { b = { c = [true] }, a = "x<y&z" } }
output "map" { value = tomap({ k = "v" }) }
output "nothing" { value = null }
output "empty" { value = "" }
output "no_items" { value = [] }
output "lines" { value = "one\ntwo" }
output "long" { value = join("", [for i in range(1000) : "xx"]) }
output "hush" {
  value     = { deep = "canary" }
  sensitive = true
}
resource "terraform_data" "a" { input = sensitive("canary") }
output "derived" {
  value     = "${terraform_data.a.output}!"
  sensitive = true
}
`
		p, log := end(t, here.engine(t, nil), job("one", code))
		if p.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", p.Message, log)
		}
		want := map[string]string{
			"text": "a \"b\" ${c} ü 😀", "number": "10000000000000001", "fraction": "0.1", "yes": "true", "list": `["a",1,null]`, "set": `["a","b"]`,
			"object": `{"a":"x\u003cy\u0026z","b":{"c":[true]}}`, "map": `{"k":"v"}`, "no_items": "[]", "lines": "one\ntwo",
		}
		if diff := cmp.Diff(want, p.Outputs); diff != "" {
			t.Errorf("outputs (-want +got):\n%s", diff)
		}
		for _, line := range []string{`Output "long" is left out: it has 2000 characters, want at most 1024.`, `Output "hush" is sensitive and not kept.`, `Output "derived" is sensitive and not kept.`} {
			if !strings.Contains(log, line) {
				t.Errorf("log lacks %q:\n%s", line, log)
			}
		}
		if strings.Contains(log, "canary") {
			t.Errorf("log tells a secret:\n%s", log)
		}
	})
}

// TestOddCode runs code of kinds that have gone wrong elsewhere.
func TestOddCode(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, here place) {
		for name, tt := range map[string]struct {
			code    string
			state   provisioner.State
			changes int
			says    string // in the message or the log
		}{
			"nothing at all":         {"", provisioner.Succeeded, 0, "Apply complete! Resources: 0 added"},
			"comments only":          {"# nothing\n", provisioner.Succeeded, 0, ""},
			"a version not met":      {"terraform {\n  required_version = \">= 99.0\"\n}\n", provisioner.Failed, 0, " Core version"},
			"a provider nobody has":  {"terraform {\n  required_providers {\n    x = { source = \"acme/x\" }\n  }\n}\nresource \"x_y\" \"z\" {}\n", provisioner.Failed, 0, "or let the operator set terraform.network: true"},
			"many resources":         {"resource \"terraform_data\" \"a\" {\n  count = 120\n  input = count.index\n}\n", provisioner.Succeeded, 120, "120 added"},
			"a backend of its own":   {"terraform {\n  backend \"s3\" {\n    bucket = \"x\"\n    key = \"y\"\n    region = \"z\"\n  }\n}\n", provisioner.Succeeded, 0, "backend \"s3\" has no effect"},
			"names with letters":     {"resource \"terraform_data\" \"größe\" {}\n", provisioner.Succeeded, 1, "terraform_data.größe"},
			"keys with anything":     {"resource \"terraform_data\" \"a\" {\n  for_each = toset([\"x y\", \"ü/\\\"\", \"\\n\"])\n}\n", provisioner.Succeeded, 3, "3 added"},
			"a check that warns":     {"resource \"terraform_data\" \"a\" { input = 1 }\ncheck \"c\" {\n  assert {\n    condition     = terraform_data.a.output == 2\n    error_message = \"it is odd\"\n  }\n}\n", provisioner.Succeeded, 1, "it is odd"},
			"a variable without one": {"variable \"needed\" {}\n", provisioner.Failed, 0, "No value for required variable"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, log := end(t, here.another(t).engine(t, nil), job("one", tt.code))
				if p.State != tt.state || len(p.Changes) != tt.changes || !strings.Contains(p.Message+log, tt.says) {
					t.Errorf("%s %q, %d changes; want %s, %d and %q\n%.3000s", p.State, p.Message, len(p.Changes), tt.state, tt.changes, tt.says, log)
				}
			})
		}
	})
}

// TestMoved renames a resource without making it anew, and tells of it.
func TestMoved(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, here place) {
		e := here.engine(t, nil)
		if p, log := end(t, e, job("one", "resource \"terraform_data\" \"old\" { input = 1 }\n")); p.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", p.Message, log)
		}
		p, log := end(t, e, job("two", "resource \"terraform_data\" \"new\" { input = 1 }\nmoved {\n  from = terraform_data.old\n  to   = terraform_data.new\n}\n"))
		want := []provisioner.ResourceChange{{Address: "terraform_data.new", Action: "move"}}
		if diff := cmp.Diff(want, p.Changes); diff != "" || !strings.Contains(log, "0 added, 0 changed, 0 destroyed") {
			t.Errorf("%s %s: changes (-want +got):\n%s\n%s", p.State, p.Message, diff, log)
		}
		p, log = end(t, e, job("three", "removed {\n  from = terraform_data.new\n  lifecycle {\n    destroy = false\n  }\n}\n"))
		want = []provisioner.ResourceChange{{Address: "terraform_data.new", Action: "forget"}}
		if diff := cmp.Diff(want, p.Changes); diff != "" {
			t.Errorf("%s %s: changes (-want +got):\n%s\n%s", p.State, p.Message, diff, log)
		}
	})
}
