package awssim_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// patient is a client that tries again as the SDK does, without its waits.
func (w *world) patient() *cloudformation.Client {
	return cloudformation.New(w.cfn.Options(), func(o *cloudformation.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	})
}

// TestWireFaults is about calls that are not answered as they should be.
func TestWireFaults(t *testing.T) {
	t.Parallel()
	create := &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(one), ClientRequestToken: new("t1")}
	behave(t, map[string]func(*testing.T, *world){
		"008 throttled calls are said to be, and the SDK recovers after two": func(t *testing.T, w *world) {
			w.InjectWire(awssim.WireFault{Kind: awssim.Throttle, Times: 1})
			_, err := w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
			says(t, err, "Throttling", "Rate exceeded")
			w.InjectWire(awssim.WireFault{Kind: awssim.Throttle, Times: 2})
			if _, err := w.patient().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{}); err != nil {
				t.Error(err)
			}
			w.InjectWire(awssim.WireFault{Kind: awssim.Throttle, Times: 3})
			if _, err := w.patient().DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{}); err == nil {
				t.Error("the SDK tried four times")
			}
		},
		"009 answers get lost, and what was asked is done or not": func(t *testing.T, w *world) {
			for _, kind := range []awssim.WireKind{awssim.Unavailable, awssim.Drop} {
				w.InjectWire(awssim.WireFault{Kind: kind, Times: 1})
				if _, err := w.cfn.CreateStack(t.Context(), create); err == nil || w.Mutations("t1") != 0 {
					t.Errorf("%s: %v, %d begun", kind, err, w.Mutations("t1"))
				}
			}
			w.InjectWire(awssim.WireFault{Kind: awssim.Lost, Times: 1})
			if _, err := w.cfn.CreateStack(t.Context(), create); err == nil || w.Mutations("t1") != 1 {
				t.Errorf("lost: %v, %d begun", err, w.Mutations("t1"))
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusCreateComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			w.InjectWire(awssim.WireFault{Kind: awssim.Truncate, Times: 1})
			if out, err := w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")}); err == nil {
				t.Errorf("an answer cut in half gave %s", aws.ToString(out.Stacks[0].StackName))
			}
			if _, err := w.patient().CreateStack(t.Context(), create); err != nil || w.Mutations("t1") != 1 {
				t.Errorf("again: %v, %d begun", err, w.Mutations("t1"))
			}
		},
	})
}
