package main

import (
	"maps"
	"slices"

	"baryon/renderer"
	"baryon/server/access"
	"baryon/server/proton/model"
)

// policies reads what keys may be good for beyond the roles there are.
func (c *config) policies(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() {
		return
	}
	m, err := model.Load()
	if err != nil {
		d.Add(n.Problem("policies cannot be read", err.Error(), "", ""))
		return
	}
	c.Policies = access.Reader{Decoder: d, Actions: slices.Sorted(maps.Keys(m.Operations))}.Policies(n)
}
