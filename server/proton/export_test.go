package proton

import "maps"

// ResourceForms is the table of what operations act on.
func ResourceForms() map[string]string { return maps.Clone(resourceOf) }

// Updating reports whether files that tests write are to be written anew.
func Updating() bool { return *rewrite }
