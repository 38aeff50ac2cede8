package renderer

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"baryon/renderer/jinja"
)

// single matches a text that is one expression and nothing else.
var single = regexp.MustCompile(`(?s)^\s*\{\{-?((?:[^}]|\}[^}])*?)-?\}\}\s*$`)

// properties renders the strings of project_properties. One that is a single
// expression with a list as its value becomes that list.
func (j *job) properties(ctx context.Context, m *Manifest, problems *Problems) error {
	n := m.CodeBuild.Properties
	if n == nil {
		return nil
	}
	v, err := j.property(ctx, m, "project_properties", n, problems)
	if err != nil || problems.Failed() {
		return err
	}
	d, ok := v.(*jinja.Dict)
	if !ok {
		return nil // ParseManifest takes mappings only
	}
	j.out.Properties = d
	if minutes, ok := d.Get("TimeoutInMinutes"); ok && j.out.Timeout == 0 {
		if n, err := strconv.Atoi(fmt.Sprint(minutes)); err == nil && n > 0 && time.Duration(n)*time.Minute <= maxTimeout {
			j.out.Timeout = time.Duration(n) * time.Minute
		}
	}
	return nil
}

func (j *job) property(ctx context.Context, m *Manifest, place string, n *Node, problems *Problems) (any, error) {
	switch n.Kind {
	case Mapping:
		d := jinja.NewDict()
		for _, p := range n.Pairs {
			v, err := j.property(ctx, m, place+"/"+p.Key.Text, p.Value, problems)
			if err != nil {
				return nil, err
			}
			d.Set(p.Key.Text, v)
		}
		return d, nil
	case Sequence:
		out := make([]any, 0, len(n.Items))
		for i, item := range n.Items {
			v, err := j.property(ctx, m, fmt.Sprintf("%s/%d", place, i), item, problems)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	if plainText(n.Text) {
		v, found := Values(n)
		*problems = append(*problems, found...)
		return v, nil
	}
	text, err := j.text(ctx, m, place, n, problems)
	if err != nil {
		return nil, err
	}
	if list := j.list(ctx, m, place, n); list != nil {
		return list, nil
	}
	return text, nil
}

// list evaluates a single expression and returns its value if it is a list.
func (j *job) list(ctx context.Context, m *Manifest, place string, n *Node) []any {
	inner := single.FindStringSubmatch(n.Text)
	if inner == nil {
		return nil
	}
	t, err := j.template(place+"|tojson", m.Name, "{{ ("+inner[1]+") | tojson }}")
	if err != nil {
		return nil
	}
	text, err := t.Render(ctx, j.vars)
	if err != nil || !strings.HasPrefix(text, "[") {
		return nil
	}
	wrapped := jinja.NewDict()
	if err := json.Unmarshal([]byte(`{"v":`+text+`}`), wrapped); err != nil {
		return nil
	}
	v, _ := wrapped.Get("v")
	list, _ := v.([]any)
	return list
}
