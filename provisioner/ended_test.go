package provisioner_test

import (
	"context"
	"testing"

	"baryon/provisioner"
)

// TestEnded is told that a job has ended, with nobody looking at it.
func TestEnded(t *testing.T) {
	t.Parallel()
	ended := make(chan string, 1)
	c := newCommand(t, func(cfg *provisioner.CommandConfig) { cfg.Ended = func(id string) { ended <- id } })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	job := provision("true")
	if p, err := c.Apply(t.Context(), job); err != nil || p.State.Final() {
		t.Fatal(p, err)
	}
	if id := <-ended; id != job.ID {
		t.Errorf("%s has ended, want %s", id, job.ID)
	}
	if p, err := c.Apply(t.Context(), job); err != nil || p.State != provisioner.Succeeded && len(p.Log) == 0 {
		t.Errorf("%v %v, want what it came to", p, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
