package cloudformation

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// A place is an account in a region: the pace of all calls there and one view
// of what is under way, whoever makes the calls.
type place struct {
	cfg Config

	mu     sync.Mutex
	reads  bucket
	writes bucket
	begins int                  // steps that begin something, under way now
	jobs   map[string]time.Time // stacks that are waited for, and when they were asked about last

	tags     sync.Mutex // held while one asks for the tags of all
	tagged   map[string][]string
	taggedAt time.Time

	poll  sync.Mutex // held while one asks for all
	view  view
	pages int // of all stacks, at least, when they were asked for last
}

// A view is what was under way at one time.
type view struct {
	at    time.Time
	busy  map[string]types.StackStatus // by ARN
	ended map[string]*types.Stack      // at rest, by ARN
	all   map[string]*types.Stack      // by name, where all were asked for
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
		cfg: cfg, jobs: map[string]time.Time{},
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

// waitFor notes that the end of what a stack does is waited for; done that it is
// not any more.
func (p *place) waitFor(stackID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs[stackID] = time.Now()
}

func (p *place) done(stackID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.jobs, stackID)
}

// calm says whether so little is under way that a call more does not matter.
func (p *place) calm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.jobs) <= 3
}

// recent is how a stack was a moment ago, where so much is under way that all were
// asked for anyway. False is that nobody knows.
func (p *place) recent(name string) (*types.Stack, bool) {
	if p.calm() || !p.poll.TryLock() {
		return nil, false
	}
	defer p.poll.Unlock()
	if p.view.all == nil || time.Since(p.view.at) > 2*p.cfg.Poll {
		return nil, false
	}
	return p.view.all[name], true
}

// waited is how many stacks are waited for. Those that nobody has asked about for
// long belong to jobs that were given up.
func (p *place) waited() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, at := range p.jobs {
		if time.Since(at) > 10*time.Minute {
			delete(p.jobs, id)
		}
	}
	return len(p.jobs)
}

// A look is what a view says of a stack.
type look struct {
	busy   bool
	status types.StackStatus
	stack  *types.Stack // at rest; nil is one that is gone
	known  bool         // stack is good
	again  time.Duration
}

// look says how far a stack is. One view answers for all jobs: it is asked for
// anew by the first who finds it old, and the others come just after.
func (a *account) look(ctx context.Context, stackID string) (look, error) {
	p := a.place
	p.waitFor(stackID)
	p.poll.Lock()
	defer p.poll.Unlock()
	if time.Since(p.view.at) >= p.cfg.Poll {
		err := a.survey(ctx)
		if _, refused := asRefusal(err); refused { // each is looked at by itself then
			p.view = view{at: time.Now()}
		} else if err != nil {
			return look{}, err
		}
	}
	again := max(p.cfg.Poll-time.Since(p.view.at), 0) + p.cfg.Poll/50
	if status, ok := p.view.busy[stackID]; ok {
		return look{busy: true, status: status, again: again}, nil
	}
	s, ok := p.view.ended[stackID]
	return look{stack: s, known: ok, again: again}, nil
}

// survey asks how all stacks are that are waited for, in as few calls as it
// takes: for all stacks of the account where those waited for are many of them,
// and else for those under way and for each that has come to rest.
func (a *account) survey(ctx context.Context) error {
	p := a.place
	if most := 1 + p.waited()/10; p.pages <= most {
		v, all, err := a.surveyAll(ctx, most)
		if err != nil {
			return err
		}
		if all {
			p.view = v
			return nil
		}
	}
	v := view{at: time.Now(), busy: map[string]types.StackStatus{}, ended: map[string]*types.Stack{}}
	list := cloudformation.NewListStacksPaginator(a.cfn, &cloudformation.ListStacksInput{StackStatusFilter: moving})
	for list.HasMorePages() {
		if err := p.read(ctx); err != nil {
			return err
		}
		page, err := list.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, s := range page.StackSummaries {
			v.busy[aws.ToString(s.StackId)] = s.StackStatus
		}
	}
	p.view = v // what is neither busy nor ended is looked at by itself
	return nil
}

// surveyAll asks for all stacks, unless they take too many pages.
func (a *account) surveyAll(ctx context.Context, most int) (view, bool, error) {
	v := view{at: time.Now(), busy: map[string]types.StackStatus{}, ended: map[string]*types.Stack{}, all: map[string]*types.Stack{}}
	pages := cloudformation.NewDescribeStacksPaginator(a.cfn, &cloudformation.DescribeStacksInput{})
	n := 0
	for ; pages.HasMorePages(); n++ {
		if a.place.pages = n + 1; n >= most {
			return v, false, nil
		}
		if err := a.place.read(ctx); err != nil {
			return v, false, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return v, false, err
		}
		for _, s := range page.Stacks {
			id := aws.ToString(s.StackId)
			v.all[aws.ToString(s.StackName)] = &s
			if inProgress(s.StackStatus) {
				v.busy[id] = s.StackStatus
			} else {
				v.ended[id] = &s
			}
		}
	}
	a.place.pages = n
	return v, true, nil
}
