package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/renderer"
	v1 "baryon/server/v1"
	"baryon/state"
)

// changesPending is the exit code of a plan that would change something.
const changesPending = exitError(2)

// A planRequest is what the plan command was asked.
type planRequest struct {
	connection

	repository string
	given      string
	brief      bool
}

func planCommand() *cobra.Command {
	var p planRequest
	var out format
	cmd := &cobra.Command{
		Use: "plan [NAME | FOLDER]", Short: "Show what would change now, and why",
		Long: `Shows what the daemon would do now: for each target what would be created,
updated or deleted, why, what waits and on what, and how the rendered files differ
from what is deployed. Nothing is done.

With a folder, such as plan . , it shows what pushing the folder would change,
before it is committed: offline against an empty world, where every version counts
as published, and with --server against what that daemon has deployed, under its
settings. What is not deployed yet has placeholders for outputs, unless --outputs
names a file of them, as REF: {NAME: VALUE}.

The exit code is 0 when nothing would change, 2 when something would or waits to,
and 1 for an error or when something of the folder is refused.`,
		Example: "  baryon plan\n  baryon plan environment/prod\n  baryon plan .\n  baryon plan . --server http://127.0.0.1:8080\n  baryon plan . --outputs outputs.yaml -o json",
		Args:    upTo(4),
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := p.plan(cmd.Context(), args, cmd.Flags().Changed("server"))
			if err != nil {
				return asked(err)
			}
			if err := out.print(cmd.OutOrStdout(), plan, func() { printPlan(cmd.OutOrStdout(), plan, p.brief) }); err != nil {
				return err
			}
			switch {
			case plan.Problems.Failed():
				return exitError(1)
			case plan.Changes:
				return changesPending
			default:
				return nil
			}
		},
	}
	cmd.Flags().StringVar(&p.repository, "repository", "", "with a folder and --server: the repository that the folder is a state of")
	cmd.Flags().StringVar(&p.given, "outputs", "", "with a folder: a YAML file with outputs of what is not deployed")
	cmd.Flags().BoolVar(&p.brief, "brief", false, "leave out the differences")
	p.flags(cmd)
	out.flag(cmd)
	return cmd
}

func (p *planRequest) plan(ctx context.Context, args []string, server bool) (v1.Plan, error) {
	if len(args) != 1 || !isFolder(args[0]) {
		if p.repository != "" || p.given != "" {
			return v1.Plan{}, errors.New("--repository and --outputs are for a folder, such as: baryon plan . --outputs outputs.yaml")
		}
		return p.daemonPlan(ctx, args)
	}
	tree, err := gitsource.OpenFolder(args[0])
	if err != nil {
		return v1.Plan{}, err
	}
	if server {
		if p.given != "" {
			return v1.Plan{}, errors.New("--outputs is for a plan without a daemon: with --server, outputs are those that are deployed")
		}
		return p.folderPlan(ctx, tree)
	}
	given, err := readGiven(p.given)
	if err != nil {
		return v1.Plan{}, err
	}
	preview, err := reconciler.TakeOverPreview(ctx, tree, reconciler.PreviewConfig{
		Repository: offline, Given: given,
		Settings: reconciler.Settings{Repositories: []reconciler.Repository{{
			Repo: gitsource.Repo{Name: offline}, Publish: reconciler.PublishAuto,
			Allow: reconciler.Allow{Commands: true}, // whether it may is for the daemon's configuration to say
		}}},
	})
	if err == nil && len(preview.Proposals) == 0 && !preview.Problems.Failed() {
		err = nothingDeclared(args[0])
	}
	return v1.PreviewOf(preview), err
}

// offline is what a folder that no daemon watches is called in places.
const offline = "folder"

func nothingDeclared(dir string) error {
	return fmt.Errorf("%s declares nothing to deploy; a document is a YAML file with the key baryon, see: baryon demo --help", dir)
}

// isFolder tells a folder from a name: something that is one, or is written as
// a path only.
func isFolder(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && info.IsDir() || arg == "." || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") || filepath.IsAbs(arg)
}

// daemonPlan asks the daemon about everything, or about one name.
func (p *planRequest) daemonPlan(ctx context.Context, args []string) (plan v1.Plan, err error) {
	client, err := p.client()
	if err != nil {
		return plan, err
	}
	path := "plan"
	if len(args) > 0 {
		ref, err := named(ctx, client, args)
		if err != nil {
			return plan, err
		}
		path = v1.Path(ref) + "/plan"
	}
	err = client.Get(ctx, path, nil, &plan)
	return plan, err
}

// folderPlan asks the daemon what pushing a folder would change.
func (p *planRequest) folderPlan(ctx context.Context, tree *gitsource.Folder) (v1.Plan, error) {
	client, err := p.client()
	if err != nil {
		return v1.Plan{}, err
	}
	archive, err := state.Pack(tree)
	if err != nil {
		return v1.Plan{}, err
	}
	return client.PlanFolder(ctx, p.repository, archive)
}

// readGiven reads REF: {NAME: VALUE}.
func readGiven(file string) (reconciler.Given, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	node, problems := renderer.ParseOne(file, data, renderer.Limits{})
	if problems.Failed() {
		return nil, problems.Err()
	}
	given, problems := givenIn(node)
	return given, problems.Err()
}

// givenIn reads outputs by what they are of.
func givenIn(node *renderer.Node) (reconciler.Given, renderer.Problems) {
	d := renderer.Decoder{}
	given := reconciler.Given{}
	if node.Kind != renderer.Mapping {
		d.Add(node.Problem("outputs must be a mapping", node.Describe(), "REF: {NAME: VALUE}", "write environment/prod: {VpcId: vpc-1}"))
	}
	for _, p := range node.Pairs {
		ref, err := state.ParseRef(p.Key.Text)
		if err != nil || !ref.Deployable() {
			d.Add(p.Key.Problem("this names nothing that has outputs", p.Key.Text, "environment/NAME, component/NAME or service/NAME/instance/NAME", ""))
			continue
		}
		given[ref] = map[string]string{}
		if p.Value.Kind != renderer.Mapping {
			d.Add(p.Value.Problem("outputs must be a mapping", p.Value.Describe(), "NAME: VALUE", ""))
		}
		for _, o := range p.Value.Pairs {
			given[ref][o.Key.Text] = d.String(o.Value, "an output")
		}
	}
	return given, d.Problems
}

// marks are how the text shows what would be done.
var marks = map[string]string{"create": "+", "update": "~", "delete": "-", "forget": "-", "record": "=", "none": " "}

func printPlan(w io.Writer, plan v1.Plan, brief bool) {
	for _, p := range plan.Problems {
		fmt.Fprintln(w, v1.Plain([]byte(p.String())))
	}
	for _, p := range plan.Items {
		printProposal(w, p, brief)
	}
	c := plan.Counts
	total := c.Create + c.Update + c.Delete + c.Failing
	if total == 0 {
		fmt.Fprintf(w, "No changes: %d as wanted", c.Unchanged)
	} else {
		fmt.Fprintf(w, "Plan: %d to create, %d to update, %d to delete, %d as wanted", c.Create, c.Update, c.Delete, c.Unchanged)
	}
	if c.Failing > 0 {
		fmt.Fprintf(w, "; %d cannot be rendered", c.Failing)
	}
	if c.Waiting > 0 {
		fmt.Fprintf(w, "; %d waiting", c.Waiting)
	}
	fmt.Fprintln(w)
}

func printProposal(w io.Writer, p v1.Proposal, brief bool) {
	mark := marks[p.Action]
	if p.Problem != "" {
		mark = "!"
	}
	version := p.Version
	if p.Before != "" && p.Before != p.Version && p.Version != "" {
		version = p.Before + " -> " + p.Version
	}
	fmt.Fprintf(w, "%s %s  %s  %s\n", mark, p.Ref, p.Action, strings.TrimSpace(p.Template+" "+version))
	line := func(name, text string) {
		if text = strings.TrimSpace(v1.Plain([]byte(text))); text != "" {
			fmt.Fprintf(w, "    %s: %s\n", name, strings.ReplaceAll(text, "\n", "\n      "))
		}
	}
	line("why", p.Reason)
	line("back to", p.RollbackTo)
	line("under way", p.UnderWay)
	if p.Waiting != nil {
		line("waits", p.Waiting.Why)
		line("next", p.Waiting.Next)
	}
	line("policies", strings.Join(p.Policies, "\n"))
	line("problem", p.Problem)
	line("not known yet", joined(p.Assumed, "outputs of "))
	line("afterwards", joined(p.Dependents, "looks again at "))
	if !brief {
		for _, d := range p.Diff {
			printDiff(w, d)
		}
	}
}

func printDiff(w io.Writer, d reconciler.Diff) {
	if d.Text == "" {
		fmt.Fprintf(w, "    %s %s (not shown: large, or no text)\n", d.Change, v1.Plain([]byte(d.Path)))
		return
	}
	for line := range strings.Lines(v1.Plain([]byte(d.Text))) {
		fmt.Fprint(w, "    "+line)
	}
}

func joined(refs []state.Ref, what string) string {
	if len(refs) == 0 {
		return ""
	}
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.String()
	}
	return what + strings.Join(names, ", ")
}
