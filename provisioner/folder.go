package provisioner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A folder is the work folder of one job:
//
//	job.json          the order
//	bundle/           the job's files; where the commands run
//	home/ tmp/        the commands' own
//	commands/         each command, written by the supervisor
//	log               what the commands printed
//	lock              held by whoever decides about the job
//	cancel            there when the job is to end
//	claim             until when, on the boot clock, commands may run
//	start-N.json      attempt N was started
//	at-N              the command attempt N has come to
//	exit-N.json       attempt N has ended; 0 if there was none
//	asked-N           when what attempt N left running was asked to end
//	supervisor.log    what went wrong with the supervisor itself
type folder struct{ dir string }

// scratch is what nobody needs once the work has ended.
var scratch = []string{"bundle", "home", "tmp", "commands"}

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f folder) exists() bool {
	_, err := os.Lstat(f.dir)
	return err == nil
}

// create makes the work folder f in one step, together with the named empty
// files. The error is fs.ErrExist when somebody else was faster.
func (c *Command) create(f folder, job Job, marks ...string) error {
	dir, err := os.MkdirTemp(c.cfg.Dir, ".new-")
	if err != nil {
		return err
	}
	draft := folder{dir}
	defer func() { _ = removeTree(dir) }() // Sweep removes what stays
	lock, err := draft.tryLock()           // tells Sweep that somebody is at it
	if err != nil {
		return err
	}
	if lock != nil {
		defer unlock(lock)
	}
	c.step("draft made")
	if err := c.fill(draft, job); err != nil {
		return err
	}
	for _, name := range marks {
		if err := writeFile(draft.path(name), nil, true); err != nil {
			return err
		}
	}
	c.step("draft filled")
	if err := syscall.Rename(dir, f.dir); err != nil { // os.Rename refuses before it asks the kernel
		if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST) {
			return fs.ErrExist
		}
		return fmt.Errorf("rename %s to %s: %w", dir, f.dir, err)
	}
	c.step("folder made")
	return syncDir(c.cfg.Dir)
}

// fill puts everything into a folder that a supervisor needs, the order last.
func (c *Command) fill(f folder, job Job) error {
	for _, name := range scratch {
		if err := os.Mkdir(f.path(name), 0o700); err != nil {
			return err
		}
	}
	if job.Files != nil {
		if err := copyFiles(f.path("bundle"), job.Files); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(c.order(job), "", "  ")
	if err != nil {
		return err
	}
	// It need not be durable: what was filled before a reboot is filled again
	// before it is used.
	return os.WriteFile(f.path("job.json"), text, 0o600)
}

// refill empties the folder and fills it again. The order goes first and comes
// last, so that a crash between leaves a folder that asks for another refill.
func (c *Command) refill(f folder, job Job) error {
	if err := os.Remove(f.path("job.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.step("order removed")
	for _, name := range scratch {
		if err := removeTree(f.path(name)); err != nil {
			return err
		}
	}
	return c.fill(f, job)
}

// clean frees the disk of what nobody needs any more.
func (f folder) clean() {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return // it is gone
	}
	defer root.Close()
	cleanIn(root)
}

func cleanIn(root *os.Root) {
	for _, name := range scratch {
		// What cannot be removed now goes, or is reported, with the folder.
		_ = removeIn(root, name)
	}
}

func (f folder) order() (order, error) {
	var o order
	if err := readJSON(f.path("job.json"), &o); err != nil {
		return o, err
	}
	if o.Format != orderFormat {
		return o, fmt.Errorf("%s has format %d, want %d: it is of another version of baryon", f.path("job.json"), o.Format, orderFormat)
	}
	return o, nil
}

// tryLock takes the folder's lock; the file is nil when somebody else holds it.
// The lock ends when every copy of the file is closed, at the latest with the
// process that holds it.
func (f folder) tryLock() (*os.File, error) {
	file, err := os.OpenFile(f.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, fmt.Errorf("lock %s: %w", f.path("lock"), err)
	}
	return file, nil
}

// unlock gives the lock up at once. Closing alone would not: a process that is
// being started elsewhere in this daemon has a copy of every file until it runs
// its own program.
func unlock(lock *os.File) {
	_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) // closing is what is left then
	lock.Close()
}

// cancel records, for good, that the job is to end.
func (f folder) cancel() error {
	err := writeFile(f.path("cancel"), nil, true)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func (f folder) cancelled() bool {
	_, err := os.Lstat(f.path("cancel"))
	return err == nil
}

// renew lets the commands run until the boot clock shows until. The boot clock
// is not moved by those who set the time, and a reboot ends the commands
// anyway.
func (f folder) renew(until time.Duration) error {
	return os.WriteFile(f.path("claim"), fmt.Appendf(nil, "%020d\n", until), 0o600)
}

// claim is until when the commands may run; false when that is not known.
func (f folder) claim() (time.Duration, bool) {
	text, err := os.ReadFile(f.path("claim"))
	if err != nil || len(text) != 21 {
		return 0, false
	}
	until, err := strconv.ParseInt(string(text[:20]), 10, 64)
	return time.Duration(until), err == nil
}

// readLog reads the log from offset on, and how much is left after that.
func (f folder) readLog(offset int64) (log []byte, rest int64, err error) {
	file, err := os.Open(f.path("log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	size := info.Size() - max(offset, 0)
	if size <= 0 {
		return nil, 0, nil
	}
	log = make([]byte, min(size, logChunk))
	n, err := file.ReadAt(log, max(offset, 0))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return log[:n], size - int64(n), nil
}
