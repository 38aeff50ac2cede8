package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"baryon/provisioner/terraform"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// refuses holds Terraform code to the policy of the daemon: that of the
// configuration in the folder or in the repository around it, or the default. It
// is no more than a warning where environments are changed by pull requests, as
// others run the code then.
func (s *survey) refuses() func(fs.FS) renderer.Problems {
	var policy terraform.Policy
	for _, dir := range []string{s.outer, s.root} { // the nearer one last
		file := filepath.Join(dir, defaultFile)
		if _, err := os.Stat(file); dir == "" || err != nil {
			continue
		}
		if cfg, err := loadConfig(file, nil); err == nil { // what is wrong with it is told elsewhere
			policy = cfg.terraformConfig().Policy
		}
	}
	pulls := slices.ContainsFunc(s.documents, func(d declare.Document) bool {
		return d.Ref.Kind == state.KindEnvironment && d.Header.Repository.ID != ""
	})
	return func(code fs.FS) renderer.Problems {
		var out renderer.Problems
		found, _ := policy.Check(code)
		for _, p := range found {
			out = append(out, renderer.Problem{
				File: p.File, Line: max(p.Line, 1), Column: max(p.Column, 1), Rule: p.Rule, Got: p.Got, Want: p.Want, Next: p.Next,
				Warning: pulls,
			})
		}
		return out
	}
}
