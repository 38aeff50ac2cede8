package provisioner

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// Run calls CommandConfig.Ended for each job whose supervisor, a child of this
// process, has ended, until ctx does. It is a hint that saves waiting for the
// next look: without it, and for supervisors that another process started,
// everything is found out as well, a little later.
func (c *Command) Run(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	defer signal.Stop(signals)
	for {
		c.reapChildren() // those that ended before the first signal, too
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
		}
	}
}

// reapChildren collects the supervisors that have ended, and tells of each once.
// They are children of this process, but nothing here waits for one of them:
// that would be a goroutine as long as the work.
func (c *Command) reapChildren() {
	for _, id := range c.reaped() {
		if c.cfg.Ended != nil {
			c.cfg.Ended(id)
		}
	}
}

// reaped collects children, and names the jobs of those that ended just now.
func (c *Command) reaped() (jobs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid, ch := range c.children {
		if !ch.ended {
			got, err := syscall.Wait4(pid, &ch.status, syscall.WNOHANG, nil)
			if ch.ended = got == pid || errors.Is(err, syscall.ECHILD); ch.ended {
				jobs = append(jobs, ch.job)
			}
		}
		if ch.ended && ch.status == 0 {
			delete(c.children, pid) // all went well
			continue
		}
		c.children[pid] = ch
	}
	return jobs
}

// started reports whether a supervisor is a child of this process, whose end Run
// notices.
func (c *Command) started(pid int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, known := c.children[pid]
	return known && !ch.ended
}
