package renderer

import (
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// String writes what is asked as a declaration would, a line for each key; empty
// for nothing.
func (h *Health) String() string {
	if h == nil || len(h.Checks) == 0 {
		return ""
	}
	return encodeYAML(h.node())
}

// Flow is what is set, on one line and without the braces around it.
func (h *Health) Flow() string {
	if h == nil {
		return ""
	}
	n := h.node()
	n.Style = yaml.FlowStyle
	return strings.TrimSuffix(strings.TrimPrefix(encodeYAML(n), "{"), "}\n")
}

func (h *Health) node() *yaml.Node {
	var m yamlMapping
	if h.Within > 0 {
		m.add("within", yamlPlain(Period(h.Within)))
	}
	if h.OnFailure != "" {
		m.add("onFailure", yamlPlain(h.OnFailure))
	}
	if h.Checks != nil {
		checks := &yaml.Node{Kind: yaml.SequenceNode}
		for _, c := range h.Checks {
			checks.Content = append(checks.Content, c.node())
		}
		m.add("checks", checks)
	}
	return m.node()
}

func (c HealthCheck) node() *yaml.Node {
	var m yamlMapping
	m.text("name", c.Name)
	switch {
	case c.HTTP != nil:
		m.add("http", c.HTTP.node())
	case c.ECS != nil:
		var ecs yamlMapping
		ecs.text("cluster", c.ECS.Cluster)
		ecs.text("service", c.ECS.Service)
		ecs.text("taskDefinition", c.ECS.TaskDefinition)
		m.add("ecs", ecs.node())
	default:
		commands := &yaml.Node{Kind: yaml.SequenceNode}
		for _, text := range c.Command {
			commands.Content = append(commands.Content, yamlText(text))
		}
		m.add("command", commands)
	}
	m.add("interval", yamlPlain(Period(c.Interval)))
	m.add("timeout", yamlPlain(Period(c.Timeout)))
	m.add("successes", yamlPlain(strconv.Itoa(c.Successes)))
	return m.node()
}

func (c *HTTPCheck) node() *yaml.Node {
	var m yamlMapping
	m.text("url", c.URL)
	m.add("method", yamlPlain(c.Method))
	if len(c.Status) > 0 {
		status := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, s := range c.Status {
			status.Content = append(status.Content, yamlPlain(strconv.Itoa(s)))
		}
		m.add("status", status)
	}
	m.text("body", c.Body)
	if len(c.Headers) > 0 {
		var headers yamlMapping
		for _, h := range c.Headers {
			headers.Content = append(headers.Content, yamlText(h.Name), yamlText(h.Value))
		}
		m.add("headers", headers.node())
	}
	return m.node()
}

// A yamlMapping is a mapping that is written; its keys stay in their order.
type yamlMapping struct{ Content []*yaml.Node }

func (m *yamlMapping) add(key string, value *yaml.Node) {
	m.Content = append(m.Content, yamlPlain(key), value)
}

// text adds a text, unless it is empty.
func (m *yamlMapping) text(key, value string) {
	if value != "" {
		m.add(key, yamlText(value))
	}
}

func (m *yamlMapping) node() *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: m.Content}
}

func yamlPlain(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

func yamlText(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value}
}

func encodeYAML(n *yaml.Node) string {
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		panic(err) // the nodes are made here
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
