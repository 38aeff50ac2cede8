// Package gitsource speaks Git. It knows how to ask a server where a branch
// stands, how to keep a bare mirror of a repository, how to show one commit as
// an fs.FS without a work tree, how a forge announces a push, and how to put a
// status on a commit.
//
// It refuses to know what the files mean: templates, targets, deployments and
// databases are other packages' business. A hook or a file-system event carries
// nothing out of here but the wish to look again.
//
// Credentials are references to files and environment variables, read when they
// are used. They are never part of a URL, an argument, a log line, an error or a
// mirror's configuration.
package gitsource
