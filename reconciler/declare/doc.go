// Package declare reads what Git declares: it finds the template bundles, the
// documents and the ops files in a tree, and says of everything else why it
// declares nothing.
//
// It knows folders, names, headers, .baryonignore files and where mistakes
// stand. It refuses to know Git, databases, engines, and what a template makes
// of a spec: it reads a tree and gives values back.
//
// # Bundles
//
// A folder TEMPLATE/vMAJOR, at any depth, that holds schema/schema.yaml is a
// template bundle of that template and major. So is one that holds the manifest
// of a part and lacks the schema: opening it says so. Nothing below it is a
// document or a bundle.
//
// # Documents
//
// A document is a YAML document, in any file named *.yaml or *.yml, whose top
// level has the key baryon: the header. What is left without that key is
// Proton's own document, an EnvironmentSpec or a ServiceSpec. A file may hold
// several.
//
//	proton: EnvironmentSpec
//	baryon:
//	  environment: prod        # required: the name
//	  template: fargate-env    # required
//	  version: "1"             # required: "1" follows the major, "1.10" stays
//	  labels: {stage: prod}    # texts by name
//	  tags: {team: web}        # on stacks, besides Proton's
//	  stack: NAME              # a running stack, taken over unchanged
//	  imports: {Bucket: NAME}  # resources that exist, taken into the stack; or existing
//	  protected: true          # never deleted without a named person
//	  approval: required       # or true: every change waits for a named person
//	  adopt: true              # takes the name over from who declared it before
//	  description: production
//	  role: ROLE               # what the engine takes on
//	  codebuildRole: ROLE      # of the commands
//	  componentRole: ROLE      # of components
//	  externalId: TEXT         # shown to take the roles on
//	  account: "123456789012"
//	  region: eu-west-1
//	  repository: {name: acme/infra, branch: main}  # pull requests go there
//	  rerun: safe              # interrupted commands may be run again
//	spec: {}
//
// The header of a service has service, template, version, pins (versions by
// instance), repository (id, branch and optionally connection), stacks (running
// stacks that are taken over, by instance), pipelineStack, imports (by instance),
// pipelineImports, labels, tags, protected, approval, adopt and description. A
// ServiceSpec says its instances, if only with instances: [].
//
// The header of a component has component, files, and either environment or
// service and instance, or all three; and labels, protected, approval, adopt and
// description. files is a folder, relative to the document, with a manifest.yaml
// and the template file it names. The rest of the document is empty, or, for a
// component attached to an instance, the ServiceSpec whose values for that
// instance the component reads:
//
//	baryon: {component: uploads, service: shop, instance: dev, files: ./uploads}
//
// One name has one owner. Of two documents that claim a name, the one counts
// that did before, unless the other says adopt; when neither did, the first by
// path and line. Both places are named, and the second changes nothing.
//
// A mistake holds up its own document and nothing else. The names that broken
// documents claim are known as far as they can be told, see File.Keeps, so that
// a mistake is never taken for the wish to delete.
//
// # Ops files
//
// A YAML document with sync: services: is an ops file, as AWS Proton's service
// sync had it.
//
// # What is left out
//
// Files named .baryonignore, at the root and in any folder, hold patterns of
// Git's form: # comments, ! to take back, a slash at the end for folders only, a
// slash elsewhere to count from the file's own folder, *, ?, [a-z], ** and \. The
// last line that matches decides, the innermost file first; what lies in a folder
// that is left out cannot be taken back. Folders whose names begin with a dot are
// left out as if the line .*/ stood before all others, so !.proton/ takes that one
// back; .git never comes back.
package declare
