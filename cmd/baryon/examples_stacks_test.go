package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// An example is a document of examples/aws, and what its users change first.
type example struct {
	template, from, to string
	pipeline           bool
}

var exampleEnvironments = map[string]example{
	"dev":             {template: "fargate-env", from: "nat_gateways: 1", to: "nat_gateways: 2"},
	"test":            {template: "fargate-env", from: "log_days: 7", to: "log_days: 30"},
	"prod":            {template: "fargate-env", from: "log_days: 90", to: "log_days: 365\n  alarm_email: ops@example.com"},
	"serverless-dev":  {template: "serverless-env", from: "spec: {}", to: "spec: {alarm_email: ops@example.com}"},
	"serverless-test": {template: "serverless-env", from: "spec: {}", to: "spec: {alarm_email: ops@example.com}"},
	"serverless-prod": {template: "serverless-env", from: "spec: {}", to: "spec: {alarm_email: ops@example.com}"},
	"staging":         {template: "vpc-env", from: "flow_logs: true", to: "flow_logs: false"},
}

var exampleServices = map[string]example{
	"shop":   {template: "fargate-svc", pipeline: true, from: "{", to: "{image: nginx, certificate_arn: 'arn:aws:acm:us-east-1:123456789012:certificate/1', "},
	"mailer": {template: "worker-svc", pipeline: true, from: "{", to: "{image: worker, backlog_per_task: 10, "},
	"hello":  {template: "api-svc", from: "table: true", to: "table: true, code_bucket: code, timeout: 20"},
	"docs":   {template: "site-svc", from: "spec: {", to: "spec: {domain: www.example.com, certificate_arn: 'arn:aws:acm:us-east-1:123456789012:certificate/1', single_page: true, "},
}

// TestExampleStacks takes everything in examples/aws through its life in a
// simulated account, services in environments that are really there.
func TestExampleStacks(t *testing.T) {
	if testing.Short() {
		t.Skip("many stacks are left out of short runs")
	}
	rehearsalKeys(t)
	dir := filepath.Join("..", "..", "examples", "aws")
	files, err := filepath.Glob(filepath.Join(dir, "*s", "*.yaml"))
	if err != nil || len(files) != len(exampleEnvironments)+len(exampleServices) {
		t.Errorf("%d documents, %v; %d are tried", len(files), err, len(exampleEnvironments)+len(exampleServices))
	}
	for _, fleet := range []struct {
		environments, services []string
	}{
		{[]string{"dev", "test", "prod"}, []string{"shop", "mailer"}},
		{[]string{"serverless-dev", "serverless-test", "serverless-prod"}, []string{"hello", "docs"}},
		{[]string{"staging"}, nil},
	} {
		t.Run(fleet.environments[0], func(t *testing.T) {
			t.Parallel()
			f := &exampleFleet{rehearsal: rehearse(t), dir: dir, outputs: map[string]map[string]string{}}
			for _, name := range fleet.environments {
				f.environment(name, false)
			}
			for _, name := range fleet.services {
				f.service(name, false)
				f.service(name, true)
			}
			for _, undo := range slices.Backward(f.undo) {
				undo()
			}
			f.undo = nil
			for _, name := range fleet.environments {
				f.environment(name, true)
			}
			for _, undo := range f.undo {
				undo()
			}
			if left := f.sim.Stacks(rehearsalAccount, "eu-west-1"); len(left) != 0 {
				t.Errorf("stacks that are left: %v", left)
			}
		})
	}
}

// The examples' own tests pass, as their authors run them.
func TestExampleTests(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("all examples are left out of short runs")
	}
	if out, _, err := command(t.Context(), "test", filepath.Join("..", "..", "examples", "aws")); err != nil || strings.Count(out, "ok ") < 15 {
		t.Errorf("%v\n%s", err, out)
	}
}

// An exampleFleet is what of the examples stands in one simulated account.
type exampleFleet struct {
	*rehearsal

	dir     string
	outputs map[string]map[string]string // of environments
	undo    []func()
}

func (e example) text(t *testing.T, dir, kind, name string, changed bool) string {
	t.Helper()
	text := read(t, filepath.Join(dir, kind, name+".yaml"))
	if changed {
		next := strings.ReplaceAll(text, e.from, e.to)
		if kind == "services" {
			next = instanceSpec.ReplaceAllStringFunc(text, func(line string) string { return strings.Replace(line, e.from, e.to, 1) })
		}
		if next == text {
			t.Fatalf("%s %s has no %q", kind, name, e.from)
		}
		return next
	}
	return text
}

var instanceSpec = regexp.MustCompile(`(?m)^    spec: .*$`)

func (f *exampleFleet) environment(name string, changed bool) {
	f.t.Helper()
	e, want := exampleEnvironments[name], "CREATE_COMPLETE"
	if changed {
		want = "UPDATE_COMPLETE"
	}
	files := f.render(sample{template: filepath.Join(f.dir, e.template, "v1"), spec: e.text(f.t, f.dir, "environments", name, changed)})
	f.outputs[name] = f.deploy("environment-"+name, files, want)
	if changed {
		f.undo = append(f.undo, func() { f.remove("environment-"+name, files) })
	}
}

// service deploys a service's instances and its pipeline, and what it changes.
func (f *exampleFleet) service(name string, changed bool) {
	f.t.Helper()
	e, want := exampleServices[name], "CREATE_COMPLETE"
	if changed {
		want = "UPDATE_COMPLETE"
	}
	s := sample{template: filepath.Join(f.dir, e.template, "v1"), spec: e.text(f.t, f.dir, "services", name, changed)}
	var kinds [][]string
	for _, stage := range []string{"dev", "test", "prod"} {
		environment := stage
		if f.outputs[stage] == nil {
			environment = "serverless-" + stage
		}
		s.instance, s.outputs = stage, f.outputs[environment]
		files := f.render(s)
		stack := "service-" + name + "-" + stage
		f.deploy(stack, files, want)
		text, _ := files.Get("cloudformation.yaml")
		kinds = append(kinds, resourceKinds(f.t, text.Data))
		if changed {
			f.undo = append(f.undo, func() { f.remove(stack, files) })
		}
	}
	// The stages are kept alike: the same resources, whatever their sizes.
	for _, other := range kinds[1:] {
		if diff := cmp.Diff(kinds[0], other); diff != "" {
			f.t.Errorf("%s: resources of dev and of a later stage (-dev +later):\n%s", name, diff)
		}
	}
	if !e.pipeline {
		return
	}
	s.instance, s.pipeline = "", true
	if changed {
		s.spec = strings.Replace(strings.Replace(s.spec, "tag: release", "tag: stable", 1), "make test", "make check", 1)
	}
	files := f.render(s)
	f.deploy("service-"+name+"-pipeline", files, want)
	if changed {
		f.undo = append(f.undo, func() { f.remove("service-"+name+"-pipeline", files) })
	}
}

// resourceKinds are the logical IDs and types of a template.
func resourceKinds(t *testing.T, text []byte) []string {
	t.Helper()
	var template struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(template.Resources)) {
		out = append(out, id+" "+template.Resources[id].Type)
	}
	return out
}
