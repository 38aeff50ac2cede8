package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/provisioner/terraform"
	"baryon/renderer"
	"baryon/renderer/lint"
)

// A schemaView is what a template asks for and gives.
type schemaView struct {
	Kind    string             `json:"kind"`
	Inputs  []inputsView       `json:"inputs"`
	Reads   map[string][]lines `json:"reads,omitempty"`   // outputs of others, by what they are of
	Outputs []string           `json:"outputs,omitempty"` // that an environment template gives, where that can be told
}

// inputsView are the inputs of one part.
type inputsView struct {
	Part   string           `json:"part"`
	Type   string           `json:"type,omitempty"`
	Inputs []renderer.Input `json:"inputs"`
}

// lines name an output and where it is read.
type lines struct {
	Name string   `json:"name"`
	At   []string `json:"at"`
}

func schemaCommand() *cobra.Command {
	var out format
	var jsonSchema bool
	cmd := &cobra.Command{
		Use: "schema TEMPLATE", Short: "Show the inputs of a template, for people and for editors",
		Long: `Lists what specs may give to the template in a folder: every input with its type,
default and rules, the outputs that the template reads, and those it gives.

With --json-schema it prints a JSON Schema of the whole document. An editor that
speaks YAML completes and checks specs with it, from a first line such as

  # yaml-language-server: $schema=web-env.schema.json`,
		Example: "  baryon schema templates/web-env/v1\n  baryon schema templates/web-env/v1 -o json\n  baryon schema templates/web-env/v1 --json-schema > web-env.schema.json",
		Args:    oneArg("a template", "baryon schema templates/web-env/v1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, _, err := openTemplate(args[0])
			if err != nil {
				return err
			}
			if b.Schema == nil {
				return fmt.Errorf("%s is a component, which has no schema: it reads the inputs of the instance it is attached to", args[0])
			}
			if jsonSchema {
				asJSON := format{"json"}
				return asJSON.print(cmd.OutOrStdout(), b.Schema.SpecJSONSchema(b.Kind), nil)
			}
			l := &lint.Linter{Renderer: renderer.New(renderer.Config{}), Parse: terraform.Parse}
			view, err := schemaOf(cmd, l, b)
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), view, func() { printSchema(cmd.OutOrStdout(), view) })
		},
	}
	cmd.Flags().BoolVar(&jsonSchema, "json-schema", false, "print a JSON Schema of the document, for editors")
	out.flag(cmd)
	cmd.MarkFlagsMutuallyExclusive("json-schema", "output")
	return cmd
}

func schemaOf(cmd *cobra.Command, l *lint.Linter, b *renderer.Bundle) (schemaView, error) {
	view := schemaView{Kind: string(b.Kind), Inputs: []inputsView{}, Reads: map[string][]lines{}}
	for _, part := range []struct {
		name string
		t    *renderer.Type
	}{{"environment", b.Schema.Environment}, {"instance", b.Schema.Service}, {"pipeline", b.Schema.Pipeline}} {
		if part.t != nil {
			view.Inputs = append(view.Inputs, inputsView{part.name, part.t.Name, append([]renderer.Input{}, part.t.Inputs()...)})
		}
	}
	for _, u := range l.Uses(b) {
		at := slices.Index(u.Path, "outputs")
		if at < 1 || at+1 >= len(u.Path) {
			continue
		}
		of := strings.Join(u.Path[:at], ".")
		i := slices.IndexFunc(view.Reads[of], func(o lines) bool { return o.Name == u.Path[at+1] })
		if i < 0 {
			i = len(view.Reads[of])
			view.Reads[of] = append(view.Reads[of], lines{Name: u.Path[at+1]})
		}
		view.Reads[of][i].At = append(view.Reads[of][i].At, fmt.Sprintf("%s:%d:%d", u.File, u.Line, u.Column))
	}
	if b.Kind == renderer.EnvironmentTemplate {
		outputs, err := l.Outputs(cmd.Context(), b)
		if err != nil {
			return view, err
		}
		view.Outputs = outputs.Names
	}
	return view, nil
}

func printSchema(w io.Writer, view schemaView) {
	for i, part := range view.Inputs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if len(part.Inputs) == 0 {
			fmt.Fprintf(w, "%s: no inputs\n", part.Part)
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.Part)
		table(w, "INPUT TYPE DEFAULT RULES DESCRIPTION", func(row func(...string)) {
			for _, in := range part.Inputs {
				value := "-"
				switch {
				case in.Required:
					value = "(required)"
				case in.Default != nil:
					value = valueText(in.Default)
				}
				row(in.Path, in.Type, value, orDefault(in.Rules, "-"), orDefault(in.Description, in.Title))
			}
		})
	}
	for _, of := range sortedKeys(view.Reads) {
		var names []string
		for _, o := range view.Reads[of] {
			names = append(names, o.Name)
		}
		fmt.Fprintf(w, "\nreads the outputs of %s: %s\n", of, strings.Join(names, ", "))
	}
	if len(view.Outputs) > 0 {
		fmt.Fprintf(w, "\ngives the outputs: %s\n", strings.Join(view.Outputs, ", "))
	}
}
