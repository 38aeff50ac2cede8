//go:build !unix

package gitsource

import "io/fs"

// fileID is not known here; size and time must do.
func fileID(fs.FileInfo) any { return nil }
