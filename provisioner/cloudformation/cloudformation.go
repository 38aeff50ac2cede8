// Package cloudformation is the engine that deploys templates as stacks.
//
// It knows CloudFormation: change sets, the states of stacks and the way out of
// each, whose operation is under way, and how little may be asked how often. It
// refuses to know how templates were rendered and what waits for them.
//
// Nothing runs between two calls. What a job has done is read from the account:
// change sets and operations carry names made of the job's ID, so any engine
// value, on any machine, goes on where another was.
package cloudformation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"baryon/provisioner"
)

// Config is what New needs. Dir and Region are required.
type Config struct {
	// Dir is the folder of the records of jobs: what was asked to be
	// cancelled, logs, and ends.
	Dir string
	// Region is where stacks are of jobs that say nothing else.
	Region string
	// Account is the account that jobs without a role, which say nothing else, must
	// find themselves in; empty is any.
	Account string
	// Endpoint is the address of AWS; empty is the real one, or what the
	// environment of the SDK says.
	Endpoint string
	// Simulated says that Endpoint is a simulated account, which is asked with
	// made-up keys: none of the machine's are looked for.
	Simulated bool
	// Bucket takes templates above 51,200 bytes. {account} and {region} in it stand
	// for those of the stack.
	Bucket string
	// ExternalID is shown when a role is assumed, by jobs that say nothing else.
	ExternalID string
	// Rate is how many calls a second are made at most in an account and
	// region, all jobs together: half of them to look, half to change. 0 is 7.
	Rate float64
	// Poll is how old the view of the stacks under way may be; 0 is 3 s.
	Poll time.Duration
	// Ended is called with the ID of a job that has something to do before the time
	// that its Progress says. nil is that nobody listens.
	Ended func(id string)
	// Timeout ends an operation that has run this long; 0 is two hours.
	Timeout time.Duration
}

// An Engine deploys stacks.
type Engine struct {
	cfg Config

	asking   sync.Mutex // held while one finds out whose credentials they are
	mu       sync.Mutex
	accounts map[identity]*account
	places   map[string]*place // by account and region
}

// New makes the folder of records and returns an engine. Credentials are looked
// for when they are needed.
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.Dir == "":
		return nil, errors.New("cloudformation: Config.Dir is required")
	case cfg.Region == "":
		return nil, errors.New("cloudformation: Config.Region is required")
	}
	if cfg.Rate <= 0 {
		cfg.Rate = 7
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 3 * time.Second
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Hour
	}
	return &Engine{cfg: cfg, accounts: map[identity]*account{}, places: map[string]*place{}}, os.MkdirAll(cfg.Dir, 0o700)
}

var (
	idRule    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	tokenRule = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9]{0,99}$`)
	stackRule = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9]{0,127}$`)
	notName   = regexp.MustCompile(`[^-A-Za-z0-9]+`)
)

// token names the job's operations; AWS begins each once.
func token(id string) string {
	if tokenRule.MatchString(id) {
		return "baryon-" + id
	}
	return "baryon-" + hash(id)
}

// stackName is the name of the stack, the same for as long as the job's Stack
// is.
func stackName(name string) string {
	if stackRule.MatchString(name) {
		return name
	}
	clean := strings.Trim(notName.ReplaceAllString(name, "-"), "-")
	return "s-" + clean[:min(len(clean), 100)] + "-" + hash(name)[:8]
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// Phases of a job.
const (
	looking    = "looking"    // at what is there
	clearing   = "clearing"   // a stack that can only be deleted is
	mending    = "mending"    // a failed rollback goes on
	proposing  = "proposing"  // a change set is worked out
	previewing = "previewing" // one that is only read
	executing  = "executing"
	deleting   = "deleting"
	stopping   = "stopping" // cancelled, or out of time
)

// A position is how far a job is: the handle.
type position struct {
	Format    int
	Phase     string
	StackID   string
	ChangeSet string
	Sent      []string // templates in the bucket
	Try       int      // change sets proposed before this one
	Looks     int      // at the change set while it is worked out
	Fresh     bool
	Begun     time.Time
	Why       string    // it is stopped
	Ended     time.Time // it failed, and the reason is asked for since

	Plan   string // which sort of plan it is, of a plan that is made
	Seen   string // the stack that it was made for, and how that was
	Bound  bool   // to a change set that a person approved
	Forced bool   // what is left of the stack may be deleted

	Import    bool     // the change set is that of an import
	Imported  bool     // that is done
	ImportSet string   // of a plan: it waits while the next one is looked at
	Covered   []string // what else a person approved with it

	Retained  bool   // what a person named was left behind
	Adoptee   string // the stack that may be taken over
	Detection string // of drift, that is under way
}

// A record is what is kept of a job beside what the account tells.
type record struct {
	Cancelled bool
	Log       string
	End       *provisioner.Progress
}

func (e *Engine) path(id string) string { return filepath.Join(e.cfg.Dir, id+".json") }

func (e *Engine) read(id string) (record, error) {
	var r record
	data, err := os.ReadFile(e.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

// change changes the record of a job; an end once recorded stays.
func (e *Engine) change(id string, edit func(*record)) (record, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, err := e.read(id)
	if err != nil || r.End != nil {
		return r, err
	}
	edit(&r)
	data, err := json.Marshal(r)
	if err != nil {
		return r, err
	}
	file, err := os.CreateTemp(e.cfg.Dir, ".record-*")
	if err != nil {
		return r, err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return r, err
	}
	return r, os.Rename(file.Name(), e.path(id))
}

// Forget removes the record of a job. The stack stays.
func (e *Engine) Forget(_ context.Context, id string) error {
	if !idRule.MatchString(id) {
		return fmt.Errorf("deployment ID %q is none", id)
	}
	if err := os.Remove(e.path(id)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Cancel asks for the job to end. What runs is stopped by the next Apply.
func (e *Engine) Cancel(ctx context.Context, job provisioner.Job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !idRule.MatchString(job.ID) {
		return fmt.Errorf("deployment ID %q is none", job.ID)
	}
	_, err := e.change(job.ID, func(r *record) { r.Cancelled = true })
	return err
}

// logCap is how much of a log one call hands back.
const logCap = 256 << 10

// Apply makes the next step of the job, or looks how far it is.
func (e *Engine) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return e.run(ctx, job, (*work).apply)
}

// workOf reads what is known of a job.
func (e *Engine) workOf(job provisioner.Job) (*work, error) {
	if !idRule.MatchString(job.ID) {
		return nil, fmt.Errorf("deployment ID %q is none", job.ID)
	}
	at := position{Format: 1, Phase: looking}
	if job.Handle != "" {
		if err := json.Unmarshal([]byte(job.Handle), &at); err != nil || at.Format != 1 {
			return nil, fmt.Errorf("deployment %s: the handle is none of the CloudFormation engine's", job.ID)
		}
	}
	rec, err := e.read(job.ID)
	return &work{e: e, job: job, at: at, rec: rec, name: stackName(job.Stack), token: token(job.ID), who: e.identityOf(job)}, err
}

// run makes one step of a job and keeps its end.
func (e *Engine) run(ctx context.Context, job provisioner.Job, step func(*work, context.Context) (provisioner.Progress, error)) (provisioner.Progress, error) {
	if err := ctx.Err(); err != nil {
		return provisioner.Progress{}, err
	}
	w, err := e.workOf(job)
	if err != nil {
		return provisioner.Progress{}, err
	}
	rec := w.rec
	if rec.End == nil {
		before := w.at
		p, err := w.step(ctx, step)
		if p.State == provisioner.Succeeded && w.a != nil {
			p.Place, p.Identifier = w.a.where(), w.at.StackID
		}
		if err == nil && p.State.Final() && w.a != nil {
			w.unsend(ctx)
		}
		if err != nil {
			if !transient(err) || ctx.Err() != nil {
				return provisioner.Progress{}, err
			}
			w.at, w.log = before, ""
			p = w.patience(err)
		}
		if w.log == "" && !p.State.Final() {
			return w.hand(p, rec.Log), nil // nothing to keep: most looks are such
		}
		if rec, err = e.change(job.ID, func(r *record) {
			r.Log += w.log
			if p.State.Final() {
				r.End = &p
			}
		}); err != nil {
			return provisioner.Progress{}, err
		}
		if rec.End == nil {
			return w.hand(p, rec.Log), nil
		}
	}
	return w.hand(*rec.End, rec.Log), nil
}

// patience is the progress of a job that AWS did not answer.
func (w *work) patience(err error) provisioner.Progress {
	p := provisioner.Progress{State: provisioner.Running, Message: "AWS asks for patience: " + err.Error(), Again: time.Second + rand.N(2*time.Second)}
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok:
	case expired(api):
		w.e.forget(w.who)
		p.Message = "the credentials have run out, and others are looked for: " + err.Error()
	case w.a != nil && throttled(api):
		w.a.place.throttled()
	}
	return p
}

// hand gives the caller its part of the log; an end waits for the last of it.
func (w *work) hand(p provisioner.Progress, log string) provisioner.Progress {
	handle, err := json.Marshal(w.at)
	if err == nil {
		p.Handle = string(handle)
	}
	rest := log[min(int64(len(log)), w.job.LogOffset):]
	p.Log = []byte(rest[:min(len(rest), logCap)])
	if len(rest) > logCap && p.State.Final() {
		return provisioner.Progress{State: provisioner.Running, Handle: p.Handle, Log: p.Log}
	}
	return p
}
