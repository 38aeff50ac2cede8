package renderer

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"baryon/renderer/jinja"
)

const (
	managedHeader = `/*
This file is managed by AWS Proton. Any changes made directly to this file will be overwritten the next time AWS Proton performs an update.

To manage this resource, see AWS Proton Resource: %s

If the resource is no longer accessible within AWS Proton, it may have been deleted and may require manual cleanup.
*/

`
	deletedHeader = `/*
This file is no longer managed by AWS Proton. The associated resource has been deleted in Proton.
*/

`
	// VariablesJSON is the generated file that holds the values of a Terraform
	// part. Terraform reads its strings as data: ${…} in them is not evaluated.
	VariablesJSON = "proton.auto.tfvars.json"
	// MetadataFile is the generated file by which automation on the user's side
	// notices a deployment.
	MetadataFile = ".proton/deployment-metadata.json"

	deletedDeployment = "<proton-resource-deleted>"
)

// VariablesFile is the name of the generated file that declares the variables
// of a Terraform part.
func VariablesFile(p Part) string { return "proton." + string(p) + ".variables.tf" }

// terraformFiles are what a Terraform part applies: the files of the template
// as they are, the declarations of the variables, and their values. Terraform
// code is never rendered.
func terraformFiles(b *Bundle, p Part, in Inputs) map[string]File {
	header := fmt.Sprintf(managedHeader, comment(in.ARN))
	files := map[string]File{}
	m := b.Parts[p]
	for name, f := range b.files {
		if partDir(p) == path.Dir(name) && strings.HasSuffix(name, ".tf") && (m.Template == "*" || m.Template == path.Base(name)) {
			files[path.Base(name)] = File{Data: append([]byte(header), f.Data...)}
		}
	}
	files[VariablesFile(p)] = File{Data: []byte(header + declarations(p))}
	files[VariablesJSON] = File{Data: variableValues(p, in)}
	return files
}

// comment keeps a text from ending the comment it is written into.
func comment(s string) string { return strings.ReplaceAll(s, "*/", "* /") }

func variableValues(p Part, in Inputs) []byte {
	root := in.Namespace(p)
	if len(in.Tags) > 0 {
		root.Set("proton_tags", in.tags())
	}
	root.Set("//", in.ARN)
	return prettyJSON(root)
}

const (
	environmentInputs = `variable "environment" {
  type = object({
    inputs = any
    name   = string
  })
}
`
	environmentOutputs = `variable "environment" {
  type = object({
    account_id = string
    name       = string
    outputs    = map(string)
  })
  default = null
}
`
	serviceFields = `variable "service" {
  type = object({
    name                      = string
    branch_name               = string
    repository_connection_arn = string
    repository_id             = string
  })
%s}
`
	serviceName = `variable "service" {
  type = object({
    name = string
  })
  default = null
}
`
	instanceFields = `variable "service_instance" {
  type = object({
    name       = string
    inputs     = any
    components = map(any)
  })
  default = null
}
`
	instanceInputs = `variable "service_instance" {
  type = object({
    name   = string
    inputs = map(string)
  })
  default = null
}
`
	instanceList = `variable "service_instances" {
  type = list(
    object({
      name    = string
      inputs  = any
      outputs = map(string)
      environment = object({
        account_id = string
        name       = string
        outputs    = map(string)
      })
    })
  )
}
`
	pipelineFields = `variable "pipeline" {
  type = object({
    inputs = any
  })
  default = null
}
`
	componentFields = `variable "component" {
  type = object({
    name = string
  })
}
`
	tagsField = `variable "proton_tags" {
  type    = map(string)
  default = null
}
`
)

// declarations declare the variables a part may read, in the layout of
// terraform fmt. They are AWS Proton's word for word, with their limits: a
// pipeline whose instances have inputs of different types is refused by
// Terraform, which wants one type for all items of a list.
func declarations(p Part) string {
	blocks := map[Part][]string{
		PartEnvironment: {environmentInputs},
		PartInstance:    {environmentOutputs, fmt.Sprintf(serviceFields, ""), instanceFields},
		PartPipeline:    {pipelineFields, fmt.Sprintf(serviceFields, "  default = null\n"), instanceList},
		PartComponent:   {componentFields, environmentOutputs, serviceName, instanceInputs},
	}[p]
	return strings.Join(append(blocks, tagsField), "\n")
}

// Metadata describes a deployment to the automation that applies a pull
// request.
type Metadata struct {
	DeploymentID                               string
	ResourceARN                                string
	TemplateARN                                string // without version; unused for components
	TemplateMajorVersion, TemplateMinorVersion string
	EnvironmentARN                             string // of the environment an instance or component is in
	Deleted                                    bool   // the resource is gone: DeploymentID is not written
}

// JSON gives the content of MetadataFile for a part.
func (m Metadata) JSON(p Part) []byte {
	id := m.DeploymentID
	if m.Deleted {
		id = deletedDeployment
	}
	root := dict("deploymentId", id, "isResourceDeleted", m.Deleted)
	if p == PartComponent {
		root.Set("componentMetadata", dict("arn", m.ResourceARN, "environmentArn", m.EnvironmentARN, "componentType", "default"))
		return prettyJSON(root)
	}
	resource := dict("arn", m.ResourceARN, "templateArn", m.TemplateARN,
		"templateMajorVersion", m.TemplateMajorVersion, "templateMinorVersion", m.TemplateMinorVersion)
	if p == PartInstance {
		resource.Set("environmentArn", m.EnvironmentARN)
	}
	root.Set("resourceMetadata", resource)
	return prettyJSON(root)
}

var managedPattern = regexp.MustCompile(`^/\*\nThis file is managed by AWS Proton\.[^*]*\*/\n\n`)

// MarkDeleted returns a generated Terraform file with its header replaced by
// the one that says that the resource was deleted. Other files come back as
// they are.
func MarkDeleted(data []byte) []byte {
	at := managedPattern.FindIndex(data)
	if at == nil {
		return data
	}
	return append([]byte(deletedHeader), data[at[1]:]...)
}

// hclVariables writes values as a .tfvars file. Template sequences inside texts
// are escaped, so they reach Terraform as text.
func hclVariables(root *jinja.Dict) []byte {
	var b strings.Builder
	for _, k := range root.Keys() {
		v, _ := root.Get(k)
		b.WriteString(k + " = ")
		writeHCL(&b, v, "")
		b.WriteString("\n")
	}
	return []byte(b.String())
}

var hclName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

var hclText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{")

func writeHCL(b *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case *jinja.Dict:
		if v.Len() == 0 {
			b.WriteString("{}")
			return
		}
		b.WriteString("{\n")
		writeHCLFields(b, v, indent+"  ")
		b.WriteString(indent + "}")
	case []any:
		writeHCLList(b, v, indent)
	case string:
		b.WriteString(hclQuote(v))
	default:
		b.WriteString(literal(v))
	}
}

// writeHCLList writes a list on one line, or an item a line when one of them
// takes several.
func writeHCLList(b *strings.Builder, list []any, indent string) {
	items := make([]string, len(list))
	for i, item := range list {
		var text strings.Builder
		writeHCL(&text, item, indent+"  ")
		items[i] = text.String()
	}
	if joined := strings.Join(items, ", "); !strings.Contains(joined, "\n") {
		b.WriteString("[" + joined + "]")
		return
	}
	b.WriteString("[\n")
	for _, item := range items {
		b.WriteString(indent + "  " + item + ",\n")
	}
	b.WriteString(indent + "]")
}

// writeHCLFields writes the fields of an object in the layout of terraform fmt:
// neighbours that take one line each have their equals signs in one column.
func writeHCLFields(b *strings.Builder, d *jinja.Dict, indent string) {
	type field struct {
		name, value string
	}
	var run []field
	flush := func() {
		width := 0
		for _, f := range run {
			width = max(width, len([]rune(f.name)))
		}
		for _, f := range run {
			b.WriteString(indent + f.name + strings.Repeat(" ", width-len([]rune(f.name))) + " = " + f.value + "\n")
		}
		run = nil
	}
	for _, k := range d.Keys() {
		name := k
		if k == "for" || !hclName.MatchString(k) {
			name = hclQuote(k)
		}
		item, _ := d.Get(k)
		var value strings.Builder
		writeHCL(&value, item, indent)
		if strings.Contains(value.String(), "\n") {
			flush()
			run = []field{{name, value.String()}}
			flush()
			continue
		}
		run = append(run, field{name, value.String()})
	}
	flush()
}

func hclQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range hclText.Replace(s) {
		if r < 0x20 {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
