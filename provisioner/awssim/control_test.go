package awssim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// tell asks the simulator for what no AWS has.
func (w *world) tell(method, what, body string) (answer string, status int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+"/_sim/"+what, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text), resp.StatusCode
}

func (w *world) told(what, body string) {
	w.t.Helper()
	if answer, status := w.tell("POST", what, body); status != http.StatusOK {
		w.t.Errorf("%s %s: %d %s", what, body, status, answer)
	}
}

// TestControl makes things go wrong as those do who rehearse.
func TestControl(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	list := func() error {
		_, err := w.cfn.ListStacks(t.Context(), &cloudformation.ListStacksInput{})
		return err
	}
	w.create("s", prop("one"))

	w.told("fault", `{"Stack": "s", "Logical": "A", "Do": "update", "Reason": "no luck", "Times": 1}`)
	if s, err := w.update("s", prop("two")); err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("%v %s", err, s.StackStatus)
	}
	w.happened("s", "A UPDATE_FAILED no luck")
	if s, err := w.update("s", prop("two")); err != nil || s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("the fault was for once: %v %s", err, s.StackStatus)
	}

	w.told("fault", `{"Stack": "s", "Hold": true}`)
	if _, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(prop("three"))}); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(60e9)
	if s := w.stack("s"); s.StackStatus != types.StackStatusUpdateInProgress {
		t.Errorf("held, and %s", s.StackStatus)
	}
	w.told("release", "")
	if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("released, and %s", s.StackStatus)
	}

	w.told("wire", `{"Action": "ListStacks", "Kind": "throttle"}`)
	says(t, list(), "Throttling", "Rate exceeded")
	w.told("wire", `{"Kind": "refuse", "Status": 403, "Code": "AccessDenied", "Message": "not you", "Times": 1}`)
	says(t, list(), "AccessDenied", "not you")
	w.told("wire", `{"Kind": "unavailable", "Times": 2}`)
	for i, bad := range []bool{true, true, false} {
		if err := list(); (err != nil) != bad {
			t.Errorf("call %d after two 503: %v", i+1, err)
		}
	}
	w.told("rate", "1")
	says(t, func() error { _ = list(); _ = list(); return list() }(), "Throttling", "Rate exceeded")
	w.told("rate", "0")

	w.told("drift", `{"Stack": "s", "Logical": "A", "Properties": {"DisplayName": "by hand", "FifoTopic": true}}`)
	w.live("s", "A", func(thing *awssim.Thing) {
		if thing.Properties["DisplayName"] != "by hand" || thing.Properties["FifoTopic"] != "true" {
			t.Errorf("%v", thing.Properties)
		}
	})
	w.told("drift", `{"Stack": "s", "Logical": "A", "Delete": true}`)
	w.told("role", `{"ARN": "arn:aws:iam::111111111111:role/deploy", "Broken": true}`)
	_, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("t"), TemplateBody: new(one), RoleARN: new("arn:aws:iam::111111111111:role/deploy")})
	says(t, err, "ValidationError", "is invalid or cannot be assumed")
	w.told("make", `{"Account": "111111111111", "Region": "eu-west-1", "Type": "AWS::SNS::Topic", "Properties": {"TopicName": "mine"}}`)
	w.create("t", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: mine}}}")
	w.happened("t", "A CREATE_FAILED Resource of type 'AWS::SNS::Topic' with identifier 'mine' already exists.")

	answer, _ := w.tell("GET", "mutations", "")
	var counted struct{ Operations, Tokens map[string]int }
	if err := json.Unmarshal([]byte(answer), &counted); err != nil || counted.Operations["cloudformation:UpdateStack"] != 3 || counted.Operations["cloudformation:ListStacks"] != 0 {
		t.Errorf("%v %s", err, answer)
	}
	if answer, _ := w.tell("GET", "stacks", ""); !strings.Contains(answer, `"s": "UPDATE_COMPLETE"`) {
		t.Error(answer)
	}
	if answer, _ := w.tell("GET", "", ""); !strings.Contains(answer, "POST /_sim/fault") {
		t.Error(answer)
	}
}

// TestControlRefusals: who mistypes is told, and nothing goes wrong instead.
func TestControlRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	for _, tt := range []struct {
		method, what, body, want string
		status                   int
	}{
		{"POST", "fault", `{"Stak": "s"}`, `unknown field`, 400},
		{"POST", "fault", `{"Do": "upgrade"}`, `Do is \"upgrade\", want one of`, 400},
		{"POST", "fault", ``, `the body:`, 400},
		{"POST", "wire", `{"Kind": "slow"}`, `Kind is \"slow\", want one of throttle`, 400},
		{"POST", "wire", `{"Kind": "refuse"}`, `a refusal has a Status`, 400},
		{"POST", "rate", `fast`, `the body:`, 400},
		{"POST", "rate", `-1`, `not negative`, 400},
		{"POST", "drift", `{"Stack": "s", "Logical": "A"}`, `there is no resource \"A\" in a stack \"s\"`, 404},
		{"POST", "make", `{"Type": "AWS::SNS::Tropic"}`, `no resource type`, 400},
		{"POST", "make", `{"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 901}}`, `#/DelaySeconds`, 400},
		{"POST", "role", `{"ARN": "deploy"}`, `ARN is that of a role`, 400},
		{"GET", "fault", ``, `with POST`, 405},
		{"POST", "faults", ``, `there is no /_sim/faults; GET /_sim/ lists what there is`, 404},
	} {
		if answer, status := w.tell(tt.method, tt.what, tt.body); status != tt.status || !strings.Contains(answer, tt.want) {
			t.Errorf("%s %s %s: %d %s\nwant %d %s", tt.method, tt.what, tt.body, status, answer, tt.status, tt.want)
		}
	}
}
