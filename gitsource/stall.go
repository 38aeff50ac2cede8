package gitsource

import (
	"context"
	"fmt"
	"io"
	"time"
)

// watchStall returns a context that ends when nothing was read for as long as
// quiet through a reader made by alive. stop must be called.
func watchStall(ctx context.Context, quiet time.Duration) (_ context.Context, alive func(io.Reader) io.Reader, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(quiet, func() {
		cancel(&fault{kind: KindUnreachable, text: fmt.Sprintf("the server was silent for %s", quiet), err: context.DeadlineExceeded})
	})
	alive = func(r io.Reader) io.Reader { return &aliveReader{r, timer, quiet} }
	return ctx, alive, func() {
		timer.Stop()
		cancel(nil)
	}
}

type aliveReader struct {
	r     io.Reader
	timer *time.Timer
	quiet time.Duration
}

func (a *aliveReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if n > 0 {
		a.timer.Reset(a.quiet)
	}
	return n, err
}
