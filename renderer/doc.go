// Package renderer turns a template bundle and inputs into the files and
// commands that an engine applies.
//
// It knows YAML text with positions, the layouts of template bundles, their
// manifests and schemas, the namespaces a template may read, and how the parts
// of a bundle are rendered. It refuses to know Git, databases, the network,
// and the life of an environment: whoever calls it brings an fs.FS and inputs,
// and gets values back.
//
// # The way through
//
//	b, err := renderer.Open(files, "fargate-env/v1", renderer.Options{})
//	docs, problems := renderer.ParseYAML("environments/prod.yaml", data, renderer.Limits{})
//	values, problems := b.Schema.Environment.Check(specNode, renderer.CheckOptions{})
//	r := renderer.New(renderer.Config{})
//	out, err := r.Render(ctx, b, renderer.PartEnvironment, inputs, renderer.Provision)
//
// Every error about something a user wrote is a Problems value: all findings
// at once, each with file, line, column, the rule, what was found, what was
// wanted and the next step.
//
// # Rendering is textual
//
// A template is rendered as text and only the result is read as YAML or run as
// a command. This is the contract of the bundle format: platform teams rely on
// expressions inside strings, keys and comments. It follows that a value may
// change the structure of the result: an input with a line break can add keys
// to a CloudFormation template, and an input with $(…) is run by the shell of
// a command bundle. The author of a template bounds its inputs with pattern,
// enum and maxLength in the schema, or quotes them with a filter
// (proton_cfn_sanitize, tojson). What this package guarantees is narrower:
// values are never rendered a second time, so braces inside a value stay text;
// generated Terraform variables are data, in which ${…} is not evaluated; and
// a rendered CloudFormation template that is not well-formed is refused.
package renderer
