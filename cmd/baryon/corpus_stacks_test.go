package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"baryon/provisioner"
	"baryon/renderer"
)

// corpusWorlds are the public bundles that are deployed together: an
// environment, with what is changed in its spec, and the services made for it.
var corpusWorlds = []struct {
	environment, spec, change string
	services                  []string
}{
	{"environment-templates/fargate-env", "spec/spec.yaml", "  private_subnet_two_cidr: 10.0.192.0/24", []string{
		"service-templates/backend-fargate-svc", "service-templates/load-balanced-fargate-svc",
		"service-templates/scheduled-fargate-svc", "service-templates/worker-fargate-svc",
	}},
	{"environment-templates/ecs-ec2-env", "spec/spec.yaml", "  MaxSize: 7", []string{
		"service-templates/backend-ecs-ec2-svc", "service-templates/load-balanced-ecs-ec2-svc",
		"service-templates/scheduled-ecs-ec2-svc", "service-templates/worker-ecs-ec2-svc",
	}},
	{"environment-templates/vpc-env", "spec/spec.yaml", "  private_subnet_two_cidr: 10.0.192.0/24", []string{
		"service-templates/apigw-lambda-svc", "service-templates/apprunner-svc",
		"service-templates/scheduled-lambda-svc", "service-templates/worker-lambda-svc",
	}},
	{"lambda-multi-svc/lambda-env", "../specs/env-spec.yaml", "  ttl_attribute: expires", []string{
		"lambda-multi-svc/service-crud", "lambda-multi-svc/service-data-processing",
	}},
	{"loadbalanced-fargate-svc/loadbalanced-fargate-env", "../specs/env-spec.yaml", "  subnet_two_cidr: 10.0.2.0/24", []string{
		"loadbalanced-fargate-svc/loadbalanced-fargate-svc",
	}},
	{"public-private-fargate-microservices/microservices-env", "../specs/env-spec.yaml", "  private_subnet_two_cidr: 10.0.5.0/24", []string{
		"public-private-fargate-microservices/microservices-svc/loadbalanced-public-svc",
		"public-private-fargate-microservices/microservices-svc/private-fargate-svc",
	}},
}

// corpusSpecs are the specs of services that do not lie beside them.
var corpusSpecs = map[string]string{
	"lambda-multi-svc/service-crud":                                                  "lambda-multi-svc/specs/svc-spec.yaml",
	"lambda-multi-svc/service-data-processing":                                       "",
	"loadbalanced-fargate-svc/loadbalanced-fargate-svc":                              "loadbalanced-fargate-svc/specs/svc-spec.yaml",
	"public-private-fargate-microservices/microservices-svc/loadbalanced-public-svc": "public-private-fargate-microservices/specs/svc-public-spec.yaml",
	"public-private-fargate-microservices/microservices-svc/private-fargate-svc":     "public-private-fargate-microservices/specs/svc-private-spec.yaml",
}

// TestCorpusStacks takes every public CloudFormation bundle through its life:
// rendered with the sample spec that comes with it and with the outputs that the
// stacks before it really gave, created, changed as its users would, and
// deleted.
func TestCorpusStacks(t *testing.T) {
	if testing.Short() {
		t.Skip("many stacks are left out of short runs")
	}
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	rehearsalKeys(t)
	dir = filepath.Join(dir, "cloudformation")
	left := map[string]bool{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, "/cloudformation.yaml") {
			left[name] = true
		}
		return err
	})
	if err != nil || len(left) != 41 {
		t.Fatal(len(left), err)
	}
	delete(left, "component-templates/s3-bucket-component/cloudformation.yaml")
	for _, world := range corpusWorlds {
		delete(left, world.environment+"/v1/infrastructure/cloudformation.yaml")
		for _, service := range world.services {
			delete(left, service+"/v1/instance_infrastructure/cloudformation.yaml")
			delete(left, service+"/v1/pipeline_infrastructure/cloudformation.yaml")
		}
		t.Run(world.environment, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			env := sample{template: filepath.Join(dir, world.environment, "v1"), spec: read(t, filepath.Join(dir, world.environment, world.spec))}
			outputs := r.deploy("environment", r.render(env), "CREATE_COMPLETE")
			var undo []func()
			for _, service := range world.services {
				undo = append(undo, r.corpusService(dir, service, outputs))
			}
			for _, u := range undo {
				u()
			}
			env.spec = changed(env.spec, world.change)
			files := r.render(env)
			r.deploy("environment", files, "UPDATE_COMPLETE")
			r.remove("environment", files)
		})
	}
	if len(left) > 0 {
		t.Errorf("bundles in no world: %v", slices.Sorted(maps.Keys(left)))
	}
	// Code that was not uploaded is refused by the serverless transform: the
	// pipelines of these bundles upload it and write its place into the spec.
	t.Run("code on a disk", func(t *testing.T) {
		t.Parallel()
		for _, service := range []string{"service-templates/apigw-lambda-svc", "service-templates/scheduled-lambda-svc", "service-templates/worker-lambda-svc"} {
			r := rehearse(t)
			s := sample{template: filepath.Join(dir, service, "v1"), spec: withInput(read(t, filepath.Join(dir, service, "spec/spec.yaml")), "code_uri: ./src")}
			p, _ := r.apply(provisioner.Provision, "function", r.render(s))
			if p.State != provisioner.Failed || !strings.Contains(p.Message, "'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.") {
				t.Errorf("%s: %s: %s", service, p.State, p.Message)
			}
		}
	})
	t.Run("component", func(t *testing.T) {
		t.Parallel()
		r := rehearse(t)
		files := r.render(sample{template: filepath.Join(dir, "component-templates/s3-bucket-component")})
		r.deploy("component", files, "CREATE_COMPLETE")
		f, _ := files.Get("cloudformation.yaml")
		f.Data = []byte(strings.Replace(string(f.Data), "Status: Enabled", "Status: Suspended", 1))
		files = renderer.NewFiles(map[string]renderer.File{"cloudformation.yaml": f})
		r.deploy("component", files, "UPDATE_COMPLETE")
		r.remove("component", files)
	})
}

// corpusService creates and changes the stacks of a service, its instance
// first, and returns what deletes them.
func (r *rehearsal) corpusService(dir, service string, environment map[string]string) func() {
	r.t.Helper()
	template, name := filepath.Join(dir, service, "v1"), filepath.Base(service)
	file, elsewhere := corpusSpecs[service]
	if !elsewhere {
		file = service + "/spec/spec.yaml"
	}
	spec := "proton: ServiceSpec\npipeline: {}\ninstances:\n  - name: prod\n    environment: prod\n    spec: {}\n"
	if file != "" {
		spec = read(r.t, filepath.Join(dir, file))
	}
	if elsewhere && file != "" { // the sample names an input that the schema does not have
		spec = strings.Replace(spec, "packaging_commands:", "packaging_command:", 1)
	}
	instance := sample{template: template, spec: spec, outputs: maps.Clone(environment)}
	pipeline := sample{template: template, spec: spec, outputs: maps.Clone(environment), pipeline: true}
	maps.Copy(pipeline.outputs, r.deploy(name, r.render(instance), "CREATE_COMPLETE"))
	r.deploy(name+"-pipeline", r.render(pipeline), "CREATE_COMPLETE")

	// The pipelines of functions write where they put the code into the spec;
	// the others write the image.
	input := "image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1"
	if strings.Contains(spec+read(r.t, filepath.Join(template, "schema/schema.yaml")), "code_uri") {
		input = "code_uri: s3://functions/1/function.zip"
	}
	instance.spec = withInput(spec, input)
	pipeline.spec = strings.Replace(spec, "pipeline: {}", "pipeline:\n  unit_test_command: make check", 1)
	if strings.Contains(spec, "unit_test_command:") {
		pipeline.spec = unitTest.ReplaceAllString(spec, "  unit_test_command: make check")
	}
	files, pipelineFiles := r.render(instance), r.render(pipeline)
	r.deploy(name, files, "UPDATE_COMPLETE")
	r.deploy(name+"-pipeline", pipelineFiles, "UPDATE_COMPLETE")
	return func() {
		r.remove(name+"-pipeline", pipelineFiles)
		r.remove(name, files)
	}
}

var (
	unitTest = regexp.MustCompile(`(?m)^  unit_test_command:.*$`)
	noSpec   = regexp.MustCompile(`(?m)^    environment: .*$`)
	hasSpec  = regexp.MustCompile(`(?m)^    spec:.*$`)
)

// withInput sets one more input of the instance in a spec, or another value.
func withInput(spec, input string) string {
	key, _, _ := strings.Cut(input, ":")
	spec = regexp.MustCompile(`(?m)^      `+key+`:.*\n?`).ReplaceAllString(spec, "")
	if !hasSpec.MatchString(spec) {
		spec = noSpec.ReplaceAllString(spec, "$0\n    spec:")
	}
	return hasSpec.ReplaceAllString(spec, "    spec:\n      "+input)
}

// changed gives an environment's spec another value.
func changed(spec, line string) string {
	key, _, _ := strings.Cut(line, ":")
	return regexp.MustCompile(`(?m)^`+key+`:.*\n?`).ReplaceAllString(spec, "") + "\n" + line + "\n"
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
