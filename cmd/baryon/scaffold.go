package main

import (
	"fmt"
	"strings"
)

// engines are what the files of a template can be for, the one first that
// needs no account.
var engines = []string{"commands", "cloudformation", "terraform"}

// templateFiles are the files of a new template.
func templateFiles(name, engine string, service, pipeline bool, runsIn []string) map[string]string {
	at := name + "/v1/"
	files := map[string]string{}
	if !service {
		files[at+"schema/schema.yaml"] = environmentSchema
		part(files, at+"infrastructure/", engine, environmentPart)
		files[at+"tests/defaults.yaml"] = fmt.Sprintf(environmentTest, testFile(engine, environmentPart), environmentPart.want)
		return files
	}
	schema := serviceSchema
	if pipeline {
		schema = strings.Replace(schema, "  types:\n", "  pipeline_input_type: Pipeline\n  types:\n", 1) + pipelineType
		part(files, at+"pipeline_infrastructure/", engine, pipelinePart)
	}
	files[at+"schema/schema.yaml"] = schema
	var compatible strings.Builder
	for _, e := range runsIn {
		fmt.Fprintf(&compatible, "  - %s\n", e)
	}
	files[at+".template-registration.yaml"] = "compatible_environments:\n" + compatible.String()
	part(files, at+"instance_infrastructure/", engine, instancePart)
	files[at+"tests/defaults.yaml"] = fmt.Sprintf(instanceTest, testFile(engine, instancePart), instancePart.want)
	return files
}

// A scaffoldPart is what the parts of new templates differ in.
type scaffoldPart struct {
	name, size string // expressions, in Jinja; Terraform reads the same with var. in front
	want       string // what a test finds in the result
}

var (
	environmentPart = scaffoldPart{"environment.name", "environment.inputs.size", "small"}
	instancePart    = scaffoldPart{"service_instance.name", "service_instance.inputs.size", "small"}
	pipelinePart    = scaffoldPart{"service.name", "pipeline.inputs.branch", "main"}
)

// testFile is the file in which the first test looks.
func testFile(engine string, _ scaffoldPart) string {
	return map[string]string{"commands": ".baryon/provision.sh", "cloudformation": "cloudformation.yaml", "terraform": "proton.auto.tfvars.json"}[engine]
}

// part adds the files of one part.
func part(files map[string]string, dir, engine string, p scaffoldPart) {
	switch engine {
	case "cloudformation":
		files[dir+"manifest.yaml"] = cloudFormationManifest
		files[dir+"cloudformation.yaml"] = fmt.Sprintf(cloudFormationFile, p.size, p.name)
	case "terraform":
		files[dir+"manifest.yaml"] = terraformManifest
		files[dir+"main.tf"] = fmt.Sprintf(terraformFile, p.size, p.name)
	default:
		files[dir+"manifest.yaml"] = fmt.Sprintf(commandsManifest, p.name, p.size, p.name)
		files[dir+"apply.sh"] = commandsScript
	}
}

const environmentSchema = `# The inputs that specs may give; see: baryon schema
schema:
  format:
    openapi: "3.0.0"
  environment_input_type: Environment
  types:
    Environment:
      type: object
      description: What an environment can be asked for
      properties:
        size:
          type: string
          description: How large it is
          enum: [small, medium, large]
          default: small
`

const serviceSchema = `# The inputs that specs may give; see: baryon schema
schema:
  format:
    openapi: "3.0.0"
  service_input_type: Instance
  types:
    Instance:
      type: object
      description: What an instance can be asked for
      properties:
        size:
          type: string
          description: How large it is
          enum: [small, medium, large]
          default: small
`

const pipelineType = `    Pipeline:
      type: object
      description: What the pipeline can be asked for
      properties:
        branch:
          type: string
          description: The branch it delivers
          pattern: "^[A-Za-z0-9/._-]+$"
          default: main
`

const commandsManifest = `# Commands make the infrastructure. What stands in double braces is filled in from
# the spec; the same values lie beside them as proton-inputs.json.
infrastructure:
  templates:
    - rendering_engine: codebuild
      settings:
        provision:
          - export NAME="{{ %s }}" SIZE="{{ %s }}"
          - sh ./apply.sh
        deprovision:
          - echo "{{ %s }} is gone"
`

const commandsScript = `# Stands where terraform apply, cdk deploy or kubectl apply would be.
set -eu
echo "applying $NAME, $SIZE"

# Outputs are handed back in this file.
cat >proton-outputs.json <<END
[{"key": "Name", "valueString": "$NAME"}]
END
`

const cloudFormationManifest = `infrastructure:
  templates:
    - file: cloudformation.yaml
      rendering_engine: jinja
      template_language: cloudformation
`

const cloudFormationFile = `AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Tags:
        - Key: size
          Value: "{{ %s }}"
        - Key: name
          Value: "{{ %s }}"
Outputs:
  TopicArn:
    Value: !Ref Topic
`

const terraformManifest = `infrastructure:
  templates:
    - file: "*"
      rendering_engine: hcl
      template_language: terraform
`

const terraformFile = `resource "terraform_data" "example" {
  input = {
    size = var.%s
    name = var.%s
  }
}

output "Name" {
  value = terraform_data.example.output.name
}
`

const environmentTest = `# baryon test compares what the template makes of this spec with what is expected.
spec:
  proton: EnvironmentSpec
  spec: {}
name: dev
expect:
  %s:
    contains: [%s]
`

const instanceTest = `# baryon test compares what the template makes of this spec with what is expected.
spec:
  proton: ServiceSpec
  instances:
    - {name: dev, environment: dev, spec: {}}
name: shop
expect:
  %s:
    contains: [%s]
`
