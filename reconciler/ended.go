package reconciler

import (
	"context"
	"maps"
	"slices"

	"go.uber.org/zap"

	"baryon/state"
)

// Ended says that the job of an ID may have ended. It never blocks, and is a
// hint: a job that nobody speaks of is looked at again anyway.
func (r *Reconciler) Ended(job string) {
	r.mu.Lock()
	ref, known := r.at[job]
	if known {
		r.ended[ref] = true
	}
	r.mu.Unlock()
	if known {
		r.Wake()
	}
}

// mostAt bounds what is remembered of jobs; those beyond are looked at when it
// is their time.
const mostAt = 10_000

// beginsJob remembers whose job an engine is called for next.
func (r *Reconciler) beginsJob(id string, ref state.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.at) < mostAt {
		r.at[id] = ref
	}
}

func (r *Reconciler) endsJob(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.at, id)
}

// wakeEnded makes the targets due whose jobs are said to have ended.
func (r *Reconciler) wakeEnded(ctx context.Context) {
	r.mu.Lock()
	refs := slices.Collect(maps.Keys(r.ended))
	clear(r.ended)
	r.mu.Unlock()
	if len(refs) == 0 {
		return
	}
	if err := r.cfg.Store.Wake(ctx, refs...); err != nil && ctx.Err() == nil {
		r.log.Warn("end of a job not followed, looking will", zap.Error(err))
	}
}
