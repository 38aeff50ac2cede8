// Package events carries what the store says has changed to whoever wants to
// know: webhooks, and a bus of Amazon EventBridge. It knows the shape of events,
// signatures, and when to try again.
//
// It refuses to know why anything changed. The store holds each event until it
// was taken or has expired, so nothing is lost when this ends at any point; a
// receiver may be told the same twice and knows that by the event's id.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"baryon/state"
)

// Config is what a Carrier needs. Store is required.
type Config struct {
	Store *state.Store
	Place func() (region, account string) // for resource names; nil for us-east-1 and zeros
	Log   *zap.Logger
}

// A Carrier delivers events.
type Carrier struct {
	cfg     Config
	changed chan []Destination
}

// A Destination is a place that wants to know. Exactly one of Webhook and Bus is set.
type Destination struct {
	Name    string
	Webhook *Webhook
	Bus     *Bus
}

// A sender hands events to one place. It answers with an error for each that was
// not taken.
type sender interface {
	send(ctx context.Context, list []Event) []error
}

// Event is an event in EventBridge's shape.
type Event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`

	attempt int64
}

// Source is what events say they come from, as those of AWS Proton did.
const Source = "aws.proton"

// detail is what an event tells, with Proton's members.
type detail struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Service  string `json:"serviceName,omitempty"`
	Major    string `json:"majorVersion,omitempty"`
	Minor    string `json:"minorVersion,omitempty"`
	Status   string `json:"status"`
	Previous string `json:"previousStatus"`
}

// Of puts an event of the store into EventBridge's shape.
func Of(e state.Event, region, account string) (Event, error) {
	text, err := json.Marshal(detail{ID: e.Holder, Name: e.Name, Service: e.Service, Major: e.Major, Minor: e.Minor, Status: e.Status, Previous: e.Previous})
	return Event{
		Version: "0", ID: e.ID, DetailType: "AWS Proton " + e.What + " Status Change", Source: Source, Account: account, Region: region,
		Time: e.At.UTC().Truncate(time.Second), Resources: []string{"arn:aws:proton:" + region + ":" + account + ":" + e.Ref}, Detail: text,
	}, err
}

// New makes a Carrier. It delivers while Run runs.
func New(cfg Config) (*Carrier, error) {
	if cfg.Store == nil {
		return nil, errors.New("events: Config.Store is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Place == nil {
		cfg.Place = func() (string, string) { return "us-east-1", "000000000000" }
	}
	return &Carrier{cfg: cfg, changed: make(chan []Destination, 1)}, nil
}

// Configure delivers to other destinations from now on. It is called by one
// goroutine at a time.
func (c *Carrier) Configure(ctx context.Context, list []Destination) error {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.Name
	}
	if err := c.cfg.Store.SetDestinations(ctx, names); err != nil {
		return err
	}
	select { // the one before was not looked at yet
	case <-c.changed:
	default:
	}
	c.changed <- list
	return nil
}

const (
	keep        = 24 * time.Hour         // events are forgotten then, delivered or not
	keepUnasked = "24h"                  // the same in words
	tidyEvery   = 10 * time.Minute       //
	hold        = 30 * time.Second       // a claim; longer than any attempt
	lookEvery   = 2 * time.Second        // for what became due, and for events of other daemons
	lookLeast   = 100 * time.Millisecond // between two looks, however much is written
	batch       = 10                     // events at once, which is what PutEvents takes
	leastPause  = time.Second
	mostPause   = 5 * time.Minute
)

// Run delivers until ctx ends.
func (c *Carrier) Run(ctx context.Context) error {
	if !c.cfg.Store.Shared() {
		if err := c.cfg.Store.ReleaseDeliveries(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.Warn("deliveries wait for their claims to end", zap.Error(err))
		}
	}
	var list []Destination
	for ctx.Err() == nil {
		round, stop := context.WithCancel(ctx)
		var g errgroup.Group
		g.Go(func() error { c.expire(round); return nil })
		for _, d := range list {
			g.Go(func() error { c.carry(round, d); return nil })
		}
		select {
		case <-ctx.Done():
		case list = <-c.changed:
		}
		stop()
		_ = g.Wait() // none of them returns an error
	}
	return nil
}

// expire forgets old events now and then.
func (c *Carrier) expire(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := c.cfg.Store.ExpireEvents(ctx, time.Now().Add(-keep))
		switch {
		case err != nil && ctx.Err() == nil:
			c.cfg.Log.Warn("old events not forgotten", zap.Error(err))
		case n > 0:
			c.cfg.Log.Error("events given up, nobody took them", zap.Int64("deliveries", n), zap.String("within", keepUnasked))
		}
		pause(ctx, tidyEvery, nil)
	}
}

// carry delivers to one destination. What happens there holds up nothing else:
// each has a goroutine of its own, and the store is only asked and told.
func (c *Carrier) carry(ctx context.Context, d Destination) {
	to, failures := d.sender(), 0
	for ctx.Err() == nil {
		changed := c.cfg.Store.Changed() // before looking, so that nothing is missed
		taken, failed, err := c.some(ctx, d.Name, to)
		switch {
		case err != nil && ctx.Err() == nil:
			c.cfg.Log.Warn("events not delivered", zap.String("destination", d.Name), zap.Error(err))
			pause(ctx, lookEvery, nil)
		case failed > 0 && taken == 0: // it is not there; asking for each event would help nobody
			failures++
			pause(ctx, backoff(failures, mostPause/10), nil)
		case taken+failed > 0:
			failures = 0
		default:
			pause(ctx, lookLeast, nil)
			pause(ctx, lookEvery, changed)
		}
	}
}

// some claims what is due, sends it, and writes down what came of it.
func (c *Carrier) some(ctx context.Context, name string, to sender) (taken, failed int, err error) {
	claimed, err := c.cfg.Store.ClaimDeliveries(ctx, name, time.Now().Add(hold), batch)
	if err != nil || len(claimed) == 0 {
		return 0, 0, err
	}
	region, account := c.cfg.Place()
	list := make([]Event, len(claimed))
	for i, d := range claimed {
		if list[i], err = Of(d.Event, region, account); err != nil {
			return 0, 0, err
		}
		list[i].attempt = d.Attempts
	}
	within, cancel := context.WithTimeout(ctx, hold/2)
	defer cancel()
	done := make([]state.Delivered, len(claimed))
	for i, err := range to.send(within, list) {
		done[i].Delivery = claimed[i]
		if err == nil {
			taken++
			continue
		}
		failed++
		done[i].Error, done[i].Again = clip(err.Error()), time.Now().Add(backoff(int(claimed[i].Attempts), mostPause))
		if claimed[i].Attempts == 1 || claimed[i].Attempts%10 == 0 {
			c.cfg.Log.Warn("event not taken", zap.String("destination", name), zap.String("event", list[i].ID),
				zap.Int64("attempt", claimed[i].Attempts), zap.Error(err))
		}
	}
	if ctx.Err() != nil { // the daemon ends: what was sent is written down all the same
		ctx = context.WithoutCancel(ctx)
	}
	return taken, failed, c.cfg.Store.FinishDeliveries(ctx, done)
}

// backoff grows with each failure and is jittered, so that two daemons do not
// come at once.
func backoff(failures int, most time.Duration) time.Duration {
	d := min(leastPause<<min(failures-1, 20), most)
	return d/2 + rand.N(d/2+1)
}

// pause waits for a time, for something to happen, or for the end.
func pause(ctx context.Context, d time.Duration, sooner <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-sooner:
	}
}

func clip(text string) string {
	if r := []rune(text); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return text
}

func (d Destination) sender() sender {
	if d.Bus != nil {
		return d.Bus
	}
	return d.Webhook
}
