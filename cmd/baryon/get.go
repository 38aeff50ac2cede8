package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
	"baryon/state"
)

// A thing is what get has read, with how people want to see it.
type thing struct {
	value  any
	people func(io.Writer)
}

func getCommand() *cobra.Command {
	var c connection
	var out format
	cmd := &cobra.Command{
		Use: "get KIND [NAME]", Short: "Show one thing, or list those of a kind",
		Long: `Shows one thing, or lists those of a kind: environments, services, instances,
pipelines, components, templates, deployments, repositories.

With -o json the members have the names that AWS Proton gave them, so that
scripts go on working: name, deploymentStatus, templateMajorVersion, outputs
(as an object), and so on. Members of Baryon's own have names that Proton
never used, such as state, generation and waiting.`,
		Example: `  baryon get environments
  baryon get environment prod -o json
  baryon get service/shop/instance/dev
  baryon get template web-env
  baryon get template web-env 1.1 -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("say what to get: environments, services, instances, pipelines, components, templates, deployments or repositories")
			}
			return upTo(4)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			got, err := get(cmd.Context(), client, args)
			if err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), got.value, func() { got.people(cmd.OutOrStdout()) })
		},
	}
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

// get reads a list, when args is the word for a kind alone, or one thing.
func get(ctx context.Context, c *v1.Client, args []string) (thing, error) {
	kind := singular(args[0])
	if len(args) == 1 {
		if list := lists(kind); list != nil {
			return list(ctx, c)
		}
	}
	switch {
	case kind == "template" && len(args) > 1:
		return getTemplate(ctx, c, args[1:])
	case kind == "deployment" && len(args) == 2:
		return one(ctx, c, "deployments/"+url.PathEscape(args[1]), func(w io.Writer, d v1.Deployment) { printDeployment(w, d) })
	case (kind == "instance" || kind == "pipeline") && len(args) == 2:
		args = []string{strings.TrimPrefix(args[1], "service/")} // shop/dev
		if kind == "pipeline" && !strings.HasSuffix(args[0], "/pipeline") {
			args[0] = "service/" + args[0] + "/pipeline"
		}
	}
	ref, err := named(ctx, c, args)
	if err != nil {
		return thing{}, err
	}
	switch ref.Kind {
	case state.KindRepository:
		return one(ctx, c, v1.Path(ref), printRepository)
	case state.KindService:
		return one(ctx, c, v1.Path(ref), printService)
	default:
		return one(ctx, c, v1.Path(ref), printTarget)
	}
}

// singular is the word for one of a kind.
func singular(word string) string {
	switch word = strings.ToLower(word); word {
	case "repositories":
		return "repository"
	case "service-instance", "service-instances":
		return "instance"
	default:
		return strings.TrimSuffix(word, "s")
	}
}

// one reads one thing.
func one[T any](ctx context.Context, c *v1.Client, path string, people func(io.Writer, T)) (thing, error) {
	var v T
	err := c.Get(ctx, path, nil, &v)
	return thing{v, func(w io.Writer) { people(w, v) }}, err
}

// lists says how the things of a kind are listed; nil for a word that is no kind.
func lists(kind string) func(context.Context, *v1.Client) (thing, error) {
	switch kind {
	case "environment", "instance", "pipeline", "component":
		return list(kind+"s", printTargets)
	case "service":
		return list("services", printServices)
	case "template":
		return list("templates", printTemplates)
	case "deployment":
		return list("deployments", printDeployments)
	case "repository":
		return list("repositories", printRepositories)
	default:
		return nil
	}
}

func list[T any](resource string, people func(io.Writer, []T)) func(context.Context, *v1.Client) (thing, error) {
	return func(ctx context.Context, c *v1.Client) (thing, error) {
		all, err := v1.List[T](ctx, c, resource, nil)
		return thing{all, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "none")
				return
			}
			people(w, all)
		}}, err
	}
}

// getTemplate reads a template, or with a version one of its versions. Its kind
// is found out: few names are those of two templates.
func getTemplate(ctx context.Context, c *v1.Client, args []string) (thing, error) {
	kind, name, said := strings.Cut(args[0], "/")
	if !said {
		var err error
		if kind, err = templateKind(ctx, c, args[0]); err != nil {
			return thing{}, err
		}
		name = args[0]
	}
	path := "templates/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
	if len(args) == 1 {
		return one(ctx, c, path, printTemplate)
	}
	return one(ctx, c, path+"/versions/"+url.PathEscape(args[1]), printTemplateVersion)
}

// templateKind finds out whether a template is for environments or services.
func templateKind(ctx context.Context, c *v1.Client, name string) (string, error) {
	all, err := v1.List[v1.Template](ctx, c, "templates", nil)
	if err != nil {
		return "", err
	}
	var kinds []string
	for _, t := range all {
		if t.Name == name {
			kinds = append(kinds, t.Kind)
		}
	}
	switch len(kinds) {
	case 1:
		return kinds[0], nil
	case 0:
		return "", fmt.Errorf("template %s does not exist; see: baryon get templates", name)
	default:
		return "", fmt.Errorf("%s is an environment template and a service template; write environment/%s or service/%s", name, name, name)
	}
}
