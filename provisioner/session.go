package provisioner

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// driver is the shell's main program. It runs every command in this one shell,
// so that variables, functions, the working directory and shell options last
// from one to the next. Before each it asks the supervisor, which answers with
// the command's file once it has recorded that it begins; a shell whose
// supervisor is gone gets no answer and ends. The commands cannot disturb the
// talk: they do not have its file descriptors.
//
// For a tool that saves its work when it is asked to end, file 5 is the reading
// end of what it prints: without a reader it would be killed by its next word
// when the supervisor is lost. And it prints a mark after each command.
const driver = `exec 7>&1 8<&3 9>&4 3<&- 4>&-
baryon_status=0
while :; do
	test -z "$1" || printf '\n%s\n' "$1" >&7
	printf '%s\n' next >&9
	IFS= read -r baryon_file <&8 || exit 125
	if test "$baryon_file" = end; then exit "$baryon_status"; fi
	IFS= read -r baryon_title <&8 || exit 125
	printf '%s\n' "$baryon_title" >&7
	. "$baryon_file" 7>&- 8<&- 9>&-
	baryon_status=$?
done
`

// A session is the shell, its talk with the supervisor, and the supervisor's
// knowledge of what has ended.
type session struct {
	pid  int
	done chan syscall.WaitStatus // how the shell ended
	none chan struct{}           // closed when no descendant is left

	mu       sync.Mutex
	answers  *os.File // to the shell; nil once no further command may begin
	at       int
	finished bool // every command has run
	failed   error
	wait     sync.WaitGroup
	requests *os.File
	printed  *os.File
}

// findShell picks bash where there is one, as CodeBuild does. What a tool is
// called by is our own and simple, and sh begins faster.
func findShell(path string, tool bool) (string, error) {
	names := []string{"bash", "sh"}
	if tool {
		names = []string{"sh", "bash"}
	}
	for _, name := range names {
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(file) {
				return file, nil
			}
		}
	}
	return "", fmt.Errorf("neither bash nor sh found in %s; install one, or use an image that has it", path)
}

// pipes are the ends of what the shell is connected by.
type pipes struct {
	stdin              *os.File
	printed, stdout    *os.File
	question, requests *os.File // the shell asks, the supervisor reads
	answered, answers  *os.File // the supervisor answers, the shell reads
	group              *os.File // the cgroup's folder, or nil
}

func (p *pipes) open(group cgroup) (err error) {
	if p.stdin, err = os.Open(os.DevNull); err != nil {
		return err
	}
	if p.printed, p.stdout, err = os.Pipe(); err != nil {
		return err
	}
	if p.requests, p.question, err = os.Pipe(); err != nil {
		return err
	}
	if p.answered, p.answers, err = os.Pipe(); err != nil {
		return err
	}
	if group.dir != "" {
		p.group, err = os.Open(group.dir)
	}
	return err
}

// closeAll closes files, also those never opened.
func closeAll(files ...*os.File) {
	for _, file := range files {
		file.Close() // of a nil file is an error, no more
	}
}

// open starts the shell. The calling goroutine must stay on its thread.
func (s *supervisor) open() (*session, error) {
	shell, err := findShell(s.order.Path, s.reader != nil)
	if err != nil {
		return nil, err
	}
	var p pipes
	err = p.open(s.group)
	defer closeAll(p.stdin, p.stdout, p.question, p.answered, p.group)
	if err != nil {
		closeAll(p.printed, p.requests, p.answers)
		return nil, err
	}
	args, files := []string{filepath.Base(shell), "-e", "-c", driver, "baryon"}, []*os.File{p.stdin, p.stdout, p.stdout, p.answered, p.question}
	if s.reader != nil {
		last, err := lastReader(p.printed)
		if err != nil {
			closeAll(p.printed, p.requests, p.answers)
			return nil, fmt.Errorf("keep what is printed: %w", err)
		}
		defer closeAll(last)
		args, files = append(args, mark), append(files, last)
	}
	proc, err := os.StartProcess(shell, args, &os.ProcAttr{
		Dir:   s.folder.path("bundle"),
		Env:   s.order.environment(s.folder, s.start.Run, s.launch.Secrets),
		Files: files,
		Sys:   sessionAttr(fdOf(p.group)),
	})
	if err != nil {
		closeAll(p.printed, p.requests, p.answers)
		return nil, fmt.Errorf("start %s: %w", shell, err)
	}
	// The shell does nothing before its first question is answered.
	if os.Getuid() != 0 && !s.group.has("pids.max") {
		if err := limitUser(proc.Pid, s.order.MaxProcesses); err != nil {
			fmt.Fprintln(os.Stderr, "baryon supervise: no limit on processes:", err)
		}
	}
	x := &session{
		pid: proc.Pid, done: make(chan syscall.WaitStatus, 1), none: make(chan struct{}),
		printed: p.printed, answers: p.answers, requests: p.requests,
	}
	// Its end is collected by reap; letting go of it cannot fail.
	_ = proc.Release()
	x.wait.Go(x.reap)
	x.wait.Go(func() { x.talk(s) })
	x.wait.Go(func() { s.out.copy(x.printed) })
	return x, nil
}

func fdOf(file *os.File) int {
	if file == nil {
		return -1
	}
	return int(file.Fd())
}

// reap collects every process that ends, the adopted ones included. As orphans
// are adopted, no child left means no descendant left.
func (x *session) reap() {
	defer close(x.none)
	for {
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, 0, nil); {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return // ECHILD
		case pid == x.pid:
			x.done <- status
		}
	}
}

// talk answers the shell until it has no more questions.
func (x *session) talk(s *supervisor) {
	lines := bufio.NewScanner(x.requests)
	for lines.Scan() {
		if lines.Text() != "next" {
			continue
		}
		if err := x.answer(s); err != nil {
			x.mu.Lock()
			x.failed = err
			x.mu.Unlock()
			x.hush()
		}
	}
}

// answer names the next command to the shell. That it begins is on disk first.
func (x *session) answer(s *supervisor) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.answers == nil {
		return nil
	}
	k, err := s.following(x.at)
	if err != nil {
		return err
	}
	if k > len(s.order.Commands) {
		x.finished = true
		_, err := x.answers.WriteString("end\n")
		return err
	}
	file := s.folder.path(filepath.Join("commands", strconv.Itoa(k)))
	if err := os.WriteFile(file, []byte(s.order.Commands[k-1]+"\n"), 0o600); err != nil {
		return err
	}
	s.step("command written")
	if err := s.writeAt(k); err != nil {
		return err
	}
	x.at = k
	s.step("command recorded")
	_, err = fmt.Fprintf(x.answers, "%s\n==> %s\n", file, commandName(k, s.order.Commands))
	return err
}

// following is the command that comes after command k: the next one, or the
// next that the tool wants to be run.
func (s *supervisor) following(k int) (int, error) {
	if s.reader == nil {
		return k + 1, nil
	}
	if err := s.reader.settle(); err != nil {
		return 0, err
	}
	s.out.mu.Lock() // the tool does one thing at a time
	defer s.out.mu.Unlock()
	for k++; k <= len(s.order.Commands); k++ {
		run, err := s.reader.tool.Next(k)
		if run || err != nil {
			return k, err
		}
	}
	return k, nil
}

// hush lets no further command begin.
func (x *session) hush() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.answers != nil {
		x.answers.Close()
		x.answers = nil
	}
}

// close waits for the session's goroutines, once nothing is left that could
// keep its pipes open. Something that would not die is not waited for.
func (x *session) close() {
	x.hush()
	soon := time.Now().Add(2 * time.Second)
	_ = x.printed.SetReadDeadline(soon)
	_ = x.requests.SetReadDeadline(soon)
	select {
	case <-x.none:
		x.wait.Wait()
	default:
	}
	x.requests.Close()
	x.printed.Close()
}

// state is the command the session has come to, whether it came to its end, and
// what kept it from going on.
func (x *session) state() (at int, finished bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.at, x.finished, x.failed
}
