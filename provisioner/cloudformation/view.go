package cloudformation

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// However many stacks of a place are under way, one view is asked for that answers
// for all of them. One of the jobs that wait, the scout, comes back when the next
// one is due and asks for it; the others are told when their stacks have come to
// rest, and come back by themselves only in case the scout does not.

// A view is what was under way at one time.
type view struct {
	at    time.Time
	busy  map[string]types.StackStatus // by ARN
	ended map[string]*types.Stack      // at rest, by ARN
	all   map[string]*types.Stack      // by name, where all were asked for
}

// mostMisses is how often AWS is asked again at once that does not answer, before
// it is asked half as often.
const mostMisses = 10

// idle is how many polls a job that is not the scout stays away.
const idle = 4

// waitFor notes that the end of what a stack does is waited for; done that it is
// not any more.
func (p *place) waitFor(stackID, job string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits[stackID] = waiting{job, time.Now()}
	if p.scout == "" {
		p.scout = job
	}
}

func (p *place) done(stackID string) {
	p.mu.Lock()
	was := p.waits[stackID].job
	delete(p.waits, stackID)
	if was != "" && was == p.scout { // another one takes over
		p.scout = ""
		for _, w := range p.waits {
			p.scout = w.job
			break
		}
	}
	next := p.scout
	p.mu.Unlock()
	if next != "" && next != was {
		p.tell(next)
	}
}

// tell has a job come back.
func (p *place) tell(jobs ...string) {
	if p.cfg.Ended == nil {
		return
	}
	for _, job := range jobs {
		p.cfg.Ended(job)
	}
}

// calm says whether so little is under way that a call more does not matter.
func (p *place) calm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waits) <= 3
}

// recent is how a stack was a moment ago, where so much is under way that all were
// asked for anyway. False is that nobody knows.
func (p *place) recent(name string) (*types.Stack, bool) {
	if p.calm() {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.view.all == nil || time.Since(p.view.at) > 2*p.cfg.Poll {
		return nil, false
	}
	return p.view.all[name], true
}

// A look is what a view says of a stack.
type look struct {
	busy   bool
	status types.StackStatus
	stack  *types.Stack // at rest; nil is one that is gone
	known  bool         // stack is good
	again  time.Duration
}

// look says how far a stack is that a job waits for since a time.
func (a *account) look(ctx context.Context, stackID, job string, since time.Time) (look, error) {
	p := a.place
	p.waitFor(stackID, job)
	if p.due(job) {
		v, err := a.survey(ctx)
		if err := p.looked(job, v, err); err != nil {
			return look{}, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	again := p.again(job)
	if status, ok := p.view.busy[stackID]; ok {
		return look{busy: true, status: status, again: again}, nil
	}
	if p.view.at.Before(since) && len(p.waits) > 3 { // it was not under way then
		return look{busy: true, again: again}, nil
	}
	s, ok := p.view.ended[stackID]
	return look{stack: s, known: ok, again: again}, nil
}

// due says whether a job is to ask for a new view. One at a time does, until it
// says what came of it by looked.
func (p *place) due(job string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.looking || now.Before(p.next()) {
		return false
	}
	p.looking, p.scout = true, job
	return true
}

// looked takes a new view over and has those come back whose stacks have come to
// rest. Where AWS did not answer the old view holds, and it is asked again soon.
func (p *place) looked(job string, v view, err error) error {
	_, refused := asRefusal(err)
	p.mu.Lock()
	p.looking = false
	var rested []string
	switch {
	case refused: // each stack is looked at by itself then
		p.view, p.misses, err = view{at: time.Now()}, 0, nil
	case err == nil:
		p.view, p.misses = v, 0
		for id, w := range p.waits {
			if _, busy := v.busy[id]; !busy && w.job != job {
				rested = append(rested, w.job)
			}
		}
	case transient(err):
		p.misses, p.tight = p.misses+1, time.Now()
		pause := min(p.cfg.Poll/20<<min(p.misses/mostMisses, 5), p.cfg.Poll)
		p.resume, err = time.Now().Add(pause+rand.N(pause)), nil
	}
	p.mu.Unlock()
	p.tell(rested...)
	return err
}

// next is when a new view is due: earlier where it took several calls of late to
// get one.
func (p *place) next() time.Time {
	age := p.cfg.Poll
	if time.Since(p.tight) < 20*p.cfg.Poll {
		age /= 2
	}
	at := p.view.at.Add(age)
	if at.Before(p.resume) {
		at = p.resume
	}
	return at
}

// again is when a job has to come back: the scout when a new view is due, and the
// others where nobody would tell them.
func (p *place) again(job string) time.Duration {
	next := max(time.Until(p.next()), 0) + p.cfg.Poll/100
	if p.cfg.Ended == nil || p.scout == job {
		return next
	}
	return idle*p.cfg.Poll + rand.N(p.cfg.Poll)
}

// waited is how many stacks are waited for. Those that nobody has asked about for
// long belong to jobs that were given up.
func (p *place) waited() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, w := range p.waits {
		if time.Since(w.seen) > 10*time.Minute {
			delete(p.waits, id)
		}
	}
	return len(p.waits)
}

// A scan is a view of which the pages that were answered are known. It goes on
// where AWS did not answer.
type scan struct {
	view  view
	token *string
	pages int
}

// scanLasts is how old what a scan has may become, in polls.
const scanLasts = 5

// mostPages is how many calls a look at all stacks takes at most.
const mostPages = 5

// survey asks how all stacks are that are waited for, in as few calls as it
// takes: for all stacks of the account where those waited for are many of them,
// and else for those under way, and for each that has come to rest.
func (a *account) survey(ctx context.Context) (view, error) {
	p := a.place
	most := min(1+p.waited()/10, mostPages)
	if p.scan == nil || time.Since(p.scan.view.at) > scanLasts*p.cfg.Poll {
		p.scan = newScan(p.pages <= most)
	}
	for {
		if p.scan.view.all != nil && p.scan.pages >= most { // they are too many
			p.pages = p.scan.pages + 1
			p.scan = newScan(false)
		}
		if err := p.first(ctx); err != nil {
			return view{}, err
		}
		token, err := a.page(ctx, p.scan)
		api, answered := errorOf(err)
		switch {
		case answered && throttled(api):
			p.throttled()
			return view{}, err
		case err != nil && !transient(err):
			p.scan = nil
			return view{}, err
		case err != nil:
			return view{}, err
		}
		if p.scan.token, p.scan.pages = token, p.scan.pages+1; token == nil {
			v := p.scan.view
			if v.all != nil {
				p.pages = p.scan.pages
			}
			p.scan = nil
			return v, nil
		}
	}
}

func newScan(all bool) *scan {
	s := &scan{view: view{at: time.Now(), busy: map[string]types.StackStatus{}}}
	if all {
		s.view.ended, s.view.all = map[string]*types.Stack{}, map[string]*types.Stack{}
	}
	return s
}

// page asks for the next page of a scan: of all stacks, or of those under way; what
// is not among those is looked at by itself. The SDK asks once: who surveys tries
// again at its own pace.
func (a *account) page(ctx context.Context, s *scan) (next *string, err error) {
	once := func(o *cloudformation.Options) { o.Retryer = aws.NopRetryer{} }
	if s.view.all == nil {
		out, err := a.cfn.ListStacks(ctx, &cloudformation.ListStacksInput{StackStatusFilter: moving, NextToken: s.token}, once)
		if err != nil {
			return nil, err
		}
		for _, one := range out.StackSummaries {
			s.view.busy[aws.ToString(one.StackId)] = one.StackStatus
		}
		return out.NextToken, nil
	}
	out, err := a.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{NextToken: s.token}, once)
	if err != nil {
		return nil, err
	}
	for _, one := range out.Stacks {
		s.view.all[aws.ToString(one.StackName)] = &one
		if id := aws.ToString(one.StackId); inProgress(one.StackStatus) {
			s.view.busy[id] = one.StackStatus
		} else {
			s.view.ended[id] = &one
		}
	}
	return out.NextToken, nil
}
