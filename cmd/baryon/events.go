package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"baryon/renderer"
	"baryon/server/proton/events"
	v1 "baryon/server/v1"
)

// An eventDestination is what the configuration says of one destination of events.
type eventDestination struct {
	Name   string
	URL    string    // of a webhook; empty for a bus
	Secret secretRef // that a webhook is signed with
	Bus    events.BusConfig
}

// events reads who is told of changes of status.
func (c *config) events(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() || !d.Mapping(n, "events", "webhooks", "buses") {
		return
	}
	names := map[string]bool{}
	named := func(item *renderer.Node, what string) string {
		name := d.String(d.Require(item, what, "name"), "name")
		if names[name] && name != "" {
			d.Add(item.Get("name").Problem("two destinations have the same name", strconv.Quote(name), "another name", ""))
		}
		names[name] = true
		return name
	}
	for _, item := range d.List(n.Get("webhooks"), "webhooks") {
		if !d.Mapping(item, "a webhook", "name", "url", "secret_file", "secret_env") {
			continue
		}
		w := eventDestination{Name: named(item, "a webhook"), URL: c.webhookURL(d, d.Require(item, "a webhook", "url"))}
		file, env := item.Get("secret_file"), item.Get("secret_env")
		w.Secret.Env = d.String(env, "secret_env")
		if file != nil {
			w.Secret.File = c.beside(file, d.String(file, "secret_file"))
		}
		if (w.Secret.File == "") == (w.Secret.Env == "") {
			d.Add(item.Problem("a webhook is signed with one secret", "", "secret_file or secret_env", "without one the receiver cannot know who calls"))
		}
		c.Events = append(c.Events, w)
	}
	for _, item := range d.List(n.Get("buses"), "buses") {
		if !d.Mapping(item, "a bus", "name", "bus", "region", "endpoint", "source") {
			continue
		}
		b := eventDestination{Name: named(item, "a bus"), Bus: events.BusConfig{
			Name: d.String(item.Get("bus"), "bus"), Region: d.String(item.Get("region"), "region"),
			Endpoint: d.String(item.Get("endpoint"), "endpoint"), Source: d.String(item.Get("source"), "source"),
		}}
		if b.Bus.Region == "" {
			b.Bus.Region = orDefault(c.Settings.Region, "us-east-1")
		}
		c.Events = append(c.Events, b)
	}
}

// webhookURL refuses what would send events in the clear through a network.
func (c *config) webhookURL(d *renderer.Decoder, n *renderer.Node) string {
	text := d.String(n, "url")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		d.Add(n.Problem("this is no address of a webhook", strconv.Quote(text), "https://HOST/PATH, or http:// on this machine", ""))
	}
	return text
}

// destinations are the receivers of events.
func (c *config) destinations() []events.Destination {
	out := make([]events.Destination, len(c.Events))
	for i, e := range c.Events {
		out[i] = events.Destination{Name: e.Name}
		if e.URL == "" {
			out[i].Bus = &events.Bus{BusConfig: e.Bus}
			continue
		}
		out[i].Webhook = &events.Webhook{URL: e.URL, Secret: func() (string, error) { return e.Secret.read("secret of the webhook " + e.Name) }}
	}
	return out
}

func eventsCommand() *cobra.Command {
	var limit int
	cmd := query("events [NAME]", "Show what changed its status, newest first", "  baryon events\n  baryon events environment/prod --limit 10\n  baryon events destinations",
		cobra.MaximumNArgs(1), func(ctx context.Context, c *v1.Client, args []string) ([]v1.Event, error) {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if len(args) == 1 {
				q.Set("ref", args[0])
			}
			var page v1.Page[v1.Event]
			err := c.Get(ctx, "events", q, &page)
			return page.Items, err
		}, func(w io.Writer, list []v1.Event) {
			if len(list) == 0 {
				fmt.Fprintln(w, "nothing changed its status in the last 24 hours")
				return
			}
			table(w, "TIME WHAT STATUS BEFORE", func(row func(...string)) {
				for _, e := range list {
					row(e.At.Local().Format(time.RFC3339), e.Ref, e.Status, e.Previous)
				}
			})
		})
	cmd.Flags().IntVar(&limit, "limit", 100, "how many")
	cmd.AddCommand(query("destinations", "Show who is told of events, and what was not taken yet", "  baryon events destinations", cobra.NoArgs,
		func(ctx context.Context, c *v1.Client, _ []string) ([]v1.Destination, error) {
			var page v1.Page[v1.Destination]
			err := c.Get(ctx, "destinations", nil, &page)
			return page.Items, err
		}, func(w io.Writer, list []v1.Destination) {
			if len(list) == 0 {
				fmt.Fprintln(w, "nobody is told; add webhooks or buses under events in the configuration")
				return
			}
			table(w, "NAME PENDING OLDEST ATTEMPTS AGAIN ERROR", func(row func(...string)) {
				for _, x := range list {
					oldest, again := "-", "-"
					if x.Pending > 0 {
						oldest = ago(x.Oldest)
					}
					if !x.Again.IsZero() {
						again = x.Again.Local().Format(time.RFC3339)
					}
					row(x.Name, strconv.FormatInt(x.Pending, 10), oldest, strconv.FormatInt(x.Attempts, 10), again, orDefault(x.Error, "-"))
				}
			})
		}))
	return cmd
}
