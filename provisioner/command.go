package provisioner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// CommandConfig is what NewCommand needs. Dir and Executable are required.
type CommandConfig struct {
	// Dir is the folder, on a local disk, below which each job has its work
	// folder. Daemons on one host may share it.
	Dir string
	// Executable is the program that is run as `Executable supervise FOLDER`
	// and then calls Supervise: normally this very binary.
	Executable string
	// Path is the search path of the commands; empty is the usual one.
	Path string
	// Cgroup is a cgroup v2 folder this daemon may make groups in; empty looks
	// for one.
	Cgroup string
	// Deadline is set when several daemons share work. Commands are then ended
	// when neither Apply nor Renew was called for their job for this long, so
	// Deadline plus Grace must be shorter than the caller's lease; and work
	// starts only when Apply is handed a Handle, that is, after the caller
	// recorded where the work will be. 0 is for a daemon that is alone.
	Deadline time.Duration
	// Timeout is how long a job that does not say may run; 0 is one hour.
	Timeout time.Duration
	// Grace is the time between SIGTERM and SIGKILL; 0 is ten seconds.
	Grace time.Duration
	// Pause is before a second attempt of what failed, harmlessly, of something
	// that passes; each later one is twice as long. 0 is five seconds.
	Pause time.Duration
	// MaxOutput is how many bytes of output the log keeps; 0 is 16 MiB. The
	// rest is dropped with a note, the commands go on.
	MaxOutput int64
	// MaxProcesses is how many processes a job may have; 0 is 2048.
	MaxProcesses int
	// MemoryMax is how many bytes of memory a job may use; 0 is no limit. See
	// Limits for whether it holds here.
	MemoryMax int64
	// Secrets looks up the value of a secret; nil is LocalSecrets without
	// names. It is asked once for each attempt, just before its start. A
	// *SecretError fails the job, any other error is of the moment.
	Secrets func(context.Context, Secret) (string, error)
	// Ended is told the ID of a job that has just ended, as a hint to call Apply
	// for it; see Run. It must return at once. nil is nobody.
	Ended func(id string)
	// Started is told of each attempt that a supervisor was started for, and Kept
	// why Sweep left the folder of a job that the caller does not know. nil is
	// nobody.
	Started func(id string, pid, attempt int)
	Kept    func(id string, why error)
}

// UsualPath is where commands are looked for when nothing is said.
const UsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const (
	maxAttempts = 5         // how often work that may be run again is
	maxPassing  = 8         // and work that failed of something that passes: for about seven minutes
	logChunk    = 256 << 10 // the most log one Apply hands back
)

// Command runs a job's commands on this host, as one shell session in a folder
// that holds the job's files.
//
// The session belongs to a supervisor, a process of its own that outlives the
// daemon: a daemon that was killed finds the work again by the job's ID. The
// work folder is the only memory. Its lock is held by whoever decides about
// the job, first the daemon and from the start on the supervisor, so work for
// one ID is never started twice at once; a start is recorded on disk before
// the first command, so it is never started again afterwards.
//
// Whoever ends the daemon must leave the supervisors alone for that: systemd
// does so with KillMode=process, and a container takes everything with it.
//
// Commands are not isolated: they run as the daemon's user and see its files
// and network.
type Command struct {
	cfg   CommandConfig
	place place
	step  func(name string) // called at each point where a crash must do no harm; tests crash there

	mu       sync.Mutex
	children map[int]child // supervisors this process started and has not reaped, by PID
}

// NewCommand returns a command engine, making its folder where needed.
func NewCommand(cfg CommandConfig) (*Command, error) {
	switch {
	case cfg.Dir == "":
		return nil, errors.New("provisioner: CommandConfig.Dir is required")
	case cfg.Executable == "":
		return nil, errors.New("provisioner: CommandConfig.Executable is required")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("work folder %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	if cfg.Path == "" {
		cfg.Path = UsualPath
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Hour
	}
	if cfg.Grace <= 0 {
		cfg.Grace = 10 * time.Second
	}
	if cfg.Pause <= 0 {
		cfg.Pause = 5 * time.Second
	}
	if cfg.MaxOutput <= 0 {
		cfg.MaxOutput = 16 << 20
	}
	if cfg.MaxProcesses <= 0 {
		cfg.MaxProcesses = 2048
	}
	if cfg.Cgroup == "" {
		cfg.Cgroup = ownCgroup()
	}
	if cfg.Started == nil {
		cfg.Started = func(string, int, int) {}
	}
	if cfg.Kept == nil {
		cfg.Kept = func(string, error) {}
	}
	if cfg.Secrets == nil {
		cfg.Secrets = LocalSecrets{}.Secret
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("work folder: %w", err)
	}
	here, err := placeOf(dir)
	if err != nil {
		return nil, err
	}
	return &Command{cfg: cfg, place: here, step: func(string) {}, children: map[int]child{}}, nil
}

// idRule keeps an ID usable as the name of a folder.
var idRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func (c *Command) folder(id string) (folder, error) {
	if !idRule.MatchString(id) {
		return folder{}, fmt.Errorf("job ID %q: want 1 to 128 letters, digits, dots, dashes and underscores, the first a letter or digit", id)
	}
	return folder{filepath.Join(c.cfg.Dir, id)}, nil
}

// Scratch is the folder for temporary files of a job's commands, TMPDIR. The
// commands begin beside it.
func (c *Command) Scratch(id string) string { return filepath.Join(c.cfg.Dir, id, "tmp") }

// Knows reports whether there is a work folder for the ID: work was begun, or is
// about to be.
func (c *Command) Knows(id string) bool {
	f, err := c.folder(id)
	return err == nil && f.exists()
}

// Apply starts the job, or looks at it, and says how far it is. It returns
// soon, may be called any number of times, by several daemons at once, and
// after any crash. An error means that nothing could be found out or done just
// now. Work that was lost is started again when the job is RerunSafe, or when
// no command had begun; otherwise it has Failed. A job whose Handle is of
// another work folder gives an OtherHostError.
func (c *Command) Apply(ctx context.Context, job Job) (Progress, error) {
	entered := bootTime()
	f, err := c.folder(job.ID)
	if err != nil {
		return Progress{}, err
	}
	if err := c.place.check(job); err != nil {
		return Progress{}, err
	}
	if err := ctx.Err(); err != nil {
		return Progress{}, err
	}
	c.step("entered")
	if !f.exists() {
		if job.Handle != "" && !job.RerunSafe {
			return Progress{State: Failed, Handle: job.Handle, Message: "interrupted: its work folder " + f.dir + " is gone, so whether its commands ran is unknown"}, nil
		}
		if refusal := refuse(job); refusal != "" {
			return Progress{State: Failed, Handle: job.Handle, Message: refusal}, nil
		}
		err := c.create(f, job)
		var bad *refusedFileError
		switch {
		case errors.As(err, &bad):
			return Progress{State: Failed, Handle: job.Handle, Message: bad.Error()}, nil
		case err != nil && !errors.Is(err, fs.ErrExist): // a faster caller is fine
			return Progress{}, fmt.Errorf("job %s: %w", job.ID, err)
		}
	}
	p, err := c.advance(ctx, f, job, entered)
	if err != nil {
		return Progress{}, fmt.Errorf("job %s: %w", job.ID, err)
	}
	return p, nil
}

// advance takes the one step that what the work folder records asks for.
func (c *Command) advance(ctx context.Context, f folder, job Job, entered time.Duration) (Progress, error) {
	if err := c.claim(f, entered); err != nil {
		return Progress{}, err
	}
	rec, err := f.records()
	if err != nil {
		return Progress{}, err
	}
	if rec.next(job, c.cfg.Deadline > 0) == report {
		return c.ended(f, job, rec)
	}
	if due := rec.due(c.cfg.Pause); time.Now().Before(due) && !rec.cancelled {
		return c.resting(f, job, rec, due)
	}
	lock, err := f.tryLock()
	if err != nil {
		return Progress{}, err
	}
	if lock == nil {
		return c.running(f, job, rec)
	}
	defer lock.Close()
	if err := c.reap(f, job.ID); err != nil {
		return Progress{}, err
	}
	// Only what is read under the lock can be acted on.
	if rec, err = f.records(); err != nil {
		return Progress{}, err
	}
	c.step("locked")
	switch rec.next(job, c.cfg.Deadline > 0) {
	case report:
		return c.ended(f, job, rec)
	case prepare:
		return Progress{State: Running, Handle: c.place.handle(f, nil), Message: "prepared"}, nil
	case hold:
		return c.onHold(job), nil
	case settle:
		if rec, err = c.settle(f, job, rec, rec.lostExit(job.Commands)); err == nil {
			return c.ended(f, job, rec)
		}
	default:
		var secrets map[string]string
		secrets, err = c.secrets(ctx, job)
		if refused, ok := errors.AsType[*SecretError](err); ok {
			if rec, err = c.settle(f, job, rec, rec.refusedExit(refused, job.Commands)); err == nil {
				return c.ended(f, job, rec)
			}
		}
		if err == nil {
			err = c.start(f, lock, job, secrets, rec, entered)
		}
	}
	if alive, ok := errors.AsType[*leftoverError](err); ok {
		p, err := c.running(f, job, rec)
		p.Message, p.Again = alive.Error(), time.Second
		return p, err
	}
	if err != nil {
		return Progress{}, err
	}
	return c.running(f, job, rec)
}

// claim renews the claim of this daemon on the job, where others may take it over.
func (c *Command) claim(f folder, entered time.Duration) error {
	if c.cfg.Deadline <= 0 {
		return nil
	}
	return f.renew(entered + c.cfg.Deadline)
}

// secrets looks up the values that an attempt of the job is to be handed.
func (c *Command) secrets(ctx context.Context, job Job) (map[string]string, error) {
	values := make(map[string]string, len(job.Secrets)+len(job.References))
	maps.Copy(values, job.Secrets)
	for _, s := range job.References {
		value, err := c.cfg.Secrets(ctx, s)
		if err != nil {
			return nil, err
		}
		values[s.Name] = value
	}
	return values, nil
}

// start brings a folder to the state its supervisor expects and starts that.
func (c *Command) start(f folder, lock *os.File, job Job, secrets map[string]string, rec records, entered time.Duration) error {
	if rec.start != nil {
		if err := f.endLeftovers(rec.start, job.Tool.Patience); err != nil {
			return err
		}
	}
	order, err := f.order()
	if err != nil || order.Boot != bootID() || rec.start != nil {
		// The folder was written before a reboot, which may have eaten part of
		// it, or it was used: the files are put in again.
		if err := c.refill(f, job); err != nil {
			return err
		}
	}
	if err := c.claim(f, entered); err != nil {
		return err
	}
	c.step("filled")
	if err := c.launch(f, lock, job.ID, launch{Attempt: rec.attempt + 1, Secrets: secrets}); err != nil {
		return err
	}
	c.step("launched")
	return nil
}

// settle makes the end of work that will not go on durable.
func (c *Command) settle(f folder, job Job, rec records, end exitRecord) (records, error) {
	if rec.start != nil {
		if err := f.endLeftovers(rec.start, job.Tool.Patience); err != nil {
			return rec, err
		}
	}
	c.step("settling")
	if err := f.writeExit(rec.attempt, end); err != nil {
		return rec, err
	}
	f.clean()
	rec.exit = &end
	return rec, nil
}

// running describes work that has not ended, as far as its folder says.
func (c *Command) running(f folder, job Job, rec records) (Progress, error) {
	p := Progress{State: Running, Handle: c.place.handle(f, rec.start), Again: 100 * time.Millisecond}
	log, _, err := f.readLog(job.LogOffset)
	if err != nil {
		return p, err
	}
	p.Log = log
	p.Message = "starting"
	if rec.start != nil {
		switch age := time.Since(rec.start.At); {
		case age > time.Minute:
			p.Again = time.Second
		case age > 10*time.Second:
			p.Again = 500 * time.Millisecond
		case c.cfg.Ended != nil && c.started(rec.start.Process.PID):
			p.Again = 300 * time.Millisecond // its end is told; this is for its log
		}
		if rec.at > 0 {
			p.Message = commandName(rec.at, job.Commands)
		}
	}
	if rec.cancelled {
		p.Message = strings.TrimSpace("cancelling: " + p.Message)
	}
	p.Again = min(p.Again, c.heartbeat())
	return p, nil
}

// heartbeat is how often a job has to be called for, so that its commands do not
// take its daemon for dead.
func (c *Command) heartbeat() time.Duration {
	if third := c.cfg.Deadline / 3; third > 0 {
		return third
	}
	return time.Minute
}

// onHold describes work that may not begin now.
func (c *Command) onHold(job Job) Progress {
	return Progress{State: Running, Handle: job.Handle, Resting: true, Message: job.Hold, Again: min(c.heartbeat(), 2*time.Second)}
}

// resting describes work that is tried again later.
func (c *Command) resting(f folder, job Job, rec records, due time.Time) (Progress, error) {
	p, err := c.running(f, job, rec)
	p.Resting = true
	p.Message = fmt.Sprintf("%s\ntried again at %s, attempt %d of %d", rec.exit.Message, due.Format(time.TimeOnly+" MST"), rec.attempt+1, maxPassing)
	p.Again = min(max(time.Until(due), 10*time.Millisecond), time.Second)
	p.Again = min(p.Again, c.heartbeat())
	return p, err
}

// ended describes work that has ended, once the caller has all of its log.
func (c *Command) ended(f folder, job Job, rec records) (Progress, error) {
	c.reapChildren()
	log, rest, err := f.readLog(job.LogOffset)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{State: Running, Handle: c.place.handle(f, rec.start), Log: log, Message: "reading the rest of the log"}
	if rest == 0 {
		p.State, p.Message, p.Outputs, p.Changes = rec.exit.State, rec.exit.Message, rec.exit.Outputs, rec.exit.Changes
		p.PlanMoved, p.Held, p.Existing = rec.exit.PlanMoved, rec.exit.Held, rec.exit.Existing
	}
	return p, nil
}

// Cancel asks for the job to end; Apply then reports Cancelled, or how it ended
// if that came first. A job that was not started is Cancelled and never starts
// afterwards. Cancelling a job that has ended does nothing.
func (c *Command) Cancel(ctx context.Context, job Job) error {
	f, err := c.folder(job.ID)
	if err != nil {
		return err
	}
	if err := c.place.check(job); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !f.exists() {
		// An empty job leaves a folder behind that no later call can start.
		none := Job{ID: job.ID, Stack: job.Stack, Action: job.Action}
		if err := c.create(f, none, "cancel"); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("cancel job %s: %w", job.ID, err)
		}
	}
	if err := f.cancel(); err != nil {
		return fmt.Errorf("cancel job %s: %w", job.ID, err)
	}
	c.step("cancel asked")
	rec, err := f.records()
	if err != nil {
		return fmt.Errorf("cancel job %s: %w", job.ID, err)
	}
	if rec.exit == nil && rec.start != nil {
		// The supervisor looks for the request by itself; this saves waiting.
		rec.start.Process.signal(syscall.SIGUSR1)
	}
	return nil
}

// Renew keeps the job's commands going for another CommandConfig.Deadline, as
// each Apply does. It does nothing for a job without a work folder here.
func (c *Command) Renew(ctx context.Context, id string) error {
	entered := bootTime()
	f, err := c.folder(id)
	if err != nil {
		return err
	}
	if c.cfg.Deadline <= 0 || !f.exists() {
		return ctx.Err()
	}
	return f.renew(entered + c.cfg.Deadline)
}
