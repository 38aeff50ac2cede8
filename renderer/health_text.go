package renderer

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// String writes what is asked as a declaration would, with everything that holds;
// empty for nothing.
func (h *Health) String() string {
	if h == nil || len(h.Checks) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "within: %s\nonFailure: %s\nchecks:\n", Period(h.Within), h.OnFailure)
	for _, c := range h.Checks {
		first := "- "
		line := func(form string, args ...any) {
			fmt.Fprintf(&b, "  "+first+form+"\n", args...)
			first = "  "
		}
		text := func(indent, name, value string) {
			if value != "" {
				line(indent+"%s: %s", name, strconv.Quote(value))
			}
		}
		text("", "name", c.Name)
		switch {
		case c.HTTP != nil:
			line("http:")
			text("  ", "url", c.HTTP.URL)
			line("  method: %s", c.HTTP.Method)
			if len(c.HTTP.Status) > 0 {
				line("  status: [%s]", strings.Join(strings.Fields(strings.Trim(fmt.Sprint(c.HTTP.Status), "[]")), ", "))
			}
			text("  ", "body", c.HTTP.Body)
			for i, header := range c.HTTP.Headers {
				if i == 0 {
					line("  headers:")
				}
				text("    ", header.Name, header.Value)
			}
		case c.ECS != nil:
			line("ecs:")
			text("  ", "cluster", c.ECS.Cluster)
			text("  ", "service", c.ECS.Service)
			text("  ", "taskDefinition", c.ECS.TaskDefinition)
		default:
			line("command:")
			for _, command := range c.Command {
				line("  - %s", strconv.Quote(command))
			}
		}
		line("interval: %s", Period(c.Interval))
		line("timeout: %s", Period(c.Timeout))
		line("successes: %d", c.Successes)
	}
	return b.String()
}

// Period writes a duration as people do: 10m, and not 10m0s.
func Period(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
