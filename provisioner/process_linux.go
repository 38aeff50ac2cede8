package provisioner

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bootID differs after each start of the kernel.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// bootTime is the time since the kernel started, sleep included.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // there since Linux 2.6.39
	}
	return time.Duration(ts.Nano())
}

// A stat is what /proc/PID/stat says.
type stat struct {
	parent  int
	zombie  bool
	threads int
	start   string
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	// The name stands in parentheses and may hold any character.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return stat{}, errors.New("unknown format of /proc/PID/stat")
	}
	s := stat{zombie: fields[0][0] == 'Z', start: string(fields[19])}
	if s.parent, err = strconv.Atoi(string(fields[1])); err != nil {
		return stat{}, err
	}
	s.threads, err = strconv.Atoi(string(fields[17]))
	return s, err
}

func processStart(pid int) (string, error) {
	s, err := readStat(pid)
	return s.start, err
}

// allProcesses are the numbers of all processes.
func allProcesses() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// descendants are the living processes below pid, each with its start time.
func descendants(pid int) map[int]string {
	stats := map[int]stat{}
	below := map[int][]int{}
	for _, p := range allProcesses() {
		if s, err := readStat(p); err == nil {
			stats[p] = s
			below[s.parent] = append(below[s.parent], p)
		}
	}
	found := map[int]string{}
	queue := slices.Clone(below[pid])
	for len(queue) > 0 {
		p := queue[0]
		queue = append(queue[1:], below[p]...)
		if s := stats[p]; !s.zombie {
			found[p] = s.start
		}
	}
	return found
}

// ofRun reports whether a process was started by the given run.
func ofRun(pid int, run string) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && slices.Contains(strings.Split(string(environ), "\x00"), runVariable+"="+run)
}

// processesOfRun finds the living processes of a run by their environment.
func processesOfRun(run string) []int {
	var found []int
	for _, pid := range allProcesses() {
		if ofRun(pid, run) {
			if s, err := readStat(pid); err == nil && !s.zombie {
				found = append(found, pid)
			}
		}
	}
	return found
}

// limitUser keeps the user of a process, unless it is root, from having more
// than so many processes besides those of now. It is for where no cgroup can
// hold a limit: jobs that run at the same time share it.
func limitUser(pid, processes int) error {
	for _, p := range allProcesses() {
		var info unix.Stat_t
		if unix.Lstat("/proc/"+strconv.Itoa(p), &info) != nil || int(info.Uid) != os.Getuid() {
			continue
		}
		if s, err := readStat(p); err == nil {
			processes += s.threads
		}
	}
	limit := unix.Rlimit{Cur: uint64(processes), Max: uint64(processes)}
	return unix.Prlimit(pid, unix.RLIMIT_NPROC, &limit, nil)
}

// adoptOrphans makes this process the parent of every descendant whose own
// parent ends, so that none leaves its sight.
func adoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// sessionAttr starts the shell in a session of its own, in the cgroup open as
// groupFD if that is not negative. The shell dies with the supervisor, so that
// a lost one is not followed by further commands.
func sessionAttr(groupFD int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Setsid:      true,
		Pdeathsig:   syscall.SIGKILL,
		UseCgroupFD: groupFD >= 0,
		CgroupFD:    groupFD,
	}
}

// signalBelow sends sig to every living descendant of this process, the
// session's shell among them, and returns how many there are. Signal 0 counts.
func signalBelow(_ int, sig syscall.Signal) int {
	found := descendants(os.Getpid())
	if sig != 0 {
		for pid, start := range found {
			signalIf(pid, sig, func() bool {
				s, err := readStat(pid)
				return err == nil && s.start == start
			})
		}
	}
	return len(found)
}

// lastReader opens the reading end of a pipe once more, to be given to those who
// write to it, and makes room for what they write while nobody reads.
func lastReader(pipe *os.File) (file *os.File, err error) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return nil, err
	}
	ctlErr := conn.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) // where that is not allowed, there is less room
		file, err = os.Open("/proc/self/fd/" + strconv.Itoa(int(fd)))
	})
	return file, errors.Join(ctlErr, err)
}
