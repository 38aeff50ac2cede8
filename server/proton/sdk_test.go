package proton_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/proton"
	"github.com/aws/aws-sdk-go-v2/service/proton/types"
	"github.com/google/go-cmp/cmp"
)

// client is the AWS SDK pointed at a world.
func (w *world) client() *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(w.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIAANY", "any", ""),
	})
}

// TestOperationsAreThoseOfTheSDK holds the model, and so the dispatch table,
// against the methods of the last client AWS published.
func TestOperationsAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for method := range reflect.TypeFor[*sdk.Client]().Methods() {
		if method.Name != "Options" {
			want = append(want, method.Name)
		}
	}
	if len(want) != 87 {
		t.Fatalf("the SDK has %d operations, want 87", len(want))
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(w.model.Operations))); diff != "" {
		t.Errorf("operations (-SDK +model):\n%s", diff)
	}
}

// TestSDK reads with the client that AWS published: its errors, pages and waiters.
func TestSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fill(t, w)
	ctx, c := t.Context(), w.client()

	env, err := c.GetEnvironment(ctx, &sdk.GetEnvironmentInput{Name: aws.String("prod")})
	if err != nil {
		t.Fatal(err)
	}
	if e := env.Environment; e.DeploymentStatus != types.DeploymentStatusSucceeded || time.Since(*e.CreatedAt) > time.Minute || *e.TemplateMinorVersion != "10" {
		t.Errorf("environment: %+v", e)
	}
	d, err := c.GetDeployment(ctx, &sdk.GetDeploymentInput{Id: env.Environment.LastSucceededDeploymentId})
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := d.Deployment.TargetState.(*types.DeploymentStateMemberEnvironment); !ok || *s.Value.TemplateName != "net" {
		t.Errorf("target state: %#v", d.Deployment.TargetState)
	}

	_, err = c.GetService(ctx, &sdk.GetServiceInput{Name: aws.String("x")})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("a service that is not there: %v", err)
	}
	_, err = c.UpdateEnvironment(ctx, &sdk.UpdateEnvironmentInput{Name: aws.String("prod"), DeploymentType: types.DeploymentUpdateTypeCurrentVersion, TemplateMinorVersion: aws.String("2")})
	if _, ok := errors.AsType[*types.ValidationException](err); !ok {
		t.Errorf("a version with CURRENT_VERSION: %v", err)
	}
	_, err = c.DeleteServiceTemplateVersion(ctx, &sdk.DeleteServiceTemplateVersionInput{TemplateName: aws.String("web"), MajorVersion: aws.String("1"), MinorVersion: aws.String("10")})
	if _, ok := errors.AsType[*types.ConflictException](err); !ok {
		t.Errorf("a version that is used: %v", err)
	}

	var names []string
	for pages := sdk.NewListServiceInstancesPaginator(c, &sdk.ListServiceInstancesInput{MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.ServiceInstances {
			names = append(names, *i.Name)
		}
	}
	if diff := cmp.Diff([]string{"eu", "us"}, names); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	testWaiters(ctx, t, c)
}

// testWaiters waits for what is so already: each of the waiters reads the
// members it needs.
func testWaiters(ctx context.Context, t *testing.T, c *sdk.Client) {
	t.Helper()
	shop := aws.String("shop")
	for name, wait := range map[string]func(time.Duration) error{
		"EnvironmentTemplateVersionRegistered": func(d time.Duration) error {
			return sdk.NewEnvironmentTemplateVersionRegisteredWaiter(c).Wait(ctx, &sdk.GetEnvironmentTemplateVersionInput{TemplateName: aws.String("net"), MajorVersion: aws.String("2"), MinorVersion: aws.String("0")}, d)
		},
		"ServiceTemplateVersionRegistered": func(d time.Duration) error {
			return sdk.NewServiceTemplateVersionRegisteredWaiter(c).Wait(ctx, &sdk.GetServiceTemplateVersionInput{TemplateName: aws.String("web"), MajorVersion: aws.String("1"), MinorVersion: aws.String("0")}, d)
		},
		"EnvironmentDeployed": func(d time.Duration) error {
			return sdk.NewEnvironmentDeployedWaiter(c).Wait(ctx, &sdk.GetEnvironmentInput{Name: aws.String("prod")}, d)
		},
		"ServiceInstanceDeployed": func(d time.Duration) error {
			return sdk.NewServiceInstanceDeployedWaiter(c).Wait(ctx, &sdk.GetServiceInstanceInput{ServiceName: shop, Name: aws.String("eu")}, d)
		},
		"ServicePipelineDeployed": func(d time.Duration) error {
			return sdk.NewServicePipelineDeployedWaiter(c).Wait(ctx, &sdk.GetServiceInput{Name: shop}, d)
		},
		"ServiceCreated": func(d time.Duration) error {
			return sdk.NewServiceCreatedWaiter(c).Wait(ctx, &sdk.GetServiceInput{Name: shop}, d)
		},
		"ServiceUpdated": func(d time.Duration) error {
			return sdk.NewServiceUpdatedWaiter(c).Wait(ctx, &sdk.GetServiceInput{Name: shop}, d)
		},
		"ServiceDeleted": func(d time.Duration) error {
			return sdk.NewServiceDeletedWaiter(c).Wait(ctx, &sdk.GetServiceInput{Name: aws.String("gone")}, d)
		},
		"ComponentDeployed": func(d time.Duration) error {
			return sdk.NewComponentDeployedWaiter(c).Wait(ctx, &sdk.GetComponentInput{Name: aws.String("queue")}, d)
		},
		"ComponentDeleted": func(d time.Duration) error {
			return sdk.NewComponentDeletedWaiter(c).Wait(ctx, &sdk.GetComponentInput{Name: aws.String("gone")}, d)
		},
	} {
		if err := wait(10 * time.Second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
