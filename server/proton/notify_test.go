package proton_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

func TestNotify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := deployment(t, w.store, "prod", state.InProgress)
	notify := func(members string) answer {
		t.Helper()
		return w.post(t, "AwsProton20200720.NotifyResourceDeploymentStatusChange", `{"resourceArn":"arn:aws:proton:eu-west-1:123456789012:environment/prod"`+members+`}`)
	}
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf(`{"key":"k%d","valueString":"v"}`, i)
	}
	for _, tt := range []struct{ name, members, exception, message string }{
		{"outputs", `,"status":"IN_PROGRESS","outputs":[{"key":"A","valueString":"1"},{"key":"B","valueString":"2"}]`, "", ""},
		{"without a status", `,"outputs":[{"key":"B","valueString":"3"}]`, "", ""},
		{"a message", `,"status":"SUCCEEDED","statusMessage":"all well","deploymentId":"` + id + `"`, "", ""},
		{"another deployment", `,"deploymentId":"` + state.NewID() + `"`, "ResourceNotFoundException", "does not exist"},
		{"no id at all", `,"deploymentId":"x"`, "ValidationException", "deploymentId"},
		{"a status of another kind", `,"status":"CANCELLED"`, "ValidationException", "[IN_PROGRESS, FAILED, SUCCEEDED]"},
		{"51 outputs", `,"outputs":[` + strings.Join(many, ",") + `]`, "ValidationException", "50"},
		{"a long value", `,"outputs":[{"key":"A","valueString":"` + strings.Repeat("x", 1025) + `"}]`, "ValidationException", "1024"},
		{"no value", `,"outputs":[{"key":"A"}]`, "ValidationException", "output 1 needs a key and a valueString"},
		{"a key twice", `,"outputs":[{"key":"A","valueString":"1"},{"key":"A","valueString":"2"}]`, "ValidationException", "given twice"},
	} {
		if got := notify(tt.members); got.Type != tt.exception || !strings.Contains(got.Message, tt.message) {
			t.Errorf("%s: answered %d %s %q, want %q %q", tt.name, got.Status, got.Type, got.Message, tt.exception, tt.message)
		}
	}
	d, err := w.store.Deployment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := state.Notice{Status: state.Succeeded, Message: "all well", Outputs: map[string]string{"A": "1", "B": "3"}, At: d.Notice.At}
	if diff := cmp.Diff(want, d.Notice); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	if d.Status != state.InProgress {
		t.Errorf("the deployment became %s by a report", d.Status)
	}

	// What carries the deployment on does not lose what was reported meanwhile.
	d.Notice, d.Status, d.Outputs = state.Notice{}, state.Succeeded, map[string]string{"A": "1"}
	if err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error { return tx.SaveDeployment(d) }); err != nil {
		t.Fatal(err)
	}
	if d, err = w.store.Deployment(t.Context(), id); err != nil || d.Notice.Message != "all well" {
		t.Errorf("after saving: notice %+v, error %v", d.Notice, err)
	}

	// The same report twice is no error, another one is.
	named := `,"deploymentId":"` + id + `"`
	if got := notify(named + `,"status":"SUCCEEDED","outputs":[{"key":"A","valueString":"1"}]`); got.Status != 200 {
		t.Errorf("the same again: answered %d %s %q", got.Status, got.Type, got.Message)
	}
	if got := notify(named + `,"status":"FAILED"`); got.Type != "ConflictException" || !strings.Contains(got.Message, "has ended as SUCCEEDED") {
		t.Errorf("another status: answered %d %s %q", got.Status, got.Type, got.Message)
	}
}
