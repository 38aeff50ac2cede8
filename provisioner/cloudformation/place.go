package cloudformation

import (
	"context"
	"sync"
	"time"
)

// A place is an account in a region: the pace of all calls there and one view
// of what is under way, whoever makes the calls.
type place struct {
	cfg Config

	mu     sync.Mutex
	reads  bucket
	writes bucket
	begins int                // steps that begin something, under way now
	waits  map[string]waiting // by the ARN of the stack that is waited for

	view    view
	looking bool      // one of the jobs asks how all stacks are
	scout   string    // the job that comes back when that is due again
	resume  time.Time // when AWS is asked again that did not answer
	misses  int       // how often it has not, in a row
	tight   time.Time // when it last had not
	scan    *scan     // of the one who looks
	pages   int       // of all stacks, at least, when they were asked for last

	tags     sync.Mutex // held while one asks for the tags of all
	tagged   map[string][]string
	taggedAt time.Time
}

// A waiting job waits for the end of what its stack does.
type waiting struct {
	job  string
	seen time.Time // when it asked last
}

// A bucket holds calls that may be made.
type bucket struct {
	rate, left float64
	when       time.Time
}

// take takes one call and says how long it has to wait for its turn.
func (b *bucket) take(now time.Time) time.Duration {
	b.fill(now)
	b.left--
	if b.left >= 0 {
		return 0
	}
	return time.Duration(-b.left / b.rate * float64(time.Second))
}

func (b *bucket) fill(now time.Time) {
	if !b.when.IsZero() {
		b.left = min(max(1, b.rate/2), b.left+now.Sub(b.when).Seconds()*b.rate)
	}
	b.when = now
}

func newPlace(cfg Config) *place {
	half := cfg.Rate / 2
	return &place{
		cfg: cfg, waits: map[string]waiting{},
		reads: bucket{rate: half, left: max(1, half/2)}, writes: bucket{rate: half, left: max(1, half/2)},
	}
}

// read waits for the turn of a call that looks, write of one that changes.
func (p *place) read(ctx context.Context) error  { return p.wait(ctx, &p.reads) }
func (p *place) write(ctx context.Context) error { return p.wait(ctx, &p.writes) }

func (p *place) wait(ctx context.Context, b *bucket) error {
	p.mu.Lock()
	pause := b.take(time.Now())
	p.mu.Unlock()
	if pause == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queue is how long a call would wait for its turn. Who has to wait long comes
// back later rather than keep others from their work.
func (p *place) queue() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	longest := time.Duration(0)
	for _, b := range []*bucket{&p.reads, &p.writes} {
		b.fill(time.Now())
		if b.left < 0 {
			longest = max(longest, time.Duration(-b.left/b.rate*float64(time.Second)))
		}
	}
	return longest
}

// Those that are under way go first: few at a time begin something, and none
// while calls wait longer than a turn.
const (
	turn       = 250 * time.Millisecond
	mostBegins = 3
)

// begin lets a job make a step that begins something, until begun is called.
func (p *place) begin() bool {
	if p.queue() > turn {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begins >= mostBegins {
		return false
	}
	p.begins++
	return true
}

func (p *place) begun() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begins--
}

// first takes the turn of a call that looks before all others, who wait the longer
// for it.
func (p *place) first(ctx context.Context) error {
	p.mu.Lock()
	p.reads.take(time.Now())
	p.mu.Unlock()
	return ctx.Err()
}

// throttled makes all wait a second: AWS counts the calls of others too.
func (p *place) throttled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, b := range []*bucket{&p.reads, &p.writes} {
		b.fill(now)
		b.left = min(b.left, 0) - b.rate
		b.left = max(b.left, -3*b.rate)
	}
}
