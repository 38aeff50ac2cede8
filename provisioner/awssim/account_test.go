package awssim_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// TestArguments holds arguments to the published model. Source: API reference;
// the form of the text for lists is recorded.
func TestArguments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("s", one)
	for _, tt := range []struct{ query, want string }{
		{"Action=CreateStack&StackName=9a&TemplateBody=x", "Value '9a' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"Action=CreateStack&TemplateBody=x", "Value null at 'stackName' failed to satisfy constraint: Member must not be null"},
		{"Action=CreateStack&TemplateBody=x&StackName=" + strings.Repeat("a", 129), "at 'stackName' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&OnFailure=STOP", "Value 'STOP' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, ROLLBACK, DELETE]"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&TimeoutInMinutes=0", "Value '0' at 'timeoutInMinutes' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&RoleARN=short", "Value 'short' at 'roleARN' failed to satisfy constraint: Member must have length greater than or equal to 20"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&ClientRequestToken=a_b", "Value 'a_b' at 'clientRequestToken'"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&Capabilities.member.1=CAPABILITY_ALL", "Value '[CAPABILITY_ALL]' at 'capabilities' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [CAPABILITY_AUTO_EXPAND, CAPABILITY_NAMED_IAM, CAPABILITY_IAM]]"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&Tags.member.1.Key=&Tags.member.1.Value=v", "Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&DisableRollback=maybe", "Value 'maybe' at 'disableRollback'"},
		{"Action=CreateStack&StackName=a&TemplateBody=x&" + numbered("NotificationARNs", 6), "at 'notificationARNs' failed to satisfy constraint: Member must have length less than or equal to 5"},
		{"Action=CreateChangeSet&StackName=s&ChangeSetName=a.b&TemplateBody=x", "Value 'a.b' at 'changeSetName'"},
		{"Action=CreateChangeSet&StackName=s&ChangeSetName=a&TemplateBody=x&ChangeSetType=MOVE", "Value 'MOVE' at 'changeSetType' failed to satisfy constraint: Member must satisfy enum value set: [IMPORT, UPDATE, CREATE]"},
		{"Action=DeleteStack&StackName=s&DeletionMode=HARD", "Value 'HARD' at 'deletionMode'"},
		{"Action=ListStacks&StackStatusFilter.member.1=GONE", "Value '[GONE]' at 'stackStatusFilter'"},
		{"Action=DescribeStackResourceDrifts&StackName=s&MaxResults=101", "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{"Action=GetTemplate&StackName=s&TemplateStage=Raw", "Value 'Raw' at 'templateStage'"},
		{"Action=SignalResource&StackName=s&LogicalResourceId=A&UniqueId=u&Status=OK", "Value 'OK' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [FAILURE, SUCCESS]"},
		{"Action=SetStackPolicy&StackName=s", "Either StackPolicyBody or StackPolicyURL must be specified."},
		{"Action=SetStackPolicy&StackName=s&StackPolicyBody=" + strings.Repeat("x", 16385), "at 'stackPolicyBody' failed to satisfy constraint: Member must have length less than or equal to 16384"},
		{"Action=CreateStack&TemplateBody=x&OnFailure=STOP", "2 validation errors detected: Value null at 'stackName'"},
		{"Action=DescribeEvents", "At least one of StackName, ChangeSetName, or OperationId must be specified."},
		{"Action=ListStackSets", "ListStackSets is an operation of CloudFormation that this simulator does not have"},
		{"Action=ListStax", "Could not find operation ListStax for version 2010-05-15"},
	} {
		v, err := url.ParseQuery(tt.query + "&Version=2010-05-15")
		if err != nil {
			t.Fatal(err)
		}
		body, _, status := w.post(v)
		if plain := strings.NewReplacer("&#39;", "'", "&#34;", `"`).Replace(body); status != 400 || !strings.Contains(plain, tt.want) {
			t.Errorf("%.100s: %d %s\nwant %s", tt.query, status, plain, tt.want)
		}
	}
}

func numbered(name string, n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("%s.member.%d=x", name, i+1))
	}
	return strings.Join(out, "&")
}

// TestAccount is about what an account has and how much it may have.
func TestAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{MaxStacks: 2})
	w.create("a", one)
	w.propose("b", "c", one, creating) // a stack in review counts
	_, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("c"), TemplateBody: new(one)})
	says(t, err, "LimitExceededException", "Limit for stack has been exceeded")
	_, err = w.cfn.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{StackName: new("c"), ChangeSetName: new("c"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: new(one)})
	says(t, err, "LimitExceededException", "Limit for stack has been exceeded")
	w.remove("a")
	w.create("c", one)
	limits, err := w.cfn.DescribeAccountLimits(t.Context(), &cloudformation.DescribeAccountLimitsInput{})
	if err != nil || len(limits.AccountLimits) != 3 || *limits.AccountLimits[0].Value != 2 {
		t.Errorf("%v %+v", err, limits)
	}
	cost, err := w.cfn.EstimateTemplateCost(t.Context(), &cloudformation.EstimateTemplateCostInput{TemplateBody: new(one)})
	if err != nil || !strings.HasPrefix(aws.ToString(cost.Url), "https://calculator.aws/") {
		t.Errorf("%v %+v", err, cost)
	}
	_, err = w.cfn.EstimateTemplateCost(t.Context(), &cloudformation.EstimateTemplateCostInput{TemplateBody: new("Parameters: {P: {Type: String}}\n" + one)})
	says(t, err, "ValidationError", "Parameters: [P] must have values")
}

// What one resource has become is told at once.
func TestDriftOfOneResource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("s", prop("one"))
	ask := func(id string) (*cloudformation.DetectStackResourceDriftOutput, error) {
		return w.cfn.DetectStackResourceDrift(t.Context(), &cloudformation.DetectStackResourceDriftInput{StackName: new("s"), LogicalResourceId: &id})
	}
	if out, err := ask("A"); err != nil || out.StackResourceDrift.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Errorf("%v %+v", err, out)
	}
	w.live("s", "A", func(thing *awssim.Thing) { thing.Properties["DisplayName"] = "two" })
	out, err := ask("A")
	if err != nil || out.StackResourceDrift.StackResourceDriftStatus != types.StackResourceDriftStatusModified || *out.StackResourceDrift.PropertyDifferences[0].ActualValue != "two" {
		t.Errorf("%v %+v", err, out)
	}
	_, err = ask("B")
	says(t, err, "ValidationError", "Resource B does not exist for stack s")
	_, err = w.cfn.DetectStackDrift(t.Context(), &cloudformation.DetectStackDriftInput{StackName: new("s"), LogicalResourceIds: []string{"B"}})
	says(t, err, "ValidationError", "Resource B does not exist for stack s")
}

// The events of one operation, and of those only what failed.
func TestEventsOfAnOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("s", prop("one"))
	w.Inject(awssim.Fault{Logical: "A", Do: "update", Reason: "no"})
	if _, err := w.update("s", prop("two")); err != nil {
		t.Fatal(err)
	}
	all, err := w.cfn.DescribeEvents(t.Context(), &cloudformation.DescribeEventsInput{StackName: new("s")})
	if err != nil || len(all.OperationEvents) != len(w.events("s")) {
		t.Fatalf("%v, %d events", err, len(all.OperationEvents))
	}
	failed, err := w.cfn.DescribeEvents(t.Context(), &cloudformation.DescribeEventsInput{StackName: new("s"), Filters: &types.EventFilter{FailedEvents: new(true)}})
	if err != nil || len(failed.OperationEvents) != 1 {
		t.Fatalf("%v, %+v", err, failed)
	}
	e := failed.OperationEvents[0]
	if *e.ResourceStatusReason != "no" || e.EventType != types.EventTypeProvisioningError || e.OperationType != types.OperationTypeUpdateStack {
		t.Errorf("%+v", e)
	}
	of, err := w.cfn.DescribeEvents(t.Context(), &cloudformation.DescribeEventsInput{OperationId: e.OperationId})
	if err != nil || len(of.OperationEvents) >= len(all.OperationEvents) || len(of.OperationEvents) == 0 {
		t.Errorf("%v, %d events of the operation", err, len(of.OperationEvents))
	}
}

// What a transform has made can be read.
func TestProcessedTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	text := extended + "Resources:\n  Fn::ForEach::L: [X, [a, b], {'T${X}': {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref X}}}]\n"
	w.create("s", text)
	read := func(stage types.TemplateStage) string {
		out, err := w.cfn.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: new("s"), TemplateStage: stage})
		if err != nil {
			t.Fatal(err)
		}
		return *out.TemplateBody
	}
	if got := read(types.TemplateStageOriginal); got != text {
		t.Errorf("original: %s", got)
	}
	topic := func(name string) map[string]any {
		return map[string]any{"Type": "AWS::SNS::Topic", "Properties": map[string]any{"DisplayName": name}}
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(read("")), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"Resources": map[string]any{"Ta": topic("a"), "Tb": topic("b")}}, got); diff != "" {
		t.Errorf("processed (-want +got):\n%s", diff)
	}
}

// A policy may be in a bucket.
func TestPolicyInABucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("s", prop("one"))
	w.Bucket("111111111111", "eu-west-1", "policies")
	w.Put("policies", "deny.json", `{"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`)
	if _, err := w.cfn.SetStackPolicy(t.Context(), &cloudformation.SetStackPolicyInput{StackName: new("s"), StackPolicyURL: new("https://policies.s3.amazonaws.com/deny.json")}); err != nil {
		t.Fatal(err)
	}
	if s, err := w.update("s", prop("two")); err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("%v %s", err, s.StackStatus)
	}
	w.happened("s", "A UPDATE_FAILED Action denied by stack policy: Statement [#1] does not allow [Update:Modify] for resource [LogicalResourceId/A];")
}

// A database is kept as a snapshot where the template says nothing.
func TestDefaultSnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("s", "Resources: {D: {Type: AWS::RDS::DBInstance, Properties: {DBInstanceClass: db.t3.micro, Engine: postgres}}, A: {Type: AWS::SNS::Topic}}")
	c := w.propose("s", "c", one)
	if len(c.Changes) != 1 || c.Changes[0].ResourceChange.PolicyAction != types.PolicyActionSnapshot {
		t.Errorf("%+v", c.Changes)
	}
}

// A session lasts as long as the simulator lets it.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{Session: time.Minute})
	v := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::222222222222:role/deploy"}, "RoleSessionName": {"me"}, "DurationSeconds": {"3600"}}
	body := w.sts(v, 200)
	cut := func(name string) string {
		_, rest, _ := strings.Cut(body, "<"+name+">")
		value, _, _ := strings.Cut(rest, "<")
		return value
	}
	key, token := cut("AccessKeyId"), cut("SessionToken")
	client := w.client(key, "eu-west-1", token)
	if _, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{}); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Minute)
	_, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	says(t, err, "ExpiredToken", "The security token included in the request is expired")
	v.Set("DurationSeconds", "60")
	if body := w.sts(v, 400); !strings.Contains(body, "Member must have value greater than or equal to 900") {
		t.Error(body)
	}
}
