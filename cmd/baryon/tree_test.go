package main

import (
	"bytes"
	"strings"
	"testing"

	v1 "baryon/server/v1"
)

func treeWorld() v1.Status {
	target := func(kind, ref, name, state, why string) v1.Target {
		return v1.Target{Kind: kind, Ref: ref, Name: name, ServiceName: "shop", EnvironmentName: "prod", TemplateName: "app", DesiredVersion: "1.0", State: state, Why: v1.Why{State: state, Text: why}}
	}
	dev := target("service-instance", "service/shop/service-instance/dev", "dev", v1.Failed, "the last deployment failed: "+strings.Repeat("no room ", 20))
	pipeline := target("pipeline", "service/shop/pipeline", "", v1.Ready, "")
	component := target("component", "component/search", "search", v1.Waiting, "")
	return v1.Status{
		Environments: []v1.EnvironmentStatus{{
			Target: target("environment", "environment/prod", "prod", v1.Ready, ""), Instances: []v1.Target{dev}, Components: []v1.Target{component},
		}},
		Services: []v1.Service{{Name: "shop", Ref: "service/shop", Status: "UPDATE_FAILED", Instances: []v1.Target{dev}, Pipeline: &pipeline}},
	}
}

func TestTreeHoldsEverythingInOrder(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range tree(treeWorld()) {
		got = append(got, r.branch+r.name)
	}
	want := []string{
		"environment/prod", "├─ service/shop/service-instance/dev", "└─ component/search",
		"service/shop", "├─ shop/dev in prod", "└─ service/shop/pipeline",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("tree:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTreeFitsItsPaper(t *testing.T) {
	t.Parallel()
	for _, width := range []int{50, 60, 80, 100, 200} {
		var text bytes.Buffer
		paper{width: width}.rows(&text, tree(treeWorld()))
		for line := range strings.Lines(text.String()) {
			if got := length(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("a line of %d characters on paper of %d: %s", got, width, line)
			}
		}
		if !strings.Contains(text.String(), "the last deployment failed") {
			t.Errorf("width %d: the reason is gone:\n%s", width, &text)
		}
		if strings.Contains(text.String(), "\x1b") {
			t.Errorf("width %d: colours though none were asked for", width)
		}
	}
	var text bytes.Buffer
	paper{colour: true}.rows(&text, tree(treeWorld()))
	if !strings.Contains(text.String(), "\x1b[31mfailed\x1b[0m") || !strings.Contains(text.String(), "\x1b[31mUPDATE_FAILED\x1b[0m") {
		t.Errorf("failures are not coloured:\n%s", &text)
	}
}
