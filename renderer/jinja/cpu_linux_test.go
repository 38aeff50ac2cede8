package jinja_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// spent is the processor time this thread has used, which other programs on
// the machine do not lengthen as they do the time on the wall.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
