package main_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"baryon/renderer"
)

// renderEnvironment checks and renders the environment in an example file.
func renderEnvironment(t *testing.T, b *renderer.Bundle, name string) *renderer.Rendered {
	t.Helper()
	doc := exampleDocument(t, name)
	values, problems := b.Schema.Environment.Check(doc.Get("spec"), renderer.CheckOptions{Strict: true})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	environment := renderer.Environment{
		Name: strings.TrimSuffix(path.Base(name), ".yaml"), AccountID: "000000000000", Inputs: values,
	}
	rendered, err := renderer.New(renderer.Config{}).Render(t.Context(), b, renderer.PartEnvironment,
		renderer.Inputs{Environment: environment}, renderer.Provision)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

// runCommands runs rendered commands as one shell session in a folder that holds
// the files, and returns the outputs they hand back.
func runCommands(ctx context.Context, t *testing.T, r *renderer.Rendered) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, r.Files); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "sh", "-e")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(strings.Join(r.Commands, "\n"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(filepath.Join(dir, "proton-outputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Key         string `json:"key"`
		ValueString string `json:"valueString"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	outputs := map[string]string{}
	for _, o := range list {
		outputs[o.Key] = o.ValueString
	}
	return outputs
}

func TestExampleEnvironmentsRun(t *testing.T) {
	t.Parallel()
	b := openExample(t, "demo/web-env/v1")
	for name, want := range map[string]map[string]string{
		"demo/environments/dev.yaml": {
			"NetworkId": "net-99349", "Nodes": "1", "Endpoint": "http://dev.web.test",
		},
		"demo/environments/prod.yaml": {
			"NetworkId": "net-3449687", "Nodes": "3", "Endpoint": "http://web.test",
		},
		"demo-broken/environments/staging.yaml": {
			"NetworkId": "net-476658524", "Nodes": "1", "Endpoint": "http://staging.web.test",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runCommands(t.Context(), t, renderEnvironment(t, b, name))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExampleServiceRuns(t *testing.T) {
	t.Parallel()
	b := openExample(t, "demo-services/web-svc/v1")
	doc := exampleDocument(t, "demo-services/services/shop.yaml")
	service := renderer.Service{Name: "shop", RepositoryID: "acme/shop", BranchName: "main"}
	environment := renderer.Environment{
		Name: "dev", AccountID: "000000000000",
		Outputs: map[string]string{"Endpoint": "http://dev.web.test:8080", "NetworkId": "net-1", "Nodes": "3"},
	}
	r := renderer.New(renderer.Config{})
	var running []renderer.PipelineInstance
	for _, instance := range doc.Get("instances").Items {
		values, problems := b.Schema.Service.Check(instance.Get("spec"), renderer.CheckOptions{Strict: true})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		name := instance.Get("name").Text
		rendered, err := r.Render(t.Context(), b, renderer.PartInstance, renderer.Inputs{
			Environment: environment, Service: service,
			ServiceInstance: renderer.ServiceInstance{Name: name, Inputs: values},
		}, renderer.Provision)
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, renderer.PipelineInstance{
			Name: name, Inputs: values, Environment: environment, Outputs: runCommands(t.Context(), t, rendered),
		})
	}
	if got, want := running[1].Outputs["Url"], "http://dev.web.test:8080/shop-canary"; got != want {
		t.Errorf("address of the second instance: got %s, want %s", got, want)
	}
	values, problems := b.Schema.Pipeline.Check(doc.Get("pipeline"), renderer.CheckOptions{Strict: true})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rendered, err := r.Render(t.Context(), b, renderer.PartPipeline, renderer.Inputs{
		Service: service, Pipeline: renderer.Pipeline{Inputs: values}, Instances: running,
	}, renderer.Provision)
	if err != nil {
		t.Fatal(err)
	}
	if got := runCommands(t.Context(), t, rendered)["Stages"]; got != "3" {
		t.Errorf("stages of the pipeline: got %s, want 3", got)
	}
}

func TestExampleStackRenders(t *testing.T) {
	t.Parallel()
	rendered := renderEnvironment(t, openExample(t, "aws/vpc-env/v1"), "aws/environments/staging.yaml")
	text, err := fs.ReadFile(rendered.Files, rendered.Template)
	if err != nil {
		t.Fatal(err)
	}
	// The tags of CloudFormation (!Ref) are kept by yaml.Node alone.
	var template struct {
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	want := []string{
		"DefaultRoute", "FlowLog", "FlowLogGroup", "FlowLogRole", "Gateway", "GatewayAttachment", "Routes",
		"Subnet1", "Subnet1Routes", "Subnet2", "Subnet2Routes", "Vpc",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(template.Resources))); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
}
