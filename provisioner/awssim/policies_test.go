package awssim_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// TestUpdatePolicy is about groups of instances, of which the policy says how
// they are updated. Sources: TR aws-attribute-updatepolicy; the text is that of
// aws-cloudformation/cfn-lint#362.
func TestUpdatePolicy(t *testing.T) {
	t.Parallel()
	group := func(policy, configuration string) string {
		return "Resources:\n  A:\n    Type: AWS::AutoScaling::AutoScalingGroup\n    UpdatePolicy: " + policy + "\n" +
			"    Properties: {MinSize: '1', MaxSize: '2', AvailabilityZones: !GetAZs '', LaunchConfigurationName: " + configuration + "}\n"
	}
	behave(t, map[string]func(*testing.T, *world){
		"a rolling update changes the group in place": func(t *testing.T, w *world) {
			rolling := "{AutoScalingRollingUpdate: {MinInstancesInService: 1}}"
			w.create("s", group(rolling, "one"))
			before := w.physical("s", "A")
			if s, err := w.update("s", group(rolling, "two")); err != nil || s.StackStatus != types.StackStatusUpdateComplete || w.physical("s", "A") != before {
				t.Errorf("%v %s", err, s.StackStatus)
			}
		},
		"and needs room": func(t *testing.T, w *world) {
			full := "{AutoScalingRollingUpdate: {MinInstancesInService: 2}}"
			w.create("s", group(full, "one"))
			if s, err := w.update("s", group(full, "two")); err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
			w.happened("s", "A UPDATE_FAILED MinInstancesInService must be less than the autoscaling group's MaxSize")
		},
		"a replacing update makes another group": func(t *testing.T, w *world) {
			replacing := "{AutoScalingReplacingUpdate: {WillReplace: true}}"
			w.create("s", group(replacing, "one"))
			before := w.physical("s", "A")
			c := w.propose("s", "c", group(replacing, "two"))
			if got := c.Changes[0].ResourceChange.Replacement; got != types.ReplacementConditional {
				t.Errorf("replacement = %s", got)
			}
			if s, err := w.update("s", group(replacing, "two")); err != nil || s.StackStatus != types.StackStatusUpdateComplete || w.physical("s", "A") == before {
				t.Errorf("%v %s", err, s.StackStatus)
			}
		},
		"no other type heeds it": func(t *testing.T, w *world) {
			if s := w.create("s", "Resources: {A: {Type: AWS::SNS::Topic, UpdatePolicy: {Nope: 1}, CreationPolicy: {ResourceSignal: {Count: 3}}}}"); s.StackStatus != types.StackStatusCreateComplete {
				t.Errorf("%s", s.StackStatus)
			}
		},
	})
}

// Of a key that is written twice the service takes the last: aws/aws-cli#2404,
// aws-cloudformation/cfn-language-discussion#96.
func TestTheLastOfTwoCounts(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{
		"YAML": "Resources:\n  A: {Type: AWS::SQS::Queue}\n  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: x, DisplayName: last}}\n",
		"JSON": `{"Resources": {"A": {"Type": "AWS::SQS::Queue"}, "A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x", "DisplayName": "last"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behaveOnce(t, template)
		})
	}
}

func behaveOnce(t *testing.T, template string) {
	t.Helper()
	w := nest(t)
	if s := w.create("s", template); s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("%s %q", s.StackStatus, w.events("s"))
	}
	if got := w.display("s", "A"); got != "last" || !strings.HasPrefix(w.physical("s", "A"), "arn:aws:sns:") {
		t.Errorf("A shows %q", got)
	}
}
