// Package cfn reads rendered CloudFormation templates. It knows their sections,
// the intrinsic functions in their short and long forms, what refers to what,
// and which changes replace a resource.
//
// It refuses to know how a template was rendered, what the properties of a
// resource type mean to AWS, and everything that only an account can tell.
package cfn
