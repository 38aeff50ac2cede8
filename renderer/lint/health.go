package lint

import (
	"fmt"
	"slices"

	"baryon/renderer"
	"baryon/renderer/cfn"
)

// health checks that the outputs which health checks of a part read are ones that
// it gives, where that can be known before it is applied.
func (c *check) health(p renderer.Part) error {
	uses := c.bundle.HealthOutputs(p)
	if len(uses) == 0 {
		return nil
	}
	given, err := c.given(p)
	if c.bundle.CustomerManaged {
		given, err = c.Outputs(c.ctx, c.bundle)
	}
	if err != nil || given.Open {
		return err
	}
	for _, u := range uses {
		name := u.Path[1]
		if slices.Contains(given.Names, name) {
			continue
		}
		next := "add the output, or correct the name"
		if near := renderer.Nearest(name, given.Names); near != "" {
			next = fmt.Sprintf("did you mean %q?", near)
		}
		c.add(u.Problem("a health check reads the output "+name+", which "+partName(p)+" of this template does not give", "", wanted(given.Names), next))
	}
	return nil
}

// given are the outputs that a part gives itself.
func (c *check) given(p renderer.Part) (Outputs, error) {
	m := c.bundle.Parts[p]
	switch {
	case m == nil || m.Engine == renderer.EngineCodeBuild:
		return Outputs{Open: true}, nil
	case m.Engine == renderer.EngineTerraform:
		tf := c.terraform(c.bundle, p)
		return Outputs{Names: tf.outputs, Open: tf.empty()}, nil
	}
	in, _, _ := c.sample(p, true)
	rendered, err := c.Renderer.Render(c.ctx, c.bundle, p, in, renderer.Provision)
	if err != nil {
		return Outputs{Open: true}, c.ctx.Err()
	}
	file, _ := rendered.Files.Get(rendered.Template)
	parsed, problems := cfn.Parse(rendered.Template, file.Data)
	if problems.Failed() {
		return Outputs{Open: true}, nil
	}
	return Outputs{Names: parsed.Outputs(), Open: parsed.Open()}, nil
}
