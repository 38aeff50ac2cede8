package terraform_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"baryon/provisioner/terraform"
)

// TestDeepCode shows that no code ends the daemon that reads it: the parser calls
// itself for each level and operator.
func TestDeepCode(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"brackets": "[", "parentheses": "(", "braces": "{a=", "blocks": "a {\n", "nots": "!", "minuses": "-", "sums": "1+", "texts": "\"${", "choices": "a?a:",
		"choices in the middle": "a?", "calls": "f(", "splats": "a[*]", "loops": "[for x in ", "directives": "\"%{if true}", "heredocs": "<<E\n${", "fields": "a.", "indices": "a[0]",
		"lines in brackets": "[\n", "sums over lines": "(1+\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := "x = "
			if name == "blocks" {
				begin = ""
			}
			for _, file := range []string{"main.tf", "template"} {
				files := fstest.MapFS{"main.tf": {Data: []byte(begin + strings.Repeat(part, 60_000) + "1")}}
				if file == "template" {
					files = fstest.MapFS{
						"main.tf": {Data: []byte("locals {\n  x = templatefile(\"./x.tpl\", {})\n}\n")},
						"x.tpl":   {Data: []byte("${" + strings.Repeat(part, 5_000) + "1")},
					}
				}
				problems, _ := terraform.Policy{}.Check(files)
				if len(problems) == 0 {
					t.Errorf("%s: nothing is said of it", file)
				}
			}
		})
	}
}

// TestLongCode reads what is long and neither deep nor chained.
func TestLongCode(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"a long list":    "locals {\n  x = [" + strings.Repeat("\"a\", ", 20_000) + "]\n}\n",
		"a long object":  "locals {\n  x = {\n" + strings.Repeat("    a = { b = [1, 2] }\n", 5_000) + "  }\n}\n",
		"many resources": strings.Repeat("resource \"terraform_data\" \"a\" {\n  input = \"${var.x.y[0]} and ${!true ? -1 : 2}\"\n}\n", 5_000),
		"a long text":    "locals {\n  x = <<-E\n" + strings.Repeat("    ${a} b ${c}\n", 5_000) + "  E\n}\n",
		"a long sum":     "locals {\n  x = 1" + strings.Repeat(" + 1", 900) + "\n}\n",
	} {
		if problems, _ := (terraform.Policy{}).Check(fstest.MapFS{"main.tf": {Data: []byte(code)}}); len(problems) > 0 {
			t.Errorf("%s: %.300q", name, problems)
		}
	}
}
