package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/proton"
	"github.com/aws/aws-sdk-go-v2/service/proton/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"baryon/provisioner/awssim"
	"baryon/state/pgtest"
)

// TestLives takes a platform through its life with the last client that AWS
// published, from templates in S3 to the deletion of everything, on both stores
// and with each engine that runs on this machine.
func TestLives(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("whole lives are left out of short runs")
	}
	for name, bundles := range lifeBundles() {
		for _, store := range []string{"sqlite", "postgres"} {
			t.Run(name+"-"+store, func(t *testing.T) {
				t.Parallel()
				if name == "terraform" {
					needTerraform(t)
				}
				dsn := store
				if store == "postgres" {
					dsn = pgtest.Start(t)
				}
				newLife(t, dsn, bundles).live(t)
			})
		}
	}
}

// bundles are the files of a platform for one engine.
type bundles struct {
	environment, service, broken map[string]string
	manifest, component          string // of a component
	resources                    bool   // the engine makes resources that are listed
}

func lifeBundles() map[string]bundles {
	schema := func(lines string) string {
		return "schema:\n  format: {openapi: \"3.0.0\"}\n" + lines + "  types:\n    In:\n      type: object\n      properties:\n        size: {type: string, default: small}\n"
	}
	of := func(manifest, file, env, instance, pipeline, component string) bundles {
		b := bundles{
			environment: map[string]string{"schema/schema.yaml": schema("  environment_input_type: In\n"), "infrastructure/manifest.yaml": manifest, "infrastructure/" + file: env},
			service: map[string]string{
				"schema/schema.yaml":                    schema("  service_input_type: In\n  pipeline_input_type: In\n"),
				"instance_infrastructure/manifest.yaml": manifest, "instance_infrastructure/" + file: instance,
				"pipeline_infrastructure/manifest.yaml": manifest, "pipeline_infrastructure/" + file: pipeline,
			},
			manifest: strings.Replace(manifest, "\"*\"", "main.tf", 1), component: component, resources: true,
		}
		b.broken = maps.Clone(b.environment)
		delete(b.broken, "schema/schema.yaml")
		return b
	}
	command := func(value string) string {
		return "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings:\n        provision:\n" +
			"          - 'echo \"[{\\\"key\\\": \\\"Value\\\", \\\"valueString\\\": \\\"" + value + "\\\"}]\" > proton-outputs.json'\n        deprovision: [echo gone]\n"
	}
	commands := of("", "note.txt", "", "", "", "nothing")
	commands.resources = false
	commands.manifest = command("made")
	for part, value := range map[string]string{"infrastructure": "{{ environment.inputs.size }}"} {
		commands.environment[part+"/manifest.yaml"] = command(value)
	}
	commands.service["instance_infrastructure/manifest.yaml"] = command("{{ service_instance.inputs.size }} in {{ environment.outputs.Value }}")
	commands.service["pipeline_infrastructure/manifest.yaml"] = command("{{ pipeline.inputs.size }}")
	commands.broken = map[string]string{"infrastructure/manifest.yaml": command("x")}

	stack := func(value string) string {
		return "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties: {DisplayName: \"" + value + "\"}\nOutputs:\n  Value: {Value: \"" + value + "\"}\n"
	}
	code := func(value string) string {
		return "resource \"terraform_data\" \"it\" {\n  input = " + value + "\n}\noutput \"Value\" { value = terraform_data.it.output }\n"
	}
	manifest := func(engine, language, file string) string {
		return "infrastructure:\n  templates:\n    - {file: \"" + file + "\", rendering_engine: " + engine + ", template_language: " + language + "}\n"
	}
	return map[string]bundles{
		"command": commands,
		"cloudformation": of(manifest("jinja", "cloudformation", "cloudformation.yaml"), "cloudformation.yaml", stack("{{ environment.inputs.size }}"),
			stack("{{ service_instance.inputs.size }} in {{ environment.outputs.Value }}"), stack("{{ pipeline.inputs.size }}"), stack("made")),
		"terraform": of(manifest("hcl", "terraform", "*"), "main.tf", code("var.environment.inputs.size"),
			code("\"${var.service_instance.inputs.size} in ${var.environment.outputs.Value}\""), code("var.pipeline.inputs.size"), code("\"made\"")),
	}
}

// A life is a daemon, a simulated AWS that has S3 and CloudFormation, and the
// client.
type life struct {
	bundles
	c  *proton.Client
	s3 *s3.Client
}

const lifeAccount = "123456789012"

func newLife(t *testing.T, dsn string, b bundles) *life {
	t.Helper()
	sim := awssim.New(awssim.Config{})
	sim.Bucket(lifeAccount, "us-east-1", "bundles")
	account := httptest.NewServer(sim)
	t.Cleanup(account.Close)
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := "listen: " + address + "\nstore: \"" + dsn + "\"\naccount: \"" + lifeAccount + "\"\napi_commands: true\naws_endpoint: " + account.URL + "\nrepositories: []\n"
	if err := os.WriteFile(filepath.Join(dir, "baryon.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "serve", "--config", filepath.Join(dir, "baryon.yaml"))
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.Env = append(os.Environ(), "BARYON_TEST_MAIN=1", "AWS_ACCESS_KEY_ID="+lifeAccount, "AWS_SECRET_ACCESS_KEY=none", "AWS_SESSION_TOKEN=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // how daemons end is for other tests
		if t.Failed() {
			t.Logf("the daemon said:\n%s", log.String())
		}
	})
	keys := credentials.NewStaticCredentialsProvider(lifeAccount, "none", "")
	l := &life{
		bundles: b,
		c:       proton.New(proton.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + address), Credentials: keys}),
		s3:      s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(account.URL), UsePathStyle: true, Credentials: keys}),
	}
	soon(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return l
}

// soon waits until something is so.
func soon(t *testing.T, so func() bool) {
	t.Helper()
	limit, again := time.After(lifeTakes), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-limit:
			t.Fatal("it did not become so")
		}
	}
}

// put makes a bundle an object.
func (l *life) put(t *testing.T, key string, files map[string]string) types.TemplateVersionSourceInput {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: "top/" + name, Mode: 0o644, Size: int64(len(files[name]))})
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	_, err := l.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bundles"), Key: aws.String(key), Body: bytes.NewReader(b.Bytes())})
	if err != nil {
		t.Fatal(err)
	}
	return &types.TemplateVersionSourceInputMemberS3{Value: types.S3ObjectSource{Bucket: aws.String("bundles"), Key: aws.String(key)}}
}

const lifeTakes = 2 * time.Minute

// must calls an operation that has to succeed.
func must[In, Out, Opt any](t *testing.T, call func(context.Context, *In, ...Opt) (*Out, error), in In) *Out {
	t.Helper()
	out, err := call(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// done is a waiter's answer that has to be good.
func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (l *life) live(t *testing.T) {
	t.Helper()
	l.templates(t)
	l.environment(t)
	l.services(t)
	l.components(t)
	l.end(t)
}

func (l *life) templates(t *testing.T) {
	t.Helper()
	c, ctx := l.c, t.Context()
	net, web, one, zero := aws.String("net"), aws.String("web"), aws.String("1"), aws.String("0")
	must(t, c.CreateEnvironmentTemplate, proton.CreateEnvironmentTemplateInput{Name: net, DisplayName: aws.String("Networks")})
	must(t, c.CreateServiceTemplate, proton.CreateServiceTemplateInput{Name: web})
	must(t, c.CreateEnvironmentTemplateVersion, proton.CreateEnvironmentTemplateVersionInput{TemplateName: net, Source: l.put(t, "net.tgz", l.bundles.environment)})
	must(t, c.CreateServiceTemplateVersion, proton.CreateServiceTemplateVersionInput{
		TemplateName: web, Source: l.put(t, "web.tgz", l.bundles.service), SupportedComponentSources: []types.ServiceTemplateSupportedComponentSourceType{"DIRECTLY_DEFINED"},
		CompatibleEnvironmentTemplates: []types.CompatibleEnvironmentTemplateInput{{TemplateName: net, MajorVersion: one}},
	})
	done(t, proton.NewEnvironmentTemplateVersionRegisteredWaiter(c, func(o *proton.EnvironmentTemplateVersionRegisteredWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetEnvironmentTemplateVersionInput{TemplateName: net, MajorVersion: one, MinorVersion: zero}, lifeTakes))
	done(t, proton.NewServiceTemplateVersionRegisteredWaiter(c, func(o *proton.ServiceTemplateVersionRegisteredWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetServiceTemplateVersionInput{TemplateName: web, MajorVersion: one, MinorVersion: zero}, lifeTakes))
	must(t, c.CreateEnvironmentTemplateVersion, proton.CreateEnvironmentTemplateVersionInput{TemplateName: net, MajorVersion: one, Source: l.put(t, "broken.tgz", l.bundles.broken)})
	err := proton.NewEnvironmentTemplateVersionRegisteredWaiter(c, func(o *proton.EnvironmentTemplateVersionRegisteredWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetEnvironmentTemplateVersionInput{TemplateName: net, MajorVersion: one, MinorVersion: one}, lifeTakes)
	if err == nil || !strings.Contains(err.Error(), "Failure") {
		t.Errorf("a bundle without schema: %v", err)
	}
	must(t, c.UpdateEnvironmentTemplateVersion, proton.UpdateEnvironmentTemplateVersionInput{TemplateName: net, MajorVersion: one, MinorVersion: zero, Status: types.TemplateVersionStatusPublished})
	must(t, c.UpdateServiceTemplateVersion, proton.UpdateServiceTemplateVersionInput{TemplateName: web, MajorVersion: one, MinorVersion: zero, Status: types.TemplateVersionStatusPublished})
	if got := must(t, c.GetServiceTemplate, proton.GetServiceTemplateInput{Name: web}).ServiceTemplate.RecommendedVersion; aws.ToString(got) != "1.0" {
		t.Errorf("recommended: %v", aws.ToString(got))
	}
}

func (l *life) environment(t *testing.T) {
	t.Helper()
	name, spec := aws.String("prod"), "proton: EnvironmentSpec\nspec: {size: big}\n"
	must(t, l.c.CreateEnvironment, proton.CreateEnvironmentInput{Name: name, TemplateName: aws.String("net"), TemplateMajorVersion: aws.String("1"), Spec: &spec})
	l.deployed(t, "prod")
	out := must(t, l.c.ListEnvironmentOutputs, proton.ListEnvironmentOutputsInput{EnvironmentName: name}).Outputs
	if len(out) != 1 || *out[0].ValueString != "big" {
		t.Errorf("outputs of prod: %v", out)
	}
	made := must(t, l.c.ListEnvironmentProvisionedResources, proton.ListEnvironmentProvisionedResourcesInput{EnvironmentName: name}).ProvisionedResources
	if (len(made) > 0) != l.resources {
		t.Errorf("resources of prod: %v", made)
	}
	for _, r := range made {
		if id := aws.ToString(r.Identifier); r.ProvisioningEngine == types.ProvisionedResourceEngineCloudformation && !strings.Contains(id, ":stack/"+aws.ToString(r.Name)+"/") {
			t.Errorf("the stack of prod is %s", id)
		}
	}
	spec = "proton: EnvironmentSpec\nspec: {size: huge}\n"
	must(t, l.c.UpdateEnvironment, proton.UpdateEnvironmentInput{Name: name, DeploymentType: types.DeploymentUpdateTypeCurrentVersion, Spec: &spec})
	l.deployed(t, "prod")
	d := must(t, l.c.ListDeployments, proton.ListDeploymentsInput{EnvironmentName: name}).Deployments
	before := must(t, l.c.ListEnvironmentOutputs, proton.ListEnvironmentOutputsInput{EnvironmentName: name, DeploymentId: d[1].Id}).Outputs
	if len(d) != 2 || *before[0].ValueString != "big" {
		t.Errorf("%d deployments, the first with %v", len(d), before)
	}
}

func (l *life) deployed(t *testing.T, name string) {
	t.Helper()
	w := proton.NewEnvironmentDeployedWaiter(l.c, func(o *proton.EnvironmentDeployedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	})
	done(t, w.Wait(t.Context(), &proton.GetEnvironmentInput{Name: &name}, lifeTakes))
}

func (l *life) services(t *testing.T) {
	t.Helper()
	c, ctx, shop := l.c, t.Context(), aws.String("shop")
	spec := "proton: ServiceSpec\npipeline: {size: wide}\ninstances:\n  - {name: eu, environment: prod, spec: {size: one}}\n  - {name: us, environment: prod}\n"
	must(t, c.CreateService, proton.CreateServiceInput{
		Name: shop, TemplateName: aws.String("web"), TemplateMajorVersion: aws.String("1"), Spec: &spec, RepositoryId: aws.String("acme/shop"), BranchName: aws.String("main"),
		RepositoryConnectionArn: aws.String("arn:aws:codestar-connections:us-east-1:123456789012:connection/11111111-1111-1111-1111-111111111111"),
	})
	done(t, proton.NewServiceCreatedWaiter(c, func(o *proton.ServiceCreatedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetServiceInput{Name: shop}, lifeTakes))
	done(t, proton.NewServicePipelineDeployedWaiter(c, func(o *proton.ServicePipelineDeployedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetServiceInput{Name: shop}, lifeTakes))
	pipeline := must(t, c.ListServicePipelineOutputs, proton.ListServicePipelineOutputsInput{ServiceName: shop}).Outputs
	if len(pipeline) != 1 || *pipeline[0].ValueString != "wide" {
		t.Errorf("outputs of the pipeline: %v", pipeline)
	}
	// The pipelines of bundles: the whole document, of which one instance counts.
	document := strings.NewReplacer("one", "two", "wide", "never").Replace(*must(t, c.GetService, proton.GetServiceInput{Name: shop}).Service.Spec)
	must(t, c.UpdateServiceInstance, proton.UpdateServiceInstanceInput{
		Name: aws.String("eu"), ServiceName: shop, DeploymentType: types.DeploymentUpdateTypeCurrentVersion, Spec: &document,
	})
	done(t, proton.NewServiceInstanceDeployedWaiter(c, func(o *proton.ServiceInstanceDeployedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetServiceInstanceInput{Name: aws.String("eu"), ServiceName: shop}, lifeTakes))
	for instance, want := range map[string]string{"eu": "two in huge", "us": "small in huge"} {
		out := must(t, c.ListServiceInstanceOutputs, proton.ListServiceInstanceOutputsInput{ServiceName: shop, ServiceInstanceName: &instance}).Outputs
		if len(out) != 1 || *out[0].ValueString != want {
			t.Errorf("outputs of %s: %v, want %s", instance, out, want)
		}
	}
	if l.resources { // the engines differ no more in what follows
		return
	}
	l.settled(t)
	more := *must(t, c.GetService, proton.GetServiceInput{Name: shop}).Service.Spec + "  - {name: asia, environment: prod}\n"
	must(t, c.UpdateService, proton.UpdateServiceInput{Name: shop, Spec: &more})
	done(t, proton.NewServiceUpdatedWaiter(c, func(o *proton.ServiceUpdatedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetServiceInput{Name: shop}, lifeTakes))
	if got := must(t, c.ListServiceInstances, proton.ListServiceInstancesInput{ServiceName: shop}).ServiceInstances; len(got) != 3 {
		t.Errorf("%d instances, want 3", len(got))
	}
	l.settled(t)
}

// settled waits until a service and its pipeline rest.
func (l *life) settled(t *testing.T) {
	t.Helper()
	soon(t, func() bool {
		s := must(t, l.c.GetService, proton.GetServiceInput{Name: aws.String("shop")}).Service
		return s.Status == types.ServiceStatusActive && s.Pipeline.DeploymentStatus == types.DeploymentStatusSucceeded
	})
}

func (l *life) components(t *testing.T) {
	t.Helper()
	c, ctx, queue := l.c, t.Context(), aws.String("queue")
	must(t, c.CreateComponent, proton.CreateComponentInput{Name: queue, EnvironmentName: aws.String("prod"), Manifest: &l.manifest, TemplateFile: &l.component})
	done(t, proton.NewComponentDeployedWaiter(c, func(o *proton.ComponentDeployedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetComponentInput{Name: queue}, lifeTakes))
	out := must(t, c.ListComponentOutputs, proton.ListComponentOutputsInput{ComponentName: queue}).Outputs
	if len(out) != 1 || *out[0].ValueString != "made" {
		t.Errorf("outputs of queue: %v", out)
	}
	if _, err := c.DeleteEnvironment(ctx, &proton.DeleteEnvironmentInput{Name: aws.String("prod")}); err == nil {
		t.Error("an environment with a component and a service was deleted")
	}
	must(t, c.DeleteComponent, proton.DeleteComponentInput{Name: queue})
	done(t, proton.NewComponentDeletedWaiter(c, func(o *proton.ComponentDeletedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetComponentInput{Name: queue}, lifeTakes))
}

func (l *life) end(t *testing.T) {
	t.Helper()
	c, ctx, net, web, one, zero := l.c, t.Context(), aws.String("net"), aws.String("web"), aws.String("1"), aws.String("0")
	must(t, c.DeleteService, proton.DeleteServiceInput{Name: aws.String("shop")})
	done(t, proton.NewServiceDeletedWaiter(c, func(o *proton.ServiceDeletedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).
		Wait(ctx, &proton.GetServiceInput{Name: aws.String("shop")}, lifeTakes))
	must(t, c.DeleteEnvironment, proton.DeleteEnvironmentInput{Name: aws.String("prod")})
	soon(t, func() bool {
		_, err := c.GetEnvironment(ctx, &proton.GetEnvironmentInput{Name: aws.String("prod")})
		_, gone := errors.AsType[*types.ResourceNotFoundException](err)
		return gone
	})
	for _, minor := range []*string{one, zero} {
		must(t, c.DeleteEnvironmentTemplateVersion, proton.DeleteEnvironmentTemplateVersionInput{TemplateName: net, MajorVersion: one, MinorVersion: minor})
	}
	must(t, c.DeleteServiceTemplateVersion, proton.DeleteServiceTemplateVersionInput{TemplateName: web, MajorVersion: one, MinorVersion: zero})
	must(t, c.DeleteEnvironmentTemplate, proton.DeleteEnvironmentTemplateInput{Name: net})
	must(t, c.DeleteServiceTemplate, proton.DeleteServiceTemplateInput{Name: web})
	left := must(t, c.GetResourcesSummary, proton.GetResourcesSummaryInput{}).Counts
	if n := *left.EnvironmentTemplates.Total + *left.ServiceTemplates.Total + *left.Environments.Total + *left.Services.Total; n != 0 {
		t.Errorf("%d things are left", n)
	}
}
