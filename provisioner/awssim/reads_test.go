package awssim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// behave holds the simulator to numbered behaviours.
func behave(t *testing.T, behaviours map[string]func(*testing.T, *world)) {
	t.Helper()
	for name, test := range behaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, awssim.Config{}))
		})
	}
}

// call posts an action of CloudFormation as a form.
func (w *world) call(action string, pairs ...string) (body string, status int) {
	w.t.Helper()
	v := url.Values{"Action": {action}, "Version": {"2010-05-15"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	body, _, status = w.post(v)
	return body, status
}

// TestWire is about requests and answers.
func TestWire(t *testing.T) {
	t.Parallel()
	behave(t, map[string]func(*testing.T, *world){
		"003 who does not say who he is": func(t *testing.T, w *world) {
			for header, want := range map[string]int{"": 403, "Basic eDp4": 400, "AWS4-HMAC-SHA256 Credential=x": 400} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader("Action=DescribeStacks&Version=2010-05-15"))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if header != "" {
					req.Header.Set("Authorization", header)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if err := resp.Body.Close(); err != nil || resp.StatusCode != want {
					t.Errorf("%q: %d %v, want %d", header, resp.StatusCode, err, want)
				}
			}
			strict := newWorld(t, awssim.Config{Keys: map[string]awssim.Identity{"known": {Account: "111111111111"}}})
			_, err := strict.client("unknown", "eu-west-1").DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
			says(t, err, "InvalidClientTokenId", "The security token included in the request is invalid.")
		},
		"004 answers without a result, and with an empty one": func(t *testing.T, w *world) {
			w.stuckRollback()
			w.Release()
			waits := "Resources: {A: {Type: AWS::CloudFormation::WaitCondition, CreationPolicy: {ResourceSignal: {}}}}"
			if _, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("w"), TemplateBody: &waits}); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(2 * time.Second)
			for action, empty := range map[string]bool{"SetStackPolicy": false, "SignalResource": false, "ContinueUpdateRollback": true} {
				body, status := w.call(action, "StackName", map[bool]string{true: "w", false: "s"}[action == "SignalResource"], "LogicalResourceId", "A", "UniqueId", "u", "Status", "SUCCESS",
					"StackPolicyBody", `{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}`)
				if got := strings.Contains(body, "<"+action+"Result"); status != 200 || got != empty {
					t.Errorf("%s: %d %s", action, status, body)
				}
			}
			w.Release()
			w.rest("s")
			w.propose("s", "c", prop("three"))
			w.propose("s", "d", prop("four"))
			for _, action := range []string{"DeleteChangeSet", "ExecuteChangeSet"} {
				name := map[string]string{"DeleteChangeSet": "d", "ExecuteChangeSet": "c"}[action]
				if body, status := w.call(action, "StackName", "s", "ChangeSetName", name); status != 200 || !strings.Contains(body, "<"+action+"Result") {
					t.Errorf("%s: %d %s", action, status, body)
				}
			}
			w.Inject(awssim.Fault{Do: "update", Hold: true})
			w.stack("s")
			for _, action := range []string{"CancelUpdateStack", "DeleteStack"} {
				body, status := w.call(action, "StackName", "s")
				if status != 200 || strings.Contains(body, "Result") || !strings.Contains(body, "<ResponseMetadata><RequestId>") {
					t.Errorf("%s: %d %s", action, status, body)
				}
				w.Release()
				w.clock.pass(time.Minute)
			}
		},
		"005 055 an empty list is none, an absent one is the old": func(t *testing.T, w *world) {
			w.create("s", one, func(in *cloudformation.CreateStackInput) {
				in.Tags = []types.Tag{{Key: new("k"), Value: new("v")}}
				in.NotificationARNs = []string{"arn:aws:sns:eu-west-1:111111111111:t"}
			})
			s, err := w.update("s", prop("two"))
			if err != nil || len(s.Tags) != 1 || len(s.NotificationARNs) != 1 {
				t.Errorf("absent: %v %v %v", err, s.Tags, s.NotificationARNs)
			}
			_, err = w.update("s", prop("two"), func(in *cloudformation.UpdateStackInput) { in.Tags = []types.Tag{{Key: new("k"), Value: new("v")}} })
			says(t, err, "ValidationError", "No updates are to be performed.")
			body, status := w.call("CreateChangeSet", "StackName", "s", "ChangeSetName", "c", "TemplateBody", prop("two"), "Tags", "", "NotificationARNs", "")
			if status != 200 {
				t.Fatal(body)
			}
			w.clock.pass(5 * time.Second)
			c := w.proposed("s", "c", false)
			if len(c.Changes) != 1 || c.Changes[0].ResourceChange.Scope[0] != types.ResourceAttributeTags {
				t.Errorf("changes = %+v", c.Changes)
			}
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateComplete || len(s.Tags) != 0 || len(s.NotificationARNs) != 0 {
				t.Errorf("empty: %s %v %v", s.StackStatus, s.Tags, s.NotificationARNs)
			}
		},
		"006 maps": func(t *testing.T, w *world) {
			w.Make("111111111111", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": "bkt"})
			body, status := w.call("CreateChangeSet", "StackName", "s", "ChangeSetName", "c", "ChangeSetType", "IMPORT",
				"TemplateBody", "Resources: {A: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: bkt}}}",
				"ResourcesToImport.member.1.ResourceType", "AWS::S3::Bucket", "ResourcesToImport.member.1.LogicalResourceId", "A",
				"ResourcesToImport.member.1.ResourceIdentifier.entry.1.key", "BucketName", "ResourcesToImport.member.1.ResourceIdentifier.entry.1.value", "bkt")
			if status != 200 {
				t.Error(body)
			}
		},
		"007 errors and their statuses": func(t *testing.T, w *world) {
			w.create("s", one)
			for want, call := range map[string][]string{
				"400 ValidationError":        {"DescribeStacks", "StackName", "x"},
				"404 ChangeSetNotFound":      {"DescribeChangeSet", "StackName", "s", "ChangeSetName", "x"},
				"400 AlreadyExistsException": {"CreateStack", "StackName", "s", "TemplateBody", one},
			} {
				body, status := w.call(call[0], call[1:]...)
				_, code, _ := strings.Cut(want, " ")
				if fmt.Sprint(status, " ", code) != want || !strings.Contains(body, "<Type>Sender</Type><Code>"+code+"</Code><Message>") || !strings.Contains(body, "<RequestId>") {
					t.Errorf("%d %s, want %s", status, body, want)
				}
			}
		},
	})
}

// TestReads is about what reads show.
func TestReads(t *testing.T) {
	t.Parallel()
	behave(t, map[string]func(*testing.T, *world){
		"016 deleted stacks are listed, not described": func(t *testing.T, w *world) {
			w.create("gone", one)
			w.create("here", one)
			w.remove("gone")
			out, err := w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
			if err != nil || len(out.Stacks) != 1 || *out.Stacks[0].StackName != "here" {
				t.Errorf("described: %v %v", err, out)
			}
			for filter, want := range map[types.StackStatus]int{"": 2, types.StackStatusDeleteComplete: 1, types.StackStatusUpdateComplete: 0} {
				in := &cloudformation.ListStacksInput{}
				if filter != "" {
					in.StackStatusFilter = []types.StackStatus{filter}
				}
				if out, err := w.cfn.ListStacks(t.Context(), in); err != nil || len(out.StackSummaries) != want {
					t.Errorf("listed with %q: %v %v, want %d", filter, err, out, want)
				}
			}
		},
		"070 attributes are those of now": func(t *testing.T, w *world) {
			text := "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: one}}}\nOutputs: {O: {Value: !GetAtt A.Value}}"
			w.create("s", text)
			s, err := w.update("s", strings.Replace(text, "one", "two", 1))
			if err != nil || *s.Outputs[0].OutputValue != "two" {
				t.Errorf("%v, outputs %v", err, s.Outputs)
			}
		},
		"018 a hundred rows, or all": func(t *testing.T, w *world) {
			w.create("s", "Resources:\n"+many(120))
			out, err := w.cfn.DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: new("s")})
			if err != nil || len(out.StackResources) != 100 {
				t.Errorf("described %d, %v", len(out.StackResources), err)
			}
			n := 0
			for pages := cloudformation.NewListStackResourcesPaginator(w.cfn, &cloudformation.ListStackResourcesInput{StackName: new("s")}); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n += len(page.StackResourceSummaries)
			}
			if n != 120 {
				t.Errorf("listed %d", n)
			}
		},
		"020 reads lag behind writes": func(t *testing.T, _ *world) {
			w := newWorld(t, awssim.Config{Lag: 2})
			w.create("s", prop("one"))
			before := w.stack("s").StackStatus
			if _, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(prop("two"))}); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if got := w.stack("s").StackStatus; (got == before) != (i < 2) {
					t.Errorf("read %d shows %s", i, got)
				}
			}
		},
		"021 what is empty is there, what is absent is not": func(t *testing.T, w *world) {
			w.create("s", one, func(in *cloudformation.CreateStackInput) { in.Capabilities = nil })
			body, _ := w.call("DescribeStacks", "StackName", "s")
			for part, want := range map[string]bool{
				"<NotificationARNs>": true, "<Tags>": true, "<RollbackConfiguration>": true, "<EnableTerminationProtection>false": true,
				"<Parameters>": false, "<Outputs>": false, "<Capabilities>": false, "<Description>": false, "<LastUpdatedTime>": false, "<ChangeSetId>": false, "<RoleARN>": false,
			} {
				empty := strings.Replace(part, ">", "/>", 1)
				if got := strings.Contains(body, part) || strings.Contains(body, empty); got != want {
					t.Errorf("%s there: %v in\n%s", part, got, body)
				}
			}
			w.propose("s", "c", prop("two"))
			body, _ = w.call("DescribeChangeSet", "StackName", "s", "ChangeSetName", "c")
			for part, want := range map[string]bool{"<Capabilities": true, "<NotificationARNs": true, "<RollbackConfiguration": true, "<Changes": true, "<IncludeNestedStacks": true, "<Tags": false, "<Parameters": false} {
				if got := strings.Contains(body, part); got != want {
					t.Errorf("%s there: %v in\n%s", part, got, body)
				}
			}
		},
		"024 summaries of templates": func(t *testing.T, w *world) {
			text := "Parameters: {P: {Type: String, Default: x, NoEcho: true}}\nResources:\n  R: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}\n  B: {Type: AWS::S3::Bucket}\n"
			out, err := w.cfn.GetTemplateSummary(t.Context(), &cloudformation.GetTemplateSummaryInput{TemplateBody: &text})
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(*out.Parameters[0].ParameterKey, *out.Parameters[0].ParameterType, out.Capabilities, *out.CapabilitiesReason, out.ResourceTypes)
			want := "PString[CAPABILITY_NAMED_IAM]The following resource(s) require capabilities: [AWS::IAM::Role][AWS::IAM::Role AWS::S3::Bucket]"
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			for _, i := range out.ResourceIdentifierSummaries {
				if want := map[string]string{"AWS::IAM::Role": "RoleName", "AWS::S3::Bucket": "BucketName"}[*i.ResourceType]; i.ResourceIdentifiers[0] != want {
					t.Errorf("identifiers of %s: %v", *i.ResourceType, i.ResourceIdentifiers)
				}
			}
			w.propose("s", "c", one, creating)
			_, err = w.cfn.GetTemplateSummary(t.Context(), &cloudformation.GetTemplateSummaryInput{StackName: new("s")})
			says(t, err, "ValidationError", "GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
		},
		"099 exports come in pages of a hundred, imports name stacks": func(t *testing.T, w *world) {
			var text strings.Builder
			text.WriteString(one + "Outputs:\n")
			for i := range 130 {
				fmt.Fprintf(&text, "  O%d: {Value: v, Export: {Name: e%d}}\n", i, i)
			}
			w.create("one", text.String())
			w.create("two", prop("!ImportValue e7"))
			out, err := w.cfn.ListExports(t.Context(), &cloudformation.ListExportsInput{})
			if err != nil || len(out.Exports) != 100 || out.NextToken == nil {
				t.Fatalf("%v, %d exports, token %v", err, len(out.Exports), out.NextToken)
			}
			if out, err = w.cfn.ListExports(t.Context(), &cloudformation.ListExportsInput{NextToken: out.NextToken}); err != nil || len(out.Exports) != 30 {
				t.Errorf("%v, %d more", err, len(out.Exports))
			}
			users, err := w.cfn.ListImports(t.Context(), &cloudformation.ListImportsInput{ExportName: new("e7")})
			if err != nil || len(users.Imports) != 1 || users.Imports[0] != "two" {
				t.Errorf("%v %v", err, users)
			}
			_, err = w.cfn.ListImports(t.Context(), &cloudformation.ListImportsInput{ExportName: new("e8")})
			says(t, err, "ValidationError", "is not imported by any stack")
		},
		"093 stored parameters are read and shown": func(t *testing.T, w *world) {
			kept := "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id}}\n" + prop("!Ref P")
			s := w.create("s", kept)
			if got := aws.ToString(s.Parameters[0].ResolvedValue); !strings.HasPrefix(got, "ami-") || *s.Parameters[0].ParameterValue == got {
				t.Errorf("resolved to %q", got)
			}
			_, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("t"), TemplateBody: new(strings.Replace(kept, "/aws/service/ecs", "/aws/service/none", 1))})
			says(t, err, "ValidationError", "Unable to fetch parameters [/aws/service/none/optimized-ami/amazon-linux-2/recommended/image_id] from parameter store for this account.")
		},
	})
}
