package proton_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/proton"
	"github.com/aws/aws-sdk-go-v2/service/proton/types"
	"github.com/aws/smithy-go"
	"go.uber.org/zap"

	"baryon/server/access"
	"baryon/server/proton"
	"baryon/state"
)

// guarded is a world with a token and policies.
func guarded(t *testing.T, policies map[string]access.Policy) *world {
	t.Helper()
	w := newWorld(t, func(c *proton.Config) {
		c.Token = func() (string, error) { return "the-token", nil }
		c.Guard = &access.Guard{
			Store: c.Store, Policies: func() map[string]access.Policy { return policies }, Log: zap.NewNop(),
			ARN: func(tail string) string { return "arn:aws:proton:us-east-1:000000000000:" + tail },
		}
	})
	fill(t, w)
	return w
}

// as is the AWS SDK with a key of a world.
func (w *world) as(t *testing.T, k state.Key) *sdk.Client {
	t.Helper()
	made, err := w.store.CreateKey(t.Context(), "ada", k)
	if err != nil {
		t.Fatal(err)
	}
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(w.URL), Credentials: credentials.NewStaticCredentialsProvider(made.ID, made.Secret, ""),
	})
}

// TestEveryOperationNamesWhatItActsOn keeps an operation from being allowed by
// oversight.
func TestEveryOperationNamesWhatItActsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forms := proton.ResourceForms()
	if got, want := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(w.model.Operations)); !slices.Equal(got, want) {
		t.Errorf("operations with a resource: %v, want %v", got, want)
	}
	for name, form := range forms {
		for rest := form; ; {
			_, after, found := strings.Cut(rest, "{")
			if !found {
				break
			}
			member, tail, _ := strings.Cut(after, "}")
			if _, known := w.model.Shapes[w.model.Operations[name].Input].Members[member]; !known {
				t.Errorf("%s has no member %s", name, member)
			}
			rest = tail
		}
	}
}

// TestAnothersThings is what somebody tries who may change one service: other
// services, environments, templates, roles, connections and components, by all
// names they go by.
func TestAnothersThings(t *testing.T) {
	t.Parallel()
	statement := func(deny bool, resource string, conditions []access.Condition, actions ...string) access.Statement {
		return access.Statement{Deny: deny, Actions: actions, Resources: []string{resource}, Conditions: conditions}
	}
	w := guarded(t, map[string]access.Policy{"shop": {Name: "shop", Statements: []access.Statement{
		statement(false, "*:service/shop", nil, "proton:*"), statement(false, "*:service/shop/*", nil, "proton:*"),
		statement(false, "*:service/new", []access.Condition{{Operator: "ArnLike", Key: access.ServiceTemplate, Values: []string{"*:service-template/web"}}}, "proton:CreateService"),
		statement(true, "*", []access.Condition{{Operator: "ArnLike", Key: access.Environment, Set: "ForAnyValue", Values: []string{"*:environment/secret"}}}, "proton:Create*", "proton:Update*"),
	}}})
	c, ctx := w.as(t, state.Key{Policies: []string{"shop"}}), t.Context()
	arn := func(tail string) *string { return aws.String("arn:aws:proton:us-east-1:000000000000:" + tail) }
	text := aws.String
	spec := func(environment string) *string {
		return text("proton: ServiceSpec\npipeline: {}\ninstances:\n  - {name: eu, environment: prod, spec: {}}\n  - {name: x, environment: " + environment + ", spec: {}}\n")
	}
	create := func(name, template, environment string) error {
		_, err := c.CreateService(ctx, &sdk.CreateServiceInput{Name: text(name), TemplateName: text(template), TemplateMajorVersion: text("1"), Spec: spec(environment)})
		return err
	}
	for name, tt := range map[string]struct {
		call func() error
		want string // an exception
	}{
		"their own service": {func() error { _, err := c.GetService(ctx, &sdk.GetServiceInput{Name: text("shop")}); return err }, ""},
		"a service by name": {func() error { _, err := c.GetService(ctx, &sdk.GetServiceInput{Name: text("other")}); return err }, "AccessDeniedException"},
		"names in a list":   {func() error { _, err := c.ListServices(ctx, &sdk.ListServicesInput{}); return err }, "AccessDeniedException"},
		"deployments":       {func() error { _, err := c.ListDeployments(ctx, &sdk.ListDeploymentsInput{}); return err }, "AccessDeniedException"},
		"an environment": {func() error {
			_, err := c.GetEnvironment(ctx, &sdk.GetEnvironmentInput{Name: text("prod")})
			return err
		}, "AccessDeniedException"},
		"a component": {func() error {
			_, err := c.DeleteComponent(ctx, &sdk.DeleteComponentInput{Name: text("queue")})
			return err
		}, "AccessDeniedException"},
		"tags of others": {func() error {
			_, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: arn("environment/prod"), Tags: []types.Tag{{Key: text("a"), Value: text("b")}}})
			return err
		}, "AccessDeniedException"},
		"tags of their own": {func() error {
			_, err := c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: arn("service/shop"), Tags: []types.Tag{{Key: text("a"), Value: text("b")}}})
			return err
		}, ""},
		"a path that climbs": {func() error {
			_, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: arn("service/shop/../other")})
			return err
		}, "ValidationException"},
		"an encoded slash": {func() error {
			_, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: arn("service%2fother")})
			return err
		}, "ValidationException"},
		"another region": {func() error {
			_, err := c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: text("arn:aws:proton:eu-west-1:111111111111:environment/prod")})
			return err
		}, "AccessDeniedException"},
		"a report on others": {func() error {
			_, err := c.NotifyResourceDeploymentStatusChange(ctx, &sdk.NotifyResourceDeploymentStatusChangeInput{ResourceArn: arn("environment/prod")})
			return err
		}, "AccessDeniedException"},
		"another template": {func() error { return create("new", "secret", "prod") }, "AccessDeniedException"},
		"another's place":  {func() error { return create("new", "web", "secret") }, "AccessDeniedException"},
		"an instance elsewhere": {func() error {
			_, err := c.UpdateService(ctx, &sdk.UpdateServiceInput{Name: text("shop"), Spec: spec("secret")})
			return err
		}, "AccessDeniedException"},
		"a role": {func() error {
			_, err := c.UpdateAccountSettings(ctx, &sdk.UpdateAccountSettingsInput{PipelineServiceRoleArn: text("arn:aws:iam::000000000000:role/admin")})
			return err
		}, "AccessDeniedException"},
		"a connection": {func() error {
			_, err := c.GetEnvironmentAccountConnection(ctx, &sdk.GetEnvironmentAccountConnectionInput{Id: text("11111111-1111-4111-8111-111111111111")})
			return err
		}, "AccessDeniedException"},
	} {
		err := tt.call()
		var api smithy.APIError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (!errors.As(err, &api) || api.ErrorCode() != tt.want):
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	entries, err := w.store.Audit(ctx, "environment/prod", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(entries, func(e state.AuditEntry) bool {
		return e.Verb == "denied" && strings.Contains(string(e.Detail), "proton:GetEnvironment")
	}) {
		t.Errorf("denials in the audit log: %+v", entries)
	}
}

// TestRolesAndTags lets people in by role and by tag, and takes that away again.
func TestRolesAndTags(t *testing.T) {
	t.Parallel()
	policies := map[string]access.Policy{"team-a": {Name: "team-a", Statements: []access.Statement{{
		Actions: []string{"proton:GetEnvironment"}, Resources: []string{"*"},
		Conditions: []access.Condition{{Operator: "StringEquals", Key: access.ResourceTag + "team", Values: []string{"a"}}},
	}}}}
	w := guarded(t, policies)
	viewer, member := w.as(t, state.Key{Role: access.Viewer}), w.as(t, state.Key{Policies: []string{"team-a"}})
	get := func(c *sdk.Client) error {
		_, err := c.GetEnvironment(t.Context(), &sdk.GetEnvironmentInput{Name: aws.String("prod")})
		return err
	}
	if err := get(viewer); err != nil {
		t.Errorf("a viewer reads: %v", err)
	}
	_, err := viewer.DeleteEnvironment(t.Context(), &sdk.DeleteEnvironmentInput{Name: aws.String("prod")})
	const want = "is not authorized to perform: proton:DeleteEnvironment on resource: arn:aws:proton:us-east-1:000000000000:environment/prod"
	if _, denied := errors.AsType[*types.AccessDeniedException](err); !denied || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "StatusCode: 400") || !strings.Contains(err.Error(), "User: arn:aws:iam::000000000000:user/AKIA") {
		t.Errorf("a viewer deletes: %v, want %s", err, want)
	}
	if err := get(member); err == nil {
		t.Error("what has no tag was shown")
	}
	tags := func(value string) string {
		return `{"resourceArn":"arn:aws:proton:us-east-1:000000000000:environment/prod","tags":[{"key":"Team","value":"` + value + `"}]}`
	}
	for value, allowed := range map[string]bool{"a": true, "b": false} {
		if got := w.post(t, "AwsProton20200720.TagResource", tags(value), "Authorization", "Bearer the-token"); got.Status != 200 {
			t.Fatal(got)
		}
		if err := get(member); (err == nil) != allowed {
			t.Errorf("tagged %s: %v", value, err)
		}
	}
	delete(policies, "team-a")
	if err := get(member); err == nil || !strings.Contains(err.Error(), "is not in the configuration") {
		t.Errorf("without its policy: %v", err)
	}
}
