package jinja_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"baryon/renderer/jinja"
)

// hostile are templates that ask for far too much. Each must be an ordinary
// error in little time and memory.
var hostile = map[string]string{
	"a loop over a huge range":                 "{% for i in range(10**9) %}{% endfor %}",
	"a loop that prints":                       "{% for i in range(10**9) %}x{% endfor %}",
	"a list of a huge range":                   "{{ range(10**9)|list }}",
	"a sum over a huge range":                  "{{ range(10**12)|sum }}",
	"joining a huge range":                     "{{ range(10**9)|join }}",
	"sorting a huge range":                     "{{ range(10**9)|sort }}",
	"a search in a huge range":                 "{{ 'x' in range(10**9) }}",
	"reversing a huge range":                   "{{ range(10**9)|reverse|list }}",
	"catastrophic nesting of loops":            "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}{{ a }}{% endfor %}{% endfor %}{% endfor %}",
	"nested loops that do nothing":             "{% for a in range(9999) %}{% for b in range(9999) %}{% if 0 %}{% endif %}{% endfor %}{% endfor %}",
	"endless recursion of a macro":             "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
	"recursion with values":                    "{% macro m(x) %}{% set y = m(x ~ x) %}{{ y }}{% endmacro %}{{ m('ab') }}",
	"recursion of two macros":                  "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
	"recursion of a call block":                "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
	"recursion of a loop":                      "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
	"recursion of a block":                     "{% block b %}{{ self.b() }}{% endblock %}",
	"exponential recursion":                    "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(100) }}",
	"exponential concatenation":                "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
	"exponential addition":                     "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
	"exponential lists":                        "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
	"exponential printing of shared lists":     "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
	"exponential comparison of shared lists":   "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
	"exponential JSON of shared lists":         "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}",
	"exponential pprint of shared lists":       "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|pprint }}",
	"a value nested without end":               "{% set ns = namespace(a=[]) %}{% for i in range(10**6) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
	"comparing values nested without end":      "{% set ns = namespace(a=[], b=[]) %}{% for i in range(10**5) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
	"keys nested without end":                  "{% set ns = namespace(a=()) %}{% for i in range(10**5) %}{% set ns.a = (ns.a,) %}{% endfor %}{{ {ns.a: 1} }}",
	"JSON of values nested without end":        "{% set ns = namespace(a=[]) %}{% for i in range(10**5) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a|tojson }}",
	"JSON of a list in itself":                 "{% set a = [] %}{{ a.append(a) or '' }}{{ a|tojson }}",
	"comparing lists in themselves":            "{% set a = [] %}{% set b = [] %}{{ a.append(a) or '' }}{{ b.append(b) or '' }}{{ a == b }}",
	"generators without end":                   "{% set ns = namespace(g=[1]) %}{% for i in range(10**6) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}",
	"a list in a loop over itself":             "{% set a = [1] %}{% for x in a %}{{ a.append(x) or '' }}{% endfor %}",
	"extending a list by itself":               "{% set a = [1] %}{% for x in range(99) %}{{ a.extend(a) or '' }}{% endfor %}",
	"wrapping many short words":                "{{ ('a '*500000)|wordwrap(1)|length }}",
	"a % format of many long texts":            "{{ ('%s'*100000) % (('x'*1000,)*100000) }}",
	"centering":                                "{{ 'a'|center(2*10**9) }}",
	"the method center":                        "{{ 'a'.center(2*10**9) }}",
	"ljust":                                    "{{ 'a'.ljust(10**12, 'é') }}",
	"zfill":                                    "{{ 'a'.zfill(10**10) }}",
	"expandtabs":                               "{{ ('\\t'*1000).expandtabs(10**9) }}",
	"repeating a text":                         "{{ 'a' * 10**9 }}",
	"repeating a text 2**62 times":             "{{ 'ab' * 2**62 }}",
	"repeating a list":                         "{{ [1] * 10**9 }}",
	"repeating bytes":                          "{{ 'a'.encode() * 10**9 }}",
	"a wide number":                            "{{ '%1000000000d' % 1 }}",
	"a wide text":                              "{{ '%1000000000s' % 'a' }}",
	"a width from the arguments":               "{{ '%*d' % (10**9, 1) }}",
	"a precise number":                         "{{ '%.1000000000d' % 1 }}",
	"a precise float":                          "{{ '%.1000000000f' % 1 }}",
	"a width in a format":                      "{{ '{:1000000000}'.format(1) }}",
	"a grouped width in a format":              "{{ '{:01000000000,}'.format(1) }}",
	"a precision in a format":                  "{{ '{:.1000000000f}'.format(1.0) }}",
	"a nested width":                           "{{ '{:{}}'.format(1, 10**9) }}",
	"a huge power":                             "{{ 10**(10**9) }}",
	"a power of a power":                       "{{ (2**(2**19)) ** 2**19 }}",
	"multiplying large numbers":                "{% set ns = namespace(a=3) %}{% for i in range(99) %}{% set ns.a = ns.a * ns.a %}{% endfor %}",
	"dividing large numbers":                   "{% set a = 3**600000 %}{% set b = 7**300000 %}{% for i in range(10**5) %}{% set c = a // b %}{% endfor %}",
	"printing a large number":                  "{{ 10**300000 }}",
	"formatting a large number":                "{% for i in range(10**5) %}{% set x = '%x' % 2**1000000 %}{% endfor %}",
	"hashing large numbers":                    "{% set a = 3**600000 %}{% for i in range(10**5) %}{% set x = {a: 1} %}{% endfor %}",
	"replacing":                                "{{ ('a'*10**6)|replace('a', 'b'*10**6) }}",
	"replacing nothing":                        "{{ ('a'*10**6).replace('', 'b'*10**6) }}",
	"joining with a long text":                 "{{ range(10**5)|join('a'*10**6) }}",
	"the method join":                          "{{ ('a'*10**6).join('b'*10**6) }}",
	"formatting again and again":               "{% set ns = namespace(f='%s%s') %}{% for i in range(99) %}{% set ns.f = ns.f % ('%s%s', '%s%s') %}{% endfor %}",
	"a batch filled up":                        "{{ [1]|batch(10**9, 'x')|list }}",
	"a slice into many":                        "{{ [1]|slice(10**9)|list }}",
	"indenting by much":                        "{{ ('a\\n'*10**5)|indent(10**5) }}",
	"wrapping with a long text":                "{{ ('a '*10**5)|wordwrap(1, true, 'x'*10**5) }}",
	"wrapping a long word":                     "{{ ('a'*10**6)|wordwrap(1)|length }}{{ ('a'*10**6)|wordwrap(1)|length }}{{ ('a'*10**6)|wordwrap(1)|length }}{{ ('a'*10**6)|wordwrap(1)|length }}",
	"JSON with a long indent":                  "{{ [[[[[1]]]]]|tojson('x'*10**7) }}",
	"escaping again and again":                 "{% set ns = namespace(a='<'*1000) %}{% for i in range(10**5) %}{% set ns.a = ns.a|forceescape %}{% endfor %}",
	"searching again and again":                "{% set a = 'a'*10**6 %}{% for i in range(10**6) %}{% if a.find('b') %}{% endif %}{% endfor %}",
	"comparing again and again":                "{% set a = 'a'*10**6 %}{% set b = 'a'*10**6 %}{% for i in range(10**6) %}{% if a == b %}{% endif %}{% endfor %}",
	"slicing again and again":                  "{% set a = 'é'*10**6 %}{% for i in range(10**6) %}{% if a[::-1] %}{% endif %}{% endfor %}",
	"indexing again and again":                 "{% set a = 'é'*10**6 %}{% for i in range(10**6) %}{% if a[999999] %}{% endif %}{% endfor %}",
	"the length again and again":               "{% set a = 'é'*10**6 %}{% for i in range(10**6) %}{% if a|length %}{% endif %}{% endfor %}",
	"splitting again and again":                "{% set a = 'a '*10**5 %}{% for i in range(10**6) %}{% if a.split() %}{% endif %}{% endfor %}",
	"counting words again and again":           "{% set a = 'a '*10**5 %}{% for i in range(10**6) %}{% if a|wordcount %}{% endif %}{% endfor %}",
	"testing case again and again":             "{% set a = 'a'*10**6 %}{% for i in range(10**6) %}{% if a is lower %}{% endif %}{% endfor %}",
	"testing characters again and again":       "{% set a = 'a'*10**6 %}{% for i in range(10**6) %}{% if a.isalpha() %}{% endif %}{% endfor %}",
	"stripping tags":                           "{{ ('<!--'*10**5 ~ '-->'*10**5)|striptags }}{{ 1/0 }}",
	"linking many words":                       "{{ ('http://a.com '*10**5)|urlize }}",
	"counting brackets in a long word":         "{{ ('('*10**6 ~ ')'*10**6)|urlize }}{{ ('(a'*10**5 ~ ')'*10**5)|urlize }}{{ 1/0 }}",
	"sorting again and again":                  "{% set a = range(10**4)|list %}{% for i in range(10**4) %}{% set b = a|sort %}{% endfor %}",
	"popping from the front":                   "{% set a = range(10**5)|list %}{% for i in range(10**5) %}{% if a.pop(0) %}{% endif %}{% endfor %}{{ 1/0 }}",
	"popping keys":                             "{% set d = dict.fromkeys(range(10**5)) %}{% for i in range(10**5) %}{% if d.pop(i) %}{% endif %}{% endfor %}{{ 1/0 }}",
	"a cycler of much":                         "{% set c = cycler(*range(10**8)) %}",
	"keyword arguments of much":                "{% macro m() %}{{ kwargs }}{% endmacro %}{% for i in range(10**6) %}{{ m(**{'a':1,'b':2,'c':3}) }}{% endfor %}",
	"lipsum":                                   "{{ lipsum(10**9) }}",
	"lipsum of long paragraphs":                "{{ lipsum(1, true, 10**9, 10**9+1) }}",
	"an argument list from a range":            "{{ [].append(*range(10**9)) }}",
	"parsing a long integer":                   "{{ ('1'*10**6)|int }}{{ 1/0 }}",
	"translating":                              "{{ ('a'*10**6).translate({97: 'b'*10**6}) }}",
	"encoding":                                 "{% for i in range(10**6) %}{% if ('a'*10**4).encode('ascii') %}{% endif %}{% endfor %}",
	"a set block that grows":                   "{% set ns = namespace(a='x') %}{% for i in range(99) %}{% set b %}{{ ns.a }}{{ ns.a }}{% endset %}{% set ns.a = b %}{% endfor %}",
	"grouping again and again":                 "{% for i in range(10**5) %}{% set g = range(1000)|groupby(0, default=1)|list %}{% endfor %}",
	"a template that asks for a far index":     "{{ range(2**62)[2**61] ~ range(-2**62, 2**62, 3)|length ~ 1/0 }}",
	"a sum of large numbers":                   "{% set a = 3**600000 %}{{ ([a]*10**5)|sum }}",
	"a round of a large number":                "{% set a = 3**600000 %}{% for i in range(10**5) %}{% set b = a|round(-1000) %}{% endfor %}",
	"writing a large integer again and again":  "{% set a = ('1'*4000)|int %}{% for i in range(10**6) %}{% if a|string %}{% endif %}{% endfor %}",
	"printing a large integer again and again": "{% set a = ('1'*4000)|int %}{% for i in range(10**6) %}{{ a }}{% endfor %}",
	"negating a large integer again and again": "{% set a = 2**(10**6) %}{% for i in range(10**6) %}{% set b = -a %}{% endfor %}",
	"comparing large integers again and again": "{% set a = 2**(10**6) %}{% set b = 2**(10**6) %}{% for i in range(10**6) %}{% if a == b and a <= b %}{% endif %}{% endfor %}",
	"comparing a large integer with a float":   "{% set a = 2**(10**6) %}{% for i in range(10**6) %}{% if a == 1.5 %}{% endif %}{% endfor %}",
	"dividing large integers into a float":     "{% set a = 3**600000 %}{% set b = 7**300000 %}{% for i in range(10**6) %}{% set c = b / a %}{% endfor %}",
	"JSON of a large integer again and again":  "{% set a = ('1'*4000)|int %}{% for i in range(10**6) %}{% if a|tojson %}{% endif %}{% endfor %}",
	"JSON again and again":                     "{% for i in range(10**6) %}{% if 1|tojson %}{% endif %}{% endfor %}",
	"formatting a large integer in decimal":    "{% set a = ('1'*4000)|int %}{% for i in range(10**6) %}{% if '%d' % a %}{% endif %}{% if '{:,}'.format(a) %}{% endif %}{% endfor %}",
	"pretty printing many lines":               "{{ ('\\n'*10**6)|pprint }}",
	"wrapping many lines":                      "{{ ('\\n'*10**6)|wordwrap(5, false) }}",
	"indenting many lines":                     "{{ ('\\n'*10**6)|indent(2, true, true) }}",
	"capitalising each character":              "{{ ('a'*10**6)|map('upper')|join }}",
	"sorting long texts":                       "{% set a = ['a'*10**5 ~ 'b', 'a'*10**5 ~ 'c']*500 %}{% for i in range(10**4) %}{% set b = a|sort %}{% endfor %}",
	"grouping by long texts":                   "{% set a = [{'k': 'a'*10**5}]*1000 %}{% for i in range(10**4) %}{% set b = a|groupby('k') %}{% endfor %}",
	"unique long texts":                        "{% set a = ['a'*10**5]*1000 %}{% for i in range(10**4) %}{% set b = a|unique|list %}{% endfor %}",
	"many braces to format":                    "{% set a = '{:>9}'*10**4 %}{% for i in range(10**4) %}{% if a.format(*([1]*10**4)) %}{% endif %}{% endfor %}",
	"nested format specifications":             "{{ ('{:'*10**5).format(*[1]*100) }}{{ 1/0 }}",
	"a sigma behind much that has no case":     "{% set a = '\\u0345'*10**5 ~ 'Σ' %}{% for i in range(10**5) %}{% if a|lower %}{% endif %}{% endfor %}",
	"many sigmas behind what has no case":      "{{ (('.' * 1000 ~ 'Σ')*1000)|lower|length }}{{ 1/0 }}",
	"a search with a long needle":              "{% set a = 'a'*10**6 %}{% set b = 'a'*10**3 ~ 'b' %}{% for i in range(10**5) %}{% if b in a %}{% endif %}{% endfor %}",
	"a cascade of generators":                  "{{ range(10**6)|map('string')|map('upper')|map('length')|select('odd')|reject('even')|batch(2)|map('first')|unique|list }}",
	"many arguments":                           "{% macro m() %}{{ varargs|length }}{% endmacro %}{% for i in range(10**6) %}{% if m(*range(1000)) %}{% endif %}{% endfor %}",
	"a deep expression built by a text":        "{{ '" + strings.Repeat("(", 5000) + "' ~ " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " }}",
	"many tags within one another":             strings.Repeat("{% if 1 %}", 5000) + strings.Repeat("{% endif %}", 5000),
	"many minuses":                             "{{ " + strings.Repeat("-", 20000) + "1 }}",
	"many nots":                                "{{ " + strings.Repeat("not ", 20000) + "1 }}",
	"many brackets":                            "{{ " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + " }}",
	"a long chain of filters":                  "{{ 'a'" + strings.Repeat("|upper", 20000) + " }}",
	"a long chain of operators":                "{{ 1" + strings.Repeat("+1", 20000) + " }}",
	"a long chain of attributes":               "{{ a" + strings.Repeat(".a", 20000) + " }}",
	"many ifs in one":                          "{{ 1" + strings.Repeat(" if 1 else 1", 20000) + " }}",
	"many elifs":                               "{% if 0 %}" + strings.Repeat("{% elif 0 %}", 20000) + "{% endif %}{{ 1/0 }}",
	"many variables":                           manyNames(20000) + "{{ nope }}",
	"a template that is too large":             strings.Repeat("x", 3<<20),
	"many lines of output":                     "{% for i in range(10**6) %}0123456789{% endfor %}",
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{%% set v%d = 1 %%}", i)
	}
	return b.String()
}

func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("what computes up to its limits, in one goroutine, is left out of short runs")
	}
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before := allocated()
			start := spent(t)
			tpl, err := jinja.Parse("t", source, jinja.Config{})
			if err == nil {
				_, err = tpl.Render(context.Background(), nil)
			}
			took := spent(t) - start
			bytes := allocated() - before
			var e *jinja.Error
			if !errors.As(err, &e) {
				t.Fatalf("err = %v, want an *Error", err)
			}
			if e.Line == 0 && !strings.Contains(e.Msg, "bytes") {
				t.Errorf("%v has no line", e)
			}
			t.Logf("%v, %d KiB: %v", took, bytes>>10, e)
			if limit := slower * time.Second; took > limit {
				t.Errorf("took %v, want less than %v: %v", took, limit, e)
			}
			if bytes > 64<<20 {
				t.Errorf("allocated %d MiB, want at most 64: %v", bytes>>20, e)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
