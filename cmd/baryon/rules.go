package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/reconciler"
	"baryon/renderer"
)

// maxAtOnce bounds every limit on work at once.
const maxAtOnce = 10_000

// limits reads how much may be done at once for each engine and account.
func (c *config) limits(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() || !d.Mapping(n, "limits", "engines", "accounts", "plans") {
		return
	}
	if v := n.Get("plans"); v != nil {
		c.Settings.Plans = int(d.Int(v, "limits.plans", 1, maxAtOnce))
	}
	engines := []string{string(renderer.EngineCodeBuild), string(renderer.EngineTerraform), string(renderer.EngineCloudFormation)}
	c.Settings.Limits.Engines = numbers(d, n.Get("engines"), "limits.engines", func(name string) (want, next string) {
		if slices.Contains(engines, name) {
			return "", ""
		}
		if near := renderer.Nearest(name, engines); near != "" {
			next = "did you mean " + strconv.Quote(near) + "?"
		}
		return "one of " + strings.Join(engines, ", "), next
	})
	c.Settings.Limits.Accounts = numbers(d, n.Get("accounts"), "limits.accounts", func(name string) (want, next string) {
		if name == reconciler.AnyAccount {
			return "", ""
		}
		if want, _ := accountForm(name); want != "" {
			return want + `, or "*" for every other account`, `write it as "123456789012": 5`
		}
		return "", ""
	})
}

// numbers reads NAME: NUMBER.
func numbers(d *renderer.Decoder, n *renderer.Node, what string, check func(name string) (want, next string)) map[string]int {
	if n.Null() {
		return nil
	}
	if n.Kind != renderer.Mapping {
		d.Add(n.Problem(what+" must be a mapping", n.Describe(), "NAME: NUMBER", ""))
		return nil
	}
	out := map[string]int{}
	for _, p := range n.Pairs {
		if want, next := check(p.Key.Text); want != "" {
			d.Add(p.Key.Problem("this has no limit", strconv.Quote(p.Key.Text), want, next))
			continue
		}
		out[p.Key.Text] = int(d.Int(p.Value, what+"."+p.Key.Text, 1, maxAtOnce))
	}
	return out
}

// approvals reads which changes wait for a person.
func (c *config) approvals(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() {
		return
	}
	for _, item := range d.List(n, "approvals") {
		if !d.Mapping(item, "a rule of approvals", "environments", "kinds", "labels") {
			continue
		}
		rule := reconciler.ApprovalRule{Environments: d.Strings(item.Get("environments"), "environments"), Kinds: d.Strings(item.Get("kinds"), "kinds")}
		for i, kind := range rule.Kinds {
			if known := reconciler.ApprovalKinds(); kind != "" && !slices.Contains(known, kind) {
				d.Add(item.Get("kinds").Items[i].Problem("this kind is never deployed", strconv.Quote(kind), "one of "+strings.Join(known, ", "), ""))
			}
		}
		if labels := item.Get("labels"); !labels.Null() {
			if labels.Kind != renderer.Mapping {
				d.Add(labels.Problem("labels must be a mapping", labels.Describe(), "NAME: VALUE", ""))
				continue
			}
			rule.Labels = map[string]string{}
			for _, p := range labels.Pairs {
				rule.Labels[p.Key.Text] = d.String(p.Value, "the value of a label")
			}
		}
		if len(rule.Environments)+len(rule.Kinds)+len(rule.Labels) == 0 {
			d.Add(item.Problem("the rule names nothing", "", "environments, kinds or labels", `to be asked about everything, write environments: ["*"]`))
			continue
		}
		c.Settings.Approvals = append(c.Settings.Approvals, rule)
	}
}

// drift reads how often drift is looked for, and what is done about it.
func (c *config) drift(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() || !d.Mapping(n, "drift", "every", "at_once", "mode", "environments") {
		return
	}
	rule := &c.Settings.Drift
	rule.Every = d.Duration(n.Get("every"), "drift.every", time.Second, 30*24*time.Hour)
	if v := n.Get("at_once"); v != nil {
		rule.AtOnce = int(d.Int(v, "drift.at_once", 1, maxAtOnce))
	}
	if v := n.Get("mode"); v != nil {
		rule.Mode = d.OneOf(v, "drift.mode", reconciler.DriftModes()...)
	}
	environments := n.Get("environments")
	if environments.Null() {
		return
	}
	if environments.Kind != renderer.Mapping {
		d.Add(environments.Problem("drift.environments must be a mapping", environments.Describe(), "NAME: ignore, report or correct", ""))
		return
	}
	rule.Environments = map[string]string{}
	for _, p := range environments.Pairs {
		rule.Environments[p.Key.Text] = d.OneOf(p.Value, "the mode of an environment", reconciler.DriftModes()...)
	}
}
