package awssim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// TestSignals is about resources that are ready when somebody says so. Sources:
// UG aws-attribute-creationpolicy, using-cfn-waitcondition; texts of issues.
func TestSignals(t *testing.T) {
	t.Parallel()
	group := "Resources:\n  A:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    CreationPolicy: {ResourceSignal: {Count: COUNT, Timeout: PT5M}}\n" +
		"    Properties: {MinSize: '1', MaxSize: '2', AvailabilityZones: !GetAZs '', LaunchConfigurationName: l}\n"
	instance := "Resources:\n  A: {Type: AWS::EC2::Instance, CreationPolicy: {ResourceSignal: {Timeout: PT1M}}, Properties: {ImageId: ami-12345678}}\n"
	handle := "Resources:\n  H: {Type: AWS::CloudFormation::WaitConditionHandle}\n" +
		"  A: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref H, Timeout: 60, Count: COUNT}}\n" +
		"Outputs: {Url: {Value: !Ref H}, Data: {Value: !GetAtt A.Data}}\n"
	count := func(template, n string) string { return strings.Replace(template, "COUNT", n, 1) }
	for name, tt := range map[string]struct {
		template string
		signals  []string // "unique-id SUCCESS", by SignalResource or to the handle
		status   types.StackStatus
		event    string
	}{
		"two, and two come": {count(group, "2"), []string{"i-1 SUCCESS", "i-2 SUCCESS"}, "CREATE_COMPLETE", "A CREATE_IN_PROGRESS Received SUCCESS signal with UniqueId i-2"},
		"the same one twice": {
			count(group, "2"), []string{"i-1 SUCCESS", "i-1 SUCCESS"}, "ROLLBACK_COMPLETE",
			"A CREATE_FAILED Failed to receive 1 resource signal(s) within the specified duration",
		},
		"none":            {instance, nil, "ROLLBACK_COMPLETE", "A CREATE_FAILED Failed to receive 1 resource signal(s) within the specified duration"},
		"a failure":       {instance, []string{"i-1 FAILURE"}, "ROLLBACK_COMPLETE", "A CREATE_FAILED Received FAILURE signal with UniqueId i-1"},
		"a failure of it": {count(group, "2"), []string{"i-1 SUCCESS", "i-2 FAILURE"}, "ROLLBACK_COMPLETE", "A CREATE_FAILED Received 1 FAILURE signal(s) out of 2.  Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"},
		"none are wanted": {count(group, "0"), nil, "CREATE_COMPLETE", "A CREATE_COMPLETE"},
		"at a handle":     {count(handle, "1"), []string{"one SUCCESS"}, "CREATE_COMPLETE", "A CREATE_IN_PROGRESS Received SUCCESS signal with UniqueId one"},
		"a failure at it": {count(handle, "1"), []string{"one FAILURE"}, "ROLLBACK_COMPLETE", "A CREATE_FAILED WaitCondition received failed message: 'because' for uniqueId: one"},
		"none at it":      {count(handle, "2"), []string{"one SUCCESS"}, "ROLLBACK_COMPLETE", "A CREATE_FAILED WaitCondition timed out. Received 1 conditions when expecting 2"},
		"neither handle nor policy": {
			"Resources: {A: {Type: AWS::CloudFormation::WaitCondition}}", nil, "ROLLBACK_COMPLETE",
			"A CREATE_FAILED A wait condition has to have a CreationPolicy, or a Handle and a Timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			if _, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: &tt.template}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				w.clock.pass(time.Second)
				w.stack("s")
			}
			for _, s := range tt.signals {
				id, status, _ := strings.Cut(s, " ")
				if strings.Contains(tt.template, "Handle") {
					w.put(w.physical("s", "H"), `{"Status": "`+status+`", "UniqueId": "`+id+`", "Reason": "because", "Data": "of `+id+`"}`)
					continue
				}
				if _, err := w.cfn.SignalResource(t.Context(), &cloudformation.SignalResourceInput{
					StackName: new("s"), LogicalResourceId: new("A"), UniqueId: &id, Status: types.ResourceSignalStatus(status),
				}); err != nil {
					t.Fatal(err)
				}
			}
			s := w.rest("s")
			if s.StackStatus != tt.status {
				t.Errorf("%s, want %s: %q", s.StackStatus, tt.status, w.events("s"))
			}
			w.happened("s", tt.event)
			for _, o := range s.Outputs {
				if *o.OutputKey == "Data" && aws.ToString(o.OutputValue) != `{"one":"of one"}` {
					t.Errorf("Data = %s", *o.OutputValue)
				}
			}
		})
	}
}

// put puts a body to an address, as a script in an instance does.
func (w *world) put(address, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s", address, resp.Status)
	}
}

// A signal for what does not wait is refused.
func TestSignalsThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("s", one)
	_, err := w.cfn.SignalResource(t.Context(), &cloudformation.SignalResourceInput{StackName: new("s"), LogicalResourceId: new("A"), UniqueId: new("u"), Status: "SUCCESS"})
	says(t, err, "ValidationError", "is in CREATE_COMPLETE state and can not be signaled")
	_, err = w.cfn.SignalResource(t.Context(), &cloudformation.SignalResourceInput{StackName: new("s"), LogicalResourceId: new("B"), UniqueId: new("u"), Status: "SUCCESS"})
	says(t, err, "ValidationError", "Resource B does not exist for stack s")
}
