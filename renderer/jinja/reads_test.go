package jinja

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReads(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ source, want string }{
		"a path":                  {"{{ a.b['c-d'][0].e }}", "a.b.c-d.[].e"},
		"inside text":             {"x {{ a }}-{{ b ~ a.c }}", "a b a.c"},
		"a call of a global":      {"{% for i in range(n) %}{{ i }}{% endfor %}", "n"},
		"what has a default":      {"{{ a.b | default(c) }}", "a.b? c"},
		"what is tested":          {"{% if a.b is defined and a.c == 'x' %}{% endif %}", "a.b? a.c"},
		"a loop":                  {"{% for i in a.list %}{{ i.x }}{{ loop.index }}{% endfor %}", "a.list a.list.[].x"},
		"a loop over pairs":       {"{% for k, v in a.map.items() %}{{ k }}{{ v.x }}{% endfor %}", "a.map a.map.[].x"},
		"a loop that hides":       {"{% for a in a.list %}{{ a.x }}{% endfor %}{{ a.y }}", "a.list a.list.[].x a.y"},
		"an assignment":           {"{% set x = a.b %}{{ x.c }}", "a.b a.b.c"},
		"two assignments":         {"{% if c %}{% set x = a %}{% else %}{% set x = b %}{% endif %}{{ x.y }}", "c a b"},
		"a method":                {"{{ a.b.split(',')[0] }}{{ a.m.get('k') }}", "a.b a.m.k?"},
		"a key that may be there": {"{% if 'k' in a.m %}{% endif %}{% if a.x in a.m %}{% endif %}", "a.m.k? a.x a.m"},
		"a computed key":          {"{{ a[b.c].d }}", "a.[].d b.c"},
		"a macro":                 {"{% macro m(x, y=a.z) %}{{ x }}{{ b.c }}{% endmacro %}{{ m(a.q) }}", "a.z b.c a.q"},
		"raw text and comments":   {"{% raw %}{{ a }}{% endraw %}{# {{ b }} #}", ""},
		"a filter with arguments": {"{{ a.b | truncate(a.n) | upper }}", "a.b a.n"},
		"a looked-into default":   {"{{ (a.b | default({})).c }}", "a.b.c a.b?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmpl, err := Parse("t", tt.source, Config{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range tmpl.Reads() {
				text := strings.Join(r.Path, ".")
				if r.Guarded {
					text += "?"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
		})
	}
}
