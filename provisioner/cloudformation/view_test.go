package cloudformation_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
)

// TestOneLooksForAll has one job ask how all stacks are, which tells the others
// when theirs have come to rest; those come back by themselves much later.
func TestOneLooksForAll(t *testing.T) {
	credentials(t)
	s := newSim(t, func(c *awssim.Config) { c.PageSize = 2 })
	s.Inject(awssim.Fault{Hold: true})
	var mu sync.Mutex
	told := map[string]bool{}
	e := s.engine(t, func(c *cloudformation.Config) {
		c.Ended = func(id string) {
			mu.Lock()
			defer mu.Unlock()
			told[id] = true
		}
	})
	var callers []*provisionertest.Caller
	for i := range 6 {
		c := &provisionertest.Caller{Job: job(fmt.Sprintf("d%d", i), fmt.Sprintf("stack-%d", i), "one")}
		c.Until(t, e, func(p provisioner.Progress) bool { return strings.Contains(p.Handle, `"executing"`) })
		callers = append(callers, c)
	}
	long := 0
	for range 100 { // a slow machine may look more than once before one looks for all
		long = 0
		for _, c := range callers {
			if p := c.Call(t, e); p.Again > 30*time.Millisecond {
				long++
			}
		}
		if long >= 4 {
			break
		}
	}
	if long < 4 {
		t.Errorf("%d of %d jobs stay away", long, len(callers))
	}
	// Each page is asked for once, whatever AWS answers to the one after it.
	before := s.Calls()["cloudformation:DescribeStacks"]
	s.InjectWire(awssim.WireFault{Action: "DescribeStacks", Kind: awssim.Throttle, Times: 1})
	mu.Lock()
	clear(told)
	mu.Unlock()
	s.Release()
	all := func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, c := range callers[1:] {
			if told[c.Job.ID] {
				n++
			}
		}
		return n == len(callers)-1
	}
	first := callers[0]
	var last provisioner.Progress
	for deadline := time.Now().Add(provisionertest.Patience); !all(); {
		if time.Now().After(deadline) {
			t.Fatalf("only %v were told", told)
		}
		if last = first.Call(t, e); last.State.Final() {
			break
		}
	}
	if n := s.Calls()["cloudformation:DescribeStacks"] - before; n > 12 {
		t.Errorf("%d calls were made", n)
	}
	for _, c := range callers {
		want(t, c.End(t, e), provisioner.Succeeded, "")
	}
}
