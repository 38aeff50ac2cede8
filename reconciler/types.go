package reconciler

import (
	"context"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"baryon/reconciler/policy"
	"baryon/state"
)

// A Content is what rendered files say of the resources that they make.
type Content struct {
	Types  []string // of resources, sorted
	Opaque bool     // they bring in what only the engine sees: nested stacks, macros, modules from elsewhere
}

// touches reports whether a policy may be about what there is or is to be.
func (c Content) touches(r policy.Rule) bool {
	return c.Opaque || r.Removals.Set || r.DailyRemovals.Set || slices.ContainsFunc(c.Types, func(name string) bool {
		return r.NeverDelete.Match(name) || r.NeverReplace.Match(name)
	})
}

var (
	stackTypes  = regexp.MustCompile(`["']?Type["']?\s*:\s*["']?([A-Za-z0-9]+::[A-Za-z0-9:]+)`)
	stackMacros = regexp.MustCompile(`Transform["']?\s*:|AWS::CloudFormation::Stack\b|AWS::Serverless::|::MODULE\b`)
	codeTypes   = regexp.MustCompile(`(?m)^\s*resource\s+"?([A-Za-z0-9_-]+)"?`)
	codeModules = regexp.MustCompile(`(?m)^\s*source\s*=\s*"([^"]*)"`)
)

// resourcesIn reads the types in templates and code. It reads as people do, and may
// find too much; what it does not find the engine does.
func resourcesIn(files fs.FS) (Content, error) {
	var c Content
	found := map[string]bool{}
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, p)
		if err != nil {
			return err
		}
		text := string(data)
		switch path.Ext(p) {
		case ".tf", ".tofu":
			for _, m := range codeTypes.FindAllStringSubmatch(text, -1) {
				found[m[1]] = true
			}
			for _, m := range codeModules.FindAllStringSubmatch(text, -1) {
				c.Opaque = c.Opaque || strings.Contains(text, "module") && !strings.HasPrefix(m[1], "./") && !strings.HasPrefix(m[1], "../") && moduleSource(m[1])
			}
		case ".yaml", ".yml", ".template", ".json":
			c.Opaque = c.Opaque || strings.HasSuffix(p, ".tf.json") || strings.HasSuffix(p, ".tofu.json") || stackMacros.MatchString(text)
			for _, m := range stackTypes.FindAllStringSubmatch(text, -1) {
				found[m[1]] = true
			}
		}
		return nil
	})
	for name := range found {
		c.Types = append(c.Types, name)
	}
	slices.Sort(c.Types)
	return c, err
}

// providerSource is how the source of a provider is written, as hashicorp/aws.
var providerSource = regexp.MustCompile(`^([a-z0-9.-]+/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$`)

// moduleSource tells the source of a module from that of a provider.
func moduleSource(source string) bool { return !providerSource.MatchString(source) }

// contentOfView is what a target was made from last, or tried to be, and is to be made
// from now.
func (r *Reconciler) contentOfView(ctx context.Context, v View, now *artifact) (Content, error) {
	var all Content
	digests := []string{v.Target.Deployed.Rendered}
	if v.Last != nil && v.Last.Rendered != v.Target.Deployed.Rendered {
		digests = append(digests, v.Last.Rendered)
	}
	parts := []*artifact{now}
	for _, digest := range digests {
		art, err := r.artifactOf(ctx, digest)
		if err != nil {
			return all, err
		}
		parts = append(parts, art)
	}
	for _, art := range parts {
		if art == nil || art.files == nil {
			continue
		}
		c, err := resourcesIn(art.files)
		if err != nil {
			return all, err
		}
		all.Opaque = all.Opaque || c.Opaque
		all.Types = append(all.Types, c.Types...)
	}
	slices.Sort(all.Types)
	all.Types = slices.Compact(all.Types)
	return all, nil
}

// policies are the rules that are about a target.
func (r *Reconciler) policies(ctx context.Context, t state.Target) ([]policy.Rule, error) {
	rules := r.current().Policies
	if len(rules) == 0 {
		return nil, nil
	}
	e, err := r.environmentOf(ctx, t)
	if err != nil {
		return nil, err
	}
	var out []policy.Rule
	for _, rule := range rules {
		if rule.For.Covers(subject(t, e)) {
			out = append(out, rule)
		}
	}
	return out, nil
}

// subject is what rules look at of a target.
func subject(t, environment state.Target) policy.Subject {
	return policy.Subject{
		Kind: string(t.Ref.Kind), Environments: environmentsOf(t), Template: t.Desired.Template, Service: t.Ref.Service, Labels: labelsOf(t, environment),
	}
}

// Policies are the rules in force, or those that are about one target.
func (r *Reconciler) Policies(ctx context.Context, ref *state.Ref) ([]policy.Rule, error) {
	if ref == nil {
		return r.current().Policies, nil
	}
	t, err := r.cfg.Store.Target(ctx, *ref)
	if err != nil {
		return nil, err
	}
	return r.policies(ctx, t)
}
