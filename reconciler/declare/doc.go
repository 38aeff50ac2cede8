// Package declare reads what Git declares: it finds the template bundles, the
// documents and the ops files in a tree, and says of everything else why it
// declares nothing.
//
// It knows folders, names, headers, the .baryonignore files and the places of
// mistakes. It refuses to know Git, databases, engines, and what a template
// makes of a spec: it reads a tree and gives values back.
package declare
