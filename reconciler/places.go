package reconciler

import (
	"slices"
	"sync"
	"time"

	"baryon/state"
)

// places are how much of something this process does at once, besides
// deployments. Who finds none free stands in a queue, and is woken when it is
// its turn. They are forgotten with the process, and so is what they are for.
type places struct {
	mu    sync.Mutex
	taken map[state.Ref]time.Time // when the place was last asked for
	queue []state.Ref
}

// abandoned is how long a place is kept by who no longer asks for it.
const abandoned = 5 * time.Minute

// queued is how long is waited for a place without being woken.
const queued = 15 * time.Second

// take gives ref one of the places, or keeps the one it has.
func (p *places) take(ref state.Ref, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.taken == nil {
		p.taken = map[state.Ref]time.Time{}
	}
	for other, at := range p.taken {
		if now.Sub(at) > abandoned {
			delete(p.taken, other)
		}
	}
	if _, has := p.taken[ref]; !has && len(p.taken) >= most {
		if !slices.Contains(p.queue, ref) {
			p.queue = append(p.queue, ref)
		}
		return false
	}
	p.leave(ref)
	p.taken[ref] = now
	return true
}

// give takes the place of ref back and says whose turn it is.
func (p *places) give(ref state.Ref) (turn state.Ref, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(ref)
	if _, has := p.taken[ref]; !has {
		return turn, false
	}
	delete(p.taken, ref)
	if len(p.queue) == 0 {
		return turn, false
	}
	turn, p.queue = p.queue[0], p.queue[1:]
	return turn, true
}

func (p *places) leave(ref state.Ref) {
	p.queue = slices.DeleteFunc(p.queue, func(other state.Ref) bool { return other == ref })
}

// giveBack frees the place of a target and lets the next have it.
func (r *Reconciler) giveBack(p *places, ref state.Ref) {
	turn, ok := p.give(ref)
	if !ok {
		return
	}
	r.mu.Lock()
	r.ended[turn] = true
	r.mu.Unlock()
	r.Wake()
}
