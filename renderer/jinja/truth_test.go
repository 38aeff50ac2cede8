package jinja

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPythonsResults compares with what Python's Jinja2 does with templates of
// one feature each. An error where Python errs counts as equal.
func TestPythonsResults(t *testing.T) {
	t.Parallel()
	corpus := os.Getenv("BARYON_CORPUS")
	if corpus == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	data, err := os.ReadFile(filepath.Join(corpus, "jinja", "features.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Context *Dict `json:"context"`
		Cases   []struct {
			ID       string `json:"id"`
			Template string `json:"template"`
			Want     struct {
				Out *string `json:"out"`
			} `json:"want"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) < 80 {
		t.Fatalf("%d cases were found", len(table.Cases))
	}
	for _, c := range table.Cases {
		got, err := renderText(c.Template, table.Context)
		switch {
		case c.Want.Out == nil && err == nil:
			t.Errorf("%s: got %q, want an error as Python's", c.ID, got)
		case c.Want.Out != nil && err != nil:
			t.Errorf("%s: %v, want %q", c.Template, err, *c.Want.Out)
		case c.Want.Out != nil && got != *c.Want.Out:
			t.Errorf("%s: got %q, want %q", c.Template, got, *c.Want.Out)
		}
	}
}

func renderText(source string, vars *Dict) (string, error) {
	tmpl, err := Parse("t", source, Config{})
	if err != nil {
		return "", err
	}
	return tmpl.Render(context.Background(), vars)
}

// TestHostileTemplatesAreErrors tries what would take the daemon's memory or
// time: each is an ordinary error, and soon.
func TestHostileTemplatesAreErrors(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"{% for i in range(10**9) %}x{% endfor %}",
		"{{ range(10**9) | list | length }}",
		"{{ 'a' * 10**9 }}",
		"{{ 'a'.center(2*10**9) }}",
		"{{ '%1000000000d' % 1 }}",
		"{{ 10**(10**9) }}",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}{{ ns.a | length }}",
		"{{ [[0] * 10**5] * 10**5 | length }}",
		"{{ ('a' * 10**6).replace('a', 'b' * 10**6) }}",
		"{% include '/etc/passwd' %}",
	} {
		begun := time.Now()
		_, err := renderText(source, NewDict())
		var known *Error
		if !errors.As(err, &known) {
			t.Errorf("%s: err = %v, want an *Error", source, err)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: took %s", source, took)
		}
	}
}

// FuzzTemplate looks for templates that panic or run on.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"{{ a }}", "{% for x in [1, 2] %}{{ loop.index }}{% endfor %}", "{% if a is defined %}{{ a | upper }}{% endif %}",
		"{% set k, v = 'a=b'.split('=') %}{{ k ~ v }}", "{% raw %}{{ }}{% endraw %}", "{{ '%s-%03d' % ('a', 7) }}", "{#- c -#}",
	} {
		f.Add(seed)
	}
	vars := NewDict()
	vars.Set("a", "text")
	f.Fuzz(func(t *testing.T, source string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		tmpl, err := Parse("t", source, Config{})
		if err != nil {
			return
		}
		_, err = tmpl.Render(ctx, vars)
		var known *Error
		if err != nil && !errors.As(err, &known) {
			t.Errorf("%q: %v is no *Error", source, err)
		}
	})
}
