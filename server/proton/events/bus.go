package events

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// A Bus is a bus of Amazon EventBridge, reached with the daemon's credentials.
type Bus struct {
	BusConfig

	mu     sync.Mutex
	client *eventbridge.Client // made when it is first needed: credentials may come later
}

// BusConfig says which bus it is.
type BusConfig struct {
	Name     string // or its resource name; empty for the default one
	Region   string
	Endpoint string // for a simulated AWS; empty for the real one
	// Source is what events say they come from. AWS takes no event that says
	// aws.proton from anybody but itself.
	Source string
}

// BusSource is the source of events on a bus where none is configured.
const BusSource = "baryon.proton"

// send puts up to ten events on the bus.
func (b *Bus) send(ctx context.Context, list []Event) []error {
	errs := make([]error, len(list))
	out, err := b.put(ctx, list)
	for i := range list {
		switch {
		case err != nil:
			errs[i] = err
		case i >= len(out):
			errs[i] = errors.New("the bus did not say what became of it")
		case out[i].ErrorCode != nil:
			errs[i] = fmt.Errorf("%s: %s", *out[i].ErrorCode, aws.ToString(out[i].ErrorMessage))
		}
	}
	return errs
}

func (b *Bus) put(ctx context.Context, list []Event) ([]types.PutEventsResultEntry, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return nil, err
	}
	in := &eventbridge.PutEventsInput{}
	for _, e := range list { // the bus gives ids of its own, so that ours stands in the detail
		entry := types.PutEventsRequestEntry{
			DetailType: aws.String(e.DetailType), Source: aws.String(b.Source), Resources: e.Resources, Time: aws.Time(e.Time),
			Detail: aws.String(`{"eventId":"` + e.ID + `",` + string(e.Detail[1:])),
		}
		if b.Source == "" {
			entry.Source = aws.String(BusSource)
		}
		if b.Name != "" {
			entry.EventBusName = aws.String(b.Name)
		}
		in.Entries = append(in.Entries, entry)
	}
	out, err := c.PutEvents(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Entries, nil
}

func (b *Bus) connect(ctx context.Context) (*eventbridge.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil {
		return b.client, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(b.Region))
	if err != nil {
		return nil, err
	}
	b.client = eventbridge.NewFromConfig(cfg, func(o *eventbridge.Options) {
		o.RetryMaxAttempts = 1 // trying again is the store's to remember
		if b.Endpoint != "" {
			o.BaseEndpoint = aws.String(b.Endpoint)
		}
	})
	return b.client, nil
}
