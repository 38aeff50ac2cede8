package awssim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"baryon/provisioner/awssim"
)

// A clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// A world is a simulated AWS with the unmodified SDK in front of it.
type world struct {
	*awssim.Sim

	t     *testing.T
	clock *clock
	url   string
	cfn   *cloudformation.Client
}

func newWorld(t *testing.T, cfg awssim.Config) *world {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)}
	cfg.Now = c.now
	if cfg.Step == 0 {
		cfg.Step = time.Second
	}
	w := &world{Sim: awssim.New(cfg), t: t, clock: c}
	server := httptest.NewServer(w.Sim)
	t.Cleanup(server.Close)
	w.url = server.URL
	w.cfn = w.client("111111111111", "eu-west-1")
	return w
}

func (w *world) client(key, region string, token ...string) *cloudformation.Client {
	return cloudformation.New(cloudformation.Options{
		BaseEndpoint: &w.url, Region: region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "s", SessionToken: strings.Join(token, "")}, nil
		}),
		Retryer: aws.NopRetryer{},
	})
}

// create makes a stack and lets it come to rest.
func (w *world) create(name, template string, edit ...func(*cloudformation.CreateStackInput)) types.Stack {
	w.t.Helper()
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template, Capabilities: all}
	for _, e := range edit {
		e(in)
	}
	if _, err := w.cfn.CreateStack(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	return w.rest(name)
}

var all = []types.Capability{types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand}

// rest lets time pass until a stack rests.
func (w *world) rest(name string) types.Stack {
	w.t.Helper()
	for range 400 {
		s := w.stack(name)
		if !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") || s.StackStatus == "REVIEW_IN_PROGRESS" {
			return s
		}
		w.clock.pass(time.Second)
	}
	w.t.Fatalf("%s never rests", name)
	return types.Stack{}
}

func (w *world) stack(name string) types.Stack {
	w.t.Helper()
	out, err := w.cfn.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Stacks[0]
}

// update begins an update and lets it come to rest.
func (w *world) update(name, template string, edit ...func(*cloudformation.UpdateStackInput)) (types.Stack, error) {
	w.t.Helper()
	in := &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: &template, Capabilities: all}
	for _, e := range edit {
		e(in)
	}
	if _, err := w.cfn.UpdateStack(w.t.Context(), in); err != nil {
		return types.Stack{}, err
	}
	return w.rest(name), nil
}

// events are a stack's events, oldest first, as "logical status reason".
func (w *world) events(name string) []string {
	w.t.Helper()
	out, err := w.cfn.DescribeStackEvents(w.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for _, e := range slices.Backward(out.StackEvents) {
		lines = append(lines, strings.TrimRight(*e.LogicalResourceId+" "+string(e.ResourceStatus)+" "+aws.ToString(e.ResourceStatusReason), " "))
	}
	return lines
}

// says holds an error to a code and a text, which has to have a source.
func says(t *testing.T, err error, code, text string) {
	t.Helper()
	if !sourced(text) {
		t.Errorf("no source says %q: add it to refusedCalls", text)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Errorf("err = %v, want %s: %s", err, code, text)
		return
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("err = %s: %s\nwant %s: %s", api.ErrorCode(), api.ErrorMessage(), code, text)
	}
}

// post sends a form as it is.
func (w *world) post(v url.Values) (body string, header http.Header, status int) {
	w.t.Helper()
	return w.form("cloudformation", v)
}

// sts sends a form to STS, which has to answer with a status.
func (w *world) sts(v url.Values, want int) string {
	w.t.Helper()
	body, _, status := w.form("sts", v)
	if status != want {
		w.t.Errorf("%s: %d %s", v.Get("Action"), status, body)
	}
	return body
}

func (w *world) form(service string, v url.Values) (body string, header http.Header, status int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(v.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20261123/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data), resp.Header, resp.StatusCode
}

// remove deletes a stack and lets it come to its end.
func (w *world) remove(name string) {
	w.t.Helper()
	if _, err := w.cfn.DeleteStack(w.t.Context(), &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		w.t.Fatal(err)
	}
	w.clock.pass(time.Minute)
}

func (w *world) physical(name, logical string) string {
	w.t.Helper()
	out, err := w.cfn.DescribeStackResource(w.t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &name, LogicalResourceId: &logical})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.StackResourceDetail.PhysicalResourceId
}

// stuckRollback leaves the stack s in UPDATE_ROLLBACK_FAILED.
func (w *world) stuckRollback() {
	w.t.Helper()
	w.create("s", prop("one"))
	w.Inject(awssim.Fault{Logical: "B", Do: "create"})
	w.Inject(awssim.Fault{Logical: "A", Do: "rollback", Reason: "no"})
	s, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}, B: {Type: AWS::SNS::Topic, DependsOn: A}}")
	if err != nil || s.StackStatus != types.StackStatusUpdateRollbackFailed {
		w.t.Fatalf("%v %s", err, s.StackStatus)
	}
}
