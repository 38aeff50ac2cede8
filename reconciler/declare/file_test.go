package declare_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/state"
)

var _ declare.Tree = (*gitsource.Tree)(nil)

const prod = "proton: EnvironmentSpec\nbaryon: {environment: prod, template: t, version: \"1\"}\n"

func TestVerdictOfAFile(t *testing.T) {
	t.Parallel()
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 8 {
		n := string(rune('0' + i))
		next := string(rune('1' + i))
		bomb += "a" + next + ": &a" + next + " [" + strings.Repeat("*a"+n+", ", 10) + "]\n"
	}
	spec := func(bytes int) string { return prod + "spec:\n  a: " + strings.Repeat("x", bytes) + "\n" }
	left := len("proton: EnvironmentSpec\nspec:\n  a: \n")
	for name, tt := range map[string]struct {
		text    string
		verdict declare.Verdict
		say     string // in the reason or the problems
		unread  bool
	}{
		"a document":                             {prod, declare.VerdictDocument, "environment/prod", false},
		"nothing":                                {"", declare.VerdictIgnored, "no document has the key baryon", false},
		"a large file of somebody else":          {strings.Repeat("a: baryon\n", 200_000), declare.VerdictIgnored, "larger than", false},
		"a large file of ours":                   {strings.Repeat("# filler\n", 200_000) + prod, declare.VerdictRefused, "x.yaml:200002:1: the file is too large", true},
		"a file too large to be looked at":       {prod + strings.Repeat("# filler\n", 2_000_000), declare.VerdictIgnored, "larger than 16777216 bytes", true},
		"a spec of the largest size":             {spec(declare.MaxSpec - left), declare.VerdictDocument, "environment/prod", false},
		"a spec that is too large":               {spec(declare.MaxSpec - left + 1), declare.VerdictRefused, "x.yaml:1:1: the spec is too large, got 51201 bytes, want at most 51200", false},
		"another encoding":                       {"\xff\xfeb\x00a\x00", declare.VerdictIgnored, "not UTF-8 text", false},
		"a document with a foreign byte":         {prod + "spec: {a: \xe9}\n", declare.VerdictRefused, "x.yaml:3:11: the file is not UTF-8, got byte 0xE9", true},
		"a document with a control character":    {prod + "spec: {a: \x07}\n", declare.VerdictRefused, "x.yaml:3:11: a control character", true},
		"an alias bomb beside the header":        {prod + "spec:\n  " + strings.ReplaceAll(bomb, "\n", "\n  "), declare.VerdictRefused, "too many values once aliases are expanded", true},
		"an alias bomb that mentions baryon":     {bomb + "b: baryon\n", declare.VerdictIgnored, "no line begins with baryon:", false},
		"deep nesting":                           {prod + "spec: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "\n", declare.VerdictRefused, "nested too deeply", true},
		"many documents":                         {strings.Repeat("---\nbaryon: {}\n", 1001), declare.VerdictRefused, "x.yaml:2002:1: the file holds too many documents, got 1001 documents", true},
		"documents of others beside one of ours": {"a: {{ x }}\n---\n" + prod, declare.VerdictDocument, "environment/prod", false},
		"a marker inside a block text":           {"a: |\n  ---\n  baryon: x\n---\n" + prod, declare.VerdictDocument, "environment/prod", false},
		"the key without a value behind it":      {"proton: EnvironmentSpec\nbaryon:\n", declare.VerdictRefused, "x.yaml:2:8: baryon must be a mapping, got nothing", true},
		"two keys baryon":                        {prod + "baryon: {}\n", declare.VerdictRefused, "x.yaml:3:1: the key \"baryon\" is given twice, got first at line 2, column 1", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := read(t, map[string]string{"x.yaml": tt.text}, nil, declare.Options{})
			f := d.Files[0]
			if f.Verdict != tt.verdict || f.Unread != tt.unread {
				t.Errorf("verdict = %s, unread = %v; want %s, %v", f.Verdict, f.Unread, tt.verdict, tt.unread)
			}
			if said := f.Reason + "\n" + d.Problems.Error(); !strings.Contains(said, tt.say) {
				t.Errorf("said %.400s, want it to hold %q", said, tt.say)
			}
		})
	}
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	noVersion := "proton: EnvironmentSpec\nbaryon: {environment: dev, template: t}\n"
	service := "proton: ServiceSpec\nbaryon: {service: shop, template: t}\ninstances: []\n"
	for name, tt := range map[string]struct {
		text string
		ref  state.Ref
		want bool
	}{
		"a broken document keeps its own name":          {noVersion, state.EnvironmentRef("dev"), true},
		"and no other":                                  {noVersion, state.EnvironmentRef("prod"), false},
		"nor the same name of another kind":             {noVersion, state.ServiceRef("dev"), false},
		"a broken service keeps its instances":          {service, state.InstanceRef("shop", "eu"), true},
		"and its pipeline":                              {service, state.PipelineRef("shop"), true},
		"but not those of another":                      {service, state.InstanceRef("other", "eu"), false},
		"a document without a name may mean any":        {"proton: EnvironmentSpec\nbaryon: {template: t}\n", state.EnvironmentRef("prod"), true},
		"so may a text that is no YAML":                 {"baryon: {environment: \n", state.ServiceRef("shop"), true},
		"a component without its files keeps its name":  {"baryon: {component: c, environment: e, files: none}\n", state.ComponentRef("c"), true},
		"a good document keeps nothing":                 {prod, state.EnvironmentRef("dev"), false},
		"a file that declares nothing keeps nothing":    {"a: 1\n", state.EnvironmentRef("dev"), false},
		"a document beside a broken one is its own man": {prod + "---\n" + noVersion, state.EnvironmentRef("staging"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := read(t, map[string]string{"x.yaml": tt.text}, nil, declare.Options{})
			if got := d.Keeper()(tt.ref, "x.yaml"); got != tt.want {
				t.Errorf("%s is kept: %v, want %v", tt.ref, got, tt.want)
			}
		})
	}
}

// TestHostileFilesCostLittle reads files of the largest size that are made to
// take long, or to say much.
func TestHostileFilesCostLittle(t *testing.T) {
	t.Parallel()
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	service := "proton: ServiceSpec\nbaryon: {service: s, template: t, version: 1"
	for name, tt := range map[string]struct{ text, want string }{
		"broken documents":         {strings.Repeat("---\nbaryon: {environment: a\n"+strings.Repeat("a: 'b\n", 150), 999), "499 more problems are not shown"},
		"one broken document":      {"baryon: {environment: a\n" + strings.Repeat("a: 'b\n", 170_000), "the spec is too large"},
		"unknown keys":             {"proton: EnvironmentSpec\nbaryon: {environment: a}\n" + many(9000, "k%d: 1\n"), "8502 more problems are not shown"},
		"keys close to ours":       {"proton: x\n" + strings.Repeat("barion:\n", 100_000), `"barion" was found`},
		"markers":                  {strings.Repeat("---\n", 250_000) + "baryon: {}\n", "x.yaml:250001:9: the header does not say"},
		"labels":                   {service + ", labels: {" + many(5000, "k%d: 1, ") + "}}\ninstances: []\n", "too many labels, got 5000, want at most 50"},
		"pins":                     {service + ", pins: {" + many(5000, "k%d: 1, ") + "}}\ninstances: []\n", "4500 more problems are not shown"},
		"instances":                {service + "}\ninstances: [" + many(3000, "{name: k%d, environment: e}, ") + "]\n", "x.yaml:3:583: the service has too many instances, got 3000, want at most 20"},
		"a flow text without ends": {"{proton: EnvironmentSpec, baryon: {environment: '" + strings.Repeat("x", 1_000_000), "no line begins with baryon:"},
		"braces":                   {prod[:len(prod)-1] + strings.Repeat(" #{", 30_000) + "\nspec: {}\n", "environment/prod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			d := read(t, map[string]string{"x.yaml": tt.text}, nil, declare.Options{})
			if spent := time.Since(start); spent > time.Minute {
				t.Errorf("reading took %s", spent)
			}
			if said := d.Files[0].Reason + "\n" + d.Problems.Error(); !strings.Contains(said, tt.want) {
				t.Errorf("said %.400s, want it to hold %q", said, tt.want)
			}
		})
	}
}
