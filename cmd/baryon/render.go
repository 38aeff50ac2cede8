package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/reconciler"
	"baryon/renderer"
	"baryon/renderer/jinja"
	v1 "baryon/server/v1"
	"baryon/state"
)

func renderCommand() *cobra.Command {
	var r renderRequest
	var out format
	cmd := &cobra.Command{
		Use: "render TEMPLATE [--spec FILE] | FILE --context JSON | NAME", Short: "Show what would be applied for a spec, or for a target",
		Long: `Writes exactly what would be applied: the loop's own code fills in defaults, gathers
names and outputs, and renders the template in a folder with a spec. A spec is a
document, with or without the key baryon; without --spec everything that may be
left out is. Outputs of what is not deployed come from --outputs; without it
placeholders stand for those that the template mentions, which is said on standard
error. A component is rendered by naming the folder of its files.

One file is printed as it is, several with a line before each; --out writes them
into a folder instead. Commands are written to .baryon/provision.sh and
.baryon/deprovision.sh there, and health checks to .baryon/health.yaml.

The name of a target asks the daemon instead, for what it would apply now; --version
renders another version of the template, such as a draft.

With --context, one file is rendered with a given namespace: JSON, a file that
holds it, or - for standard input.`,
		Example: `  baryon render templates/web-env/v1 --spec environments/prod.yaml
  baryon render templates/web-svc/v1 --spec services/shop.yaml --instance prod --outputs outputs.yaml --out rendered
  baryon render templates/web-svc/v1 --spec services/shop.yaml --pipeline -o json
  baryon render environment/prod --version 1.4
  baryon render cloudformation.yaml --context '{"environment": {"name": "dev", "inputs": {}}}'`,
		Args: oneArg("a template or file", "baryon render templates/web-env/v1 --spec environments/prod.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("context") {
				return r.file(cmd, args[0])
			}
			return r.template(cmd, args[0], out)
		},
	}
	r.draft.flags(cmd, &r.outputs)
	cmd.Flags().StringVar(&r.draft.spec, "spec", "", "the document or spec (default: one that leaves everything out)")
	cmd.Flags().StringVar(&r.out, "out", "", "folder to write into; it must be new or empty")
	cmd.Flags().StringVar(&r.context, "context", "", "with a file: the variables it reads")
	cmd.Flags().StringVar(&r.version, "version", "", "with the name of a target: the version of its template (default: the one it wants)")
	r.connection.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("context", "spec")
	cmd.MarkFlagsMutuallyExclusive("context", "out")
	out.flag(cmd)
	return cmd
}

// oneArg asks for one argument, and shows how.
func oneArg(what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("name %s, such as: %s", what, example)
		}
		return nil
	}
}

type renderRequest struct {
	connection

	draft   draft
	outputs string
	out     string
	context string
	version string
}

// file renders one file with given variables.
func (r *renderRequest) file(cmd *cobra.Command, name string) error {
	source, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	vars, err := readContext(cmd.InOrStdin(), r.context)
	if err != nil {
		return err
	}
	t, err := jinja.Parse(name, string(source), jinja.Config{Filters: jinja.ProtonFilters()})
	if err != nil {
		return err
	}
	text, err := t.Render(cmd.Context(), vars)
	if err != nil {
		return err
	}
	_, err = io.WriteString(cmd.OutOrStdout(), text)
	return err
}

// readContext reads variables: JSON, a file of it, or - for what is piped in.
func readContext(in io.Reader, arg string) (*jinja.Dict, error) {
	data, what := []byte(arg), "--context"
	var err error
	switch {
	case arg == "-":
		data, err = io.ReadAll(in)
	case !strings.HasPrefix(strings.TrimSpace(arg), "{"):
		what = arg
		data, err = os.ReadFile(arg)
	}
	if err != nil {
		return nil, err
	}
	vars := jinja.NewDict()
	if err := json.Unmarshal(data, vars); err != nil {
		return nil, fmt.Errorf(`%s: %w; want a JSON object, such as {"environment": {"name": "dev"}}`, what, err)
	}
	return vars, nil
}

// A rendering is what would be applied to one target, with its files.
type rendering struct {
	v1.Rendering

	files *renderer.Files
}

// pieces are the files and, where there are any, the commands as files.
func (r *rendering) pieces() *renderer.Files {
	files := map[string]renderer.File{}
	for _, name := range r.files.Names() {
		files[name], _ = r.files.Get(name)
	}
	script := func(name string, commands []string) {
		if len(commands) > 0 {
			files[".baryon/"+name] = renderer.File{Data: []byte("#!/bin/sh\nset -e\n" + strings.Join(commands, "\n") + "\n"), Exec: true}
		}
	}
	script("provision.sh", r.Provision)
	script("deprovision.sh", r.Deprovision)
	if r.Health != "" {
		files[".baryon/health.yaml"] = renderer.File{Data: []byte(r.Health)}
	}
	return renderer.NewFiles(files)
}

// open opens the template and reads the outputs.
func (d *draft) open(template, outputs string) (err error) {
	if d.bundle, d.dir, err = openTemplate(template); err != nil {
		return err
	}
	d.files = os.DirFS(d.dir)
	return d.readOutputs(outputs)
}

// render renders the targets that were asked for.
func (d *draft) render(ctx context.Context) ([]rendering, error) {
	var out []rendering
	err := d.outlines(ctx, func(r *reconciler.Reconciler, outlines []reconciler.Outline) error {
		for _, o := range outlines {
			rendered, err := r.Render(ctx, o)
			if err != nil {
				return err
			}
			out = append(out, rendering{v1.RenderingOf(o, rendered), rendered.Files})
		}
		return nil
	})
	return out, err
}

func (r *renderRequest) template(cmd *cobra.Command, name string, out format) error {
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: give its variables with --context, or name the folder of a template", name)
	}
	all, err := r.all(cmd.Context(), name)
	if err != nil {
		return asked(err)
	}
	for _, one := range all {
		for _, ref := range one.Assumed {
			fmt.Fprintf(cmd.ErrOrStderr(), "placeholders stand for the outputs of %s; give them with --outputs FILE, as %s: {NAME: VALUE}\n", ref, ref)
		}
	}
	if r.out != "" {
		return writeRenderings(cmd.OutOrStdout(), r.out, all)
	}
	var v any = all
	if len(all) == 1 {
		v = all[0]
	}
	return out.print(cmd.OutOrStdout(), v, func() { printRenderings(cmd.OutOrStdout(), all) })
}

// all renders a template with a spec, or asks the daemon about a target.
func (r *renderRequest) all(ctx context.Context, name string) ([]rendering, error) {
	_, statErr := os.Stat(name)
	_, refErr := state.ParseRef(name)
	if statErr == nil || refErr != nil || r.draft.spec != "" || r.outputs != "" {
		if r.version != "" {
			return nil, errors.New("--version is for a target of the daemon, such as: baryon render environment/prod --version 1.4")
		}
		if err := r.draft.open(name, r.outputs); err != nil {
			return nil, err
		}
		return r.draft.render(ctx)
	}
	client, err := r.client()
	if err != nil {
		return nil, err
	}
	ref, err := named(ctx, client, []string{name})
	if err != nil {
		return nil, err
	}
	found, err := client.Rendered(ctx, ref, r.version)
	if err != nil {
		return nil, err
	}
	if found.Problem != "" {
		return nil, fmt.Errorf("%s cannot be rendered: %s", ref, found.Problem)
	}
	files := map[string]renderer.File{}
	for path, text := range found.Files {
		files[path] = renderer.File{Data: []byte(text)}
	}
	return []rendering{{found, renderer.NewFiles(files)}}, nil
}

// writeRenderings writes into a folder, and into one for each when there are
// several.
func writeRenderings(w io.Writer, dir string, all []rendering) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; name a new folder, or empty it", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, one := range all {
		into := dir
		if len(all) > 1 {
			into = filepath.Join(dir, filepath.FromSlash(one.Ref))
		}
		files := one.pieces()
		if err := os.MkdirAll(into, 0o755); err != nil {
			return err
		}
		if err := os.CopyFS(into, files); err != nil {
			return err
		}
		for _, name := range files.Names() {
			fmt.Fprintln(w, filepath.ToSlash(filepath.Join(into, name)))
		}
	}
	return nil
}

// printRenderings prints one file as it is, and several with a line before each.
func printRenderings(w io.Writer, all []rendering) {
	if len(all) == 1 && len(all[0].pieces().Names()) == 1 {
		files := all[0].pieces()
		f, _ := files.Get(files.Names()[0])
		_, _ = w.Write(f.Data)
		return
	}
	for _, one := range all {
		if len(all) > 1 {
			fmt.Fprintf(w, "==== %s\n", one.Ref)
		}
		if one.Engine == "" {
			fmt.Fprintf(w, "nothing is applied; the outputs are the spec's values\n")
			for _, name := range sortedKeys(one.Outputs) {
				fmt.Fprintf(w, "%s=%s\n", name, one.Outputs[name])
			}
		}
		files := one.pieces()
		names := files.Names()
		slices.SortStableFunc(names, func(a, b string) int {
			return strings.Compare(strings.TrimPrefix(a, ".baryon/"), strings.TrimPrefix(b, ".baryon/"))
		})
		for _, name := range names {
			f, _ := files.Get(name)
			fmt.Fprintf(w, "-- %s --\n%s", name, f.Data)
			if len(f.Data) > 0 && f.Data[len(f.Data)-1] != '\n' {
				fmt.Fprintln(w)
			}
		}
	}
}
