package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func getCommand() *cobra.Command {
	return query("get KIND [NAME]", "Show one thing, or list those of a kind",
		"  baryon get environments\n  baryon get environment prod -o json\n  baryon get service/shop/instance/dev\n  baryon get template web-env",
		cobra.RangeArgs(1, 2), getThing, printThing)
}

// lists are the resources that list a kind, by the words people use for it.
func lists(kind string) (resource string, ok bool) {
	switch strings.TrimSuffix(kind, "s") {
	case "environment", "service", "pipeline", "component", "template", "deployment":
		return strings.TrimSuffix(kind, "s") + "s", true
	case "instance", "service-instance":
		return "instances", true
	case "repository", "repositorie":
		return "repositories", true
	}
	return "", false
}

// getThing reads a list as []any of JSON objects, or one object.
func getThing(ctx context.Context, c *v1.Client, args []string) (any, error) {
	resource, list := lists(args[0])
	if len(args) == 1 && list {
		return v1.List[map[string]any](ctx, c, resource, nil)
	}
	one := func(path string) (any, error) {
		var v map[string]any
		return v, c.Get(ctx, path, nil, &v)
	}
	if len(args) == 2 {
		switch resource {
		case "deployments":
			return one("deployments/" + url.PathEscape(args[1]))
		case "templates":
			for _, kind := range []string{"environment", "service"} {
				if v, err := one("templates/" + kind + "/" + url.PathEscape(args[1])); err == nil {
					return v, nil
				}
			}
			return one("templates/environment/" + url.PathEscape(args[1]))
		case "instances", "pipelines":
			return nil, fmt.Errorf("name it whole: baryon get service/SERVICE/instance/NAME, or service/SERVICE/pipeline")
		}
	}
	ref, err := refOf(args)
	if err != nil {
		return nil, err
	}
	switch {
	case ref.Deployable():
		return c.Target(ctx, ref)
	case ref.Service == "" && ref.Kind == "repository":
		return one("repositories/" + url.PathEscape(ref.Name))
	default:
		return one("services/" + url.PathEscape(ref.Name))
	}
}

// printThing shows what has columns as a table and the rest as JSON.
func printThing(w io.Writer, v any) {
	items, list := v.([]map[string]any)
	if !list {
		if t, ok := v.(v1.Target); ok {
			printTarget(w, t)
			return
		}
		text, err := json.MarshalIndent(v, "", "  ")
		if err == nil {
			fmt.Fprintln(w, string(text))
		}
		return
	}
	text := func(m map[string]any, keys ...string) string {
		for _, k := range keys {
			if s, ok := m[k].(string); ok && s != "" {
				return s
			}
		}
		return "-"
	}
	table(w, "NAME TEMPLATE VERSION STATE", func(row func(...string)) {
		for _, m := range items {
			row(text(m, "ref", "name", "id"), text(m, "templateName", "kind", "url"),
				text(m, "deployedVersion", "recommendedVersion", "version", "commit"), text(m, "state", "status", "deploymentStatus"))
		}
	})
}

func printTarget(w io.Writer, t v1.Target) {
	fmt.Fprintf(w, "%s  %s\n", t.Ref, t.State)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-12s %s\n", name, text)
		}
	}
	line("status", t.DeploymentStatus)
	line("message", firstLine(t.DeploymentStatusMessage))
	line("template", t.TemplateName+" "+t.DeployedVersion)
	line("follows", t.Follow)
	line("recommended", t.RecommendedVersion)
	line("waits", t.Why.Text)
	line("next", t.Why.Next)
	for _, k := range sortedKeys(t.Outputs) {
		line("output", k+"="+t.Outputs[k])
	}
}
