package cloudformation_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aws_cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
)

// A benchFleet is many stacks that are updated at once.
type benchFleet struct {
	b    *testing.B
	sim  *awssim.Sim
	url  string
	dir  string
	jobs []provisioner.Job

	mu    sync.Mutex
	bells map[string]chan struct{} // by job, rung when it is told to come back
}

func (f *benchFleet) bell(job string) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bells[job] == nil {
		f.bells[job] = make(chan struct{}, 1)
	}
	return f.bells[job]
}

func (f *benchFleet) ring(job string) {
	select {
	case f.bell(job) <- struct{}{}:
	default:
	}
}

// BenchmarkStatusCalls watches stacks while they are updated: how often AWS is
// asked, how soon an end is seen, and whether throttling at 8 calls a second
// fails anything. The opponent reads the events of each stack every 2 s and the
// stack every 5 s, as the CDK does.
func BenchmarkStatusCalls(b *testing.B) {
	b.Setenv("AWS_ACCESS_KEY_ID", "123456789012")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	b.Setenv("AWS_CONFIG_FILE", "/dev/null")
	b.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	for _, stacks := range []int{100, 500} {
		b.Run(fmt.Sprintf("stacks=%d", stacks), func(b *testing.B) {
			for b.Loop() {
				f := newBenchFleet(b, stacks, 100)
				f.begin()
				b.ReportMetric(f.opponent(), "opponent-calls/s")
				f.watch(false)
			}
		})
	}
	// Others use up what AWS allows: the engine is throttled again and again.
	for _, stacks := range []int{100, 500} {
		b.Run(fmt.Sprintf("stacks=%d,others", stacks), func(b *testing.B) {
			for b.Loop() {
				f := newBenchFleet(b, stacks, 1000)
				f.begin()
				f.watch(true)
			}
		})
	}
}

// newBenchFleet is of n stacks, of which so many are on a page of AWS's answers:
// those of ListStacks have a hundred, those of DescribeStacks a megabyte.
func newBenchFleet(b *testing.B, n, page int) *benchFleet {
	b.Helper()
	f := &benchFleet{b: b, sim: awssim.New(awssim.Config{PageSize: page}), dir: filepath.Join(b.TempDir(), "records"), bells: map[string]chan struct{}{}}
	server := httptest.NewServer(f.sim)
	b.Cleanup(server.Close)
	f.url = server.URL
	for i := range n {
		f.jobs = append(f.jobs, job(fmt.Sprintf("create-%d", i), fmt.Sprintf("stack-%d", i), "one"))
	}
	return f
}

func (f *benchFleet) engine(rate float64, poll time.Duration) *cloudformation.Engine {
	e, err := cloudformation.New(cloudformation.Config{Dir: f.dir, Region: "eu-west-1", Endpoint: f.url, Rate: rate, Poll: poll, Ended: f.ring})
	if err != nil {
		f.b.Fatal(err)
	}
	return e
}

// each calls Apply of a job until it is done, and hands the last progress back.
func (f *benchFleet) each(ctx context.Context, e *cloudformation.Engine, j *provisioner.Job, done func(provisioner.Progress) bool) (provisioner.Progress, error) {
	for {
		p, err := e.Apply(ctx, *j)
		if err != nil {
			return p, err
		}
		j.Handle = p.Handle
		j.LogOffset += int64(len(p.Log))
		if p.State.Final() || done(p) {
			return p, nil
		}
		if tick(ctx, p.Again, f.bell(j.ID)); ctx.Err() != nil {
			return p, ctx.Err()
		}
	}
}

// tick lets a time pass, unless a bell rings or ctx ends.
func tick(ctx context.Context, d time.Duration, bell chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-bell:
	case <-ctx.Done():
	}
}

// all does something for every job at once.
func (f *benchFleet) all(do func(i int, j *provisioner.Job)) {
	var group sync.WaitGroup
	for i := range f.jobs {
		group.Go(func() { do(i, &f.jobs[i]) })
	}
	group.Wait()
}

// begin makes the stacks and starts an update of each, which is held.
func (f *benchFleet) begin() {
	client := f.client()
	f.all(func(_ int, j *provisioner.Job) {
		body := strings.ReplaceAll(topic, "NAME", "one")
		if _, err := client.CreateStack(f.b.Context(), &aws_cfn.CreateStackInput{StackName: &j.Stack, TemplateBody: &body}); err != nil {
			f.b.Error(err)
		}
	})
	fast := f.engine(1e6, time.Second)
	for i := range f.jobs {
		f.sim.Inject(awssim.Fault{Stack: f.jobs[i].Stack, Do: "update", Hold: true})
		f.jobs[i] = job(fmt.Sprintf("update-%d", i), f.jobs[i].Stack, "two")
	}
	f.all(func(_ int, j *provisioner.Job) {
		if _, err := f.each(f.b.Context(), fast, j, func(p provisioner.Progress) bool { return strings.Contains(p.Handle, `"executing"`) }); err != nil {
			f.b.Errorf("%s: %v", j.ID, err)
		}
	})
}

func (f *benchFleet) calls() int {
	n := 0
	for action, count := range f.sim.Calls() {
		if strings.HasPrefix(action, "cloudformation:") {
			n += count
		}
	}
	return n
}

// client is the SDK's own, with nothing around it.
func (f *benchFleet) client() *aws_cfn.Client {
	return aws_cfn.New(aws_cfn.Options{
		Region: "eu-west-1", BaseEndpoint: &f.url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "123456789012", SecretAccessKey: "s"}, nil
		}),
	})
}

// opponent asks for each stack by itself, and tells how many calls a second
// that makes.
func (f *benchFleet) opponent() float64 {
	client := f.client()
	ctx, cancel := context.WithTimeout(f.b.Context(), 6*time.Second)
	defer cancel()
	before, began := f.calls(), time.Now()
	every := func(d time.Duration, do func()) {
		for ctx.Err() == nil {
			do()
			tick(ctx, d, nil)
		}
	}
	var group sync.WaitGroup
	for _, j := range f.jobs {
		group.Go(func() {
			every(2*time.Second, func() { _, _ = client.DescribeStackEvents(ctx, &aws_cfn.DescribeStackEventsInput{StackName: &j.Stack}) })
		})
		group.Go(func() {
			every(5*time.Second, func() { _, _ = client.DescribeStacks(ctx, &aws_cfn.DescribeStacksInput{StackName: &j.Stack}) })
		})
	}
	group.Wait()
	return float64(f.calls()-before) / time.Since(began).Seconds()
}

// ends is how many of the stacks come to their end while they are watched, one
// and a half a second.
const ends = 45

// watch follows all stacks with an engine that has just been started, as after
// a restart of the daemon.
func (f *benchFleet) watch(crowded bool) {
	const poll = 3 * time.Second
	f.sim.SetRate(8)
	e := f.engine(3, poll)
	ctx, cancel := context.WithCancel(f.b.Context())
	defer cancel()
	var mu sync.Mutex
	ended, seen := map[int]time.Time{}, []time.Duration{}
	failed, left := 0, ends
	var watching sync.WaitGroup
	before, began := f.calls(), time.Now()
	for i := range f.jobs {
		watching.Go(func() {
			p, err := f.each(ctx, e, &f.jobs[i], func(provisioner.Progress) bool { return false })
			mu.Lock()
			defer mu.Unlock()
			switch at, ok := ended[i]; {
			case ctx.Err() != nil && !p.State.Final():
				return
			case err != nil || p.State != provisioner.Succeeded || !ok:
				failed++
				f.b.Errorf("%s: %v %s %s", f.jobs[i].ID, err, p.State, p.Message)
			default:
				seen = append(seen, time.Since(at))
			}
			if left--; left == 0 {
				cancel()
			}
		})
	}
	var others atomic.Int64
	if crowded {
		watching.Go(func() {
			client := f.client()
			for ctx.Err() == nil {
				others.Add(1)
				_, _ = client.ListExports(ctx, &aws_cfn.ListExportsInput{}, func(o *aws_cfn.Options) { o.Retryer = aws.NopRetryer{} })
				tick(ctx, time.Second/16, nil)
			}
		})
	}
	ticker := time.NewTicker(time.Second * 2 / 3)
	defer ticker.Stop()
	for n := range ends {
		<-ticker.C
		i := n * len(f.jobs) / ends
		mu.Lock()
		ended[i] = time.Now()
		mu.Unlock()
		f.sim.Free(f.jobs[i].Stack)
	}
	watching.Wait()
	rate := float64(f.calls()-before-int(others.Load())) / time.Since(began).Seconds()
	slices.Sort(seen)
	if len(seen) == 0 {
		f.b.Fatal("no end was seen")
	}
	f.b.ReportMetric(rate, "calls/s")
	f.b.ReportMetric(seen[len(seen)*95/100].Seconds()/poll.Seconds(), "p95-polls")
	f.b.ReportMetric(float64(failed), "false-failures")
	f.b.ReportMetric(0, "ns/op")
}
