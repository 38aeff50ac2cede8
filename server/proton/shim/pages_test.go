package shim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pagedAnswers is a list of five services in pages of two.
func pagedAnswers(t *testing.T) *answers {
	t.Helper()
	return newAnswers(t, map[string][]string{"ListServices": {
		`{"services":[{"name":"a"},{"name":"b"}],"nextToken":"one"}`, `{"services":[{"name":"c"},{"name":"d"}],"nextToken":"two"}`, `{"services":[{"name":"e"}]}`,
	}})
}

// cuts are ways to cut that list: what is asked with, and what of it is asked for.
var cuts = map[string][]string{
	"in the first page": {"--max-items", "1"}, "after the first page": {"--max-items", "2"}, "in the second page": {"--max-items", "3"},
	"all of it": {"--max-items", "5"}, "more than all": {"--max-items", "9"},
}

// TestCutLists cuts a list and goes on where it was cut.
func TestCutLists(t *testing.T) {
	t.Parallel()
	for name, args := range cuts {
		a := pagedAnswers(t)
		code, stdout, stderr := a.run(t, append([]string{"proton", "list-services"}, args...)...)
		var first struct {
			Services  []struct{ Name string } `json:"services"`
			NextToken string
		}
		if err := json.Unmarshal([]byte(stdout), &first); code != 0 || err != nil {
			t.Fatalf("%s: exit code %d, %q, %s", name, code, stdout, stderr)
		}
		var got []string
		for _, s := range first.Services {
			got = append(got, s.Name)
		}
		if first.NextToken != "" {
			sent := a.bodies["ListServices"]
			last, _ := sent[len(sent)-1].(map[string]any)["nextToken"].(string)
			rest := newAnswers(t, map[string][]string{"ListServices": a.give["ListServices"][map[string]int{"": 0, "one": 1, "two": 2}[last]:]})
			if strings.HasPrefix(name, "after") {
				rest.give["ListServices"] = a.give["ListServices"][1:]
			}
			code, stdout, stderr := rest.run(t, "proton", "list-services", "--starting-token", first.NextToken, "--query", "services[].name", "--output", "text")
			if code != 0 {
				t.Fatalf("%s: exit code %d, %s", name, code, stderr)
			}
			got = append(got, strings.Fields(stdout)...)
		}
		if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
