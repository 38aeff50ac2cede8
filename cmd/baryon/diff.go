package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"baryon/renderer"
	v1 "baryon/server/v1"
	"baryon/state"
)

func diffCommand() *cobra.Command {
	var d diffRequest
	var out format
	cmd := &cobra.Command{
		Use: "diff OLD NEW | TEMPLATE OLD NEW", Short: "Show what a change of a template does to specs and to what runs",
		Long: `Renders each spec with both versions of a template and shows how the results
differ: for CloudFormation the resources that are added, changed, replaced or
removed, with the properties that differ; for everything else the lines. Whether a
change replaces a resource is told for the types that Baryon knows, also where it is
replaced because it refers to another one that is.

OLD and NEW are folders, compared without a daemon, or versions such as 1.3 and 1.4,
which come from the daemon; --all renders everything that is made from the template there, with
its own inputs and outputs. Breaking changes of the schema are named first.

The exit code is 0 when nothing differs, 2 when something does, and 1 for an error
or when a spec can no longer be rendered.`,
		Example: `  baryon diff templates/web-env/v1 ../main/templates/web-env/v1 --spec environments/prod.yaml
  baryon diff web-env 1.3 1.4 --spec environments/prod.yaml --spec environments/dev.yaml
  baryon diff web-env 1.3 1.4 --all`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 && len(args) != 3 {
				return errors.New("name two folders, or a template and two versions, such as: baryon diff web-env 1.3 1.4 --all")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := d.report(cmd.Context(), args)
			if err != nil {
				return asked(err)
			}
			if err := out.print(cmd.OutOrStdout(), report, func() { report.print(cmd.OutOrStdout()) }); err != nil {
				return err
			}
			switch {
			case report.Summary.Failing > 0:
				return exitError(1)
			case report.Summary.Changed > 0 || len(report.Breaking) > 0:
				return changesPending
			}
			return nil
		},
	}
	d.draft.flags(cmd, &d.outputs)
	cmd.Flags().StringArrayVar(&d.specs, "spec", nil, "a document or spec; may be repeated (default: one that leaves everything out)")
	cmd.Flags().BoolVar(&d.all, "all", false, "with versions: everything that is made from the template")
	d.connection.flags(cmd)
	out.flag(cmd)
	return cmd
}

type diffRequest struct {
	connection

	draft   draft // what is the same for all specs
	outputs string
	specs   []string
	all     bool
}

// A diffReport is the effect of a change of a template.
type diffReport struct {
	Breaking renderer.Problems `json:"breaking"` // changes of the schema that specs may trip over
	Effects  []effect          `json:"effects"`
	Summary  tally             `json:"summary"`
}

func (r diffReport) print(w io.Writer) {
	for _, p := range r.Breaking {
		fmt.Fprintln(w, "breaks: "+v1.Plain([]byte(p.String())))
	}
	for _, e := range r.Effects {
		printEffect(w, e)
	}
	fmt.Fprintln(w, r.Summary)
}

func (d *diffRequest) report(ctx context.Context, args []string) (diffReport, error) {
	report := diffReport{Breaking: renderer.Problems{}, Effects: []effect{}}
	if len(args) == 2 && d.all {
		return report, errors.New("--all asks the daemon: name the template and two versions, such as: baryon diff web-env 1.3 1.4 --all")
	}
	before, after, kind, err := d.both(ctx, args)
	if err != nil {
		return report, err
	}
	if before.bundle.Kind != after.bundle.Kind {
		return report, fmt.Errorf("one is a template of kind %s, the other of kind %s", before.bundle.Kind, after.bundle.Kind)
	}
	if before.bundle.Schema != nil && after.bundle.Schema != nil {
		report.Breaking = append(report.Breaking, renderer.Compare(before.bundle.Schema, after.bundle.Schema)...)
	}
	if d.all {
		report.Effects, err = d.fleet(ctx, kind, args)
	} else {
		report.Effects, err = d.offline(ctx, before, after)
	}
	report.Summary = tallyOf(report.Effects)
	return report, err
}

// both opens the two versions: folders, or those of the daemon.
func (d *diffRequest) both(ctx context.Context, args []string) (before, after draft, kind state.Kind, err error) {
	before, after = d.draft, d.draft
	if len(args) == 2 {
		if err = before.open(args[0], d.outputs); err == nil {
			err = after.open(args[1], d.outputs)
		}
		return before, after, "", err
	}
	client, err := d.client()
	if err != nil {
		return before, after, "", err
	}
	if kind, err = kindOfTemplate(ctx, client, args[0]); err != nil {
		return before, after, "", err
	}
	if err = before.fetch(ctx, client, kind, args[0], args[1]); err == nil {
		err = after.fetch(ctx, client, kind, args[0], args[2])
	}
	if err == nil {
		err = before.readOutputs(d.outputs)
	}
	after.given, after.plain = before.given, before.plain
	return before, after, kind, err
}

// kindOfTemplate finds out which kind of template has a name.
func kindOfTemplate(ctx context.Context, c *v1.Client, name string) (state.Kind, error) {
	if !nameRule.MatchString(name) {
		return "", fmt.Errorf("%q is no name of a template; folders are compared by naming two", name)
	}
	var last error
	for _, kind := range []state.Kind{state.KindEnvironment, state.KindService} {
		err := c.Get(ctx, "templates/"+string(kind)+"/"+url.PathEscape(name), nil, &v1.Template{})
		if err == nil {
			return kind, nil
		}
		if e, ok := errors.AsType[*v1.Error](err); !ok || e.Code != v1.CodeNotFound {
			return "", err
		}
		last = err
	}
	return "", fmt.Errorf("%w; see: baryon get templates", last)
}

// fetch takes the files of a version from the daemon.
func (d *draft) fetch(ctx context.Context, c *v1.Client, kind state.Kind, name, version string) error {
	v, full, err := state.Follow(version).Parse()
	if err != nil || !full {
		return fmt.Errorf("%q is no full version: write it as 1.3; see: baryon get template %s", version, name)
	}
	data, err := c.Bundle(ctx, kind, name, version)
	if err != nil {
		return err
	}
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("the files of %s %s: %w", name, version, err)
	}
	d.dir = fmt.Sprintf("%s/v%d", name, v.Major)
	d.files = files
	d.bundle, err = renderer.Open(files, d.dir, renderer.Options{})
	return err
}

// offline renders the specs with both versions.
func (d *diffRequest) offline(ctx context.Context, before, after draft) ([]effect, error) {
	specs := d.specs
	if len(specs) == 0 {
		specs = []string{""}
	}
	var out []effect
	for _, spec := range specs {
		before.spec, after.spec = spec, spec
		old, err := before.everything(ctx)
		if err != nil {
			return nil, err
		}
		now, err := after.everything(ctx)
		if err != nil {
			return nil, err
		}
		for _, ref := range sortedKeys(mergedKeys(old, now)) {
			a, had := old[ref]
			b, has := now[ref]
			if !had {
				a = v1.Rendering{Ref: ref}
			}
			if !has {
				b = v1.Rendering{Ref: ref}
			}
			out = append(out, effectOf(spec, a, b))
		}
	}
	return out, nil
}

func mergedKeys(a, b map[string]v1.Rendering) map[string]bool {
	out := map[string]bool{}
	for ref := range a {
		out[ref] = true
	}
	for ref := range b {
		out[ref] = true
	}
	return out
}

// everything renders all targets of the spec, by name. What the template cannot
// do with the spec is a rendering with a problem.
func (d *draft) everything(ctx context.Context) (map[string]v1.Rendering, error) {
	out := map[string]v1.Rendering{}
	wanted := []draft{*d}
	if d.bundle.Kind == renderer.ServiceTemplate && d.instance == "" && !d.pipeline {
		var err error
		if wanted, err = d.members(); err != nil {
			return nil, err
		}
	}
	for _, one := range wanted {
		all, err := one.render(ctx)
		problems, is := errors.AsType[renderer.Problems](err)
		if err != nil && !is {
			return nil, err
		}
		if is {
			ref := one.about()
			out[ref] = v1.Rendering{Ref: ref, Problem: problems.Error()}
		}
		for _, r := range all {
			out[r.Ref] = r.Rendering
		}
	}
	return out, nil
}

// about names what a draft is about when it cannot be rendered.
func (d *draft) about() string {
	docs, _, err := d.world()
	if err != nil || len(docs) == 0 {
		return orDefault(d.spec, "the template")
	}
	refs, err := d.refs(docs[0])
	if err != nil {
		return docs[0].Ref.String()
	}
	return refs[0].String()
}

// members are drafts of each instance of a service and of its pipeline.
func (d *draft) members() ([]draft, error) {
	probe := *d
	docs, _, err := probe.world()
	if err != nil {
		return nil, err
	}
	var out []draft
	for _, doc := range docs {
		for _, i := range doc.Instances {
			one := *d
			one.instance = i.Name
			out = append(out, one)
		}
		if doc.Pipeline != nil && d.bundle.HasPipeline() {
			one := *d
			one.pipeline = true
			out = append(out, one)
		}
	}
	return out, nil
}

// fleet asks the daemon about everything that is made from a template.
func (d *diffRequest) fleet(ctx context.Context, kind state.Kind, args []string) ([]effect, error) {
	client, err := d.client()
	if err != nil {
		return nil, err
	}
	lists := []string{"environments"}
	if kind == state.KindService {
		lists = []string{"instances", "pipelines"}
	}
	out := []effect{}
	for _, list := range lists {
		targets, err := v1.List[v1.Target](ctx, client, list, url.Values{"template": {args[0]}})
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			ref, err := state.ParseRef(t.Ref)
			if err != nil {
				return nil, err
			}
			before, err := client.Rendered(ctx, ref, args[1])
			if err != nil {
				return nil, err
			}
			after, err := client.Rendered(ctx, ref, args[2])
			if err != nil {
				return nil, err
			}
			out = append(out, effectOf("", before, after))
		}
	}
	return out, nil
}
