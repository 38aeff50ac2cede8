package provisioner

import (
	"bytes"
	"crypto/rand"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// A launch is what the daemon tells a supervisor besides the order.
type launch struct {
	Attempt int
	Secrets map[string]string
}

func writeLaunch(to io.Writer, l launch) error {
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(l); err != nil {
		return err
	}
	if _, err := to.Write(text.Bytes()); err != nil {
		return fmt.Errorf("hand the order to the supervisor: %w", err)
	}
	return nil
}

// Supervise runs the commands of the work folder dir until they have ended and
// records how. It is the whole of the process that Command starts as
// `Executable supervise DIR`; call it before anything else is set up and exit
// with what it returns. Called by hand it refuses, as it has not been handed
// the folder's lock. Tools are those that the engines of this program name in
// their jobs.
func Supervise(dir string, tools map[string]NewTool) int {
	return supervise(dir, tools, func(string) {})
}

// supervise calls step at each point where a crash must do no harm.
func supervise(dir string, tools map[string]NewTool, step func(name string)) int {
	// The shell is to die with this process, which the kernel takes to mean
	// with the thread that started it.
	runtime.LockOSThread()
	s := supervisor{folder: folder{dir}, tools: tools, step: step}
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, "baryon supervise:", err)
		return 1
	}
	return 0
}

// A supervisor is the parent of one attempt's commands.
type supervisor struct {
	folder folder
	order  order
	launch launch
	start  startRecord
	group  cgroup
	out    *output
	tools  map[string]NewTool
	reader *reader  // nil without a tool
	at     *os.File // holds the number of the command that runs
	asked  chan os.Signal
	lock   *os.File // kept so that it is not closed
	adopts bool     // orphans are its children, so that none left means none left
	root   *os.Root // of the folder, also when another one has taken its name
	step   func(name string)
}

// errDone says that there is nothing to run.
var errDone = errors.New("the job has ended or was cancelled")

func (s *supervisor) run() error {
	s.asked = make(chan os.Signal, 8)
	signal.Notify(s.asked, syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(s.asked)
	if err := s.prepare(); err != nil {
		if errors.Is(err, errDone) {
			return nil
		}
		return err
	}
	s.step("started")
	exit := s.supervise()
	s.step("ended")
	exit.Started, exit.Ended = s.start.At, time.Now().UTC()
	exit.Commands = len(s.order.Commands)
	if err := s.out.close(); err != nil {
		exit.Message += "\nthe log is incomplete: " + err.Error()
	}
	if err := s.record(exit); err != nil {
		return err
	}
	s.step("recorded")
	cleanIn(s.root)
	return nil
}

// prepare checks that this process is the one to do the work and records that
// it has begun.
func (s *supervisor) prepare() error {
	if err := s.takeLock(); err != nil {
		return err
	}
	if err := keepFiles(); err != nil {
		return fmt.Errorf("keep open files from the commands: %w", err)
	}
	root, err := os.OpenRoot(s.folder.dir)
	if err != nil {
		return err
	}
	s.root = root
	// The end of the pipe before the end of the launch means that the daemon
	// died: whoever comes next starts again.
	if err := gob.NewDecoder(os.Stdin).Decode(&s.launch); err != nil {
		return fmt.Errorf("read the launch: %w", err)
	}
	if s.order, err = s.folder.order(); err != nil {
		return err
	}
	if s.folder.cancelled() {
		return errDone
	}
	if s.expired() {
		return errors.New("the daemon's claim ran out before the start")
	}
	// What the daemon was started with is not what commands should see.
	syscall.Umask(0o022)
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	err = adoptOrphans()
	if s.adopts = err == nil; err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("adopt orphans: %w", err)
	}
	if s.out, err = openOutput(s.folder.path("log"), s.order.MaxOutput, newMask(s.launch.Secrets)); err != nil {
		return err
	}
	if err := s.takeTool(); err != nil {
		return err
	}
	me, err := self()
	if err != nil {
		return err
	}
	s.start = startRecord{Attempt: s.launch.Attempt, Process: me, Run: rand.Text(), At: time.Now().UTC()}
	if s.order.Cgroup != "" {
		s.start.Cgroup = s.order.Cgroup + "/baryon-" + s.start.Run
	}
	if s.at, err = os.OpenFile(s.folder.atName(s.start.Attempt), os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return err
	}
	s.step("starting")
	if err := writeJSON(s.folder.startName(s.start.Attempt), s.start, true); err != nil {
		return err
	}
	// Were the folder itself lost in a power cut, so would be the record.
	if err := syncDir(s.folder.path("..")); err != nil {
		return err
	}
	if s.start.Attempt > 1 {
		s.out.note(fmt.Sprintf("attempt %d: the one before was interrupted, or failed of something that passes", s.start.Attempt))
	}
	return nil
}

// takeTool makes the tool that reads along, if the job names one.
func (s *supervisor) takeTool() error {
	use := s.order.Tool
	if use.Name == "" {
		return nil
	}
	newTool := s.tools[use.Name]
	if newTool == nil {
		return fmt.Errorf("the job calls %q, which this version of baryon does not know", use.Name)
	}
	tool, err := newTool(s.folder.path("bundle"), use.Config)
	if err != nil {
		return fmt.Errorf("%s: %w", use.Name, err)
	}
	s.reader = &reader{tool: tool, marks: make(chan struct{}, 1)}
	s.out.reader = s.reader
	return nil
}

// writeAt makes durable that command k begins. The file's name became durable
// with the start record, and so few bytes are written whole or not at all. What
// changes nothing may be begun again after a power cut, and is not waited for.
func (s *supervisor) writeAt(k int) error {
	if _, err := s.at.WriteAt(fmt.Appendf(nil, "%08d\n", k), 0); err != nil || k <= s.order.Tool.Harmless {
		return err
	}
	return s.at.Sync()
}

// lockFD is where the daemon puts the lock: behind stdin, stdout and stderr.
const lockFD = 3

// takeLock checks that the daemon handed over the lock of the folder. It stays
// held until this process ends, and does not reach the commands.
func (s *supervisor) takeLock() error {
	lock := os.NewFile(lockFD, "lock")
	got, err := lock.Stat()
	if err == nil {
		var want os.FileInfo
		if want, err = os.Stat(s.folder.path("lock")); err == nil && !os.SameFile(got, want) {
			err = errors.New("it was handed another file")
		}
	}
	if err != nil {
		return fmt.Errorf("no lock of %s (%w): this is started by the daemon, which hands it the lock; it does nothing when started by hand", s.folder.dir, err)
	}
	if err := syscall.Flock(lockFD, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	s.lock = lock
	return nil
}

// keepFiles keeps every open file from the commands: the lock, and what whoever
// started the daemon left open by mistake.
func keepFiles() error {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= lockFD {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// expired reports whether the daemon let its claim run out.
func (s *supervisor) expired() bool {
	if s.order.Deadline <= 0 {
		return false
	}
	until, known := s.folder.claim()
	return known && bootTime() > until
}

// record writes the exit record. A full disk is waited for: work whose end is
// not recorded counts as interrupted.
func (s *supervisor) record(exit exitRecord) error {
	pause := time.NewTicker(time.Second)
	defer pause.Stop()
	for ; ; <-pause.C {
		err := s.folder.writeExit(s.start.Attempt, exit)
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
			return err
		}
		cleanIn(s.root)
		if _, err := os.Lstat(s.folder.dir); errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}
