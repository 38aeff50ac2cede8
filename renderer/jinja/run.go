package jinja

import (
	"context"
	"fmt"
	"sync"
)

// A run is one rendering of a template: its variables, its output so far and
// what it may still spend. It belongs to one goroutine.
type run struct {
	budget
	template *Template
	lib      *library
	vars     *Dict
	roots    []any // variables of the context, filled when first read
	frame    *frame
	bottom   *frame // the frame of the template itself
	out      []byte
	escape   bool // autoescape as it is now
	nesting  int  // of the values being printed, compared or copied
	trace    *tracer
	dice     uint64 // state of the pseudo-random numbers
	base     frame  // the storage of bottom
}

// A frame holds the variables of one running function.
type frame struct {
	slots   []any
	up      *frame
	sources []source // of each slot, when tracing
}

// runs keeps finished runs, so that rendering again needs no new buffers.
var runs = sync.Pool{New: func() any { return new(run) }}

// newRun starts a run. Without a template it can only work on values.
func newRun(t *Template) *run {
	r := runs.Get().(*run)
	r.template = t
	limits := Limits{}.withDefaults()
	if t != nil {
		limits = t.config.Limits
	}
	r.budget = newBudget(context.Background(), limits)
	return r
}

// maxKept is the largest output buffer worth keeping for the next run.
const maxKept = 1 << 18

func (r *run) free() {
	roots, out, slots := r.roots, r.out, r.base.slots
	clear(roots)
	clear(slots)
	if cap(out) > maxKept {
		out = nil
	}
	*r = run{roots: roots[:0], out: out[:0], base: frame{slots: slots[:0]}}
	runs.Put(r)
}

// A budget is what a run may still spend.
type budget struct {
	ctx         context.Context
	limits      Limits
	steps       int // left
	memory      int // left
	poll        int // steps at which the context is looked at next
	depth       int // of calls, weighted by how deep their bodies nest
	outputLimit int
}

// pollSteps is how many steps pass between looks at the context.
const pollSteps = 2048

func newBudget(ctx context.Context, l Limits) budget {
	return budget{ctx: ctx, limits: l, steps: l.Steps, memory: l.Memory, poll: l.Steps - pollSteps, outputLimit: l.Output}
}

// spend takes n steps. Whatever costs time in proportion to a size spends
// steps in proportion to it.
func (b *budget) spend(n int) error {
	b.steps -= n
	if b.steps > b.poll {
		return nil
	}
	return b.pause()
}

func (b *budget) pause() error {
	if b.steps < 0 {
		b.steps = 0
		return failf(LimitError, "the template took more than %d steps", b.limits.Steps)
	}
	b.poll = b.steps - pollSteps
	if err := b.ctx.Err(); err != nil {
		return &Error{Kind: CanceledError, Fix: FixTemplate, Msg: "rendering was stopped: " + context.Cause(b.ctx).Error(), cause: err}
	}
	return nil
}

// hold takes n bytes of memory. It is asked before the bytes are made, and
// never given back: it bounds what a run allocates, not what it keeps.
func (b *budget) hold(n int) error {
	if n < 0 || n > b.memory {
		b.memory = 0
		return failf(LimitError, "the template made values of more than %d bytes", b.limits.Memory)
	}
	b.memory -= n
	return b.spend(n >> 7)
}

// What values cost, in bytes.
const (
	itemSize = 16 // an item of a list of known length
	growSize = 40 // an item of a list that grows, with its share of copies
	keySize  = 64 // an entry of a dict, or a small object
)

// maxNesting is how deep values may nest when they are walked.
const maxNesting = 300

// deeper guards a walk over nested values; leave it with r.nesting--.
func (r *run) deeper() error {
	r.nesting++
	if r.nesting > maxNesting {
		return failf(LimitError, "values nested more than %d deep", maxNesting)
	}
	return nil
}

// enter counts a call of something whose body nests that deep, so that the
// stack stays small whatever calls what. Leave with leave(nesting).
func (r *run) enter(nesting int) error {
	r.depth += callWeight(nesting)
	if r.depth > r.limits.Depth*2*minWeight {
		return failf(LimitError, "calls nested more than %d deep", r.limits.Depth*2)
	}
	return nil
}

func (r *run) leave(nesting int) { r.depth -= callWeight(nesting) }

const minWeight = 16

func callWeight(nesting int) int { return max(nesting, minWeight) }

// write appends to the output.
func (r *run) write(s string) error {
	if len(r.out)+len(s) > r.outputLimit {
		return failf(LimitError, "the output is larger than %d bytes", r.outputLimit)
	}
	r.out = append(r.out, s...)
	return nil
}

// capture runs body with an output of its own and gives what it wrote.
func (r *run) capture(body func() error) (string, error) {
	start := len(r.out)
	mark := r.trace.mark()
	if err := body(); err != nil {
		r.out = r.out[:start]
		return "", err
	}
	if err := r.hold(len(r.out) - start); err != nil {
		return "", err
	}
	text := string(r.out[start:])
	r.out = r.out[:start]
	r.trace.cut(mark)
	return text, nil
}

func failf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Fix: FixTemplate, Msg: fmt.Sprintf(format, args...)}
}

// failed puts an error at the node where it happened, unless a node further
// in already did.
func failed(err error, n *node) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok && !e.placed {
		e.pos, e.end, e.placed = n.pos, n.end, true
	}
	return err
}
