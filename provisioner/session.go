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
const driver = `exec 7>&1 8<&3 9>&4 3<&- 4>&-
baryon_status=0
while :; do
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

// findShell picks bash where there is one, as CodeBuild does.
func findShell(path string) (string, error) {
	for _, name := range []string{"bash", "sh"} {
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(file) {
				return file, nil
			}
		}
	}
	return "", fmt.Errorf("neither bash nor sh found in %s; install one, or use an image that has it", path)
}

// open starts the shell. The calling goroutine must stay on its thread.
func (s *supervisor) open() (*session, error) {
	shell, err := findShell(s.order.Path)
	if err != nil {
		return nil, err
	}
	var files [8]*os.File // stdin, then reading and writing ends by turns
	defer func() {
		for _, file := range files {
			if file != nil {
				file.Close()
			}
		}
	}()
	if files[0], err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	for i := 1; i < 7; i += 2 {
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	if s.group.dir != "" {
		if files[7], err = os.Open(s.group.dir); err != nil {
			return nil, err
		}
	}
	p, err := os.StartProcess(shell, []string{filepath.Base(shell), "-e", "-c", driver, "baryon"}, &os.ProcAttr{
		Dir:   s.folder.path("bundle"),
		Env:   s.order.environment(s.folder, s.start.Run, s.launch.Secrets),
		Files: []*os.File{files[0], files[2], files[2], files[3], files[6]},
		Sys:   sessionAttr(fdOf(files[7])),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", shell, err)
	}
	x := &session{
		pid: p.Pid, done: make(chan syscall.WaitStatus, 1), none: make(chan struct{}),
		printed: files[1], answers: files[4], requests: files[5],
	}
	files[1], files[4], files[5] = nil, nil, nil
	if err := p.Release(); err != nil { // wait4 in reap collects it
		return nil, err
	}
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
	if x.at == len(s.order.Commands) {
		x.finished = true
		_, err := x.answers.WriteString("end\n")
		return err
	}
	k := x.at + 1
	file := s.folder.path(filepath.Join("commands", strconv.Itoa(k)))
	if err := os.WriteFile(file, []byte(s.order.Commands[k-1]+"\n"), 0o600); err != nil {
		return err
	}
	s.step("command written")
	if err := writeFile(s.folder.atName(s.start.Attempt), []byte(strconv.Itoa(k)+"\n"), false); err != nil {
		return err
	}
	x.at = k
	s.step("command recorded")
	_, err := fmt.Fprintf(x.answers, "%s\n==> %s\n", file, commandName(k, s.order.Commands))
	return err
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
