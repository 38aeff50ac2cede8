// Package examples holds the bundles and documents that ship with Baryon.
//
// It knows their files and nothing of what they mean. Four folders tell one
// story and are laid over one another, each as a push to the same repository:
// demo is its beginning, demo-fix a repaired template, demo-broken a spec with
// mistakes beside a good one, demo-services a service. The folder aws stands
// alone: an environment made by CloudFormation.
package examples

import "embed"

// Files holds the example folders, each under its own name. Nothing in it is
// executable: embedding keeps no mode.
//
//go:embed all:aws all:demo all:demo-broken all:demo-fix all:demo-services
var Files embed.FS
