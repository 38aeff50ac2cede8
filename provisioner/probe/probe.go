// Package probe asks what was deployed whether it works.
//
// It knows how to ask over HTTP and how to ask Amazon ECS, and where a question
// may go: the addresses come out of templates and outputs, so that they are not
// to be trusted. It refuses to know how often and how long is asked, and what
// follows from an answer.
package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"go.uber.org/zap"

	"baryon/provisioner"
)

// Config is what New needs. Log is required.
type Config struct {
	// Hosts are where HTTP probes may go, in force at the time of the call; see
	// ParseHost. None is everywhere but to this machine and to addresses that only
	// machines of a cloud can reach. nil is none.
	Hosts func() []Host
	// AWS is how the services of AWS are asked as a role. nil refuses ECS probes.
	AWS func(ctx context.Context, role string) (aws.Config, error)
	// Ended is told the ID of a probe that has just been answered, as a hint to
	// call Ask for it. It must return at once. nil is nobody.
	Ended func(id string)
	// AtOnce is how many are asked at once; 0 is 64.
	AtOnce int
	Log    *zap.Logger
}

// A Prober asks. Its zero value is not usable; see New.
type Prober struct {
	cfg   Config
	wait  sync.WaitGroup
	mu    sync.Mutex
	asked map[string]*asked

	clientsMu sync.Mutex
	clients   map[string]*ecs.Client // by role and region
}

// asked is a question that was put.
type asked struct {
	answer *provisioner.Answer // nil until it is there
	at     time.Time
}

// New checks the configuration.
func New(cfg Config) (*Prober, error) {
	if cfg.Log == nil {
		return nil, errors.New("probe: Config.Log is required")
	}
	if cfg.Hosts == nil {
		cfg.Hosts = func() []Host { return nil }
	}
	if cfg.Ended == nil {
		cfg.Ended = func(string) {}
	}
	if cfg.AtOnce <= 0 {
		cfg.AtOnce = 64
	}
	return &Prober{cfg: cfg, asked: map[string]*asked{}, clients: map[string]*ecs.Client{}}, nil
}

// Again is how long a caller waits at most before it calls Ask anew.
const Again = time.Second

// forgotten is how long an answer is kept that nobody comes for.
const forgotten = 10 * time.Minute

// Ask puts the question of an ID, or hands out the answer, once; nil is that there
// is none yet. It returns at once. What was asked is in this process alone: after
// a crash it is asked anew. The asking ends with ctx.
func (p *Prober) Ask(ctx context.Context, id string, q provisioner.Probe) *provisioner.Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.asked[id]; a != nil {
		if a.answer != nil {
			delete(p.asked, id)
		}
		return a.answer
	}
	open := 0
	for other, a := range p.asked {
		switch {
		case a.answer == nil:
			open++
		case time.Since(a.at) > forgotten:
			delete(p.asked, other)
		}
	}
	if open >= p.cfg.AtOnce {
		return nil
	}
	a := &asked{}
	p.asked[id] = a
	p.wait.Go(func() {
		answer := p.ask(ctx, q)
		p.mu.Lock()
		a.answer, a.at = &answer, time.Now()
		p.mu.Unlock()
		p.cfg.Ended(id)
	})
	return nil
}

// Forget drops a question: its answer is of no use any more.
func (p *Prober) Forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asked, id)
}

// Run waits for ctx to end and then for what is being asked, which ends with the
// contexts of those who asked.
func (p *Prober) Run(ctx context.Context) error {
	<-ctx.Done()
	p.wait.Wait()
	return nil
}

func (p *Prober) ask(ctx context.Context, q provisioner.Probe) provisioner.Answer {
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()
	switch {
	case q.HTTP != nil:
		return p.askHTTP(ctx, *q.HTTP, q.Timeout)
	case q.ECS != nil:
		return p.askECS(ctx, *q.ECS, q.Role)
	default:
		return provisioner.Answer{Final: true, Text: "asks nothing"}
	}
}
