package yamledit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRemove(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from  string
		line  int
		want  string
		fails string
	}{
		"the only one":              {from: "# c\na: 1\n", line: 2},
		"beside nothing":            {from: "---\na: 1\n---\n# nothing\n", line: 2},
		"the first":                 {from: "# c\na: 1\n---\n# two\nb: 2\n", line: 2, want: "---\n# two\nb: 2\n"},
		"the first behind a marker": {from: "--- # c\na: 1\n---\n# two\nb: 2\n", line: 2, want: "---\n# two\nb: 2\n"},
		"one in the middle":         {from: "a: 1 # one\n--- \nb: 2\nc: |\n  --- no marker\n---\nd: 3\n", line: 3, want: "a: 1 # one\n---\nd: 3\n"},
		"the last":                  {from: "a: 1\n# of a\n---\nb: 2", line: 4, want: "a: 1\n# of a\n"},
		"on its marker":             {from: "--- {a: 1}\n--- {b: 2}\n", line: 2, want: "--- {a: 1}\n"},
		"line breaks of Windows":    {from: "a: 1\r\n---\r\nb: 2\r\n---\r\nc: 3\r\n", line: 3, want: "a: 1\r\n---\r\nc: 3\r\n"},
		"a byte order mark":         {from: "\ufeffa: 1\n---\nb: 2\n", line: 1, want: "\ufeff---\nb: 2\n"},
		"an end marker":             {from: "a: 1\n...\n---\nb: 2\n", line: 4, want: "a: 1\n...\n"},
		"a comment of the file":     {from: "# of all\n---\na: 1\n---\nb: 2\n", line: 3, want: "# of all\n---\nb: 2\n"},

		"a directive":        {from: "a: 1\n...\n%YAML 1.1\n---\nb: 2\n", line: 5, fails: "f.yaml:5:1: the document cannot be taken out"},
		"a broken neighbour": {from: "a: 1\n---\nb: [\n", line: 1, fails: "the file cannot be read as a whole"},
		"nothing there":      {from: "\n\n---\na: 1\n", line: 1, fails: "no document begins here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Remove("f.yaml", []byte(tt.from), tt.line)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("got %q, %v, want %q", got, err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" || (got == nil) != (tt.want == "") {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
