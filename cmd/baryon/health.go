package main

import (
	"time"

	"baryon/provisioner/cloudformation"
	"baryon/provisioner/probe"
	"baryon/renderer"
)

// health reads where health checks may go, and how long they may take.
func (c *config) health(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() || !d.Mapping(n, "health", "hosts", "within", "at_once") {
		return
	}
	c.Settings.Health.Most = d.Duration(n.Get("within"), "health.within", time.Second, 24*time.Hour)
	c.HealthAtOnce = int(d.Int(n.Get("at_once"), "health.at_once", 1, maxAtOnce))
	for _, item := range d.List(n.Get("hosts"), "health.hosts") {
		text := d.String(item, "each item of health.hosts")
		if text == "" {
			continue
		}
		host, err := probe.ParseHost(text)
		if err != nil {
			d.Add(item.Problem("this says no host", err.Error(), "", ""))
			continue
		}
		c.HealthHosts = append(c.HealthHosts, host)
	}
}

// newStacks makes the engine of CloudFormation, and what asks whether something
// that was deployed works: it asks AWS as that engine does.
func (d *daemon) newStacks() (*cloudformation.Engine, error) {
	cfg := d.cfg.cloudformationConfig()
	cfg.Ended = func(id string) { d.loop.Ended(id) } // nothing is deployed before there is a loop
	stacks, err := cloudformation.New(cfg)
	if err != nil {
		return nil, err
	}
	d.prober, err = probe.New(probe.Config{
		Hosts: func() []probe.Host { return d.current.Load().HealthHosts },
		AWS:   stacks.Identity, Ended: func(id string) { d.loop.Ended(id) }, AtOnce: d.cfg.HealthAtOnce, Log: d.log,
	})
	return stacks, err
}
