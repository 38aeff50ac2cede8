package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"baryon/reconciler"
	v1 "baryon/server/v1"
)

func blameCommand() *cobra.Command {
	var b blameRequest
	var out format
	cmd := &cobra.Command{
		Use: "blame NAME PATH | FOLDER PATH", Short: "Say where a value of what is applied comes from",
		Long: `Traces one value of a rendered file back to the line of the template, with the commit
that registered it, and for every input that made it to the line of the spec, the
default in the schema, the output of another target, or what Baryon knows by
itself. What decided that the value stands there at all is named too.

PATH is a property, such as Resources.Vpc.Properties.Tags[0].Value, a JSON pointer,
or a line of the file, such as 12 or 12:5. It is looked for in the template of
CloudFormation, in the commands (provision[0]), or in the values that Terraform is
given (environment.inputs.size); --file names another file.

With the name of a target, the daemon is asked. With the folder of a template, the
value is traced for a spec, without a daemon.`,
		Example: `  baryon blame environment/prod Resources.Vpc.Properties.CidrBlock
  baryon blame service/shop/instance/dev 'provision[0]'
  baryon blame templates/vpc-env/v1 Resources.Vpc.Properties.CidrBlock --spec environments/prod.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("name a target and a property, such as: baryon blame environment/prod Resources.Vpc.Properties.CidrBlock")
			}
			return cobra.MaximumNArgs(5)(nil, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := b.find(cmd, args[:len(args)-1], args[len(args)-1])
			if err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), found, func() { printBlame(cmd.OutOrStdout(), found) })
		},
	}
	b.draft.flags(cmd, &b.outputs)
	cmd.Flags().StringVar(&b.draft.spec, "spec", "", "with a folder: the document or spec")
	cmd.Flags().StringVar(&b.file, "file", "", "the rendered file (default: the one that holds the properties)")
	b.connection.flags(cmd)
	out.flag(cmd)
	return cmd
}

type blameRequest struct {
	connection

	draft   draft
	outputs string
	file    string
}

func (b *blameRequest) find(cmd *cobra.Command, name []string, path string) (found v1.Blame, err error) {
	ctx := cmd.Context()
	if info, statErr := os.Stat(name[0]); len(name) == 1 && (statErr == nil && info.IsDir() || isFolder(name[0])) {
		if err := b.draft.open(name[0], b.outputs); err != nil {
			return found, err
		}
		err = b.draft.outlines(ctx, func(r *reconciler.Reconciler, outlines []reconciler.Outline) error {
			if len(outlines) != 1 {
				return fmt.Errorf("%s declares %d targets; say which with --instance, or keep one in it", b.draft.spec, len(outlines))
			}
			blame, err := r.Blame(ctx, outlines[0], b.file, path)
			if err != nil {
				return err
			}
			found = v1.BlameOf(outlines[0], blame)
			b.relocate(&found)
			return nil
		})
		return found, err
	}
	client, err := b.client()
	if err != nil {
		return found, err
	}
	ref, err := named(ctx, client, name)
	if err != nil {
		return found, err
	}
	if !ref.Deployable() {
		return found, fmt.Errorf("%s is not deployed itself; name an instance or the pipeline, such as %s/instance/NAME", ref, ref)
	}
	return client.Blame(ctx, ref, b.file, path)
}

// relocate gives places in the spec those of its own file; nothing of what is
// only on disk has a commit.
func (b *blameRequest) relocate(found *v1.Blame) {
	found.Change, found.SpecChange, found.Version = nil, nil, ""
	for _, list := range [][]v1.InputFrom{found.Inputs, found.Conditions} {
		for i := range list {
			if list[i].From != "spec" {
				continue
			}
			list[i].File = orDefault(b.draft.spec, "(no spec)")
			list[i].Line, list[i].Column = b.draft.place(list[i].Line, list[i].Column)
		}
	}
}

func printBlame(w io.Writer, b v1.Blame) {
	what := orDefault(b.Path, fmt.Sprintf("line %d", b.Line))
	fmt.Fprintf(w, "%s  %s:%d:%d\n", b.Ref, b.File, b.Line, b.Column)
	fmt.Fprintf(w, "  %s = %s\n", what, shown(strings.TrimSpace(b.Text)))
	commit := ""
	if b.Change != nil {
		commit = fmt.Sprintf("  (%s %s: %s)", b.Template, b.Version, b.Change.Change())
	}
	for _, p := range b.Pieces {
		word := "made by"
		if p.Literal {
			word = "written in"
		}
		fmt.Fprintf(w, "  %-12s %s:%d:%d%s\n", word, p.File, p.Line, p.Column, commit)
	}
	spec := ""
	if b.SpecChange != nil {
		spec = fmt.Sprintf("  (%s)", b.SpecChange.Change())
	}
	for _, in := range b.Inputs {
		fmt.Fprintf(w, "  %-12s %s\n", "from", inputText(in, spec))
	}
	for _, in := range b.Conditions {
		fmt.Fprintf(w, "  %-12s %s\n", "because of", inputText(in, spec))
	}
}

// inputText says where one input comes from.
func inputText(in v1.InputFrom, spec string) string {
	text := in.Path
	if in.Value != nil {
		text += " = " + shown(valueText(in.Value))
	}
	at := fmt.Sprintf("%s:%d:%d", in.File, in.Line, in.Column)
	switch in.From {
	case "spec":
		return text + ", in the spec: " + at + spec
	case "default":
		return text + ", the default: " + at
	case "output":
		return text + ", the output " + orDefault(in.Output, "list") + " of " + in.Of
	case "absent":
		return text + ", which is absent"
	}
	return text + ", which Baryon knows"
}
