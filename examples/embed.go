// Package examples holds the bundles and documents that ship with Baryon.
//
// It knows their files and nothing of what they mean. The folders that begin
// with demo tell one story and are laid over one another, each as a push to the
// same repository: demo is its beginning, demo-services a service with a
// component, demo-fix a repaired template, demo-failing an instance that cannot
// be deployed, demo-recovery its correction, demo-removal the end of an instance,
// demo-broken a spec with mistakes beside a good one. Below demo-aws stands what
// of these folders is another thing where the story is told with CloudFormation.
// Those that begin with terraform tell another one in the same way, with
// Terraform code: a beginning, a change, and the end of an instance. The folder
// aws stands alone: environments and services made by CloudFormation.
package examples

import "embed"

// Files holds the example folders, each under its own name. Nothing in it is
// executable: embedding keeps no mode.
//
//go:embed all:aws all:demo all:demo-aws all:demo-broken all:demo-failing all:demo-fix all:demo-recovery all:demo-removal all:demo-services all:terraform all:terraform-change all:terraform-removal
var Files embed.FS
