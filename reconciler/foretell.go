package reconciler

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"baryon/reconciler/policy"
	"baryon/renderer"
	"baryon/renderer/cfn"
	"baryon/state"
)

// foretold is what policies will have against a change, as far as the files tell:
// before it is planned, and where no engine is asked, as for what is not pushed yet.
func foretold(v View, before, after *artifact) []string {
	f := v.Target.Observed.Foreseen
	if before == nil || f.Done && f.For(v.Target.Generation, v.Input, v.Output) {
		return nil
	}
	action := state.Update
	if v.Target.Desired.Deleted {
		after, action = nil, state.Delete
	}
	var changes []state.ResourceChange
	existing := 0
	switch renderer.Engine(v.Target.Deployed.Engine) {
	case renderer.EngineCloudFormation:
		changes, existing = foretoldStack(before, after)
	case renderer.EngineTerraform:
		changes, existing = foretoldCode(before, after)
	}
	rules := slices.DeleteFunc(slices.Clone(v.Policies), func(r policy.Rule) bool { return !r.NeedsPlan() })
	verdict := policy.Decide(policy.Question{
		Rules: rules, Action: action, Known: true, Changes: changes, Existing: existing, Removed: v.Removed, Deleted: v.Deleted, Now: v.Now, Approvals: answers(v, state.Foreseen{}),
	})
	var out []string
	for _, finding := range append(verdict.Refuses, verdict.Asks...) {
		if who := personsOf([]policy.Finding{finding}); who == state.Nobodys {
			out = append(out, finding.String()+"; nobody may allow it")
		} else {
			out = append(out, finding.String()+"; it will wait for "+people(who))
		}
	}
	return out
}

// foretoldStack compares the resources of two templates.
func foretoldStack(before, after *artifact) ([]state.ResourceChange, int) {
	old, now := stackTemplate(before), stackTemplate(after)
	if old == nil || now == nil && after != nil {
		return nil, 0
	}
	var out []state.ResourceChange
	for _, c := range cfn.Diff(old, now) {
		if c.Section != "Resources" {
			continue
		}
		deletion, _ := old.Retention(c.Name)
		r := state.ResourceChange{Address: c.Name, Type: c.Type}
		switch c.Action {
		case cfn.Remove:
			if r.Action = "delete"; strings.HasPrefix(deletion, "Retain") {
				r.Action = "forget"
			}
		case cfn.Replace, cfn.MayReplace:
			_, replacement := now.Retention(c.Name)
			r.Action, r.Kept = "replace", replacement == "Retain"
			if c.Action == cfn.MayReplace {
				r.Action, r.Conditional = "update", true
			}
			for _, p := range c.Properties {
				if p.Replaces != "" {
					r.Forces = append(r.Forces, strings.TrimPrefix(p.Path, "Properties."))
				}
			}
		default:
			continue
		}
		out = append(out, r)
	}
	return out, len(old.Resources())
}

// stackTemplate is the template among rendered files; nil when there is none that
// can be read.
func stackTemplate(art *artifact) *cfn.Template {
	if art == nil || art.files == nil {
		return nil
	}
	names := []string{"cloudformation.yaml"}
	if _, err := fs.Stat(art.files, names[0]); err != nil {
		names = nil
		for _, pattern := range []string{"*.yaml", "*.yml", "*.json", "*.template"} {
			found, _ := fs.Glob(art.files, pattern) // the pattern is a good one
			names = append(names, found...)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "manifest") })
	}
	if len(names) != 1 {
		return nil
	}
	data, err := fs.ReadFile(art.files, names[0])
	if err != nil {
		return nil
	}
	t, problems := cfn.Parse(names[0], data)
	if problems.Failed() {
		return nil
	}
	return t
}

var (
	codeResource = regexp.MustCompile(`(?m)^\s*resource\s+"([A-Za-z0-9_-]+)"\s+"([A-Za-z0-9_-]+)"`)
	codeLeaves   = regexp.MustCompile(`(?ms)^\s*(?:moved|removed)\s*\{[^}]*?\bfrom\s*=\s*([A-Za-z0-9_.-]+)`)
)

// foretoldCode finds the resources of the code that are there no more. What
// terraform would replace, and what modules hold, it alone can tell.
func foretoldCode(before, after *artifact) ([]state.ResourceChange, int) {
	old, _ := codeResources(before)
	now, leaves := codeResources(after)
	var out []state.ResourceChange
	for _, address := range old {
		if !slices.Contains(now, address) && !slices.Contains(leaves, address) {
			out = append(out, state.ResourceChange{Address: address, Action: "delete"})
		}
	}
	return out, len(old)
}

// codeResources are the addresses of the resources in the code's own folder, and
// those that are moved or left where they are.
func codeResources(art *artifact) (addresses, leaves []string) {
	if art == nil || art.files == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(art.files, ".")
	if err != nil {
		return nil, nil
	}
	for _, e := range entries {
		if ext := path.Ext(e.Name()); ext != ".tf" && ext != ".tofu" {
			continue
		}
		data, err := fs.ReadFile(art.files, e.Name())
		if err != nil {
			continue
		}
		for _, m := range codeResource.FindAllStringSubmatch(string(data), -1) {
			addresses = append(addresses, m[1]+"."+m[2])
		}
		for _, m := range codeLeaves.FindAllStringSubmatch(string(data), -1) {
			leaves = append(leaves, m[1])
		}
	}
	return addresses, leaves
}
