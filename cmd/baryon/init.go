package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

func initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "init", Short: "Begin a template, an environment or a service",
		Long: `Writes the files of something new, which validate at once and are meant to be
edited. What is there already is never overwritten.`,
		Example: "  baryon init template web-env\n  baryon init environment dev --template web-env\n  baryon init service shop --template web-svc --environment dev",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%q is nothing to begin with: say template, environment or service", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(initTemplateCommand(), initDocumentCommand(state.KindEnvironment), initDocumentCommand(state.KindService))
	return cmd
}

// A scaffold is files to be written into a folder.
type scaffold struct {
	dir   string
	files map[string]string // by slash-separated path
}

func (s *scaffold) flag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.dir, "dir", "C", ".", "folder to write into, such as the root of a repository")
}

// write writes the files, or none when one of them is there already.
func (s *scaffold) write(w io.Writer, next string) error {
	names := sortedKeys(s.files)
	for _, name := range names {
		full := filepath.Join(s.dir, filepath.FromSlash(name))
		if _, err := os.Lstat(full); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already; choose another name, or move it away", filepath.ToSlash(full))
		}
	}
	for _, name := range names {
		full := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(s.files[name]), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(w, filepath.ToSlash(full))
	}
	fmt.Fprintf(w, "\nnext: %s\n", next)
	return nil
}

// inDir writes a path as it is to be typed from here.
func (s *scaffold) inDir(name string) string { return filepath.ToSlash(filepath.Join(s.dir, name)) }

func initTemplateCommand() *cobra.Command {
	var s scaffold
	var service, pipeline bool
	var engine string
	var runsIn []string
	cmd := &cobra.Command{
		Use: "template NAME", Short: "Begin a template: schema, manifest, files and a test",
		Example: "  baryon init template web-env\n  baryon init template net --engine cloudformation\n  baryon init template web-svc --service --pipeline --runs-in web-env:1",
		Args:    oneArg("the template", "baryon init template web-env"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			switch {
			case !nameRule.MatchString(name):
				return fmt.Errorf("%q is no name: want letters, digits, - and _, the first a letter or digit", name)
			case !slices.Contains(engines, engine):
				return fmt.Errorf("engine %q: want one of %s", engine, strings.Join(engines, ", "))
			case !service && (pipeline || len(runsIn) > 0):
				return errors.New("--pipeline and --runs-in are for a service template; add --service")
			case service && len(runsIn) == 0:
				return errors.New("say in which environments its instances can run, such as: --runs-in web-env:1")
			}
			s.files = templateFiles(name, engine, service, pipeline, runsIn)
			at := s.inDir(path.Join(name, "v1"))
			return s.write(cmd.OutOrStdout(), "baryon validate "+at+" && baryon test "+at)
		},
	}
	s.flag(cmd)
	cmd.Flags().BoolVar(&service, "service", false, "a service template (default: an environment template)")
	cmd.Flags().BoolVar(&pipeline, "pipeline", false, "with a pipeline")
	cmd.Flags().StringSliceVar(&runsIn, "runs-in", nil, "for a service template: environment templates with majors, as NAME:MAJOR")
	cmd.Flags().StringVar(&engine, "engine", engines[0], "what its files are for: "+strings.Join(engines, ", "))
	return cmd
}

func initDocumentCommand(kind state.Kind) *cobra.Command {
	var s scaffold
	var template, repository string
	environments := []string{"dev"}
	name := string(kind)
	cmd := &cobra.Command{
		Use: name + " NAME", Short: "Begin the document of " + map[state.Kind]string{state.KindEnvironment: "an environment", state.KindService: "a service"}[kind],
		Long: `Writes a document with the inputs of its template: those that must be given with
a value to be changed, the others as comments with their defaults. The template is
looked for in the folder, and in the repository around it.`,
		Example: map[state.Kind]string{
			state.KindEnvironment: "  baryon init environment dev --template web-env",
			state.KindService:     "  baryon init service shop --template web-svc --environment dev --environment prod --repository acme/shop",
		}[kind],
		Args: oneArg("the "+name, "baryon init "+name+" NAME --template TEMPLATE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, n := range append([]string{args[0]}, environments...) {
				if !nameRule.MatchString(n) {
					return fmt.Errorf("%q is no name: want letters, digits, - and _, the first a letter or digit", n)
				}
			}
			found, err := s.find(cmd, kind, template)
			if err != nil {
				return err
			}
			file := name + "s/" + args[0] + ".yaml"
			text := environmentText(args[0], found)
			if kind == state.KindService {
				text = serviceText(args[0], repository, environments, found)
			}
			s.files = map[string]string{file: text}
			return s.write(cmd.OutOrStdout(), "edit it, then: baryon validate "+s.inDir(file))
		},
	}
	s.flag(cmd)
	cmd.Flags().StringVar(&template, "template", "", "the template it is made from (default: the only one)")
	if kind == state.KindService {
		cmd.Flags().StringSliceVar(&environments, "environment", environments, "an environment to run an instance in; may be repeated")
		cmd.Flags().StringVar(&repository, "repository", "", "the service's own code, as OWNER/NAME")
	}
	return cmd
}

// localTemplate is a template that was found in a folder.
type localTemplate struct {
	declare.Bundle

	bundle *renderer.Bundle
}

// find looks for a template in the folder and the repository around it; the
// highest major counts.
func (s *scaffold) find(cmd *cobra.Command, kind state.Kind, name string) (localTemplate, error) {
	full, err := filepath.Abs(s.dir)
	if err != nil {
		return localTemplate{}, err
	}
	root := orDefault(treeAround(full), full)
	tree, err := gitsource.OpenFolder(root)
	if err != nil {
		return localTemplate{}, err
	}
	decl, err := declare.Read(cmd.Context(), tree, nil, declare.Options{})
	if err != nil {
		return localTemplate{}, err
	}
	var fits []declare.Bundle
	names := map[string]bool{}
	for _, b := range decl.Bundles {
		if b.Kind != kind {
			continue
		}
		names[b.Template] = true
		if name == "" || b.Template == name {
			fits = append(fits, b)
		}
	}
	known := sortedKeys(names)
	switch {
	case len(known) == 0:
		return localTemplate{}, fmt.Errorf("there is no %s template in %s; begin one with: baryon init template NAME", kind, root)
	case name == "" && len(known) > 1:
		return localTemplate{}, fmt.Errorf("there are the templates %s; say which with --template %s", strings.Join(known, ", "), known[0])
	case len(fits) == 0:
		return localTemplate{}, fmt.Errorf("there is no %s template %s in %s, only %s", kind, name, root, strings.Join(known, ", "))
	}
	best := slices.MaxFunc(fits, func(a, b declare.Bundle) int { return int(a.Major - b.Major) })
	sub, err := fs.Sub(tree, best.Dir)
	if err != nil {
		return localTemplate{}, err
	}
	b, err := renderer.Open(sub, best.Dir, renderer.Options{})
	return localTemplate{best, b}, err
}

func environmentText(name string, t localTemplate) string {
	return fmt.Sprintf("proton: EnvironmentSpec\nbaryon: {environment: %s, template: %s, version: \"%d\"}\nspec:\n%s",
		name, t.Template, t.Major, inputLines(t.bundle.Schema.Environment, "  "))
}

func serviceText(name, repository string, environments []string, t localTemplate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "proton: ServiceSpec\nbaryon:\n  service: %s\n  template: %s\n  version: \"%d\"\n", name, t.Template, t.Major)
	if repository != "" {
		fmt.Fprintf(&b, "  repository: {id: %s, branch: main}\n", repository)
	}
	if t.bundle.HasPipeline() {
		b.WriteString("pipeline:\n" + inputLines(t.bundle.Schema.Pipeline, "  "))
	}
	b.WriteString("instances:\n")
	for _, e := range environments {
		fmt.Fprintf(&b, "  - name: %s\n    environment: %s\n    spec:\n%s", e, e, inputLines(t.bundle.Schema.Service, "      "))
	}
	return b.String()
}

// inputLines writes the inputs of a type: those that must be given with a value
// to be changed, the others as comments with their defaults.
func inputLines(t *renderer.Type, indent string) string {
	if t == nil {
		return ""
	}
	required, _, _ := t.Sample(false)
	var b strings.Builder
	for _, in := range t.Inputs() {
		if strings.ContainsAny(in.Path, ".[") {
			continue
		}
		if about := strings.Join(strings.Fields(orDefault(in.Description, in.Title)), " "); about != "" {
			fmt.Fprintf(&b, "%s# %s\n", indent, about)
		}
		if value, ok := required.Get(in.Path); ok && in.Required {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, in.Path, flowValue(value))
			continue
		}
		value := ""
		if in.Default != nil {
			value = " " + flowValue(in.Default)
		}
		fmt.Fprintf(&b, "%s# %s:%s\n", indent, in.Path, value)
	}
	return b.String()
}

// plainText is what YAML reads as a text without quotes, whatever its version.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9./-]*$`)

// wordValues are what it reads as something else.
var wordValues = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// flowValue writes a value as people do or as JSON, which YAML reads as well.
func flowValue(v any) string {
	if s, ok := v.(string); ok && plainText.MatchString(s) && !slices.Contains(wordValues, strings.ToLower(s)) {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// valueText writes a value for people: a text as it is.
func valueText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return flowValue(v)
}
