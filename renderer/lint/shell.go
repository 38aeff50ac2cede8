package lint

import (
	"fmt"
	"slices"
	"strings"

	"baryon/renderer"
	"baryon/renderer/jinja"
)

// shell warns of inputs that reach a command as they were written in a spec: a
// shell takes quotes, $(…) and semicolons in them for its own. It tries each
// with such a text and looks for it in what is run, so that whatever makes the
// text harmless in the template counts.
func (c *check) shell(p renderer.Part) error {
	b := c.bundle
	if b.Parts[p].Engine != renderer.EngineCodeBuild && !b.ChecksHealth(p) || b.Schema == nil {
		return nil
	}
	in, _, problems := c.sample(p, true)
	if problems.Failed() {
		return nil
	}
	hostile := map[string]string{} // by path, as templates write it
	poison := func(t *renderer.Type, d *jinja.Dict, of string) {
		if t == nil || d == nil {
			return
		}
		for _, i := range t.Inputs() {
			if i.Type != "string" || slices.ContainsFunc([]string{"enum ", "pattern ", "format "}, func(rule string) bool { return strings.Contains(i.Rules, rule) }) {
				continue
			}
			text := fmt.Sprintf(`it's "$(%d)"`, len(hostile))
			if put(d, strings.Split(i.Path, "."), text) {
				hostile[of+".inputs."+i.Path] = text
			}
		}
	}
	poison(b.Schema.Environment, in.Environment.Inputs, "environment")
	poison(b.Schema.Service, in.ServiceInstance.Inputs, "service_instance")
	poison(b.Schema.Pipeline, in.Pipeline.Inputs, "pipeline")
	for _, i := range in.Instances {
		poison(b.Schema.Service, i.Inputs, "service_instances[]")
	}
	out, err := c.Renderer.Render(c.ctx, b, p, in, renderer.Provision)
	if err != nil {
		return c.ctx.Err() // a sample that cannot be rendered is told of elsewhere
	}
	commands := strings.Join(slices.Concat(out.Commands, out.DeprovisionCommands, out.Health.Commands()), "\n")
	uses, _ := c.Renderer.Uses(b, p)
	for _, u := range uses {
		if text, free := hostile[u.Name()]; free && strings.Contains(commands, text) {
			problem := u.Problem("the input "+u.Name()+" is pasted into a command as it is, so that a spec can run commands of its own", "", "",
				`bound it in the schema with pattern or enum, or quote it: '{{ `+u.Name()+` | replace("'", "'\"'\"'") }}'`)
			problem.Warning = true
			c.add(problem)
		}
	}
	return nil
}

// put replaces a value in nested inputs, if it is there.
func put(d *jinja.Dict, path []string, value string) bool {
	old, ok := d.Get(path[0])
	if len(path) == 1 {
		if _, isText := old.(string); !ok || !isText {
			return false
		}
		d.Set(path[0], value)
		return true
	}
	inner, isDict := old.(*jinja.Dict)
	return isDict && put(inner, path[1:], value)
}
